"""Foresee what freezing would mean, in numbers, before anybody confirms it (rule G2)."""

from dataclasses import dataclass

from coalition import counting, roll
from coalition.models import Decision, Organization, Representative, Round
from coalition.signing_on.telling import reachable

Choice = Decision.Choice


@dataclass(frozen=True)
class Reach:
    """Organizations that would be written to: whom an email reaches, and whom none does."""

    reached: int
    silent: int


@dataclass(frozen=True)
class Foreseen:
    """What an amendment means for those who stand under the text now."""

    signed: int  # organizations on the list: they stay (clerical), or drop off until they answer (material)
    supporters: int  # organizations that support it quietly
    individuals: int  # people who signed for themselves
    clerical: Reach  # of those who stand under it: told
    material: Reach  # these, and the rest of the open round: asked again
    open_round: Round | None


def foresee(publication):
    """What freezing another version would mean now; None while nothing is frozen. A fixed number of queries."""
    version = publication.current_version
    if version is None:
        return None
    version.publication = publication
    called = roll.of(version)
    stand = {
        pk
        for pk, where in counting.standings(publication).items()
        if where.current and where.live.choice in (Choice.SIGN, Choice.SUPPORT)
    }
    round_ = publication.rounds.filter(closed_at=None).first()
    asked = set()
    if round_:
        asked = set(round_.invitations.filter(revoked_at=None).values_list("organization_id", flat=True)) | stand
    present = set(
        Organization.objects.present()
        .exclude(stage=Organization.Stage.LEFT)
        .filter(pk__in=stand | asked)
        .values_list("pk", flat=True)
    )
    reached = _reached(present)

    def reach(whom):
        return Reach(reached=len(whom & reached), silent=len((whom & present) - reached))

    return Foreseen(
        signed=called.count,
        supporters=called.supporters,
        individuals=len(called.individuals),
        clerical=reach(stand),
        material=reach(asked),
        open_round=round_,
    )


def _reached(organizations):
    """Of these organizations, those with somebody who may sign and whom an email reaches."""
    speakers = Representative.objects.filter(
        organization__in=organizations, may_sign=True, person__binned_at=None
    ).select_related("person")
    return {
        speaker.organization_id
        for speaker in speakers.prefetch_related("person__addresses")
        if reachable(speaker.person)
    }
