"""What comes back: news is kept once and only moves a delivery forward, so that repeats and late news are harmless.

A bounce or a complaint closes the *address*, judged by the event's type (rule E4); a carrier's error by its code (S9).
"""

import hashlib
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from campaigns import text_errors
from campaigns.models import Delivery, TrackingEvent
from coalition import consent
from coalition.models import Address, Consent, Installation, Notice

EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
State = Delivery.State

# Anymail's event types, and how far each moves a delivery. What is missing here moves nothing.
FORWARD = {
    "sent": State.SENT,
    "deferred": State.DEFERRED,
    "delivered": State.DELIVERED,
    "opened": State.DELIVERED,
    "clicked": State.DELIVERED,
    "failed": State.FAILED,
    "rejected": State.REJECTED,
    "bounced": State.BOUNCED,
    "soft_bounced": State.BOUNCED,
    "complained": State.COMPLAINED,
    "unsubscribed": State.DELIVERED,
}
NOTICE_FORWARD = {
    State.SENT: Notice.State.SENT,
    State.DELIVERED: Notice.State.DELIVERED,
    State.COMPLAINED: Notice.State.DELIVERED,
    State.FAILED: Notice.State.FAILED,
    State.REJECTED: Notice.State.BOUNCED,
    State.BOUNCED: Notice.State.BOUNCED,
}
NOTICE_RANK = ["queued", "sending", "uncertain", "sent", "delivered", "failed", "bounced"]
# Reject reasons of a bounce that say nothing lasting of the address: full, greylisted, blocked, judged as spam.
PASSING_REASONS = {"timed_out", "blocked", "spam", "other"}


@transaction.atomic
def record(*, provider, kind, event_id="", ref="", provider_id="", recipient="", at=None, reason="", soft=False):
    """Keep one piece of news about an email. Returns False when it was known, or says nothing we keep.

    `kind`: Anymail's event type. `ref` ("delivery-7") or `provider_id` name our row; `recipient` tells apart people who
    share a provider's id. `reason`: Anymail's reject reason; `soft`: the bounce may pass.
    """
    at = at or timezone.now()
    recipient = (recipient or "").strip().lower()
    soft = kind == "bounced" and (soft or reason in PASSING_REASONS)
    kind = "soft_bounced" if soft else kind
    row = _row(ref, provider_id, recipient)
    if row is None and not recipient:
        return False
    delivery = row if isinstance(row, Delivery) else None
    if not _keep(provider, kind, event_id, row, provider_id, recipient, at, delivery):
        return False
    if row is not None and kind in FORWARD:
        _advance(row, FORWARD[kind], error=reason if kind in ("failed", "rejected", "bounced", "soft_bounced") else "")
    if value := row.value if row is not None else recipient:  # empty once the person was erased
        _judge_address(kind, value, provider, reason)
    return True


def _row(ref, provider_id, recipient):
    """The delivery or notice that the news is about. An address that is not the row's means: not this row."""
    name, _dash, number = (ref or "").partition("-")
    found = None
    if number.isdecimal() and len(number) < 19:
        model = {"delivery": Delivery, "notice": Notice}.get(name)
        found = model.objects.filter(pk=number).first() if model else None
    if found is None and provider_id:
        for model in (Delivery, Notice):
            candidates = model.objects.filter(provider_id=provider_id)
            if recipient:
                candidates = candidates.filter(value=recipient)
            found = found or candidates.order_by("pk").first()
    if found is not None and recipient and found.value != recipient:
        return None
    return found


def _keep(provider, kind, event_id, row, provider_id, recipient, at, delivery):
    """True when the news is new: unique on the provider's event id, or a hash where it gives none."""
    about = f"{type(row).__name__}-{row.pk}" if row is not None else f"{provider_id}|{recipient}"
    parts = [event_id, kind, about] if event_id else [kind, about, at.isoformat()]
    # The kind belongs to it: some providers number the message, not the event. Hashed, for it may hold an address.
    digest = hashlib.sha256("|".join(parts).encode()).hexdigest()
    _event, new = TrackingEvent.objects.get_or_create(
        provider=provider[:30], event_id=digest, defaults={"kind": kind[:30], "delivery": delivery, "at": at}
    )
    return new


def _advance(row, state, *, error=""):
    """Move forward only: a late "delivered" never hides a "bounced". What was held back stays."""
    if isinstance(row, Notice):
        return _advance_notice(row, NOTICE_FORWARD.get(state), error)
    earlier = [s for s in State if State.HELD.rank < s.rank < state.rank]
    changed = {"state": state, "updated_at": Now()} | ({"error": error[:200]} if error else {})
    return bool(Delivery.objects.filter(pk=row.pk, state__in=earlier).update(**changed))


def _advance_notice(notice, state, error):
    if state is None:
        return False
    earlier = NOTICE_RANK[: NOTICE_RANK.index(state)]
    changed = {"state": state} | ({"error": error[:200]} if error else {})
    return bool(Notice.objects.filter(pk=notice.pk, state__in=earlier).update(**changed))


def _judge_address(kind, value, provider, reason):
    closes = False
    if kind == "complained":
        consent.withdraw(EMAIL, value, source=Consent.Source.COMPLAINT, language=None, evidence=provider[:200])
    elif kind == "unsubscribed":
        consent.withdraw(EMAIL, value, source=Consent.Source.PROVIDER, language=None, evidence=provider[:200])
    elif kind == "bounced" or (kind == "rejected" and reason in ("invalid", "bounced")):
        closes = True
    else:
        closes = kind == "soft_bounced" and _bounced_too_often(value)
    if closes:
        consent.mark_fault(EMAIL, value, Address.Fault.BOUNCED)


def _bounced_too_often(value):
    """Soft bounces close an address after a threshold that an administrator sets (rule E4: 5 in 30 days)."""
    rules = Installation.get()
    holders = Address.objects.at(EMAIL, value).values("person")
    bounces = TrackingEvent.objects.filter(
        delivery__person__in=holders,
        delivery__value=value,
        kind="soft_bounced",
        at__gte=timezone.now() - timedelta(days=rules.soft_bounce_days),
    )
    return bounces.count() >= rules.soft_bounces


# Texts

# Twilio's words in Anymail's: the ledger speaks one language for both channels.
TEXT_FORWARD = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "bounced",
    "failed": "failed",
}


@transaction.atomic
def record_text(sid, status, code=None, *, ref=""):
    """Keep one piece of the carrier's news about a text. Returns False when it was known or moves nothing (rule S10).

    `sid`: the carrier's id; `status`: Twilio's word; `code`: its error code, judged by rule S9. `ref` ("delivery-7")
    finds the row when the news is faster than we are at writing down the id.
    """
    kind = TEXT_FORWARD.get(status)
    if kind is None:
        return False
    row = _row(ref, sid, "")
    if row is None or row.provider_id not in ("", sid):
        return False
    delivery = row if isinstance(row, Delivery) else None
    if not _keep("twilio", kind, f"{sid}-{status}", row, sid, "", timezone.now(), delivery):
        return False
    _advance(row, FORWARD[kind], error=f"Twilio {code}" if code else "")
    if code:
        text_errors.judge(
            int(code),
            row.value,
            delivery=delivery.pk if delivery else None,
            message=delivery.message_id if delivery else None,
        )
    return True
