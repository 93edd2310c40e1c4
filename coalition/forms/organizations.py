"""What staff may enter about an organization, who speaks for it, who belongs to it, what was agreed, and its logo."""

from pathlib import Path

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _
from i18nfield.forms import I18nModelForm

from coalition import languages, logos, organizations, people, uniting
from coalition.forms.custom import CustomFieldsMixin
from coalition.forms.fields import EmailField, NameField, PhoneField, say_languages
from coalition.models import Agreement, Constituency, Membership, Organization, Region, Representative
from coalition.places import CHOICES, zip_code

Stage = Organization.Stage
MEGABYTE = 1 << 20


def day_box():
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def still_offered(model, held=()):
    """What may be chosen: all that is not retired, and what this record holds already."""
    return model.objects.filter(Q(retired_at=None) | Q(pk__in=[row.pk for row in held]))


class OrganizationForm(CustomFieldsMixin, I18nModelForm):
    """An organization in sections. Two boxes appear only when they are needed: that it is not the one that it looks
    like, and that a partner has really left."""

    email = EmailField(required=False, label=_("Email"))
    phone = PhoneField(required=False, label=_("Phone"))
    another = forms.BooleanField(required=False, label=_("It is another organization: go on"))
    leaving = forms.BooleanField(required=False, label=_("Yes, it has left the coalition"))

    class Meta:
        model = Organization
        fields = [
            "name",
            "printed_name",
            "kind",
            "scope",
            "size",
            "stage",
            "regions",
            "constituencies",
            "languages",
            "street",
            "city",
            "state",
            "zip",
            "website",
            "email",
            "phone",
        ]
        widgets = {"regions": forms.CheckboxSelectMultiple, "constituencies": forms.CheckboxSelectMultiple}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        fields, held = self.fields, self.instance
        self.stood = held.stage if held.pk else None
        fields["state"] = forms.ChoiceField(choices=[("", "—"), *CHOICES], required=False, label=fields["state"].label)
        fields["languages"] = forms.MultipleChoiceField(
            choices=languages.own_names(),
            required=False,
            label=_("Languages they work in"),
            widget=forms.CheckboxSelectMultiple,
        )
        for name, model in (("regions", Region), ("constituencies", Constituency)):
            fields[name].queryset = still_offered(model, getattr(held, name).all() if held.pk else ())
            if not fields[name].queryset:
                del fields[name]
        fields["website"].assume_scheme = "https"
        for name in ("email", "phone", "name", "street", "city", "zip"):
            fields[name].widget.attrs["autocomplete"] = "off"  # it is not the organizer's own
        say_languages(self, "printed_name")
        if held.phone.startswith("+"):
            self.initial["phone"] = people.display_phone(held.phone)
        self.asks = set()  # which of the two boxes are shown

    def clean_name(self):
        name = " ".join(self.cleaned_data["name"].split())
        if found := organizations.of_name(name, but=self.instance.pk):
            if found.merged_into_id:
                raise ValidationError(
                    _("An organization of this name was merged into %(organization)s: use that one."),
                    params={"organization": uniting.current(found)},
                )
            if found.is_binned:
                raise ValidationError(_("An organization of this name is in the bin: take it out instead."))
            raise ValidationError(_("An organization of this name is here already."))
        return name

    def clean_zip(self):
        value = self.cleaned_data["zip"]
        if value and not zip_code(value):
            raise ValidationError(_("Enter a ZIP code of five digits, such as 01103"))
        return zip_code(value)

    def clean(self):
        cleaned = super().clean()
        new_name = "name" in cleaned and cleaned["name"] != self.initial.get("name")
        if new_name and (alike := organizations.alike(cleaned["name"], but=self.instance.pk)):
            self.asks.add("another")
            if not cleaned.get("another"):
                self.alike = alike
                self.add_error(
                    "another",
                    _("It looks like %(names)s. If it is another one, tick this box.")
                    % {"names": languages.join_list([o.name for o in alike])},
                )
        if self.stood == Stage.PARTNER and cleaned.get("stage") == Stage.LEFT:
            self.asks.add("leaving")
            if not cleaned.get("leaving"):
                self.add_error(
                    "leaving",
                    _("A partner that has left is not asked to sign any more. If that is right, tick this box."),
                )
        return cleaned

    def keep(self, by):
        """Hand what was entered to the verb. Returns the organization."""
        chosen = {name: self.cleaned_data[name] for name in ("regions", "constituencies") if name in self.fields}
        return organizations.keep(self.save(commit=False), **chosen, fields=self.custom_values, by=by)


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
        say_languages(self, "title")
        self.fields["may_sign"].help_text = _(
            "Only who may sign is asked to sign: their answer binds the organization."
        )
        for name in ("name", "email"):
            self.fields[name].widget.attrs["autocomplete"] = "off"
        if self.instance.pk:
            for name in ("name", "email", "language"):
                del self.fields[name]


class MembershipForm(forms.ModelForm):
    class Meta:
        model = Membership
        fields = ["role"]
        help_texts = {"role": _("Such as teacher, parent or board member. It may stay empty.")}


class AgreementForm(forms.ModelForm):
    """What was agreed on paper. A file says by its first bytes what it is; its own name is not kept."""

    LARGEST = 15 * MEGABYTE
    BEGINNINGS = {
        ".pdf": (b"%PDF-",),
        ".docx": (b"PK\x03\x04",),
        ".odt": (b"PK\x03\x04",),
        ".png": (b"\x89PNG\r\n\x1a\n",),
        ".jpg": (b"\xff\xd8\xff",),
        ".jpeg": (b"\xff\xd8\xff",),
    }

    class Meta:
        model = Agreement
        fields = ["kind", "title", "signed_on", "ends_on", "file"]
        widgets = {"signed_on": day_box(), "ends_on": day_box()}
        help_texts = {
            "ends_on": _("Leave it empty where it runs on."),
            "file": _("PDF, Word, OpenDocument, PNG or JPEG, at most 15 MB. Only staff can open it."),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        held = bool(self.instance.pk and self.instance.file)
        self.fields["file"].widget = forms.FileInput(attrs={"accept": ",".join(self.BEGINNINGS)})
        self.fields["file"].label = _("Another file instead of the one held") if held else _("File")
        if held:
            self.fields["no_file"] = forms.BooleanField(required=False, label=_("Take the file away"))

    def clean_file(self):
        file = self.cleaned_data["file"]
        if not file or not hasattr(file, "content_type"):  # nothing new
            return file
        if file.size > self.LARGEST:
            raise ValidationError(
                _("The file is larger than %(most)d MB. Save it smaller, or split it."),
                params={"most": self.LARGEST // MEGABYTE},
            )
        ending = Path(file.name).suffix.lower()
        begins = file.read(8)
        file.seek(0)
        if not any(begins.startswith(known) for known in self.BEGINNINGS.get(ending, ())):
            raise ValidationError(
                _("Choose a PDF, Word, OpenDocument, PNG or JPEG file: this is another kind of file.")
            )
        file.name = f"{get_random_string(20)}{ending}"
        return file

    def clean(self):
        cleaned = super().clean()
        signed, ends = cleaned.get("signed_on"), cleaned.get("ends_on")
        if signed and ends and ends < signed:
            self.add_error("ends_on", _("It cannot end before it was signed."))
        if signed and signed > timezone.localdate():
            self.add_error("signed_on", _("Enter the day it was signed; this day is still to come."))
        if cleaned.get("no_file") and not hasattr(cleaned.get("file"), "content_type"):
            cleaned["file"] = False  # Django's word for: no file any more
        return cleaned


class LogoForm(forms.Form):
    """The picture, and whose yes it has (rule G6). The picture is only asked for while there is none."""

    image = forms.FileField(
        label=_("Picture"),
        help_text=_(
            "PNG, JPEG, WebP or SVG, at most 5 MB. It is kept as a PNG of at most 600 pixels, and nothing else of it."
        ),
        error_messages={"required": _("Choose a picture."), "empty": _("The file is empty.")},
        widget=forms.FileInput(attrs={"accept": logos.ACCEPTED}),
    )
    permitted_by = forms.CharField(
        label=_("Who allowed its use"),
        max_length=150,
        required=False,
        help_text=_("Leave it empty while nobody has: the logo is kept, and shown nowhere."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    permitted_on = forms.DateField(label=_("Allowed on"), required=False, widget=day_box())
    expires_on = forms.DateField(
        label=_("Allowed until"),
        required=False,
        widget=day_box(),
        help_text=_("Leave it empty where they named no end."),
    )

    def __init__(self, *args, logo=None, **kwargs):
        super().__init__(*args, **kwargs)
        if logo:
            self.fields["image"].required = False
            self.fields["image"].label = _("Another picture instead")

    def clean_image(self):
        file = self.cleaned_data["image"]
        return logos.redraw(file) if file else None

    def clean(self):
        cleaned = super().clean()
        by, on, until = (cleaned.get(name) for name in ("permitted_by", "permitted_on", "expires_on"))
        if by and not on and "permitted_on" not in self.errors:
            self.add_error("permitted_on", _("Enter the day they allowed it."))
        if (on or until) and not by:
            self.add_error("permitted_by", _("Enter who allowed it, or take the days away."))
        if on and on > timezone.localdate():
            self.add_error("permitted_on", _("Enter the day they allowed it; this day is still to come."))
        if on and until and until < on:
            self.add_error("expires_on", _("It cannot end before it was allowed."))
        return cleaned


class RevokeForm(forms.Form):
    """A standing authorization ends at the wish of somebody of the organization."""

    who = forms.CharField(
        label=_("Who of the organization asked for it"),
        max_length=150,
        error_messages={"required": _("Enter who of the organization asked for it.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
