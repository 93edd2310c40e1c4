"""Count a sign-on: who signed this very text, where each organization stands, and the organizers' board of a round.

Only the newest decision of an organization is live; a clerical correction keeps the signatures of the text before it.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Q
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from coalition import languages
from coalition.models import Decision, Organization

Choice = Decision.Choice


def versions_equivalent(version):
    """Whose signatures stand under this one: the version itself and, from a clerical one, back to the last material."""
    found = []
    for earlier in version.publication.versions.filter(number__lte=version.number).order_by("-number"):
        found.append(earlier)
        if earlier.material:
            break
    return found


def _last_words(version):
    """The last counted decision of each organization on this text; a withdrawal counts on every version."""
    chain = [earlier.pk for earlier in versions_equivalent(version)]
    return (
        Decision.objects.counted()
        .filter(Q(version__in=chain) | Q(choice=Choice.WITHDRAW), publication=version.publication_id)
        .order_by("organization_id", "-pk")
        .distinct("organization_id")
    )


def signatories(version, language=None):
    """Who signed this text: [(scope in words, [printed names])], national first, each in alphabetical order (G5, L3).

    Organizations only, never a person (G8). Two queries; the counts are the lengths.
    """
    language = language or get_language()
    signed = [
        decision.organization
        for decision in _last_words(version).select_related("organization")
        if decision.choice == Choice.SIGN
    ]
    groups = []
    for scope in Organization.Scope:
        names = [organization.name_in(language) for organization in signed if organization.scope == scope]
        if names:
            with override(language):
                groups.append((str(scope.label), sorted(names, key=languages.sort_key)))
    return groups


def supporters_count(version):
    """How many support this text without being listed."""
    return sum(choice == Choice.SUPPORT for choice in _last_words(version).values_list("choice", flat=True))


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
    State.SEEN: _("Opened"),
    State.ASKED: _("Asked"),
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
    def can_be_reminded(self):
        return not self.state.decided and any(
            i.revoked_at is None and i.representative and i.representative.may_sign for i in self.invitations
        )


def _where(round_, chain):
    """{organization id: Standing} for the board: as it is now, or, once the round is closed, as it was left."""
    if round_.closed_at is None:
        return standings(round_.publication)
    found = {}
    waiting = set(round_.decisions.waiting().values_list("pk", flat=True))
    for decision in round_.decisions.select_related("version", "organization").order_by("pk"):
        standing = found.setdefault(decision.organization_id, Standing())
        if decision.pk in waiting:
            standing.waiting = decision
        elif not decision.late or decision.choice != Choice.SIGN or decision.accepted:
            standing.live, standing.current = decision, decision.version_id in chain
    return found


def board(round_):
    """Every partner asked in a round with where they stand, in alphabetical order; a fixed number of queries."""
    asked, versions = {}, {}
    invitations = round_.invitations.select_related("organization", "representative__person", "version")
    for invitation in invitations.order_by("pk"):
        asked.setdefault(invitation.organization, []).append(invitation)
        versions[invitation.version.number] = invitation.version
    if not asked:
        return []
    last = versions[max(versions)]
    last.publication = round_.publication
    where = _where(round_, {version.pk for version in versions_equivalent(last)})
    lines = []
    for organization, theirs in asked.items():
        stands = where.get(organization.pk) or Standing()
        if stands.waiting:
            state = State.LATE
        elif stands.current:
            state = State(stands.live.choice)
        elif stands.live and stands.live.choice != Choice.WITHDRAW:
            state = State.AGAIN
        else:
            state = State.SEEN if any(i.seen_at for i in theirs) else State.ASKED
        lines.append(Line(organization, state, stands, theirs))
    return sorted(lines, key=lambda line: languages.sort_key(line.organization.name))
