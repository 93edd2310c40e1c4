"""What is to be done to many people: which tag, which list."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from coalition import lists, people
from coalition.models import BulkAction, PeopleList, Tag, fold

Kind = BulkAction.Kind


class BulkForm(forms.Form):
    """Nothing to fill in, but the press: it names this page's button, so that pressing it twice does it once."""

    press = forms.CharField(max_length=40, widget=forms.HiddenInput)

    def target(self, by):
        """The tag or list that is meant, made where it is new; or None."""


class TagForm(BulkForm):
    name = forms.CharField(
        label=_("Tag"),
        max_length=80,
        help_text=_("Choose one, or write a new one."),
        widget=forms.TextInput(attrs={"list": "known-tags", "autocomplete": "off"}),
    )

    @property
    def known(self):
        return Tag.objects.values_list("name", flat=True)[:500]

    def clean_name(self):
        name = " ".join(self.cleaned_data["name"].split())
        if not fold(name):
            raise ValidationError(_("Write the tag in letters or digits."))
        return name

    def target(self, by):
        return people.tag_named(self.cleaned_data["name"])


class UntagForm(BulkForm):
    tag = forms.ModelChoiceField(label=_("Tag"), queryset=Tag.objects.all())

    def target(self, by):
        return self.cleaned_data["tag"]


class UnlistForm(BulkForm):
    people_list = forms.ModelChoiceField(label=_("List"), queryset=PeopleList.objects.all())

    def target(self, by):
        return self.cleaned_data["people_list"]


class ListForm(BulkForm):
    people_list = forms.ModelChoiceField(
        label=_("List"), queryset=PeopleList.objects.all(), required=False, empty_label=_("A new list")
    )
    name = forms.CharField(label=_("Name of the new list"), max_length=120, required=False)

    def clean(self):
        cleaned = super().clean()
        name = " ".join(cleaned.get("name", "").split())
        if not cleaned.get("people_list") and not fold(name):
            raise ValidationError(_("Choose a list, or write the name of a new one."))
        if cleaned.get("people_list") is None and lists.named(name):
            cleaned["people_list"] = lists.named(name)  # they wrote the name of one that stands
        return cleaned

    def target(self, by):
        cleaned = self.cleaned_data
        return cleaned["people_list"] or lists.keep(PeopleList(), name=cleaned["name"], by=by)


FORMS = {Kind.TAG: TagForm, Kind.UNTAG: UntagForm, Kind.LIST: ListForm, Kind.UNLIST: UnlistForm}


def form_for(kind):
    return FORMS.get(kind, BulkForm)


class ListNameForm(forms.ModelForm):
    class Meta:
        model = PeopleList
        fields = ["name"]
        labels = {"name": _("Name of the list")}

    def clean_name(self):
        name = " ".join(self.cleaned_data["name"].split())
        if not fold(name):
            raise ValidationError(_("Write the name in letters or digits."))
        if lists.named(name, but=self.instance.pk):
            raise ValidationError(_("There is a list of this name already."))
        return name
