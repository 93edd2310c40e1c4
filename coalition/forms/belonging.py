"""What somebody says of themselves: the communities they belong to, and the fields that are sensitive."""

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from coalition import belonging, custom
from coalition.forms.custom import PREFIX, form_field
from coalition.models import Sensitive


class ConstituenciesField(forms.MultipleChoiceField):
    """Communities to tick, none of them beforehand unless the person said so; cleaned to a list of slugs.

    For the person's own page and for staff. `held`: the slugs they said before.
    """

    widget = forms.CheckboxSelectMultiple

    def __init__(self, *, held=(), **kwargs):
        super().__init__(
            **{
                "label": _("Communities you belong to"),
                "required": False,
                "choices": [(c.slug, str(c)) for c in belonging.offered(held=held)],
                "initial": list(held),
                **kwargs,
            }
        )


class SensitiveForm(forms.Form):
    """For staff: as the person told them."""

    def __init__(self, *args, person, **kwargs):
        super().__init__(*args, **kwargs)
        self.person = person
        sensitive = Sensitive.objects.filter(person=person).first()
        self.declared_at = sensitive.declared_at if sensitive else None
        slugs, held = belonging.slugs_of(sensitive), dict(sensitive.custom or {}) if sensitive else {}
        constituencies = ConstituenciesField(
            held=slugs,
            label=_("Communities they say they belong to"),
            help_text=_(
                "Only what the person told you of themselves. Never what you think, or what a name sounds like."
            ),
        )
        if constituencies.choices:
            self.fields["constituencies"] = constituencies
        self._sealed = {}
        for field in custom.fields_of(person, sealed=True):
            self._sealed[f"{PREFIX}{field.key}"] = field.key
            self.fields[f"{PREFIX}{field.key}"] = form_field(
                field, held=held.get(field.key), initial=held.get(field.key)
            )

    @cached_property
    def values(self):
        return {key: self.cleaned_data.get(name) for name, key in self._sealed.items()}

    def keep(self, by):
        """Hand what was entered to the verbs. Returns whether anything changed."""
        changed = bool(custom.keep_sealed(self.person, self.values, by=by))
        if "constituencies" in self.fields:
            said = self.cleaned_data["constituencies"]
            changed |= belonging.declare(self.person, said, source="told", by=by)
        return changed
