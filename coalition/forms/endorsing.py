"""What may come in from who signs for themselves. Nobody is asked for their age: the words say it (rule P2)."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from coalition import endorsing
from coalition.forms.fields import LINK, EmailField, NameField
from coalition.models import Installation, Version


class PlainField(forms.CharField):
    """A few words for a public list: one line, and no links."""

    def clean(self, value):
        words = " ".join(super().clean(value).split())
        if LINK.search(words):
            raise ValidationError(_("Enter it without links or addresses"))
        return words


class SignersNameField(NameField):
    def clean(self, value):
        name = super().clean(value)
        if sum(letter.isalpha() for letter in name) < 2:
            raise ValidationError(_("Enter your name as it should stand on the list"))
        return name


class EndorsementForm(forms.Form):
    """The version read travels along, so that nobody signs another text than the one they saw."""

    version = forms.ModelChoiceField(Version.objects.none(), widget=forms.HiddenInput)
    name = SignersNameField(help_text=_("As it should stand on the public list."))
    email = EmailField(help_text=_("We send you a link to confirm. It is never shown."))
    city = PlainField(
        label=_("City or town"),
        max_length=100,
        required=False,
        help_text=_("Stands beside your name."),
        widget=forms.TextInput(attrs={"autocomplete": "address-level2"}),
    )
    affiliation = PlainField(
        label=_("Title and organization"),
        max_length=200,
        required=False,
        help_text=_("For identification only: you sign for yourself, and your organization does not."),
        widget=forms.TextInput(attrs={"autocomplete": "organization-title"}),
    )
    agreed = forms.BooleanField(error_messages={"required": _("Tick the box to sign")})

    def __init__(self, *args, reading, **kwargs):
        super().__init__(*args, **{"auto_id": "sign_%s", "initial": {"version": reading.version}, **kwargs})
        self.fields["version"].queryset = reading.publication.versions.all()
        self.fields["agreed"].label = endorsing.wording(reading.version, get_language())


def form_of(reading):
    """The form in which people sign a version for themselves; None where it does not take them."""
    return EndorsementForm(reading=reading) if reading.for_individuals else None


class ConfirmForm(forms.Form):
    """The button of an individual, with a box of its own for news, never ticked beforehand (rule S1)."""

    version = forms.ModelChoiceField(Version.objects.none(), widget=forms.HiddenInput)
    updates = forms.BooleanField(required=False)

    def __init__(self, *args, publication, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["version"].queryset = publication.versions.all()
        wording = Installation.get().email_wording
        self.fields["updates"].label = wording.localize(get_language()) if wording else ""
        if not self.fields["updates"].label:
            del self.fields["updates"]
