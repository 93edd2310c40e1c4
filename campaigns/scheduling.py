"""When a message leaves: after a hold in which it can be undone, at a time, or by each person's own clock.

Pressing Send only plans. `start_due` begins what is due: it asks once more whether the message may leave, and tells who
planned it where it may not. Its words stay fixed until the plan is undone.
"""

from datetime import timedelta

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import override

from campaigns import audience, checking, pacing, sending, telling
from campaigns.models import Message
from coalition import notices
from coalition.languages import language_of
from coalition.models import Address, Installation

log = structlog.get_logger(__name__)

State = Message.State


def hold():
    """How long a message can be called back after the press of Send."""
    return timedelta(seconds=settings.SEND_HOLD_SECONDS)


@transaction.atomic
def schedule(message, *, by, at=None, local=False):
    """Plan a draft: to leave after the hold, or at a moment; `local`: when each person's clock shows what ours shows
    at that moment. False when it was planned or begun before, is a template, or belongs to a series.

    Raises ValidationError with what keeps it from leaving.
    """
    row = Message.objects.select_for_update().get(pk=message.pk)
    if row.state != State.DRAFT or row.is_template or hasattr(row, "step"):
        return False
    if found := checking.problems(row):
        raise ValidationError(found)
    _plan(row, at, local, by)
    message.refresh_from_db()
    return True


@transaction.atomic
def move(message, *, by, at, local=False):
    """Plan a planned message anew. False when it has begun or was undone meanwhile."""
    row = Message.objects.select_for_update().get(pk=message.pk)
    if row.state != State.SCHEDULED:
        return False
    _plan(row, at, local, by)
    message.refresh_from_db()
    return True


def _plan(row, at, local, by):
    now = timezone.now()
    row.state, row.scheduled_by, row.scheduled_at = State.SCHEDULED, by, now
    row.send_at, row.send_local = at and pacing.open_from(row, at), bool(local and at)
    row.due_at = pacing.open_from(row, max(now + hold(), _first_moment(row) or now))
    row.save(update_fields=["state", "scheduled_by", "scheduled_at", "send_at", "send_local", "due_at"])


def _first_moment(row):
    """When the first person's clock shows the time that was chosen: sending begins there, whatever ours shows."""
    if not row.send_local:
        return row.send_at
    moments = audience.moments(row)
    return moments[0][0] if moments else row.send_at


def _is_put_off(row):
    """Whether a day that became quiet since puts it off; if so, to the same time of a later day."""
    now = timezone.now()
    at = row.send_at and pacing.open_from(row, row.send_at)
    if at == row.send_at and not pacing.quiet_day(row, now):
        return False
    row.send_at = at
    row.due_at = pacing.open_from(row, max(now, _first_moment(row) or now))
    row.save(update_fields=["send_at", "due_at"])
    return row.due_at > now


def undo(message):
    """Back to a draft, nobody got it. False when it has begun, or was undone before."""
    won = Message.objects.filter(pk=message.pk, state=State.SCHEDULED).update(state=State.DRAFT, due_at=None)
    message.refresh_from_db()
    return bool(won)


def start_due():
    """Begin what is due. Returns the primary keys of those that began.

    Each in a transaction of its own, so that several at once are harmless and one that fails holds up no other.
    """
    due = Message.objects.filter(state=State.SCHEDULED, due_at__lte=timezone.now())
    begun = []
    for pk in due.order_by("due_at", "pk").values_list("pk", flat=True):
        try:
            if _start(pk):
                begun.append(pk)
        except Exception:  # whatever it is, the others are due as well; the next round tries again
            log.exception("message did not begin", message=pk)
    return begun


@transaction.atomic
def _start(pk):
    due = Message.objects.filter(pk=pk, state=State.SCHEDULED, due_at__lte=timezone.now())
    row = due.select_for_update(skip_locked=True).first()
    if row is None:
        return False
    if _is_put_off(row):
        return False
    try:
        return sending.start(row, by=row.scheduled_by)
    except ValidationError:
        _give_back(row)
        return False


def _give_back(row):
    """A draft again, and who planned it hears why."""
    Message.objects.filter(pk=row.pk).update(state=State.DRAFT, due_at=None)
    planner, language = row.scheduled_by, settings.LANGUAGE_CODE
    if planner and planner.email and planner.is_active:
        value = planner.email
        language = language_of(planner)
    else:
        value = Installation.get().email
    if not value:
        return
    with override(language):
        problems = checking.problems(row)
    notices.write(
        "message_returned",
        channel=Address.Channel.EMAIL,
        value=value,
        language=language,
        key=f"message-returned-{row.pk}-{row.scheduled_at.timestamp():.0f}",
        context={"message": row, "problems": problems, "link": settings.PUBLIC_URL + telling.link_of(row)},
    )
