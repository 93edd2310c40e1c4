"""What may come into the demo's rooms."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class WhoForm(forms.Form):
    q = forms.CharField(label=_("Name or number"), max_length=100, required=False)


class TextForm(forms.Form):
    words = forms.CharField(label=_("Text"), max_length=1600, error_messages={"required": _("Type something first.")})


class OutboxForm(forms.Form):
    q = forms.CharField(label=_("Address or subject"), max_length=100, required=False)
    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("Both languages")), *settings.LANGUAGES], required=False
    )
