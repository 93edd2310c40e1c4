"""What is typed to find somebody leaves by POST, and no address shows it."""

import pytest
from django.http import Http404, QueryDict
from django.urls import reverse
from django.utils import timezone

from coalition import accounts, people
from coalition.accounts import Role
from coalition.models import BulkAction, Export, SavedView
from coalition.views import searching
from tests import factories
from tests.coalition.searches import addresses_in, in_the_open, led_through, naming

pytestmark = pytest.mark.django_db


@pytest.fixture
def organizer(client):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(client.user)
    return client


@pytest.fixture
def crowd(db):
    """More than a page of them in Spanish, one in English, and somebody else."""
    spanish = [factories.PersonFactory(name=f"Zoraida {n:02}", language="es") for n in range(31)]
    return [*spanish, factories.PersonFactory(name="Zoraida One"), factories.PersonFactory(name="Ben Ortiz")]


def test_the_words_come_back_as_they_were_typed():
    asked = QueryDict("state=MA&q=n%C3%BA%C3%B1ez+%26+ana&pk=1&pk=2")
    closed = searching.unseen(asked)
    assert closed.startswith("state=MA&pk=1&pk=2&find=gAAAA")
    assert searching.asked(QueryDict(closed)) == asked
    assert searching.unseen("state=MA&q=") == "state=MA"
    with pytest.raises(Http404):
        searching.asked(QueryDict("find=gAAAA"))


@pytest.mark.parametrize("name", ["people:list", "people:list_results"])
def test_a_search_keeps_filters_and_order_and_shows_no_name_in_any_address(organizer, crowd, name):
    SavedView.objects.create(owner=organizer.user, screen="people", name="Hers", query="q=zoraida")
    typed = {"q": "Zoraida", "language": "es", "state": "", "ordering": "name", "p": "2"}
    page = organizer.post(reverse(name), typed, follow=True)
    (address, status) = page.redirect_chain[-1]
    assert (in_the_open(address), status) == (f"{reverse(name)}?language=es&ordering=name&q=Zoraida", 302)
    assert [person.name for person in page.context["object_list"]] == [f"Zoraida {n:02}" for n in range(30)]
    assert page.context["search_form"]["q"].value() == "Zoraida"
    assert naming("zoraida", led_through(page)) == []
    here = page.context["here"]
    assert in_the_open(here) == f"{reverse('people:list')}?language=es&ordering=name&q=Zoraida"
    assert page.context["unsearched"] == f"{reverse('people:list')}?language=es&ordering=name"
    second = organizer.get(here + "&p=2")
    assert [person.name for person in second.context["object_list"]] == ["Zoraida 30"]
    assert second.context["here"] == here + "&p=2"
    assert naming("zoraida", led_through(organizer.get(here + "&p=2", follow=True))) == []


def test_a_search_for_nothing_shows_everybody(organizer, crowd):
    SavedView.objects.create(owner=organizer.user, screen="people", name="Hers", query="q=zoraida", start=True)
    page = organizer.post(reverse("people:list"), {"q": "", "language": ""}, follow=True)
    assert page.redirect_chain == [(reverse("people:list") + "?view=all", 302)]
    assert page.context["paginator"].count == 33


def test_a_pasted_page_becomes_no_endless_address(organizer, crowd):
    page = organizer.post(reverse("people:list"), {"q": "Zoraida\x00 " + "ñ" * 50_000}, follow=True)
    assert page.status_code == 200
    assert len(page.redirect_chain[-1][0]) < 1000


def test_a_bookmark_with_words_in_the_open_finds_what_it_found(organizer, crowd):
    for name in ("people:list", "people:list_results"):
        page = organizer.get(reverse(name), {"q": "ortiz", "language": "en", "export": "csv"}, follow=True)
        assert in_the_open(page.redirect_chain[-1][0]) == f"{reverse(name)}?language=en&export=csv&q=ortiz"
        assert [person.name for person in page.context["object_list"]] == ["Ben Ortiz"]


def test_a_kept_view_opens_the_list_without_its_words_in_the_address(organizer, crowd):
    asked = {"screen": "people", "query": searching.unseen("q=ortiz")}
    organizer.post(reverse("saved_views:add", query=asked), {"name": "B"})
    view = SavedView.objects.get()
    assert view.query == "q=ortiz"  # an erasure finds it there
    change = organizer.post(reverse("saved_views:change", args=[view.pk]), {"name": "Ben", "start": "on"})
    start = organizer.get(reverse("people:list"), follow=True)
    assert naming("ortiz", [change.url, *led_through(start)]) == []
    assert [person.name for person in start.context["object_list"]] == ["Ben Ortiz"]
    assert [current for _view, _url, current in start.context["views"]] == [True]
    html = organizer.get(reverse("saved_views:change", args=[view.pk])).content.decode()
    assert naming("ortiz", addresses_in(html)) == []


def test_many_and_files_go_on_with_whom_the_list_found(organizer, crowd):
    found = organizer.post(reverse("people:list"), {"q": "ortiz"}, follow=True).redirect_chain[-1][0]
    query = found.partition("?")[2]
    page = organizer.get(f"{reverse('bulk:add')}?{query}&everybody=1&what=tag")
    assert (page.context["number"], in_the_open(page.context["back"])) == (1, f"{reverse('people:list')}?q=ortiz")
    done = organizer.post(
        f"{reverse('bulk:add')}?{query}&everybody=1&what=tag",
        {"press": page.context["form"].initial["press"], "name": "Driver"},
        follow=True,
    )
    assert [(action.total, action.query) for action in BulkAction.objects.all()] == [(1, "q=ortiz")]
    export = organizer.get(f"{reverse('exports:people')}?{query}", follow=True)
    organizer.post(f"{reverse('exports:people')}?{query}", {"kind": "csv", "columns": ["name"], "reason": "Letters"})
    assert [kept.query for kept in Export.objects.all()] == ["q=ortiz"]
    record = organizer.get(reverse("exports:index"), follow=True)
    shown = [led_through(done), addresses_in(page.content.decode()), led_through(export), led_through(record)]
    assert [naming("ortiz", addresses) for addresses in shown] == [[], [], [], []]


def test_another_record_is_found_without_a_name_in_an_address(organizer, crowd):
    *_others, ben = crowd
    typed = {"person": [ben.pk], "q": " Zoraida One "}
    page = organizer.post(reverse("duplicates:find"), typed, follow=True)
    compare = reverse("duplicates:compare")
    assert in_the_open(page.redirect_chain[-1][0]) == f"{compare}?person={ben.pk}&q=Zoraida+One#more"
    assert [offer["person"].name for offer in page.context["found"]] == ["Zoraida One"]
    assert page.context["words"] == "Zoraida One"
    assert naming("zoraida", led_through(page)) == []
    old = organizer.get(compare, {"person": ben.pk, "q": "Zoraida One"}, follow=True)
    assert [offer["person"].name for offer in old.context["found"]] == ["Zoraida One"]
    assert organizer.post(reverse("duplicates:find"), {"q": "Zoraida"}).status_code == 404


def test_a_member_is_found_without_a_name_in_an_address(organizer, crowd):
    url = reverse("organizations:members", args=[factories.OrganizationFactory().pk])
    page = organizer.post(url, {"q": "Ortiz"}, follow=True)
    assert in_the_open(page.redirect_chain[-1][0]) == f"{url}?q=Ortiz"
    assert [person.name for person in page.context["found"]] == ["Ben Ortiz"]
    typed = organizer.post(url, {"q": "Ortiz"}, headers={"HX-Request": "true"})
    assert [name for name in typed.headers if name.startswith("HX-") or name == "Location"] == []
    old = organizer.get(url, {"q": "Ortiz"}, follow=True)
    assert naming("ortiz", [*led_through(page), *addresses_in(typed.content.decode()), *led_through(old)]) == []


@pytest.mark.parametrize("name", ["people:list", "people:list_results", "bulk:add", "exports:people"])
def test_a_made_up_address_is_refused(organizer, crowd, name):
    assert organizer.get(reverse(name), {"find": "gAAAA", "what": "tag", "everybody": "1"}).status_code == 404


def test_who_is_in_the_bin_is_searched_there(organizer, crowd):
    factories.PersonFactory(name="Zoraida Gone", binned_at=timezone.now())
    page = organizer.post(reverse("people:list"), {"q": "zoraida", "bin": "1"}, follow=True)
    assert [person.name for person in page.context["object_list"]] == ["Zoraida Gone"]
    assert page.context["unsearched"] == f"{reverse('people:list')}?bin=1"


def test_what_is_looked_for_on_a_timeline_is_in_no_address_either(organizer):
    for held, page in (
        (factories.PersonFactory(), "people:inspect"),
        (factories.OrganizationFactory(), "organizations:inspect"),
    ):
        for number in range(30):
            people.write_note(held, f"Zoraida called, {number}", by=organizer.user)
        people.write_note(held, "Somebody else called", by=organizer.user)
        url = reverse(page, args=[held.pk])
        found = organizer.post(url, {"words": "zoraida", "kind": "note"}, follow=True)
        address = found.redirect_chain[-1][0]
        assert address.startswith(f"{url}?kind=note&find=gAAAA")
        assert address.endswith("#timeline")
        assert (found.context["page_obj"].paginator.count, found.context["words"]) == (30, "zoraida")
        second = organizer.get(f"{url}?{found.context['query']}&p=2")
        assert [str(line.text) for line in second.context["page_obj"]] == [
            f"Zoraida called, {n}" for n in range(4, -1, -1)
        ]
        old = organizer.get(url, {"words": "zoraida"}, follow=True)
        assert old.context["page_obj"].paginator.count == 30
        assert naming("zoraida", [*led_through(found), *led_through(old)]) == []
        assert organizer.get(url, {"find": "gAAAA"}).status_code == 404
