"""What pages say of people and their addresses."""

from django import template
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from coalition import addresses, people
from coalition.models import Address

register = template.Library()

TONES = {
    Address.Consent.GRANTED: "good",
    Address.Consent.WITHDRAWN: "bad",
    Address.Consent.ASKED: "warn",
    Address.Consent.NONE: "",
}


@register.filter
def shown(address):
    """{{ address|shown }}: a phone number as people write it, an email as it is."""
    return people.display(address)


@register.filter
def phone(value):
    """{{ organization.phone|phone }}: a number that is no person's address, as people write it."""
    return people.display_phone(value) if value.startswith("+") else value


def _fault(address):
    """Why nothing arrives at an address, in words; nothing where it works."""
    if address.fault:
        return address.get_fault_display()
    return "" if addresses.writable(address.channel, address.value) else _("Our mail server cannot write to it")


@register.filter
def reach_tone(address):
    """The tone of the pill that says whether we may write to an address."""
    return "warn" if _fault(address) and address.consent != Address.Consent.WITHDRAWN else TONES[address.consent]


@register.filter
def reach_words(address):
    """Whether we may write to an address, and if not, why."""
    if address.consent != Address.Consent.WITHDRAWN and (fault := _fault(address)):
        return fault
    return address.get_consent_display()


@register.filter
def breakable(text):
    """{{ address|shown|breakable }}: a long email breaks after its @, not in the middle of a word."""
    return mark_safe(escape(text).replace("@", "@<wbr>"))  # noqa: S308
