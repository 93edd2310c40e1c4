"""What an organizer says about a file of people: how it is written, what its columns hold, what the list may do."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail.admin.widgets import AdminAutoHeightTextInput

from coalition import importing, layouts, preparing, reading_files
from coalition.forms.people import TagsField
from coalition.models import Organization, SavedMapping

LARGEST_MB = reading_files.LARGEST >> 20
ENCODINGS = [
    ("utf-8", _("UTF-8, as most systems write")),
    ("utf-8-sig", _("UTF-8, as Excel writes")),
    ("cp1252", _("Windows, Western Europe (also Latin-1)")),
    ("mac-roman", _("Mac, Western Europe")),
    ("utf-16", _("UTF-16, as Excel’s “Unicode text”")),
    ("utf-16-le", _("UTF-16, little end first")),
    ("utf-16-be", _("UTF-16, big end first")),
]
DELIMITERS = [(",", _("Commas")), (";", _("Semicolons")), ("\t", _("Tabs")), ("|", _("Vertical bars"))]
MATCH = [
    ("external_id", _("their id in the other system")),
    ("email", _("the same email")),
    ("phone", _("the same phone")),
    ("name_zip", _("the same name and ZIP code")),
]


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        max_length=1000,
        help_text=_(
            "A spreadsheet (XLSX) or a text file (CSV, TSV), as NationBuilder, Mailchimp, Action Network, CiviCRM, "
            "EveryAction, Spoke, Zoom or a spreadsheet writes it. At most %(most)d MB."
        ),
        error_messages={
            "empty": _("The file is empty."),
            "required": _("Choose a file."),
            "max_length": _("The name of the file is very long. Give it a shorter one."),
        },
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.tab,.txt,.xlsx,.xlsm,text/csv"}),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = self.fields["file"].help_text % {"most": LARGEST_MB}

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > reading_files.LARGEST:
            raise ValidationError(
                _("The file is larger than %(most)d MB. Split it, and bring in one part after the other."),
                params={"most": LARGEST_MB},
            )
        return file


class ReadingForm(forms.Form):
    """How a file is written, where what was found out is wrong."""

    page = forms.ChoiceField(label=_("Sheet"), required=False)
    encoding = forms.ChoiceField(label=_("Letters"), choices=ENCODINGS, required=False)
    delimiter = forms.ChoiceField(label=_("Between cells stand"), choices=DELIMITERS, required=False)
    first_row = forms.TypedChoiceField(label=_("The names of the columns stand in"), coerce=int)

    def __init__(self, *args, batch, beginning, **kwargs):
        said = {"page": batch.sheet, "encoding": batch.encoding, "delimiter": batch.delimiter}
        super().__init__(*args, initial=said | {"first_row": batch.first_row}, auto_id="id_reading_%s", **kwargs)
        pages = batch.options.get("file", {}).get("pages") or []
        self.fields["page"].choices = [(name, _hidden(name) if hidden else name) for name, hidden in pages]
        if batch.delimiter not in dict(DELIMITERS):
            self.fields["delimiter"].choices = [*DELIMITERS, (batch.delimiter, batch.delimiter)]
        for name in ["encoding", "delimiter"] if pages else ["page"]:
            del self.fields[name]
        rows = dict(beginning)
        choices = [(number, _row(number, rows.get(number, []))) for number in sorted({*rows, batch.first_row} - {0})]
        self.fields["first_row"].choices = [*choices, (0, _("No row: there are no names, people begin at once"))]

    @property
    def said(self):
        """What was chosen, as `preparing.reread` takes it. Another sheet has its names in another row."""
        said = {name: self.cleaned_data[name] for name in self.fields}
        changed = set(self.changed_data)
        if "page" in changed or ({"encoding", "delimiter"} & changed and "first_row" not in changed):
            del said["first_row"]
        return said


def _row(number, cells):
    shown = " · ".join(cell.strip() for cell in cells if cell.strip())
    shown = shown if len(shown) <= 70 else f"{shown[:70]}…"
    return _("Row %(number)d: %(cells)s") % {"number": number, "cells": shown}


def _hidden(name):
    return _("%(name)s (hidden)") % {"name": name}


class ApplyForm(forms.Form):
    """Columns that were described before."""

    saved = forms.ModelChoiceField(SavedMapping.objects.all(), label=_("Columns you described before"))


class RememberForm(forms.Form):
    remember = forms.CharField(
        label=_("Remember these columns as"),
        help_text=_("Leave it blank if no more files like this come."),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class UndoForm(forms.Form):
    why = forms.CharField(
        label=_("Why"),
        help_text=_("For the record; you may leave it blank."),
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class ImportForm(forms.Form):
    """The columns of one file and what to do with it. Nothing that means consent is chosen beforehand (rule S1)."""

    everybody = forms.ChoiceField(
        label=_("Who is in it"), choices=list(layouts.EVERYBODY.items()), required=False, widget=forms.RadioSelect
    )
    match = forms.MultipleChoiceField(
        label=_("Somebody in the file is somebody we know by"),
        choices=MATCH,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one way to know people again.")},
    )
    existing = forms.ChoiceField(
        label=_("People we know already"),
        choices=[
            ("fill", _("Fill in what is missing, keep what we have")),
            ("overwrite", _("Replace what we have by what the file says")),
        ],
        widget=forms.RadioSelect,
    )
    language = forms.ChoiceField(
        label=_("Language of people whose row does not say"), choices=settings.LANGUAGES, widget=forms.RadioSelect
    )
    tags = TagsField(label=_("Tags for everybody in this file"))
    organization = forms.ModelChoiceField(
        Organization.objects.filter(binned_at=None),
        label=_("Organization that everybody in this file belongs to"),
        required=False,
        empty_label=_("None"),
    )
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

    OPTIONS = (
        *("everybody", "match", "existing", "language", "tags", "organization"),
        *("email_consent", "email_wording", "text_consent", "text_wording"),
    )

    def __init__(self, *args, batch, header, samples, **kwargs):
        self.batch, self.header, self.samples = batch, header, samples
        options = batch.options
        initial = {name: options.get(name, "") for name in self.OPTIONS}
        initial |= {"tags": ", ".join(options.get("tags") or []), "match": options.get("match") or preparing.MATCH}
        super().__init__(*args, **kwargs | {"initial": initial})
        choices = [("", _("Leave it out")), *layouts.choices()]
        for number, name in enumerate(header):
            self.fields[f"column_{number}"] = forms.ChoiceField(
                label=reading_files.label_of(name),
                choices=choices,
                required=False,
                initial=batch.mapping.get(name, ""),
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
        """What was chosen, beside what is known of the file."""
        organization = self.cleaned_data.get("organization")
        chosen = {name: self.cleaned_data[name] for name in self.OPTIONS}
        return self.batch.options | chosen | {"organization": organization.pk if organization else None}

    def clean(self):
        cleaned = super().clean()
        if self.errors:
            return cleaned
        layouts.check_mapping(self.mapping)
        importing.check_options(self.mapping, self.options)
        return cleaned
