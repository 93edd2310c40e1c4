"""Custom fields as criteria of segments: right for who has a value and who has none, also turned round."""

import datetime

import pytest
from django.db import connection
from django.utils import timezone

from coalition import defining, segments
from coalition.models import CustomField, Person
from tests import factories

pytestmark = pytest.mark.django_db
CHOICES = [{"label": {"en": "Red", "es": "Rojo"}}, {"label": {"en": "Green", "es": "Verde"}}]


def person(name, **custom):
    return factories.PersonFactory(name=name, custom=custom)


def define(kind, key="own", **kwargs):
    return defining.define(subject="person", kind=kind, label={"en": "Own", "es": "Propio"}, key=key, **kwargs)


def found(value, turned=False, key="own"):
    part = {"is": f"field:{key}", "value": value} | ({"not": True} if turned else {})
    tree = {"all": [part]}
    assert segments.problems(tree) == []
    return sorted(segments.matching(tree).values_list("name", flat=True))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"how": "contains", "words": "LINC"}, ["ana", "ben"]),
        ({"how": "contains", "words": "100%"}, []),
        ({"how": "is", "words": "Lincoln"}, ["ana"]),
        ({"how": "filled"}, ["ana", "ben"]),
        ({"how": "empty"}, ["cam"]),
    ],
)
def test_text(value, expected):
    define("text")
    person("ana", own="Lincoln"), person("ben", own="New Lincoln School"), person("cam")
    assert found(value) == expected
    assert found(value, turned=True) == sorted({"ana", "ben", "cam"} - set(expected))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"least": "2"}, ["ben", "cam"]),
        ({"most": "1,5"}, ["ana"]),
        ({"least": "1.5", "most": "10"}, ["ana", "ben"]),
        ({"least": "0", "most": "1"}, []),
    ],
)
def test_number(value, expected):
    define("number")
    person("ana", own=1.5), person("ben", own=10), person("cam", own=11), person("dan")
    assert found(value) == expected
    assert found(value, turned=True) == sorted({"ana", "ben", "cam", "dan"} - set(expected))


def test_date():
    define("date")
    today = timezone.localdate()
    day = lambda days: (today + datetime.timedelta(days=days)).isoformat()  # noqa: E731
    person("ana", own=day(-10)), person("ben", own=day(0)), person("cam", own=day(10)), person("dan")
    assert found({"when": "between", "since": day(-10), "until": day(0)}) == ["ana", "ben"]
    assert found({"when": "between", "until": day(-1)}) == ["ana"]
    assert found({"when": "past", "days": 10}) == ["ana", "ben"]
    assert found({"when": "past", "days": 9}) == ["ben"]
    assert found({"when": "coming", "days": 10}) == ["ben", "cam"]
    assert found({"when": "coming", "days": 10}, turned=True) == ["ana", "dan"]
    assert [found({"when": when}) for when in ("filled", "empty")] == [["ana", "ben", "cam"], ["dan"]]
    for unfinished in ({"when": "past"}, {"when": "between"}, {"when": "between", "since": day(1), "until": day(0)}):
        assert segments.problems({"all": [{"is": "field:own", "value": unfinished}]})


@pytest.mark.parametrize("kind", ["choice", "choices"])
def test_choices(kind):
    define(kind, choices=CHOICES)
    held = (lambda *keys: list(keys)) if kind == "choices" else (lambda *keys: keys[0])
    person("ana", own=held("red")), person("ben", own=held("green", "red")), person("cam")
    assert found(["green"]) == ["ben"]
    assert found(["red", "green"]) == ["ana", "ben"]
    assert found(["red", "green"], turned=True) == ["cam"]


def test_yes_no():
    define("yes_no")
    person("ana", own=True), person("ben", own=False), person("cam")
    assert [found(value) for value in ("yes", "no", "empty")] == [["ana"], ["ben"], ["cam"]]
    assert found("yes", turned=True) == ["ben", "cam"]


def test_a_key_that_django_knows_otherwise_is_only_a_key():
    define("number", key="contains"), define("text", key="isnull")
    person("ana", contains=3, isnull="x")
    assert found({"least": "3"}, key="contains") == ["ana"]
    assert found({"how": "is", "words": "x"}, key="isnull") == ["ana"]


def test_sensitive_fields_and_those_of_organizations_are_no_criteria():
    define("text", key="health", sealed=True)
    defining.define(subject="organization", kind="text", label={"en": "Motto"}, key="motto")
    own = define("text")
    assert [key for key in segments.criteria() if key.startswith("field:")] == [f"field:{own.key}"]
    assert segments.criterion("field:health") is None
    assert segments.problems({"all": [{"is": "field:health", "value": {"how": "filled"}}]})


def test_a_retired_field_is_not_offered_and_a_saved_segment_still_asks_it():
    own = define("yes_no")
    person("ana", own=True)
    defining.retire(own)
    assert "field:own" not in segments.criteria()
    assert found("yes") == ["ana"]


def test_what_was_chosen_is_said_in_words():
    define("number", key="one"), define("date", key="two"), define("choice", key="three", choices=CHOICES)
    define("text", key="four")
    tree = {
        "all": [
            {"is": "field:one", "value": {"least": "1000"}},
            {"is": "field:two", "value": {"when": "past", "days": 1}},
            {"is": "field:three", "value": ["red"]},
            {"is": "field:four", "value": {"how": "contains", "words": "Linc"}},
        ]
    }
    assert [part["words"] for part in segments.describe(tree)["parts"]] == [
        "at least 1,000",
        "in the last 1 day",
        "Red",
        "contains “Linc”",
    ]


def test_choices_are_found_by_the_index():
    """With sequential scans made dear, the plan goes through the GIN index on the values."""
    field = define("choice", choices=CHOICES)
    people = Person.objects.filter(segments.criterion(f"field:{field.key}").condition({"value": ["red"]}))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        sql, params = people.order_by().values("pk").query.sql_with_params()
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "person_custom" in plan


def test_an_unfinished_criterion_asks_nothing_and_says_so():
    define("number")
    for value in ({}, {"least": ""}):
        assert segments.problems({"all": [{"is": "field:own", "value": value}]})
    assert segments.problems({"all": [{"is": "field:own", "value": {"least": "many"}}]}) == [
        "Own: Enter a number, such as 12 or 1.5"
    ]
    assert CustomField.objects.count() == 1
