"""A tree of criteria becomes one condition over people, or says in words why it cannot.

A tree is a group, `{"all" | "any" | "none": [part, …]}`; a part is a group or a criterion, `{"is": key, "value": …}`,
turned round by `"not": True`. The value is what the criterion's form takes: one value, or a dictionary of several.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from coalition import accounts
from coalition.models import Person

from . import registry

GROUPS = {
    "all": gettext_lazy("All of these"),
    "any": gettext_lazy("Any of these"),
    "none": gettext_lazy("None of these"),
}
DEEPEST = 5  # groups in groups
MOST = 100  # criteria in one segment
CHAIN = 5  # segments in segments

_path = ContextVar("the segments being compiled, outermost first", default=())


class Unaskable(Exception):
    """A tree that cannot be compiled, in words for the organizer."""


class Circle(Unaskable):
    """A segment that asks for itself, by way of others."""


@dataclass
class Asked:
    """A group or a criterion of a tree, read; with its problem where it has one."""

    how: str = ""  # of a group
    parts: list = field(default_factory=list)
    criterion: object = None
    cleaned: dict = field(default_factory=dict)
    turned: bool = False
    condition: object = None  # None: an empty group, which asks nothing
    problem: str = ""
    circle: bool = False  # whether the problem is that a segment asks for itself

    def walk(self):
        yield self
        for part in self.parts:
            yield from part.walk()


def read(tree, depth=1):
    """A tree with every criterion cleaned and compiled, and every problem noted. Never raises."""
    try:
        if depth > DEEPEST:
            raise Unaskable(_("The groups are nested too deep."))
        how, parts = _parts(tree)
    except Unaskable as wrong:
        return Asked(how="all", problem=str(wrong))
    group = Asked(how=how)
    for part in parts:
        group.parts.append(_read_criterion(part) if isinstance(part, dict) and "is" in part else read(part, depth + 1))
    said = None
    for part in group.parts:
        if part.condition is None:
            continue
        # "None of these" as one "not" after the other: PostgreSQL makes an anti-join of each.
        condition = ~part.condition if how == "none" else part.condition
        said = condition if said is None else said | condition if how == "any" else said & condition
    group.condition = said
    return group


def _parts(tree):
    if not isinstance(tree, dict) or len(tree) != 1 or next(iter(tree)) not in GROUPS:
        raise Unaskable(_("A group must be all, any or none of its parts."))
    how, parts = next(iter(tree.items()))
    if not isinstance(parts, list):
        raise Unaskable(_("A group must hold a list of parts."))
    return how, parts


def _read_criterion(part):
    asked = Asked(turned=bool(part.get("not")), criterion=registry.criterion(part.get("is")))
    criterion = asked.criterion
    if criterion is None:
        asked.problem = _("“%(name)s” is not something a segment can ask.") % {"name": part.get("is")}
        return asked
    value = part.get("value")
    form = criterion.form({} if value is None else value)
    if not form.is_valid():
        said = " ".join(dict.fromkeys(message for messages in form.errors.values() for message in messages))
        asked.problem = f"{criterion.label}: {said}"
        return asked
    asked.cleaned = form.cleaned_data
    try:
        condition = criterion.condition(asked.cleaned)
    except Unaskable as wrong:
        asked.problem, asked.circle = str(wrong), isinstance(wrong, Circle)
        return asked
    if condition == Q():
        asked.problem = _("%(criterion)s: fill in at least one of the fields.") % {"criterion": criterion.label}
        return asked
    asked.condition = ~Q(condition) if asked.turned else Q(condition)
    return asked


def condition_of(segment):
    """The condition of a saved segment inside another. Raises Unaskable: a mistake in it never widens an audience."""
    path = _path.get()
    if segment.pk in [outer.pk for outer in path]:
        names = " → ".join(_("“%(name)s”") % {"name": name} for name in (*path, segment))
        raise Circle(_("A segment cannot ask for itself: %(path)s.") % {"path": names})
    if len(path) > CHAIN:
        raise Unaskable(_("Too many segments stand inside each other."))
    token = _path.set((*path, segment))
    try:
        found = read(segment.criteria) if segment.criteria else Asked()
    finally:
        _path.reset(token)
    for part in found.walk():
        if part.circle:
            raise Circle(part.problem)
        if part.problem:
            said = {"segment": segment, "problem": part.problem}
            raise Unaskable(_("The segment “%(segment)s” has a problem: %(problem)s") % said)
    return ~Q(pk__in=[]) if found.condition is None else found.condition


def problems(tree, segment=None):
    """What is wrong with a tree (of a segment), in words for the organizer; an empty list when it can be asked."""
    return _problems(_read_for(tree, segment)) if tree else []


def _read_for(tree, segment):
    token = _path.set((segment,) if segment is not None and segment.pk else ())
    try:
        return read(tree)
    finally:
        _path.reset(token)


def _problems(found):
    said = [part.problem for part in found.walk() if part.problem]
    if sum(part.criterion is not None for part in found.walk()) > MOST:
        said.append(_("A segment can ask at most %(number)d things.") % {"number": MOST})
    return said


def matching(tree, segment=None):
    """People who match a tree (of a segment). An empty tree is everybody.

    One with a problem is nobody, so that a mistake never widens an audience.
    """
    return judged(tree, segment)[0]


def judged(tree, segment=None):
    """(people who match a tree, what is wrong with it), read once for both."""
    present = Person.objects.present()
    if not tree:
        return present, []
    found = _read_for(tree, segment)
    if wrong := _problems(found):
        return present.none(), wrong
    return (present if found.condition is None else present.filter(found.condition)), []


def people(segment=None):
    """People of a segment; None means everybody who is present."""
    return Person.objects.present() if segment is None else matching(segment.criteria, segment)


def sql_of(rows):
    """(SQL, parameters) of a queryset, to stand inside a statement. Where it can hold nobody, it still is a question:
    a segment with a mistake stops nothing else.
    """
    return rows.query.get_compiler(connection=connection, elide_empty=False).as_sql()


def needs(tree):
    """The permissions that the questions of a tree want, those of segments inside it with them."""
    wanted = set()
    for part in stored(tree):
        criterion = registry.criterion(part["is"])
        if criterion is None:
            continue
        wanted |= {criterion.permission} if criterion.permission else set()
        if criterion.nests:  # only of these must the value be read
            wanted |= criterion.needs(_read_criterion(part).cleaned)
    return wanted


def stored(tree):
    """Every criterion of a tree as it is stored, whatever else is wrong with it."""
    if isinstance(tree, list):
        for part in tree:
            yield from stored(part)
    elif isinstance(tree, dict):
        if "is" in tree:
            yield tree
        else:
            for parts in tree.values():
                yield from stored(parts)


def needs_of(segment):
    """The permissions that a segment inside another wants."""
    path = _path.get()
    if segment.pk in [outer.pk for outer in path]:
        return set()
    token = _path.set((*path, segment))
    try:
        return needs(segment.criteria) if segment.criteria else set()
    finally:
        _path.reset(token)


def may_ask(user, tree):
    """Whether somebody may build and change this tree."""
    return not tree or all(user.has_perm(permission) for permission in needs(tree))


def may_list(user, segment=None):
    """Whether somebody may see *who* is in a segment, rather than how many."""
    return accounts.sees_people(user) and (segment is None or may_ask(user, segment.criteria))


def describe(tree, user=None):
    """A tree in words: {"how", "label", "parts"}.

    A part is a group or {"label", "words", "sentence", "not", "problem"}; its sentence goes on after "People who …".
    What only some may ask is named to the others, without what was chosen.
    """
    return _describe(read(tree or {"all": []}), user)


def _describe(found, user):
    if found.how and not found.problem:
        parts = [_describe(part, user) for part in found.parts]
        return {"how": found.how, "label": GROUPS[found.how], "parts": parts}
    if found.problem:
        said = {"label": "", "words": "", "sentence": "", "not": False, "problem": found.problem}
        return {"how": "all", "label": GROUPS["all"], "parts": [said]} if found.how else said
    criterion = found.criterion
    hidden = user is not None and not all(user.has_perm(name) for name in criterion.needs(found.cleaned))
    return {
        "label": criterion.label,
        "words": "" if hidden else criterion.words(found.cleaned),
        "sentence": criterion.label if hidden else criterion.sentence(found.cleaned),
        "not": found.turned,
        "problem": "",
    }
