"""Somebody wants no more texts: by a word, told to staff or through the carrier, it is the same (rules S4, S6)."""

from django.db import transaction
from django.db.models.functions import Now

from campaigns.models import Delivery, Message
from coalition import consent
from coalition.models import Address, Notice

PHONE = Address.Channel.PHONE


def is_stopped(number):
    """Whether this number said stop. Where one of those who share it came back since, it is open for that one."""
    if consent.is_suppressed(PHONE, number):
        return True
    states = set(Address.objects.at(PHONE, number).values_list("consent", flat=True))
    return Address.Consent.WITHDRAWN in states and Address.Consent.GRANTED not in states


@transaction.atomic
def stop(number, *, source, language, evidence="", by=None):
    """Close a number on every record that holds it, and cancel what is queued for it. Returns whether it was open.

    `source`: a `Consent.Source`; `evidence`: the text's id, or how staff heard of it.
    """
    was_open = not is_stopped(number)
    consent.withdraw(PHONE, number, source=source, language=language, evidence=evidence, by=by)
    texts = Message.objects.filter(channel=PHONE)
    Delivery.objects.filter(message__in=texts, value=number, state=Delivery.State.QUEUED).update(
        state=Delivery.State.HELD, reason=Delivery.Reason.UNSUBSCRIBED, not_before=None, updated_at=Now()
    )
    owed = Notice.objects.filter(channel=PHONE, value=number, state=Notice.State.QUEUED)
    owed.update(state=Notice.State.FAILED, error="said stop")
    return was_open
