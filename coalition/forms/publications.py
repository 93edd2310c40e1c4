"""What an organizer enters about a publication: its text, its settings, and the judgement of a change."""

from django import forms
from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from i18nfield.forms import I18nModelForm
from wagtail.admin.rich_text.editors.draftail import DraftailRichTextArea
from wagtail.rich_text import expand_db_html

from coalition import publishing
from coalition.forms.fields import say_languages
from coalition.models import Publication, Topic

FEATURES = ["h2", "h3", "bold", "italic", "ol", "ul", "link", "blockquote"]
LONGEST_TITLE, LONGEST_SUMMARY = 250, 600
LONGEST_TEXT = 900_000  # characters of HTML, about three times a report of 60 pages


class RichText(DraftailRichTextArea):
    """Wagtail's editor. A link to a page of the site becomes its address: a frozen text must not follow the page."""

    def __init__(self, **kwargs):
        super().__init__(features=FEATURES, **kwargs)

    def value_from_datadict(self, data, files, name):
        try:
            html = super().value_from_datadict(data, files, name)
        except (ValueError, TypeError, KeyError, AttributeError):
            html = data.get(name)  # not written by the editor: HTML, cleaned like all other
        return publishing.written(expand_db_html(html or ""))


class SettingsForm(I18nModelForm):
    """What is set for every publication. One that comes from a page takes its kind and its bill from there."""

    class Meta:
        model = Publication
        fields = ["kind", "bill", "topics", "authoritative_language", "prints_signers", "disclaimer"]
        widgets = {"topics": forms.CheckboxSelectMultiple, "authoritative_language": forms.RadioSelect}
        help_texts = {
            "topics": _("Partners' own rules go by them: what they favour, what they never sign."),
            "authoritative_language": _("It counts where the languages should ever be read differently."),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        say_languages(self, "disclaimer")
        for box in self.fields["disclaimer"].widget.widgets:
            box.attrs["rows"] = 2
        held = self.instance.topics.values("pk") if self.instance.pk else []
        self.fields["topics"].queryset = Topic.objects.filter(Q(retired_at=None) | Q(pk__in=held))
        if not self.fields["topics"].queryset.exists():
            del self.fields["topics"]
        if self.instance.pk and not self.instance.stand_alone:
            del self.fields["kind"], self.fields["bill"]

    def clean_disclaimer(self):
        said = self.cleaned_data["disclaimer"]
        words = [(said.data.get(code) or "").strip() if said else "" for code, _name in settings.LANGUAGES]
        if any(words) and not all(words):
            raise forms.ValidationError(_("Write it in every language, or in none."))
        return said if any(words) else ""

    def values(self):
        """What was entered, as the verbs take it."""
        return {name: self.cleaned_data[name] for name in SettingsForm.Meta.fields if name in self.cleaned_data}


class WritingForm(SettingsForm):
    """A text in every language beside its settings. What is unfinished is kept: only freezing wants it whole."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        draft = self.instance.draft or {}
        self.initial.setdefault("seen", publishing.mark_of(draft))
        for code, name in settings.LANGUAGES:
            held = draft.get(code, {})
            self.fields[f"title_{code}"] = forms.CharField(
                label=_("Title (%(language)s)") % {"language": name},
                max_length=LONGEST_TITLE,
                required=False,
                widget=forms.TextInput(attrs={"lang": code}),
            )
            self.fields[f"summary_{code}"] = forms.CharField(
                label=_("Summary (%(language)s)") % {"language": name},
                max_length=LONGEST_SUMMARY,
                required=False,
                widget=forms.Textarea(attrs={"lang": code, "rows": 3}),
                help_text=_("One or two sentences. They are part of what partners sign."),
            )
            self.fields[f"html_{code}"] = forms.CharField(
                label=_("Text (%(language)s)") % {"language": name},
                max_length=LONGEST_TEXT,
                required=False,
                strip=False,
                widget=RichText(attrs={"lang": code}),
            )
            for part in ("title", "summary", "html"):
                self.initial.setdefault(f"{part}_{code}", held.get(part, ""))

    def texts(self):
        """[(code, name, its fields)]: the languages side by side."""
        return [
            (code, name, [self[f"{part}_{code}"] for part in ("title", "summary", "html")])
            for code, name in settings.LANGUAGES
        ]

    def about(self):
        """The fields of the settings."""
        return [self[name] for name in SettingsForm.Meta.fields if name in self.fields]

    def draft(self):
        """{language: {"title", "summary", "html"}} as entered."""
        return {
            code: {part: self.cleaned_data.get(f"{part}_{code}") or "" for part in ("title", "summary", "html")}
            for code, _name in settings.LANGUAGES
        }

    def clean(self):
        data = super().clean()
        written = [code for code, _name in settings.LANGUAGES if data.get(f"title_{code}")]
        if not written and not any(f"title_{code}" in self.errors for code, _name in settings.LANGUAGES):
            self.add_error(f"title_{settings.LANGUAGE_CODE}", _("Write a title, in one language at least."))
        return data


class FreezeForm(forms.Form):
    """Whether signatures carry over is a judgement, so nothing is chosen beforehand."""

    MATERIAL, CLERICAL = "material", "clerical"

    change = forms.ChoiceField(
        label=_("What kind of change is this?"),
        widget=forms.RadioSelect,
        choices=[
            (MATERIAL, _("Material: partners who signed are asked again")),
            (CLERICAL, _("Clerical, such as a typing mistake: signatures stay, and signers are told")),
        ],
        error_messages={"required": _("Say which kind it is: what happens to the signatures follows from it.")},
    )
    seen = forms.RegexField(r"^\d+:[0-9a-f]{64}$", required=False, widget=forms.HiddenInput)

    def __init__(self, *args, first, **kwargs):
        super().__init__(*args, **kwargs)
        if first:
            # Nobody has read anything yet: there is nothing to judge and nothing to tell.
            del self.fields["change"]
            return
        for code, name in settings.LANGUAGES:
            self.fields[f"note_{code}"] = forms.CharField(
                label=_("What changed (%(language)s)") % {"language": name},
                max_length=500,
                widget=forms.Textarea(attrs={"rows": 3, "lang": code}),
                help_text=_("One or two sentences for the partners. They see them above the differences."),
                error_messages={"required": _("Say in a sentence what changed: partners are told.")},
            )

    def notes(self):
        """The boxes for what changed, one for each language."""
        return [self[name] for name in self.fields if name.startswith("note_")]

    @property
    def material(self):
        return self.cleaned_data.get("change", self.MATERIAL) == self.MATERIAL

    def judged(self):
        """What was judged, as the verbs take it."""
        number, _colon, digest = self.cleaned_data["seen"].partition(":")
        return {
            "material": self.material,
            "note": self.note(),
            "seen": (int(number), digest) if digest else None,
        }

    def note(self):
        """What changed, {language: sentence}; "" for the first version."""
        said = {code: self.cleaned_data.get(f"note_{code}", "") for code, _name in settings.LANGUAGES}
        return said if any(said.values()) else ""
