"""What may come in about a series: what begins it, and each step's name, wait and condition."""

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.models import Message, Series, Step
from coalition import segments
from coalition.models import Address

Trigger = Series.Trigger
DAY = 24
LONGEST = 365 * DAY
# What a trigger may be narrowed to; the other fields are emptied.
ABOUT = {Trigger.SIGNED: {"round"}, Trigger.REGISTERED: {"webinar"}, Trigger.NOT_ACTED: {"message", "after_days"}}
NARROWING = ("round", "webinar", "message", "after_days")


class SeriesForm(forms.ModelForm):
    class Meta:
        model = Series
        fields = [
            "name",
            "campaign",
            "trigger",
            "round",
            "webinar",
            "message",
            "after_days",
            "segment",
            "stops_on_action",
        ]
        widgets = {"trigger": forms.RadioSelect}
        help_texts = {
            "name": _("Only you see it."),
            "stops_on_action": _("To sign, to register or to answer ends it; to open or to click does not."),
        }

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        self.fields["trigger"].choices = Trigger.choices
        self.fields["trigger"].initial = self.initial.get("trigger") or Trigger.JOINED
        self.fields["round"].empty_label = _("Any publication")
        self.fields["webinar"].empty_label = _("Any webinar")
        self.fields["segment"].empty_label = _("Everybody who agreed")
        held = [self.instance.segment_id] if self.instance.segment_id else []
        offered = segments.listable(user)
        self.fields["segment"].queryset = (offered | offered.model.objects.filter(pk__in=held)).order_by("name")
        sent = Message.objects.filter(started_at__isnull=False, step=None)
        self.fields["message"].queryset = sent.order_by("-started_at")

    def clean(self):
        cleaned = super().clean()
        wanted = ABOUT.get(cleaned.get("trigger"), set())
        for name in NARROWING:
            if name not in wanted:
                cleaned[name] = self.fields["after_days"].initial or 3 if name == "after_days" else None
                self.errors.pop(name, None)
        if "message" in wanted and not cleaned.get("message"):
            self.add_error("message", _("Choose the message that people did not act upon."))
        return cleaned


class StepForm(forms.Form):
    """One step. The channel is chosen once, when it is added."""

    channel = forms.ChoiceField(
        label=_("Send it by"),
        choices=[(Address.Channel.EMAIL, _("Email")), (Address.Channel.PHONE, pgettext_lazy("channel", "Text"))],
        widget=forms.RadioSelect,
        initial=Address.Channel.EMAIL,
    )
    name = forms.CharField(label=_("Name of the message"), max_length=150, help_text=_("Only you see it."))
    wait = forms.IntegerField(label=_("Wait"), min_value=0, max_value=LONGEST, initial=1)
    unit = forms.ChoiceField(
        label=_("Hours or days"), choices=[("days", _("days")), ("hours", _("hours"))], initial="days"
    )
    condition = forms.ChoiceField(label=_("For"), choices=Step.Condition.choices, required=False)

    def __init__(self, *args, step=None, first=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        self.fields["wait"].help_text = (
            _("After what begins the series. 0: at once.") if first else _("After the step before.")
        )
        if first:
            del self.fields["condition"]
        if step:
            del self.fields["channel"]
            days = step.wait_hours % DAY == 0 and step.wait_hours > 0
            self.initial = {
                "name": step.message.name,
                "wait": step.wait_hours // DAY if days else step.wait_hours,
                "unit": "days" if days else "hours",
                "condition": step.condition,
            }

    def clean(self):
        cleaned = super().clean()
        wait, unit = cleaned.pop("wait", None), cleaned.pop("unit", None)
        if wait is not None and unit:
            cleaned["wait_hours"] = wait * (DAY if unit == "days" else 1)
            if cleaned["wait_hours"] > LONGEST:
                self.add_error("wait", _("A year at most."))
        cleaned.setdefault("condition", "")
        return cleaned
