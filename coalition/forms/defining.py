"""What staff say of a field of their own: what it is about, its kind, its words in each language, its choices."""

from django import forms
from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from i18nfield.forms import I18nModelForm
from i18nfield.strings import LazyI18nString

from coalition import defining
from coalition.forms.fields import say_languages
from coalition.models import CustomField

BLANK_ROWS = 3


class FieldForm(I18nModelForm):
    """A field; subject, kind and key are said once, when it is made."""

    class Meta:
        model = CustomField
        fields = ["subject", "kind", "label", "hint", "key", "sealed"]
        widgets = {"subject": forms.RadioSelect, "kind": forms.RadioSelect}
        labels = {"subject": _("A field of"), "kind": _("What people enter"), "sealed": _("Sensitive")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        say_languages(self, "label", "hint")
        self.fields["hint"].help_text = _("Stands under the field in forms. It can stay empty.")
        self.fields["sealed"].help_text = _(
            "For people only. Encrypted in the database, and shown only to those who may see sensitive details: "
            "no search, no segments, no exports, no messages."
        )
        if self.instance.pk:
            for name in ("subject", "kind", "key"):
                del self.fields[name]
            if self.instance.subject != CustomField.Subject.PERSON:
                del self.fields["sealed"]
        else:
            self.fields["subject"].choices = CustomField.Subject.choices
            self.fields["kind"].choices = CustomField.Kind.choices
            self.fields["kind"].help_text = _("This cannot be changed later.")
            self.fields["key"].required = False
            self.fields["key"].help_text = _(
                "Names the column in imports and exports, and the gap in messages; it stays. Leave it empty, and it is "
                "made from the label."
            )

    def clean_key(self):
        return defining.plain_key(self.cleaned_data["key"])

    def _post_clean(self):
        """The verb judges the whole field; a model half filled in has nothing to say."""


class ChoiceForm(forms.Form):
    """One choice, in every language. A row without words is no choice."""

    key = forms.CharField(required=False, widget=forms.HiddenInput)
    position = forms.IntegerField(
        label=_("Order"), required=False, min_value=0, max_value=999, widget=forms.NumberInput(attrs={"size": 3})
    )
    retired = forms.BooleanField(label=_("No longer offered"), required=False)
    remove = forms.BooleanField(label=_("Remove"), required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.number = None  # how many hold it, where the page says so
        for language, name in settings.LANGUAGES:
            self.fields[f"label_{language}"] = forms.CharField(
                label=format_lazy("{} ({})", _("Choice"), name),
                max_length=80,
                required=False,
                widget=forms.TextInput(attrs={"lang": language, "autocomplete": "off"}),
            )

    @property
    def label_fields(self):
        return [self[f"label_{language}"] for language, _name in settings.LANGUAGES]

    @property
    def is_kept(self):
        return bool(self["key"].value())


ChoiceRows = forms.formset_factory(ChoiceForm, extra=0, max_num=defining.MOST_CHOICES, absolute_max=200)


def choice_rows(field=None, data=None, *, more=False):
    """The rows of a field's choices with a few blank ones; `more` adds blank rows to what was entered."""
    if data is not None and not more:
        return ChoiceRows(data, prefix="choices")
    if data is not None:
        entered = ChoiceRows(data, prefix="choices")
        names = list(ChoiceForm().fields)
        initial = [{name: row[name].value() for name in names} for row in entered.forms]
    else:
        initial = [initial_of(choice, place) for place, choice in enumerate(field.choices if field else [], 1)]
    rows = forms.formset_factory(ChoiceForm, extra=BLANK_ROWS, max_num=defining.MOST_CHOICES, absolute_max=200)
    return rows(initial=initial, prefix="choices")


def initial_of(choice, place):
    label = choice["label"]
    label = label.data if isinstance(label, LazyI18nString) else label
    label = label if isinstance(label, dict) else {settings.LANGUAGE_CODE: label}
    words = {f"label_{language}": label.get(language, "") for language, _name in settings.LANGUAGES}
    return {"key": choice["key"], "position": place, "retired": bool(choice.get("retired")), **words}


def choices_in(rows):
    """The choices of a valid set of rows, in the order of their places, as `defining` takes them."""
    found = []
    for index, row in enumerate(rows.forms):
        said = row.cleaned_data
        label = {language: said.get(f"label_{language}", "") for language, _name in settings.LANGUAGES}
        if said.get("remove") or not any(words.strip() for words in label.values()):
            continue
        place = said.get("position")
        choice = {"key": said.get("key", ""), "label": label, "retired": bool(said.get("retired"))}
        found.append((1000 if place is None else place, index, choice))
    return [choice for _place, _index, choice in sorted(found, key=lambda row: row[:2])]
