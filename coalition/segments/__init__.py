"""Segments: a tree of criteria becomes one query over people. Upper apps add criteria of their own with `register`.

`registry` holds what can be asked, `compiling` turns a tree into a query and into words, `keeping` saves it and says
where it is used, `sizing` counts while somebody waits.
"""

from . import periods
from .compiling import (
    GROUPS,
    Unaskable,
    describe,
    judged,
    matching,
    may_ask,
    may_list,
    needs,
    people,
    problems,
    sql_of,
    stored,
)
from .criteria_history import Active, ImportedIn, Joined, Signed
from .criteria_person import ByEmail, ByText, InSegment, Language, OnList, Reach, Represents, Share, Tagged
from .criteria_place import City, County, Near, State, Zip
from .keeping import delete, keep, listable, used_by, uses
from .registry import (
    FAMILIES,
    Criterion,
    DateInput,
    Options,
    Several,
    both,
    criteria,
    criterion,
    either,
    register,
    register_family,
    shown,
)
from .sizing import Found, Size, TooSlow, about, at_most, look, size

__all__ = [
    "FAMILIES",
    "GROUPS",
    "Active",
    "ByEmail",
    "ByText",
    "City",
    "County",
    "Criterion",
    "DateInput",
    "Found",
    "ImportedIn",
    "InSegment",
    "Joined",
    "Language",
    "Near",
    "OnList",
    "Options",
    "Reach",
    "Represents",
    "Several",
    "Share",
    "Signed",
    "Size",
    "State",
    "Tagged",
    "TooSlow",
    "Unaskable",
    "Zip",
    "about",
    "at_most",
    "both",
    "criteria",
    "criterion",
    "delete",
    "describe",
    "either",
    "judged",
    "keep",
    "listable",
    "look",
    "matching",
    "may_ask",
    "may_list",
    "needs",
    "people",
    "periods",
    "problems",
    "register",
    "register_family",
    "shown",
    "size",
    "sql_of",
    "stored",
    "used_by",
    "uses",
]
