"""A partner's own limit: how often it may be written to about signing in a calendar month, over all rounds.

The month is that of the coalition's own clock. What was written is counted from `Ask`, an email and a text each once.
Asking again after a material amendment counts too, but is always sent: whoever signed must hear of it (rule G2).
"""

import datetime

from django.db.models import Count
from django.utils import timezone

from coalition.models import Ask, Installation, Organization, Policy


def month_of(at=None):
    """(first moment, first day of the next month) of the month of `at`, on the coalition's clock."""
    start = timezone.localtime(at).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = (start.date() + datetime.timedelta(days=32)).replace(day=1)
    return start, after


def asks_in_month(organizations, at=None):
    """{organization pk: how often it was written to in the month of `at`}, one query; who never was is missing."""
    start, after = month_of(at)
    end = datetime.datetime.combine(after, datetime.time(), start.tzinfo)
    asks = Ask.objects.filter(organization__in=_keys(organizations), at__gte=start, at__lt=end)
    return dict(asks.order_by().values_list("organization").annotate(Count("pk")))


def limits(organizations):
    """{organization pk: how many asks a month it allows}: its own word, else the coalition's; None without a limit."""
    keys = _keys(organizations)
    own = Policy.objects.filter(organization__in=keys).exclude(asks_a_month=None)
    return dict.fromkeys(keys, Installation.get().asks_a_month) | dict(own.values_list("organization", "asks_a_month"))


def left(organizations, at=None):
    """{organization pk: how often it may still be written to this month}; None without a limit. Three queries."""
    allowed = limits(organizations)
    used = asks_in_month(allowed, at)
    return {pk: None if limit is None else max(limit - used.get(pk, 0), 0) for pk, limit in allowed.items()}


def held_until(organizations, at=None):
    """{organization pk: the first day on which it may be written to again, None where it may be now}."""
    _start, after = month_of(at)
    return {pk: after if number == 0 else None for pk, number in left(organizations, at).items()}


class Allowance:
    """What may still be written this month, counted down while it is written; its organizations are held meanwhile."""

    def __init__(self, organizations, at=None):
        self.left = left(organizations, at)
        self.next_month = month_of(at)[1]

    @classmethod
    def locked(cls, organizations, at=None):
        """As it stands once nobody else can write to these organizations; part of a transaction."""
        keys = sorted(set(_keys(organizations)))
        list(Organization.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk").values_list("pk"))
        return cls(keys, at)

    def take(self, organization_id):
        """Whether one more may be written; counts it."""
        number = self.left.get(organization_id)
        if number is not None:
            self.left[organization_id] = max(number - 1, 0)
        return number != 0


def _keys(organizations):
    return [getattr(organization, "pk", organization) for organization in organizations]
