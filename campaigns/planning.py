"""What is planned on which day, and what gets in its own way: messages, webinars, deadlines of rounds, quiet days."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from campaigns import audience, pacing
from campaigns.models import Message, QuietDay, Webinar
from coalition.languages import format_number, format_time, format_when
from coalition.models import Installation, Round

State = Message.State
COUNTED_AT_MOST = 12  # pairs of messages of which a page says how many people they share


@dataclass
class Event:
    """Something on a day of the calendar; `at` is None for what takes the whole day."""

    kind: str  # "message", "webinar", "deadline", "quiet"
    day: date
    at: datetime | None
    words: str
    url: str = ""
    state: str = ""  # of a message
    note: str = ""
    conflicts: tuple = ()

    @property
    def time(self):
        """On the coalition's clock, whose name stands once on the page."""
        return format_time(self.at.astimezone(pacing.zone()), get_language()) if self.at else ""


@dataclass(frozen=True)
class Conflict:
    """A reason to choose another time, in words. Nothing is stopped by it, but by a quiet day."""

    kind: str  # "quiet_day", "close", "webinar", "deadline"
    words: str
    url: str = ""

    @property
    def key(self):
        """What somebody has seen when they press the button: the kind and the matter, not the number of people."""
        return f"{self.kind}:{self.url}"


# The calendar


def _day(moment):
    return timezone.localdate(moment, pacing.zone())


def calendar(first, last, *, user):
    """Events of the days from `first` to `last`, in order, with their conflicts; without what the user may not see.

    Moments are put on days by the coalition's own clock.
    """
    between = (pacing.midnight(first), pacing.midnight(last + timedelta(days=1)))
    found = [
        Event("quiet", day.day, None, str(day.name) or _("Quiet day"))
        for day in QuietDay.objects.filter(day__range=(first, last))
    ]
    if user.has_perm("campaigns.view_message"):
        found += _messages(between)
    if user.has_perm("campaigns.view_webinar"):
        webinars = Webinar.objects.filter(cancelled_at=None, starts_at__gte=between[0], starts_at__lt=between[1])
        found += [
            Event("webinar", _day(w.starts_at), w.starts_at, str(w), reverse("webinars:inspect", args=[w.pk]))
            for w in webinars
        ]
    if user.has_perm("coalition.view_round"):
        rounds = Round.objects.filter(deadline__gte=between[0], deadline__lt=between[1]).select_related("publication")
        found += [
            Event("deadline", _day(r.deadline), r.deadline, str(r), reverse("rounds:inspect", args=[r.pk]))
            for r in rounds
        ]
    return sorted(found, key=lambda event: (event.day, event.at is not None, event.at or between[0], event.words))


def leaves_at(message):
    """When a message leaves or left: on our clock, also where each person's own counts."""
    if message.started_at is None and message.send_at and message.send_local:
        return message.send_at
    return message.started_at or message.due_at


def _begun_or_planned():
    planned = Q(state=State.SCHEDULED, due_at__isnull=False)
    begun = Q(state__in=[State.SENDING, State.PAUSED, State.SENT, State.CANCELLED], started_at__isnull=False)
    return Message.objects.filter(planned | begun).annotate(moment=Coalesce("started_at", "due_at"))


def _messages(between):
    rows = _begun_or_planned().filter(moment__gte=between[0] - timedelta(days=1), moment__lt=between[1])
    rows = list(rows.select_related("campaign").prefetch_related("included", "excluded").order_by("moment"))
    gap = timedelta(hours=Installation.get().hours_between)
    planned = [row for row in rows if row.state == State.SCHEDULED]
    counted, found = 0, []
    for row in rows:
        at = leaves_at(row)
        if not between[0] <= at < between[1]:
            continue
        conflicts = []
        for other in planned if row.state == State.SCHEDULED else ():
            if other.pk != row.pk and abs(leaves_at(other) - at) < gap:
                counted += 1
                conflicts += _close(row, other, count=counted <= COUNTED_AT_MOST, dated=False)
        url = reverse("messages:inspect", args=[row.pk])
        note = _("on each person's own clock") if row.send_local else ""
        event = Event("message", _day(at), at, row.name, url, row.state, note, tuple(conflicts))
        found.append(event)
    return found


# What gets in the way


def conflicts(message, at):
    """What speaks against a moment for a message."""
    found = []
    if day := pacing.quiet_day(message, at):
        later = format_when(pacing.open_from(message, at), pacing.zone(), get_language())
        words = _("It is a quiet day (%(name)s): the message waits until %(when)s.") if str(day.name) else ""
        words = words or _("It is a quiet day: the message waits until %(when)s.")
        found.append(Conflict("quiet_day", words % {"name": day.name, "when": later}))
    gap = timedelta(hours=Installation.get().hours_between)
    near = _begun_or_planned().exclude(pk=message.pk).exclude(state=State.CANCELLED)
    near = near.filter(moment__gt=at - gap - timedelta(days=1), moment__lt=at + gap + timedelta(days=1))
    near = [other for other in near.order_by("moment") if abs(leaves_at(other) - at) < gap]
    for number, other in enumerate(near):
        found += _close(message, other, count=number < COUNTED_AT_MOST)
    return found + _too_late(message, at)


def _close(message, other, *, count=True, dated=True):
    """That many of the same people get another message too; nothing where nobody does."""
    url = reverse("messages:inspect", args=[other.pk])
    words = {"name": other.name, "when": format_when(leaves_at(other), pacing.zone(), get_language())}
    if not count:
        return [Conflict("close", _("Close to “%(name)s”.") % words, url)]
    number = audience.shared_with(message, other)
    if not number:
        return []
    words["people"] = format_number(number, get_language())
    if dated:
        said = ngettext(
            "%(people)s person gets “%(name)s” too, %(when)s.",
            "%(people)s people get “%(name)s” too, %(when)s.",
            number,
        )
    else:
        said = ngettext("%(people)s person gets “%(name)s” too.", "%(people)s people get “%(name)s” too.", number)
    return [Conflict("close", said % words, url)]


def _too_late(message, at):
    """A card that is over when the message leaves: a webinar that has begun, a round that is closed."""
    held = {"event": set(), "action": set()}
    for blocks in message.contents.values_list("blocks", flat=True):
        for block in blocks:
            if block["type"] in held:
                held[block["type"]].add(block["value"].get("webinar") or block["value"].get("round"))
    found = []
    for webinar in Webinar.objects.filter(pk__in=held["event"] - {None}, starts_at__lte=at):
        words = _("“%(name)s” begins before: %(when)s.")
        words %= {"name": webinar, "when": format_when(webinar.starts_at, webinar.zone, get_language())}
        found.append(Conflict("webinar", words, reverse("webinars:inspect", args=[webinar.pk])))
    rounds = Round.objects.filter(pk__in=held["action"] - {None}, deadline__lte=at).select_related("publication")
    for round_ in rounds:
        words = _("The deadline of “%(name)s” passes before: %(when)s.")
        words %= {"name": round_, "when": format_when(round_.deadline, round_.zone, get_language())}
        found.append(Conflict("deadline", words, reverse("rounds:inspect", args=[round_.pk])))
    return found
