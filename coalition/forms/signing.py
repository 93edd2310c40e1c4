"""What a partner may answer on its personal page."""

import datetime

from django import forms
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from coalition import languages
from coalition.models import Decision, Version

Choice = Decision.Choice
WITH_LOGO = "sign_logo"  # signing, with a yes of its own for the logo (rule G6)
SIGNING = (Choice.SIGN, WITH_LOGO)


def _said(name, consequence):
    return lazy(lambda: format_html("<span><b>{}.</b> {}</span>", name, consequence), str)()


LOGO_WORDS = _("Our name and our logo stand on the public list of this version.")
CHOICES = [
    (Choice.SIGN, _said(_("Sign"), _("Our name stands on the public list of this version."))),
    (WITH_LOGO, _said(_("Sign with our logo"), LOGO_WORDS)),
    (Choice.SUPPORT, _said(_("Support quietly"), _("We are counted, and not named."))),
    (Choice.ABSTAIN, _said(_("Abstain"), _("We take no side. We are not named."))),
    (Choice.DECLINE, _said(_("Decline"), _("We do not sign. We are not named."))),
    (Choice.TIME, _said(_("Need time"), _("We answer later, on the day we name below."))),
]


class DecisionForm(forms.Form):
    """The version read and the answer that stood there travel with the form: no answer is recorded on another text, and
    none goes unnoticed over a colleague's.

    `attest`: the words beside the box, with the names of text and organization in them. `logo`: whether there is one
    that may be used. `zone`: in which the day of "need time" is counted.
    """

    version = forms.ModelChoiceField(Version.objects.none(), widget=forms.HiddenInput)
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    choice = forms.ChoiceField(
        label=_("Our answer"),
        choices=CHOICES,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the answers.")},
    )
    until = forms.DateField(
        label=_("We answer by"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("Choose the day.")},
    )
    signer_name = forms.CharField(
        label=_("Your name"),
        max_length=200,
        error_messages={"required": _("Enter your name.")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    signer_title = forms.CharField(
        label=_("Your title"),
        max_length=200,
        required=False,
        help_text=_("Needed to sign."),
        widget=forms.TextInput(attrs={"autocomplete": "organization-title"}),
    )
    attested = forms.BooleanField(required=False)
    reason = forms.CharField(
        label=_("Your reason"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    reason_private = forms.BooleanField(
        label=_("Keep the reason inside our organization"),
        required=False,
        help_text=_("Otherwise the organizers of the coalition read it. It is never shown to the public."),
    )

    def __init__(self, *args, publication, attest, logo=False, zone, **kwargs):
        super().__init__(*args, **kwargs)
        self.attest = attest
        self.zone = zone
        self.fields["version"].queryset = publication.versions.all()
        self.fields["attested"].label = attest
        self.fields["signer_name"].help_text = (
            _("In the record, on the receipt, and behind the name of your organization on the public list.")
            if publication.prints_signers
            else _("In the record and on the receipt. It is not shown to the public.")
        )
        tomorrow = languages.local(timezone.now(), zone).date() + datetime.timedelta(days=1)
        self.fields["until"].widget.attrs["min"] = tomorrow.isoformat()
        if not logo:
            self.fields["choice"].choices = [each for each in CHOICES if each[0] != WITH_LOGO]

    def clean(self):
        data = super().clean()
        choice = data.get("choice")
        if choice in SIGNING:
            if not data.get("attested"):
                self.add_error("attested", _("To sign, confirm that you may sign for your organization."))
            if "signer_title" in data and not data["signer_title"]:
                self.add_error("signer_title", _("To sign, enter your title, such as Director or Chair."))
        if choice == Choice.TIME and "until" not in self.errors:
            day = data.get("until")
            if day is None or day <= languages.local(timezone.now(), self.zone).date():
                self.add_error("until", _("Choose a day that is still to come."))
        return data

    @property
    def answer(self):
        """What was answered, as `signing_on.decide` takes it; the words that were confirmed are kept as they stood."""
        said = dict(self.cleaned_data)
        with_logo = said["choice"] == WITH_LOGO
        if self.add_prefix("seen") not in self.data:
            del said["seen"]  # no page of ours: nothing stood there to compare with
        said["choice"] = Choice.SIGN if with_logo else Choice(said["choice"])
        words = [str(self.attest), *([str(LOGO_WORDS)] if with_logo else [])]
        return said | {"with_logo": with_logo, "attestation": " ".join(words)}
