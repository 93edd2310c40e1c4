"""The builder of segments, and the pages of those that are kept."""

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coalition import accounts, segments
from coalition.accounts import Role
from coalition.forms.segments import built_in, built_of
from coalition.models import Import, SavedView, Segment
from coalition.segments import sizing
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A sample of few people is all of them: exact, where there is time for it."""
    monkeypatch.setattr(sizing, "SAMPLING", 20)


@pytest.fixture
def organizer(client):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(client.user)
    return client


@pytest.fixture
def three():
    make = factories.PersonFactory
    make(name="Ana Ruiz", language="es", zip="01103", email="ana@x.example.org", opted_in=True)
    make(name="Ben Ruiz", language="en", zip="01103")
    make(name="Cam Ruiz", language="es", zip="55407", phone="+14135550142", opted_in=True)


def figures(page):
    found = page.context["found"]
    assert (found.people.exact, found.email.exact, found.text.exact) == (True, True, True)
    return found.people.number, found.email.number, found.text.number


# The page of the builder as it is submitted: one group inside the outermost one.
BUILT = {
    "name": "Spanish readers nearby",
    "root-how": "all",
    "node": ["n00000001", "n00000002", "n00000003"],
    "n00000001-parent": "root",
    "n00000001-is": "language",
    "n00000001-value": "es",
    "n00000002-parent": "root",
    "n00000002-how": "any",
    "n00000003-parent": "n00000002",
    "n00000003-is": "zip",
    "n00000003-value": "011, 021",
    "n00000003-not": "on",
}
TREE = {
    "all": [
        {"is": "language", "value": "es"},
        {"any": [{"is": "zip", "value": "011, 021", "not": True}]},
    ]
}


def test_a_submitted_page_is_a_tree_and_a_tree_is_a_page_again(rf):
    assert built_in(rf.post("/", BUILT).POST).tree == TREE
    assert built_of(TREE).tree == TREE


def test_what_does_not_belong_on_the_page_is_left_out(rf):
    data = BUILT | {
        "node": ["n00000001", "n00000009", "<script>", "n00000004"],
        "n00000009-parent": "nowhere",
        "n00000009-is": "language",
        "n00000004-parent": "root",
        "n00000004-is": "shoe size",
    }
    assert built_in(rf.post("/", data).POST).tree == {"all": [{"is": "language", "value": "es"}]}


def test_building_keeping_and_changing_a_segment(organizer, three):
    response = organizer.post(reverse("segments:add"), BUILT)
    segment = Segment.objects.get()
    assert response.url == reverse("segments:inspect", args=[segment.pk])
    assert (segment.name, segment.criteria, segment.created_by) == ("Spanish readers nearby", TREE, organizer.user)
    page = organizer.get(response.url)
    assert figures(page) == (1, 0, 1)
    assert [person.name for person in page.context["found"].sample] == ["Cam Ruiz"]
    edit = reverse("segments:edit", args=[segment.pk])
    assert organizer.get(edit).context["built"].tree == TREE
    organizer.post(edit, BUILT | {"n00000001-value": "en", "name": "English readers"})
    segment.refresh_from_db()
    assert (segment.name, segment.criteria["all"][0]["value"]) == ("English readers", "en")


def test_the_count_follows_the_page_and_keeps_nothing(organizer, three):
    response = organizer.post(reverse("segments:finding"), BUILT)
    assert figures(response)[0] == 1
    assert "Cam Ruiz" in response.content.decode()
    assert not Segment.objects.exists()


def test_a_criterion_that_is_not_filled_in_finds_nobody_and_is_not_kept(organizer, three):
    empty = BUILT | {"n00000003-value": ""}
    response = organizer.post(reverse("segments:finding"), empty)
    assert figures(response)[0] == 0
    assert "ZIP code: This field is required." in response.content.decode()
    response = organizer.post(reverse("segments:add"), empty)
    assert response.status_code == 200
    assert "ZIP code: This field is required." in response.content.decode()
    assert not Segment.objects.exists()


def test_every_criterion_can_be_added_to_the_page(organizer):
    for key in segments.criteria(organizer.user):
        html = organizer.get(reverse("segments:part"), {"adds": key, "parent": "root", "depth": "0"}).content.decode()
        assert f'-is" value="{key}"' in html
        assert "error-message" not in html
    assert "-how" in organizer.get(reverse("segments:part"), {"adds": "any", "parent": "root"}).content.decode()
    for wrong in ({"adds": "shoe size"}, {"adds": "any", "depth": "2"}, {"adds": "any", "depth": "x"}, {}):
        assert organizer.get(reverse("segments:part"), wrong).status_code == 404


def test_a_new_segment_can_begin_with_the_people_of_an_import(organizer):
    batch = Import.objects.create(name="people.csv", state=Import.State.DONE)
    tree = organizer.get(reverse("segments:add"), {"import": batch.pk}).context["built"].tree
    assert tree == {"all": [{"is": "import", "value": batch.pk}]}
    assert organizer.get(reverse("segments:add"), {"import": "999"}).context["built"].tree == {"all": []}


def test_a_segment_in_use_says_where_and_cannot_be_deleted(organizer):
    segment = Segment.objects.create(name="Valley", criteria={"all": []})
    message = factories.MessageFactory(included=[segment], name="Vote on Tuesday")
    delete = reverse("segments:delete", args=[segment.pk])
    pages = [organizer.get(reverse(f"segments:{name}", args=[segment.pk])) for name in ("inspect", "edit", "delete")]
    for page in [*pages, organizer.post(delete)]:
        assert [(name, str(kind)) for name, kind, _link in page.context["uses"]] == [("Vote on Tuesday", "message")]
        assert "Vote on Tuesday" in page.content.decode()
    assert Segment.objects.filter(pk=segment.pk).exists()
    message.delete()
    assert "Delete this segment" in organizer.get(delete).content.decode()
    assert Segment.objects.exists()
    organizer.post(delete)
    assert not Segment.objects.exists()
    assert organizer.post(delete).status_code == 404


BUT_NOT = {"all": [{"is": "language", "value": "es"}, {"none": [{"is": "zip", "value": "554"}]}]}


@pytest.mark.parametrize(
    ("tree", "who", "but"),
    [
        (BUT_NOT, {"all": [{"is": "language", "value": "es"}]}, {"any": [{"is": "zip", "value": "554"}]}),
        ({"all": [{"any": [{"is": "x"}]}, {"none": [{"is": "y"}]}]}, {"any": [{"is": "x"}]}, {"any": [{"is": "y"}]}),
        ({"all": [{"none": [{"is": "y"}]}]}, {"all": []}, {"any": [{"is": "y"}]}),
        ({"none": [{"is": "y"}]}, {"none": [{"is": "y"}]}, {"any": []}),
        ({"any": [{"none": [{"is": "y"}]}]}, {"any": [{"none": [{"is": "y"}]}]}, {"any": []}),
    ],
)
def test_whom_a_segment_leaves_out_stands_in_a_region_of_its_own(tree, who, but):
    def bare(tree):
        if "is" in tree:
            return {key: value for key, value in tree.items() if value is not None}
        return {how: [bare(part) for part in parts] for how, parts in tree.items()}

    built = built_of(tree)
    assert (bare(built.who.tree), bare(built.but.tree), bare(built.tree)) == (who, but, tree)


def test_the_page_leaves_people_out(organizer, three):
    data = {
        "name": "Not in Minneapolis",
        "description": "For the valley",
        "root-how": "all",
        "node": ["n00000001", "n00000002"],
        "n00000001-parent": "root",
        "n00000001-is": "language",
        "n00000001-value": "es",
        "n00000002-parent": "but",
        "n00000002-is": "zip",
        "n00000002-value": "554",
    }
    page = organizer.get(organizer.post(reverse("segments:add"), data).url)
    segment = Segment.objects.get()
    assert (segment.criteria, segment.description) == (BUT_NOT, "For the valley")
    assert [person.name for person in page.context["found"].sample] == ["Ana Ruiz"]


def test_pressing_twice_keeps_one_segment(organizer):
    first, second = (organizer.post(reverse("segments:add"), BUILT) for _ in range(2))
    assert first.url == second.url
    assert Segment.objects.count() == 1


def test_a_copy_begins_as_the_other_and_is_kept_only_when_somebody_says_so(organizer):
    segment = Segment.objects.create(name="Valley", description="For alerts", criteria=TREE)
    page = organizer.get(reverse("segments:add"), {"copy": segment.pk})
    assert page.context["built"].tree == TREE
    assert page.context["form"].initial == {"name": "Valley (copy)", "description": "For alerts"}
    assert Segment.objects.count() == 1
    assert organizer.get(reverse("segments:add"), {"copy": "999"}).status_code == 404


def test_what_can_no_longer_be_asked_stays_on_the_page_until_somebody_removes_it(organizer, three):
    gone = {"is": "field:gone", "value": "x"}
    segment = Segment.objects.create(name="Old", criteria={"all": [{"is": "language", "value": "es"}, gone]})
    page = organizer.get(reverse("segments:edit", args=[segment.pk]))
    assert "This can no longer be asked" in page.content.decode()
    data = {"name": "Old", "root-how": "all", "node": ["n00000001"], "n00000001-parent": "root"}
    response = organizer.post(reverse("segments:edit", args=[segment.pk]), data | {"n00000001-is": "field:gone"})
    assert response.status_code == 200
    segment.refresh_from_db()
    assert segment.criteria["all"][1] == gone
    assert list(segments.people(segment)) == []


def test_a_circle_is_refused_on_the_page_and_nothing_is_lost(organizer):
    one = Segment.objects.create(name="One", criteria={"all": []})
    two = Segment.objects.create(name="Two", criteria={"all": [{"is": "segment", "value": one.pk}]})
    data = {"name": "One", "root-how": "all", "node": ["n00000001"], "n00000001-parent": "root"}
    data |= {"n00000001-is": "segment", "n00000001-value": str(two.pk), "segment": str(one.pk)}
    words = "A segment cannot ask for itself: “One” → “Two” → “One”."
    assert words in organizer.post(reverse("segments:finding"), data).content.decode()
    page = organizer.post(reverse("segments:edit", args=[one.pk]), data)
    assert words in page.content.decode()
    assert page.context["built"].tree == {"all": [{"is": "segment", "value": str(two.pk)}]}


def test_what_only_some_may_ask_is_closed_to_the_others_at_every_door(organizer, three):
    """Communities people say they belong to: an organizer may neither ask them nor see whom such a segment finds."""
    secret = Segment.objects.create(name="Secret", criteria={"all": [{"is": "constituency", "value": []}]})
    around = Segment.objects.create(name="Around", criteria={"all": [{"is": "segment", "value": secret.pk}]})
    for segment in (secret, around):
        page = organizer.get(reverse("segments:inspect", args=[segment.pk]))
        assert (page.context["found"].sample, page.context["may_change"]) == ([], False)
        assert "Ruiz" not in page.content.decode()
        edit = reverse("segments:edit", args=[segment.pk])
        for response in (organizer.get(edit), organizer.post(edit, BUILT)):
            assert (response.status_code, "Ruiz" in response.content.decode()) == (302, False)
        assert organizer.get(reverse("segments:add"), {"copy": segment.pk}).status_code == 302
    data = {"name": "X", "root-how": "all", "node": ["n00000001"], "n00000001-parent": "root"}
    for is_, value in (("constituency", "1"), ("segment", str(secret.pk))):
        forged = data | {"n00000001-is": is_, "n00000001-value": value}
        assert organizer.post(reverse("segments:finding"), forged).status_code == 302
        assert organizer.post(reverse("segments:add"), forged).status_code == 302
    part = organizer.get(reverse("segments:part"), {"adds": "constituency", "parent": "root"})
    assert part.status_code == 302
    assert Segment.objects.count() == 2


def test_the_list_takes_as_many_queries_for_one_segment_as_for_thirty(organizer, django_assert_num_queries):
    def add(number):
        Segment.objects.create(name=f"Segment {number}", criteria={"all": [{"is": "language", "value": "es"}]})

    add(0)
    organizer.get(reverse("segments:index"))
    with CaptureQueriesContext(connection) as one:
        organizer.get(reverse("segments:index"))
    for number in range(1, 30):
        add(number)
    with django_assert_num_queries(len(one)):
        organizer.get(reverse("segments:index"))


def test_an_analyst_sees_numbers_and_no_people(client, three):
    segment = Segment.objects.create(name="Spanish readers", criteria={"all": [{"is": "language", "value": "es"}]})
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), Role.ANALYST))
    page = client.get(reverse("segments:inspect", args=[segment.pk]))
    assert figures(page) == (2, 1, 1)
    for response in (page, client.get(reverse("segments:count", args=[segment.pk]))):
        assert "Ruiz" not in response.content.decode()
    for name in ("add", "finding", "part"):
        assert client.get(reverse(f"segments:{name}")).status_code == 302
    assert client.post(reverse("segments:finding"), BUILT).status_code == 302


def test_an_estimate_is_followed_by_the_exact_number(organizer, three):
    """What a sample says comes first; the page asks for the rest once nobody types any more."""
    url = reverse("segments:finding")
    assert f'hx-post="{url}?exact"' not in organizer.post(url, BUILT).content.decode()  # so few are counted at once
    assert organizer.post(f"{url}?exact", BUILT).content.decode().strip() == "1"
    number = segments.Size(123_456, exact=False)
    found = segments.Found(number, None, None, [])
    page = render_to_string("coalition/segments/finding.html", {"problems": [], "found": found})
    assert f'hx-post="{url}?exact"' in page
    assert "about 120,000" in page


@pytest.mark.parametrize("forged", ["²", "9" * 40])
def test_a_forged_number_breaks_no_page_and_a_kept_view_that_holds_one_breaks_no_list(organizer, forged):
    asked = (("add", "copy"), ("add", "import"), ("part", "depth"))
    pages = [organizer.get(reverse(f"segments:{name}"), {"adds": "all", what: forged}) for name, what in asked]
    assert [page.status_code for page in pages] == [200 if forged == "²" else 404, 200, 404]
    SavedView.objects.create(owner=organizer.user, screen="people", name="Odd", query=f"segment={forged}")
    assert organizer.get(reverse("segments:index")).status_code == 200
