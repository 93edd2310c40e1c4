"""Send a message: freeze the audience, claim, hand over, record; what a dead worker held is *uncertain*, never resent.

Claims are committed before anything leaves, nothing leaves inside a transaction, a batch records in one statement.
"""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple

import structlog
from django.core.exceptions import ValidationError
from django.db import Error, transaction
from django.db.models import Case, Count, Exists, F, OuterRef, Q, When
from django.db.models.functions import Now
from django.utils import timezone

from campaigns import (
    audience,
    breaking,
    checking,
    claiming,
    linking,
    merge_fields,
    pacing,
    recording,
    rendering,
    splitting,
    telling,
)
from campaigns.models import Delivery, Message, Series, Step
from campaigns.series import building, leaving
from coalition import channels, consent, preferences, quiet_hours
from coalition.models import Address, Person
from coalition.zones import zones_of

log = structlog.get_logger(__name__)

State, Reason = Delivery.State, Delivery.Reason
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
OF_A_SERIES = Exists(Step.objects.filter(message=OuterRef("pk")))
STEERED = Exists(Step.objects.filter(message=OuterRef("pk")).exclude(series__state=Series.State.ENDED))
LEAVING = [Message.State.SENDING, Message.State.RUNNING]  # what runs in a series never closes by itself
IN_HAND_AT_MOST = timedelta(minutes=5)
STALLED_AFTER = timedelta(seconds=20)
LOOK_AGAIN = 1  # seconds, at the soonest
LOOK_AGAIN_AT_MOST = 10  # well within STALLED_AFTER: what a worker comes back to has not stalled
STAYS_FOR = 60  # seconds
AWAY = "the database was away"
LOOK_EVERY = 1  # seconds for which a worker that sends knows a message by heart


# Before sending


@transaction.atomic
def start(message, *, by=None):
    """Freeze the audience into deliveries. Pressing send twice does nothing twice: False when it was started before.

    Raises ValidationError with what keeps it from leaving.
    """
    unsent = Message.objects.filter(state__in=[Message.State.DRAFT, Message.State.SCHEDULED], is_template=False)
    # A series sends its own, person by person. No join: of two that press at once, the second is asked again.
    unsent = unsent.filter(~OF_A_SERIES)
    won = unsent.filter(pk=message.pk).update(
        state=Message.State.SENDING, started_by=by, started_at=timezone.now(), finished_at=None
    )
    if not won:
        return False
    message.refresh_from_db()
    if found := checking.problems(message):
        raise ValidationError(found)
    audience.freeze(message)
    return True


# Sending


def send_next_batch(message, limit=None):
    """Send one batch. Returns whether there may be more to do now.

    False means stop, not done: the message is paused, or what is left waits for its hour or is in other hands.
    """
    batch = _take_batch(_as_it_stands(message), limit)
    if batch is None:
        return False
    _write_down(batch, *_hand_over(batch))
    return True


_wire = ThreadPoolExecutor(1, "wire")  # one thread, so that its sessions last


def send_for(message, seconds):
    """Send batch after batch for a moment. Returns whether there may be more to do now, as `send_next_batch`.

    While one is on the wire, the next is taken and the last one written down: two in hand at most.
    """
    ends = time.monotonic() + seconds
    if message.channel != EMAIL or not channels.channel_for(EMAIL).overlaps():
        while more := send_next_batch(message):
            if time.monotonic() > ends:
                break
        return more
    flying, looks = None, 0.0
    try:
        while True:
            if time.monotonic() >= looks:
                message, looks = _as_it_stands(message), time.monotonic() + LOOK_EVERY
            batch = _take_batch(message)
            flown, flying = flying, batch and (batch, _wire.submit(_hand_over, batch))
            if flown:
                _land(flown)
            if time.monotonic() > ends:
                return bool(flown or batch)
            if not flown and not batch:
                return False
    finally:
        if flying:
            _land(flying)


def _land(flying):
    batch, handing_over = flying
    _write_down(batch, *handing_over.result())


class Batch(NamedTuple):
    """What one worker has in hand: to be handed over, and what is known already of those held back."""

    message: Message
    envelopes: list
    results: list


def _as_it_stands(message):
    """The message as the database has it now; None when it is gone."""
    return Message.objects.filter(pk=message.pk).select_related("split_test").first()


def _take_batch(message, limit=None):
    """Claim what is due, as a batch, or None. Whether the message still may leave is asked with the claim itself."""
    if message is None or message.state not in LEAVING:
        return None
    if hasattr(message, "split_test") and message.split_test.decided_at is None:
        splitting.decide_due(message)
    letters = rendering.compiled(message)
    limit = limit or _appetite(message.channel, channels.channel_for(message.channel))
    rows = claiming.take(message, limit, own=bool(letters.own))
    if not rows:
        close_finished(message)
        return None
    try:
        _mark_active(message)
        return Batch(message, *_prepared(message, rows, letters))
    except Error:  # nothing of it has left
        _record(message, [recording.Result(row.pk, State.QUEUED.value, error=AWAY) for row in rows])
        raise


def _hand_over(batch):
    """(what the channel says of each, seconds that it took). It touches no database of ours."""
    began = time.monotonic()
    outcomes = channels.channel_for(batch.message.channel).send(batch.envelopes) if batch.envelopes else []
    return outcomes, time.monotonic() - began


def _write_down(batch, outcomes, seconds):
    message, envelopes, results = batch
    results += [recording.result_of(pk, outcome) for pk, outcome in zip(_pks(envelopes), outcomes, strict=True)]
    _record(message, results)
    recording.learn(message, results)
    # Refusals come as quickly as they are asked for: a list would be through before the next look.
    refused = sum(result.state == State.FAILED for result in results)
    breaking.check(message, at_once=2 * refused > len(results))
    if envelopes:
        _learn_appetite(message.channel, len(envelopes), seconds)


def _record(message, results):
    recording.record(results)
    if any(result.state == State.QUEUED for result in results):
        # Cancelled meanwhile: what came back from our hand does not wait for a turn that never comes.
        message.refresh_from_db(fields=["state"])
        if message.state in (Message.State.CANCELLED, Message.State.SENT):  # SENT: its series ended, or has new words
            building.hand_on(message)
            _hold_back_queued(message)


def look_again_in(message):
    """Seconds after which a worker that found nothing should look again; None: what is due then, the sweep sees.

    Rows that are due and were not taken are over a limit of `pacing`, or just now in the hands of another worker. For
    the next minute it is worth staying; where a day has to pass, the sweep asks now and then.
    """
    if not message.deliveries.due().exists():
        return None
    now = timezone.now()
    waiting = pacing.waiting(message)
    seconds = (waiting.until - now).total_seconds() if waiting else LOOK_AGAIN
    if seconds > STAYS_FOR:
        return None
    leaving = Message.objects.filter(pk=message.pk, state__in=LEAVING)
    return min(max(seconds, LOOK_AGAIN), LOOK_AGAIN_AT_MOST) if leaving.update(active_at=now) else None


# How much one worker takes at once: what it sends in a moment, so that a crash leaves little uncertain, and not less
# than what keeps its sessions busy. A carrier takes texts one by one.

MOMENT = 0.1  # seconds between two records of outcomes
LEAST = {EMAIL: 32, PHONE: 5}
MOST = {EMAIL: 1000, PHONE: 20}
_per_second = {}  # by channel, of this process


def _appetite(kind, channel):
    taken = min(MOST[kind], max(LEAST[kind], int(_per_second.get(kind, 0) * MOMENT)))
    if kind == PHONE:
        return taken
    call = channel.in_one_call()
    return call if call > 1 else taken


def _learn_appetite(kind, number, seconds):
    """Slow batches count at once, quick ones by and by."""
    now, before = number / max(seconds, 0.001), _per_second.get(kind)
    _per_second[kind] = now if before is None or now < before else (before + now) / 2


def _mark_active(message):
    """Once a second: the sweep leaves alone what moves."""
    now = timezone.now()
    if message.active_at is None or message.active_at < now - timedelta(seconds=1):
        Message.objects.filter(pk=message.pk).update(active_at=now)
        message.active_at = now


def _hold_back_queued(message):
    message.deliveries.filter(state=State.QUEUED).update(
        state=State.HELD, reason=Reason.CANCELLED, not_before=None, updated_at=Now()
    )


def _pks(envelopes):
    return [int(envelope.ref.rpartition("-")[2]) for envelope in envelopes]


def _prepared(message, rows, letters):
    """`prepare`; should somebody's words break it, they fail alone: nothing has left, and nobody else is held up."""
    try:
        return prepare(message, rows, letters)
    except Error:  # the database is away: that says nothing of the words
        raise
    except Exception as error:  # whatever a template, a value or a zone may raise
        if len(rows) > 1:
            half = len(rows) // 2
            halves = [_prepared(message, part, letters) for part in (rows[:half], rows[half:])]
            return tuple(first + second for first, second in zip(*halves, strict=True))
        log.error("message not written", message=message.pk, delivery=rows[0].pk, error=type(error).__name__)
        said = f"could not be written: {type(error).__name__}"
        return [], [recording.Result(rows[0].pk, State.FAILED.value, error=said)]


def prepare(message, rows, letters):
    """(envelopes to hand over, results of those held back). Consent was read with the claim (rules E3, S4)."""
    # A stop that came while an import was writing the same address stands here alone.
    stopped = {value for _channel, value in consent.suppressed({(message.channel, row.value) for row in rows})}
    names, own, by_email = letters.fields, letters.own, message.channel == EMAIL
    organizations = merge_fields.organizations_of([row.person_id for row in rows]) if "organization" in names else {}
    out = leaving.stopped(message, [row.person_id for row in rows]) if message.state == message.State.RUNNING else {}
    minors = () if by_email else _minors(rows)
    now = timezone.now()
    envelopes, results = [], []
    for row in rows:
        reason = _held_back(row, stopped) or out.get(row.person_id)
        if reason := reason or (Reason.UNDER_AGE if row.person_id in minors else None):
            results.append(recording.Result(row.pk, State.HELD.value, reason=reason.value))
            continue
        if not by_email:
            when = _allowed(letters.installation, row, now)
            if when is None:
                results.append(recording.Result(row.pk, State.HELD.value, reason=Reason.QUIET.value))
                continue
            if when > now:
                results.append(recording.Result(row.pk, State.QUEUED.value, not_before=when))
                continue
        organization = organizations.get(row.person_id)
        speaks_for = organization.name_in(row.language) if organization else ""
        values = merge_fields.values_of(row, speaks_for, names=names, own=own)
        made = letters.for_person(row.language, values, row.variant)
        envelope = channels.Envelope(ref=f"delivery-{row.pk}", to=row.value, language=row.language)
        if by_email:
            values["token"], values["click"] = preferences.token_for(row.address), linking.token_for(row.pk)
            envelope.letter, envelope.values = made, values
        else:
            envelope.text = made.fill(values)
        envelopes.append(envelope)
    return envelopes, results


def _minors(rows):
    """Whom somebody called a minor since the audience was judged (rule P2)."""
    young = Person.objects.filter(pk__in=[row.person_id for row in rows], is_minor=True)
    return set(young.values_list("pk", flat=True))


def _held_back(row, stopped):
    if row.person_id is None or row.binned_at:
        return Reason.REMOVED
    if row.address is None:
        return Reason.NO_ADDRESS
    if row.consent == Address.Consent.WITHDRAWN or row.value in stopped:
        return Reason.UNSUBSCRIBED
    if row.consent != Address.Consent.GRANTED:
        return Reason.NO_CONSENT
    if row.fault or not row.value.isascii():
        return Reason.CLOSED
    return Reason.MUTED if row.muted else None


def _allowed(installation, row, now):
    zones = zones_of(time_zone=row.time_zone, state=row.state, number=row.value)
    return quiet_hours.next_allowed(installation, zones, now)


# Steering


def pause(message):
    """Stop after what is in hand. False when it was not sending."""
    going = Message.objects.filter(pk=message.pk, state=Message.State.SENDING)
    return bool(going.update(state=Message.State.PAUSED))


def resume(message):
    """Go on where it was paused: whoever does has seen why. False when it was not paused, or a series steers it."""
    return bool(
        Message.objects.filter(~STEERED, pk=message.pk, state=Message.State.PAUSED).update(
            state=Message.State.SENDING,
            paused_because="",
            judged_from=Case(When(paused_because="", then=F("judged_from")), default=Now()),
        )
    )


@transaction.atomic
def cancel(message):
    """Nobody else gets it; what is in hand just now still leaves. False when it was finished or never started."""
    moving = Message.objects.filter(~STEERED, state__in=[Message.State.SENDING, Message.State.PAUSED])
    won = moving.filter(pk=message.pk).update(state=Message.State.CANCELLED, finished_at=timezone.now())
    if not won:
        return False
    _hold_back_queued(message)
    telling.got(message)
    return True


# Closing and mending


@transaction.atomic
def close_finished(message=None):
    """Close messages with nothing queued and nothing in hand. Returns those that closed.

    An empty batch does not mean done: other workers may hold rows, and rows may wait for their hour.
    """
    unfinished = Delivery.objects.filter(message=OuterRef("pk")).unfinished()
    finished = Message.objects.filter(~Exists(unfinished), state=Message.State.SENDING)
    if message is not None:
        finished = finished.filter(pk=message.pk)
    closed = []
    for one in finished.select_for_update(of=("self",), skip_locked=True):
        # Asked again under the lock: while we looked, somebody may have settled that one is sent again.
        still = Message.objects.filter(~Exists(unfinished), pk=one.pk)
        if still.update(state=Message.State.SENT, finished_at=timezone.now()):
            telling.got(one)
            closed.append(one)
    return closed


def sweep(*, in_hand_at_most=IN_HAND_AT_MOST, stalled_after=STALLED_AFTER):
    """Mend what dead workers and a lost queue left behind. Returns the primary keys of messages that want a worker now.

    A claim whose worker died may have gone out: it becomes *uncertain*, and no machine sends it again.
    """
    now = timezone.now()
    lost = Delivery.objects.filter(state=State.SENDING, claimed_at__lt=now - in_hand_at_most).update(
        state=State.UNCERTAIN, error="the worker did not come back", updated_at=Now()
    )
    if lost:
        log.warning("deliveries uncertain", number=lost)
    close_finished()
    cancelled = Message.objects.filter(state=Message.State.CANCELLED, finished_at__gte=now - 2 * in_hand_at_most)
    for message in cancelled.exclude(active_at=None):  # what was in hand then has left since
        telling.got(message, since=message.finished_at - in_hand_at_most)
    return unattended(stalled_after=stalled_after)


@transaction.atomic
def unattended(*, stalled_after=STALLED_AFTER):
    """The primary keys of messages with something due and no worker: each once, for then it counts as attended to."""
    now = timezone.now()
    due = Delivery.objects.filter(message=OuterRef("pk")).due()
    quiet = Q(active_at=None, started_at__lt=now - stalled_after) | Q(active_at__lt=now - stalled_after)
    quiet |= Q(active_at=None, state=Message.State.RUNNING)
    stalled = Message.objects.filter(quiet, Exists(due), state__in=LEAVING).order_by("started_at")
    stalled = stalled.select_for_update(of=("self",), skip_locked=True, no_key=True)
    found = list(stalled.values_list("pk", flat=True))
    Message.objects.filter(pk__in=found).update(active_at=now)
    return found


def progress(message):
    """Numbers for a page that watches.

    {"total", "held", "left", "done", "states" and "reasons": {name: number}, "languages": {code: {state: number}},
    "waiting_until": the earliest moment at which what is left may leave, when nothing may leave now}.
    """
    states, reasons, languages = Counter(), Counter(), {}
    rows = message.deliveries.values("state", "reason", "language").annotate(number=Count("pk")).order_by()
    for row in rows:
        states[row["state"]] += row["number"]
        languages.setdefault(row["language"], Counter())[row["state"]] += row["number"]
        if row["reason"]:
            reasons[row["reason"]] += row["number"]
    total, held = sum(states.values()), states[State.HELD]
    left = states[State.QUEUED] + states[State.SENDING]
    return {
        "total": total,
        "held": held,
        "left": left,
        "done": total - held - left,
        "states": dict(states),
        "languages": {code: dict(counts) for code, counts in languages.items()},
        "reasons": dict(reasons),
        "waiting_until": waiting_until(message) if left else None,
    }


def waiting_until(message):
    """The earliest moment at which what is queued may leave, when nothing may leave now; else None."""
    queued = message.deliveries.filter(state=State.QUEUED)
    if message.deliveries.due().exists():
        return None
    return queued.order_by("not_before").values_list("not_before", flat=True).first()
