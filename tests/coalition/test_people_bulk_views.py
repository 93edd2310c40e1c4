"""Working on many people from their list: who was ticked, everybody who was found, the bin; and who may not."""

import pytest
from django.urls import reverse

from coalition import accounts, people, tasks
from coalition.accounts import Role
from coalition.forms import finding
from coalition.models import (
    BulkAction,
    Import,
    ImportedRow,
    Listing,
    Membership,
    PeopleList,
    Person,
    Segment,
    Tag,
    Tagging,
)
from coalition.views import searching
from coalition.views.people import listing
from tests import factories
from tests.coalition.searches import in_the_open

pytestmark = pytest.mark.django_db
Kind = BulkAction.Kind


@pytest.fixture
def as_role(client):
    def enter(role):
        client.user = accounts.give_role(factories.UserFactory(is_superuser=False), role)
        client.force_login(client.user)
        return client

    return enter


@pytest.fixture
def organizer(as_role):
    return as_role(Role.ORGANIZER)


@pytest.fixture
def crowd(db):
    return [factories.PersonFactory(name=f"Núñez {n}", language="es" if n % 2 else "en") for n in range(4)]


def begin(**asked):
    return reverse("bulk:add", query=asked)


def do(client, url, **entered):
    """Press the button of the page at this address."""
    page = client.get(url, follow=True)
    return client.post(url, {"press": page.context["form"].initial["press"], **entered}, follow=True)


def test_everybody_who_was_found_is_tagged_and_it_is_undone(organizer, crowd):
    url = begin(what="tag", everybody="1", q="nunez", language="es", p="2")
    page = organizer.get(url, follow=True)
    assert (page.context["number"], page.context["page_title"]) == (2, "Add a tag to 2 people")
    done = do(organizer, url, name="Educator")
    action = BulkAction.objects.get()
    assert (action.state, action.total, action.by, action.query) == ("done", 2, organizer.user, "language=es&q=nunez")
    assert done.context["figures"] == {"changed": 2, "already": 0, "waiting": 0}
    tag = Tag.objects.get()
    assert sorted(tag.people.values_list("name", flat=True)) == ["Núñez 1", "Núñez 3"]
    organizer.post(reverse("bulk:undo", args=[action.pk]))
    organizer.post(reverse("bulk:undo", args=[action.pk]))
    assert not tag.people.exists()
    assert organizer.get(reverse("bulk:inspect", args=[action.pk])).context["may_undo"] is False


def test_only_who_was_ticked_is_changed_whatever_the_list_was_asked(organizer, crowd):
    url = f"{begin(what='bin', q='nunez')}&pk={crowd[0].pk}&pk={crowd[2].pk}"
    do(organizer, url)
    assert sorted(p.name for p in Person.objects.present()) == ["Núñez 1", "Núñez 3"]
    assert BulkAction.objects.get().query == ""


def test_a_second_press_does_it_once(organizer, crowd):
    url = begin(what="tag", everybody="1", q="nunez")
    press = organizer.get(url, follow=True).context["form"].initial["press"]
    for _time in range(2):
        organizer.post(url, {"press": press, "name": "Educator"})
    assert BulkAction.objects.count() == 1


@pytest.mark.parametrize("asked", [{}, {"pk": "x"}, {"pk": ""}, {"everybody": "1", "tag": "999999"}])
def test_what_cannot_be_understood_is_nobody(organizer, crowd, asked):
    assert organizer.get(begin(what="bin", **asked)).context["number"] == 0
    organizer.post(begin(what="bin", **asked), {"press": "x"})
    assert Person.objects.present().count() == 4


def test_people_come_onto_a_list_and_off_it(organizer, crowd):
    do(organizer, begin(what="list", everybody="1", language="es"), name="  Drivers  of Lowell ")
    people_list = PeopleList.objects.get()
    assert (people_list.name, people_list.created_by) == ("Drivers of Lowell", organizer.user)
    do(organizer, begin(what="list", everybody="1", language="en"), name="drivers of LOWELL")
    assert (PeopleList.objects.count(), people_list.people.count()) == (1, 4)
    do(organizer, begin(what="unlist", everybody="1", language="es"), people_list=people_list.pk)
    assert sorted(people_list.people.values_list("name", flat=True)) == ["Núñez 0", "Núñez 2"]


def test_the_bin_shows_who_is_in_it_and_gives_them_back(organizer, crowd):
    people.move_to_bin(crowd[0])
    Person.objects.filter(pk=crowd[1].pk).update(merged_into=crowd[2], binned_at=crowd[1].created_at)
    page = organizer.get(reverse("people:list"), {"bin": "1"})
    assert [p.name for p in page.context["object_list"]] == ["Núñez 0"]
    assert [kind for kind, _label in page.context["kinds"]] == ["restore"]
    do(organizer, begin(what="restore", everybody="1", bin="1"))
    assert Person.objects.present().count() == 3
    for forged in (begin(what="tag", everybody="1", bin="1"), begin(what="restore", everybody="1")):
        assert organizer.get(forged).url == "/admin/"


def test_many_people_are_left_to_a_worker_which_the_page_watches(organizer, crowd, monkeypatch):
    monkeypatch.setattr("coalition.bulk.AT_ONCE", 3)
    monkeypatch.setattr(tasks.work_in_bulk, "delay_on_commit", lambda pk: None)
    page = do(organizer, begin(what="tag", everybody="1"), name="Educator")
    action = BulkAction.objects.get()
    assert (action.state, page.context["running"]) == ("running", True)
    assert reverse("bulk:progress", args=[action.pk]) in page.content.decode()
    tasks.work_in_bulk(action.pk)
    html = organizer.get(reverse("bulk:progress", args=[action.pk])).content.decode()
    assert ("hx-get" in html, "Undo it" in html) == (False, True)


def test_export_is_handed_whom_was_chosen(organizer, crowd):
    response = organizer.get(f"{begin(what='export')}&pk={crowd[0].pk}")
    assert response.url.endswith(f"?pk={crowd[0].pk}")
    hidden = searching.hidden("nunez")
    response = organizer.get(begin(what="export", everybody="1", find=hidden, ordering="name", p="3"))
    assert in_the_open(response.url) == f"{reverse('exports:people')}?q=nunez"


def test_who_may_not_see_people_does_nothing_to_them(as_role, crowd):
    action = BulkAction.objects.create(kind=Kind.TAG, target={"pk": 1, "name": "Educator"}, state="done")
    people_list = PeopleList.objects.create(name="Drivers")
    for role in (Role.ANALYST, Role.EDITOR, Role.TRANSLATOR):
        client = as_role(role)
        for url in (
            begin(what="tag", everybody="1"),
            begin(what="bin", everybody="1"),
            begin(what="export", everybody="1"),
            reverse("bulk:index"),
            reverse("bulk:inspect", args=[action.pk]),
            reverse("bulk:progress", args=[action.pk]),
            reverse("lists:index"),
            reverse("lists:add"),
            reverse("lists:edit", args=[people_list.pk]),
            reverse("follow_ups:index"),
            reverse("follow_ups:add", query={"person": crowd[0].pk}),
            reverse("saved_views:add", query={"screen": "people", "query": "q=x"}),
        ):
            response = client.get(url)
            assert response.status_code in (302, 403, 404), (role, url)
            assert b"Drivers" not in response.content
            assert b"Educator" not in response.content
        client.post(begin(what="bin", everybody="1"), {"press": "x"})
        client.post(reverse("bulk:undo", args=[action.pk]))
        client.post(reverse("people:bin", args=[crowd[0].pk]))
        client.post(reverse("lists:delete", args=[people_list.pk]))
    action.refresh_from_db()
    assert (Person.objects.present().count(), action.state, PeopleList.objects.count()) == (4, "done", 1)


# Whom a query finds


def test_each_filter_finds_its_own(crowd):
    ana, ben, cam, dee = crowd
    tag, people_list = factories.TagFactory(), PeopleList.objects.create(name="Drivers")
    Tagging.objects.create(person=ana, tag=tag)
    Listing.objects.create(person=ben, people_list=people_list)
    organization = factories.OrganizationFactory()
    factories.RepresentativeFactory(person=cam, organization=organization)
    Membership.objects.create(person=dee, organization=organization)
    segment = Segment.objects.create(name="Spanish", criteria={"all": [{"is": "language", "value": "es"}]})
    batch = Import.objects.create(name="a.csv", state=Import.State.DONE)
    ImportedRow.objects.create(batch=batch, line=1, outcome="new", person=ana)
    Person.objects.filter(pk=dee.pk).update(created_at="2024-01-01T00:00Z")

    def found(query):
        return sorted(person.name[-1] for person in finding.found(query))

    assert found("") == ["0", "1", "2", "3"]
    assert found(f"tag={tag.pk}") == ["0"]
    assert found(f"list={people_list.pk}") == ["1"]
    assert found(f"organization={organization.pk}") == ["2", "3"]
    assert found(f"segment={segment.pk}") == ["1", "3"]
    assert found(f"batch={batch.pk}") == ["0"]
    assert found("since=2024-01-02") == ["0", "1", "2"]
    assert found("bin=1") == []
    assert found("tag=nothing") == []
    assert found("since=yesterday") == []
    assert found(f"pk={ana.pk}&pk=-1&pk=99999999999999999999&pk=%00") == ["0"]
    assert found(f"pk={ana.pk}&language=es") == []


def test_pages_go_on_where_counting_stops(organizer, crowd, monkeypatch):
    monkeypatch.setattr(listing.OpenEnded, "most", 2)
    paginator = listing.OpenEnded(Person.objects.order_by("pk"), 1)
    assert (paginator.is_capped, paginator.count, str(paginator.items_count_label)) == (True, 2, "More than 2 people")
    pages = [paginator.page(number) for number in (1, 3, 4, 5)]
    assert [[p.name for p in page] for page in pages] == [["Núñez 0"], ["Núñez 2"], ["Núñez 3"], []]
    assert [page.has_next() for page in pages] == [True, True, False, False]
    html = organizer.get(reverse("people:list")).content.decode()
    assert "More than 2 people" in html
    assert organizer.get(reverse("people:list"), {"p": "x"}).status_code == 200


@pytest.mark.parametrize(
    ("ordering", "expected"), [("name", "0123"), ("-name", "3210"), ("-last_active_at", "2310"), ("created_at", "0123")]
)
def test_the_list_is_sorted(organizer, crowd, ordering, expected):
    for person, day in ((crowd[2], "2026-02-02"), (crowd[3], "2026-01-01")):
        Person.objects.filter(pk=person.pk).update(last_active_at=f"{day}T00:00Z")
    page = organizer.get(reverse("people:list"), {"ordering": ordering})
    assert "".join(p.name[-1] for p in page.context["object_list"]) == expected
