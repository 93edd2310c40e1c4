"""Form fields used in many places: a name, an address, a phone number, each in the one form it is kept in; zones."""

import re

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from coalition import languages, people, zones
from coalition.models import Address

# A name stands in an email to whoever is typed beside it: it must not carry somebody's link there, nor turn its words
# around with marks for the direction of writing.
LINK = re.compile(r"://|www\.|@|[\x00-\x1f\u202a-\u202e\u2066-\u2069]", re.IGNORECASE)


class NameField(forms.CharField):
    widget = forms.TextInput(attrs={"autocomplete": "name"})
    default_error_messages = {"required": _("Enter your name")}

    def __init__(self, **kwargs):
        super().__init__(**{"label": _("Your name"), "max_length": 100, **kwargs})

    def clean(self, value):
        name = " ".join(super().clean(value).split())
        if LINK.search(name):
            raise ValidationError(_("Enter a name without links or addresses"))
        return name


class EmailField(forms.CharField):
    widget = forms.EmailInput(attrs={"autocomplete": "email"})
    default_error_messages = {"required": _("Enter an email address such as name@example.org")}

    def __init__(self, **kwargs):
        super().__init__(**{"label": _("Email address"), "max_length": 254, **kwargs})

    def clean(self, value):
        value = super().clean(value)
        return people.normalise(Address.Channel.EMAIL, value) if value else ""


class PhoneField(forms.CharField):
    widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"})

    def __init__(self, **kwargs):
        super().__init__(**{"label": _("Mobile phone number"), "max_length": 30, **kwargs})

    def clean(self, value):
        value = super().clean(value)
        return people.normalise(Address.Channel.PHONE, value) if value else ""


class ZipField(forms.CharField):
    widget = forms.TextInput(attrs={"autocomplete": "postal-code", "inputmode": "numeric", "size": 8})

    def __init__(self, **kwargs):
        super().__init__(**{"label": _("ZIP code"), "max_length": 10, **kwargs})

    def clean(self, value):
        value = super().clean(value)
        if value and not re.fullmatch(r"\d{5}(-\d{4})?", value):
            raise ValidationError(_("Enter a ZIP code of five digits, such as 02139"))
        return value


def say_languages(form, *names):
    """One box for each language, under one label: each says whose it is."""
    for name in names:
        field = form.fields[name]
        for box, (code, language) in zip(field.widget.widgets, settings.LANGUAGES, strict=False):
            box.attrs |= {"placeholder": language, "aria-label": f"{field.label} ({language})", "lang": code}


def zone_choices(held=""):
    """[(zone, its name in the reader's language)]: the one already held, the installation's own, then the country's."""
    found = dict.fromkeys(filter(None, [held, settings.TIME_ZONE, *zones.USUAL]))
    names = ((zone, languages.zone_name(zone, get_language())) for zone in found)
    return [(zone, name[:1].upper() + name[1:]) for zone, name in names]
