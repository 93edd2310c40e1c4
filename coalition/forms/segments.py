"""The builder of segments: a page full of small forms becomes a tree of criteria, and a tree becomes the page again.

Every group and criterion on the page is a *node* with a short id of its own. `node` lists them in order; `<id>-parent`
says in which group each stands, `<id>-how` makes a group, `<id>-is` a criterion, `<id>-not` turns it round. Two groups
are always there: whom the segment is for, and whom it leaves out.
"""

import re
import secrets
from dataclasses import dataclass, field

from django import forms
from django.utils.translation import gettext_lazy as _

from coalition import segments

WHO, BUT = "root", "but"
NESTED = 2  # groups inside the outermost one, at most this deep
MOST_NODES = 200
KEY = re.compile(r"[a-z_]{1,40}(:[a-z0-9_-]{1,60})?")


class SegmentForm(forms.Form):
    name = forms.CharField(label=_("Name of the segment"), max_length=120)
    description = forms.CharField(
        label=_("What it is for"), max_length=200, required=False, help_text=_("So that others know when to use it.")
    )


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
        """What is asked; None where it cannot be asked any more, such as a field that is gone."""
        return segments.criterion(self.key)

    @property
    def form(self):
        form = self.criterion.form(self.value if self.checked else None, prefix=self.id, initial=self.initial)
        if not self.checked:
            first = next(f for f in form.fields.values() if not isinstance(f.widget, forms.HiddenInput))
            first.widget.attrs["autofocus"] = True  # just added: the next key goes here
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
    def excludes(self):
        return self.id == BUT

    @property
    def tree(self):
        if self.how:
            return {self.how: [part.tree for part in self.parts]}
        said = {"is": self.key, "value": self.value}
        return said | {"not": True} if self.turned else said


@dataclass
class Built:
    """The page: whom the segment is for, and whom it leaves out."""

    who: Node
    but: Node

    @property
    def tree(self):
        if not self.but.parts:
            return self.who.tree
        who = self.who.tree
        parts = who.get("all", [who] if self.who.parts else [])
        return {"all": [*parts, {"none": [part.tree for part in self.but.parts]}]}


def new_id():
    return f"n{secrets.token_hex(4)}"


def built_of(tree, *, checked=True):
    """A stored tree as the page."""
    how, parts = next(iter((tree or {"all": []}).items()))
    left_out = []
    if how == "all" and parts and list(parts[-1]) == ["none"]:
        left_out, parts = parts[-1]["none"], parts[:-1]
        if len(parts) == 1 and next(iter(parts[0])) in segments.GROUPS:
            how, parts = next(iter(parts[0].items()))
    who = _group(how, parts, depth=0, id=WHO, checked=checked)
    return Built(who, _group("any", left_out, depth=0, id=BUT, checked=checked))


def _group(how, parts, *, depth, id, checked):
    group = Node(id, how=how, depth=depth, checked=checked)
    for part in parts:
        if "is" not in part:
            inner, its_parts = next(iter(part.items()))
            group.parts.append(_group(inner, its_parts, depth=depth + 1, id=new_id(), checked=checked))
        else:
            turned = bool(part.get("not"))
            group.parts.append(Node(new_id(), key=part["is"], turned=turned, value=part.get("value"), checked=checked))
    return group


def built_in(data, *, checked=True):
    """The page as it was submitted. Anything that does not belong on it is left out."""
    how = data.get(f"{WHO}-how")
    who = Node(WHO, how=how if how in segments.GROUPS else "all", checked=checked)
    but = Node(BUT, how="any", checked=checked)
    groups = {WHO: who, BUT: but}
    for id in data.getlist("node")[:MOST_NODES]:
        parent = groups.get(data.get(f"{id}-parent"))
        if parent is None or not re.fullmatch(r"n[0-9a-f]{8}", id):
            continue
        how, key = data.get(f"{id}-how", ""), data.get(f"{id}-is", "")
        if how in segments.GROUPS and parent.may_nest:
            node = groups[id] = Node(id, how=how, depth=parent.depth + 1, checked=checked)
        elif KEY.fullmatch(key):
            # What cannot be asked any more stays, so that leaving it out is somebody's decision.
            node = Node(id, key=key, turned=f"{id}-not" in data, value=_value(data, id, key), checked=checked)
        else:
            continue
        parent.parts.append(node)
    return Built(who, but)


def _value(data, id, key):
    criterion = segments.criterion(key)
    if criterion is None:
        return None
    fields = criterion.fields()
    given = {name: f.widget.value_from_datadict(data, {}, f"{id}-{name}") for name, f in fields.items()}
    given = {name: value for name, value in given.items() if value not in (None, "", [])}
    return given.get("value") if list(fields) == ["value"] else given
