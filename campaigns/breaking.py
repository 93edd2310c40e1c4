"""A circuit breaker: sending stops by itself when too many bounce, complain or leave, and says why.

Only a person starts it again, having seen the figures; from then on it counts what leaves anew.
"""

import time
from dataclasses import dataclass
from decimal import Decimal

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop

from campaigns.models import Message, Series
from coalition import notices
from coalition.models import Installation, User

log = structlog.get_logger(__name__)

EVERY = 5  # seconds between two looks of one process at one message
BOUNCES = gettext_noop("Stopped by itself: too many of these messages bounce.")
COMPLAINTS = gettext_noop("Stopped by itself: too many readers mark this message as spam.")
UNSUBSCRIBES = gettext_noop("Stopped by itself: too many readers unsubscribe.")
REFUSALS = gettext_noop("Stopped by itself: too many of these messages are refused before they leave.")
REASONS = (BOUNCES, COMPLAINTS, UNSUBSCRIBES, REFUSALS)

_looked = {}


@dataclass(frozen=True)
class Figures:
    """What the breaker counts of a message, since somebody last saw it, and the thresholds in percent.

    `refused`: what no server or provider took, for one reason that concerns them all or for one each.
    """

    sent: int
    bounced: int
    complained: int
    unsubscribed: int
    refused: int
    after: int
    limits: tuple

    @property
    def rows(self):
        """[(reason, number, percent, limit in percent)], the worst for a sender's name first."""
        numbers = ((COMPLAINTS, self.complained), (BOUNCES, self.bounced), (UNSUBSCRIBES, self.unsubscribed))
        return [
            (reason, number, Decimal(100 * number) / max(self.sent, 1), limit)
            for (reason, number), limit in zip(numbers, self.limits, strict=True)
        ]

    @property
    def because(self):
        """The reason to stop, or empty."""
        if self.sent >= self.after:
            for reason, _number, percent, limit in self.rows:
                if percent > limit:
                    return reason
        tried, (_complaints, bounces, _unsubscribes) = self.sent + self.refused, self.limits
        return REFUSALS if tried >= self.after and 100 * self.refused > bounces * tried else ""


COUNTS = """
SELECT count(*) FILTER (WHERE d.state IN ('sent', 'deferred', 'delivered', 'complained', 'bounced', 'rejected')),
    count(*) FILTER (WHERE d.state = 'bounced'),
    count(*) FILTER (WHERE d.state = 'complained'),
    (SELECT count(DISTINCT c.person_id) FROM coalition_consent c
        JOIN coalition_address a ON a.id = c.address_id AND a.channel = %(channel)s
        JOIN campaigns_delivery left_after ON left_after.message_id = %(message)s
            AND left_after.person_id = c.person_id AND left_after.state IN ('sent', 'deferred', 'delivered')
            AND (%(since)s::timestamptz IS NULL OR left_after.sent_at >= %(since)s)
        WHERE c.state = 'withdrawn' AND c.source <> 'complaint' AND c.at >= %(started)s),
    count(*) FILTER (WHERE d.state = 'failed')
FROM campaigns_delivery d
WHERE d.message_id = %(message)s
    AND (%(since)s::timestamptz IS NULL OR coalesce(d.sent_at, d.updated_at) >= %(since)s)
"""


def figures(message):
    """The breaker's figures of a message now. One query for the counts."""
    rules = Installation.get()
    limits = (rules.breaker_complaints, rules.breaker_bounces, rules.breaker_unsubscribes)
    asked = {
        "message": message.pk,
        "channel": message.channel,
        "since": message.judged_from,
        "started": message.judged_from or message.started_at or timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, asked)
        return Figures(*cursor.fetchone(), after=rules.breaker_after, limits=limits)


def check(message, *, at_once=False):
    """Pause a message whose figures pass a threshold. Returns whether it was paused.

    Cheap to call after every batch: a process looks at a message only every few seconds, or `at_once`.
    """
    now = time.monotonic()
    if not at_once and now - _looked.get(message.pk, -EVERY) < EVERY:
        return False
    if len(_looked) > 1000:
        _looked.clear()
    _looked[message.pk] = now
    return trip(message)


@transaction.atomic
def trip(message):
    """Look now. A message pauses, one of a series pauses its series; whoever sends and every administrator is told."""
    seen = figures(message)
    if not seen.because:
        return False
    if not halt(message.pk, seen.because):
        return False
    log.error("sending stopped by the breaker", message=message.pk, sent=seen.sent)
    _tell(message, seen)
    return True


@transaction.atomic
def halt(message, because):
    """Pause a message, by its key, or the series that it is a step of. Returns whether it was on its way."""
    pause = {"state": Message.State.PAUSED, "paused_because": because}
    series = _series_of(message)
    if series is None:
        return bool(Message.objects.filter(pk=message, state=Message.State.SENDING).update(**pause))
    won = Series.objects.filter(pk=series.pk, state=Series.State.RUNNING).update(state=Series.State.PAUSED)
    steps = Message.objects.filter(step__series=series, state=Message.State.RUNNING)
    steps.filter(pk=message).update(**pause)
    steps.update(state=Message.State.PAUSED)
    return bool(won)


def _series_of(message):
    """The series, not over yet, that a message is a step of; or None."""
    return Series.objects.filter(steps__message=message).exclude(state=Series.State.ENDED).first()


def _tell(message, seen):
    series = _series_of(message)
    page = reverse("series:inspect", args=[series.pk]) if series else reverse("messages:inspect", args=[message.pk])
    moment = timezone.now()
    for user in _whom(message, series):
        notices.write_to_staff(
            "breaker",
            user,
            key=f"breaker-{message.pk}-{user.pk}-{moment:%Y%m%d%H%M%S}",
            context={
                "name": series.name if series else message.name,
                "because": seen.because,
                "seen": seen,
                "link": settings.PUBLIC_URL + page,
            },
        )


def _whom(message, series):
    """Whoever wrote, scheduled or started it, and every administrator."""
    own = {message.created_by_id, message.started_by_id, message.scheduled_by_id}
    own |= {series.created_by_id} if series else set()
    staff = User.objects.filter(is_active=True).exclude(email="")
    return (
        staff.filter(Q(pk__in=own - {None}) | Q(is_superuser=True) | Q(groups__name="Administrator"))
        .select_related("wagtail_userprofile")
        .distinct()
    )
