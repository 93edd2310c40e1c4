"""The second factor of staff: a code from an app at each sign-in, and ten recovery codes for the day the phone is lost.

Set up, confirmed by a first code, switched off only with a code; an administrator can reset another's. Recovery codes
are kept as keyed hashes: nobody reads them again.
"""

import secrets
from base64 import b32encode

import qrcode
import qrcode.image.svg
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from coalition import audit
from coalition.models import Installation, User

CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read as something else


class TryLater(Exception):
    """Too many wrong codes in a row. `until`: when the next one is looked at."""

    def __init__(self, until):
        self.until = until


def of(user):
    """The confirmed app of a user, or None."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def is_required():
    """Whether every member of staff must have one."""
    return settings.REQUIRE_SECOND_FACTOR or Installation.get().second_factor


def standing(user):
    """(whether the user has one, whether one is required), in one query."""
    having = User.objects.filter(pk=user.pk).values_list(
        Exists(TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)),
        Exists(Installation.objects.filter(second_factor=True)),
    )
    has, required = having.first() or (False, False)
    return has, required or settings.REQUIRE_SECOND_FACTOR


# Setting up


def begin(user):
    """The app to set up, not confirmed yet; asked again, it is the same one."""
    device, _made = TOTPDevice.objects.get_or_create(user=user, confirmed=False, defaults={"name": "app"})
    return device


def key_of(device):
    """The key as text, in groups of four, for who cannot take a picture."""
    key = b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(key[at : at + 4] for at in range(0, len(key), 4))


def picture(device):
    """The QR code as an SVG element, dark on light whatever the theme."""
    image = qrcode.make(device.config_url, image_factory=qrcode.image.svg.SvgPathImage, border=2)
    return image.to_string(encoding="unicode")


@transaction.atomic
def confirm(user, code):
    """The first code of the app proves that it is set up. Returns (app, recovery codes), or None for a wrong code.

    Raises TryLater.
    """
    User.objects.select_for_update().get(pk=user.pk)
    device = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    if device is None or not _is_right(device, code):
        return None
    TOTPDevice.objects.filter(user=user, confirmed=True).delete()
    TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
    device.confirmed = True
    audit.record(audit.Action.ACCOUNT, user, details={"did": "second factor on"}, by=user)
    return device, _new_codes(user)


def _new_codes(user):
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery")
    codes = ["".join(secrets.choice(ALPHABET) for _n in range(10)) for _n in range(CODES)]
    StaticToken.objects.bulk_create([StaticToken(device=device, token=_digest(code)) for code in codes])
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _digest(code):
    code = "".join(c for c in code.lower() if c.isalnum())
    return salted_hmac("coalition.second_factor.recovery", code, algorithm="sha256").hexdigest()[:16]


@transaction.atomic
def renew_codes(user):
    """Ten new recovery codes; the old ones are worth nothing any more."""
    User.objects.select_for_update().get(pk=user.pk)
    codes = _new_codes(user)
    audit.record(audit.Action.ACCOUNT, user, details={"did": "recovery codes renewed"}, by=user)
    return codes


def codes_left(user):
    return StaticToken.objects.filter(device__user=user).count()


# Using it


@transaction.atomic
def check(user, code, *, recovery=False):
    """The device whose code this is, or None. A code works once, a wrong one makes the next wait. Raises TryLater."""
    User.objects.select_for_update().get(pk=user.pk)
    devices = StaticDevice.objects if recovery else TOTPDevice.objects.filter(confirmed=True)
    device = devices.select_for_update().filter(user=user).first()
    if device is None or not _is_right(device, _digest(code) if recovery else code):
        return None
    if recovery:
        left = codes_left(user)
        audit.record(audit.Action.ACCOUNT, user, details={"did": "recovery code used", "left": left}, by=user)
    return device


def _is_right(device, code):
    allowed, why_not = device.verify_is_allowed()
    if not allowed:
        raise TryLater(why_not["locked_until"])
    return device.verify_token(code.replace(" ", ""))


# Taking it away


@transaction.atomic
def switch_off(user, *, by, why=""):
    """Take away the app and the recovery codes: with a code by the user, or by an administrator for somebody else."""
    gone, _each = TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    if gone:
        did = "second factor off" if by == user else "second factor reset"
        audit.record(audit.Action.ACCOUNT, user, details={"did": did}, by=by, why=why)
    return bool(gone)
