"""What an administrator may say of a region or a constituency."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from i18nfield.forms import I18nModelForm

from coalition.forms.fields import say_languages
from coalition.models import Constituency, Region, Topic, fold
from coalition.places import CHOICES


class WordForm(I18nModelForm):
    """A name in every language, and its place among the others."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        say_languages(self, "name")
        self.fields["position"].help_text = _("Smaller numbers stand first.")
        self.fields["position"].required = False

    def clean_position(self):
        return self.cleaned_data["position"] or 0

    def clean_name(self):
        name = self.cleaned_data["name"]
        said = {code: name.localize(code) if name.data.get(code) else "" for code, _label in settings.LANGUAGES}
        if not all(text.strip() for text in said.values()):
            raise ValidationError(_("Write it in every language."))
        for other in type(self.instance).objects.exclude(pk=self.instance.pk):
            if any(fold(other.name.localize(code)) == fold(text) for code, text in said.items()):
                raise ValidationError(_("There is one of this name already."))
        return name


class RegionForm(WordForm):
    class Meta:
        model = Region
        fields = ["name", "state", "position"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        label = self.fields["state"].label
        self.fields["state"] = forms.ChoiceField(choices=[("", "—"), *CHOICES], required=False, label=label)


class ConstituencyForm(WordForm):
    class Meta:
        model = Constituency
        fields = ["name", "position"]


class TopicForm(WordForm):
    class Meta:
        model = Topic
        fields = ["name", "description", "position"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        say_languages(self, "description")
        self.fields["description"].help_text = _("Stands beside the name on people’s own page.")
