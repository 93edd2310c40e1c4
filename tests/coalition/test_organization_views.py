"""The back office's pages about organizations: who speaks for them, what they decided, and who may see whom."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coalition import accounts, organizations, people, timeline
from coalition.accounts import Role
from coalition.models import Constituency, CustomField, Entry, Organization, Person, Region, Representative
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


FULL = ENTERED | {
    "size": "large",
    "street": "1 Main St",
    "city": "Lowell",
    "zip": "1850",
    "email": " Office@Teachers.example.ORG",
    "phone": "(413) 555-0100",
}


def test_what_is_entered_is_kept_in_one_normal_form(organizer):
    region = Region.objects.create(name={"en": "Merrimack Valley", "es": "Valle del Merrimack"}, slug="merrimack")
    served = Constituency.objects.create(name={"en": "Latino", "es": "Latina"}, slug="latino")
    CustomField.objects.create(subject="organization", key="chapters", kind="number", label={"en": "Chapters"})
    sent = FULL | {"regions": [region.pk], "constituencies": [served.pk], "custom_chapters": "1,204"}
    organizer.post(reverse("organizations:add"), sent)
    held = Organization.objects.get()
    assert (held.email, held.phone, held.zip) == ("office@teachers.example.org", "+14135550100", "01850")
    assert (list(held.regions.all()), list(held.constituencies.all())) == ([region], [served])
    assert held.custom == {"chapters": 1204}
    assert held.stage_at is not None
    page = organizer.get(reverse("organizations:inspect", args=[held.pk])).content.decode()
    for words in ("Merrimack Valley", "Latino", "(413) 555-0100", "500 to 4,999", "1,204"):
        assert words in page


def test_bad_input_keeps_everything_that_was_entered(organizer):
    wrong = FULL | {"phone": "12", "zip": "x", "website": "no address", "kind": ""}
    html = organizer.post(reverse("organizations:add"), wrong).content.decode()
    for words in ("with its area code", "ZIP code of five digits", 'value="12"', 'value="no address"', "1 Main St"):
        assert words in html
    assert not Organization.objects.exists()


def test_a_name_taken_while_the_form_was_on_its_way_is_said(organizer, monkeypatch):
    factories.OrganizationFactory(name="Teachers United")
    monkeypatch.setattr(organizations, "of_name", lambda name, but=None: None)  # it looked before the other was there
    answer = organizer.post(reverse("organizations:add"), ENTERED | {"another": "on"})
    assert "An organization of this name is here already." in answer.content.decode()
    assert Organization.objects.count() == 1


def test_a_retired_word_is_offered_only_to_who_holds_it(organizer):
    retired = Region.objects.create(name={"en": "Old Colony"}, slug="old", retired_at=timezone.now())
    holder, other = factories.OrganizationFactory(), factories.OrganizationFactory()
    holder.regions.add(retired)
    assert "Old Colony" in organizer.get(reverse("organizations:edit", args=[holder.pk])).content.decode()
    assert "Old Colony" not in organizer.get(reverse("organizations:edit", args=[other.pk])).content.decode()


def test_a_name_that_looks_like_another_is_asked_about_once(organizer):
    factories.OrganizationFactory(name="Teachers United of Lowell")
    answer = organizer.post(reverse("organizations:add"), ENTERED)
    assert "It looks like Teachers United of Lowell." in answer.content.decode()
    assert Organization.objects.count() == 1
    organizer.post(reverse("organizations:add"), ENTERED | {"another": "on"})
    assert Organization.objects.count() == 2
    held = Organization.objects.get(name="Teachers United")
    organizer.post(reverse("organizations:edit", args=[held.pk]), ENTERED | {"city": "Lynn"})  # the same name again
    held.refresh_from_db()
    assert held.city == "Lynn"


def test_in_the_form_too_a_partner_leaves_only_with_a_yes(organizer):
    organizer.post(reverse("organizations:add"), ENTERED)
    url = reverse("organizations:edit", args=[Organization.objects.get().pk])
    answer = organizer.post(url, ENTERED | {"stage": "left", "city": "Lynn"})
    assert "is not asked to sign any more" in answer.content.decode()
    assert Organization.objects.get().stage == "partner"
    organizer.post(url, ENTERED | {"stage": "left", "leaving": "on"})
    assert Organization.objects.get().stage == "left"


def test_into_the_bin_and_out_again(organizer):
    organization = factories.OrganizationFactory(name="By mistake")
    url = reverse("organizations:inspect", args=[organization.pk])
    assert "Put into the bin" in organizer.get(reverse("organizations:bin", args=[organization.pk])).content.decode()
    assert Organization.objects.present().exists()
    for _press in range(2):
        organizer.post(reverse("organizations:bin", args=[organization.pk]))
    assert names(organizer.get(reverse("organizations:index"))) == []
    assert "By mistake" in organizer.get(reverse("organizations:binned")).content.decode()
    assert "In the bin since" in organizer.get(url).content.decode()
    assert organizer.get(reverse("organizations:edit", args=[organization.pk])).status_code == 404
    answer = organizer.post(reverse("organizations:add"), ENTERED | {"name": "by Mistake"})
    assert "is in the bin: take it out instead" in answer.content.decode()
    organizer.post(reverse("organizations:restore", args=[organization.pk]))
    assert names(organizer.get(reverse("organizations:index"))) == ["By mistake"]


def test_members_are_found_as_one_types_added_and_removed(organizer):
    organization = factories.OrganizationFactory()
    ana = factories.PersonFactory(name="Ana Núñez", email="ana@x.example.org")
    factories.PersonFactory(name="Ana Binned", binned_at=timezone.now())
    url = reverse("organizations:members", args=[organization.pk])
    found = organizer.post(url, {"q": "nunez"}, headers={"HX-Request": "true"})
    assert [person.pk for person in found.context["found"]] == [ana.pk]
    assert "<html" not in found.content.decode()
    assert organizer.post(url, {"q": "a"}, follow=True).context["found"] == []
    add = reverse("organizations:add_member", args=[organization.pk])
    for _press in range(2):
        organizer.post(add, {"person": ana.pk})
    membership = organization.memberships.get()
    assert "belongs to it already" in organizer.post(url, {"q": "nunez"}, follow=True).content.decode()
    for wrong in ("", "x", "9" * 30, Person.objects.get(name="Ana Binned").pk):
        assert organizer.post(add, {"person": wrong}).status_code == 404
    organizer.post(reverse("organizations:member", args=[organization.pk, membership.pk]), {"role": "Parent"})
    assert organization.memberships.get().role == "Parent"
    asked = organizer.get(reverse("organizations:add_representative", args=[organization.pk]), {"person": ana.pk})
    assert asked.context["form"].initial["name"] == "Ana Núñez"
    other = factories.OrganizationFactory()
    assert organizer.post(reverse("organizations:remove_member", args=[other.pk, membership.pk])).status_code == 404
    organizer.post(reverse("organizations:remove_member", args=[organization.pk, membership.pk]))
    assert not organization.memberships.exists()


def test_the_page_takes_as_many_queries_however_much_hangs_on_it(organizer, django_assert_num_queries):
    organization = factories.OrganizationFactory()

    def grow():
        factories.RepresentativeFactory(organization=organization)
        organization.memberships.create(person=factories.PersonFactory(email=True))
        organization.regions.add(Region.objects.create(name={"en": "x"}, slug=f"r{Region.objects.count()}"))

    grow()
    url = reverse("organizations:inspect", args=[organization.pk])
    organizer.get(url)
    with CaptureQueriesContext(connection) as one:
        organizer.get(url)
    for _number in range(8):
        grow()
    with django_assert_num_queries(len(one)):
        page = organizer.get(url)
    assert (page.context["members_count"], len(page.context["members"])) == (9, 6)


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
    membership = organization.memberships.create(person=factories.PersonFactory(name="Dolores Zoraida"))
    Organization.objects.update(email="zoraida@x.example.org", phone="+14135550187", street="9 Zoraida St")
    timeline.note(organization, Entry.Kind.NOTE, "Zoraida will host")
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    page = client.get(reverse("organizations:inspect", args=[organization.pk]))
    assert page.status_code == 200
    html = page.content.decode()
    assert "Teachers United" in html
    assert "oraida" not in html
    assert "555-0187" not in html
    here = [organization.pk, representative.pk]
    for url in (
        reverse("organizations:representative", args=here),
        reverse("organizations:add_representative", args=here[:1]),
        reverse("organizations:edit", args=here[:1]),
        reverse("organizations:members", args=here[:1]) + "?q=zoraida",
        reverse("organizations:member", args=[organization.pk, membership.pk]),
        reverse("organizations:bin", args=here[:1]),
    ):
        assert "oraida" not in client.get(url, follow=True).content.decode()
    client.post(reverse("organizations:remove", args=here))
    client.post(reverse("organizations:note", args=here[:1]), {"text": "x"})
    client.post(reverse("organizations:add_member", args=here[:1]), {"person": person.pk})
    client.post(reverse("organizations:remove_member", args=[organization.pk, membership.pk]))
    client.post(reverse("organizations:bin", args=here[:1]))
    assert Organization.objects.present().exists()
    assert organization.memberships.count() == 1
    assert organization.representatives.count() == 1
    assert organization.entries.count() == 1
    people.write_note(person, "still here")
