"""What staff enter about their sign-in, and administrators about that of others."""

from django import forms
from django.utils.translation import gettext_lazy as _


class CodeForm(forms.Form):
    """The code that the app shows now."""

    code = forms.CharField(
        label=_("Code"),
        max_length=12,
        help_text=_("Six digits, from the app on your phone."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "size": 12}
        ),
        error_messages={"required": _("Enter the code that the app shows.")},
    )


class RecoveryForm(forms.Form):
    """One of the ten codes that were shown once."""

    code = forms.CharField(
        label=_("Recovery code"),
        max_length=20,
        help_text=_("One of the ten you kept. Each works once."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "size": 16}),
        error_messages={"required": _("Enter one of your recovery codes.")},
    )


class WhyForm(forms.Form):
    """Why an administrator does it; the audit keeps it."""

    why = forms.CharField(
        label=_("Why"),
        max_length=300,
        help_text=_("It stands in the audit. Name nobody else."),
        error_messages={"required": _("Say in a few words why.")},
    )
