"""A version was frozen: its partners are asked again (material, rule G2) or told (clerical)."""

from django.utils.translation import gettext_lazy as _

from coalition import timeline
from coalition.counting import standings
from coalition.models import Entry

from .asking import ASKED_AGAIN, ask_again, invite
from .choosing import SIGNED, speakers
from .links import invitations, still_asked
from .partners import tell_partners
from .telling import reachable, told

TOLD = _("Told of a small correction to “%(title)s”: version %(number)s")


def tell_of_amendment(version, *, by=None):
    """Part of freezing. Material: everybody of the open round, and everybody who signed, is asked again; without an
    open round nobody could answer, so nobody is asked until one opens. Clerical: those who signed are told."""
    round_ = version.publication.rounds.filter(closed_at=None).first()
    if round_:
        fresh = {"seen_at": None} if version.material else {}
        round_.invitations.filter(revoked_at=None).update(version=version, **fresh)
    if not version.material:
        _tell_signers(version, by=by)
    elif round_:
        _ask_again(round_, version, by=by)


def _signers(publication):
    """{organization: the decision by which it signed or supports, on whatever version}."""
    decisions = publication.decisions.live().filter(choice__in=SIGNED, organization__binned_at=None)
    return {decision.organization: decision for decision in decisions.select_related("organization", "version")}


def _tell_signers(version, *, by):
    signers = _signers(version.publication)
    tell_partners(
        "corrected",
        version,
        {organization: {"decision": decision} for organization, decision in signers.items()},
        key=f"corrected-{version.pk}",
        signers={organization.pk: decision.signer_id for organization, decision in signers.items()},
        by=by,
    )
    said = {"title": version.publication.title, "number": version.number}
    Entry.objects.bulk_create(
        timeline.entry(whose, Entry.Kind.SIGNATURE, TOLD, said, by=by)
        for organization, decision in signers.items()
        for whose in filter(None, (decision.signer, organization))
    )


def _ask_again(round_, version, *, by):
    """Everybody asked so far hears that the text changed; a limit does not hold this back, and it counts (G2). Those
    whose first email still waits for a new month go on waiting, unless they answered meanwhile."""
    before = {pk: stands.live for pk, stands in standings(version.publication).items() if stands.live}
    invited = invitations().filter(round=round_, revoked_at=None, representative__may_sign=True).order_by("pk")
    lines, reached = [], set()
    for invitation in invited:
        answered = before.get(invitation.organization_id)
        if not still_asked(invitation) or (invitation.held_until and answered is None):
            continue
        if ask_again(invitation, version, before=answered, by=by):
            lines += told(invitation, ASKED_AGAIN, version, by=by)
            reached.add(invitation.organization_id)
    Entry.objects.bulk_create(lines)
    signers = {o.pk: decision for o, decision in _signers(version.publication).items() if o.pk not in reached}
    if signers:
        invite(round_, _speaking(round_, signers), again=signers, by=by)


def _speaking(round_, signers):
    """For each of these organizations one who may answer now: who signed, if they still may, else the next in order."""
    asked = set(round_.invitations.values_list("representative", flat=True))
    found = []
    for pk, theirs in speakers(list(signers)).items():
        free = [each for each in theirs if each.pk not in asked and reachable(each.person)]
        found += sorted(free, key=lambda each: each.person_id != signers[pk].signer_id)[:1]
    return found
