"""Fields that a coalition defines for itself, as form fields: alone, and in the forms of people and organizations."""

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from coalition import custom
from coalition.models import CustomField

Kind = CustomField.Kind
PREFIX = "custom_"


class OwnField(forms.Field):
    """What somebody enters for one defined field, cleaned to what is stored; nothing is None."""

    def __init__(self, field, *, held=None, **kwargs):
        self.field = field
        defaults = {"label": str(field.label), "help_text": str(field.hint or ""), "required": False}
        super().__init__(**{**defaults, "widget": _widget(field, held), **kwargs})

    def prepare_value(self, value):
        """A stored value as the widget shows it; what was entered and refused stays as it was entered."""
        if self.field.kind == Kind.YES_NO and isinstance(value, bool):
            return "yes" if value else "no"
        if self.field.kind == Kind.NUMBER and not isinstance(value, str):
            return custom.show(self.field, value)
        return value

    def clean(self, value):
        value = super().clean(value)
        return custom.clean(self.field, value)

    def has_changed(self, initial, data):
        try:
            return not custom.same(self.field, initial, custom.clean(self.field, data))
        except forms.ValidationError:
            return True


def _widget(field, held):
    match field.kind:
        case Kind.TEXT:
            return forms.TextInput(attrs={"maxlength": custom.TEXT_AT_MOST, "autocomplete": "off"})
        case Kind.NUMBER:
            return forms.TextInput(attrs={"inputmode": "decimal", "size": 12, "autocomplete": "off"})
        case Kind.DATE:
            return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        case Kind.CHOICE:
            return forms.Select(choices=[("", "—"), *custom.choices_of(field, held=held or ())])
        case Kind.CHOICES:
            return forms.CheckboxSelectMultiple(choices=custom.choices_of(field, held=held or ()))
    return forms.Select(choices=[("", "—"), ("yes", _("Yes")), ("no", _("No"))])


def form_field(field, *, held=None, **kwargs):
    """A form field for a defined field. `held`: the stored value, so that a retired choice can be kept."""
    return OwnField(field, held=held, **kwargs)


class CustomFieldsMixin:
    """For the ModelForm of a person or an organization: one form field "custom_<key>" for each field in use.

    `custom_values` are the cleaned values by key for the verb; a template includes `coalition/fields/inputs.html`.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        held = self.instance.custom or {}
        self._custom = {}
        for field in custom.fields_of(self._meta.model, sealed=False):
            name = f"{PREFIX}{field.key}"
            self._custom[name] = field.key
            self.fields[name] = form_field(field, held=held.get(field.key))
            if field.key in held:
                self.initial.setdefault(name, held[field.key])

    @cached_property
    def custom_fields(self):
        """The bound fields, for a template."""
        return [self[name] for name in self._custom]

    @property
    def custom_values(self):
        """{key: stored value, or None for nothing} of what was entered."""
        return {key: self.cleaned_data.get(name) for name, key in self._custom.items()}
