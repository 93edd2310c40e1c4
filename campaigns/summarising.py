"""The morning after, whoever started a message finds its figures in their mailbox: once, in their language."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from campaigns import charting, reporting, results
from campaigns.models import Message
from coalition import notices
from coalition.languages import format_number, language_of

AT = time(8)  # on the coalition's clock
TOO_LATE = timedelta(days=3)  # of no news any more
AT_ONCE = 20


def morning_after(moment):
    """Eight o'clock of the day after a moment, on the coalition's clock."""
    zone = ZoneInfo(settings.TIME_ZONE)
    return datetime.combine(moment.astimezone(zone).date() + timedelta(days=1), AT, zone)


def due(at=None):
    """The keys of messages whose figures are owed by now."""
    at = at or timezone.now()
    finished = Message.objects.filter(
        state__in=[Message.State.SENT, Message.State.CANCELLED],
        summarised_at=None,
        started_by__is_active=True,
        finished_at__gt=at - TOO_LATE - timedelta(days=1),
    ).exclude(started_by__email="")
    rows = finished.order_by("finished_at").values_list("pk", "finished_at")
    return [pk for pk, ended in rows if morning_after(ended) <= at < morning_after(ended) + TOO_LATE][:AT_ONCE]


def summarise(message):
    """Owe the figures of a message to who started it. Returns the notice; None when they were owed before."""
    report = reporting.report(message)  # takes seconds: before anything is locked
    return _owe(message, report)


@transaction.atomic
def _owe(message, report):
    mine = Message.objects.filter(pk=message.pk, summarised_at=None)
    if not mine.update(summarised_at=timezone.now()):
        return None
    who = message.started_by
    language = language_of(who)
    return notices.write_to_staff(
        "message_summary",
        who,
        key=f"message-summary-{message.pk}",
        context={
            "message": message,
            "who": who,
            "figures": _Figures(report.figures["total"], language),
            "usual": _usual(report, language),
            "link": settings.PUBLIC_URL + reverse("messages:inspect", args=[message.pk]),
        },
    )


def _usual(report, language):
    """What share acted on the middle one of earlier messages, in words; empty where there were none."""
    usual = {name: median for name, _own, median, _same in results.compared(report.figures)}["acted"]
    return "" if usual is None else charting.percent(usual, language)


class _Figures:
    """[(words, number, share)] of a message; read in the template, when the language is active."""

    def __init__(self, total, language):
        self.total, self.language = total, language

    def __iter__(self):
        for name, words in charting.words().items():
            if self.total[name] or name in ("sent", "acted"):
                value = charting.share(self.total, name) if name != "sent" else None
                said = "" if value is None else charting.percent(value, self.language)
                yield words, format_number(self.total[name], self.language), said
