"""Tags: named, grouped, merged; and the picker that shows them by group wherever somebody gets tags."""

from django import forms
from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from coalition import tags
from coalition.models import Tag, TagGroup, fold

FEW = 24  # so many boxes stand open
SHOWN_AT_MOST = 400  # more boxes than that help nobody: the names are typed then


class TagPicker(forms.TextInput):
    """Boxes by group for the tags there are, and words for those there are not yet. The value is words with commas."""

    template_name = "coalition/tags/picker.html"

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        wanted = {fold(word): word.strip() for word in (value or "").split(",") if fold(word)}
        groups = tags.grouped()
        if sum(len(held) for _group, held in groups) > SHOWN_AT_MOST:
            groups = [
                (group, [tag for tag in held if tag.slug in wanted])
                for group, held in groups
                if any(tag.slug in wanted for tag in held)
            ]
        shown = {tag.slug for _group, held in groups for tag in held}
        context["widget"]["groups"] = [
            (group, [(tag, tag.slug in wanted) for tag in held], sum(tag.slug in wanted for tag in held))
            for group, held in groups
        ]
        context["widget"]["few"] = len(shown) <= FEW
        context["widget"]["value"] = ", ".join(word for slug, word in wanted.items() if slug not in shown)
        return context

    def value_from_datadict(self, data, files, name):
        said = data.getlist(name) if hasattr(data, "getlist") else [data.get(name) or ""]
        return ", ".join(word for word in said if word)


class TagForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    group = forms.ModelChoiceField(
        label=_("Group"), queryset=TagGroup.objects.all(), required=False, empty_label=_("No group")
    )


class MergeTagForm(forms.Form):
    """The tag that this one becomes."""

    into = forms.ModelChoiceField(label=_("Merge it into"), queryset=Tag.objects.none(), empty_label=_("Choose a tag"))

    def __init__(self, *args, tag, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["into"].queryset = Tag.objects.exclude(pk=tag.pk)


class GroupForm(forms.Form):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for language, name in settings.LANGUAGES:
            self.fields[f"name_{language}"] = forms.CharField(
                label=format_lazy("{} ({})", _("Name"), name),
                max_length=80,
                required=False,
                widget=forms.TextInput(attrs={"lang": language, "autocomplete": "off"}),
            )

    @property
    def names(self):
        return {language: self.cleaned_data[f"name_{language}"] for language, _name in settings.LANGUAGES}
