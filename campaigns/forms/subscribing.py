"""What may come in from "Get updates". Each channel has a box of its own, never ticked beforehand (rule S1)."""

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from coalition.forms.fields import EmailField, NameField, PhoneField, ZipField
from coalition.models import Installation


class SubscribeForm(forms.Form):
    name = NameField()
    zip_code = ZipField(required=False, help_text=_("So that we write when your own school or legislator is meant."))
    email = EmailField(required=False)
    by_email = forms.BooleanField(required=False)
    phone = PhoneField(required=False)
    by_text = forms.BooleanField(required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        installation = Installation.get()
        for box, words in (("by_email", installation.email_wording), ("by_text", installation.text_wording)):
            self.fields[box].label = words.localize(get_language()) if words else ""
        if not installation.text_wording:
            del self.fields["phone"], self.fields["by_text"]

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("by_email") and not cleaned.get("email") and "email" not in self.errors:
            self.add_error("email", _("Enter the email address to which we may write"))
        if cleaned.get("by_text") and not cleaned.get("phone") and "phone" not in self.errors:
            self.add_error("phone", _("Enter the phone number to which we may send texts"))
        if not self.errors and not (cleaned.get("by_email") or cleaned.get("by_text")):
            self.add_error("by_email", _("Tick at least one way in which we may write to you"))
        return cleaned
