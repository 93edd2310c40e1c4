"""Regions and constituencies: named in every language, in an order, retired rather than deleted."""

import pytest
from django.urls import reverse

from coalition import accounts, vocabulary
from coalition.accounts import Role
from coalition.models import AuditLine, Constituency, Region
from tests import factories

pytestmark = pytest.mark.django_db
NAMED = {"name_0": "Pioneer Valley", "name_1": "Valle Pioneer", "state": "MA", "position": "3"}


def enter(client, role):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    return client


def test_a_region_is_added_and_its_slug_stays_when_its_name_changes(client):
    enter(client, Role.ORGANIZER)
    client.post(reverse("regions:add"), NAMED)
    region = Region.objects.get()
    assert (region.slug, region.name.localize("es"), region.state, region.position) == (
        "pioneer-valley",
        "Valle Pioneer",
        "MA",
        3,
    )
    client.post(reverse("regions:edit", args=[region.pk]), NAMED | {"name_0": "The Valley", "position": ""})
    region.refresh_from_db()
    assert (region.slug, str(region.name), region.position) == ("pioneer-valley", "The Valley", 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name_1": ""}, "Write it in every language."),
        ({"name_0": "BERKSHIRE", "name_1": "Otra"}, "There is one of this name already."),
        ({"position": "-1"}, "greater than or equal to 0"),
    ],
)
def test_a_wrong_name_is_refused_in_words(client, wrong, says):
    Region.objects.create(name={"en": "Berkshire", "es": "Berkshire"}, slug="berkshire")
    enter(client, Role.ORGANIZER)
    assert says in client.post(reverse("regions:add"), NAMED | wrong).content.decode()
    assert Region.objects.count() == 1


def test_slugs_do_not_clash_and_fit():
    named = [{"en": "Ándale " * 9, "es": str(number)} for number in range(3)]
    held = [vocabulary.keep(Constituency(name=name)).slug for name in named]
    assert len(set(held)) == 3
    assert all(len(slug) <= 40 for slug in held)
    assert vocabulary.keep(Constituency(name={"en": "—", "es": "—"})).slug == "word"


def test_retired_and_offered_again_with_a_line_each_in_the_audit(client):
    enter(client, Role.ADMINISTRATOR)
    word = vocabulary.keep(Constituency(name={"en": "Latino", "es": "Latina"}))
    url = reverse("constituencies:retire", args=[word.pk])
    for _press in range(2):
        client.post(url)
    assert Constituency.objects.get().retired_at
    assert "Retired" in client.get(reverse("constituencies:index")).content.decode()
    client.post(url, {"again": "1"})
    assert Constituency.objects.get().retired_at is None
    lines = AuditLine.objects.filter(subject="coalition.constituency").order_by("pk")
    assert [line.details["did"] for line in lines] == ["added", "retired", "offered again"]


def test_the_list_counts_the_organizations_that_are_here(client, django_assert_num_queries):
    enter(client, Role.ORGANIZER)
    region = vocabulary.keep(Region(name={"en": "Valley", "es": "Valle"}))
    for binned_at in (None, None, "2026-01-01T00:00Z"):
        factories.OrganizationFactory(binned_at=binned_at).regions.add(region)
    page = client.get(reverse("regions:index"))
    assert [word.held for word, _url in page.context["rows"]] == [2]


def test_an_organizer_reads_constituencies_and_an_analyst_changes_nothing(client):
    word = vocabulary.keep(Constituency(name={"en": "Latino", "es": "Latina"}))
    enter(client, Role.ORGANIZER)
    assert "Latino" in client.get(reverse("constituencies:index")).content.decode()
    client.post(reverse("constituencies:retire", args=[word.pk]))
    client.post(reverse("constituencies:edit", args=[word.pk]), {"name_0": "x", "name_1": "x"})
    client.post(reverse("constituencies:add"), {"name_0": "y", "name_1": "y"})
    enter(client, Role.ANALYST)
    client.post(reverse("constituencies:retire", args=[word.pk]))
    client.post(reverse("regions:add"), NAMED)
    assert list(Constituency.objects.values_list("slug", "retired_at")) == [("latino", None)]
    assert not Region.objects.exists()


def test_the_settings_menu_leads_there_for_whom_it_is(client):
    enter(client, Role.ORGANIZER)
    assert reverse("regions:index") in client.get(reverse("organizations:index")).content.decode()
    enter(client, Role.EDITOR)
    assert reverse("regions:index") not in client.get(reverse("organizations:index")).content.decode()
