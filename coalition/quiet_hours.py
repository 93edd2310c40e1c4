"""Quiet hours: a text leaves only while the recipient's own clock allows it, in every zone that may be theirs (S7)."""

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

SUNDAY = 6
LOOK_AHEAD = timedelta(days=8)


@lru_cache(maxsize=200)
def _zone(name):
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # a zone that came in with a file
        return ZoneInfo(settings.TIME_ZONE)


def _window(installation, day, zone):
    """(opens, closes) of a day on the clock of a zone; None when that day has no window."""
    sunday = day.weekday() == SUNDAY
    opens = max(installation.quiet_until, installation.quiet_until_sunday) if sunday else installation.quiet_until
    if opens >= installation.quiet_from:
        return None
    return datetime.combine(day, opens, zone), datetime.combine(day, installation.quiet_from, zone)


def _opens(installation, moment, zone):
    """The first moment from `moment` on at which one zone allows a text; None within LOOK_AHEAD there is none."""
    first = moment.astimezone(zone).date()
    for ahead in range(LOOK_AHEAD.days + 1):
        window = _window(installation, first + timedelta(days=ahead), zone)
        if window and moment < window[1]:
            return max(moment, window[0])
    return None


def next_allowed(installation, zones, now):
    """When a text may leave: `now`, a later moment, or None when the zones have no hour in common."""
    zones = [_zone(name) for name in zones]
    moment = now
    while moment is not None and moment - now <= LOOK_AHEAD:
        opened = [_opens(installation, moment, zone) for zone in zones]
        if None in opened:
            return None
        later = max(opened)
        if later <= moment:
            return moment
        moment = later
    return None
