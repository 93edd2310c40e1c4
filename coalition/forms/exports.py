"""What somebody says before a file leaves: which columns, which kind of file, and why."""

from django import forms
from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from coalition.spreadsheets import WORKBOOK_ROWS

KINDS = [("csv", _("CSV, for any program")), ("xlsx", _("Excel workbook"))]


class ExportForm(forms.Form):
    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one column.")},
    )
    kind = forms.ChoiceField(label=_("File"), choices=KINDS, widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("Why do you take it out?"),
        min_length=4,
        max_length=300,
        help_text=_("Stands in the record of exports with your name, such as “Letters for the May hearing”."),
        error_messages={"required": _("Say why: it stands in the record."), "min_length": _("Say a little more.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args, columns, count, **kwargs):
        """`columns`: of a resource; `count` says how many rows would leave."""
        super().__init__(*args, **kwargs)
        self.held, self.count = columns, count
        self.fields["columns"].choices = [(key, capfirst(str(column.column_name))) for key, column in columns.items()]

    def groups(self):
        """[(heading, [(key, label, whether it is ticked)])] in the order of the columns."""
        ticked = set(self["columns"].value() or [])
        found = {}
        for key, column in self.held.items():
            found.setdefault(str(column.group), []).append((key, capfirst(str(column.column_name)), key in ticked))
        return list(found.items())

    def clean_columns(self):
        """In the order of the file, whatever the order of the boxes."""
        chosen = set(self.cleaned_data["columns"])
        return [key for key in self.held if key in chosen]

    def clean_kind(self):
        kind = self.cleaned_data["kind"]
        if kind == "xlsx" and self.count() > WORKBOOK_ROWS:
            raise forms.ValidationError(
                _("Excel workbooks end at %(number)s rows here: take CSV, or filter the list."),
                code="too_long",
                params={"number": intcomma(WORKBOOK_ROWS)},
            )
        return kind

    def clean_reason(self):
        return " ".join(self.cleaned_data["reason"].split())


class SignaturesForm(ExportForm):
    """Who signed, as a file: also as a PDF of one language, where PDFs can be made."""

    def __init__(self, *args, pdf, **kwargs):
        super().__init__(*args, **kwargs)
        if pdf:
            papers = [
                (f"pdf-{code}", _("PDF of the names (%(language)s)") % {"language": language})
                for code, language in settings.LANGUAGES
            ]
            self.fields["kind"].choices = [*papers, *KINDS]
