"""Each thing that a segment can ask, beyond the first ones; and segments inside segments."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from coalition import accounts, segments
from coalition.accounts import Role
from coalition.models import (
    Decision,
    Listing,
    Membership,
    PeopleList,
    Person,
    SavedView,
    Segment,
    Tagging,
    TagGroup,
    Version,
)
from coalition.segments import registry
from tests import factories

pytestmark = pytest.mark.django_db


def named(tree):
    assert segments.problems(tree) == []
    return sorted(person.given_name for person in segments.matching(tree))


def ask(key, value=None, **values):
    return named({"all": [{"is": key, "value": values if value is None else value}]})


def said(key, **values):
    return segments.describe({"all": [{"is": key, "value": values}]})["parts"][0]["sentence"]


@pytest.fixture
def four():
    make = factories.PersonFactory
    return {
        "ana": make(given_name="Ana", zip="01103", county="Hampden County"),
        "ben": make(given_name="Ben", zip="01105-1234", county=""),
        "cam": make(given_name="Cam", zip="02118", city="Boston", county="Suffolk County"),
        "dia": make(given_name="Dia", zip="55407", city="Minneapolis", state="MN"),
    }


def test_tags_all_of_them_and_by_group(four):
    group = TagGroup.objects.create(name={"en": "School", "es": "Escuela"})
    teacher, parent = (factories.TagFactory(name=name, group=group) for name in ("teacher", "parent"))
    other = factories.TagFactory(name="other")
    for who, tags in (("ana", [teacher, parent]), ("ben", [parent, other]), ("cam", [other])):
        for tag in tags:
            Tagging.objects.create(person=four[who], tag=tag)
    both = [teacher.pk, parent.pk]
    assert ask("tag", value=both) == ["Ana", "Ben"]
    assert ask("tag", {"value": both, "how": "all"}) == ["Ana"]
    assert ask("tag", {"groups": [group.pk]}) == ["Ana", "Ben"]
    assert ask("tag", {"value": [other.pk], "groups": [group.pk]}) == ["Ana", "Ben", "Cam"]
    assert ask("tag", {"value": [other.pk], "groups": [group.pk], "how": "all"}) == ["Ben"]
    empty = TagGroup.objects.create(name={"en": "Empty", "es": "Vacío"})
    assert ask("tag", {"groups": [empty.pk]}) == []
    assert said("tag", value=both, how="all") == "have the tag “parent” and “teacher”"
    assert said("tag", value=both) == "have the tag “parent” or “teacher”"


def test_places_by_county_distance_and_whole_zip_codes(four):
    assert ask("county", "hampden") == ["Ana", "Ben"]
    assert ask("county", {"value": "Hampden County, Suffolk", "state": "MA"}) == ["Ana", "Ben", "Cam"]
    assert ask("county", {"value": "Suffolk", "state": "MA"}) == ["Cam"]
    assert ask("near", miles="3", zip="01103") == ["Ana", "Ben"]
    assert ask("near", miles="90", zip="1103") == ["Ana", "Ben", "Cam"]
    assert ask("zip", "01105, 021") == ["Ben", "Cam"]
    assert said("near", miles=25, zip="01103") == "live within 25 miles of 01103"
    assert said("county", value="hampden county", state="MA") == "live in the county Hampden in Massachusetts"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("county", {"value": "Atlantis"}, "County: No county is called “Atlantis”."),
        ("near", {"miles": 5, "zip": "00000"}, "Distance from a ZIP code: Enter a ZIP code of five digits"),
        ("near", {"miles": 501, "zip": "01103"}, "Distance from a ZIP code: Ensure this value is less than"),
        ("joined", {"when": "within"}, "Added: Say how many days."),
        ("joined", {"when": "between"}, "Added: Say from when, until when, or both."),
        ("joined", {"when": "between", "since": "2026-03-02", "until": "2026-03-01"}, "Added: This is before"),
        ("joined", {"when": "someday"}, "Added: Select a valid choice."),
        ("share", {"percent": "10"}, "A random share: This share was not drawn."),
        ("share", {"percent": "0", "draw": "0a0b0c0d"}, "A random share: Ensure this value is greater"),
        ("share", {"percent": "10", "draw": "'; drop"}, "A random share: This share was not drawn."),
        ("segment", 999, "In a saved segment: Select a valid choice."),
        ("list", [999], "On a list: Select a valid choice."),
    ],
)
def test_what_cannot_be_asked_says_why_and_finds_nobody(four, key, value, problem):
    for tree in ({"all": [{"is": key, "value": value}]}, {"none": [{"is": key, "value": value}]}):
        (words,) = segments.problems(tree)
        assert words.startswith(problem)
        assert list(segments.matching(tree)) == []


def test_lists_members_and_representatives(four):
    chosen = PeopleList.objects.create(name="Lobby day")
    Listing.objects.create(people_list=chosen, person=four["ana"])
    assert ask("list", [chosen.pk]) == ["Ana"]
    union, church = factories.OrganizationFactory(), factories.OrganizationFactory()
    Membership.objects.create(organization=union, person=four["ben"])
    factories.RepresentativeFactory(organization=union, person=four["cam"], role="communications")
    Membership.objects.create(organization=church, person=four["dia"])
    assert ask("organization", organizations=[union.pk]) == ["Ben", "Cam"]
    assert ask("organization", organizations=[union.pk], role="member") == ["Ben"]
    assert ask("organization", organizations=[union.pk], role="representative") == ["Cam"]
    assert ask("organization", role="communications") == ["Cam"]
    assert ask("organization", role="signatory") == []


def test_periods_of_joining_and_of_being_active(four):
    now = timezone.now()
    Person.objects.update(created_at=now - timedelta(days=400))
    Person.objects.filter(pk=four["ana"].pk).update(created_at=now - timedelta(days=5))
    Person.objects.filter(pk=four["ben"].pk).update(last_active_at=now - timedelta(days=3))
    Person.objects.filter(pk=four["cam"].pk).update(last_active_at=now - timedelta(days=100))
    assert ask("joined", when="within", days=10) == ["Ana"]
    assert ask("joined", when="before", days="10") == ["Ben", "Cam", "Dia"]
    assert ask("active", when="within", days=7) == ["Ben"]
    # Dia never did anything and has been here for a year; Ana came last week.
    assert ask("active", when="before", days=90) == ["Cam", "Dia"]
    assert said("active", when="within", days=7) == "were last active in the last 7 days"
    assert said("joined", since="2026-03-01", until="2026-03-31") == (
        "were added between March 1, 2026 and March 31, 2026"
    )


def test_a_random_share_stays_the_same_and_another_draw_is_another():
    Person.objects.bulk_create(Person(name=f"P {n}") for n in range(1000))
    tree = {"all": [{"is": "share", "value": {"percent": "25", "draw": "0a0b0c0d"}}]}
    drawn = set(segments.matching(tree))
    assert 190 < len(drawn) < 310
    assert set(segments.matching(tree)) == drawn
    rest = set(segments.matching({"none": tree["all"]}))
    assert (len(drawn | rest), drawn & rest) == (1000, set())
    tree["all"][0]["value"]["draw"] = "00000001"
    assert set(segments.matching(tree)) != drawn
    assert said("share", percent="25", draw="00000001") == "are in a random 25 percent"


def test_who_signed_what_and_when(four):
    publication = factories.PublicationFactory()
    version = Version.objects.create(publication=publication, number=1)
    for who, choice in (("ana", "sign"), ("ben", "decline")):
        Decision.objects.create(
            publication=publication,
            version=version,
            organization=factories.OrganizationFactory(),
            choice=choice,
            signer=four[who],
            signer_name="X",
            attested=choice == "sign",
            at=timezone.now() - timedelta(days=20),
        )
    assert ask("signed", publication=publication.pk) == ["Ana"]
    assert ask("signed", when="within", days=30) == ["Ana"]
    assert ask("signed", when="within", days=10) == []
    assert ask("signed", publication=factories.PublicationFactory().pk) == []


# Segments inside segments.


def keep(name, *parts, segment=None):
    return segments.keep(segment or Segment(), name=name, tree={"all": list(parts)})


def inside(segment):
    return {"is": "segment", "value": segment.pk}


def test_a_segment_inside_another(four):
    boston = keep("Boston", {"is": "city", "value": "Boston"})
    assert named({"all": [inside(boston)]}) == ["Cam"]
    assert named({"none": [inside(boston)]}) == ["Ana", "Ben", "Dia"]
    assert named({"any": [inside(boston), {"is": "state", "value": ["MN"]}]}) == ["Cam", "Dia"]
    assert named({"all": [inside(keep("Everybody"))]}) == ["Ana", "Ben", "Cam", "Dia"]
    assert named({"none": [inside(keep("Everybody too"))]}) == []


def test_a_mistake_inside_never_widens_an_audience(four):
    broken = Segment.objects.create(name="Broken", criteria={"all": [{"is": "city", "value": ""}]})
    tree = {"none": [inside(broken)]}
    assert segments.problems(tree) == ["The segment “Broken” has a problem: City: This field is required."]
    assert list(segments.matching(tree)) == []


def test_a_circle_is_refused_and_names_the_way_round():
    one = keep("One", {"is": "language", "value": "es"})
    two = keep("Two", inside(one))
    three = keep("Three", inside(two))
    with pytest.raises(ValidationError) as refused:
        keep("One", inside(three), segment=one)
    assert refused.value.messages == ["A segment cannot ask for itself: “One” → “Three” → “Two” → “One”."]
    with pytest.raises(ValidationError):
        keep("One", inside(one), segment=one)
    # One that slipped in all the same (two changes at once) reaches nobody, and is not followed for ever.
    Segment.objects.filter(pk=one.pk).update(criteria={"all": [inside(three)]})
    one.refresh_from_db()
    factories.PersonFactory()
    assert list(segments.people(one)) == list(segments.people(three)) == []
    assert segments.needs(one.criteria) == set()


def test_segments_nest_only_so_deep():
    held = keep("0", {"is": "language", "value": "es"})
    for number in range(1, 6):
        held = keep(str(number), inside(held))
    with pytest.raises(ValidationError):
        keep("too deep", inside(keep("6", inside(held))))


def test_where_a_segment_is_used_and_what_is_used_is_not_deleted():
    used = keep("Used", {"is": "language", "value": "es"})
    other, message = keep("Other", inside(used)), factories.MessageFactory(included=[used])
    owner = factories.UserFactory()
    view = SavedView.objects.create(screen="people", name="Mine", query=f"segment={used.pk}&state=MA", owner=owner)
    SavedView.objects.create(screen="people", name="Not it", query=f"segment={used.pk}0", owner=owner)
    keep("Unrelated", {"is": "language", "value": "es"})
    assert segments.used_by(used) == [message, other, view]
    assert segments.uses()[used.pk] == 3
    assert segments.delete(used) == [message, other, view]
    for row in (message, other, view):
        row.delete()
    assert segments.delete(used) == []
    assert not Segment.objects.filter(name="Used").exists()


# Criteria that only some may ask.


@pytest.fixture
def guarded():
    """A criterion that wants a permission nobody of these has."""

    class Guarded(segments.Criterion):
        key, label, permission = "guarded", "A secret", "coalition.view_sensitive"

        def fields(self):
            return {"value": segments.City().fields()["value"]}

        def condition(self, cleaned):
            return segments.City().condition(cleaned)

    segments.register(Guarded)
    yield
    del registry._criteria["guarded"]


def test_who_may_not_ask_sees_neither_what_was_chosen_nor_whom_it_finds(guarded, four):
    secret = keep("Secret", {"is": "guarded", "value": "Boston"})
    around = keep("Around", inside(secret))
    organizer = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    administrator = factories.UserFactory(is_superuser=True)
    for segment in (secret, around):
        assert segments.may_list(administrator, segment)
        assert not segments.may_list(organizer, segment)
        assert not segments.may_ask(organizer, segment.criteria)
    assert "guarded" not in segments.criteria(organizer)
    assert segments.describe(secret.criteria, organizer)["parts"][0]["sentence"] == "A secret"
    assert segments.describe(secret.criteria, administrator)["parts"][0]["sentence"] == "A secret: Boston"
    assert segments.may_list(organizer, keep("Open", {"is": "language", "value": "es"}))
