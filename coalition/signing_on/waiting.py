"""What lies on a partner's desk: rounds that wait for its answer, by deadline, those it has answered, and its history.

The database decides which is which, so that a page of a desk costs the same however many texts were ever asked.
"""

from django.db.models import Exists, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from coalition.models import Decision, Invitation, Organization, Round, Version, VersionText

Choice = Decision.Choice


def rounds(organization):
    """The open rounds in which an organization was asked, each with `decided`: whether nothing is owed any more.

    The same as `counting.Standing.decided`: an answer stands until a material amendment, and one who needs time, or
    whose late signature waits for staff, has said so.
    """
    asked = Invitation.objects.filter(round=OuterRef("pk"), organization=organization, revoked_at=None)
    versions = Version.objects.filter(publication=OuterRef("publication"))
    material = versions.filter(material=True).order_by("-number").values("number")[:1]
    said = Decision.objects.filter(publication=OuterRef("publication"), organization=organization)
    answered = said.live().exclude(choice=Choice.TIME).filter(version__number__gte=OuterRef("since"))
    found = (
        Round.objects.filter(Exists(asked), closed_at=None)
        .annotate(since=Coalesce(Subquery(material, output_field=IntegerField()), 0))
        .annotate(decided=Exists(answered) | Exists(said.waiting()))
        .select_related("publication")
    )
    return found.none() if organization.stage == Organization.Stage.LEFT else found


def waits(organization):
    """The rounds that owe an answer, the nearest deadline first."""
    return rounds(organization).filter(decided=False).order_by("deadline", "pk")


def answered(organization):
    """The open rounds that were answered: the answer can still be changed."""
    return rounds(organization).filter(decided=True).order_by("deadline", "pk")


class Line:
    """A round on somebody's desk: the version it asks about, what the organization said, and what the person saw."""

    def __init__(self, round_, version, answer, own, since):
        self.round = round_
        self.publication = round_.publication
        self.version = version
        self.answer = answer  # of the organization, on whatever version
        self.own = own  # this person's invitation, None where a colleague was asked
        self.since = since  # the number from which answers count

    @property
    def again(self):
        """Whether the organization answered a text that was changed since."""
        return bool(
            self.answer
            and self.answer.version.number < self.since
            and self.answer.choice not in (Choice.WITHDRAW, Choice.TIME)
        )

    @property
    def saw(self):
        """The version the person saw last, where it is not the newest."""
        seen = self.own.seen_version if self.own else None
        return seen if seen and seen.pk != self.version.pk else None


def lines(found, representative):
    """[Line] of some rounds of `rounds` (a page of them), with three queries."""
    found = list(found)
    publications = [each.publication_id for each in found]
    newest = {
        version.publication_id: version
        for version in Version.objects.filter(publication__in=publications)
        .order_by("publication_id", "-number")
        .distinct("publication_id")
    }
    said = Decision.objects.filter(publication__in=publications, organization=representative.organization_id)
    answers = {}
    for decision in (
        said.filter(Q(live=True) | Q(pk__in=said.waiting().values("pk"))).select_related("version").order_by("live")
    ):
        answers.setdefault(decision.publication_id, decision)  # one that waits for staff goes before the live one
    own = {
        invitation.round_id: invitation
        for invitation in Invitation.objects.filter(
            round__in=found, representative=representative, revoked_at=None
        ).select_related("seen_version")
    }
    return [
        Line(each, newest[each.publication_id], answers.get(each.publication_id), own.get(each.pk), each.since)
        for each in found
    ]


def history(organization, *, choice="", year=None, words=""):
    """Every decision of an organization, newest first, whoever made it; `choice`, `year` and `words` of the title
    narrow it."""
    found = organization.decisions.select_related("publication", "version", "round").order_by("-at", "-pk")
    if choice:
        found = found.filter(choice=choice)
    if year:
        found = found.filter(at__year=year)
    if words:
        found = found.filter(version__in=VersionText.objects.filter(title__icontains=words).values("version"))
    return found


def years(organization):
    """The years in which an organization decided something, the last first."""
    return [day.year for day in organization.decisions.dates("at", "year", order="DESC")]
