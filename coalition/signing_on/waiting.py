"""What lies on a partner's desk: rounds that wait for its answer, by deadline, those it has answered, and its history.

Which is which is found out by numbers alone; rows are read for the page that is shown. So a page of a desk costs nearly
the same however many texts were ever asked.
"""

from django.db.models import Exists, Max, OuterRef, Q

from coalition.models import Decision, Invitation, Organization, Round, Version, VersionText

Choice = Decision.Choice


def rounds(organization):
    """(keys of the open rounds that wait for this organization, keys of those it has answered), by deadline.

    Answered is what `counting.Standing.decided` says: an answer stands until a material amendment; one who needs time
    still owes it, and one whose late signature waits for staff does not. Three queries.
    """
    if organization.stage == Organization.Stage.LEFT:
        return [], []
    asked = Invitation.objects.filter(round=OuterRef("pk"), organization=organization, revoked_at=None)
    open_ = list(
        Round.objects.filter(Exists(asked), closed_at=None)
        .order_by("deadline", "pk")
        .values_list("pk", "publication_id")
    )
    since = _last_material([publication for _pk, publication in open_])
    decided = {
        publication
        for publication, choice, number, live in _said(organization, since).values_list(
            "publication_id", "choice", "version__number", "live"
        )
        if not live or (choice != Choice.TIME and number >= since[publication])
    }
    waits = [pk for pk, publication in open_ if publication not in decided]
    return waits, [pk for pk, publication in open_ if publication in decided]


def _last_material(publications):
    """{publication: the number of the version from which answers count on its newest text}."""
    found = Version.objects.filter(publication__in=publications).order_by()
    rows = found.values("publication").annotate(since=Max("number", filter=Q(material=True)))
    return {row["publication"]: row["since"] or 0 for row in rows}


def _said(organization, publications):
    """What stands or waits for staff of what an organization said on some publications."""
    said = Decision.objects.filter(publication__in=list(publications), organization=organization)
    return said.filter(Q(live=True) | Q(pk__in=said.waiting().values("pk")))


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


def lines(pks, representative):
    """{key of a round: Line} of some rounds, those of a page. Five queries, however many."""
    shown = Round.objects.filter(pk__in=pks).select_related("publication")
    found = list(shown.defer("charts", "message", "publication__draft"))
    publications = [each.publication_id for each in found]
    newest = {
        version.publication_id: version
        for version in Version.objects.filter(publication__in=publications)
        .order_by("publication_id", "-number")
        .distinct("publication_id")
    }
    since, answers = _last_material(publications), {}
    said = _said(representative.organization, publications).select_related("version")
    for decision in said.order_by("live"):
        answers.setdefault(decision.publication_id, decision)  # one that waits for staff goes before the live one
    own = {
        invitation.round_id: invitation
        for invitation in Invitation.objects.filter(
            round__in=pks, representative=representative, revoked_at=None
        ).select_related("seen_version")
    }
    return {
        each.pk: Line(
            each,
            newest[each.publication_id],
            answers.get(each.publication_id),
            own.get(each.pk),
            since[each.publication_id],
        )
        for each in found
    }


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
