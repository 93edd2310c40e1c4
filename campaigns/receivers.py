"""Doors for signals of libraries: Anymail has checked the provider's secret and speaks one vocabulary for all."""

import re

from anymail.signals import tracking as anymail_tracking
from django.dispatch import receiver

from campaigns import tracking

# A reply such as "452 4.2.2 mailbox full": 4 means "not now", 5 "never" (RFC 3463).
PASSING = re.compile(r"\b4\d\d\b|\b4\.\d{1,3}\.\d{1,3}\b")
LASTING = re.compile(r"\b5\d\d\b|\b5\.\d{1,3}\.\d{1,3}\b")


@receiver(anymail_tracking, dispatch_uid="campaigns.tracking")
def on_tracking(sender, event, esp_name, **kwargs):
    """One event of a provider's webhook becomes one call of a verb."""
    tracking.record(
        provider=esp_name.lower(),
        kind=str(event.event_type),
        event_id=str(event.event_id or ""),
        ref=str((event.metadata or {}).get("ref", "")),
        provider_id=str(event.message_id or ""),
        recipient=str(event.recipient or ""),
        at=event.timestamp,
        reason=str(event.reject_reason or ""),
        soft=_may_pass(event),
    )


def _may_pass(event):
    """Whether a bounce is one of those that pass. Anymail does not tell; the provider's own words do."""
    raw = event.esp_event if isinstance(event.esp_event, dict) else {}
    if "soft" in str(raw.get("Type") or raw.get("type") or raw.get("event") or "").lower():
        return True
    answer = str(event.mta_response or "")
    return bool(PASSING.search(answer)) and not LASTING.search(answer)
