"""Count a sign-on: who signed this very text, where each organization stands, and the organizers' board of a round.

Only the newest decision of an organization is live; a clerical correction keeps the signatures of the text before it.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import Case, CharField, Count, F, FilteredRelation, Max, Q, Subquery, Value, When
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from coalition.models import Decision, Handover, Organization, Region

Choice = Decision.Choice


def versions_equivalent(version):
    """Whose signatures stand under this one: the version itself and, from a clerical one, back to the last material."""
    found = []
    for earlier in version.publication.versions.filter(number__lte=version.number).order_by("-number"):
        found.append(earlier)
        if earlier.material:
            break
    return found


def delivered(version):
    """The first time that this text was handed over, as it is or with clerical changes; None while it was not (G7)."""
    later = version.publication.versions.filter(number__gt=version.number).order_by("number")
    family = [each.pk for each in versions_equivalent(version)]
    for each in later:
        if each.material:
            break
        family.append(each.pk)
    return Handover.objects.filter(version__in=family).order_by("at", "pk").first()


@dataclass
class Standing:
    """Where an organization stands on a publication. `current` is False while `live` answers an earlier text."""

    live: Decision | None = None
    waiting: Decision | None = None
    current: bool = False

    @property
    def decided(self):
        """Whether nothing is owed any more on the current text. One who withdrew has answered too."""
        return (self.current and self.live.choice != Choice.TIME) or self.waiting is not None

    @property
    def can_withdraw(self):
        stands = self.live is not None and self.live.choice in (Choice.SIGN, Choice.SUPPORT)
        return stands or self.waiting is not None


def standings(publication, organizations=None):
    """{organization id: Standing} of everybody who ever answered on a publication, with three queries."""
    decisions = publication.decisions.select_related("version", "organization")
    if organizations is not None:
        decisions = decisions.filter(organization__in=organizations)
    current = publication.current_version
    chain = {version.pk for version in versions_equivalent(current)} if current else set()
    found = {}
    for decision in decisions.filter(Q(live=True) | Q(pk__in=decisions.waiting().values("pk"))):
        standing = found.setdefault(decision.organization_id, Standing())
        if decision.live:
            standing.live, standing.current = decision, decision.version_id in chain
        else:
            standing.waiting = decision
    return found


def standing(invitation):
    """Where the organization of an invitation stands."""
    found = standings(invitation.round.publication, [invitation.organization_id])
    return found.get(invitation.organization_id) or Standing()


# The organizers' board


class State(StrEnum):
    """Where a partner is in a round, for the board."""

    SIGN = "sign"
    SUPPORT = "support"
    ABSTAIN = "abstain"
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    TIME = "time"
    LATE = "late"
    AGAIN = "again"
    SEEN = "seen"
    ASKED = "asked"

    @property
    def label(self):
        return STATES[self]

    @property
    def decided(self):
        return self not in (State.TIME, State.AGAIN, State.SEEN, State.ASKED)


STATES = {
    State.SIGN: _("Signed"),
    State.SUPPORT: _("Supports quietly"),
    State.ABSTAIN: _("Abstained"),
    State.DECLINE: _("Declined"),
    State.WITHDRAW: _("Withdrew"),
    State.TIME: _("Needs time"),
    State.LATE: _("Late, waits for you"),
    State.AGAIN: _("Asked again"),
    State.SEEN: pgettext_lazy("by an organization", "Opened"),
    State.ASKED: pgettext_lazy("an organization", "Asked"),
}


@dataclass
class Line:
    """One partner on the board of a round."""

    organization: Organization
    state: State
    standing: Standing
    invitations: list

    @property
    def answer(self):
        """The decision to show: what waits, else what is live."""
        return self.standing.waiting or self.standing.live

    @property
    def reminded(self):
        """The invitations by which it can be reminded: their links open, and somebody who may sign follows them."""
        return [i for i in self.invitations if i.revoked_at is None and i.representative and i.representative.may_sign]

    @property
    def can_be_reminded(self):
        return not self.state.decided and bool(self.reminded)


_NUMBERS = {"asked": Count("pk"), "opened": Count("pk", filter=Q(seen=True))}


class Board:
    """The board of a round: as it is now or, once closed, as it was left. The database counts and pages."""

    def __init__(self, round_):
        self.round = round_
        self.decisions = round_.decisions if round_.closed_at else round_.publication.decisions

    @property
    def answers(self):
        """The decisions of which each partner's newest stands."""
        if self.round.closed_at is None:
            return self.decisions.live()
        return self.decisions.exclude(Q(late=True, choice=Choice.SIGN) & ~Q(accepted=True))

    @cached_property
    def chain(self):
        """The keys of the versions whose answers count: the text that partners decide on."""
        version = self.round.publication.versions.order_by("-number")
        if self.round.closed_at:
            version = version.filter(pk__in=self.round.invitations.values("version"))
        current = version.first()
        if current is None:
            return set()
        current.publication = self.round.publication
        return {each.pk for each in versions_equivalent(current)}

    def partners(self):
        """Every partner asked, in alphabetical order, as a queryset.

        Each has `stands` (of State), `seen` (somebody opened the text) and `has_decided`.
        """
        asked = self.round.invitations.order_by()
        opened = asked.exclude(seen_at=None).values("organization")
        # Joined, not asked for partner by partner: with thousands of them PostgreSQL would compile such a query first.
        newest = self.answers.order_by().values("organization").annotate(newest=Max("pk")).values("newest")
        about = Q(decisions__publication=self.round.publication_id, decisions__pk__in=Subquery(newest))
        stands = Case(
            When(pk__in=self.decisions.waiting().order_by().values("organization"), then=Value(State.LATE)),
            When(answer__version__in=self.chain, then=F("answer__choice")),
            When(answer__choice__in=[each for each in Choice if each != Choice.WITHDRAW], then=Value(State.AGAIN)),
            When(pk__in=opened, then=Value(State.SEEN)),
            default=Value(State.ASKED),
            output_field=CharField(),
        )
        return (
            Organization.objects.filter(pk__in=asked.values("organization"))
            .alias(answer=FilteredRelation("decisions", condition=about))
            .annotate(stands=stands, seen=Q(pk__in=opened))
            .annotate(has_decided=Q(stands__in=[each.value for each in State if each.decided]))
            .order_by("alphabetical", "pk")
        )

    def to_remind(self):
        """The partners that owe an answer and can be reminded: somebody who may sign has a link that opens."""
        reached = self.round.invitations.filter(revoked_at=None, representative__may_sign=True)
        return self.partners().filter(has_decided=False, pk__in=reached.order_by().values("organization"))

    def tally(self):
        """(the Tally of the whole round, [that of each scope]), by one query beside the chain."""
        whole, scopes = Tally(), {scope: Tally(str(scope.label)) for scope in Organization.Scope}
        rows = self.partners().order_by().values_list("scope", "stands").annotate(**_NUMBERS)
        for scope, state, number, seen in rows:
            for each in (whole, scopes[Organization.Scope(scope)]):
                each.add(State(state), number, seen)
        return whole, [each for each in scopes.values() if each.asked]

    def tally_by_region(self):
        """[Tally of each region, last that of partners in none]. A partner of two regions counts in both."""
        rows = self.partners().order_by().values_list("regions", "stands").annotate(**_NUMBERS)
        found = {}
        for region, state, number, seen in rows:
            found.setdefault(region, Tally()).add(State(state), number, seen)
        tallies = []
        for region in Region.objects.filter(pk__in=[pk for pk in found if pk]):
            found[region.pk].label = str(region)
            tallies.append(found[region.pk])
        if tallies and None in found:
            found[None].label = str(_("No region"))
            tallies.append(found[None])
        return tallies

    def lines(self, asked):
        """[Line] of some of the partners, in their order; a fixed number of queries however many they are."""
        asked = list(asked)
        theirs = {"organization__in": asked}
        stood, sent = {partner.pk: Standing() for partner in asked}, {partner.pk: [] for partner in asked}
        for decision in self.answers.filter(**theirs).select_related("version").order_by("pk"):
            where = stood[decision.organization_id]
            where.live, where.current = decision, decision.version_id in self.chain
        for decision in self.decisions.waiting().filter(**theirs).select_related("version").order_by("pk"):
            stood[decision.organization_id].waiting = decision
        invitations = self.round.invitations.filter(**theirs).select_related("representative__person", "version")
        for invitation in invitations.order_by("pk"):
            sent[invitation.organization_id].append(invitation)
        return [Line(each, State(each.stands), stood[each.pk], sent[each.pk]) for each in asked]


@dataclass
class Tally:
    """How many of a number of partners were asked, opened the text, think about it, decided."""

    label: str = ""
    asked: int = 0
    opened: int = 0
    thinking: int = 0
    decided: int = 0
    states: Counter = field(default_factory=Counter)

    @property
    def undecided(self):
        return self.asked - self.decided

    def add(self, state, number, seen):
        """Count partners of one state, of whom `seen` opened the text."""
        self.asked += number
        self.states[state] += number
        if state.decided:
            self.decided += number
            self.opened += number
        else:
            self.thinking += number if state == State.TIME else seen
            self.opened += seen
