"""What an organizer says about a file of people: which column holds what, and what the list may and may not do."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail.admin.widgets import AdminAutoHeightTextInput

from coalition import importing, reading_files, reading_people
from coalition.forms.people import TagsField

GROUPS = [
    (_("Who"), ["name", "given_name", "middle_name", "family_name", "suffix", "external_id"]),
    (_("How to reach them"), ["email", "email2", "mobile", "phone"]),
    (_("Where they live"), ["street", "city", "state", "zip"]),
    (_("What they are like"), ["language", "tags"]),
    (_("What they agreed to"), ["email_yes", "email_yes_at", "email_status", "text_yes", "text_yes_at", "text_status"]),
    (_("What they said no to"), ["left_at", "no_contact", "no_calls", "email_bad", "mobile_bad"]),
]


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_("A CSV file, as NationBuilder, Mailchimp, Action Network or a spreadsheet writes it."),
        error_messages={"empty": _("The file is empty."), "required": _("Choose a file.")},
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > reading_files.LARGEST:
            raise ValidationError(
                _("The file is larger than %(most)d MB. Split it, and bring in one part after the other."),
                params={"most": reading_files.LARGEST // (1 << 20)},
            )
        return file


class ImportForm(forms.Form):
    """The columns of one file and what to do with it. Nothing that means consent is chosen beforehand (rule S1)."""

    language = forms.ChoiceField(
        label=_("Language of people whose row does not say"), choices=settings.LANGUAGES, widget=forms.RadioSelect
    )
    existing = forms.ChoiceField(
        label=_("People we know already"),
        choices=[
            ("fill", _("Fill in what is missing, keep what we have")),
            ("overwrite", _("Replace what we have by what the file says")),
        ],
        widget=forms.RadioSelect,
    )
    tags = TagsField(label=_("Tags for everybody in this file"))
    email_consent = forms.ChoiceField(
        label=_("Did they agree to email?"),
        choices=[
            ("", _("We do not know: bring them in, write to nobody")),
            ("column", _("Those of whom a column says so")),
            ("attest", _("Everybody in this file did, and we can prove it")),
        ],
        required=False,
        widget=forms.RadioSelect,
    )
    email_wording = forms.CharField(
        label=_("What they saw when they agreed to email, word for word"),
        required=False,
        max_length=2000,
        widget=AdminAutoHeightTextInput(attrs={"rows": 2}),
    )
    text_consent = forms.ChoiceField(
        label=_("Did they agree to texts?"),
        choices=[
            ("", _("We do not know: bring them in, text nobody")),
            ("column", _("Those of whom a column says so")),
        ],
        required=False,
        widget=forms.RadioSelect,
    )
    text_wording = forms.CharField(
        label=_("What they saw when they agreed to texts, word for word"),
        required=False,
        max_length=2000,
        widget=AdminAutoHeightTextInput(attrs={"rows": 2}),
    )

    OPTIONS = ("language", "existing", "tags", "email_consent", "email_wording", "text_consent", "text_wording")

    def __init__(self, *args, batch, header, samples, **kwargs):
        options = batch.options
        initial = {name: options.get(name, "") for name in self.OPTIONS} | {"tags": ", ".join(options.get("tags", []))}
        super().__init__(*args, **kwargs | {"initial": initial})
        self.header, self.samples = header, samples
        choices = [("", _("Leave it out"))] + [
            (group, [(key, reading_people.FIELDS[key]) for key in keys]) for group, keys in GROUPS
        ]
        for number, name in enumerate(header):
            self.fields[f"column_{number}"] = forms.ChoiceField(
                label=name, choices=choices, required=False, initial=batch.mapping.get(name, "")
            )

    @property
    def columns(self):
        """Each column with its field and its first cells."""
        return [
            (self[f"column_{number}"], [cells[number] for _line, cells in self.samples if number < len(cells)])
            for number in range(len(self.header))
        ]

    @property
    def mapping(self):
        return {name: self.cleaned_data.get(f"column_{number}", "") for number, name in enumerate(self.header)}

    @property
    def options(self):
        return {name: self.cleaned_data[name] for name in self.OPTIONS}

    def clean(self):
        cleaned = super().clean()
        if self.errors:
            return cleaned
        reading_people.check_mapping(self.mapping)
        importing.check_options(self.mapping, self.options)
        return cleaned
