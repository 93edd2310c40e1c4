"""What an organizer enters to open a round, to choose partners, and to move a deadline."""

import datetime
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from coalition import languages
from coalition.forms.fields import zone_choices
from coalition.models import Organization, Representative


class DeadlineForm(forms.Form):
    day = forms.DateField(
        label=_("Deadline, day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": _("Choose the day."), "invalid": _("Choose the day.")},
    )
    time = forms.TimeField(
        label=_("Deadline, time"),
        initial=datetime.time(17),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"required": _("Choose the time."), "invalid": _("Choose the time.")},
    )
    zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=zone_choices,
        initial=settings.TIME_ZONE,
        help_text=_("Partners always see it beside the time."),
    )

    def __init__(self, *args, round_=None, **kwargs):
        super().__init__(*args, **kwargs)
        if round_ is not None:
            there = languages.local(round_.deadline, round_.zone)
            self.initial |= {"day": there.date(), "time": there.time(), "zone": round_.zone}
            self.fields["zone"].choices = zone_choices(round_.zone)

    def clean(self):
        data = super().clean()
        if data.get("day") and data.get("time") and data.get("zone"):
            moment = datetime.datetime.combine(data["day"], data["time"], ZoneInfo(data["zone"]))
            if moment <= datetime.datetime.now(datetime.UTC):
                self.add_error("day", _("Choose a time that is still to come."))
            data["deadline"] = moment
        return data


class RoundForm(DeadlineForm):
    """Opening a round: the deadline, and what partners are told in each language."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for code, name in settings.LANGUAGES:
            self.fields[f"addressee_{code}"] = forms.CharField(
                label=_("Addressed to (%(language)s)") % {"language": name},
                max_length=250,
                required=False,
                widget=forms.TextInput(attrs={"lang": code}),
            )
        for code, name in settings.LANGUAGES:
            self.fields[f"message_{code}"] = forms.CharField(
                label=_("Message to partners (%(language)s)") % {"language": name},
                required=False,
                max_length=4000,
                widget=forms.Textarea(attrs={"rows": 4, "lang": code}),
            )

    def clean(self):
        data = super().clean()
        for name in ("addressee", "message"):
            said = {code: (data.get(f"{name}_{code}") or "").strip() for code, _name in settings.LANGUAGES}
            if any(said.values()):
                for code, text in said.items():
                    if not text:
                        self.add_error(f"{name}_{code}", _("Write it in every language, or in none."))
            data[name] = said if all(said.values()) else ""
        return data


class PartnersForm(forms.Form):
    """The partners to ask: each is asked through those who may sign for it."""

    organizations = forms.ModelMultipleChoiceField(
        Organization.objects.none(),
        label=_("Partners"),
        required=False,
        error_messages={"invalid_choice": _("One of the partners chosen can no longer be asked.")},
    )

    def __init__(self, *args, round_=None, required=False, **kwargs):
        super().__init__(*args, **kwargs)
        asked = round_.invitations.values("organization") if round_ else []
        self.fields["organizations"].queryset = Organization.objects.partners().exclude(pk__in=asked)
        if required:
            self.fields["organizations"].required = True
            self.fields["organizations"].error_messages["required"] = _("Choose at least one partner.")

    def representatives(self):
        """Who is asked for the partners chosen."""
        return Representative.objects.filter(
            organization__in=self.cleaned_data["organizations"], may_sign=True, person__binned_at=None
        )
