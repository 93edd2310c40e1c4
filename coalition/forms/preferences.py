"""What a person may choose on the preference page, correct about themselves, and how they ask for a fresh link."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import escape
from django.utils.translation import gettext_lazy as _

from coalition import languages
from coalition.forms.fields import EmailField, NameField, PhoneField, ZipField
from coalition.models import Address

WORDING = {
    "email": _("Send me news by email. I can leave at any time with the link in every message."),
    "phone": _(
        "Send me text messages, about %(number)d a month. Message and data rates may apply. "
        "Reply STOP to end, HELP for help. I need not agree to take part."
    ),
}


def wording(installation):
    """{channel: the words beside its box}, in the active language."""
    return {
        "email": str(installation.email_wording or "") or str(WORDING["email"]),
        "phone": str(installation.text_wording or "") or str(WORDING["phone"]) % {"number": installation.texts_a_month},
    }


class PreferencesForm(forms.Form):
    """One box for each channel, beside the words that are kept with the consent (rule S1); one for each topic.

    `offered`: {channel: (address, how the page shows it)}; `topics`: [(topic, whether they hear of it)].
    """

    language = forms.ChoiceField(label=_("Write to me in"), widget=forms.RadioSelect, choices=languages.own_names)
    name = NameField(required=False, max_length=200)

    def __init__(self, *args, offered, installation, topics=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.offered, self.topics = offered, topics
        self.wording = wording(installation)
        for channel, (held, shown) in offered.items():
            words = _("Emails to %(address)s") if channel == "email" else _("Texts to %(address)s")
            hint = words % {"address": shown}
            if held.fault:
                trouble = _("Our last messages there did not arrive.")
                hint = f"{hint}. {trouble}"
            self.fields[channel] = forms.BooleanField(
                label=self.wording[channel], required=False, help_text=escape(hint)
            )
            self.initial[channel] = held.consent == Address.Consent.GRANTED
        if topics:
            self.fields["topics"] = forms.MultipleChoiceField(
                label=_("What I want to hear about"),
                required=False,
                widget=forms.CheckboxSelectMultiple,
                choices=[(str(topic.pk), self._said(topic)) for topic, _hears in topics],
                help_text=_("Untick what you would rather not get. Nothing else changes."),
            )
            self.initial["topics"] = [str(topic.pk) for topic, hears in topics if hears]
        self.order_fields([*offered, "topics", "language", "name"])

    @staticmethod
    def _said(topic):
        return f"{topic.name}: {topic.description}" if str(topic.description) else str(topic.name)

    @property
    def choices(self):
        """{channel: bool} of the boxes that were offered."""
        return {channel: self.cleaned_data[channel] for channel in self.offered}

    @property
    def chosen_topics(self):
        """{pk: bool} of the topics that were offered."""
        return {topic.pk: str(topic.pk) in self.cleaned_data["topics"] for topic, _hears in self.topics}


class LinkForm(forms.Form):
    """Where to send a fresh link."""

    email = EmailField(label=_("Your email address"), help_text=_("We send the link there. It works for some weeks."))


class DetailsForm(forms.Form):
    """What somebody corrects about themselves. Everything may be left empty."""

    name = NameField(required=False, max_length=200, label=_("Full name"))
    given_name = NameField(
        required=False,
        label=_("First name"),
        help_text=_("We greet you with it."),
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    family_name = NameField(
        required=False, label=_("Last name"), widget=forms.TextInput(attrs={"autocomplete": "family-name"})
    )
    street = forms.CharField(
        required=False,
        max_length=200,
        label=_("Street address"),
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    city = forms.CharField(
        required=False,
        max_length=100,
        label=_("City"),
        widget=forms.TextInput(attrs={"autocomplete": "address-level2"}),
    )
    zip = ZipField(required=False)

    def clean(self):
        cleaned = super().clean()
        for name in ("street", "city"):
            cleaned[name] = " ".join((cleaned.get(name) or "").split())
        if not cleaned.get("name") and not self.errors:
            cleaned["name"] = f"{cleaned['given_name']} {cleaned['family_name']}".strip()
        return cleaned


class CommunitiesForm(forms.Form):
    """The communities somebody says they belong to: theirs to say, never needed, kept sealed."""

    constituencies = forms.MultipleChoiceField(
        label=_("I belong to"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args, offered, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["constituencies"].choices = [(one.slug, str(one)) for one in offered]


class NewAddressForm(forms.Form):
    """An email address or a phone number to add or to change to: one of the two."""

    email = EmailField(required=False, label=_("New email address"))
    phone = PhoneField(required=False, label=_("New mobile phone number"))

    def __init__(self, *args, texts, **kwargs):
        super().__init__(*args, **kwargs)
        if not texts:
            del self.fields["phone"]

    def clean(self):
        cleaned = super().clean()
        given = [channel for channel in ("email", "phone") if cleaned.get(channel)]
        if not self.errors and len(given) != 1:
            raise ValidationError(
                _("Enter an email address or a phone number.") if not given else _("Enter one at a time, please.")
            )
        return cleaned | {"channel": given[0] if given else "", "value": cleaned[given[0]] if given else ""}


class ConfirmAddressForm(forms.Form):
    """Whether news may come to the new address; the box is never ticked beforehand."""

    def __init__(self, *args, channel, installation, **kwargs):
        super().__init__(*args, **kwargs)
        self.wording = wording(installation)[channel]
        self.fields["wants"] = forms.BooleanField(label=self.wording, required=False)


class EraseForm(forms.Form):
    sure = forms.BooleanField(label=_("Yes, forget me. I know that this cannot be undone."))
    sure.error_messages["required"] = _("Tick the box if you are sure.")
