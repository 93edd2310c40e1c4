"""Take what is due into one worker's hand, and read in the same statement what a batch has to know of each reader.

The claim is committed before anything leaves: what a dead worker held is known, and known to be uncertain (rule S11).
"""

import json
import time
from collections import Counter
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from campaigns import pacing


class Row(NamedTuple):
    """One delivery in hand with its reader: what fills the gaps, how address and consent stand (rules E3, S4)."""

    pk: int
    person_id: int | None
    value: str
    language: str
    variant: str
    address: int | None  # None: the person no longer has it
    consent: str | None
    fault: str | None
    muted: bool
    binned_at: object
    given_name: str
    name: str
    family_name: str
    city: str
    state: str
    zip: str
    time_zone: str
    custom: dict | None  # read only where a text names a field of the coalition's own

    @property
    def greeting_name(self):
        return self.given_name or self.name


# SKIP LOCKED: rows that another worker is taking are skipped, not waited for. They are locked, so their ctid stands; by
# it the planner, which knows nothing yet of a million rows written just now, finds a few without reading them all.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT ctid, id, split_part(value, '@', 2) AS domain FROM campaigns_delivery
    WHERE message_id = %(message)s AND state = 'queued' AND variant <> '' AND id > %(after)s
        AND EXISTS (SELECT FROM campaigns_message m WHERE m.id = %(message)s AND m.state IN ('sending', 'running'))
        AND (not_before IS NULL OR not_before <= %(now)s) {open}
    ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE campaigns_delivery d SET state = 'sending', claimed_at = now(), updated_at = now()
    WHERE d.ctid = ANY (ARRAY(SELECT ctid FROM {allowed}))
    RETURNING d.id, d.person_id, d.value, d.language, d.variant
)
SELECT t.id, t.person_id, t.value, t.language, t.variant, a.id, a.consent, a.fault, {muted}, p.binned_at,
    p.given_name, p.name, p.family_name, p.city, p.state, p.zip, p.time_zone, {custom}
FROM taken t
LEFT JOIN coalition_person p ON p.id = t.person_id
LEFT JOIN coalition_address a ON a.person_id = t.person_id AND a.channel = %(channel)s AND a.value = t.value
ORDER BY t.id
"""
MUTED = "EXISTS (SELECT 1 FROM coalition_muting m WHERE m.person_id = t.person_id AND m.topic_id = %(topic)s)"
# Of each domain with a limit no more than that; what is over stays queued.
OPEN = "AND split_part(value, '@', 2) <> ALL (%(shut)s)"
ALLOWED = """(
    SELECT ranked.ctid
    FROM (SELECT ctid, domain, row_number() OVER (PARTITION BY domain ORDER BY id) AS place FROM due) ranked
    LEFT JOIN unnest(%(domains)s::text[], %(most)s::int[]) AS said(domain, most) USING (domain)
    WHERE said.most IS NULL OR ranked.place <= said.most
) due"""


# The index of what is queued keeps rows that were taken until a vacuum: who begins behind them does not read a million
# of them again for the next thousand. What came back to the queue lies before, so now and then one begins at the start.
START_AGAIN_AFTER = 5  # seconds
_reached = {}  # {message: (the last row that this process took, until when it begins behind it)}


@transaction.atomic(durable=True)
def take(message, limit, *, own=False):
    """Up to `limit` due rows for this worker alone, as a list of `Row`; `own`: with the coalition's own fields.

    None of a message that is paused, cancelled or not begun.
    """
    limits = pacing.limits_for(message, limit)
    asked = {"message": message.pk, "channel": message.channel, "limit": limit, "topic": message.topic_id, "after": 0}
    asked["now"] = timezone.now()  # the clock that put them off: the database's may be ahead of it
    if limits is not None:
        asked["limit"] = min(limit, limits.get("", limit))
        domains = {domain: most for domain, most in limits.items() if domain}
        asked |= {"shut": [domain for domain, most in domains.items() if most <= 0]}
        asked |= {"domains": list(domains), "most": list(domains.values())}
        if asked["limit"] <= 0:
            return []
    sql = CLAIM.format(
        open=OPEN if limits is not None else "",
        allowed=ALLOWED if limits is not None else "due",
        muted="false" if message.topic_id is None else MUTED,
        custom="p.custom" if own else "NULL",
    )
    rows = _claimed(sql, asked) if limits is not None else _claimed_onward(sql, asked)
    if limits is not None and rows:
        pacing.count(message, Counter(row.value.rpartition("@")[2] for row in rows))
    if own:
        rows = [row._replace(custom=json.loads(row.custom)) if isinstance(row.custom, str) else row for row in rows]
    return rows


def _claimed(sql, asked):
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return [Row._make(values) for values in cursor.fetchall()]


def _claimed_onward(sql, asked):
    """Rows behind those that this process took before; from the start where these are too few, or it was long ago."""
    now, message = time.monotonic(), asked["message"]
    after, until = _reached.get(message, (0, 0))
    rows = _claimed(sql, asked | {"after": after}) if after and now < until else []
    if len(rows) < asked["limit"]:
        _reached.clear()  # one message at a time is under way in a process; this one begins anew
        rows = sorted(_claimed(sql, asked | {"limit": asked["limit"] - len(rows)}) + rows)
        until = now + START_AGAIN_AFTER
    if rows:
        _reached[message] = rows[-1].pk, until
    return rows
