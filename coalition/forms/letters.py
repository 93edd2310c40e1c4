"""What staff enter of a decision that arrived by letter."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _
from PIL import Image

from coalition import signing_on
from coalition.forms.organizations import day_box
from coalition.models import Decision, Organization
from coalition.signing_on.by_letter import CHOICES

MEGABYTE = 1 << 20


class ScanField(forms.FileField):
    """A scanned letter: a PDF, JPEG or PNG by what is in it, whatever it is called; its own name is not kept."""

    LARGEST = 15 * MEGABYTE
    PDF = b"%PDF-"
    PICTURES = {"PNG": ".png", "JPEG": ".jpg"}
    widget = forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg"})
    default_error_messages = {
        "required": _("Add the scanned letter: it is the proof."),
        "empty": _("The file is empty."),
        "large": _("The file is larger than %(most)d MB. Save it smaller, or split it."),
        "kind": _("Choose a PDF, JPEG or PNG file: this is another kind of file."),
    }

    def clean(self, value, initial=None):
        file = super().clean(value, initial)
        if not file:
            return file
        if file.size > self.LARGEST:
            raise ValidationError(self.error_messages["large"], params={"most": self.LARGEST // MEGABYTE}, code="large")
        file.name = f"{get_random_string(20)}{self._ending(file)}"
        return file

    def _ending(self, file):
        begins = file.read(len(self.PDF))
        file.seek(0)
        if begins == self.PDF:
            return ".pdf"
        try:
            picture = Image.open(file, formats=tuple(self.PICTURES))
            picture.verify()
        except Exception:  # a broken picture breaks Pillow in many ways, and all mean the same
            raise ValidationError(self.error_messages["kind"], code="kind") from None
        file.seek(0)
        return self.PICTURES[picture.format]


class LetterForm(forms.Form):
    """A letter of one partner in one round; `keep` hands it to the verb."""

    organization = forms.ModelChoiceField(
        Organization.objects.none(),
        label=_("Organization"),
        error_messages={"required": _("Choose the organization."), "invalid_choice": _("Choose the organization.")},
    )
    choice = forms.ChoiceField(
        label=_("What the letter says"),
        choices=[(choice.value, choice.label) for choice in CHOICES],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what the letter says.")},
    )
    version = forms.ModelChoiceField(
        None,
        label=_("The version that it names"),
        empty_label=None,
        error_messages={"required": _("Choose the version.")},
    )
    signer_name = forms.CharField(
        label=_("Who signed the letter"),
        max_length=200,
        error_messages={"required": _("Enter who signed the letter.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    signer_title = forms.CharField(
        label=_("Their title"), max_length=200, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    received = forms.DateField(
        label=_("Received on"),
        widget=day_box(),
        help_text=_("This day decides whether it came before the deadline."),
        error_messages={"required": _("Enter the day."), "invalid": _("Enter the day.")},
    )
    language = forms.ChoiceField(label=_("Language of the letter"), choices=settings.LANGUAGES)
    proof = ScanField(
        label=_("The scanned letter"), help_text=_("PDF, JPEG or PNG, at most 15 MB. Only staff can open it.")
    )
    attested = forms.BooleanField(
        label=_("The letter is signed by somebody with the authority to bind the organization. I checked it."),
        required=False,
        help_text=_("Without it, a signature cannot be recorded."),
    )
    reason = forms.CharField(
        label=_("Reason that the letter gives"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args, round_, **kwargs):
        super().__init__(*args, **kwargs)
        self.round = round_
        self.fields["organization"].queryset = Organization.objects.partners() | Organization.objects.present().filter(
            invitations__round=round_
        )
        self.fields["organization"].queryset = self.fields["organization"].queryset.distinct()
        versions = round_.publication.versions.order_by("-number")
        self.fields["version"].queryset = versions
        self.initial.setdefault("version", versions.first())
        if round_.closed_at:
            self.fields["choice"].choices = [(Decision.Choice.WITHDRAW.value, Decision.Choice.WITHDRAW.label)]

    def keep(self, by):
        """Hand what was entered to the verb. Returns the decision; None where something was wrong, said in the form."""
        said = dict(self.cleaned_data)
        said["attestation"] = str(self.fields["attested"].label) if said["attested"] else ""
        try:
            return signing_on.record_letter(self.round, said.pop("organization"), **said, by=by)
        except signing_on.RoundClosed:
            self.add_error(None, _("The round was closed meanwhile: only a withdrawal can be recorded."))
        except signing_on.NothingToWithdraw:
            self.add_error("choice", _("No answer of this organization stands that could be withdrawn."))
        except ValidationError as error:
            self.add_error(None, error)
        return None
