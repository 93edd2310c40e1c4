"""Build a series while it is a draft; paused, change its waits and its words. What people got stays as it was."""

from datetime import timedelta
from itertools import pairwise

from django.db import connection, transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns import checking, composing
from campaigns.models import Enrolment, Message, Series, Step
from coalition.models import Address, Installation

from .steps import position_before

State, Trigger = Series.State, Series.Trigger


class Fixed(Exception):
    """The series is running: what it does to people on the way cannot change now."""


@transaction.atomic
def begin(*, by=None, **fields):
    """A new series without steps."""
    return Series.objects.create(created_by=by, **fields)


def _held(series, *states):
    """The series' row, locked. Raises Fixed when it is in none of the states."""
    row = Series.objects.select_for_update().get(pk=series.pk)
    if row.state not in states:
        raise Fixed
    return row


@transaction.atomic
def change(series, **fields):
    """Change what begins a draft, or its name. Raises Fixed."""
    row = _held(series, State.DRAFT)
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))
    return row


@transaction.atomic
def add_step(series, *, channel, name, wait_hours, condition="", by=None):
    """A further message at the end, empty in every language. Raises Fixed while it runs."""
    row = _held(series, State.DRAFT, State.PAUSED)
    last = row.steps.aggregate(last=Max("position"))["last"] or 0
    message = composing.begin(channel=channel, name=name, campaign=row.campaign, by=by)
    return Step.objects.create(
        series=row, position=last + 1, wait_hours=wait_hours, condition=condition, message=message
    )


@transaction.atomic
def change_step(step, *, name, wait_hours, condition):
    """Change when a step comes and for whom, also for people who wait for it already. Raises Fixed."""
    row = _held(step.series, State.DRAFT, State.PAUSED)
    step = Step.objects.get(pk=step.pk)
    waiting = row.enrolments.filter(state=Enrolment.State.ACTIVE, position=position_before(step))
    waiting.update(due_at=F("due_at") + timedelta(hours=wait_hours - step.wait_hours))
    Step.objects.filter(pk=step.pk).update(wait_hours=wait_hours, condition=condition)
    Message.objects.filter(pk=step.message_id).update(name=name)


@transaction.atomic
def move_step(step, by_places):
    """Move a step of a draft up (-1) or down (1). Returns whether it moved. Raises Fixed."""
    row = _held(step.series, State.DRAFT)
    steps = list(row.steps.all())
    place = next(number for number, one in enumerate(steps) if one.pk == step.pk)
    target = place + by_places
    if not 0 <= target < len(steps):
        return False
    steps.insert(target, steps.pop(place))
    _number(steps)
    return True


@transaction.atomic
def remove_step(step):
    """Take a step out of a draft, with its message. Raises Fixed."""
    row = _held(step.series, State.DRAFT)
    message = step.message
    step.delete()
    message.delete()
    _number(list(row.steps.all()))


@transaction.atomic
def discard(series):
    """Delete a draft, with the messages of its steps. Raises Fixed."""
    row = _held(series, State.DRAFT)
    messages = list(Message.objects.filter(step__series=row).values_list("pk", flat=True))
    row.delete()
    Message.objects.filter(pk__in=messages).delete()


def _number(steps):
    """Positions from 1 on, by way of numbers nobody has: a unique constraint allows no shorter one."""
    far = 10_000
    for start in (far, 1):
        for number, one in enumerate(steps):
            Step.objects.filter(pk=one.pk).update(position=start + number)


@transaction.atomic
def rewrite_step(step, *, by=None):
    """New words for a step of a paused series: a copy to edit takes its place. Returns the new message. Raises Fixed.

    What people got stays as it was. Who had the old words queued gets the new ones instead.
    """
    _held(step.series, State.PAUSED)
    step = Step.objects.select_related("message", "series").get(pk=step.pk)
    old = step.message
    if old.state == Message.State.DRAFT:
        return old
    twin = composing.copy(old, name=old.name, by=by)
    _back_to(step, old)
    Message.objects.filter(pk=old.pk).update(state=Message.State.SENT, finished_at=timezone.now())
    Step.objects.filter(pk=step.pk).update(message=twin)
    step.earlier.add(old)
    return twin


@transaction.atomic
def hand_on(message):
    """Who was in a worker's hand when a step got new words, and comes back unsent, gets the new ones as well."""
    step = Step.objects.filter(earlier=message).select_related("series").first()
    if step is None:
        return
    going = Series.objects.filter(pk=step.series_id, state__in=[State.RUNNING, State.PAUSED])
    if going.select_for_update(no_key=True).exists():
        _back_to(step, message)


# In one statement: what a worker takes into its hand meanwhile is held back for nobody, and put back for nobody.
# `IS TRUE` has the set hashed: of a table that just grew the planner expects one row, and would read it for each.
BACK_TO = """
WITH held AS (
    UPDATE campaigns_delivery SET state = 'held', reason = 'cancelled', not_before = NULL, updated_at = now()
    WHERE message_id = %s AND state = 'queued' RETURNING person_id
)
UPDATE campaigns_enrolment SET position = %s, state = 'active', due_at = now(), ended_at = NULL
WHERE series_id = %s AND position = %s AND state IN ('active', 'done')
    AND (person_id IN (SELECT person_id FROM held)) IS TRUE
"""


def _back_to(step, old):
    """Whoever has the old words queued stands before the step again, if no further one was written to them."""
    behind = position_before(step)
    with connection.cursor() as cursor:
        cursor.execute(BACK_TO, [old.pk, behind, step.series_id, behind + 1])


def missing(series):
    """What keeps a series from beginning: [(step or None, in words)]."""
    found = []
    steps = list(series.steps.select_related("message"))
    if not steps:
        found.append((None, _("There is no step yet.")))
    if series.trigger == Trigger.NOT_ACTED and series.message is None:
        found.append((None, _("Choose the message that people did not act upon.")))
    if steps and steps[0].condition:
        found.append((steps[0], _("The first step has no step before it: it is for everybody.")))
    follows = Installation.get().follow_links
    for before, step in pairwise(steps):
        if step.condition and before.message.channel != Address.Channel.EMAIL:
            found.append((step, _("The step before is a text, and of a text nobody knows who followed its links.")))
        elif step.condition and not follows:
            found.append((step, _("The settings say that links are not counted: nobody knows who followed one.")))
    for step in steps:
        if step.message.state == Message.State.DRAFT:  # the others were looked at when they began
            found += [(step, problem) for problem in checking.problems(step.message)]
    return found
