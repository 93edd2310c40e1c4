"""What an administrator may set about pace and days: quiet days, paces by provider and domain, warm-ups."""

import re

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from i18nfield.forms import I18nModelForm

from campaigns import pacing
from campaigns.models import Pace, QuietDay, WarmUp
from coalition.forms.fields import say_languages

DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")


class QuietDayForm(I18nModelForm):
    class Meta:
        model = QuietDay
        fields = ["day", "name"]
        widgets = {"day": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        say_languages(self, "name")


def _domain(value):
    domain = value.strip().lower().removeprefix("@")
    if domain and not DOMAIN.fullmatch(domain):
        raise ValidationError(_("Enter a domain such as gmail.com."))
    return domain


class PaceForm(forms.ModelForm):
    class Meta:
        model = Pace
        fields = ["provider", "domain", "a_minute", "a_day"]

    def clean_provider(self):
        return self.cleaned_data["provider"].strip().lower()

    def clean_domain(self):
        return _domain(self.cleaned_data["domain"])

    def clean(self):
        cleaned = super().clean()
        for name in ("a_minute", "a_day"):
            if cleaned.get(name) == 0:
                self.add_error(name, _("Enter 1 or more: with 0 nothing would ever leave."))
        if not self.errors and cleaned.get("a_minute") is None and cleaned.get("a_day") is None:
            raise ValidationError(_("Enter a number a minute, a number a day, or both."))
        return cleaned


class WarmUpForm(forms.ModelForm):
    class Meta:
        model = WarmUp
        fields = ["domain", "began_on", "steps"]
        widgets = {"began_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            self.initial.setdefault("domain", pacing.sending_domain())

    def clean_domain(self):
        return _domain(self.cleaned_data["domain"])

    def clean_steps(self):
        parts = [part.strip() for part in self.cleaned_data["steps"].split(",") if part.strip()]
        if not parts or not all(part.isdecimal() and 0 < int(part) <= 10_000_000 for part in parts):
            raise ValidationError(_("Enter whole numbers above 0, separated by commas: 200, 500, 1000."))
        return ", ".join(str(int(part)) for part in parts)
