"""Ways to reach people, each in the one form it is kept in: so that a stop finds every record that holds it."""

import functools
import re
import unicodedata

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

from coalition.models import Address

Channel = Address.Channel

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
USUAL_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z]{{2,63}}")


class _Email(EmailValidator):
    """Django's, and letters of any language before the @ (RFC 6531): zoë@example.org is somebody's address."""

    user_regex = re.compile(r"[-!#$%&'*+/=?^`{}|~\w]+(\.[-!#$%&'*+/=?^`{}|~\w]+)*\Z")


_check_email = _Email()


def normalise(channel, value):
    """The one form an address is kept in: lower-cased email, or phone as E.164. Raises ValidationError.

    Letters with accents are composed (NFC), and a domain stands as the name service knows it (RFC 3490).
    """
    value = (value or "").strip()
    return _email(value) if channel == Channel.EMAIL else _phone(value)


def _email(value):
    value = value.lower()
    if USUAL_EMAIL.fullmatch(value):
        return value
    try:
        value = unicodedata.normalize("NFC", value)
        user, _at, domain = value.rpartition("@")
        if not domain.isascii():
            value = f"{user}@{domain.encode('idna').decode()}"
        _check_email(value)
    except (ValidationError, UnicodeError):
        raise ValidationError(_("Enter an email address such as name@example.org"), code="email") from None
    return value


def _phone(value):
    digits = value.translate(_PUNCTUATION)
    if len(digits) == 10 and digits.isascii() and digits.isdigit() and settings.PHONE_REGION == "US":
        if _exists(digits[:6]):
            return f"+1{digits}"
    elif len(digits) == 12 and re.fullmatch(r"\+1[2-9]\d{9}", digits, re.ASCII) and _exists(digits[2:8]):
        return digits
    try:
        number = phonenumbers.parse(value, settings.PHONE_REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise ValidationError(_("Enter a phone number with its area code, such as 413 555 0100"), code="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


_PUNCTUATION = str.maketrans("", "", " ().-")


@functools.lru_cache(maxsize=20_000)
def _exists(beginning):
    """Whether numbers of the United States that begin with these six digits exist: their last four can be any."""
    number = phonenumbers.PhoneNumber(country_code=1, national_number=int(beginning + "0100"))
    return beginning[0] > "1" and phonenumbers.is_valid_number_for_region(number, "US")


def writable(channel, value):
    """Whether our mail servers can write to an address: most of them refuse letters with accents before the @."""
    return channel != Channel.EMAIL or value.isascii()
