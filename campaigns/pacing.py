"""How fast and on which days messages may leave: by provider, by the recipients' domain, by a new sending domain's age.

Counted in the database under a lock, so that all workers together keep to it (rule E4). On a quiet day nothing leaves.
"""

from datetime import date, datetime, time, timedelta
from email.utils import parseaddr
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from campaigns import audience
from campaigns.models import Allowance, Pace, QuietDay, WarmUp
from coalition.models import Address

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
KEPT = timedelta(days=3)
LOOK_AHEAD = 400  # days


class Limit(NamedTuple):
    """At most `most` in the window that began at `window`, to the mailboxes of a domain ("": to all)."""

    key: str
    domain: str
    most: int
    window: datetime
    until: datetime


class Waiting(NamedTuple):
    """Why nothing leaves just now, and until when: a quiet day by its name, or a limit."""

    why: str  # "quiet_day" or "pace"
    until: datetime
    day: QuietDay | None = None


# Days


def zone():
    """The coalition's own clock, by which its days begin."""
    return ZoneInfo(settings.TIME_ZONE)


def midnight(day):
    """When a day of the coalition begins."""
    return datetime.combine(day, time(), zone())


def quiet_day(message, moment=None):
    """The quiet day of a moment (now), on which a message may not leave; None where it may, or somebody waived it."""
    day = timezone.localdate(moment, zone())
    found = QuietDay.objects.filter(day=day).first()
    return None if found is None or message.waived("quiet_day") else found


def open_from(message, moment):
    """The first moment from `moment` on that lies on no quiet day: the same time of a later day."""
    if message.waived("quiet_day"):
        return moment
    local = moment.astimezone(zone())
    quiet = set(QuietDay.objects.filter(day__gte=local.date()).values_list("day", flat=True))
    while local.date() in quiet:
        local += DAY  # on the clock of the zone: the hour stays, whatever summer time does
    return local if local.date() != moment.astimezone(zone()).date() else moment


# While it is sending


RULES = """
SELECT EXISTS (SELECT 1 FROM campaigns_quietday WHERE day = %s),
    EXISTS (SELECT 1 FROM campaigns_pace) OR EXISTS (SELECT 1 FROM campaigns_warmup)
"""


def limits_for(message, wanted):
    """None without limits; else the most that may be claimed now: {"": in all, domain: of that domain}.

    `wanted`: how many would be taken. Call it inside the transaction of the claim and tell `count` what was taken; the
    rows it counts on stay locked until then.
    """
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(RULES, [timezone.localdate(now, zone())])
        quiet, paced = cursor.fetchone()
    if quiet and quiet_day(message, now):
        return {"": 0}
    if not paced or message.channel != Address.Channel.EMAIL:
        return None
    if not (limits := _limits(now)):
        return None
    room = {"": wanted}
    for limit, used in _locked(limits):
        room[limit.domain] = max(0, min(room.get(limit.domain, wanted), limit.most - used))
    return room


def count(message, taken):
    """Count what was claimed: {domain: number}, of every domain, under the locks of `limits_for`."""
    if message.channel != Address.Channel.EMAIL or not taken:
        return
    total = sum(taken.values())
    counted = [
        (limit.key, limit.window, number)
        for limit in _limits(timezone.now())
        if (number := taken.get(limit.domain, 0) if limit.domain else total)
    ]
    if not counted:
        return
    keys, windows, numbers = (list(column) for column in zip(*sorted(counted), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaigns_allowance (key, "window", used)
            SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::int[])
            ON CONFLICT (key, "window") DO UPDATE SET used = campaigns_allowance.used + excluded.used
            """,
            [keys, windows, numbers],
        )


def _limits(now):
    """The limits that hold at a moment, in the order of their keys."""
    day = timezone.localdate(now, zone())
    minute = now.replace(second=0, microsecond=0)
    today, tomorrow = midnight(day), midnight(day + DAY)
    found = []
    for pace in _paces():
        if pace.a_minute is not None:
            found.append(Limit(f"pace-{pace.pk}-minute", pace.domain, pace.a_minute, minute, minute + MINUTE))
        if pace.a_day is not None:
            found.append(Limit(f"pace-{pace.pk}-day", pace.domain, pace.a_day, today, tomorrow))
    for warm_up in _warm_ups():
        most = warm_up.most_on(day)
        if most is not None:
            found.append(Limit(f"warm-up-{warm_up.pk}", "", most, today, tomorrow))
    return sorted(found)


def _paces():
    return Pace.objects.filter(Q(provider="") | Q(provider=settings.EMAIL_PROVIDER))


def _warm_ups():
    """Of the domain that we send from."""
    return WarmUp.objects.filter(domain=sending_domain())


def sending_domain():
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2].lower()


def _locked(limits):
    """[(limit, used)], each row locked until the transaction ends: other workers wait here, in the same order."""
    keys, windows = [limit.key for limit in limits], [limit.window for limit in limits]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaigns_allowance (key, "window", used)
            SELECT k, w, 0 FROM unnest(%s::text[], %s::timestamptz[]) AS u(k, w)
            ON CONFLICT (key, "window") DO NOTHING
            """,
            [keys, windows],
        )
    rows = Allowance.objects.filter(key__in=keys, window__in=windows).order_by("key", "window").select_for_update()
    used = {(row.key, row.window): row.used for row in rows}
    return [(limit, used[limit.key, limit.window]) for limit in limits]


def _used(limits):
    keys, windows = [limit.key for limit in limits], {limit.window for limit in limits}
    rows = Allowance.objects.filter(key__in=keys, window__in=windows)
    used = {(row.key, row.window): row.used for row in rows}
    return [(limit, used.get((limit.key, limit.window), 0)) for limit in limits]


def waiting(message):
    """Why nothing of a message that is sending may leave just now; None where something may."""
    now = timezone.now()
    if day := quiet_day(message, now):
        return Waiting("quiet_day", open_from(message, midnight(day.day)), day)
    if message.channel != Address.Channel.EMAIL:
        return None
    full = [limit for limit, used in _used(_limits(now)) if used >= limit.most]
    for_all = [limit.until for limit in full if not limit.domain]
    if for_all:
        return Waiting("pace", max(for_all))
    due = message.deliveries.due()
    for limit in full:
        due = due.exclude(value__endswith=f"@{limit.domain}")
    return Waiting("pace", min(limit.until for limit in full)) if full and not due.exists() else None


def forget_old():
    """Drop what was used of windows that are long over."""
    Allowance.objects.filter(window__lt=timezone.now() - KEPT).delete()


# Before it begins


def finishes(message, total, begins=None):
    """When the last of `total` people's email leaves at the allowed pace, were nothing else on its way.

    None where nothing slows it, or where it would take longer than a year.
    """
    if message.channel != Address.Channel.EMAIL or not total:
        return None
    begins = begins or timezone.now()
    paces, warm_ups = list(_paces()), list(_warm_ups())
    if not paces and not warm_ups:
        return None
    numbers = audience.at_domains(message, {pace.domain for pace in paces if pace.domain})
    quiet = set() if message.waived("quiet_day") else set(QuietDay.objects.values_list("day", flat=True))
    used = {limit.key: used for limit, used in _used(_limits(timezone.now()))}
    latest = []
    for domain in {pace.domain for pace in paces} | ({""} if warm_ups else set()):
        number = numbers.get(domain, 0) if domain else total
        slow = [pace for pace in paces if pace.domain == domain]
        if number:
            latest.append(_last(begins, number, slow, [] if domain else warm_ups, quiet, used))
    return None if not latest or None in latest else max(latest)


def _last(begins, number, paces, warm_ups, quiet, used):
    """When the last of `number` leaves under some limits, day by day."""
    today: date = timezone.localdate(None, zone())
    first = timezone.localdate(begins, zone())
    a_minute = min((pace.a_minute for pace in paces if pace.a_minute is not None), default=None)
    for ahead in range(LOOK_AHEAD):
        day = first + ahead * DAY
        if day in quiet:
            continue
        opens = begins if day == first else midnight(day)
        rooms = [
            pace.a_day - (used.get(f"pace-{pace.pk}-day", 0) if day == today else 0)
            for pace in paces
            if pace.a_day is not None
        ]
        for warm_up in warm_ups:
            if (most := warm_up.most_on(day)) is not None:
                rooms.append(most - (used.get(f"warm-up-{warm_up.pk}", 0) if day == today else 0))
        if a_minute is not None:
            rooms.append(int((midnight(day + DAY) - opens) / MINUTE) * a_minute)
        room = max(0, min(rooms)) if rooms else number
        if number <= room:
            return opens + (MINUTE * -(-number // a_minute) if a_minute else timedelta())
        number -= room
    return None
