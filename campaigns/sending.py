"""Send a message: freeze the audience, claim, hand over, record; what a dead worker held is *uncertain*, never resent.

Claims are committed before anything leaves, nothing leaves inside a transaction, a batch records in one statement.
"""

from collections import Counter
from datetime import timedelta
from typing import NamedTuple

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import rendering, text_errors
from campaigns.models import Delivery, Message
from coalition import channels, consent, preferences, quiet_hours, segments, timeline
from coalition.languages import name_in_text
from coalition.models import Address, Entry, Installation, Muting
from coalition.zones import zones_of

log = structlog.get_logger(__name__)

State, Reason, Status = Delivery.State, Delivery.Reason, channels.Status
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
CLAIM = {EMAIL: 200, PHONE: 20}  # rows in one worker's hand: a carrier takes texts one by one
IN_HAND_AT_MOST = timedelta(minutes=5)
STALLED_AFTER = timedelta(seconds=20)
TRIES = 8
# A translation confirmed in the same sitting as its source is not older than it.
SAME_SITTING = timedelta(minutes=1)


# Before sending

# The audience, judged: one row for each person, with the reason why somebody is held back. The longest-known of several
# people with the same address gets it. `_audience_sql` fills its gaps, never what came in from outside.
AUDIENCE = """
WITH people AS (%(people)s),
judged AS (
    SELECT p.id, p.language, p.created_at, coalesce(a.value, '') AS value,
        CASE WHEN a.id IS NULL THEN 'no_address'
             WHEN a.consent = 'withdrawn' THEN 'unsubscribed'
             WHEN a.consent <> 'granted' THEN 'no_consent'
             WHEN a.fault <> '' OR octet_length(a.value) <> length(a.value) THEN 'closed'
             WHEN EXISTS (SELECT 1 FROM coalition_muting m WHERE m.person_id = p.id AND m.topic_id = %%s) THEN 'muted'
             WHEN NOT p.language = ANY (%%s) THEN 'no_language'
             ELSE '' END AS reason
    FROM people p
    LEFT JOIN coalition_address a ON a.person_id = p.id AND a.channel = %%s AND a."primary"
),
audience AS (
    SELECT id, language, value,
        CASE WHEN reason = '' AND row_number() OVER (PARTITION BY value, reason ORDER BY created_at, id) > 1
             THEN 'duplicate' ELSE reason END AS reason
    FROM judged
)
%(then)s
"""


def _audience_sql(message, then, params=()):
    """(sql, params) of the judged audience of a message, followed by `then`."""
    people = segments.people(message.segment).order_by().values("id", "language", "created_at")
    inner, inner_params = people.query.sql_with_params()
    judged = [message.topic_id, _written(message), message.channel]
    return AUDIENCE % {"people": inner, "then": then}, [*inner_params, *judged, *params]


def _written(message):
    """Languages in which a message can leave: complete, whatever a waiver says."""
    contents = message.contents.select_related("message")
    return [content.language for content in contents if not rendering.problems(content)]


def estimate(message):
    """Who would get it, if it were sent now.

    {"total": how many get it, "languages": [{"language", "label", "people"}], "held_total": how many do not,
    "held": [{"reason", "label", "people"}], most first}.
    """
    sql, params = _audience_sql(message, "SELECT reason, language, count(*) FROM audience GROUP BY 1, 2")
    getting, held = Counter(), Counter()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        for reason, language, number in cursor.fetchall():
            (held if reason else getting)[reason or language] += number
    names = dict(settings.LANGUAGES)
    return {
        "total": sum(getting.values()),
        "languages": [
            {"language": code, "label": names.get(code, code), "people": getting[code]}
            for code in [*names, *sorted(getting.keys() - names.keys())]
            if getting[code]
        ],
        "held_total": sum(held.values()),
        "held": [
            {"reason": reason, "label": Reason(reason).label, "people": number} for reason, number in held.most_common()
        ],
    }


def needed_languages(message):
    """Languages of the people who could get it (rule L2)."""
    reachable = Address.objects.open().filter(channel=message.channel, primary=True, person=OuterRef("pk"))
    people = segments.people(message.segment).filter(Exists(reachable))
    return sorted(people.order_by().values_list("language", flat=True).distinct())


def problems(message):
    """What keeps a message from leaving, in words for the organizer; an empty list when nothing does (rule L2).

    A waiver lets it leave although a language is missing, unread or broken: its readers get the unread text, or are
    held back where there is none that can leave.
    """
    contents = {content.language: content for content in message.contents.all()}
    names = {code: str(name) for code, name in settings.LANGUAGES}
    needed = needed_languages(message)
    found = []
    if message.channel == PHONE and not settings.TEXT_PROVIDER:
        found.append(_("Texts are switched off: no provider is set."))
    if message.channel == EMAIL and not Installation.get().postal_address.strip():
        # CAN-SPAM, 16 CFR 316 (rule E2)
        found.append(_("The coalition's postal address is missing from its settings: every bulk email must show it."))
    if not needed:
        found.append(_("Nobody in this audience can get it."))
    written = {code for code, content in contents.items() if content.body.strip() or content.subject.strip()}
    if needed and not set(_written(message)) & set(needed):
        found.append(_("There is no text yet that could leave."))
    source = contents.get(settings.LANGUAGE_CODE)
    for code in needed:
        name = {"language": names.get(code, code)}
        content = contents.get(code)
        if content is None or code not in written:
            if not message.waiver and written:
                found.append(
                    _("%(language)s is missing, and people in this audience read it.")
                    % {"language": name_in_text(code)}
                )
            continue
        if message.waiver:
            continue
        content.message = message
        found += [f"{name['language']}: {problem}" for problem in rendering.problems(content)]
        if content.reviewed_at is None:
            found.append(_("%(language)s: nobody has read and confirmed this text yet.") % name)
        elif source and code != source.language and _is_older(content, source):
            found.append(_("%(language)s: the text it was translated from has changed since.") % name)
    return found


def _is_older(content, source):
    return content.reviewed_at < source.updated_at and content.updated_at < source.updated_at - SAME_SITTING


@transaction.atomic
def start(message, *, by=None):
    """Freeze the audience into deliveries. Pressing send twice does nothing twice: False when it was started before.

    Raises ValidationError with what keeps it from leaving.
    """
    won = Message.objects.filter(pk=message.pk, state=Message.State.DRAFT).update(
        state=Message.State.SENDING, started_by=by, started_at=timezone.now(), finished_at=None
    )
    if not won:
        return False
    message.refresh_from_db()
    if found := problems(message):
        raise ValidationError(found)
    freeze(message)
    return True


def freeze(message):
    """Write one delivery for each person of the audience. Returns how many were new: a second run writes none."""
    sql, params = _audience_sql(
        message,
        """
        INSERT INTO campaigns_delivery
            (message_id, person_id, value, language, state, reason, error, provider_id)
        SELECT %s, id, value, language, CASE WHEN reason = '' THEN 'queued' ELSE 'held' END, reason, '', ''
        FROM audience
        ON CONFLICT DO NOTHING
        """,
        [message.pk],
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


# Sending


def send_next_batch(message, limit=None):
    """Send one batch. Returns whether there may be more to do now.

    False means stop, not done: the message is paused, or what is left waits for its hour or is in other hands.
    """
    message = Message.objects.filter(pk=message.pk).first()
    if message is None or message.state != Message.State.SENDING:
        return False
    taken = message.deliveries.claim(limit or CLAIM[message.channel])
    if not taken:
        close_finished(message)
        return False
    now = timezone.now()
    Message.objects.filter(pk=message.pk).filter(
        Q(active_at=None) | Q(active_at__lt=now - timedelta(seconds=1))
    ).update(active_at=now)
    envelopes, results = _prepare(message, taken)
    if envelopes:
        outcomes = channels.channel_for(message.channel).send(envelopes)
        results += [_result(pk, outcome) for pk, outcome in zip(_pks(envelopes), outcomes, strict=True)]
    _record(results)
    _learn(message, results)
    if any(result.state == State.QUEUED for result in results):
        # Cancelled meanwhile: what came back from our hand does not wait for a turn that never comes.
        message.refresh_from_db(fields=["state"])
        if message.state == Message.State.CANCELLED:
            _hold_back_queued(message)
    return True


def _hold_back_queued(message):
    message.deliveries.filter(state=State.QUEUED).update(
        state=State.HELD, reason=Reason.CANCELLED, not_before=None, updated_at=Now()
    )


def _pks(envelopes):
    return [int(envelope.ref.rpartition("-")[2]) for envelope in envelopes]


class Result:
    """What becomes of one delivery in hand."""

    __slots__ = ("code", "dead", "error", "not_before", "pk", "provider_id", "reason", "state")

    def __init__(self, pk, state, *, reason="", error="", provider_id="", not_before=None, code=None, dead=False):
        self.pk, self.state, self.reason, self.error = pk, state, reason, error
        self.provider_id, self.not_before, self.code, self.dead = provider_id, not_before, code, dead


FINAL = {Status.SENT: State.SENT, Status.FAILED: State.FAILED, Status.UNCERTAIN: State.UNCERTAIN}


def _result(pk, outcome):
    if outcome.status == Status.RETRY:
        return Result(pk, State.QUEUED, error=outcome.error[:200] or "try again")
    state = State.BOUNCED if outcome.dead else FINAL[outcome.status]
    return Result(
        pk,
        state,
        error=outcome.error[:200],
        provider_id=outcome.provider_id[:200],
        code=outcome.code,
        dead=outcome.dead,
    )


class Row(NamedTuple):
    """What a batch needs to know of one delivery and its reader."""

    pk: int
    person_id: int
    value: str
    language: str
    given_name: str
    name: str
    family_name: str
    city: str
    state: str
    zip: str
    time_zone: str
    binned_at: object
    custom: dict | None = None  # read only where a text names a field of the coalition's own

    @property
    def greeting_name(self):
        return self.given_name or self.name


OF_DELIVERY = ("pk", "person_id", "value", "language")
ROW = [name if name in OF_DELIVERY else f"person__{name}" for name in Row._fields]
USUAL = ROW[:-1]


def _prepare(message, taken):
    """(envelopes to hand over, results of those held back). Consent is read here, after the claim (rules E3, S4)."""
    letters = rendering.compiled(message)
    read = ROW if letters.own else USUAL
    rows = [Row(*values) for values in message.deliveries.filter(pk__in=taken).order_by("pk").values_list(*read)]
    people = [row.person_id for row in rows]
    held = Address.objects.filter(person__in=people, channel=message.channel)
    addresses = {
        (person, value): (pk, state, fault)
        for person, value, pk, state, fault in held.values_list("person_id", "value", "pk", "consent", "fault")
    }
    muted = _muted(message, people)
    # A stop that came while an import was writing the same address stands here alone.
    stopped = {value for _channel, value in consent.suppressed({(message.channel, row.value) for row in rows})}
    names = letters.fields
    organizations = rendering.organizations_of(people) if "organization" in names else {}
    now = timezone.now()
    envelopes, results = [], []
    for row in rows:
        address, state, fault = addresses.get((row.person_id, row.value), (None, None, None))
        if row.value in stopped:
            state = Address.Consent.WITHDRAWN
        if reason := _held_back(row, state, fault, muted):
            results.append(Result(row.pk, State.HELD, reason=reason))
            continue
        if message.channel == PHONE:
            when = _allowed(letters.installation, row, now)
            if when is None:
                results.append(Result(row.pk, State.HELD, reason=Reason.QUIET))
                continue
            if when > now:
                results.append(Result(row.pk, State.QUEUED, not_before=when))
                continue
        organization = organizations.get(row.person_id)
        speaks_for = organization.name_in(row.language) if organization else ""
        values = rendering.values_of(row, speaks_for, names=names, own=letters.own)
        envelopes.append(_envelope(message, row, letters, values, address))
    return envelopes, results


def _muted(message, people):
    """Who of these muted the topic of a message: read when it leaves, like consent."""
    if message.topic_id is None:
        return set()
    return set(Muting.objects.filter(topic=message.topic_id, person__in=people).values_list("person_id", flat=True))


def _held_back(row, state, fault, muted):
    if row.person_id is None or row.binned_at:
        return Reason.REMOVED
    if state is None:
        return Reason.NO_ADDRESS
    if state == Address.Consent.WITHDRAWN:
        return Reason.UNSUBSCRIBED
    if state != Address.Consent.GRANTED:
        return Reason.NO_CONSENT
    if fault or not row.value.isascii():
        return Reason.CLOSED
    return Reason.MUTED if row.person_id in muted else None


def _allowed(installation, row, now):
    zones = zones_of(time_zone=row.time_zone, state=row.state, number=row.value)
    return quiet_hours.next_allowed(installation, zones, now)


def _envelope(message, row, letters, values, address):
    made = letters.for_person(row.language, values)
    envelope = channels.Envelope(ref=f"delivery-{row.pk}", to=row.value, language=row.language)
    if message.channel == PHONE:
        envelope.text = made.fill(values)
    else:
        values["token"] = preferences.token_for(address)
        envelope.letter, envelope.values = made, values
    return envelope


def _record(results):
    """Write every outcome of a batch in one statement.

    News from the provider may have come first: only what still is in hand (or given up as uncertain) changes its state.
    """
    if not results:
        return
    columns = [
        [result.pk for result in results],
        [str(result.state) for result in results],
        [str(result.reason) for result in results],
        [result.error for result in results],
        [result.provider_id for result in results],
        [result.not_before for result in results],
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_delivery d SET
                state = CASE
                    WHEN d.state NOT IN ('sending', 'uncertain') THEN d.state
                    WHEN o.state <> 'queued' THEN o.state
                    WHEN d.state = 'uncertain' THEN d.state
                    WHEN o.error <> '' AND d.attempts + 1 >= %s THEN 'failed'
                    ELSE 'queued' END,
                reason = CASE WHEN d.state IN ('sending', 'uncertain') THEN o.reason ELSE d.reason END,
                error = CASE WHEN d.state IN ('sending', 'uncertain') THEN o.error ELSE d.error END,
                provider_id = CASE WHEN o.provider_id <> '' THEN o.provider_id ELSE d.provider_id END,
                attempts = d.attempts + CASE WHEN o.error <> '' THEN 1 ELSE 0 END,
                not_before = CASE WHEN o.state = 'queued' AND o.error <> ''
                    THEN now() + least(15 * 2 ^ (d.attempts + 1), 3600) * interval '1 second'
                    ELSE o.not_before END,
                updated_at = now()
            FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
                AS o(id, state, reason, error, provider_id, not_before)
            WHERE d.id = o.id
            """,
            [TRIES, *columns],
        )


def _learn(message, results):
    """What the channel said of the addresses themselves (rules E4, S9)."""
    telling = {result.pk: result for result in results if result.dead or (message.channel == PHONE and result.code)}
    if not telling:
        return
    for pk, value in Delivery.objects.filter(pk__in=telling).values_list("pk", "value"):
        if message.channel == PHONE:
            text_errors.judge(telling[pk].code, value, delivery=pk, message=message.pk)
        else:
            consent.mark_fault(EMAIL, value, Address.Fault.BOUNCED)


# Steering


def pause(message, *, by=None, because=""):
    """Stop after what is in hand. False when it was not sending."""
    return bool(
        Message.objects.filter(pk=message.pk, state=Message.State.SENDING).update(
            state=Message.State.PAUSED, paused_because=because
        )
    )


def resume(message, *, by=None):
    """Go on where it was paused. False when it was not paused."""
    return bool(
        Message.objects.filter(pk=message.pk, state=Message.State.PAUSED).update(
            state=Message.State.SENDING, paused_because=""
        )
    )


@transaction.atomic
def cancel(message, *, by=None):
    """Nobody else gets it; what is in hand just now still leaves. False when it was finished or never started."""
    won = Message.objects.filter(pk=message.pk, state__in=[Message.State.SENDING, Message.State.PAUSED]).update(
        state=Message.State.CANCELLED, finished_at=timezone.now()
    )
    if not won:
        return False
    _hold_back_queued(message)
    _tell_timelines(message)
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
            _tell_timelines(one)
            closed.append(one)
    return closed


GOT_EMAIL = gettext_lazy("Got the email “%(name)s”")
GOT_TEXT = gettext_lazy("Got the text “%(name)s”")
REACHED = [State.SENT, State.DEFERRED, State.DELIVERED, State.COMPLAINED]


def _tell_timelines(message):
    """A line on the timeline of everybody who got it, once, by one statement."""
    said = timeline.in_all_languages(GOT_EMAIL if message.channel == EMAIL else GOT_TEXT, {"name": message.name})
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO coalition_entry (person_id, kind, text, link, at)
            SELECT d.person_id, %s, %s, %s, d.updated_at
            FROM campaigns_delivery d
            WHERE d.message_id = %s AND d.person_id IS NOT NULL AND d.state = ANY (%s) AND NOT EXISTS (
                SELECT 1 FROM coalition_entry e WHERE e.person_id = d.person_id AND e.kind = %s AND e.link = %s)
            """,
            [
                Entry.Kind.MESSAGE.value,
                Entry._meta.get_field("text").get_prep_value(said),
                link_of(message),
                message.pk,
                [str(state) for state in REACHED],
                Entry.Kind.MESSAGE.value,
                link_of(message),
            ],
        )


def link_of(message):
    """The back-office page of a message."""
    return reverse("messages:inspect", args=[message.pk])


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
    due = Delivery.objects.filter(message=OuterRef("pk")).due()
    quiet = Q(active_at=None, started_at__lt=now - stalled_after) | Q(active_at__lt=now - stalled_after)
    stalled = Message.objects.filter(quiet, Exists(due), state=Message.State.SENDING)
    return list(stalled.order_by("started_at").values_list("pk", flat=True))


RESENT = gettext_lazy("“%(name)s” is sent again: nobody knew whether it had arrived")
SETTLED = gettext_lazy("“%(name)s” counts as arrived")


@transaction.atomic
def settle(delivery, *, resend, by=None):
    """Somebody decides what nobody knows: send an uncertain delivery again, or let it count as sent.

    False when it was settled before.
    """
    Message.objects.select_for_update().get(pk=delivery.message_id)  # it cannot close meanwhile
    uncertain = Delivery.objects.filter(pk=delivery.pk, state=State.UNCERTAIN)
    if resend:
        won = uncertain.update(
            state=State.QUEUED, claimed_at=None, not_before=None, attempts=0, error="", updated_at=Now()
        )
    else:
        won = uncertain.update(state=State.SENT, error="", updated_at=Now())
    if not won:
        return False
    message = delivery.message
    if resend:
        Message.objects.filter(pk=message.pk, state__in=[Message.State.SENT, Message.State.CANCELLED]).update(
            state=Message.State.SENDING, finished_at=None, active_at=None
        )
    said = RESENT if resend else SETTLED
    if delivery.person:
        timeline.note(delivery.person, Entry.Kind.EDIT, said, {"name": message.name}, link=link_of(message), by=by)
    return True


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
