"""Partners × publications: where every partner stands on every text, one page of rows and of columns at a time.

A page costs the same few queries whether the coalition has five publications or two hundred.
"""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from coalition.counting import State
from coalition.models import Decision, Invitation, Organization, Publication, Round, Version

Choice = Decision.Choice
KEYS = ("organization_id", "publication_id")
# Each state has a sign of its own, so that nobody depends on colors.
SIGNS = {
    State.SIGN: "✓",
    State.SUPPORT: "◐",
    State.ABSTAIN: "○",
    State.DECLINE: "✕",
    State.WITHDRAW: "↩",
    State.TIME: "…",
    State.LATE: "!",
    State.AGAIN: "↻",
    State.SEEN: "◎",
    State.ASKED: "→",
}


@dataclass(frozen=True)
class Cell:
    """Where a partner stands on a publication; `state` is None where it was never asked, `round` a key or None."""

    publication: Publication
    state: State | None = None
    round: int | None = None

    @property
    def sign(self):
        return SIGNS[self.state] if self.state else ""


@dataclass(frozen=True)
class Row:
    organization: Organization
    cells: list


def publications(*, kind="", year=None, topic=None, undecided=False):
    """The frozen publications that match, the newest first: the columns. `undecided`: only with an open round."""
    found = Publication.objects.filter(Exists(Version.objects.filter(publication=OuterRef("pk"))))
    if kind:
        found = found.filter(kind=kind)
    if year:
        found = found.filter(created_at__year=year)
    if topic:
        found = found.filter(topics=topic)
    if undecided:
        found = found.filter(Exists(Round.objects.filter(publication=OuterRef("pk"), closed_at=None)))
    return found.order_by("-created_at", "-pk")


def years():
    """The years of which there are publications, the newest first."""
    found = Publication.objects.dates("created_at", "year", order="DESC")
    return [day.year for day in found]


def partners(*, words="", scope="", region=None, kind="", undecided_on=None):
    """The partners that match, in alphabetical order: the rows. Who has left is there as long as it was ever asked.

    `undecided_on`: publications, of which it owes an answer on one at least.
    """
    asked = Invitation.objects.filter(organization=OuterRef("pk"))
    found = Organization.objects.present().filter(Q(stage=Organization.Stage.PARTNER) | Exists(asked))
    if words:
        found = found.search(words)
    if scope:
        found = found.filter(scope=scope)
    if kind:
        found = found.filter(kind=kind)
    if region:
        found = found.filter(regions=region)
    if undecided_on is not None:
        found = found.filter(_owes(undecided_on))
    return found.order_by("alphabetical", "pk")


def _owes(columns):
    """That a partner was asked in an open round of one of these publications and owes an answer on its current text."""
    open_ones = Round.objects.filter(publication__in=columns.order_by(), closed_at=None)
    open_ones = list(open_ones.order_by().values_list("publication_id", flat=True))
    chains = [pk for chain in _chains(open_ones).values() for pk in chain]
    waiting = Decision.objects.filter(publication__in=open_ones).waiting()
    answered = Decision.objects.filter(
        Q(pk__in=waiting.order_by().values("pk")) | Q(live=True, version__in=chains) & ~Q(choice=Choice.TIME),
        publication=OuterRef("round__publication"),
        organization=OuterRef("organization"),
    )
    invited = Invitation.objects.filter(
        organization=OuterRef("pk"), round__closed_at=None, round__publication__in=open_ones
    )
    return Exists(invited.exclude(Exists(answered)))


def _chains(publications):
    """{publication's key: keys of the versions whose answers count on its current text}; `publications` are keys."""
    found, whole = {pk: set() for pk in publications}, set()
    versions = Version.objects.filter(publication__in=publications).order_by("publication_id", "-number")
    for publication, pk, material in versions.values_list("publication_id", "pk", "material"):
        if publication not in whole:
            found[publication].add(pk)
        if material:
            whole.add(publication)
    return found


def rows(organizations, columns):
    """[Row] of these organizations, a Cell for each of these publications; four queries however many they are."""
    organizations, columns = list(organizations), list(columns)
    both = {"publication__in": columns, "organization__in": organizations}
    chains = _chains([publication.pk for publication in columns])
    answers = {
        (organization, publication): (choice, version in chains[publication], round_)
        for organization, publication, choice, version, round_ in Decision.objects.live()
        .filter(**both)
        .order_by()
        .values_list(*KEYS, "choice", "version_id", "round_id")
    }
    waiting = Decision.objects.filter(**both).waiting().order_by()
    waiting = {(of, on): round_ for of, on, round_ in waiting.values_list(*KEYS, "round_id")}
    asked = {}
    sent = Invitation.objects.filter(round__publication__in=columns, organization__in=organizations)
    sent = sent.order_by("round_id")
    for of, on, round_, seen in sent.values_list("organization_id", "round__publication_id", "round_id", "seen_at"):
        before = asked.get((of, on))
        same = before is not None and before[0] == round_
        asked[of, on] = (round_, bool(seen) or (same and before[1]))
    return [
        Row(
            organization,
            [
                _cell(
                    publication,
                    answers.get((organization.pk, publication.pk)),
                    waiting.get((organization.pk, publication.pk)),
                    asked.get((organization.pk, publication.pk)),
                )
                for publication in columns
            ],
        )
        for organization in organizations
    ]


def _cell(publication, answer, waiting, asked):
    """The same order of questions as on the board of a round: `counting.Board.partners`."""
    if waiting:
        return Cell(publication, State.LATE, waiting)
    round_ = asked[0] if asked else answer[2] if answer else None
    if answer:
        choice, current, _round = answer
        if current:
            return Cell(publication, State(choice), round_)
        if choice != Choice.WITHDRAW:
            return Cell(publication, State.AGAIN, round_)
    if asked:
        return Cell(publication, State.SEEN if asked[1] else State.ASKED, round_)
    return Cell(publication)
