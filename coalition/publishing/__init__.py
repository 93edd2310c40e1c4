"""Publish: a text is written, frozen in every language and hashed; an amendment is a new version, and its signers learn
of it.

A brief is written as a page of the site, a letter or a report here; both are frozen by the same verb. Material:
everybody asked is asked again (rule G2). Clerical: signatures stand, and the signers are told.
"""

from .cleaning import SCHEMES, TAGS, clean, written
from .differences import against, between
from .foreseeing import Foreseen, foresee
from .freezing import Text, digest_of, freeze, unfinished
from .showing import show, take_down
from .writing import Overtaken, add, edit, freeze_draft, mark_of, texts_of

__all__ = [
    "SCHEMES",
    "TAGS",
    "Foreseen",
    "Overtaken",
    "Text",
    "add",
    "against",
    "between",
    "clean",
    "digest_of",
    "edit",
    "foresee",
    "freeze",
    "freeze_draft",
    "mark_of",
    "show",
    "take_down",
    "texts_of",
    "unfinished",
    "written",
]
