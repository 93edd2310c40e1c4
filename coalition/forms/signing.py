"""What a partner may answer on its personal page."""

from django import forms
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from coalition.models import Decision, Version

Choice = Decision.Choice


def _said(name, consequence):
    return lazy(lambda: format_html("<span><b>{}.</b> {}</span>", name, consequence), str)()


CHOICES = [
    (Choice.SIGN, _said(_("Sign"), _("Our name stands on the public list of this version."))),
    (Choice.SUPPORT, _said(_("Support quietly"), _("We are counted, and not named."))),
    (Choice.ABSTAIN, _said(_("Abstain"), _("We take no side. We are not named."))),
    (Choice.DECLINE, _said(_("Decline"), _("We do not sign. We are not named."))),
]


class DecisionForm(forms.Form):
    """The version read travels with the form, so that an answer is never recorded on another text."""

    version = forms.ModelChoiceField(Version.objects.none(), widget=forms.HiddenInput)
    choice = forms.ChoiceField(
        label=_("Our answer"),
        choices=CHOICES,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the four answers.")},
    )
    signer_name = forms.CharField(
        label=_("Your name"),
        max_length=200,
        error_messages={"required": _("Enter your name.")},
        help_text=_("In the record and on the receipt. It is not shown to the public."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    signer_title = forms.CharField(
        label=_("Your title"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization-title"}),
    )
    attested = forms.BooleanField(required=False)
    reason = forms.CharField(
        label=_("Your reason"),
        max_length=2000,
        required=False,
        help_text=_("Only the organizers of the coalition read it."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args, publication, attest, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["version"].queryset = publication.versions.all()
        self.fields["attested"].label = attest
        self.fields["attested"].help_text = _("Needed only to sign.")

    def clean(self):
        data = super().clean()
        if data.get("choice") == Choice.SIGN and not data.get("attested"):
            self.add_error("attested", _("To sign, confirm that you may sign for your organization."))
        return data
