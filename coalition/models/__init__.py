"""The nouns of the coalition: who is in it, what they agreed to, what they signed."""

from .audit import AuditLine, Export, SignIn
from .consent import Consent, FormerAddress, Suppression
from .duplicates import DuplicateSearch, Lookalike, MatchKey, Merge
from .fields import Constituency, CustomField, Sensitive
from .imports import Import, ImportedRow, SavedMapping
from .installation import Heartbeat, Installation
from .notices import Notice
from .organizations import Agreement, Logo, Membership, Organization, OrganizationMerge, Region, Representative
from .people import Address, ExternalId, Person, fold
from .policies import Policy, RoleChange, StandingAuthorization
from .privacy import Erasure, Muting, Topic
from .publications import Handover, HandoverPaper, Publication, Version, VersionText
from .sealing import SealedField
from .segments import Segment, Tag, Tagging, TagGroup
from .signons import Ask, Decision, EmailCode, Endorsement, Invitation, LinkDevice, Remark, Review, Round
from .simulation import SimulatedEmail, SimulatedText
from .timeline import Entry
from .users import User
from .work import BulkAction, BulkChange, FollowUp, Listing, PeopleList, SavedView

__all__ = [
    "Address",
    "Agreement",
    "Ask",
    "AuditLine",
    "BulkAction",
    "BulkChange",
    "Consent",
    "Constituency",
    "CustomField",
    "Decision",
    "DuplicateSearch",
    "EmailCode",
    "Endorsement",
    "Entry",
    "Erasure",
    "Export",
    "ExternalId",
    "FollowUp",
    "FormerAddress",
    "Handover",
    "HandoverPaper",
    "Heartbeat",
    "Import",
    "ImportedRow",
    "Installation",
    "Invitation",
    "LinkDevice",
    "Listing",
    "Logo",
    "Lookalike",
    "MatchKey",
    "Membership",
    "Merge",
    "Muting",
    "Notice",
    "Organization",
    "OrganizationMerge",
    "PeopleList",
    "Person",
    "Policy",
    "Publication",
    "Region",
    "Remark",
    "Representative",
    "Review",
    "RoleChange",
    "Round",
    "SavedMapping",
    "SavedView",
    "SealedField",
    "Segment",
    "Sensitive",
    "SignIn",
    "SimulatedEmail",
    "SimulatedText",
    "StandingAuthorization",
    "Suppression",
    "Tag",
    "TagGroup",
    "Tagging",
    "Topic",
    "User",
    "Version",
    "VersionText",
    "fold",
]
