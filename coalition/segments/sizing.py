"""How many there are, in time for somebody who waits: counted where that is quick, else drawn from a sample.

A sample is taken at even distances over the primary keys, so what was added together does not weigh more; the same
question gets the same answer.
"""

from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Count, Exists, Max, OuterRef
from django.db.models.expressions import RawSQL
from django.db.utils import OperationalError
from psycopg.errors import QueryCanceled

from coalition.models import Address

COUNTING = 0.15  # seconds for an exact count, then
SAMPLING = 0.12  # seconds for a sample
SAMPLED = 8_000  # primary keys that a sample looks up
FEW = 2_000  # people that are looked at one by one


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
            cursor.execute(put, [f"{int(seconds * 1000)}ms", "off"])
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
        return _sampled(rows, number=Count("pk"))["number"]


def _draw(model):
    """(a subquery of evenly spread primary keys, how many rows each stands for)."""
    top = model._base_manager.aggregate(top=Max("pk"))["top"] or 0
    step = max(1, top // SAMPLED)
    drawn = "SELECT n * %s + (hashint8extended(n, 1) & 2147483647) %% %s FROM generate_series(0, %s) n"
    return RawSQL(drawn, [step, step, top // step]), step  # noqa: S611


def _sampled(rows, **counts):
    """Counts over a sample, made as large as the whole; where even that takes too long, what the planner expects."""
    keys, each = _draw(rows.model)
    try:
        with at_most(SAMPLING):
            found = rows.filter(pk__in=keys).aggregate(**counts)
        return {name: Size(number * each, exact=each == 1) for name, number in found.items()}
    except TooSlow:
        return dict.fromkeys(counts, Size(_expected(rows), exact=False))


def _expected(rows):
    """How many rows the planner expects a query to find."""
    sql, params = rows.values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        plan = cursor.fetchone()[0]
    return int(plan[0]["Plan"]["Plan Rows"])


@dataclass(frozen=True)
class Found:
    """What a question about people finds: how many, how many of them can be written to, and some of them."""

    people: Size
    email: Size
    text: Size
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
    people = people.order_by()
    number = size(people, within=within)
    if number.exact and number.number <= FEW:
        keys = sorted(people.values_list("pk", flat=True), reverse=True)
        few = people.model._base_manager.filter(pk__in=keys)
        figures = {name: Size(number) for name, number in few.aggregate(**reach()).items()}
        sample = few.filter(pk__in=keys[:some]).order_by("-pk") if some else []
        return Found(number, sample=list(sample), **figures)
    figures = _sampled(people, **reach())
    sample = []
    try:
        with at_most(SAMPLING):
            sample = list(people.order_by("-created_at", "-pk")[:some]) if some else []
    except TooSlow:
        pass
    return Found(number, sample=sample, **figures)
