"""One look after all that runs: note who got what, who enters, who leaves, and the next step for whom it is due.

One that is broken keeps no other from going on.
"""

from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from campaigns import telling
from campaigns.models import Message, Series

from .advancing import AT_ONCE, advance
from .enrolling import enrol
from .holding import OVERLAP, in_hand
from .leaving import take_out
from .steps import all_messages

log = structlog.get_logger(__name__)
State = Series.State
IN_HAND = timedelta(minutes=5)  # what a worker holds when a series ends has left, or is uncertain, by then


def look():
    """One round over every running series: what is due stands in the ledger then, where a sweep finds it."""
    for series in Series.objects.filter(state=State.RUNNING):
        try:
            tell_timelines(series)
            _look_over(series)
            while advance(series) == AT_ONCE:
                continue
        except Exception:  # one that is broken keeps neither the others nor what else is swept from leaving
            log.exception("series not looked after", series=series.pk)
    ended = Message.objects.filter(step__series__state=State.ENDED, finished_at__gte=timezone.now() - IN_HAND)
    for message in ended.exclude(active_at=None):
        telling.got(message, since=message.finished_at - IN_HAND)  # what was in hand when it ended


@transaction.atomic
def _look_over(series):
    """Who enters and who leaves since the last look: together, so that none of them is looked for from too late on."""
    series = in_hand(series)
    if series is None:
        return
    now = timezone.now()
    enrol(series)
    take_out(series)
    Series.objects.filter(pk=series.pk).update(looked_at=now)


@transaction.atomic
def tell_timelines(series):
    """Note who got a message of a series since the last look: one that runs never closes, where others are noted."""
    if not in_hand(series):
        return
    lately = (series.looked_at or series.since) - OVERLAP
    for message in all_messages(series).filter(active_at__gte=lately):
        telling.got(message, since=lately)
