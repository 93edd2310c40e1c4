"""The nouns of the coalition: who is in it, what they agreed to, what they signed."""

from .consent import Consent, Suppression
from .imports import Import, ImportedRow
from .installation import Heartbeat, Installation
from .notices import Notice
from .organizations import Organization, Representative
from .people import Address, ExternalId, Person, fold
from .publications import Publication, Version, VersionText
from .segments import Segment, Tag, Tagging
from .signons import Decision, Invitation, Round
from .simulation import SimulatedEmail, SimulatedText
from .timeline import Entry
from .users import User

__all__ = [
    "Address",
    "Consent",
    "Decision",
    "Entry",
    "ExternalId",
    "Heartbeat",
    "Import",
    "ImportedRow",
    "Installation",
    "Invitation",
    "Notice",
    "Organization",
    "Person",
    "Publication",
    "Representative",
    "Round",
    "Segment",
    "SimulatedEmail",
    "SimulatedText",
    "Suppression",
    "Tag",
    "Tagging",
    "User",
    "Version",
    "VersionText",
    "fold",
]
