"""Write down what became of a batch, every outcome in one statement; learn from it what it says of the addresses."""

import time

from django.db import InterfaceError, OperationalError, connection

from campaigns import text_errors
from campaigns.models import Delivery
from coalition import consent
from coalition.channels import Status
from coalition.copying import many
from coalition.models import Address

State = Delivery.State
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
TRIES = 12  # over five hours: a provider may be away for an afternoon, a mailbox greylist for some hours
ASK_AGAIN = (0.2, 1, 2, 5, 10, 20)  # seconds
FINAL = {Status.SENT: State.SENT.value, Status.FAILED: State.FAILED.value, Status.UNCERTAIN: State.UNCERTAIN.value}
QUEUED, BOUNCED = State.QUEUED.value, State.BOUNCED.value


class Result:
    """What becomes of one delivery in hand. `state` and `reason` are plain strings."""

    __slots__ = ("code", "dead", "error", "not_before", "pk", "provider_id", "reason", "state", "via")

    def __init__(
        self, pk, state, *, reason="", error="", provider_id="", not_before=None, code=None, dead=False, via=""
    ):
        self.pk, self.state, self.reason, self.error, self.via = pk, state, reason, error, via
        self.provider_id, self.not_before, self.code, self.dead = provider_id, not_before, code, dead


def result_of(pk, outcome):
    """What an outcome of a channel makes of a delivery."""
    if outcome.status == Status.RETRY:
        return Result(pk, QUEUED, error=outcome.error)  # without one nothing was tried: it counts as no attempt
    # A Message-ID that holds our own number names the row by itself: it needs neither room nor index.
    given = "" if outcome.provider_id.startswith("<delivery-") else outcome.provider_id
    state = BOUNCED if outcome.dead else FINAL[outcome.status]
    return Result(
        pk, state, error=outcome.error, provider_id=given, code=outcome.code, dead=outcome.dead, via=outcome.via
    )


# News from the provider may have come first: only what still is in hand (or given up as uncertain) changes its state.
RECORD = """
UPDATE campaigns_delivery d SET
    state = CASE
        WHEN d.state NOT IN ('sending', 'uncertain') THEN d.state
        WHEN o.state <> 'queued' THEN o.state
        WHEN d.state = 'uncertain' THEN d.state
        WHEN o.error <> '' AND d.attempts + 1 >= %(tries)s THEN 'failed'
        ELSE 'queued' END,
    reason = CASE WHEN d.state IN ('sending', 'uncertain') THEN o.reason ELSE d.reason END,
    error = CASE WHEN d.state IN ('sending', 'uncertain') THEN o.error ELSE d.error END,
    provider_id = CASE WHEN o.provider_id <> '' THEN o.provider_id ELSE d.provider_id END,
    via = CASE WHEN o.via <> '' THEN o.via ELSE d.via END,
    sent_at = CASE WHEN o.state = 'sent' THEN coalesce(d.sent_at, now()) ELSE d.sent_at END,
    attempts = d.attempts + CASE WHEN o.error <> '' THEN 1 ELSE 0 END,
    not_before = CASE WHEN o.state = 'queued' AND o.error <> ''
        THEN now() + least(15 * 2 ^ (d.attempts + 1), 3600) * interval '1 second'
        ELSE nullif(o.not_before, '')::timestamptz END,
    updated_at = now()
FROM unnest(string_to_array(%(pk)s, E'\\x1f')::bigint[], string_to_array(%(state)s, E'\\x1f'),
    string_to_array(%(reason)s, E'\\x1f'), string_to_array(%(error)s, E'\\x1f'),
    string_to_array(%(provider_id)s, E'\\x1f'), string_to_array(%(via)s, E'\\x1f'),
    string_to_array(%(not_before)s, E'\\x1f')) AS o(id, state, reason, error, provider_id, via, not_before)
-- Named by themselves as well, an index finds them, whatever the planner knows of a table that just grew.
WHERE d.id = o.id AND d.id = ANY (string_to_array(%(pk)s, E'\\x1f')::bigint[])
"""


def record(results):
    """Write every outcome of a batch in one statement.

    What left has left: a database that is away for a moment is asked again, before what we know becomes uncertain.
    """
    for wait in (*ASK_AGAIN, None):
        try:
            _write(results)
            return
        except (OperationalError, InterfaceError):
            if wait is None or connection.in_atomic_block:
                raise
            connection.close()
            time.sleep(wait)


def _write(results):
    if not results:
        return
    # string_to_array makes nothing of an empty text, where one empty element is meant: an end mark holds it open.
    said = {
        "pk": many(result.pk for result in results),
        "state": many(result.state for result in results),
        "reason": _held_open(result.reason for result in results),
        "error": _held_open(_printable(result.error) for result in results),
        "provider_id": _held_open(_printable(result.provider_id) for result in results),
        "via": _held_open(result.via for result in results),
        "not_before": _held_open(result.not_before.isoformat() if result.not_before else "" for result in results),
    }
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"tries": TRIES, **said})


def _printable(said):
    """What a provider said, without what would part one outcome from the next or what no database takes."""
    said = said if said.isprintable() else "".join(c for c in said if c.isprintable())
    return said[:200]


def _held_open(values):
    return many([*values, ""])


def learn(message, results):
    """What the channel said of the addresses themselves (rules E4, S9)."""
    telling = {result.pk: result for result in results if result.dead or (message.channel == PHONE and result.code)}
    if not telling:
        return
    values = dict(Delivery.objects.filter(pk__in=telling).values_list("pk", "value"))
    if message.channel == EMAIL:
        consent.mark_faults(EMAIL, values.values(), Address.Fault.BOUNCED)
        return
    for pk, value in values.items():
        text_errors.judge(telling[pk].code, value, delivery=pk, message=message.pk)
