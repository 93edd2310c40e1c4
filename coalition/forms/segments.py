"""The builder of segments: a page full of small forms becomes a tree of criteria, and a tree becomes the page again.

Every group and criterion on the page is a *node* with a short id of its own. `node` lists them in order; `<id>-parent`
says in which group each stands, `<id>-how` makes a group, `<id>-is` a criterion, `<id>-not` turns it round.
"""

import re
import secrets
from dataclasses import dataclass, field

from django import forms
from django.utils.translation import gettext_lazy as _

from coalition import segments

ROOT = "root"
NESTED = 2  # groups inside the outermost one, at most this deep


class SegmentForm(forms.Form):
    name = forms.CharField(label=_("Name of the segment"), max_length=120)


@dataclass
class Node:
    """One group or criterion on the page."""

    id: str
    how: str = ""  # of a group: all, any or none
    key: str = ""  # of a criterion
    turned: bool = False
    value: object = None
    depth: int = 0
    parts: list = field(default_factory=list)
    checked: bool = False  # whether to say what is wrong: not while it was only just added

    @property
    def criterion(self):
        return segments.criterion(self.key)

    @property
    def form(self):
        form = self.criterion.form(self.value if self.checked else None, prefix=self.id, initial=self.initial)
        if not self.checked:
            next(iter(form.fields.values())).widget.attrs["autofocus"] = True  # just added: the next key goes here
        return form

    @property
    def initial(self):
        if self.value is None:
            return {}
        return self.value if isinstance(self.value, dict) else {"value": self.value}

    @property
    def may_nest(self):
        return self.depth < NESTED

    @property
    def tree(self):
        if self.how:
            return {self.how: [part.tree for part in self.parts]}
        said = {"is": self.key, "value": self.value}
        return said | {"not": True} if self.turned else said


def new_id():
    return f"n{secrets.token_hex(4)}"


def nodes_of(tree, *, depth=0, id=ROOT, checked=True):
    """A stored tree as nodes for the page."""
    how, parts = next(iter((tree or {"all": []}).items()))
    group = Node(id, how=how, depth=depth, checked=checked)
    for part in parts:
        if "is" not in part:
            group.parts.append(nodes_of(part, depth=depth + 1, id=new_id(), checked=checked))
        elif segments.criterion(part["is"]):
            turned = bool(part.get("not"))
            group.parts.append(Node(new_id(), key=part["is"], turned=turned, value=part.get("value"), checked=checked))
    return group


def nodes_in(data, *, checked=True):
    """The nodes that a submitted page holds. Anything that does not belong on it is left out."""
    how = data.get(f"{ROOT}-how")
    root = Node(ROOT, how=how if how in segments.GROUPS else "all", checked=checked)
    groups = {ROOT: root}
    for id in data.getlist("node")[:200]:
        parent = groups.get(data.get(f"{id}-parent"))
        if parent is None or not re.fullmatch(r"n[0-9a-f]{8}", id):
            continue
        how, key = data.get(f"{id}-how", ""), data.get(f"{id}-is", "")
        if how in segments.GROUPS and parent.may_nest:
            node = groups[id] = Node(id, how=how, depth=parent.depth + 1, checked=checked)
        elif segments.criterion(key):
            node = Node(id, key=key, turned=f"{id}-not" in data, value=_value(data, id, key), checked=checked)
        else:
            continue
        parent.parts.append(node)
    return root


def _value(data, id, key):
    fields = segments.criterion(key).fields()
    given = {name: f.widget.value_from_datadict(data, {}, f"{id}-{name}") for name, f in fields.items()}
    given = {name: value for name, value in given.items() if value not in (None, "", [])}
    return given.get("value") if list(fields) == ["value"] else given
