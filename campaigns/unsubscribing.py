"""Unsubscribe with one click (RFC 8058): the mail program posts, the address closes at once, queued batches too."""

from django.db import transaction
from django.utils import timezone

from campaigns.models import Delivery, TrackingEvent
from coalition import consent, preferences
from coalition.models import Consent


@transaction.atomic
def one_click(token):
    """Close the address behind a personal token and count it for the last message it got. False for no token of ours.

    The token does not age here: a link in an old message must still work (rule E2), and also when nobody holds the
    address any more.
    """
    address = preferences.address_of(token)
    if address is None:
        return consent.close_former(preferences.number_in(token), source=Consent.Source.ONE_CLICK)
    consent.withdraw(address.channel, address.value, source=Consent.Source.ONE_CLICK, language=address.person.language)
    last = (
        Delivery.objects.filter(person=address.person_id, value=address.value)
        .exclude(state__in=[Delivery.State.HELD, Delivery.State.QUEUED])
        .order_by("-updated_at", "-pk")
        .first()
    )
    if last:
        TrackingEvent.objects.get_or_create(
            provider="one-click",
            event_id=str(last.pk),
            defaults={"kind": "unsubscribed", "delivery": last, "at": timezone.now()},
        )
    return True
