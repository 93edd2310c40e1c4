"""Which devices open somebody's links: by a random value in the device's own cookie a forwarded link is noticed.

The first device that comes back with its cookie is taken for the person's own; any other reads, and proves the email
address by a code before it changes anything. The value opens nothing by itself: it is asked for beside a link.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from coalition.models import LinkDevice, Representative

from .refusals import RevokedLink

KEPT = timedelta(days=366)  # as long as the cookie of a device lasts


@dataclass(frozen=True)
class Seen:
    """What is known of a device that holds somebody's link."""

    known: bool = False  # it was noted before
    trusted: bool = False  # it may act for the person
    strangers: bool = False  # other devices opened the person's links, and proved nothing


def new_value():
    """What is put in a device's cookie: chance, and nothing about anybody."""
    return secrets.token_urlsafe(24)


def _key(value):
    return hashlib.sha256(value.encode()).hexdigest()


def look(representative, value):
    """What is known of a device, by the `value` of its cookie; notes nothing. One query.

    As long as no device at all is trusted, each may act: the first that does is taken for the person's own.
    """
    held = dict(LinkDevice.objects.filter(representative=representative).values_list("key", "trusted_at"))
    key = _key(value) if value else None
    return Seen(
        known=key in held,
        trusted=bool(held.get(key)) or not any(held.values()),
        strangers=any(trusted_at is None for other, trusted_at in held.items() if other != key),
    )


@transaction.atomic
def recognise(representative, value):
    """Note that a device opened this person's links. Returns what is known of it now.

    Call it only for a cookie that came back, or for a press of a button: programs that check the links in mail do
    neither, so none of them is taken for the person. Raises RevokedLink where they no longer speak for it.
    """
    key, now = _key(value), timezone.now()
    # Two first devices take turns.
    if not Representative.objects.select_for_update(no_key=True).filter(pk=representative.pk):
        raise RevokedLink
    first = not LinkDevice.objects.filter(representative=representative, trusted_at__isnull=False).exists()
    device, _new = LinkDevice.objects.get_or_create(representative=representative, key=key)
    if first:
        device.trusted_at = now
    LinkDevice.objects.filter(pk=device.pk).update(last_at=now, trusted_at=device.trusted_at)
    return look(representative, value)


def forget(representative, value):
    """Take back what was noted of a device that was never given its cookie."""
    LinkDevice.objects.filter(representative=representative, key=_key(value)).delete()


@transaction.atomic
def trust(representatives, value):
    """This device proved the email address: it may act for these from now on."""
    for representative in representatives:
        LinkDevice.objects.update_or_create(
            representative=representative, key=_key(value), defaults={"trusted_at": timezone.now()}
        )


def strangers(representative):
    """The devices that opened this person's links and proved nothing, newest first."""
    return LinkDevice.objects.filter(representative=representative, trusted_at=None).order_by("-last_at")


def forget_old():
    """Drop devices whose cookie has ended by now. Returns how many."""
    return LinkDevice.objects.filter(last_at__lt=timezone.now() - KEPT).delete()[0]
