"""What a segment can ask: criteria by key, of the coalition, of upper apps, and of what an installation defines."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# The parts of the menu that there always are, in this order; others come after them.
FAMILIES = [
    gettext_lazy("Person"),
    gettext_lazy("Place"),
    gettext_lazy("Reachable"),
    gettext_lazy("Took part"),
    gettext_lazy("Organizations"),
    gettext_lazy("History"),
    gettext_lazy("Saved and random"),
]

_criteria = {}
_families = {}


class CriterionForm(forms.Form):
    """The fields of one criterion; what they say together is for the criterion to judge."""

    criterion = None

    def clean(self):
        cleaned = super().clean()
        if not self.errors:
            self.criterion.clean(cleaned)
        return cleaned


class Criterion:
    """One question about a person: `fields` are what is filled in, `condition` compiles it, never with a join.

    `label` names it in the menu, `family` is the part of the menu; `sentence` goes on after "People who …".
    Only who holds `permission` (if there is one) may ask it, and see whom a segment that asks it finds.
    """

    key = ""
    label = ""
    family = gettext_lazy("Person")
    permission = ""
    nests = False  # whether it leads to other criteria, whose permissions count as well

    def fields(self):
        """Form fields by name, made anew for each form. A criterion with one field calls it "value"."""
        raise NotImplementedError

    def clean(self, cleaned):
        """Raise ValidationError where the fields do not go together."""

    def condition(self, cleaned):
        """A Q or Exists over Person, from the form's cleaned values. An empty Q says that nothing was asked."""
        raise NotImplementedError

    def needs(self, cleaned):
        """The permissions that this question wants of who asks it."""
        return {self.permission} if self.permission else set()

    def form(self, value=None, *, prefix="", **kwargs):
        """The form of this criterion, bound to a stored value when there is one."""
        if value is not None:
            held = value if isinstance(value, dict) else {"value": value}
            kwargs["data"] = {f"{prefix}-{name}" if prefix else name: v for name, v in held.items()}
        form = CriterionForm(use_required_attribute=False, prefix=prefix or None, **kwargs)
        form.criterion = self
        form.fields.update(self.fields())
        return form

    def words(self, cleaned):
        """What was chosen, as an organizer reads it."""
        return " · ".join(filter(None, (shown(field, cleaned.get(name)) for name, field in self.fields().items())))

    def sentence(self, cleaned):
        """What goes on after "People who …", such as "read Spanish"."""
        return f"{self.label}: {self.words(cleaned)}"


def shown(field, value):
    """The chosen value of a field in words."""
    if value in (None, "", []) or isinstance(field.widget, forms.HiddenInput):
        return ""
    if hasattr(field, "queryset"):
        return ", ".join(map(str, value if hasattr(value, "__iter__") else [value]))
    if isinstance(field, forms.MultipleChoiceField | forms.ChoiceField):
        names = {str(key): str(name) for key, name in field.choices}
        return ", ".join(names.get(str(v), str(v)) for v in (value if isinstance(value, list) else [value]))
    if isinstance(field, forms.DateField):
        return f"{field.label} {value:%Y-%m-%d}" if field.label else f"{value:%Y-%m-%d}"
    return str(value)


def either(names):
    """Names as a choice: "A", "A or B", "A, B or C"."""
    *some, last = map(str, names)
    return _("%(some)s or %(last)s") % {"some": ", ".join(some), "last": last} if some else last


def both(names):
    """Names together: "A", "A and B", "A, B and C"."""
    *some, last = map(str, names)
    return _("%(some)s and %(last)s") % {"some": ", ".join(some), "last": last} if some else last


class Several(forms.ModelMultipleChoiceField):
    """Rows to tick; a single stored key counts as a list of one."""

    widget = forms.CheckboxSelectMultiple

    def clean(self, value):
        return super().clean([value] if isinstance(value, int | str) and value else value)


class Options(forms.MultipleChoiceField):
    """Choices to tick; a single stored one counts as a list of one."""

    widget = forms.CheckboxSelectMultiple

    def to_python(self, value):
        return super().to_python([value] if isinstance(value, str) and value else value)


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs):
        super().__init__(format="%Y-%m-%d", **kwargs)


def register(criterion):
    """Add a criterion (a class) to what segments can ask. Upper apps do it from `AppConfig.ready`."""
    _criteria[criterion.key] = criterion()
    return criterion


def register_family(prefix, give):
    """Add criteria that are made of data, such as custom fields, under keys such as "prefix:children".

    `give(key)` returns that one criterion or None; `give()` returns all of them by key.
    """
    _families[prefix] = give


def criteria(user=None):
    """Every criterion by key, in the order they were registered, those made of data last; with a user, what they may
    ask.
    """
    found = dict(_criteria)
    for give in _families.values():
        found |= give()
    if user is None:
        return found
    return {key: c for key, c in found.items() if not c.permission or user.has_perm(c.permission)}


def criterion(key):
    """One criterion, or None: without a query where it is not made of data."""
    prefix, colon, _rest = key.partition(":") if isinstance(key, str) else ("", "", "")
    if colon and prefix in _families:
        return _families[prefix](key)
    return _criteria.get(key) if isinstance(key, str) else None
