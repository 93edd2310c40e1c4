"""The screens of duplicates: the queue, the comparison, the merge and its undo; closed to who may not see people."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coalition import accounts, duplicates, merging, people, tasks
from coalition.accounts import Role
from coalition.models import AuditLine, DuplicateSearch, Installation, Lookalike, Merge, Person
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_role(client):
    def enter(role):
        user = accounts.give_role(factories.UserFactory(is_superuser=False, first_name=role.value), role)
        client.force_login(user)
        client.user = user
        return client

    return enter


@pytest.fixture
def organizer(as_role, installation):
    return as_role(Role.ORGANIZER)


def person(given="Ana", **details):
    return factories.PersonFactory(given_name=given, family_name="Núñez", **details)


@pytest.fixture
def pair(installation):
    first, second = person(email="ana@x.example.org"), person(city="", zip="", email="ana@x.example.org", phone=True)
    return Lookalike.objects.create(first=first, second=second, score=85, reasons=["name", "email", "certain"])


def compare(*persons, **extra):
    return reverse("duplicates:compare", query={"person": [p.pk for p in persons], **extra})


def merge(client, *persons, **choices):
    data = {"person": [p.pk for p in persons], "seen": merging.Plan(persons).seen, **choices}
    return client.post(reverse("duplicates:compare"), data, follow=True)


def test_the_queue_shows_both_and_why_and_the_home_page_how_many(organizer, pair):
    html = organizer.get(reverse("duplicates:index")).content.decode()
    for words in ("same email", "same name", "85 % alike", "ana@<wbr>x.example.org", "1 pair may be one person"):
        assert words in html
    assert "1 possible duplicate" in organizer.get(reverse("wagtailadmin_home")).content.decode()
    assert "No pair of this kind" in organizer.get(reverse("duplicates:index"), {"because": "phone"}).content.decode()
    assert "ana@<wbr>x.example.org" in organizer.get(reverse("duplicates:index"), {"show": "certain"}).content.decode()


def test_an_empty_queue_says_so(organizer):
    html = organizer.get(reverse("duplicates:index")).content.decode()
    assert "Nobody looks like somebody else" in html
    assert "possible duplicate" not in organizer.get(reverse("wagtailadmin_home")).content.decode()


def test_the_queue_takes_as_many_queries_for_one_pair_as_for_twenty(organizer, pair, django_assert_num_queries):
    organizer.get(reverse("duplicates:index"))
    with CaptureQueriesContext(connection) as one:
        organizer.get(reverse("duplicates:index"))
    for number in range(19):
        Lookalike.objects.create(first=person(email=True), second=person(f"P{number}", phone=True), score=70)
    with django_assert_num_queries(len(one)):
        response = organizer.get(reverse("duplicates:index"))
    assert len(response.context["page_obj"].object_list) == 20


def test_not_the_same_person_is_kept_with_and_without_javascript(organizer, pair):
    url = reverse("duplicates:apart", args=[pair.pk])
    html = organizer.post(url, headers={"HX-Request": "true"}).content.decode()
    assert "two people" in html
    pair.refresh_from_db()
    assert (pair.state, pair.decided_by) == ("different", organizer.user)
    organizer.post(url)  # pressing twice decides once
    assert organizer.get(reverse("duplicates:index"), {"show": "different"}).context["page_obj"].object_list == [pair]
    again = organizer.post(reverse("duplicates:again", args=[pair.pk]), headers={"HX-Request": "true"}).content.decode()
    assert "Merge…" in again
    assert duplicates.waiting().get() == pair
    assert organizer.get(url).status_code == 405


def test_field_by_field_with_a_preview_then_one_record_and_back(organizer, pair):
    first, second = pair.first, pair.second
    html = organizer.get(compare(first, second)).content.decode()
    assert "Keep this one" in html
    preview = organizer.post(
        reverse("duplicates:preview"), {"person": [first.pk, second.pk], "keep": second.pk, "name": second.pk}
    )
    assert preview.context["plan"].kept == second
    assert second.name in preview.content.decode()
    page = merge(organizer, first, second, keep=second.pk, name=first.pk)
    done = Merge.objects.get()
    second.refresh_from_db()
    assert (done.kept, second.name, done.by) == (second, first.name, organizer.user)
    assert "2 records are one now" in page.content.decode()
    assert organizer.get(reverse("people:inspect", args=[first.pk])).url == reverse("people:inspect", args=[second.pk])
    merge(organizer, first, second, keep=second.pk)  # pressing twice merges once
    assert Merge.objects.count() == 1
    undo = reverse("duplicates:undo", args=[done.pk])
    assert "Undone" in organizer.post(undo, follow=True).content.decode()
    assert "undone already" in organizer.post(undo, follow=True).content.decode()
    assert Person.objects.present().count() == 2
    assert organizer.get(reverse("people:inspect", args=[first.pk])).status_code == 200


def test_from_a_persons_page_the_other_record_is_found_by_search(organizer, installation):
    first, second = person(email="ana@x.example.org"), person("Anita", email="anita@x.example.org")
    third = person("Luz", binned_at=first.created_at)
    page = organizer.get(compare(first, q="anita"), follow=True)
    assert [offer["person"] for offer in page.context["found"]] == [second]
    assert compare(first, second) == page.context["found"][0]["url"]
    assert organizer.get(compare(first, third)).status_code == 302
    looks = [person(f"P{n}") for n in range(4)]
    Lookalike.objects.create(first=second, second=looks[0], score=70, reasons=["zip"])
    assert [offer["person"] for offer in organizer.get(compare(first, second)).context["alike"]] == [looks[0]]
    page = organizer.get(compare(first, *looks, q="anita"), follow=True)
    assert (page.context["room"], page.context["found"]) == (False, [])
    merge(organizer, first, *looks)
    assert Person.objects.present().count() == 2


def test_somebody_who_changed_meanwhile_is_looked_at_again(organizer, pair):
    seen = merging.Plan([pair.first, pair.second]).seen
    people.change(pair.second, details={"city": "Holyoke"})
    page = merge(organizer, pair.first, pair.second, seen=seen)
    assert "changed meanwhile" in page.content.decode()
    assert Merge.objects.count() == 0


@pytest.mark.parametrize(
    "query", ["", "person=x", "person=0", "person=1&person=99999999", "person=1&person=" + "9" * 30]
)
def test_forged_addresses_find_nobody(organizer, query):
    assert organizer.get(f"{reverse('duplicates:compare')}?{query}").status_code == 404
    assert organizer.post(reverse("duplicates:compare"), {"person": ["1"]}).status_code == 404


def test_a_search_runs_in_the_background_with_progress(organizer, installation, monkeypatch):
    first, second = person(email="ana@x.example.org"), person(email="ana@x.example.org")
    queued = []
    monkeypatch.setattr(tasks.find_duplicates, "delay_on_commit", queued.append)
    organizer.post(reverse("duplicates:search"))
    organizer.post(reverse("duplicates:search"))
    assert queued == [DuplicateSearch.objects.get().pk]
    assert "Reading names" in organizer.get(reverse("duplicates:index")).content.decode()
    assert "hx-get" in organizer.get(reverse("duplicates:progress")).content.decode()
    monkeypatch.setattr(tasks.merge_certain, "delay", lambda: None)
    tasks.find_duplicates(queued[0])
    assert organizer.get(reverse("duplicates:progress")).headers["HX-Refresh"] == "true"
    assert duplicates.waiting().get().first == first
    assert second in Person.objects.present()


def test_the_rule_is_an_administrators_and_says_first_what_it_would_do(as_role, pair, monkeypatch):
    assert as_role(Role.ORGANIZER).post(reverse("duplicates:rule"), {"rule": "on"}).status_code in (302, 403)
    assert not Installation.get().merge_certain
    client = as_role(Role.ADMINISTRATOR)
    queued = []
    monkeypatch.setattr(tasks.merge_certain, "delay_on_commit", lambda: queued.append(1))
    page = client.get(reverse("duplicates:rule"))
    assert page.context["number"] == 1
    assert Merge.objects.count() == 0
    for _press in range(2):
        client.post(reverse("duplicates:rule"), {"rule": "on"})
    assert (Installation.get().merge_certain, queued) == (True, [1])
    assert AuditLine.objects.get(action="setting").details == {"merge_certain": True}
    tasks.merge_certain()
    html = client.get(reverse("duplicates:merges"), {"how": "automatic"}).content.decode()
    assert "By the rule" in html
    client.post(reverse("duplicates:rule"), {"rule": "off"})
    assert not Installation.get().merge_certain


@pytest.mark.parametrize("role", [Role.ANALYST, Role.EDITOR, Role.TRANSLATOR])
def test_who_may_not_see_people_sees_and_does_nothing(as_role, pair, role):
    done = merging.merge(person("Zoraida", email="zoraida@x.example.org"), [person("Zoraida")])
    client = as_role(role)
    for name, args in (
        ("index", []),
        ("compare", []),
        ("merges", []),
        ("merged", [done.pk]),
        ("progress", []),
        ("rule", []),
    ):
        url = reverse(f"duplicates:{name}", args=args)
        response = client.get(url + f"?person={pair.first_id}&person={pair.second_id}")
        assert response.status_code in (302, 403)
        assert b"example.org" not in response.content
    for name, args in (
        ("apart", [pair.pk]),
        ("again", [pair.pk]),
        ("undo", [done.pk]),
        ("search", []),
        ("compare", []),
        ("preview", []),
        ("rule", []),
    ):
        data = {"person": [pair.first_id, pair.second_id], "rule": "on"}
        response = client.post(reverse(f"duplicates:{name}", args=args), data)
        assert response.status_code in (302, 403)
        assert b"example.org" not in response.content
    pair.refresh_from_db()
    done.refresh_from_db()
    assert (pair.state, done.undone_at, DuplicateSearch.objects.count()) == ("open", None, 0)
    assert Merge.objects.count() == 1
    assert not Installation.get().merge_certain
