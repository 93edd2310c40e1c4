"""What a partner enters about itself: how it is printed and reached, its logo, who speaks for it, how it decides."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from coalition import languages, logos, people, policies
from coalition.forms.fields import EmailField, NameField, PhoneField
from coalition.forms.organizations import day_box
from coalition.models import Representative, Topic
from coalition.places import CHOICES, zip_code
from coalition.signing_on import authorizing


class PerLanguage:
    """Lets a form ask for one thing in each language of the installation, each in a field of its own."""

    def ask(self, name, label, held, *, max_length, help_text=""):
        """`label` holds %(language)s; `held` is what the record says now."""
        for code, _name in settings.LANGUAGES:
            box = forms.TextInput(attrs={"lang": code, "autocomplete": "off"})
            self.fields[f"{name}_{code}"] = forms.CharField(
                label=label % {"language": languages.name_in_text(code, get_language())},
                max_length=max_length,
                required=False,
                help_text=help_text,
                widget=box,
            )
            data = getattr(held, "data", held) or ""
            said = data.get(code, "") if isinstance(data, dict) else data
            self.initial.setdefault(f"{name}_{code}", said)

    def said(self, name):
        """What was entered, as a text in several languages; empty where nothing was."""
        found = {code: " ".join(self.cleaned_data.get(f"{name}_{code}", "").split()) for code, _n in settings.LANGUAGES}
        return LazyI18nString({code: text for code, text in found.items() if text}) if any(found.values()) else ""

    def boxes(self, name):
        return [f"{name}_{code}" for code, _name in settings.LANGUAGES]


class ProfileForm(PerLanguage, forms.Form):
    """How an organization is printed and reached. Its kind, its scope and its own name are the staff's to change; how
    it is printed is for those who may sign.
    """

    website = forms.URLField(label=_("Website"), required=False, max_length=200, assume_scheme="https")
    email = EmailField(label=_("Email of your organization"), required=False)
    phone = PhoneField(label=_("Phone of your organization"), required=False)
    street = forms.CharField(label=_("Street address"), required=False, max_length=200)
    city = forms.CharField(label=_("City"), required=False, max_length=100)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", "—"), *CHOICES])
    zip = forms.CharField(label=_("ZIP code"), required=False, max_length=10)
    languages = forms.MultipleChoiceField(
        label=_("Languages you work in"), required=False, widget=forms.CheckboxSelectMultiple
    )

    DETAILS = ("website", "email", "phone", "street", "city", "state", "zip", "languages")

    def __init__(self, *args, organization, may_sign, **kwargs):
        held = {name: getattr(organization, name) for name in self.DETAILS}
        if held["phone"].startswith("+"):
            held["phone"] = people.display_phone(held["phone"])
        super().__init__(*args, initial=held, **kwargs)
        self.fields["languages"].choices = languages.own_names()
        self.may_sign = may_sign
        if may_sign:
            self.ask(
                "printed_name",
                _("Printed name in %(language)s"),
                organization.printed_name,
                max_length=200,
                help_text=_("As it stands under a publication. Empty: %(name)s") % {"name": organization.name},
            )
            self.order_fields([*self.boxes("printed_name"), *self.DETAILS])

    def clean_zip(self):
        value = self.cleaned_data["zip"]
        if value and not zip_code(value):
            raise ValidationError(_("Enter a ZIP code of five digits, such as 01103"))
        return zip_code(value)

    @property
    def values(self):
        """What was entered, by the names of the organization's details."""
        printed = {"printed_name": self.said("printed_name")} if self.may_sign else {}
        return printed | {name: self.cleaned_data[name] for name in self.DETAILS}


class PartnerLogoForm(forms.Form):
    """The picture, and the partner's own yes to show it (rule G6), in a box of its own."""

    image = forms.FileField(
        label=_("Picture"),
        help_text=_(
            "PNG, JPEG, WebP or SVG, at most 5 MB. We keep a PNG of at most 600 pixels, and nothing else of it."
        ),
        error_messages={"required": _("Choose a picture."), "empty": _("The file is empty.")},
        widget=forms.FileInput(attrs={"accept": logos.ACCEPTED}),
    )
    allowed = forms.BooleanField(
        required=False,
        label=_("The coalition may show our logo beside our name, where we sign with our logo."),
        help_text=_("Without this yes it is kept and shown nowhere."),
    )
    expires_on = forms.DateField(
        label=_("Allowed until"), required=False, widget=day_box(), help_text=_("Empty: until you end it here.")
    )

    def __init__(self, *args, logo=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.logo = logo
        if logo:
            self.fields["image"].required = False
            self.fields["image"].label = _("Another picture instead")
        if logo and logo.may_be_used:
            self.fields["allowed"].label = _("Yes, again: the coalition may show our logo until the day below.")
            self.fields["allowed"].help_text = _("Leave it empty to change nothing about the permission that holds.")

    def clean_image(self):
        file = self.cleaned_data["image"]
        return logos.redraw(file) if file else None

    def clean(self):
        cleaned = super().clean()
        until = cleaned.get("expires_on")
        if until and until < timezone.localdate():
            self.add_error("expires_on", _("Choose a day that is still to come."))
        if until and not cleaned.get("allowed"):
            self.add_error("allowed", _("Tick this box, or take the day away."))
        return cleaned


class NoteMixin(forms.Form):
    note = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=300,
        help_text=_("Others who may sign, and the staff of the coalition, read it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class SpeakerForm(PerLanguage, NoteMixin):
    """How somebody speaks for the organization; with `representative`, that one; without, somebody new."""

    name = NameField(label=_("Name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    email = EmailField(label=_("Email"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    language = forms.ChoiceField(label=_("We write to them in"), widget=forms.RadioSelect)
    role = forms.ChoiceField(label=_("Role"), choices=Representative.Role.choices, widget=forms.RadioSelect)
    may_sign = forms.BooleanField(
        label=_("May sign for our organization"),
        required=False,
        help_text=_("Their answer binds your organization. Only who may sign is asked to sign."),
    )
    to_staff = forms.BooleanField(
        label=_("Leave it to the staff of the coalition: they ask us who signs from now on"), required=False
    )

    def __init__(self, *args, representative=None, asks_staff=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = languages.own_names()
        self.ask(
            "title",
            _("Title in %(language)s"),
            representative.title if representative else "",
            max_length=120,
            help_text=_("As it stands under a signature."),
        )
        self.order_fields(["name", "email", "language", *self.boxes("title"), "role", "may_sign", "note", "to_staff"])
        if representative:
            for name in ("name", "email", "language"):
                del self.fields[name]
            self.initial |= {"role": representative.role, "may_sign": representative.may_sign}
        if not asks_staff:
            del self.fields["to_staff"]

    @property
    def values(self):
        entered = {name: value for name, value in self.cleaned_data.items() if not name.startswith("title_")}
        return entered | {"title": self.said("title")}


class LeaveForm(NoteMixin):
    """Somebody no longer speaks for it."""

    to_staff = forms.BooleanField(
        label=_("Leave it to the staff of the coalition: they ask us who signs from now on"), required=False
    )

    def __init__(self, *args, asks_staff=False, **kwargs):
        super().__init__(*args, **kwargs)
        if not asks_staff:
            del self.fields["to_staff"]


class ObjectionForm(forms.Form):
    note = forms.CharField(
        label=_("What is not right"),
        required=False,
        max_length=300,
        help_text=_("Only the staff of the coalition read it."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


# How it decides


def topic_choices(topics):
    return [(topic.pk, topic.name) for topic in topics]


class PolicyForm(forms.Form):
    """How a partner wants to be asked. With `by_staff`, who of the organization said so is asked too."""

    favours = forms.ModelMultipleChoiceField(
        Topic.objects.none(),
        label=_("Topics we favor"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("You still decide each time, unless you give a standing authorization."),
    )
    never = forms.ModelMultipleChoiceField(
        Topic.objects.none(),
        label=_("Topics we never sign"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("The organizers see it before they ask you."),
    )
    approvers = forms.CharField(
        label=_("Who must approve"),
        required=False,
        max_length=250,
        help_text=_("Such as: the board, which meets each first Monday."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    lead_days = forms.IntegerField(
        label=_("Days we need to decide"), required=False, min_value=1, max_value=policies.LONGEST_LEAD
    )
    asks_a_month = forms.IntegerField(
        label=_("At most this many emails a month that ask us to sign"),
        required=False,
        min_value=1,
        max_value=99,
        help_text=_("Empty: no limit."),
    )
    who = forms.CharField(
        label=_("Who of the organization said so, and when"),
        max_length=150,
        help_text=_("It stands on the timeline."),
        error_messages={"required": _("Enter who of the organization said so.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    AS_STAFF_SAY = {
        "favours": _("Topics it favors"),
        "never": _("Topics it never signs"),
        "lead_days": _("Days it needs to decide"),
        "asks_a_month": _("At most this many emails a month that ask it to sign"),
    }

    def __init__(self, *args, policy, by_staff=False, **kwargs):
        chosen = {name: list(getattr(policy, name).all()) if policy.pk else [] for name in policies.TOPICS}
        held = {name: getattr(policy, name) for name in policies.DETAILS}
        super().__init__(*args, **kwargs | {"initial": held | chosen})
        offered = policies.offered(*chosen.values())
        for name in policies.TOPICS:
            self.fields[name].queryset = Topic.objects.filter(pk__in=[topic.pk for topic in offered])
        if by_staff:
            for name, label in self.AS_STAFF_SAY.items():
                self.fields[name].label = label
            self.fields["favours"].help_text = self.fields["never"].help_text = ""
        else:
            del self.fields["who"]
        if not offered:
            for name in policies.TOPICS:
                del self.fields[name]

    @property
    def values(self):
        none = Topic.objects.none()
        return {"favours": none, "never": none} | self.cleaned_data


class AuthorizationForm(forms.Form):
    """What a standing authorization covers, and who gives it. Its words are shown and confirmed on the next page."""

    topics = forms.ModelMultipleChoiceField(
        Topic.objects.none(),
        label=_("Topics"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A publication that is also about another topic is not covered: we ask you as usual."),
        error_messages={"required": _("Choose at least one topic.")},
    )
    with_logo = forms.BooleanField(
        label=_("Sign with our logo"),
        required=False,
        help_text=_("Only while you allow its use on the page of your organization."),
    )
    expires_on = forms.DateField(
        label=_("Valid until"),
        widget=day_box(),
        help_text=_("At most a year from today. We write to you before it ends."),
    )
    signer_name = NameField(max_length=200)
    signer_title = forms.CharField(
        label=_("Your title"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization-title"}),
    )

    def __init__(self, *args, never=(), extends=None, **kwargs):
        super().__init__(*args, **kwargs)
        refused = {topic.pk for topic in never}
        held = list(extends.topics.all()) if extends else []
        offered = [topic for topic in policies.offered(held) if topic.pk not in refused]
        self.fields["topics"].queryset = Topic.objects.filter(pk__in=[topic.pk for topic in offered])
        if extends:
            for name in ("topics", "with_logo"):
                del self.fields[name]

    def clean_expires_on(self):
        day, today = self.cleaned_data["expires_on"], timezone.localdate()
        if not today < day <= authorizing.a_year_from(today):
            raise ValidationError(_("Choose a day within a year from today."), code="expires_on")
        return day


class AttestationForm(forms.Form):
    """The words themselves, beside the box. `shown` travels with them: nothing else than what was read is attested."""

    shown = forms.CharField(widget=forms.HiddenInput)
    attested = forms.BooleanField(required=True)

    def __init__(self, *args, words, **kwargs):
        super().__init__(*args, initial={"shown": words}, **kwargs)
        self.words = words
        self.fields["attested"].label = words
        self.fields["attested"].error_messages["required"] = _(
            "Confirm that you may bind your organization: without it nothing is given."
        )

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("shown") and cleaned["shown"] != self.words:
            self.add_error("attested", _("The words changed while you were reading. Read them again, then confirm."))
        return cleaned
