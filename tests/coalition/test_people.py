"""Finding people: forgiving words, exact rows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from coalition.models import Address, Person
from coalition.models import people as models_of_people
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def five():
    make = factories.PersonFactory
    return [
        make(given_name="Zoë", family_name="García-Márquez", email="zoe.g@people.example.org", phone="+14135550142"),
        make(given_name="Lupe", family_name="Núñez O'Brien", email="lupe@people.example.org", phone="+16175559999"),
        make(given_name="Nguyễn", family_name="van der Berg", email="zo@else.example.org"),
        make(given_name="", family_name="", name="", email="unnamed@people.example.org"),
        make(given_name="José", family_name="García", email="j.lopez-22@lane.example.net"),
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("zoe", [0]),
        ("ZOË", [0]),
        ("garcia", [0, 4]),
        ("marquez zo", [0]),
        ("García-Márquez", [0]),
        ("nunez", [1]),
        ("o'brien", [1]),
        ("obrien", [1]),
        ("jose garcia", [4]),
        ("garcia, josé", [4]),
        ("example.org", [0, 1, 2, 3]),
        ("@else", [2]),
        ("lope", [4]),
        ("lopez lane", []),
        ("jose lane.example.net", [4]),
        ("jose people.example.org", []),
        ("617-555", [1]),
        ("lupe 617 555", [1]),
        ("zoe 617", []),
        ("z", []),
        ("nguyen berg", [2]),
        ("erg", []),
        ("zo", [0, 2]),
        ("zoe.g@people", [0]),
        ("ZOE.G@People.Example.org", [0]),
        ("unnamed@", [3]),
        ("(413) 555-0142", [0]),
        ("413 555", [0]),
        ("+1 413", [0]),
        ("555-01", [0]),
        ("0142", [0]),
        ("9999", [1]),
        ("413999", []),
        ("", [0, 1, 2, 3, 4]),
        ("   ", [0, 1, 2, 3, 4]),
        ("!?", []),
        ("zoe & !lupe | x:*", []),
        ("'); drop table", []),
    ],
)
def test_search_forgives(five, words, expected):
    assert sorted(p.pk for p in Person.objects.search(words)) == sorted(five[i].pk for i in expected)


def plan_of(words):
    """How a search looks up whom it is about."""
    with CaptureQueriesContext(connection) as asked:
        Person.objects.search(words)
    (query,) = asked.captured_queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {query['sql']}")
        return "\n".join(line for (line,) in cursor.fetchall())


def test_search_uses_the_indexes(five, django_assert_num_queries):
    # Enough rows, and fresh figures of them, that the planner has a reason to choose.
    crowd = Person.objects.bulk_create(Person(name=f"Somebody {n}", search=f"somebody {n}") for n in range(2000))
    Address.objects.bulk_create(
        Address(person=person, channel=channel, value=value)
        for n, person in enumerate(crowd)
        for channel, value in (("email", f"somebody{n}@people.example.org"), ("phone", f"+1617{n:07d}"))
    )
    with connection.cursor() as cursor:
        # What other tests wrote and took back waits in these indexes, and the planner counts it.
        cursor.execute("SELECT gin_clean_pending_list('person_search'), gin_clean_pending_list('address_email_words')")
        cursor.execute("ANALYZE coalition_person, coalition_address")
    plan = plan_of("garcia")
    assert "person_search" in plan
    assert "address_email_words" in plan
    plan = plan_of("555-0142")
    for index in ("address_value", "address_phone_end", "address_phone_local"):
        assert index in plan
    with django_assert_num_queries(2):  # who it is about, and they themselves
        list(Person.objects.search("zo"))


def test_a_common_word_is_not_looked_up_but_met(five, monkeypatch):
    monkeypatch.setattr(models_of_people, "RARE", 1)
    five[1].addresses.filter(channel="email").update(value="garcia@people.example.org")
    found = Person.objects.search("garcia")
    assert "EXISTS" in str(found.query)
    assert set(found) == {five[0], five[1], five[4]}
    assert set(Person.objects.search("555 garcia")) == {five[0], five[1]}
