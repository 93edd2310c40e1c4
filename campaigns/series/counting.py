"""How far people are: a series as a ladder, with how many stand at each rung."""

from django.db import connection
from django.db.models import Count

from campaigns import results
from campaigns.models import Delivery, Enrolment

from .steps import messages_of, numbered

# Whoever has a step behind them, and stands in the ledger of none of its messages.
SKIPPED = """
SELECT step.number, count(*)
FROM campaigns_enrolment e JOIN generate_series(1, %(steps)s) AS step(number) ON e.position >= step.number
WHERE e.series_id = %(series)s AND NOT EXISTS (
    SELECT FROM unnest(%(messages)s::bigint[], %(numbers)s::int[]) AS mine(message, number)
    JOIN campaigns_delivery d ON d.message_id = mine.message
    WHERE mine.number = step.number AND d.person_id = e.person_id
)
GROUP BY step.number
"""


def ladder(series):
    """The series as a ladder: [{"step", "waiting", "sent", "held", "queued", "skipped", "acted", "left"}], and what it
    ended in.

    `waiting`: people whose next message it is; `skipped`: who is past it, and for whom it was not by its condition;
    `acted`, `left`: who ended before it came. As many queries whatever its length. Returns (rungs, {state: people of
    the whole series}).
    """
    steps = list(series.steps.select_related("message").prefetch_related("earlier"))
    states, places = {}, {}
    for row in series.enrolments.values("state", "position").annotate(n=Count("pk")).order_by():
        states[row["state"]] = states.get(row["state"], 0) + row["n"]
        places.setdefault(row["position"], {})[row["state"]] = row["n"]
    counts = {}
    owner = {message: step.pk for step in steps for message in messages_of(step)}
    for row in Delivery.objects.filter(message__in=owner).values("message", "state").annotate(n=Count("pk")).order_by():
        mine = counts.setdefault(owner[row["message"]], {})
        mine[row["state"]] = mine.get(row["state"], 0) + row["n"]
    skipped = _skipped(series, steps)
    rungs = []
    for number, step in enumerate(steps):
        mine, here = counts.get(step.pk, {}), places.get(number, {})
        rungs.append(
            {
                "step": step,
                "waiting": here.get(Enrolment.State.ACTIVE, 0),
                "acted": here.get(Enrolment.State.ACTED, 0),
                "left": here.get(Enrolment.State.LEFT, 0),
                "sent": sum(mine.get(state, 0) for state in results.LEFT_HERE),
                "queued": mine.get(Delivery.State.QUEUED, 0) + mine.get(Delivery.State.SENDING, 0),
                "held": mine.get(Delivery.State.HELD, 0),
                "skipped": skipped.get(number + 1, 0),
            }
        )
    return rungs, states


def _skipped(series, steps):
    """{number of a step, from 1: people}, those with none left out."""
    of_steps = numbered(steps)
    asked = {
        "series": series.pk,
        "steps": len(steps),
        "messages": [message for message, _number in of_steps],
        "numbers": [number for _message, number in of_steps],
    }
    with connection.cursor() as cursor:
        cursor.execute(SKIPPED, asked)
        return dict(cursor.fetchall())
