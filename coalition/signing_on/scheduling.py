"""Propose our own deadline from the official one: working days for late answers and printing, time to decide before."""

import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext, ngettext

from coalition import languages
from coalition.models import Installation, Policy

END_OF_THE_DAY = datetime.time(17)


class Proposal(NamedTuple):
    """`deadline`: an aware moment, never after the official one; `why`: one sentence for the organizer."""

    deadline: datetime.datetime
    why: str


def propose_deadline(official, zone, organizations=(), *, at=None):
    """Our deadline for an official one: Installation.days_before_official working days (Monday to Friday) before.

    Fewer days before, down to one, where partners asked for more time to decide (Policy.lead_days) and that gives it
    to them; as many as are left where the official deadline is too near. By the clock of `zone`.
    """
    at = at or timezone.now()
    there, today = languages.local(official, zone), languages.local(at, zone).date()
    wanted = Installation.get().days_before_official
    days = [_working_days_before(there, number, zone) for number in range(wanted, 0, -1)] or [there]
    coming = [moment for moment in days if moment.date() > today] or [moment for moment in days if moment > at]
    if not coming:
        return Proposal(there, gettext("The official deadline is too near to leave a day before it."))
    needs = dict(
        Policy.objects.filter(organization__in=organizations, lead_days__gt=0)
        .order_by("lead_days", "organization__alphabetical")
        .values_list("organization__name", "lead_days")
    )
    most = (coming[-1].date() - today).days
    need = max((lead for lead in needs.values() if lead <= most), default=0)
    chosen = next(moment for moment in coming if (moment.date() - today).days >= min(need, most))
    return Proposal(chosen, _why(wanted - days.index(chosen), wanted, coming[0], chosen, needs, need))


def _working_days_before(moment, number, zone):
    day = moment.date()
    while number:
        day -= datetime.timedelta(days=1)
        number -= day.weekday() < 5
    return datetime.datetime.combine(day, min(END_OF_THE_DAY, moment.time()), ZoneInfo(zone))


def _why(number, wanted, first, chosen, needs, need):
    if not wanted:
        return gettext("The official deadline itself, as the coalition settings say.")
    said = ngettext(
        "%(number)s working day before the official deadline",
        "%(number)s working days before the official deadline",
        number,
    ) % {"number": number}
    if chosen != first:
        asked = languages.join_list(name for name, lead in needs.items() if lead == need)
        return gettext("%(before)s: the latest days, because %(partners)s asked for %(days)s days to decide.") % {
            "before": said,
            "partners": asked,
            "days": need,
        }
    if number < wanted:
        return gettext("%(before)s: there is no time for more.") % {"before": said}
    return gettext("%(before)s, as the coalition settings say.") % {"before": said}
