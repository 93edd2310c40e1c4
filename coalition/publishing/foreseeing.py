"""Foresee what freezing would mean, in numbers, before anybody confirms it (rule G2)."""

from dataclasses import dataclass

from coalition import roll
from coalition.models import Organization, Round
from coalition.signing_on.choosing import SIGNED, speakers
from coalition.signing_on.links import invitations, still_asked
from coalition.signing_on.telling import reachable


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
    signed = publication.decisions.live().filter(choice__in=SIGNED, organization__binned_at=None)
    signers = {decision.organization for decision in signed.select_related("organization")}
    heard = {pk for pk, theirs in speakers([o.pk for o in signers]).items() if any(reachable(s.person) for s in theirs)}
    told = {organization.pk for organization in signers if organization.pk in heard or organization.email}
    round_ = publication.rounds.filter(closed_at=None).first()
    return Foreseen(
        signed=called.count,
        supporters=called.supporters,
        individuals=len(called.individuals),
        clerical=Reach(len(told), len(signers) - len(told)),
        material=_asked_again(round_, signers, heard) if round_ else Reach(0, 0),
        open_round=round_,
    )


def _asked_again(round_, signers, heard):
    """Those of the open round who were asked so far, and those who signed."""
    answered = set(round_.publication.decisions.live().values_list("organization_id", flat=True))
    concerned = {organization.pk for organization in signers if organization.stage != Organization.Stage.LEFT}
    reached = concerned & heard
    for invitation in invitations().filter(round=round_, revoked_at=None, representative__may_sign=True):
        waits = invitation.held_until and invitation.organization_id not in answered
        if still_asked(invitation) and not waits:
            concerned.add(invitation.organization_id)
            if reachable(invitation.representative.person):
                reached.add(invitation.organization_id)
    return Reach(len(reached), len(concerned - reached))
