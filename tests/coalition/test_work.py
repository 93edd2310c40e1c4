"""What staff keep for their own work: follow-ups, saved views, lists, tags in place."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from coalition import accounts, follow_ups, people
from coalition.accounts import Role
from coalition.models import FollowUp, PeopleList, SavedView
from tests import factories
from tests.coalition.searches import in_the_open

pytestmark = pytest.mark.django_db


@pytest.fixture
def organizer(client):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(client.user)
    return client


def in_days(days):
    return timezone.localdate() + timedelta(days=days)


def words(whose):
    return [str(entry.text) for entry in whose.entries.order_by("pk")]


# Follow-ups


def test_a_follow_up_is_added_done_and_not_done_after_all(organizer, person):
    add = reverse("follow_ups:add", query={"person": person.pk})
    organizer.post(add, {"text": " Call  Ana back ", "due": in_days(3), "owner": organizer.user.pk})
    line = FollowUp.objects.get()
    assert (line.text, line.due, line.owner, line.created_by) == (
        "Call Ana back",
        in_days(3),
        organizer.user,
        organizer.user,
    )
    for _press in range(2):
        organizer.post(reverse("follow_ups:done", args=[line.pk]))
    line.refresh_from_db()
    assert line.done_by == organizer.user
    organizer.post(reverse("follow_ups:reopen", args=[line.pk]))
    line.refresh_from_db()
    assert (line.done_at, line.done_by) == (None, None)
    assert words(person) == ["To do: Call Ana back", "Done: Call Ana back", "To do again: Call Ana back"]
    organizer.post(reverse("follow_ups:delete", args=[line.pk]))
    assert not FollowUp.objects.exists()


@pytest.mark.parametrize("wrong", [{"text": " "}, {"due": "soon"}, {"due": "1999-01-01"}, {"owner": "999999"}])
def test_what_is_wrong_with_a_follow_up_is_said_and_nothing_is_kept(organizer, person, wrong):
    entered = {"text": "Call", "due": in_days(3), "owner": ""} | wrong
    response = organizer.post(reverse("follow_ups:add", query={"person": person.pk}), entered)
    assert (response.status_code, FollowUp.objects.count()) == (200, 0)


def test_a_follow_up_is_handed_over_and_comes_back_to_where_it_was_opened(organizer, person):
    line = follow_ups.add(person, text="Call", due=in_days(1), by=organizer.user)
    other = accounts.give_role(factories.UserFactory(is_superuser=False, first_name="Rosa"), Role.ORGANIZER)
    url = reverse("follow_ups:change", args=[line.pk], query={"next": reverse("follow_ups:index")})
    response = organizer.post(url, {"text": "Call", "due": in_days(2), "owner": other.pk})
    assert response.url == reverse("follow_ups:index")
    assert words(person) == ["To do: Call", "Handed to Rosa: Call"]
    away = reverse("follow_ups:done", args=[line.pk])
    assert organizer.post(away, {"next": "https://elsewhere.example.org/"}).url.startswith("/admin/people/")
    analyst = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ANALYST)
    response = organizer.post(url, {"text": "Call", "due": in_days(2), "owner": analyst.pk})
    assert response.status_code == 200  # an analyst sees no people, and is given none


def test_my_follow_ups_stand_by_day_and_nobody_from_the_bin(organizer, person):
    organization, binned = factories.OrganizationFactory(), factories.PersonFactory()
    me = organizer.user
    for whose, text, days, owner in (
        (person, "late", -1, me),
        (organization, "today", 0, me),
        (person, "soon", 7, me),
        (person, "later", 8, me),
        (person, "hers", 1, factories.UserFactory()),
        (person, "free", 1, None),
        (binned, "gone", 1, me),
    ):
        follow_ups.add(whose, text=text, due=in_days(days), owner=owner)
    people.move_to_bin(binned)

    def shown(**query):
        groups = organizer.get(reverse("follow_ups:index"), query).context["groups"]
        return {str(name): [line.text for line in lines] for name, lines in groups}

    assert shown() == {"Late": ["late"], "Today": ["today"], "Within a week": ["soon"], "Later": ["later"]}
    assert shown(whose="nobody") == {"Within a week": ["free"]}
    home = organizer.get("/admin/").content.decode()
    assert "Due this week" in home
    assert [text in home for text in ("late</a>", "today</a>", "soon</a>", "later</a>", "hers</a>", "gone</a>")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


# Saved views


def save(client, query, **entered):
    url = reverse("saved_views:add", query={"screen": "people", "query": query})
    return client.post(url, {"name": "Mine", **entered})


def tabs(response):
    return [(str(view), in_the_open(url), current) for view, url, current in response.context["views"]]


def test_a_view_is_kept_shown_shared_and_deleted(organizer, client):
    response = save(organizer, "p=3&language=es&q=n%C3%BA%C3%B1ez&state=&view=all", shared="on")
    url = f"{reverse('people:list')}?language=es&q=n%C3%BA%C3%B1ez"
    assert in_the_open(response.url) == url
    assert tabs(organizer.get(url + "&p=1", follow=True)) == [("Mine", url, True)]
    assert save(organizer, "q=x", name="MINE").status_code == 200  # the name is taken
    view = SavedView.objects.get()
    other = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(other)
    assert tabs(client.get(reverse("people:list"))) == [("Mine", url, False)]
    for name in ("change", "delete"):
        assert client.post(reverse(f"saved_views:{name}", args=[view.pk]), {"name": "Hers"}).status_code == 404
    client.force_login(organizer.user)
    organizer.post(reverse("saved_views:change", args=[view.pk]), {"name": "Ours"})
    view.refresh_from_db()
    assert (view.name, view.shared, view.query) == ("Ours", False, "language=es&q=n%C3%BA%C3%B1ez")
    organizer.post(reverse("saved_views:delete", args=[view.pk]))
    assert not SavedView.objects.exists()


def test_one_view_may_be_what_the_list_opens_with(organizer):
    save(organizer, "language=es", start="on")
    save(organizer, "language=en", name="Other", start="on")
    assert [(v.name, v.start) for v in SavedView.objects.order_by("pk")] == [("Mine", False), ("Other", True)]
    assert organizer.get(reverse("people:list")).url == f"{reverse('people:list')}?language=en"
    assert organizer.get(reverse("people:list"), {"view": "all"}).status_code == 200
    assert organizer.get(reverse("people:list_results")).status_code == 200


# Lists and tags, one by one


def test_a_list_is_made_named_and_deleted_and_its_people_stay(organizer, person):
    organizer.post(reverse("lists:add"), {"name": " Drivers "})
    people_list = PeopleList.objects.get()
    assert organizer.post(reverse("lists:add"), {"name": "DRIVERS"}).status_code == 200
    organizer.post(reverse("people:lists", args=[person.pk]), {"list": people_list.pk})
    organizer.post(reverse("lists:edit", args=[people_list.pk]), {"name": "Drivers of Lowell"})
    html = organizer.get(reverse("lists:index")).content.decode()
    assert "Drivers of Lowell" in html
    delete = reverse("lists:delete", args=[people_list.pk])
    assert "1 person is on it" in organizer.get(delete).content.decode()
    organizer.post(delete)
    assert (PeopleList.objects.count(), words(person)) == (0, ["Put on the list “Drivers”"])


def test_tags_and_lists_change_in_place(organizer, person):
    htmx = {"HTTP_HX_REQUEST": "true"}
    tags = reverse("people:tags", args=[person.pk])
    assert b"<html" not in organizer.get(tags, **htmx).content
    shown = organizer.post(tags, {"tags": "Educator, Valley"}, **htmx).content.decode()
    assert ("<html" in shown, "Educator" in shown, "Valley" in shown) == (False, True, True)
    organizer.post(tags, {"tags": "valley"})
    assert words(person) == ["Tagged: Educator, Valley", "No longer tagged: Educator"]
    people_list = PeopleList.objects.create(name="Drivers")
    url = reverse("people:lists", args=[person.pk])
    for entered in ({}, {"off": "1"}):
        assert b"Drivers" in organizer.post(url, {"list": people_list.pk, **entered}, **htmx).content
    assert not person.lists.exists()
    assert organizer.post(url, {"list": "x"}).status_code == 404
