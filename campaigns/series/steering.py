"""Begin a series, pause it, go on, end it: pressing twice does nothing twice."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from campaigns import telling
from campaigns.models import Delivery, Enrolment, Message, Series

from .building import missing
from .leaving import finish
from .steps import all_messages

State = Series.State


@transaction.atomic
def start(series, *, by=None):
    """Begin with whoever does what begins it from now on. Pressing twice does nothing twice: False.

    Raises ValidationError with what keeps it from beginning.
    """
    return _go(series, State.DRAFT, by=by)


@transaction.atomic
def resume(series, *, by=None):
    """Go on where it was paused; whoever did meanwhile what begins it enters now. False when it was not paused."""
    return _go(series, State.PAUSED, by=by)


def _go(series, before, *, by):
    if not Series.objects.filter(pk=series.pk, state=before).update(state=State.RUNNING):
        return False
    series.refresh_from_db()
    if found := missing(series):
        raise ValidationError([problem for _step, problem in found])
    now = timezone.now()
    if series.since is None:
        Series.objects.filter(pk=series.pk).update(since=now)
    messages = Message.objects.filter(step__series=series)
    messages.filter(started_at=None).update(started_at=now, started_by=by)
    paused = messages.filter(state=Message.State.PAUSED).exclude(paused_because="")
    paused.update(judged_from=now)  # who goes on has seen why it stopped
    messages.filter(state__in=[Message.State.DRAFT, Message.State.PAUSED]).update(
        state=Message.State.RUNNING, paused_because=""
    )
    return True


@transaction.atomic
def pause(series):
    """Nothing further leaves after what is in hand, and nobody enters. False when it was not running."""
    if not Series.objects.filter(pk=series.pk, state=State.RUNNING).update(state=State.PAUSED):
        return False
    Message.objects.filter(step__series=series, state=Message.State.RUNNING).update(state=Message.State.PAUSED)
    return True


@transaction.atomic
def end(series, *, by=None):
    """It is over for everybody on the way. False when it never ran or is over already."""
    running = Series.objects.filter(pk=series.pk, state__in=[State.RUNNING, State.PAUSED])
    if not running.update(state=State.ENDED):
        return False
    messages = Message.objects.filter(step__series=series)
    _hold_back(Delivery.objects.filter(message__in=messages), Delivery.Reason.CANCELLED)
    messages.filter(started_at__isnull=False).update(state=Message.State.SENT, finished_at=timezone.now())
    for message in all_messages(series).exclude(active_at=None):
        telling.got(message)
    finish(series, series.enrolments.filter(state=Enrolment.State.ACTIVE), Enrolment.State.LEFT)
    return True


def _hold_back(deliveries, reason):
    deliveries.filter(state=Delivery.State.QUEUED).update(
        state=Delivery.State.HELD, reason=reason, not_before=None, updated_at=Now()
    )
