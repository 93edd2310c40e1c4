"""What may come in about a message: its frame, its words in each language, the answers a text asks for, a search."""

import re

from django import forms
from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from campaigns import keywords, merge_fields
from campaigns.models import Campaign, Delivery, Message, MessageContent
from coalition.models import Address

ANSWERS_AT_MOST = 6
TAKEN = (keywords.Sense.STOP, keywords.Sense.HELP, keywords.Sense.START)


def one_line(text):
    """Nothing that stands in a header may hold a line break (header injection)."""
    return " ".join(text.split())


class BeginForm(forms.ModelForm):
    """A new message: how it leaves, what it is called, and what it begins from."""

    start_from = forms.ModelChoiceField(
        Message.objects.none(),
        label=_("Begin with"),
        required=False,
        empty_label=_("A blank page"),
        help_text=_("The words of a template or of an earlier message, to be read and confirmed anew."),
    )

    class Meta:
        model = Message
        fields = ["channel", "name", "campaign"]
        widgets = {"channel": forms.RadioSelect}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["channel"].choices = [
            (Address.Channel.EMAIL, _("Email")),
            (Address.Channel.PHONE, pgettext_lazy("channel", "Text")),
        ]
        self.fields["channel"].label = _("Send it by")
        self.fields["channel"].help_text = _("This cannot be changed later.")
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        self.fields["campaign"].queryset = Campaign.objects.all()
        start = self.fields["start_from"]
        start.queryset = Message.objects.order_by("-is_template", "-created_at", "-pk")
        start.widget.choices = _beginnings(start)
        self.order_fields(["start_from", "channel", "name", "campaign"])

    def clean(self):
        cleaned = super().clean()
        start = cleaned.get("start_from")
        if start and cleaned.get("channel") and start.channel != cleaned["channel"]:
            self.add_error("start_from", _("An email cannot begin with a text, nor a text with an email."))
        return cleaned


EARLIER = 50  # messages that are offered to begin with


def _beginnings(field):
    """The choices in groups: blank, templates, the latest messages; each says how it leaves."""
    by = {Address.Channel.EMAIL: gettext("Email"), Address.Channel.PHONE: pgettext("channel", "Text")}

    def offer(found):
        return [(message.pk, f"{message.name} ({by[message.channel]})") for message in found]

    templates = offer(field.queryset.filter(is_template=True))
    earlier = offer(field.queryset.filter(is_template=False)[:EARLIER])
    groups = [(gettext("Templates"), templates), (gettext("Earlier messages"), earlier)]
    return [("", field.empty_label), *(group for group in groups if group[1])]


class ContentForm(forms.ModelForm):
    """The words in one language. A draft may be incomplete; what would break a message is refused at once."""

    reviewed = forms.BooleanField(label=_("I have read this text and it can go out"), required=False)

    class Meta:
        model = MessageContent
        fields = ["sender", "subject", "preheader", "body"]
        widgets = {"body": forms.Textarea(attrs={"rows": 14})}
        help_texts = {
            "preheader": _("Shown after the subject in a list of messages."),
            "body": _("Leave an empty line between paragraphs."),
        }

    def __init__(self, *args, channel, choices=0, **kwargs):
        super().__init__(*args, **kwargs)
        self.language = self.instance.language
        if channel == Address.Channel.PHONE:
            for name in ("sender", "subject", "preheader"):
                del self.fields[name]
            self.fields["body"].widget.attrs["rows"] = 7
            self.fields["body"].help_text = ""
        else:
            del self.fields["body"]
        self.initial["reviewed"] = self.instance.reviewed_at is not None
        for name, field in self.fields.items():
            if name not in ("reviewed", "sender"):
                field.widget.attrs |= {"lang": self.language, "spellcheck": "true", "data-merge": ""}

    def clean_subject(self):
        return one_line(self.cleaned_data["subject"])

    def clean_preheader(self):
        return one_line(self.cleaned_data["preheader"])

    def clean_body(self):
        return self.cleaned_data["body"].replace("\r\n", "\n").strip()

    def clean(self):
        cleaned = super().clean()
        for name in ("subject", "preheader", "body"):
            if name in cleaned and (unknown := merge_fields.unknown_fields(cleaned[name])):
                self.add_error(name, refusal(unknown))
        if "body" in self.fields and cleaned.get("reviewed") and not cleaned.get("body") and "body" not in self.errors:
            self.add_error("reviewed", _("There is no text to confirm yet."))
        return cleaned


def refusal(unknown):
    """What is wrong with a merge field nobody can fill in, and which ones there are."""
    allowed = ", ".join(f"{{{{ {name} }}}}" for name in merge_fields.offered())
    bare = [re.sub(r"<[^<>]*>|[{}]", "", name).strip() for name in unknown]
    return gettext("Nobody can fill in %(unknown)s. Use one of these: %(allowed)s.") % {
        "unknown": ", ".join(f"{{{{ {name} }}}}" for name in bare),
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


def choices_formset(message, data=None):
    """The answers of a message, with room for one more."""
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


class PreviewForm(forms.Form):
    """Whose message to look at."""

    q = forms.CharField(label=_("Find a person"), max_length=100, required=False)
    person = forms.IntegerField(required=False)
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)
    variant = forms.CharField(max_length=1, required=False)


class LedgerForm(forms.Form):
    """Which lines of the ledger to show."""

    q = forms.CharField(
        label=_("Name or address"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    state = forms.ChoiceField(label=_("State"), choices=[("", _("Any state")), *Delivery.State.choices], required=False)
    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[("", _("Any reason")), *((r.value, r.label) for r in Delivery.Reason if r.value)],
        required=False,
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("Any language")), *settings.LANGUAGES], required=False
    )

    def wanted(self):
        """{name: value}; empty for what was not asked, or cannot be."""
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}
