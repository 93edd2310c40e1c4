"""The next step, frozen for whom it is due: its wait is over, its condition holds."""

from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from campaigns import audience
from campaigns.models import Step
from coalition.models import Person

from .holding import in_hand
from .noting import DONE, TOLD, line
from .steps import has_followed, numbered

AT_ONCE = 5000  # people whom one transaction takes a step further
LOOK_AGAIN = timedelta(minutes=5)  # at the soonest, after people whose message before is still queued
# One step for those whose turn it is: a wait begins when the message before has left, however long that was queued or
# its series paused. Who is not yet through with that one gets a later moment; nobody is looked at again before it.
ADVANCE = """
WITH due AS MATERIALIZED (
    SELECT id, person_id, position FROM campaigns_enrolment
    WHERE series_id = %(series)s AND state = 'active' AND due_at <= %(now)s LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), placed AS (
    SELECT due.id, step.next, (
        SELECT max(CASE WHEN d.state IN ('queued', 'sending') THEN greatest(%(again)s, %(now)s + step.wait)
            WHEN d.sent_at > %(now)s - step.wait THEN d.sent_at + step.wait END)
        FROM unnest(%(messages)s::bigint[], %(followed_by)s::int[]) AS before(message, behind)
        JOIN campaigns_delivery d ON d.message_id = before.message AND d.person_id = due.person_id
        WHERE before.behind = due.position
    ) AS until
    FROM due JOIN unnest(%(behind)s::int[], %(wait)s::interval[], %(next)s::timestamptz[]) AS step(behind, wait, next)
        ON step.behind = due.position
)
UPDATE campaigns_enrolment e SET
    position = CASE WHEN until IS NULL THEN position + 1 ELSE position END,
    due_at = coalesce(until, placed.next),
    state = CASE WHEN coalesce(until, placed.next) IS NULL THEN 'done' ELSE 'active' END,
    ended_at = CASE WHEN coalesce(until, placed.next) IS NULL THEN now() END
FROM placed WHERE e.id = placed.id RETURNING e.person_id, e.position, until IS NULL
"""
GIVEN = "WITH told AS (SELECT unnest(%s::bigint[]) AS person_id)"


@transaction.atomic
def advance(series):
    """Freeze the next step for whom it is due, at most AT_ONCE of them. Returns how many were looked at.

    The ledger's row and the step are written together: a worker that dies in between leaves neither.
    """
    series = in_hand(series)
    if series is None:
        return 0
    steps = list(series.steps.select_related("message").prefetch_related("earlier"))
    now = timezone.now()
    before = numbered(steps)
    asked = {
        "series": series.pk,
        "now": now,
        "again": now + LOOK_AGAIN,
        "limit": AT_ONCE,
        "messages": [message for message, _behind in before],
        "followed_by": [behind for _message, behind in before],
        "behind": list(range(len(steps))),
        "wait": [timedelta(hours=step.wait_hours) for step in steps],
        "next": [*(now + timedelta(hours=step.wait_hours) for step in steps[1:]), None],
    }
    with connection.cursor() as cursor:
        cursor.execute(ADVANCE, asked)
        rows = cursor.fetchall()
        for behind, step in reversed(list(enumerate(steps))):
            moved = [person for person, position, is_next in rows if is_next and position == behind + 1]
            if moved:
                audience.freeze(step.message, people=_meant(step, steps[behind - 1] if behind else None, moved))
            if moved and behind + 1 == len(steps):
                cursor.execute(GIVEN + TOLD, [moved, *line(series, DONE)])
    return len(rows)


def _meant(step, before, people):
    """People among these for whom a step is, by its condition."""
    found = Person.objects.filter(pk__in=people)
    if not step.condition or before is None:
        return found
    wanted = has_followed(before)
    return found.filter(wanted if step.condition == Step.Condition.FOLLOWED else ~wanted)
