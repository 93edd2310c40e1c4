"""Which devices open somebody's links: by a random value in the device's own cookie a forwarded link is noticed.

The first device that comes back with its cookie is taken for the person's own; any other reads, and proves the email
address by a code before it changes anything. The value opens nothing by itself: it is asked for beside a link.
"""

import hashlib
import secrets

from django.db import transaction
from django.utils import timezone

from coalition.models import LinkDevice, Representative


def new_value():
    """What is put in a device's cookie: chance, and nothing about anybody."""
    return secrets.token_urlsafe(24)


def _key(value):
    return hashlib.sha256(value.encode()).hexdigest()


@transaction.atomic
def recognise(representative, value):
    """Note that a device opened this person's links. Returns whether it may act for them.

    `value`: what its cookie holds. Call it only for a cookie that came back, or for a press of a button: programs that
    check links in mail do neither, so none of them is taken for the person.
    """
    key = _key(value)
    if LinkDevice.objects.filter(representative=representative, key=key, trusted_at__isnull=False).exists():
        LinkDevice.objects.filter(representative=representative, key=key).update(last_at=timezone.now())
        return True
    Representative.objects.select_for_update(no_key=True).get(pk=representative.pk)  # two first devices take turns
    first = not LinkDevice.objects.filter(representative=representative, trusted_at__isnull=False).exists()
    device, _new = LinkDevice.objects.get_or_create(representative=representative, key=key)
    LinkDevice.objects.filter(pk=device.pk).update(last_at=timezone.now(), trusted_at=timezone.now() if first else None)
    return first


def is_trusted(representative, value):
    """Whether a device may act for this person; True as long as no device is known at all. Notes nothing."""
    known = LinkDevice.objects.filter(representative=representative, trusted_at__isnull=False)
    keys = set(known.values_list("key", flat=True))
    return not keys or (bool(value) and _key(value) in keys)


@transaction.atomic
def trust(representatives, value):
    """This device proved the email address: it may act for these from now on."""
    for representative in representatives:
        LinkDevice.objects.update_or_create(
            representative=representative, key=_key(value), defaults={"trusted_at": timezone.now()}
        )


def others(representative, value):
    """The devices that opened this person's links and proved nothing, newest first, but the one that asks."""
    return (
        LinkDevice.objects.filter(representative=representative, trusted_at=None)
        .exclude(key=_key(value or ""))
        .order_by("-last_at")
    )
