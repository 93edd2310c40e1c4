"""How many there are, in time for somebody who waits: counted where that is quick, else drawn from a sample.

A sample is taken at even distances over the primary keys, so what was added together does not weigh more; the same
question gets the same answer.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from django.contrib.postgres.aggregates import ArrayAgg
from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Count, Exists, Max, Min, OuterRef
from django.db.models.expressions import RawSQL
from django.db.utils import OperationalError
from psycopg.errors import QueryCanceled

from coalition.models import Address

COUNTING = 0.04  # seconds for an exact count; a page that waits for a first number asks again for the exact one
SAMPLING = 0.08  # seconds for a sample
# A sample of families of neighbouring keys: neighbours stand on the same pages, so more are looked at in the time.
RUN = 4
RUNS = (200, 800)  # a few first, and more where those were quick
FEW = 2_000  # people that are looked at one by one
MANY = 10_000  # a sample that says more than this is believed: nobody waits for the last digits


class TooSlow(Exception):
    """A query did not end in the time it was given."""


@dataclass(frozen=True)
class Size:
    """A number, and whether it was counted: what was not is said as "about"."""

    number: int
    exact: bool = True

    @property
    def rounded(self):
        """To two digits where it is an estimate: more would say what nobody knows."""
        if self.exact or self.number < 100:
            return self.number
        digit = 10 ** (len(str(self.number)) - 2)
        return round(self.number / digit) * digit


@contextmanager
def at_most(seconds):
    """Queries inside end in this time, or TooSlow is raised. Compiling a plan costs more than it saves here."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('jit')")
            timeout, jit = cursor.fetchone()
            put = "SELECT set_config('statement_timeout', %s, true), set_config('jit', %s, true)"
            cursor.execute(put, [f"{max(1, int(seconds * 1000))}ms", "off"])
            yield
            cursor.execute(put, [timeout, jit])
    except OperationalError as stopped:
        if isinstance(stopped.__cause__, QueryCanceled):
            raise TooSlow from None
        raise


def size(rows, *, within=COUNTING):
    """How many rows a query finds: exact where counting ends `within` seconds, else about."""
    rows = rows.order_by()
    try:
        with at_most(within):
            return Size(rows.count())
    except TooSlow:
        return about(rows)


def about(rows):
    """How many rows a query finds, from a small sample."""
    return _sampled(rows, sizes=RUNS[:1])["number"]


def _is_small(model):
    """Whether a table has so few rows that a sample would be all of them."""
    return _draw(model, RUNS[-1])[1] == 1


def _draw(model, runs):
    """(a subquery of evenly spread primary keys, how many rows each stands for)."""
    ends = model._base_manager.aggregate(first=Min("pk"), last=Max("pk"))
    first, width = ends["first"] or 0, (ends["last"] or 0) - (ends["first"] or 0) + 1
    each = max(1, width // (runs * RUN))
    distance = each * RUN
    jump = f"mod(hashint8extended(run, 1) & 2147483647, {distance - RUN + 1})"
    spot = f"{first} + run * {distance} + {jump} + beside"
    series = f"generate_series(0, {width // distance}) run, generate_series(0, {RUN - 1}) beside"
    return RawSQL(f"SELECT {spot} FROM {series}", []), each  # noqa: S608, S611 – numbers of our own


def _sampled(rows, sizes=RUNS, **counts):
    """The number of rows and other counts, from a sample, and the keys that were met there.

    Where even that takes too long: what the planner expects of the number, None for the rest, and no keys.
    """
    found, begun = None, monotonic()
    for runs in sizes:
        keys, every = _draw(rows.model, runs)
        try:
            with at_most(SAMPLING - (monotonic() - begun)):
                met = {"met": ArrayAgg("pk", default=[]), "number": Count("pk")}
                found, each = rows.filter(pk__in=keys).aggregate(**met, **counts), every
        except TooSlow:
            break
        if each == 1 or (monotonic() - begun) * 3 > SAMPLING:
            break
    if found is None:
        return dict.fromkeys(counts) | {"number": Size(_expected(rows), exact=False), "met": []}
    met = found.pop("met")
    said = {name: Size(number * each, exact=each == 1) for name, number in found.items()}
    if not found["number"] and each > 1:  # too few to be met; never "none"
        said["number"] = Size(min(max(1, _expected(rows)), each), exact=False)
    return said | {"met": met}


def _expected(rows):
    """How many rows the planner expects a query to find."""
    try:
        sql, params = rows.values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        plan = cursor.fetchone()[0]
    return int(plan[0]["Plan"]["Plan Rows"])


@dataclass(frozen=True)
class Found:
    """What a question about people finds: how many, how many of them can be written to, and some of them."""

    people: Size
    email: Size | None  # None: not known in time
    text: Size | None
    sample: list


def reach():
    """How many of the people found may be written to by each channel, for `aggregate`."""
    open_ = Address.objects.open().filter(primary=True, person=OuterRef("pk"))
    return {
        channel: Count("pk", filter=Exists(open_.filter(channel=kind)))
        for channel, kind in (("email", Address.Channel.EMAIL), ("text", Address.Channel.PHONE))
    }


def look(people, *, some=5, within=COUNTING):
    """What a query over people finds, in time for somebody who builds a segment. `some`: how many to show."""
    people, everybody = people.order_by(), people.model._base_manager
    number, met, figures = None, [], {}
    small = _is_small(people.model)
    if not small and _expected(people) > MANY:
        number, met, figures = _looked(people)
    if number is None or number.number <= MANY:
        try:
            with at_most(within):
                counted = people.aggregate(met=ArrayAgg("pk", default=[]), number=Count("pk"))
        except TooSlow:
            if number is None:
                number, met, figures = _looked(people)
        else:
            number, met = Size(counted["number"]), sorted(counted["met"])
            if number.number <= FEW or small:
                reached = everybody.filter(pk__in=met).aggregate(**reach())
                figures = {name: Size(people_reached) for name, people_reached in reached.items()}
            elif not figures:
                figures = _looked(people)[2]
    figures = figures or dict.fromkeys(reach())
    sample = everybody.filter(pk__in=sorted(met)[-some:]).order_by("-pk") if some and met else []
    return Found(number, sample=list(sample), **figures)


def _looked(people):
    """(number, keys that were met, how many can be reached) from a sample."""
    figures = _sampled(people, **reach())
    return figures.pop("number"), figures.pop("met"), figures
