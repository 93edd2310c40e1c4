"""What may come in about a campaign: its name in each language, and the bill it is about."""

from django import forms
from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from campaigns.models import Campaign


class CampaignForm(forms.ModelForm):
    class Meta:
        model = Campaign
        fields = ["bill"]
        help_texts = {"bill": _("Such as H. 9104. Leave it empty when there is none.")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        named = self.instance.name.data if isinstance(self.instance.name, LazyI18nString) else {}
        for language, label in settings.LANGUAGES:
            self.fields[f"name_{language}"] = forms.CharField(
                label=format_lazy("{} ({})", _("Name"), label),
                max_length=150,
                initial=named.get(language, "") if isinstance(named, dict) else named,
                widget=forms.TextInput(attrs={"lang": language}),
            )
        self.order_fields([*(f"name_{language}" for language, _label in settings.LANGUAGES), "bill"])

    def save(self, commit=True):
        self.instance.name = LazyI18nString(
            {language: self.cleaned_data[f"name_{language}"] for language, _label in settings.LANGUAGES}
        )
        return super().save(commit)
