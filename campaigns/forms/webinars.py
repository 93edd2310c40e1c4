"""What may come in about a webinar: a visitor's registration, what they need, and the webinar itself from staff."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from campaigns.models import Registration, Webinar
from coalition import languages
from coalition.forms.fields import EmailField, NameField, zone_choices
from coalition.models import Installation

NONE = "none"


class NeedsForm(forms.Form):
    """Language, interpretation, captions and access needs (rule W2). Only what the webinar offers can be chosen."""

    language = forms.ChoiceField(label=_("We write to you in"), widget=forms.RadioSelect, choices=languages.own_names)
    interpretation = forms.ChoiceField(label=_("Do you want interpretation?"), widget=forms.RadioSelect)
    captions = forms.BooleanField(label=_("I use live captions"), required=False)
    access_needs = forms.CharField(
        label=_("What else do you need to take part?"),
        help_text=_("For example slides in large print. Only the people who prepare the webinar see it."),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args, webinar, held="", **kwargs):
        super().__init__(*args, **kwargs)
        self.webinar = webinar
        offered = {*webinar.interpretations, held} - {""}
        if offered:
            # A button that is always pressed is never "optional", so that "none" has a value of its own.
            choices = [(code or NONE, label) for code, label in Registration.Interpretation.choices]
            self.fields["interpretation"].choices = [c for c in choices if c[0] in {NONE, *offered}]
            self.initial["interpretation"] = self.initial.get("interpretation") or NONE
        else:
            del self.fields["interpretation"]

    def clean_interpretation(self):
        chosen = self.cleaned_data["interpretation"]
        return "" if chosen == NONE else chosen

    def clean(self):
        return {"interpretation": "", **super().clean()}


class RegistrationForm(NeedsForm):
    """A visitor registers. Nobody is asked for their age: the form says whom it is for (rule P2)."""

    name = NameField()
    email = EmailField(help_text=_("The link to join goes there."))
    updates = forms.BooleanField(required=False)

    field_order = ["name", "email", "language", "interpretation", "captions", "access_needs", "updates"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        wording = Installation.get().email_wording
        if wording:
            self.fields["updates"].label = wording.localize(get_language())
        else:
            del self.fields["updates"]

    def values(self):
        """What `registering.register` takes. The yes to news is kept in the language in which it was shown."""
        values = dict(self.cleaned_data)
        values["updates"] = get_language() if values.pop("updates", False) else None
        return values


def registration_form(webinar, *, initial=None, data=None):
    """The form of one webinar in the reader's language, for its page (`campaigns/webinars/_form.html`) or its own."""
    return RegistrationForm(data, webinar=webinar, initial={"language": get_language(), **(initial or {})})


def bilingual(widget, *, label, help_text="", **options):
    """One field for each language of the installation, by its code."""
    return {
        code: forms.CharField(
            label=label % {"language": name}, help_text=help_text, widget=widget(attrs={"lang": code}), **options
        )
        for code, name in settings.LANGUAGES
    }


class WebinarForm(forms.ModelForm):
    """A webinar: what, when on which clock, for how many, in which languages."""

    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    start = forms.TimeField(label=_("From"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    end = forms.TimeField(label=_("Until"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    zone = forms.ChoiceField(label=_("Time zone"), help_text=_("The times above are on this clock."))

    class Meta:
        model = Webinar
        fields = [
            "campaign",
            "language",
            "spanish_interpretation",
            "asl_interpretation",
            "captions",
            "recorded",
            "capacity",
            "join_url",
        ]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.words = {
            "title": bilingual(forms.TextInput, label=_("Title (%(language)s)"), max_length=200),
            "summary": bilingual(forms.Textarea, label=_("Summary (%(language)s)"), max_length=600, required=False),
        }
        for name, fields in self.words.items():
            held = getattr(self.instance, name)
            for code, field in fields.items():
                if isinstance(field.widget, forms.Textarea):
                    field.widget.attrs["rows"] = 3
                self.fields[f"{name}_{code}"] = field
                if held:
                    self.initial[f"{name}_{code}"] = held.data.get(code, "") if isinstance(held.data, dict) else ""
        self.fields["zone"].choices = zone_choices(self.instance.zone)
        self.initial["zone"] = self.instance.zone
        if self.instance.pk:
            there = self.instance.starts_at.astimezone(ZoneInfo(self.instance.zone))
            ends = self.instance.ends_at.astimezone(ZoneInfo(self.instance.zone))
            self.initial |= {"day": there.date(), "start": there.time(), "end": ends.time()}
        self.fields["campaign"].empty_label = _("No campaign")
        self.fields["join_url"].help_text = _("Only people who registered get it.")
        self.fields["join_url"].assume_scheme = "https"

    def row(self, *names):
        return [self[name] for name in names]

    @property
    def sections(self):
        """[(heading, rows of fields)] as the page shows them: the languages stand side by side."""
        words = [self.row(*(f"{name}_{code}" for code in fields)) for name, fields in self.words.items()]
        offers = self.row("spanish_interpretation", "asl_interpretation", "captions", "recorded")
        return [
            (_("What it is"), [*words, self.row("campaign")]),
            (_("When"), [self.row("day", "start", "end"), self.row("zone")]),
            (_("Languages and access"), [self.row("language"), offers]),
            (_("Taking part"), [self.row("capacity", "join_url")]),
        ]

    def _moment(self, day, time, zone, field):
        """A moment on the clock of the zone. The hour that is skipped in spring does not exist there."""
        moment = datetime.combine(day, time, tzinfo=ZoneInfo(zone))
        if moment.astimezone(ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).time() != time:
            self.add_error(field, _("This hour does not exist on that day: the clocks go forward."))
        return moment

    def clean(self):
        cleaned = super().clean()
        for name, fields in self.words.items():
            said = {code: cleaned.get(f"{name}_{code}", "") for code in fields}
            missing = [code for code, text in said.items() if not text]
            if missing and len(missing) < len(said) and not any(f"{name}_{code}" in self.errors for code in missing):
                for code in missing:
                    self.add_error(f"{name}_{code}", _("Write it in every language."))
            cleaned[name] = LazyI18nString({code: text for code, text in said.items() if text} or "")
        if all(cleaned.get(name) is not None for name in ("day", "start", "end", "zone")):
            starts = self._moment(cleaned["day"], cleaned["start"], cleaned["zone"], "start")
            ends = self._moment(cleaned["day"], cleaned["end"], cleaned["zone"], "end")
            if ends <= starts:
                self.add_error("end", _("The end must come after the start."))
            self.instance.starts_at, self.instance.ends_at, self.instance.zone = starts, ends, cleaned["zone"]
        capacity = cleaned.get("capacity")
        if self.instance.pk and capacity is not None and capacity < (taken := self.instance.seats_taken):
            self.add_error(
                "capacity",
                _("%(number)d people are registered: give at least as many seats.") % {"number": taken},
            )
        return cleaned

    def _post_clean(self):
        for name in self.words:
            if name in self.cleaned_data:
                setattr(self.instance, name, self.cleaned_data[name])
        super()._post_clean()


class RegistrationsFilter(forms.Form):
    """Which registrations a list shows."""

    q = forms.CharField(label=_("Name or email"), required=False, max_length=100)
    show = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[
            ("", _("Everybody with a seat")),
            ("asked", _("Requests that wait")),
            ("requests", _("All requests")),
            ("cancelled", _("Cancelled")),
        ],
    )
    language = forms.ChoiceField(label=_("Language"), required=False, choices=[])

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = [("", _("Every language")), *settings.LANGUAGES]

    def wanted(self):
        """{name: value} of what was asked, without what cannot be."""
        self.is_valid()
        return {name: value for name in self.fields if (value := self.cleaned_data.get(name, ""))}
