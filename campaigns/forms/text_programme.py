"""What an administrator may change of the text programme: the join words, and the automatic replies (rule S2)."""

import re

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from campaigns import keywords
from campaigns.models import Keyword, ReplyTemplate

Kind = ReplyTemplate.Kind
# What the carriers want to read in each reply; a reader of any language knows one of the words.
MUST_NAME = {
    Kind.ASK: ("STOP|ALTO", "HELP|AYUDA"),
    Kind.WELCOME: ("STOP|ALTO", "HELP|AYUDA"),
    Kind.HELP: ("STOP|ALTO",),
    Kind.STOPPED: (),
}


class KeywordForm(forms.ModelForm):
    class Meta:
        model = Keyword
        fields = ["word", "language", "campaign", "tag", "active"]

    def clean_word(self):
        word = "".join(keywords.words(self.cleaned_data["word"])).upper()
        if not word:
            raise ValidationError(_("Use letters and digits."))
        if keywords.is_reserved(word) or keywords.is_yes(word):
            raise ValidationError(_("This word means stop, help, start or yes already."))
        return word


class ReplyTemplateForm(forms.ModelForm):
    class Meta:
        model = ReplyTemplate
        fields = ["kind"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        said = getattr(self.instance.text, "data", "")
        if self.instance.pk:
            self.fields["kind"].disabled = True
        for language, label in settings.LANGUAGES:
            self.fields[f"text_{language}"] = forms.CharField(
                label=label,
                max_length=320,
                initial=said.get(language, "") if isinstance(said, dict) else said,
                widget=forms.Textarea(attrs={"rows": 3, "lang": language}),
            )

    def clean(self):
        cleaned = super().clean()
        for language, _label in settings.LANGUAGES:
            text = cleaned.get(f"text_{language}", "")
            missing = [
                words for words in MUST_NAME.get(cleaned.get("kind"), ()) if not re.search(rf"\b({words})\b", text)
            ]
            if text and missing:
                words = ", ".join(words.replace("|", "/") for words in missing)
                self.add_error(f"text_{language}", _("This reply has to name %(words)s.") % {"words": words})
        return cleaned

    def save(self, commit=True):
        self.instance.text = LazyI18nString(
            {language: self.cleaned_data[f"text_{language}"] for language, _label in settings.LANGUAGES}
        )
        return super().save(commit)
