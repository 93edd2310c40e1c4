"""What an administrator may change of the installation: who we are, what people agree to, and the thresholds."""

from datetime import time

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from i18nfield.forms import I18nModelForm

from coalition.models import Installation

# The widest hours federal law leaves for texts; a coalition may only be kinder (rule S7).
EARLIEST, LATEST = time(8), time(21)
CLOSING = ["soft_bounces", "soft_bounce_days", "lost_numbers", "silent_phones", "blocked_numbers"]
# Zero would close everybody at once, pause every message, or let no link work.
AT_LEAST_ONE = [*CLOSING, "filtered_percent", "personal_link_days", "emails_at_most"]
SECTIONS = (
    (_("Who we are"), ["name", "short_name", "postal_address", "email", "phone", "brand_colour", "disclaimer"]),
    (_("What people agree to"), ["email_wording", "text_wording", "text_programme", "texts_a_month"]),
    (_("Hours for texts"), ["quiet_until", "quiet_from", "quiet_until_sunday"]),
    (_("When an address closes by itself"), [*CLOSING, "filtered_percent"]),
    (_("Emails to many"), ["emails_at_most", "emails_in_days", "hours_between", "follow_links", "count_opens"]),
    (_("Before a message leaves"), ["second_reader", "partisan_words", "reading_ease"]),
    (
        _("When sending stops by itself"),
        ["breaker_after", "breaker_bounces", "breaker_complaints", "breaker_unsubscribes"],
    ),
    (_("Personal links"), ["personal_link_days"]),
    (_("Staff"), ["second_factor"]),
)


class InstallationForm(I18nModelForm):
    class Meta:
        model = Installation
        fields = [name for _heading, names in SECTIONS for name in names]
        widgets = {
            "brand_colour": forms.TextInput(attrs={"type": "color"}),
            "partisan_words": forms.Textarea(attrs={"rows": 10}),
        } | {
            name: forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
            for name in ("quiet_until", "quiet_from", "quiet_until_sunday")
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # One box for each language, under one label: each says whose it is.
            for box, (_code, language) in zip(getattr(field.widget, "widgets", []), settings.LANGUAGES, strict=False):
                box.attrs |= {"placeholder": language, "aria-label": f"{field.label} ({language})", "rows": 3}
        for name in AT_LEAST_ONE:
            self.fields[name].widget.attrs["min"] = 1

    def sections(self):
        """[(heading, its fields)] in the order of the page."""
        return [(heading, [self[name] for name in names]) for heading, names in SECTIONS]

    def clean(self):
        cleaned = super().clean()
        opens, closes, sunday = (cleaned.get(name) for name in ("quiet_until", "quiet_from", "quiet_until_sunday"))
        for name, at in (("quiet_until", opens), ("quiet_until_sunday", sunday)):
            if at and at < EARLIEST:
                self.add_error(name, _("The law allows no texts before 8 in the morning."))
            elif at and closes and at >= closes:
                self.add_error(name, _("This has to be earlier than the hour after which no text leaves."))
        if closes and closes > LATEST:
            self.add_error("quiet_from", _("The law allows no texts after 9 in the evening."))
        for name in AT_LEAST_ONE:
            if cleaned.get(name) == 0:
                self.add_error(name, _("Enter 1 or more."))
        if cleaned.get("partisan_words"):
            words = dict.fromkeys(" ".join(line.split()) for line in cleaned["partisan_words"].splitlines())
            cleaned["partisan_words"] = "\n".join(filter(None, words))
        if (cleaned.get("filtered_percent") or 0) > 100:
            self.add_error("filtered_percent", _("Enter 100 or less."))
        return cleaned
