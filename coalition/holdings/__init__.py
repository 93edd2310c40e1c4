"""What is held about a person, kind by kind: how it is told to them, and what becomes of it when they go (rule P4).

Each kind names the model it is about. Campaigns adds its own kinds, as with the criteria of segments. What hangs on a
person and is deleted with them needs no `forget`; what stays behind as a number does.
"""

from . import known, sign_ons
from .registry import HOLDINGS, Holding, Whose, labelled, register
from .sign_ons import typed_names

__all__ = ["HOLDINGS", "Holding", "Whose", "known", "labelled", "register", "sign_ons", "typed_names"]
