"""What staff enter when the signed text was handed over."""

import datetime
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import handing_over, languages
from coalition.forms.fields import zone_choices
from coalition.forms.organizations import day_box
from coalition.models import Handover

MEGABYTE = 1 << 20


class PaperField(forms.FileField):
    """The PDF of one language as it was handed over; its bytes are kept, its own name is not."""

    LARGEST = 30 * MEGABYTE
    widget = forms.FileInput(attrs={"accept": ".pdf"})
    default_error_messages = {
        "empty": _("The file is empty."),
        "large": _("The file is larger than %(most)d MB."),
        "kind": _("Choose a PDF file: this is another kind of file."),
    }

    def clean(self, value, initial=None):
        file = super().clean(value, initial)
        if not file:
            return None
        if file.size > self.LARGEST:
            raise ValidationError(self.error_messages["large"], params={"most": self.LARGEST // MEGABYTE}, code="large")
        content = file.read()
        if not content.startswith(b"%PDF-"):
            raise ValidationError(self.error_messages["kind"], code="kind")
        return content


class HandoverForm(forms.Form):
    """How, when and to whom; `keep` hands it to the verb."""

    way = forms.ChoiceField(
        label=_("How"),
        choices=Handover.Way.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how it was handed over.")},
    )
    day = forms.DateField(
        label=_("Day"),
        widget=day_box(),
        error_messages={"required": _("Enter the day."), "invalid": _("Enter the day.")},
    )
    time = forms.TimeField(
        label=_("Time"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"required": _("Enter the time."), "invalid": _("Enter the time.")},
    )
    zone = forms.ChoiceField(label=_("Time zone"), choices=zone_choices, initial=settings.TIME_ZONE)
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Such as a receipt number, or who took it. Only staff read it."),
    )
    tell = forms.BooleanField(
        label=_("Tell every signatory by email"),
        required=False,
        initial=True,
        help_text=_("They learn when and to whom the text went."),
    )

    def __init__(self, *args, version, round_=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.version = version
        now = languages.local(timezone.now(), round_.zone if round_ else settings.TIME_ZONE)
        self.initial = {"day": now.date(), "time": now.time()} | self.initial
        if round_:
            self.initial.setdefault("zone", round_.zone)
            self.fields["zone"].choices = zone_choices(round_.zone)
        for code, name in settings.LANGUAGES:
            self.fields[f"to_{code}"] = forms.CharField(
                label=_("To whom (%(language)s)") % {"language": name},
                max_length=250,
                initial=round_.addressee.localize(code) if round_ and round_.addressee else "",
                error_messages={"required": _("Enter to whom it went, in each language.")},
                widget=forms.TextInput(attrs={"lang": code, "autocomplete": "off"}),
            )
            self.fields[f"paper_{code}"] = PaperField(
                label=_("The PDF that you handed over (%(language)s)") % {"language": name},
                required=False,
                help_text=_("Leave it empty, and the PDF as it is now is kept."),
            )
        named = [f"to_{code}" for code, _name in settings.LANGUAGES]
        papers = [f"paper_{code}" for code, _name in settings.LANGUAGES]
        self.order_fields(["way", *named, "day", "time", "zone", *papers, "note", "tell"])

    def _moment(self):
        """What was entered, which names a minute and no second: all of it that has passed counts.

        So who signed, and the freeze itself, in the minute of the delivery, or while the form was open, came before it.
        """
        said = self.cleaned_data
        entered = datetime.datetime.combine(said["day"], said["time"].replace(second=0), ZoneInfo(said["zone"]))
        # Of an hour that a clock shows twice, the later one, unless that is still to come.
        readings = [entered.replace(fold=fold).astimezone(datetime.UTC) for fold in (1, 0)]
        now = timezone.now()
        begins = next((reading for reading in readings if reading <= now), readings[-1])
        last = begins + datetime.timedelta(minutes=1, microseconds=-1)
        return max(min(now, last), begins)

    def keep(self, by):
        """Hand what was entered to the verb. Returns the Handover; None where something was wrong, said in the form."""
        said = self.cleaned_data
        codes = [code for code, _name in settings.LANGUAGES]
        try:
            return handing_over.hand_over(
                self.version,
                way=said["way"],
                to={code: said[f"to_{code}"] for code in codes},
                at=self._moment(),
                zone=said["zone"],
                note=said["note"],
                handed={code: said[f"paper_{code}"] for code in codes if said[f"paper_{code}"]},
                tell=said["tell"],
                by=by,
            )
        except ValidationError as error:
            for name, problems in error.message_dict.items():
                self.add_error("day" if name == "at" else name, problems)
        return None
