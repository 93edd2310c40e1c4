"""Counting in time for somebody who waits: exact where that is quick, else about, and never a mistake for nobody."""

import pytest
from django.db import connection
from django.db.models import Func, IntegerField
from django.db.models.lookups import GreaterThan

from coalition import segments
from coalition.models import Person
from coalition.segments import sizing
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowd():
    """Two thousand, one in four of whom reads Spanish."""
    Person.objects.bulk_create(Person(name=f"P {n}", language="es" if n % 4 == 0 else "en") for n in range(2000))


def slow():
    """A condition that takes a moment for each person."""
    return GreaterThan(
        Func(0.0003, template="length(pg_sleep(%(expressions)s)::text)", output_field=IntegerField()), -1
    )


def test_what_is_counted_quickly_is_exact(crowd):
    assert segments.size(Person.objects.filter(language="es"), within=5) == segments.Size(500)
    assert segments.size(Person.objects.none()) == segments.Size(0)


def test_what_takes_too_long_is_about(crowd, monkeypatch):
    monkeypatch.setattr(sizing, "RUNS", (20,))
    monkeypatch.setattr(sizing, "SAMPLING", 20)
    found = segments.size(Person.objects.filter(slow()), within=0.05)
    assert not found.exact
    assert 1500 < found.number < 2500


def test_where_a_sample_takes_too_long_the_planner_says(crowd, monkeypatch):
    monkeypatch.setattr(sizing, "SAMPLING", 0.05)
    found = segments.look(Person.objects.filter(slow()), within=0.05)
    assert (found.people.exact, found.email, found.text, found.sample) == (False, None, None, [])


def test_a_query_that_was_stopped_leaves_the_connection_as_it_was(crowd):
    def settings():
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('jit')")
            return cursor.fetchone()

    before = settings()
    segments.size(Person.objects.all())
    assert settings() == before
    with pytest.raises(segments.TooSlow), segments.at_most(0.05):
        Person.objects.filter(slow()).count()
    assert settings() == before
    assert Person.objects.count() == 2000


def test_a_look_says_how_many_can_be_reached_and_shows_some(crowd):
    ana = factories.PersonFactory(language="es", city="Lowell", email=True, opted_in=True)
    ben = factories.PersonFactory(language="es", city="Lowell", phone=True)
    found = segments.look(Person.objects.filter(city="Lowell"))
    assert (found.people.number, found.email.number, found.text.number) == (2, 1, 0)
    assert found.sample == [ben, ana]
    assert segments.look(Person.objects.filter(city="Lowell"), some=0).sample == []


@pytest.mark.parametrize(
    ("number", "exact", "rounded"), [(123456, False, 120000), (123456, True, 123456), (87, False, 87), (0, False, 0)]
)
def test_an_estimate_is_said_to_two_digits(number, exact, rounded):
    assert segments.Size(number, exact).rounded == rounded
