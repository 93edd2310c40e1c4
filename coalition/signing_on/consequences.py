"""What taking a name away brings with it: before delivery the name goes, after it a dated note is added (rule G7)."""

from coalition.counting import versions_equivalent
from coalition.models import Decision, Handover

Choice = Decision.Choice


def handed_over_with(publication, organization, *, before=None):
    """The first Handover of a text under which the organization's name stood as it was handed over; else None (G7).

    It looks at the signature that stands now or, with a decision `before`, at the one that this decision ended.
    Whoever takes the name away then does not remove it: the public list keeps a dated note.
    """
    said = Decision.objects.counted().filter(publication=publication, organization=organization)
    if before is not None:
        said = said.before(before.at, before.pk)
    signed = []
    for decision in said.order_by("-at", "-pk").select_related("version"):
        if decision.choice != Choice.SIGN:
            break
        signed.append(decision)
    if not signed:
        return None
    handovers = Handover.objects.filter(publication=publication, at__gte=_since(signed[-1]))
    if before is not None:
        handovers = handovers.filter(at__lt=before.at)
    for handover in handovers.select_related("version").order_by("at", "pk"):
        chain = {version.pk for version in versions_equivalent(handover.version)}
        if any(decision.version_id in chain and _since(decision) <= handover.at for decision in signed):
            return handover
    return None


def _since(decision):
    """When a signature came to stand: a late one when staff accepted it (G3)."""
    return decision.settled_at if decision.late and decision.settled_at else decision.at
