"""What staff may enter about a person: details, ways to be reached, tags, notes, and a stop heard elsewhere."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail.admin.widgets import AdminAutoHeightTextInput

from coalition import custom, people, refusing
from coalition.forms.custom import CustomFieldsMixin
from coalition.forms.fields import EmailField, PhoneField
from coalition.forms.tags import TagPicker
from coalition.models import Address, Person, fold
from coalition.places import CHOICES, zip_code

TAGS_HELP = _("Separated by commas. A tag that does not exist yet is made.")


class TagsField(forms.CharField):
    """Tags as words with commas between, or ticked; cleaned to a list without repeats."""

    widget = TagPicker

    def __init__(self, **kwargs):
        super().__init__(
            **{"label": _("Tags"), "required": False, "help_text": TAGS_HELP, "max_length": 20_000, **kwargs}
        )
        self.widget.attrs["autocomplete"] = "off"

    def clean(self, value):
        names = {}
        for name in super().clean(value).split(","):
            if fold(name):
                names.setdefault(fold(name), name.strip())
        if too_long := next((name for name in names.values() if len(name) > 80), None):
            raise ValidationError(_("“%(tag)s…” is too long for a tag."), params={"tag": too_long[:30]})
        return list(names.values())


class PersonForm(CustomFieldsMixin, forms.ModelForm):
    """A person, with new addresses; those already held are kept, removed or made primary, never rewritten.

    Consent belongs to an address as it stands: a corrected one is another address, and starts without consent.
    """

    email = EmailField(required=False, label=_("Email"))
    phone = PhoneField(required=False, label=_("Mobile phone"))
    tags = TagsField()

    class Meta:
        model = Person
        fields = ["name", "given_name", "family_name", "language", "is_minor", "street", "city", "state", "zip"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        label = self.fields["state"].label
        self.fields["state"] = forms.ChoiceField(choices=[("", "—"), *CHOICES], required=False, label=label)
        self.held = list(self.instance.addresses.order_by("channel", "pk")) if self.instance.pk else []
        self.fields["email"].label = _("Add an email") if self.instance.pk else _("Email")
        self.fields["phone"].label = _("Add a phone number") if self.instance.pk else _("Mobile phone")
        self.fields["remove"] = forms.MultipleChoiceField(
            choices=[(a.pk, a.value) for a in self.held], required=False, widget=forms.CheckboxSelectMultiple
        )
        for channel in Address.Channel:
            held = [a for a in self.held if a.channel == channel]
            self.fields[f"primary_{channel.value}"] = forms.ChoiceField(
                choices=[(a.pk, a.value) for a in held],
                required=False,
                initial=next((a.pk for a in held if a.primary), None),
            )
        if self.instance.pk:
            self.initial["tags"] = ", ".join(self.instance.tags.values_list("name", flat=True))

    def clean_zip(self):
        value = self.cleaned_data["zip"]
        if value and not zip_code(value):
            raise ValidationError(_("Enter a ZIP code of five digits, such as 01103"))
        return zip_code(value)

    def clean(self):
        cleaned = super().clean()
        named = any(cleaned.get(key) for key in ("name", "given_name", "family_name"))
        if not named and not cleaned.get("email") and not cleaned.get("phone") and not self.held:
            raise ValidationError(_("Enter a name, an email or a phone number."))
        return cleaned

    @property
    def held_rows(self):
        """Each address held, with what was chosen for it."""
        removed = {str(pk) for pk in (self["remove"].value() or [])}
        chosen = {channel: str(self[f"primary_{channel}"].value()) for channel in Address.Channel.values}
        return [(a, str(a.pk) in removed, str(a.pk) == chosen[a.channel]) for a in self.held]

    def known_already(self):
        """People who hold a new address of this form, or bear its name where they are: see `people.alike`."""
        cleaned, new = self.cleaned_data, not self.instance.pk
        name = cleaned["name"] or f"{cleaned['given_name']} {cleaned['family_name']}"
        return people.alike(
            name=name if new else "",
            zip_code=cleaned["zip"],
            emails=list(filter(None, [cleaned["email"]])),
            phones=list(filter(None, [cleaned["phone"]])),
            but=self.instance.pk,
        )

    def keep(self, by):
        """Hand what was entered to the verbs. Returns the person."""
        cleaned = self.cleaned_data
        details = {name: cleaned[name] for name in self.Meta.fields}
        emails, phones = filter(None, [cleaned["email"]]), filter(None, [cleaned["phone"]])
        if not self.instance.pk:
            details["custom"] = custom.applied({}, self.custom_values)
            person = people.add(details=details, emails=emails, phones=phones, by=by)
        else:
            person = people.change(self.instance, details=details, own=self.custom_values, by=by)
            removed = set(cleaned["remove"])
            for address in self.held:
                if str(address.pk) in removed:
                    people.remove_address(address, by=by)
                elif str(address.pk) == cleaned[f"primary_{address.channel}"] and not address.primary:
                    people.make_primary(address)
            for channel, values in ((Address.Channel.EMAIL, emails), (Address.Channel.PHONE, phones)):
                for value in values:
                    people.add_address(person, channel, value)
        people.set_tags(person, cleaned["tags"], by=by)
        return person


class TagsForm(forms.Form):
    """The tags of one person, in place."""

    tags = TagsField()


class NoteForm(forms.Form):
    text = forms.CharField(
        label=_("Note"),
        max_length=4000,
        widget=AdminAutoHeightTextInput(attrs={"rows": 2}),
        validators=[refusing.refuse_words],
    )


class HeardStopForm(forms.Form):
    """Somebody told us to stop, by phone, letter or in person: it counts like STOP (rule S6)."""

    HEARD = [
        ("phone", _("By phone")),
        ("person", _("In person")),
        ("letter", _("In a letter")),
        ("email", _("By email")),
        ("other", _("In another way")),
    ]
    addresses = forms.MultipleChoiceField(label=_("What should stop"), widget=forms.CheckboxSelectMultiple)
    heard = forms.ChoiceField(label=_("How we heard it"), choices=HEARD)
    words = forms.CharField(label=_("What they said"), max_length=150, required=False)

    def __init__(self, *args, person, **kwargs):
        super().__init__(*args, **kwargs)
        self.open = {
            str(a.pk): a for a in person.addresses.order_by("channel", "pk") if a.consent != Address.Consent.WITHDRAWN
        }
        self.fields["addresses"].choices = [(pk, people.display(a)) for pk, a in self.open.items()]

    @property
    def chosen(self):
        return [self.open[pk] for pk in self.cleaned_data["addresses"]]

    @property
    def evidence(self):
        """In the words of the installation's language: it is kept, and read by whoever asks later."""
        words = self.cleaned_data["words"]
        return f"{self.cleaned_data['heard']}: {words}" if words else self.cleaned_data["heard"]
