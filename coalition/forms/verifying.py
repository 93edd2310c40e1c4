"""What may come in to be verified: a text, a file or a code; nothing of it is kept."""

from django import forms
from django.utils.translation import gettext_lazy as _

from coalition import reading_copies


class VerifyForm(forms.Form):
    text = forms.CharField(
        label=_("Paste the text"),
        required=False,
        strip=False,
        max_length=reading_copies.LONGEST,
        help_text=_("In either language, with or without what stands around it."),
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        error_messages={"max_length": reading_copies.TOO_LONG},
    )
    file = forms.FileField(
        label=_("Or choose a file"),
        required=False,
        allow_empty_file=True,
        help_text=_("A PDF or plain text, up to 10 MB. We compare it and keep nothing."),
        widget=forms.ClearableFileInput(attrs={"accept": ".pdf,.txt,application/pdf,text/plain"}),
    )
    code = forms.CharField(
        label=_("Or enter the code on the paper"),
        required=False,
        max_length=100,
        help_text=_("Eight or more of the digits beside the quilt, such as 9f2c 71ab."),
        widget=forms.TextInput(attrs={"size": 24, "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file and file.size > reading_copies.LARGEST:
            raise forms.ValidationError(reading_copies.TOO_LARGE)
        return file

    def clean(self):
        cleaned = super().clean()
        if not self.errors and not (
            cleaned.get("text", "").strip() or cleaned.get("file") or cleaned.get("code", "").strip()
        ):
            self.add_error("text", _("Paste a text, choose a file or enter a code"))
        return cleaned
