"""Forecast: what a partner's own history says about the answer that it still owes, by plain rules in plain words.

Nothing is learned and nothing is weighed: each line says what it goes by. Who was never asked before has no forecast.
"""

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connection
from django.db.models import Count, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from coalition.models import Ask, Organization

# Every round that ended, or in which it answered, as days from being asked; a partner's "needs time" is no answer yet.
HABITS = """
WITH asked AS (
    SELECT i.organization_id, i.round_id, r.deadline, min(i.invited_at) AS at
    FROM coalition_invitation i JOIN coalition_round r ON r.id = i.round_id
    WHERE i.organization_id = ANY(%(organizations)s) AND i.round_id <> %(but)s
    GROUP BY i.organization_id, i.round_id, r.deadline
), first AS (
    SELECT DISTINCT ON (d.organization_id, d.round_id) d.organization_id, d.round_id, d.at, d.choice, d.late
    FROM coalition_decision d
    WHERE d.organization_id = ANY(%(organizations)s) AND d.round_id <> %(but)s AND d.choice <> 'time'
    ORDER BY d.organization_id, d.round_id, d.id
), history AS (
    SELECT asked.organization_id, first.choice, first.at IS NOT NULL AS answered,
           first.late OR first.at > asked.deadline AS late,
           greatest(extract(epoch FROM first.at - asked.at), 0) / 86400 AS days
    FROM asked LEFT JOIN first USING (organization_id, round_id)
    WHERE first.at IS NOT NULL OR asked.deadline < %(now)s
)
SELECT organization_id,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY days) FILTER (WHERE answered),
       max(days) FILTER (WHERE answered),
       count(*) FILTER (WHERE answered),
       count(*) FILTER (WHERE late),
       count(*) FILTER (WHERE NOT answered),
       count(*) FILTER (WHERE choice = 'sign' AND NOT late)
FROM history GROUP BY organization_id
"""


@dataclass(frozen=True)
class Habit:
    """How a partner has answered so far, in rounds; and how often it was written to, in messages.

    `median_days` and `slowest_days` run from being asked to the first answer; None where it never answered.
    `answered` holds the `late` ones too; `signed` counts those in time. `asks_30`: in the last 30 days.
    """

    median_days: float | None = None
    slowest_days: float | None = None
    answered: int = 0
    late: int = 0
    never: int = 0
    signed: int = 0
    asks_30: int = 0
    asks_90: int = 0

    @property
    def rounds(self):
        return self.answered + self.never

    @property
    def is_new(self):
        """Whether there is nothing to go by."""
        return self.rounds == 0


def habits(organizations, *, but=None, at=None):
    """{key: Habit} of these organizations (records or keys), each of them; two queries. `but`: a round left aside."""
    at = at or timezone.now()
    keys = [getattr(organization, "pk", organization) for organization in organizations]
    with connection.cursor() as cursor:
        cursor.execute(HABITS, {"organizations": keys, "but": but.pk if but else 0, "now": at})
        answers = {pk: row for pk, *row in cursor.fetchall()}
    asks = {pk: row for pk, *row in _asks(keys, at)}
    names = ("median_days", "slowest_days", "answered", "late", "never", "signed")
    return {
        pk: Habit(
            **dict(zip(names, map(_plain, answers.get(pk, [None, None, 0, 0, 0, 0])), strict=True)),
            **dict(zip(("asks_30", "asks_90"), asks.get(pk, (0, 0)), strict=True)),
        )
        for pk in keys
    }


def _plain(value):
    return value if value is None or isinstance(value, int) else float(value)


def _asks(keys, at):
    since = {days: Q(at__gt=at - timedelta(days=days)) for days in (30, 90)}
    held = Ask.objects.filter(since[90], organization__in=keys, at__lte=at).order_by()
    return held.values_list("organization").annotate(in_30=Count("pk", filter=since[30]), in_90=Count("pk"))


# What it says about one round


class Kind(StrEnum):
    NEW = "new"
    ON_TIME = "on_time"
    LATE = "late"


@dataclass(frozen=True)
class Forecast:
    """What to expect of a partner that owes an answer. `words` say what it goes by; `chance` of a signature in time."""

    kind: Kind
    words: str
    habit: Habit
    chance: float = 0.0


def expect(habit, *, asked_at, deadline, at=None):
    """The Forecast of a partner asked at a moment, by these rules, the first that holds:

    new: it was never asked before. Likely late: more than half of at least two rounds late or never answered; or it
    already takes longer than it ever took; or what it usually still needs is more than what is left. Else in time.
    """
    at = at or timezone.now()
    if habit.is_new:
        return Forecast(Kind.NEW, _("First time asked: no forecast."), habit)
    waited, left = _days(at - asked_at), _days(deadline - at)
    missed = habit.late + habit.never
    if habit.median_days is None or (habit.rounds > 1 and missed * 2 > habit.rounds):
        return Forecast(Kind.LATE, _missed(missed, habit.rounds), habit)
    if waited > habit.slowest_days + 1:
        words = ngettext(
            "Never took longer than %(slowest)s day; it has had %(waited)s.",
            "Never took longer than %(slowest)s days; it has had %(waited)s.",
            whole(habit.slowest_days),
        )
        said = {"slowest": whole(habit.slowest_days), "waited": math.floor(waited)}
        return Forecast(Kind.LATE, words % said, habit)
    late = max(habit.median_days - waited, 0) > left
    words = f"{_usual(habit)} {_left(left)}"
    return Forecast(Kind.LATE if late else Kind.ON_TIME, words, habit, 0.0 if late else habit.signed / habit.rounds)


def _usual(habit):
    usual = whole(habit.median_days)
    return ngettext("Usually answers after %(usual)s day.", "Usually answers after %(usual)s days.", usual) % {
        "usual": usual
    }


def _left(left):
    left = max(math.floor(left), 0)
    return ngettext("%(left)s day is left.", "%(left)s days are left.", left) % {"left": left}


def _missed(missed, rounds):
    return ngettext(
        "Late or silent in %(missed)s of %(rounds)s round.",
        "Late or silent in %(missed)s of %(rounds)s rounds.",
        rounds,
    ) % {"missed": missed, "rounds": rounds}


def _days(span):
    return span / timedelta(days=1)


def whole(days):
    """Days as people say them: at least one."""
    return max(round(days), 1)


# A whole round


def of_lines(round_, lines):
    """{organization's key: Forecast} of lines of a board that are not decided; two queries, none without lines."""
    if not lines:
        return {}
    found = habits([line.organization for line in lines], but=round_)
    return {
        line.organization.pk: expect(
            found[line.organization.pk],
            asked_at=min(invitation.invited_at for invitation in line.invitations),
            deadline=round_.deadline,
        )
        for line in lines
    }


@dataclass(frozen=True)
class Expected:
    """What is to be expected of the partners that owe an answer: [Partner], the likely late first."""

    partners: list

    @property
    def counts(self):
        """{Kind: how many}."""
        return Counter(partner.forecast.kind for partner in self.partners)

    @property
    def more(self):
        """How many more signatures the partners with a forecast are likely to give in time."""
        return round(sum(partner.forecast.chance for partner in self.partners))


@dataclass(frozen=True)
class Partner:
    organization: Organization
    asked_at: datetime
    forecast: Forecast


def of(round_, board):
    """What to Expect of a round at its deadline; `board` is its `counting.Board`. A fixed number of queries."""
    undecided = list(board.partners().filter(has_decided=False))
    first = round_.invitations.order_by().values_list("organization").annotate(Min("invited_at"))
    asked = dict(first)
    found = habits(undecided, but=round_)
    partners = [
        Partner(
            organization,
            asked[organization.pk],
            expect(found[organization.pk], asked_at=asked[organization.pk], deadline=round_.deadline),
        )
        for organization in undecided
    ]
    order = [Kind.LATE, Kind.NEW, Kind.ON_TIME]
    return Expected(sorted(partners, key=lambda partner: order.index(partner.forecast.kind)))
