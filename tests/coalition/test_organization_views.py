"""The back office's pages about organizations: who speaks for them, what they decided, and who may see whom."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coalition import accounts, people, timeline
from coalition.accounts import Role
from coalition.models import Constituency, Entry, Organization, Person, Region, Representative
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def organizer(client):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(client.user)
    return client


def names(response):
    return [organization.name for organization in response.context["object_list"]]


def test_the_list_takes_as_many_queries_for_one_organization_as_for_thirty(organizer, django_assert_num_queries):
    factories.RepresentativeFactory()
    organizer.get(reverse("organizations:index"))
    with CaptureQueriesContext(connection) as one:
        organizer.get(reverse("organizations:index"))
    for _number in range(29):
        factories.RepresentativeFactory()
    with django_assert_num_queries(len(one)):
        response = organizer.get(reverse("organizations:index"))
    assert [organization.signing for organization in response.context["object_list"]] == [1] * 30


def test_the_list_searches_and_filters(organizer):
    make = factories.OrganizationFactory
    andale = make(name="Ándale Boston", kind="families", scope="local", state="MA", languages=["es"])
    make(name="The Bay State Union", kind="union", scope="state", stage="conversation", languages=["en"])
    make(name="Teachers United", kind="union", scope="national", languages=["en", "es"])
    make(name="Andale Worcester", kind="union", binned_at=timezone.now(), state="MA", languages=["es"])
    andale.regions.add(Region.objects.create(name={"en": "Boston"}, slug="boston"))
    andale.constituencies.add(Constituency.objects.create(name={"en": "Latino"}, slug="latino"))
    region, constituency = Region.objects.get().pk, Constituency.objects.get().pk

    def found(**query):
        return names(organizer.get(reverse("organizations:index"), query))

    assert found() == ["Ándale Boston", "The Bay State Union", "Teachers United"]
    assert found(ordering="-alphabetical") == ["Teachers United", "The Bay State Union", "Ándale Boston"]
    assert found(q="andale bos") == ["Ándale Boston"]
    assert found(kind="union") == ["The Bay State Union", "Teachers United"]
    assert found(scope="national") == ["Teachers United"]
    assert found(stage="conversation") == ["The Bay State Union"]
    assert found(state="MA") == ["Ándale Boston"]
    assert found(language="es") == ["Ándale Boston", "Teachers United"]
    assert found(region=region) == ["Ándale Boston"]
    assert found(constituency=constituency) == ["Ándale Boston"]
    assert found(q="andale", language="en") == []


ENTERED = {
    "name": "Teachers  United",
    "printed_name_0": "Teachers United",
    "printed_name_1": "Docentes Unidos",
    "kind": "union",
    "scope": "state",
    "state": "MA",
    "website": "teachers.example.org",
    "languages": ["en", "es"],
    "stage": "partner",
}


def test_adding_and_changing_an_organization(organizer):
    response = organizer.post(reverse("organizations:add"), ENTERED)
    organization = Organization.objects.get()
    assert response.url == reverse("organizations:inspect", args=[organization.pk])
    assert (organization.name, organization.name_in("es"), organization.languages) == (
        "Teachers United",
        "Docentes Unidos",
        ["en", "es"],
    )
    assert organization.website == "https://teachers.example.org"
    organizer.post(reverse("organizations:edit", args=[organization.pk]), ENTERED | {"city": "Lowell"})
    organization.refresh_from_db()
    assert organization.city == "Lowell"
    assert list(organization.entries.values_list("kind", "by")) == [
        ("edit", organizer.user.pk),
        ("joined", organizer.user.pk),
    ]


def test_one_organization_is_not_added_twice(organizer):
    factories.OrganizationFactory(name="Téachers united")
    response = organizer.post(reverse("organizations:add"), ENTERED)
    assert "An organization of this name is here already." in response.content.decode()
    assert Organization.objects.count() == 1


REPRESENTATIVE = {
    "name": "Ana Núñez",
    "email": "ana@x.example.org",
    "language": "es",
    "title_0": "Director",
    "title_1": "Directora",
    "role": "signatory",
    "may_sign": "on",
}


def test_a_representative_is_a_person_found_or_added(organizer):
    organization = factories.OrganizationFactory()
    known = factories.PersonFactory(name="Ana Núñez", email="ana@x.example.org")
    url = reverse("organizations:add_representative", args=[organization.pk])
    organizer.post(url, REPRESENTATIVE)
    organizer.post(url, REPRESENTATIVE | {"name": "Ben Ruiz", "email": "ben@x.example.org", "may_sign": ""})
    assert list(organization.representatives.order_by("pk").values_list("person__name", "may_sign")) == [
        ("Ana Núñez", True),
        ("Ben Ruiz", False),
    ]
    assert organization.representatives.get(person=known).title.localize("es") == "Directora"
    assert Person.objects.count() == 2
    assert [str(e.text) for e in known.entries.filter(kind="edit")] == [f"Now speaks for {organization}"]


def test_changing_and_removing_a_representative(organizer):
    representative = factories.RepresentativeFactory()
    here = [representative.organization_id, representative.pk]
    entered = {"title_0": "Chair", "title_1": "Presidenta", "role": "designee"}
    organizer.post(reverse("organizations:representative", args=here), entered)
    representative.refresh_from_db()
    assert (representative.role, representative.may_sign, representative.title.localize("es")) == (
        "designee",
        False,
        "Presidenta",
    )
    other = factories.OrganizationFactory()
    assert organizer.post(reverse("organizations:remove", args=[other.pk, representative.pk])).status_code == 404
    organizer.post(reverse("organizations:remove", args=here))
    assert not Representative.objects.exists()
    assert Person.objects.count() == 1


def test_a_note_on_an_organization(organizer):
    organization = factories.OrganizationFactory()
    organizer.post(reverse("organizations:note", args=[organization.pk]), {"text": "Wants to host"})
    page = organizer.get(reverse("organizations:inspect", args=[organization.pk]))
    assert [str(entry.text) for entry in page.context["page_obj"]] == ["Wants to host"]


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ANALYST])
def test_who_may_not_see_people_sees_the_organization_without_them(client, role):
    organization = factories.OrganizationFactory(name="Teachers United")
    person = factories.PersonFactory(name="Zoraida Secreta", email="zoraida@x.example.org")
    representative = factories.RepresentativeFactory(organization=organization, person=person)
    timeline.note(organization, Entry.Kind.NOTE, "Zoraida will host")
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    page = client.get(reverse("organizations:inspect", args=[organization.pk]))
    assert page.status_code == 200
    html = page.content.decode()
    assert "Teachers United" in html
    assert "oraida" not in html
    here = [organization.pk, representative.pk]
    for url in (
        reverse("organizations:representative", args=here),
        reverse("organizations:add_representative", args=here[:1]),
        reverse("organizations:edit", args=here[:1]),
    ):
        assert "oraida" not in client.get(url, follow=True).content.decode()
    client.post(reverse("organizations:remove", args=here))
    client.post(reverse("organizations:note", args=here[:1]), {"text": "x"})
    assert organization.representatives.count() == 1
    assert organization.entries.count() == 1
    people.write_note(person, "still here")
