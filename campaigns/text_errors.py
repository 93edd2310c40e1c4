"""What a carrier's error says of a number (rule S9): close it, mark it unable, wait and see, or look at ourselves.

21610 is a wish and closes the number; the rest are faults, which a new number clears.
"""

from datetime import timedelta

import structlog
from django.utils import timezone
from django.utils.translation import gettext_noop

from campaigns import breaking, stopping
from campaigns.models import Delivery, TrackingEvent
from coalition import consent
from coalition.models import Address, Consent, Installation

log = structlog.get_logger(__name__)

PHONE = Address.Channel.PHONE
SAID_STOP = 21610
UNABLE_AT_ONCE = {21211, 21614, 30006}  # no number, no mobile number, a landline
UNKNOWN, SILENT, BLOCKED = 30005, 30003, 30004
FILTERED = {30007, 30034}  # the carrier refuses us, not the person
ENOUGH_TO_JUDGE = 20
FILTERED_BECAUSE = gettext_noop("Carriers refuse too many of these texts. Check the registration of our number.")


def judge(code, value, *, delivery=None, message=None):
    """Act on an error code for a number. `delivery` and `message` are primary keys, where they are known."""
    if code == SAID_STOP:
        stopping.stop(value, source=Consent.Source.PROVIDER, language=None, evidence=f"Twilio {code}")
    elif code in UNABLE_AT_ONCE:
        consent.mark_fault(PHONE, value, Address.Fault.UNABLE)
    elif code in (UNKNOWN, SILENT, BLOCKED):
        _wait_and_see(code, value, delivery)
    elif code in FILTERED:
        _look_at_ourselves(message, delivery, code)


def _keep(code, delivery):
    """One event for each delivery and code: a repeat counts once."""
    TrackingEvent.objects.get_or_create(
        provider="twilio-error",
        event_id=f"{delivery}-{code}",
        defaults={"kind": f"error_{code}", "delivery_id": delivery, "at": timezone.now()},
    )


def _wait_and_see(code, value, delivery):
    if delivery is None:
        return
    _keep(code, delivery)
    rules = Installation.get()
    enough = {UNKNOWN: rules.lost_numbers, SILENT: rules.silent_phones, BLOCKED: rules.blocked_numbers}[code]
    holders = Address.objects.at(PHONE, value).values("person")
    events = TrackingEvent.objects.filter(delivery__person__in=holders, delivery__value=value, kind=f"error_{code}")
    if code == UNKNOWN:
        events = events.filter(at__gte=timezone.now() - timedelta(days=rules.soft_bounce_days))
    if code == SILENT:
        # A phone may be off for a week: only messages missed since the last one that arrived count.
        arrived = Delivery.objects.filter(person__in=holders, value=value, state=Delivery.State.DELIVERED)
        if last := arrived.order_by("-updated_at").first():
            events = events.filter(at__gt=last.updated_at)
    if events.values("delivery__message").distinct().count() >= enough:
        consent.mark_fault(PHONE, value, Address.Fault.UNABLE)


def _look_at_ourselves(message, delivery, code):
    """Above a rate a message pauses by itself, and says why; the person is not touched."""
    if delivery is None or message is None:
        return
    _keep(code, delivery)
    kinds = [f"error_{code}" for code in FILTERED]
    filtered = TrackingEvent.objects.filter(delivery__message=message, kind__in=kinds).count()
    handed = Delivery.objects.filter(message=message).exclude(
        state__in=[Delivery.State.HELD, Delivery.State.QUEUED, Delivery.State.SENDING]
    )
    number = handed.count()
    too_many = number >= ENOUGH_TO_JUDGE and filtered * 100 >= number * Installation.get().filtered_percent
    if too_many and breaking.halt(message, FILTERED_BECAUSE):
        log.error("texts filtered by carriers", message=message, filtered=filtered, of=number)
