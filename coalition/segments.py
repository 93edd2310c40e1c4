"""Segments: a tree of criteria becomes one query over people. Upper apps add criteria of their own with `register`.

A tree is a group, `{"all" | "any" | "none": [part, …]}`; a part is a group or a criterion, `{"is": key, "value": …}`,
turned round by `"not": True`. The value is what the criterion's form takes: one value, or a dictionary of several.
"""

from datetime import datetime, time, timedelta

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from coalition.models import (
    Address,
    Import,
    ImportedRow,
    Organization,
    Person,
    Representative,
    Segment,
    Tag,
    Tagging,
)
from coalition.places import CHOICES as STATES

GROUPS = {
    "all": gettext_lazy("All of these"),
    "any": gettext_lazy("Any of these"),
    "none": gettext_lazy("None of these"),
}
DEEPEST = 5
MOST = 100  # criteria in one segment

_criteria = {}
_families = {}


class Criterion:
    """One question about a person: `fields` are what is filled in, `condition` compiles it, never with a join."""

    key = ""
    label = ""
    family = gettext_lazy("Person")
    permission = ""  # who lacks it may neither ask this nor be shown whom it finds

    def fields(self):
        """Form fields by name, made anew for each form. A criterion with one field calls it "value"."""
        raise NotImplementedError

    def condition(self, cleaned):
        """A Q or Exists over Person, from the form's cleaned values."""
        raise NotImplementedError

    def form(self, value=None, *, prefix="", **kwargs):
        """The form of this criterion, bound to a stored value when there is one."""
        if value is not None:
            held = value if isinstance(value, dict) else {"value": value}
            kwargs["data"] = {f"{prefix}-{name}" if prefix else name: v for name, v in held.items()}
        form = forms.Form(use_required_attribute=False, prefix=prefix or None, **kwargs)
        form.fields.update(self.fields())
        return form

    def words(self, cleaned):
        """What was chosen, as an organizer reads it."""
        return " · ".join(filter(None, (_shown(field, cleaned.get(name)) for name, field in self.fields().items())))


def _shown(field, value):
    if value in (None, "", []):
        return ""
    if hasattr(field, "queryset"):
        return ", ".join(map(str, value if hasattr(value, "__iter__") else [value]))
    if isinstance(field, forms.MultipleChoiceField | forms.ChoiceField):
        names = {str(key): str(name) for key, name in field.choices}
        return ", ".join(names[str(v)] for v in (value if isinstance(value, list) else [value]))
    if isinstance(field, forms.DateField):
        return f"{field.label} {value:%Y-%m-%d}" if field.label else f"{value:%Y-%m-%d}"
    return str(value)


class Several(forms.ModelMultipleChoiceField):
    """Rows to tick; a single stored key counts as a list of one."""

    widget = forms.CheckboxSelectMultiple

    def clean(self, value):
        return super().clean([value] if isinstance(value, int | str) and value else value)


class Options(forms.MultipleChoiceField):
    widget = forms.CheckboxSelectMultiple

    def to_python(self, value):
        return super().to_python([value] if isinstance(value, str) and value else value)


def register(criterion):
    """Add a criterion (a class) to what segments can ask. Upper apps do it from `AppConfig.ready`."""
    _criteria[criterion.key] = criterion()
    return criterion


def register_family(prefix, give):
    """Add criteria that are made of data, under keys such as "prefix:children".

    `give(key)` returns that one criterion or None; `give()` returns all of them by key.
    """
    _families[prefix] = give


def criteria():
    """Every criterion by key, in the order they were registered; those made of data come last."""
    found = dict(_criteria)
    for give in _families.values():
        found |= give()
    return found


def criterion(key):
    """One criterion, or None: without a query where it is not made of data."""
    prefix, colon, _rest = key.partition(":") if isinstance(key, str) else ("", "", "")
    if colon and prefix in _families:
        return _families[prefix](key)
    return _criteria.get(key) if isinstance(key, str) else None


def permissions_of(tree):
    """The permissions that a tree asks for: who lacks one may neither build it nor be shown whom it finds."""
    asked = (criterion(part["is"]) for part in _said(tree))
    return {found.permission for found in asked if found is not None and found.permission}


def may_ask(user, tree):
    """Whether this user may build a tree and see whom it finds."""
    return all(user.has_perm(permission) for permission in permissions_of(tree))


def _said(tree):
    """Every criterion of a tree as it is stored, whatever else is wrong with it."""
    if isinstance(tree, list):
        for part in tree:
            yield from _said(part)
    elif isinstance(tree, dict):
        if "is" in tree:
            yield tree
        else:
            for parts in tree.values():
                yield from _said(parts)


class Unaskable(Exception):
    """A tree that cannot be compiled, in words for the organizer."""


def _parts(tree):
    """(how, parts) of a group. Raises Unaskable."""
    if not isinstance(tree, dict) or len(tree) != 1 or next(iter(tree)) not in GROUPS:
        raise Unaskable(_("A group must be all, any or none of its parts."))
    how, parts = next(iter(tree.items()))
    if not isinstance(parts, list):
        raise Unaskable(_("A group must hold a list of parts."))
    return how, parts


def _cleaned(part):
    """(criterion, cleaned values) of one criterion of a tree. Raises Unaskable."""
    asked = criterion(part.get("is"))
    if asked is None:
        raise Unaskable(_("“%(name)s” is not something a segment can ask.") % {"name": part.get("is")})
    value = part.get("value")
    form = asked.form({} if value is None else value)
    if not form.is_valid():
        said = " ".join(message for messages in form.errors.values() for message in messages)
        raise Unaskable(f"{asked.label}: {said}")
    if asked.condition(form.cleaned_data) == Q():
        raise Unaskable(_("%(criterion)s: fill in at least one of the fields.") % {"criterion": asked.label})
    return asked, form.cleaned_data


def _walk(tree, depth=1):
    """Every criterion of a tree, cleaned, with what is wrong with it: (part, criterion, cleaned, problem)."""
    try:
        if depth > DEEPEST:
            raise Unaskable(_("The groups are nested too deep."))
        _how, parts = _parts(tree)
    except Unaskable as wrong:
        yield tree, None, None, str(wrong)
        return
    for part in parts:
        if isinstance(part, dict) and "is" in part:
            try:
                yield part, *_cleaned(part), ""
            except Unaskable as wrong:
                yield part, None, None, str(wrong)
        else:
            yield from _walk(part, depth + 1)


def problems(tree):
    """What is wrong with a tree, in words for the organizer; an empty list when it can be asked."""
    if not tree:
        return []
    found = list(_walk(tree))
    said = [problem for _part, _criterion, _value, problem in found if problem]
    if len(found) > MOST:
        said.append(_("A segment can ask at most %(number)d things.") % {"number": MOST})
    return said


def _compile(tree):
    how, parts = _parts(tree)
    said = None
    for part in parts:
        if "is" in part:
            criterion, cleaned = _cleaned(part)
            condition = Q(criterion.condition(cleaned))
            condition = ~condition if part.get("not") else condition
        else:
            condition = _compile(part)
        if condition is None:
            continue
        said = condition if said is None else said & condition if how == "all" else said | condition
    if said is None:
        return None  # an empty group asks nothing
    return ~said if how == "none" else said


def matching(tree):
    """People who match a tree. An empty tree is everybody.

    One with a problem is nobody, so that a mistake never widens an audience.
    """
    present = Person.objects.present()
    if not tree:
        return present
    if problems(tree):
        return present.none()
    condition = _compile(tree)
    return present if condition is None else present.filter(condition)


def people(segment=None):
    """People of a segment; None means everybody who is present."""
    return Person.objects.present() if segment is None else matching(segment.criteria)


def describe(tree):
    """A tree in words: {"how", "label", "parts"}; a part is a group or {"label", "words", "not", "problem"}."""
    try:
        how, parts = _parts(tree or {"all": []})
    except Unaskable as wrong:
        return {"how": "all", "label": GROUPS["all"], "parts": [{"label": "", "words": "", "problem": str(wrong)}]}
    said = []
    for part in parts:
        if isinstance(part, dict) and "is" in part:
            try:
                criterion, cleaned = _cleaned(part)
                words = criterion.words(cleaned)
                said.append({"label": criterion.label, "words": words, "not": bool(part.get("not")), "problem": ""})
            except Unaskable as wrong:
                said.append({"label": "", "words": "", "problem": str(wrong)})
        else:
            said.append(describe(part))
    return {"how": how, "label": GROUPS[how], "parts": said}


@transaction.atomic
def keep(segment, *, name, tree, by=None):
    """Save a segment. Raises ValidationError with everything that is wrong with its tree."""
    if found := problems(tree):
        raise ValidationError(found)
    segment.name, segment.criteria = name, tree
    if segment.pk is None:
        segment.created_by = by
    segment.save()
    return segment


def used_by(segment):
    """What holds on to a segment, in whatever app: the rows that point to it."""
    found = []
    for relation in Segment._meta.related_objects:
        found += relation.related_model._default_manager.filter(**{relation.field.name: segment})
    return found


# What the coalition itself can ask.


@register
class Tagged(Criterion):
    key = "tag"
    label = gettext_lazy("Has a tag")

    def fields(self):
        return {"value": Several(queryset=Tag.objects.all(), label=gettext_lazy("Any of these tags"))}

    def condition(self, cleaned):
        return Exists(Tagging.objects.filter(person=OuterRef("pk"), tag__in=[tag.pk for tag in cleaned["value"]]))


@register
class Language(Criterion):
    key = "language"
    label = gettext_lazy("Language")

    def fields(self):
        return {"value": forms.ChoiceField(choices=settings.LANGUAGES, label=gettext_lazy("Reads and writes"))}

    def condition(self, cleaned):
        return Q(language=cleaned["value"])


@register
class State(Criterion):
    key = "state"
    label = gettext_lazy("State")
    family = gettext_lazy("Place")

    def fields(self):
        return {"value": Options(choices=STATES, label=gettext_lazy("Any of these states"))}

    def condition(self, cleaned):
        return Q(state__in=cleaned["value"])


@register
class City(Criterion):
    key = "city"
    label = gettext_lazy("City")
    family = gettext_lazy("Place")

    def fields(self):
        return {"value": forms.CharField(max_length=500, label=gettext_lazy("Cities, separated by commas"))}

    def condition(self, cleaned):
        said = Q()
        for city in filter(None, (name.strip() for name in cleaned["value"].split(","))):
            said |= Q(city__iexact=city)
        return said


class ZipField(forms.CharField):
    """ZIP codes or their beginnings, separated by commas or blanks: "010, 02108"."""

    def clean(self, value):
        starts = [z.rstrip("*") for z in super().clean(value).replace(",", " ").replace(";", " ").split()]
        wrong = [z for z in starts if not (z.isascii() and z.isdigit() and len(z) <= 5)]
        if wrong:
            raise ValidationError(
                gettext_lazy("“%(zip)s” is not a ZIP code or the beginning of one."), params={"zip": wrong[0][:20]}
            )
        return ", ".join(starts)


@register
class Zip(Criterion):
    key = "zip"
    label = gettext_lazy("ZIP code")
    family = gettext_lazy("Place")

    def fields(self):
        return {
            "value": ZipField(
                max_length=4000,
                label=gettext_lazy("ZIP codes"),
                help_text=gettext_lazy("Whole ones or how they begin, separated by commas: 01103, 021"),
            )
        }

    def condition(self, cleaned):
        # Ranges rather than LIKE, so that a plain index answers whatever the database's collation.
        said = Q()
        for start in cleaned["value"].split(", "):
            following = str(int(start) + 1).zfill(len(start))
            said |= Q(zip__gte=start, zip__lt=following) if len(following) == len(start) else Q(zip__gte=start)
        return said


class Reach(Criterion):
    family = gettext_lazy("Reachable")
    channel = ""
    STATES = [
        ("open", gettext_lazy("said yes, and it works")),
        ("none", gettext_lazy("never said yes or no")),
        ("withdrawn", gettext_lazy("said stop")),
        ("fault", gettext_lazy("has an address that does not work")),
        ("missing", gettext_lazy("has no address")),
    ]

    def fields(self):
        return {"value": forms.ChoiceField(choices=self.STATES, label=gettext_lazy("How it stands"))}

    def condition(self, cleaned):
        held = Address.objects.filter(person=OuterRef("pk"), channel=self.channel)
        match cleaned["value"]:
            case "open":
                return Exists(held.open().filter(primary=True))
            case "none":
                return Exists(held.filter(primary=True, consent__in=["none", "asked"]))
            case "withdrawn":
                return Exists(held.filter(consent="withdrawn"))
            case "fault":
                return Exists(held.filter(primary=True).exclude(fault=""))
        return ~Exists(held)


@register
class ByEmail(Reach):
    key = "email"
    label = gettext_lazy("By email")
    channel = Address.Channel.EMAIL


@register
class ByText(Reach):
    key = "text"
    label = gettext_lazy("By text")
    channel = Address.Channel.PHONE


@register
class Represents(Criterion):
    key = "organization"
    label = gettext_lazy("Speaks for an organization")
    family = gettext_lazy("Organizations")

    def fields(self):
        return {
            "organizations": Several(
                queryset=Organization.objects.all(),
                required=False,
                label=gettext_lazy("Organizations"),
                help_text=gettext_lazy("None chosen means any."),
            ),
            "role": forms.ChoiceField(
                choices=[("", gettext_lazy("In any role")), *Representative.Role.choices],
                required=False,
                label=gettext_lazy("Role"),
            ),
        }

    def condition(self, cleaned):
        held = Representative.objects.filter(person=OuterRef("pk"))
        if chosen := [organization.pk for organization in cleaned["organizations"]]:
            held = held.filter(organization__in=chosen)
        if cleaned["role"]:
            held = held.filter(role=cleaned["role"])
        return Exists(held)


@register
class ImportedIn(Criterion):
    key = "import"
    label = gettext_lazy("Came with an import")
    family = gettext_lazy("History")

    def fields(self):
        return {
            "value": forms.ModelChoiceField(
                queryset=Import.objects.exclude(state=Import.State.UPLOADED), label=gettext_lazy("Import")
            )
        }

    def condition(self, cleaned):
        return Exists(ImportedRow.objects.filter(person=OuterRef("pk"), batch=cleaned["value"].pk))


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs):
        super().__init__(format="%Y-%m-%d", **kwargs)


@register
class Joined(Criterion):
    key = "joined"
    label = gettext_lazy("Added")
    family = gettext_lazy("History")

    def fields(self):
        return {
            "since": forms.DateField(required=False, label=gettext_lazy("From"), widget=DateInput),
            "until": forms.DateField(required=False, label=gettext_lazy("Until"), widget=DateInput),
        }

    def condition(self, cleaned):
        # Moments rather than dates, so that the index on when people were added serves.
        said = Q()
        if cleaned["since"]:
            said &= Q(created_at__gte=_midnight(cleaned["since"]))
        if cleaned["until"]:
            said &= Q(created_at__lt=_midnight(cleaned["until"] + timedelta(days=1)))
        return said


def _midnight(day):
    return timezone.make_aware(datetime.combine(day, time.min))
