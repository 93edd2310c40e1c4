"""What may come in about a message: its frame, its words in each language, the answers a text asks for, a search."""

from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.text import format_lazy
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from campaigns import keywords, rendering
from campaigns.models import Campaign, Delivery, Message, MessageContent
from coalition.models import Address, Segment, Topic

ANSWERS_AT_MOST = 6
TAKEN = (keywords.Sense.STOP, keywords.Sense.HELP, keywords.Sense.START)


def one_line(text):
    """Nothing that stands in a header may hold a line break (header injection)."""
    return " ".join(text.split())


class BeginForm(forms.ModelForm):
    """A new message: how it leaves, and for whom."""

    class Meta:
        model = Message
        fields = ["channel", "name", "campaign", "segment", "topic"]
        widgets = {"channel": forms.RadioSelect}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["channel"].choices = [
            (Address.Channel.EMAIL, _("Email")),
            (Address.Channel.PHONE, pgettext_lazy("channel", "Text")),
        ]
        self.fields["channel"].label = _("Send it by")
        self.fields["channel"].help_text = _("This cannot be changed later.")
        _frame(self)


class FrameForm(forms.ModelForm):
    """What a draft is called and whom it is for; the channel stays."""

    class Meta:
        model = Message
        fields = ["name", "campaign", "segment", "topic"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        _frame(self)


def _frame(form):
    form.fields["campaign"].queryset = Campaign.objects.all()
    form.fields["segment"].queryset = Segment.objects.order_by("name")
    form.fields["segment"].label = _("Send it to")
    form.fields["segment"].empty_label = _("Everybody who agreed")
    form.fields["segment"].help_text = ""
    form.fields["name"].widget.attrs["autocomplete"] = "off"
    topics = Topic.objects.filter(Q(retired_at=None) | Q(pk=form.instance.topic_id))
    if topics.exists():
        form.fields["topic"].queryset = topics
        form.fields["topic"].empty_label = _("No topic: nobody has muted it")
    else:
        del form.fields["topic"]


class ContentForm(forms.ModelForm):
    """The words in one language. A draft may be incomplete; what would break a message is refused at once."""

    reviewed = forms.BooleanField(label=_("I have read this text and it can go out"), required=False)

    class Meta:
        model = MessageContent
        fields = ["subject", "preheader", "body", "action_label", "action_url"]
        widgets = {"body": forms.Textarea(attrs={"rows": 14})}
        help_texts = {
            "preheader": _("Shown after the subject in a list of messages."),
            "body": _("Leave an empty line between paragraphs."),
            "action_url": _("A full address, or a path of this site such as /en/briefs/."),
        }

    def __init__(self, *args, channel, choices=0, **kwargs):
        super().__init__(*args, **kwargs)
        self.language = self.instance.language
        if channel == Address.Channel.PHONE:
            for name in ("subject", "preheader", "action_label", "action_url"):
                del self.fields[name]
            self.fields["body"].widget.attrs["rows"] = 7
            self.fields["body"].help_text = ""
        self.initial["reviewed"] = self.instance.reviewed_at is not None
        for name, field in self.fields.items():
            if name not in ("reviewed", "action_url"):
                field.widget.attrs |= {"lang": self.language, "spellcheck": "true", "data-merge": ""}

    def clean_subject(self):
        return one_line(self.cleaned_data["subject"])

    def clean_preheader(self):
        return one_line(self.cleaned_data["preheader"])

    def clean_action_label(self):
        return one_line(self.cleaned_data["action_label"])

    def clean_body(self):
        return self.cleaned_data["body"].replace("\r\n", "\n").strip()

    def clean_action_url(self):
        url = self.cleaned_data["action_url"].strip()
        if not url or (url.startswith("/") and not url.startswith("//") and " " not in url):
            return url
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        schemes = ("https", "http") if settings.DEBUG else ("https",)
        if parts.scheme not in schemes or not parts.hostname or any(c.isspace() for c in url):
            raise ValidationError(_("Enter an address that begins with https://"))
        return url

    def clean(self):
        cleaned = super().clean()
        for name in ("subject", "preheader", "body", "action_label"):
            if name in cleaned and (unknown := rendering.unknown_fields(cleaned[name])):
                self.add_error(name, refusal(unknown))
        if "action_url" in self.fields and not self.errors.keys() & {"action_label", "action_url"}:
            if cleaned.get("action_label") and not cleaned.get("action_url"):
                self.add_error("action_url", _("Say where the button leads, or empty the button."))
            if cleaned.get("action_url") and not cleaned.get("action_label"):
                self.add_error("action_label", _("Say what the button does, or empty its address."))
        if cleaned.get("reviewed") and not cleaned.get("body") and "body" not in self.errors:
            self.add_error("reviewed", _("There is no text to confirm yet."))
        return cleaned


def refusal(unknown):
    """What is wrong with a merge field nobody can fill in, and which ones there are."""
    allowed = ", ".join(f"{{{{ {name} }}}}" for name in rendering.offered())
    return gettext("Nobody can fill in %(unknown)s. Use one of these: %(allowed)s.") % {
        "unknown": ", ".join(f"{{{{ {name} }}}}" for name in unknown),
        "allowed": allowed,
    }


class ChoiceForm(forms.Form):
    """One answer that a text asks for. A row without words in any field is no answer."""

    pk = forms.IntegerField(required=False, widget=forms.HiddenInput)
    words = forms.CharField(
        label=_("Words that mean it"),
        max_length=200,
        required=False,
        help_text=_("In every language, separated by commas: YES, SÍ, 1."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for language, name in settings.LANGUAGES:
            lang = {"lang": language, "spellcheck": "true"}
            self.fields[f"label_{language}"] = forms.CharField(
                label=format_lazy("{} ({})", _("Answer"), name),
                max_length=60,
                required=False,
                widget=forms.TextInput(attrs=lang),
            )
            self.fields[f"reply_{language}"] = forms.CharField(
                label=format_lazy("{} ({})", _("We reply"), name),
                max_length=300,
                required=False,
                widget=forms.Textarea(attrs=lang | {"rows": 3}),
            )
        self.order_fields(
            [
                "pk",
                *(f"label_{language}" for language, _name in settings.LANGUAGES),
                "words",
                *(f"reply_{language}" for language, _name in settings.LANGUAGES),
            ]
        )

    def clean(self):
        cleaned = super().clean()
        if not self.is_empty():
            if not cleaned.get("words") and "words" not in self.errors:
                self.add_error("words", _("Say which words mean this answer."))
            for language, _name in settings.LANGUAGES:
                if not cleaned.get(f"label_{language}") and f"label_{language}" not in self.errors:
                    self.add_error(f"label_{language}", _("Name the answer in this language too."))
        return cleaned

    def is_empty(self):
        return not any(value for name, value in self.cleaned_data.items() if name != "pk")

    def choice(self):
        """The shape that `composing.write` takes."""
        return {
            "pk": self.cleaned_data.get("pk"),
            "words": ", ".join(w.strip() for w in self.cleaned_data["words"].split(",") if w.strip()),
            "label": {language: self.cleaned_data[f"label_{language}"] for language, _name in settings.LANGUAGES},
            "reply": {language: self.cleaned_data[f"reply_{language}"] for language, _name in settings.LANGUAGES},
        }

    @staticmethod
    def initial_of(choice):
        initial = {"pk": choice.pk, "words": choice.words}
        for language, _name in settings.LANGUAGES:
            for field in ("label", "reply"):
                data = getattr(choice, field)
                data = data.data if isinstance(data, LazyI18nString) else data
                initial[f"{field}_{language}"] = data.get(language, "") if isinstance(data, dict) else data
        return initial


class BaseChoices(forms.BaseFormSet):
    """No word may mean two things: stop, help and start come first (rule S3); of two answers the first would win."""

    def clean(self):
        meant = {}
        for number, form in enumerate(self.forms):
            if not hasattr(form, "cleaned_data"):
                continue
            for written in form.cleaned_data.get("words", "").split(","):
                word = keywords.words(written)
                if word and keywords.read(written).sense in TAKEN:
                    form.add_error(
                        "words",
                        gettext("“%(word)s” always means something else: stop, help or start.")
                        % {"word": written.strip()},
                    )
                elif word and meant.setdefault(word, number) != number:
                    form.add_error(
                        "words", gettext("“%(word)s” already means another answer.") % {"word": written.strip()}
                    )

    def choices(self):
        return [form.choice() for form in self.forms if not form.is_empty()]


def choices_formset(message, data=None, more=0):
    """The answers of a message, with room for one more; `more` empty rows beyond those that came in."""
    initial = [ChoiceForm.initial_of(choice) for choice in message.choices.all()] if data is None else []
    formset = forms.formset_factory(
        ChoiceForm,
        formset=BaseChoices,
        extra=max(0, min(1, ANSWERS_AT_MOST - len(initial))),
        max_num=ANSWERS_AT_MOST,
        validate_max=True,
        absolute_max=ANSWERS_AT_MOST,
    )
    return formset(data, initial=initial or None, prefix="choices")


class WaiverForm(forms.Form):
    """Why a message may leave with a language missing. Empty takes it back."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        required=False,
        widget=forms.TextInput,
        help_text=_("Your name and this reason stay with the message."),
    )


class PreviewForm(forms.Form):
    """Whose message to look at."""

    q = forms.CharField(label=_("Find a person"), max_length=100, required=False)
    person = forms.IntegerField(required=False)
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)


class LedgerForm(forms.Form):
    """Which lines of the ledger to show."""

    q = forms.CharField(label=_("Name or address"), max_length=100, required=False)
    state = forms.ChoiceField(label=_("State"), choices=[("", _("Any state")), *Delivery.State.choices], required=False)
    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[("", _("Any reason")), *((r.value, r.label) for r in Delivery.Reason if r.value)],
        required=False,
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("Any language")), *settings.LANGUAGES], required=False
    )
