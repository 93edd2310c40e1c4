"""What a person may choose on the preference page, and how they ask for a fresh link to it."""

from django import forms
from django.utils.html import escape
from django.utils.translation import gettext_lazy as _

from coalition import languages
from coalition.forms.fields import EmailField, NameField
from coalition.models import Address

WORDING = {
    "email": _("Send me news by email. I can leave at any time with the link in every message."),
    "phone": _(
        "Send me text messages, about %(number)d a month. Message and data rates may apply. "
        "Reply STOP to end, HELP for help. I need not agree to take part."
    ),
}


class PreferencesForm(forms.Form):
    """One box for each channel, beside the words that are kept with the consent (rule S1).

    `offered`: {channel: (address, how the page shows it)}.
    """

    language = forms.ChoiceField(label=_("Write to me in"), widget=forms.RadioSelect, choices=languages.own_names)
    name = NameField(required=False, max_length=200)

    def __init__(self, *args, offered, installation, **kwargs):
        super().__init__(*args, **kwargs)
        self.offered = offered
        self.wording = {
            "email": str(installation.email_wording or "") or str(WORDING["email"]),
            "phone": str(installation.text_wording or "")
            or str(WORDING["phone"]) % {"number": installation.texts_a_month},
        }
        for channel, (held, shown) in offered.items():
            words = _("Emails to %(address)s") if channel == "email" else _("Texts to %(address)s")
            hint = words % {"address": shown}
            if held.fault:
                trouble = _("Our last messages there did not arrive.")
                hint = f"{hint}. {trouble}"
            self.fields[channel] = forms.BooleanField(
                label=self.wording[channel], required=False, help_text=escape(hint)
            )
            self.initial[channel] = held.consent == Address.Consent.GRANTED
        self.order_fields([*offered, "language", "name"])

    @property
    def choices(self):
        """{channel: bool} of the boxes that were offered."""
        return {channel: self.cleaned_data[channel] for channel in self.offered}


class LinkForm(forms.Form):
    """Where to send a fresh link."""

    email = EmailField(label=_("Your email address"), help_text=_("We send the link there. It works for some weeks."))
