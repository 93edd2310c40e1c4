"""What may come in from the carrier, and what staff may write back."""

import re

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

SID = RegexValidator(r"^(?:SM|MM)[0-9a-f]{32}\Z")
PHONE = RegexValidator(r"^\+[1-9][0-9]{6,14}\Z")


class InboundForm(forms.Form):
    """Twilio's incoming message: the fields we use, under Twilio's names, with bounds."""

    MessageSid = forms.CharField(max_length=34, validators=[SID])
    AccountSid = forms.CharField(max_length=34)
    From = forms.CharField(max_length=30)
    Body = forms.CharField(max_length=4000, required=False, strip=False)
    OptOutType = forms.ChoiceField(choices=[(t, t) for t in ("STOP", "HELP", "START")], required=False)

    def __init__(self, data):
        data = {name: (data.get(name) or "").replace("\x00", "") for name in self.base_fields}
        data["OptOutType"] = data["OptOutType"].upper()
        super().__init__(data)

    @property
    def from_a_phone(self):
        """Whether a phone wrote: a short code or an app's channel ("whatsapp:…") is nobody we could answer."""
        return bool(re.fullmatch(PHONE.regex, self.cleaned_data["From"]))


class StatusForm(forms.Form):
    """Twilio's news of a text that we sent."""

    MessageSid = forms.CharField(max_length=34, validators=[SID])
    AccountSid = forms.CharField(max_length=34)
    MessageStatus = forms.RegexField(r"^[a-z_]{1,20}\Z")
    ErrorCode = forms.IntegerField(min_value=0, max_value=999999, required=False)


class ReplyForm(forms.Form):
    """What staff write to one number. `key` is given out with the page, so that a double press writes once."""

    words = forms.CharField(
        label=_("Your answer"),
        max_length=1600,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write something before you send it.")},
    )
    key = forms.UUIDField(widget=forms.HiddenInput)


class StopForm(forms.Form):
    """A stop that somebody said otherwise than by text (rule S6)."""

    how = forms.CharField(
        label=_("Where did you hear it?"),
        max_length=200,
        help_text=_("Such as: on the phone with Ana, May 5. It stands as the proof."),
        error_messages={"required": _("Say where you heard it.")},
    )
