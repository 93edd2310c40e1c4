"""What may come in about whom a message is for, when it leaves, on which days none does, and how fast."""

import re
from datetime import date, datetime, timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns import pacing
from campaigns.models import Campaign, Message
from coalition.models import Address, Segment, Topic

AHEAD_AT_MOST = timedelta(days=366)
SOURCE = re.compile(r"[A-Za-z0-9_.-]*")


class FrameForm(forms.ModelForm):
    """What a draft is called and whom it is for; the channel stays."""

    class Meta:
        model = Message
        fields = ["name", "campaign", "included", "excluded", "share", "topic", "archived", "source"]
        widgets = {"included": forms.CheckboxSelectMultiple, "excluded": forms.CheckboxSelectMultiple}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["campaign"].queryset = Campaign.objects.all()
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        self.fields["share"].required = False  # who posts none means all of them
        self.fields["share"].widget.attrs |= {"min": 1, "max": 100, "inputmode": "numeric"}
        for name in ("included", "excluded"):
            self.fields[name].queryset = Segment.objects.order_by("name")
        topics = Topic.objects.filter(Q(retired_at=None) | Q(pk=self.instance.topic_id))
        if topics.exists():
            self.fields["topic"].queryset = topics
            self.fields["topic"].empty_label = _("No topic: nobody has muted it")
        else:
            del self.fields["topic"]
        if self.instance.channel == Address.Channel.PHONE:
            del self.fields["archived"]

    def clean_share(self):
        share = self.cleaned_data.get("share")
        return 100 if share is None else share

    def clean_source(self):
        source = self.cleaned_data["source"].strip()
        if not SOURCE.fullmatch(source):
            raise ValidationError(_("Use letters without accents, digits, dots, dashes and underscores."))
        return source

    def clean(self):
        cleaned = super().clean()
        both = set(cleaned.get("included") or ()) & set(cleaned.get("excluded") or ())
        if both:
            names = ", ".join(sorted(segment.name for segment in both))
            self.add_error(
                "excluded", ValidationError(_("%(names)s cannot be both in and out."), params={"names": names})
            )
        return cleaned


class WhenForm(forms.Form):
    """A day and a time on the coalition's own clock; or the same on each person's."""

    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    time = forms.TimeField(label=_("Time"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    local = forms.BooleanField(
        label=_("On each person's own clock"),
        help_text=_("At this time where each of them lives, so that nobody is written to at night."),
        required=False,
    )

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("day") and cleaned.get("time"):
            at = datetime.combine(cleaned["day"], cleaned["time"], pacing.zone())
            if at.astimezone(timezone.get_fixed_timezone(0)).astimezone(pacing.zone()).time() != cleaned["time"]:
                self.add_error("time", _("This hour does not exist on that day: the clocks go forward."))
            elif at <= timezone.now():
                self.add_error("day", _("This moment is over. Choose a later one."))
            elif at > timezone.now() + AHEAD_AT_MOST:
                self.add_error("day", _("Choose a day within a year."))
            cleaned["at"] = at
        return cleaned


class AllowForm(forms.Form):
    """Why a message leaves in spite of a cap or a quiet day; an empty reason takes it back."""

    check = forms.ChoiceField(choices=[("cap", ""), ("quiet_day", "")], widget=forms.HiddenInput)
    reason = forms.CharField(label=_("Why it cannot wait"), max_length=300, required=False)


class CalendarForm(forms.Form):
    """Which month to show, and as what."""

    month = forms.DateField(
        input_formats=["%Y-%m"],
        required=False,
        validators=[MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2100, 12, 1))],
    )
    show = forms.ChoiceField(choices=[("month", ""), ("list", "")], required=False)
