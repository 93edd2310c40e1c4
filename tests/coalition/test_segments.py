"""Segments: trees of criteria select exactly the people they say."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from campaigns.models import Answer, Choice, Delivery, Registration
from coalition import consent, segments
from coalition.models import Address, Consent, Import, ImportedRow, Person, Segment, Tagging
from tests import factories

pytestmark = pytest.mark.django_db


def named(tree):
    return sorted(person.given_name for person in segments.matching(tree))


@pytest.fixture
def everybody():
    """Five people, of whom one is in the bin."""
    make = factories.PersonFactory
    ana = make(
        given_name="Ana", language="es", city="Springfield", zip="01103", email="ana@x.example.org", opted_in=True
    )
    ben = make(given_name="Ben", language="en", city="Boston", zip="02108", email="ben@x.example.org")
    cam = make(
        given_name="Cam", language="en", city="boston", state="MN", zip="55101", phone="+14135550123", opted_in=True
    )
    dia = make(given_name="Dia", language="es", zip="01104-1234", email="dia@x.example.org", opted_in=True)
    consent.withdraw("email", "dia@x.example.org", source=Consent.Source.STAFF)
    make(given_name="Eve", language="es", email="eve@x.example.org", opted_in=True, binned_at=timezone.now())
    return {"ana": ana, "ben": ben, "cam": cam, "dia": dia}


def test_no_segment_and_an_empty_one_are_everybody_present(everybody):
    assert sorted(p.given_name for p in segments.people()) == ["Ana", "Ben", "Cam", "Dia"]
    assert named({}) == named({"all": []}) == named({"any": []}) == named({"all": [{"none": []}]})
    assert named({}) == ["Ana", "Ben", "Cam", "Dia"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"is": "language", "value": "es"}, ["Ana", "Dia"]),
        ({"is": "language", "value": "es", "not": True}, ["Ben", "Cam"]),
        ({"is": "state", "value": ["MN"]}, ["Cam"]),
        ({"is": "state", "value": ["MN", "MA"]}, ["Ana", "Ben", "Cam", "Dia"]),
        ({"is": "city", "value": "BOSTON"}, ["Ben", "Cam"]),
        ({"is": "city", "value": "Boston, springfield"}, ["Ana", "Ben", "Cam", "Dia"]),
        ({"is": "zip", "value": "01103"}, ["Ana"]),
        ({"is": "zip", "value": "011*, 55101"}, ["Ana", "Cam", "Dia"]),
        ({"is": "zip", "value": "01104"}, ["Dia"]),
        ({"is": "zip", "value": "9"}, []),
        ({"is": "email", "value": "open"}, ["Ana"]),
        ({"is": "email", "value": "withdrawn"}, ["Dia"]),
        ({"is": "email", "value": "none"}, ["Ben"]),
        ({"is": "email", "value": "missing"}, ["Cam"]),
        ({"is": "text", "value": "open"}, ["Cam"]),
        ({"is": "text", "value": "missing"}, ["Ana", "Ben", "Dia"]),
    ],
)
def test_each_criterion_selects_its_people(everybody, part, expected):
    assert segments.problems({"all": [part]}) == []
    assert named({"all": [part]}) == expected


def test_groups_nest(everybody):
    spanish, boston, reachable = (
        {"is": "language", "value": "es"},
        {"is": "city", "value": "Boston"},
        {"is": "email", "value": "open"},
    )
    assert named({"any": [boston, {"all": [spanish, reachable]}]}) == ["Ana", "Ben", "Cam"]
    assert named({"all": [spanish, {"none": [reachable, boston]}]}) == ["Dia"]
    assert named({"none": [spanish, boston]}) == []


def test_an_address_that_does_not_work_is_not_reachable(everybody):
    consent.mark_fault("email", "ana@x.example.org", Address.Fault.BOUNCED)
    assert named({"all": [{"is": "email", "value": "open"}]}) == []
    assert named({"all": [{"is": "email", "value": "fault"}]}) == ["Ana"]


def test_tags_by_any_of_several(everybody):
    one, two, three = (factories.TagFactory() for _ in range(3))
    Tagging.objects.create(person=everybody["ana"], tag=one)
    Tagging.objects.create(person=everybody["ana"], tag=two)
    Tagging.objects.create(person=everybody["ben"], tag=two)
    Tagging.objects.create(person=everybody["cam"], tag=three)
    assert named({"all": [{"is": "tag", "value": [one.pk, two.pk]}]}) == ["Ana", "Ben"]
    assert named({"all": [{"is": "tag", "value": one.pk}]}) == ["Ana"]
    assert named({"all": [{"is": "tag", "value": [one.pk]}, {"is": "tag", "value": [two.pk]}]}) == ["Ana"]


def test_who_speaks_for_an_organization(everybody):
    union = factories.OrganizationFactory()
    factories.RepresentativeFactory(organization=union, person=everybody["ben"], role="communications")
    factories.RepresentativeFactory(person=everybody["cam"])
    assert named({"all": [{"is": "organization"}]}) == ["Ben", "Cam"]
    assert named({"all": [{"is": "organization", "value": {"organizations": [union.pk]}}]}) == ["Ben"]
    assert named({"all": [{"is": "organization", "value": {"role": "signatory"}}]}) == ["Cam"]


def test_came_with_an_import_and_added_since(everybody):
    batch = Import.objects.create(name="people.csv", state=Import.State.DONE)
    ImportedRow.objects.create(batch=batch, line=2, outcome="new", person=everybody["cam"])
    assert named({"all": [{"is": "import", "value": batch.pk}]}) == ["Cam"]
    Person.objects.filter(pk=everybody["ana"].pk).update(
        created_at=datetime(2026, 3, 1, 23, 30, tzinfo=ZoneInfo("America/New_York"))
    )
    assert named({"all": [{"is": "joined", "value": {"until": "2026-03-01"}}]}) == ["Ana"]
    assert named({"all": [{"is": "joined", "value": {"since": "2026-03-02"}}]}) == ["Ben", "Cam", "Dia"]


def test_campaigns_add_criteria_of_their_own(everybody):
    message = factories.MessageFactory(channel="phone", state="sent")
    yes, no = (Choice.objects.create(message=message, label=label, words=label) for label in ("YES", "NO"))
    Answer.objects.create(message=message, person=everybody["ana"], choice=yes, at=timezone.now())
    Answer.objects.create(message=message, person=everybody["ben"], choice=no, at=timezone.now())
    for who, state in (("ana", "delivered"), ("ben", "sent"), ("cam", "held"), ("dia", "bounced")):
        Delivery.objects.create(message=message, person=everybody[who], value=who, language="en", state=state)
    webinar = factories.WebinarFactory()
    for who, state in (("dia", "registered"), ("cam", "cancelled")):
        Registration.objects.create(webinar=webinar, person=everybody[who], language="es", state=state, nonce=who)
    assert named({"all": [{"is": "answered", "value": {"message": message.pk}}]}) == ["Ana", "Ben"]
    assert named({"all": [{"is": "answered", "value": {"choice": yes.pk}}]}) == ["Ana"]
    assert named({"all": [{"is": "got", "value": message.pk}]}) == ["Ana", "Ben"]
    assert named({"all": [{"is": "registered", "value": webinar.pk}]}) == ["Dia"]


@pytest.mark.parametrize(
    "tree",
    [
        ["all"],
        "all",
        {"some": []},
        {"all": {}},
        {"all": [], "any": []},
        {"all": ["language"]},
        {"all": [{"is": "shoe size", "value": 9}]},
        {"all": [{"is": "language", "value": "tlh"}]},
        {"all": [{"is": "language"}]},
        {"all": [{"is": "tag", "value": [999]}]},
        {"all": [{"is": "tag", "value": []}]},
        {"all": [{"is": "zip", "value": "Main St"}]},
        {"all": [{"is": "city", "value": " , "}]},
        {"all": [{"is": "joined", "value": {}}]},
        {"all": [{"is": "answered", "value": {}}]},
        {"none": [{"is": "tag", "value": [999]}]},
        {"all": [{"all": [{"all": [{"all": [{"all": [{"all": []}]}]}]}]}]},
        {"all": [{"is": "language", "value": "es"}] * 101},
    ],
)
def test_a_segment_with_a_problem_says_so_and_reaches_nobody(everybody, tree):
    assert len(segments.problems(tree)) == 1
    assert list(segments.matching(tree)) == []


def test_it_compiles_without_joins_or_distinct():
    tag = factories.TagFactory()
    tree = {"any": [{"is": "tag", "value": [tag.pk]}, {"is": "email", "value": "open"}, {"is": "organization"}]}
    sql = str(segments.matching({"any": [part for part in tree["any"] if part["is"] != "organization"]}).query)
    assert "JOIN" not in sql
    assert "DISTINCT" not in sql
    assert sql.count("EXISTS") == 2


def test_a_segment_reads_as_words(everybody):
    tag = factories.TagFactory(name="Educator")
    tree = {"all": [{"is": "tag", "value": [tag.pk], "not": True}, {"any": [{"is": "zip", "value": "011 021"}]}]}
    said = segments.describe(tree)
    assert [str(said["label"]), said["parts"][0]["words"], said["parts"][0]["not"]] == [
        "All of these",
        "Educator",
        True,
    ]
    assert said["parts"][1]["parts"][0]["words"] == "011, 021"
    assert segments.describe({"all": [{"is": "nothing"}]})["parts"][0]["problem"] == (
        "“nothing” is not something a segment can ask."
    )


def test_a_segment_says_where_it_is_used():
    segment = Segment.objects.create(name="Spanish readers", criteria={"all": [{"is": "language", "value": "es"}]})
    message = factories.MessageFactory(included=[segment])
    factories.MessageFactory()
    assert segments.used_by(segment) == [message]
