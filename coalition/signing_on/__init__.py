"""Sign on: a round asks partners by personal links; each reads one frozen version and decides.

A decision is appended, names the version it was made on, and only the newest of an organization is live (rule G4).
Verbs write the notices they owe; the doors send them.
"""

from .amending import tell_of_amendment
from .asking import Invited, change_round, close_round, invite, open_round
from .by_letter import record_letter
from .choosing import first_to_ask, plan, speakers
from .consequences import handed_over_with
from .deciding import accept, attestation, decide, set_aside, withdraw
from .desk import desk_link, desk_token, open_desk
from .due import remind_due
from .links import link, mark_seen, open_link, revoke, token_for
from .refusals import (
    AlreadyAnswered,
    ExpiredLink,
    LinkError,
    MayNotSign,
    NothingToWithdraw,
    OutsideScope,
    RevokedLink,
    RoundClosed,
    Superseded,
    UnknownLink,
)
from .reminding import remind, remind_undecided, undecided, why_not_now
from .scheduling import propose_deadline
from .telling import reachable, send_link, texted

__all__ = [
    "AlreadyAnswered",
    "ExpiredLink",
    "Invited",
    "LinkError",
    "MayNotSign",
    "NothingToWithdraw",
    "OutsideScope",
    "RevokedLink",
    "RoundClosed",
    "Superseded",
    "UnknownLink",
    "accept",
    "attestation",
    "change_round",
    "close_round",
    "decide",
    "desk_link",
    "desk_token",
    "first_to_ask",
    "handed_over_with",
    "invite",
    "link",
    "mark_seen",
    "open_desk",
    "open_link",
    "open_round",
    "plan",
    "propose_deadline",
    "reachable",
    "record_letter",
    "remind",
    "remind_due",
    "remind_undecided",
    "revoke",
    "send_link",
    "set_aside",
    "speakers",
    "tell_of_amendment",
    "texted",
    "token_for",
    "undecided",
    "why_not_now",
    "withdraw",
]
