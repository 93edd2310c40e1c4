"""What staff may enter about an organization and about who speaks for it."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from i18nfield.forms import I18nModelForm

from coalition.forms.fields import EmailField, NameField
from coalition.models import Organization, Representative, fold
from coalition.places import CHOICES


class OrganizationForm(I18nModelForm):
    class Meta:
        model = Organization
        fields = ["name", "printed_name", "kind", "scope", "city", "state", "website", "languages", "stage"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        label = self.fields["state"].label
        self.fields["state"] = forms.ChoiceField(choices=[("", "—"), *CHOICES], required=False, label=label)
        self.fields["languages"] = forms.MultipleChoiceField(
            choices=settings.LANGUAGES,
            required=False,
            label=_("Languages they work in"),
            widget=forms.CheckboxSelectMultiple,
        )
        self.fields["website"].assume_scheme = "https"

    def clean_name(self):
        name = " ".join(self.cleaned_data["name"].split())
        if Organization.objects.filter(search=fold(name)).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("An organization of this name is here already."))
        return name


class RepresentativeForm(I18nModelForm):
    """Who speaks for an organization. A new one is found by name and email, else added as a person."""

    name = NameField(label=_("Name"))
    email = EmailField(label=_("Email"))
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)

    class Meta:
        model = Representative
        fields = ["title", "role", "may_sign"]

    field_order = ["name", "email", "language", "title", "role", "may_sign"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["title"].help_text = _("As it stands under a signature, in each language.")
        if self.instance.pk:
            for name in ("name", "email", "language"):
                del self.fields[name]
