"""What comes back: news is kept once and only moves a delivery forward, so that repeats and late news are harmless.

A bounce or a complaint closes the *address*, judged by the event's type (rule E4); a carrier's error by its code (S9).
However many events a provider tells at once, they are taken in by the same few statements.
"""

import hashlib
import re
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Count
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from campaigns import opening, results, text_errors
from campaigns.models import Delivery, TrackingEvent
from coalition import consent, timeline
from coalition.models import Address, Consent, Installation, Notice

log = structlog.get_logger(__name__)
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
State = Delivery.State

# Anymail's event types, and how far each moves a delivery. What is missing here moves nothing. Opens and a provider's
# own clicks say that it arrived, and decide nothing else (rule E6).
FORWARD = {
    "queued": State.SENT,
    "sent": State.SENT,
    "deferred": State.DEFERRED,
    "delivered": State.DELIVERED,
    "autoresponded": State.DELIVERED,
    "opened": State.DELIVERED,
    "clicked_there": State.DELIVERED,
    "failed": State.FAILED,
    "rejected": State.REJECTED,
    "bounced": State.BOUNCED,
    "soft_bounced": State.BOUNCED,
    "complained": State.COMPLAINED,
    "unsubscribed": State.DELIVERED,
}
TELLS_WHY = {"failed", "rejected", "bounced", "soft_bounced"}
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
GONE = {"invalid", "bounced"}  # reasons to refuse that mean: no such address
STOPS = {"complained": Consent.Source.COMPLAINT, "unsubscribed": Consent.Source.PROVIDER}
# Our own Message-ID, where a provider keeps it: it names the row as well as any reference does.
OWN_ID = re.compile(r"<?((?:delivery|notice)-[0-9]+)\.[0-9a-f]{16}@")
MODELS = {"delivery": Delivery, "notice": Notice}


class News(NamedTuple):
    """One event of a provider's. `kind`: Anymail's event type. `ref` ("delivery-7") or `provider_id` name our row;
    `recipient` tells apart people who share a provider's id. `reason`: Anymail's reject reason; `soft`: a bounce that
    may pass."""

    kind: str
    event_id: str = ""
    ref: str = ""
    provider_id: str = ""
    recipient: str = ""
    at: datetime | None = None
    reason: str = ""
    soft: bool = False


def record_each(provider, news):
    """`record_all`, and should one of them break it, all the others still. Returns how many could not be kept."""
    try:
        record_all(provider, news)
    except (DataError, IntegrityError, ValueError) as error:
        if len(news) == 1:
            # Its type alone: what a database says of a value may hold an address.
            log.error("news not kept", provider=provider, kind=news[0].kind, error=type(error).__name__)
            return 1
        half = len(news) // 2
        return record_each(provider, news[:half]) + record_each(provider, news[half:])
    return 0


@transaction.atomic
def record_all(provider, news):
    """Keep many pieces of news in a few statements. Returns how many of them were new."""
    news = [_judged(one) for one in news]
    rows = _rows(news)
    found = [(one, row) for one, row in zip(news, rows, strict=True) if row is not None or one.recipient]
    new = _keep(provider[:30], found)
    _advance([(row, FORWARD[one.kind], one) for one, row in new if row is not None and one.kind in FORWARD])
    opening.note_all([(row.pk, one.at) for one, row in new if one.kind == "opened" and isinstance(row, Delivery)])
    # The address is empty once the person was erased.
    _judge_addresses([(one, row.value if row is not None else one.recipient) for one, row in new], provider)
    return len(new)


def _judged(news):
    """As it is kept: recipient as addresses stand with us, a bounce that may pass told apart, no word of a foreign
    counter passing for ours."""
    kind = news.kind
    if kind == "bounced" and (news.soft or news.reason in PASSING_REASONS):
        kind = "soft_bounced"
    elif kind == "clicked":
        kind = "clicked_there"
    ref = news.ref
    if not ref and (own := OWN_ID.match(news.provider_id)):
        ref = own[1]
    recipient = (news.recipient or "").replace("\0", "").strip().lower()
    return news._replace(kind=kind, ref=ref, recipient=recipient, at=news.at or timezone.now())


def _rows(news):
    """The delivery or notice that each is about, or None. An address that is not the row's means: not this row."""
    named = [_named(one.ref) for one in news]
    held = {name: {} for name in MODELS}
    for name, model in MODELS.items():
        if pks := {number for found, number in filter(None, named) if found == name}:
            held[name] = model.objects.in_bulk(pks)
    rows = [held[found[0]].get(found[1]) if found else None for found in named]
    ids = {one.provider_id for one, row in zip(news, rows, strict=True) if row is None and one.provider_id}
    if not ids:
        return [row if _is_about(row, one) else None for one, row in zip(news, rows, strict=True)]
    told = {one.recipient for one in news if one.provider_id in ids}
    by_id = {}
    for model in MODELS.values():
        candidates = model.objects.filter(provider_id__in=ids)
        # A provider may give a whole batch one id: read of it only those who are meant.
        candidates = candidates if "" in told else candidates.filter(value__in=told)
        for row in candidates.order_by("pk"):
            by_id.setdefault((row.provider_id, row.value), row)
            by_id.setdefault((row.provider_id, ""), row)
    for index, one in enumerate(news):
        if rows[index] is None and one.provider_id:
            rows[index] = by_id.get((one.provider_id, one.recipient))
    return [row if _is_about(row, one) else None for one, row in zip(news, rows, strict=True)]


def _named(ref):
    """("delivery", 7) of "delivery-7"; None for anything else."""
    name, _dash, number = (ref or "").partition("-")
    return (name, int(number)) if name in MODELS and number.isdecimal() and len(number) < 19 else None


def _is_about(row, news):
    return row is not None and (not news.recipient or row.value == news.recipient)


def _keep(provider, found):
    """Those of [(news, row)] that are new: unique on the provider's event id, or a hash where it gives none."""
    keyed = {}
    for one, row in found:
        keyed.setdefault(_digest(one, row), (one, row))
    if not keyed:
        return []
    digests = sorted(keyed)  # in one order, whoever else is told the same at this moment
    columns = [[], [], []]
    for digest in digests:
        one, row = keyed[digest]
        columns[0].append(one.kind[:30])
        columns[1].append(row.pk if isinstance(row, Delivery) else None)
        columns[2].append(one.at)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaigns_trackingevent (provider, event_id, kind, delivery_id, at, received_at)
            SELECT %s, n.event_id, n.kind, n.delivery_id, n.at, statement_timestamp()
            FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::timestamptz[]) AS n(event_id, kind, delivery_id, at)
            ON CONFLICT (provider, event_id) DO NOTHING RETURNING event_id
            """,
            [provider, digests, *columns],
        )
        new = {digest for (digest,) in cursor.fetchall()}
    return [pair for digest, pair in keyed.items() if digest in new]


def _digest(news, row):
    """The kind belongs to it: some providers number the message, not the event. Hashed, for it may hold an address."""
    about = f"{type(row).__name__}-{row.pk}" if row is not None else f"{news.provider_id}|{news.recipient}"
    parts = [news.event_id, news.kind, about] if news.event_id else [news.kind, about, news.at.isoformat()]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def forward(delivery, state):
    """Move what has left forward only: a late "delivered" never hides a "bounced". What was held back stays."""
    earlier = [s for s in State if State.HELD.rank < s.rank < state.rank]
    behind = Delivery.objects.filter(pk=delivery.pk, state__in=earlier)
    return bool(behind.update(state=state, sent_at=Coalesce("sent_at", "claimed_at", Now()), updated_at=Now()))


# What is known to have left did so at the latest when its news came, whether or not we came to write it down.
TOUCHED = """, updated_at = statement_timestamp(), sent_at = CASE
    WHEN n.state = ANY (%(left)s) THEN coalesce(d.sent_at, d.claimed_at, n.at) ELSE d.sent_at END"""
LEFT = [str(state) for state in results.LEFT_HERE]


def _advance(moves):
    """Move each row of [(row, state, news)] as far forward as its furthest news, in two statements for each table."""
    furthest = {Delivery: {}, Notice: {}}
    for row, state, one in moves:
        rank = state.rank
        if isinstance(row, Notice):
            if state not in NOTICE_FORWARD:
                continue
            state = NOTICE_FORWARD[state]
            rank = NOTICE_RANK.index(state)
        if rank > furthest[type(row)].get(row.pk, (-1,))[0]:
            error = one.reason[:200] if one.kind in TELLS_WHY else ""
            furthest[type(row)][row.pk] = rank, str(state), error, one.at
    for model, ranks in ((Delivery, [str(s) for s in State][1:]), (Notice, NOTICE_RANK)):
        if not furthest[model]:
            continue
        pks = sorted(furthest[model])
        # Locked in one order, so that two batches with the same rows wait for each other and no longer.
        list(model.objects.filter(pk__in=pks).order_by("pk").select_for_update(no_key=True).values_list("pk"))
        states, errors, moments = map(list, zip(*(furthest[model][pk][1:] for pk in pks), strict=True))
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                UPDATE {model._meta.db_table} d
                SET state = n.state, error = CASE WHEN n.error <> '' THEN n.error ELSE d.error END
                    {TOUCHED if model is Delivery else ""}
                FROM unnest(%(pks)s::bigint[], %(states)s::text[], %(errors)s::text[], %(moments)s::timestamptz[])
                    AS n(id, state, error, at)
                WHERE d.id = n.id
                    AND array_position(%(ranks)s::text[], d.state::text) < array_position(%(ranks)s::text[], n.state)
                """,  # noqa: S608 - the names of our own tables
                {"pks": pks, "states": states, "errors": errors, "moments": moments, "ranks": ranks, "left": LEFT},
            )


def _judge_addresses(told, provider):
    """What the news says of [(news, address)]: a wish to be left alone, or that nothing arrives there (rule E4)."""
    told = [(one, value) for one, value in told if value]
    for kind, source in STOPS.items():
        values = {value for one, value in told if one.kind == kind}
        if not values:
            continue
        consent.withdraw_many({(EMAIL, value): provider[:200] for value in values}, source=source)
        if source in consent.THEIR_OWN:
            timeline.seen_alive(Address.objects.filter(channel=EMAIL, value__in=values).values("person"))
    closing = {value for one, value in told if one.kind == "bounced"}
    closing |= {value for one, value in told if one.kind == "rejected" and one.reason in GONE and not one.soft}
    soft = {value for one, value in told if one.kind == "soft_bounced"} - closing
    if soft:
        closing |= _bounced_too_often(soft)
    if closing:
        consent.mark_faults(EMAIL, closing, Address.Fault.BOUNCED)


def _bounced_too_often(values):
    """Those whose soft bounces reach the threshold that an administrator sets (rule E4: 5 in 30 days)."""
    rules = Installation.get()
    often = TrackingEvent.objects.filter(
        delivery__person__in=Address.objects.filter(channel=EMAIL, value__in=values).values("person"),
        delivery__value__in=values,
        kind="soft_bounced",
        at__gte=timezone.now() - timedelta(days=rules.soft_bounce_days),
    )
    counted = often.values("delivery__value").annotate(bounces=Count("pk")).filter(bounces__gte=rules.soft_bounces)
    return set(counted.values_list("delivery__value", flat=True))


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
    news = News(kind, f"{sid}-{status}", ref, sid, at=timezone.now(), reason=f"Twilio {code}" if code else "")
    (row,) = _rows([news])
    if row is None or row.provider_id not in ("", sid) or not _keep("twilio", [(news, row)]):
        return False
    _advance([(row, FORWARD[kind], news)])
    delivery = row if isinstance(row, Delivery) else None
    if code:
        text_errors.judge(
            int(code),
            row.value,
            delivery=delivery.pk if delivery else None,
            message=delivery.message_id if delivery else None,
        )
    return True
