"""Communities people say they belong to: self-declared, optional, sealed, and leaked to nobody."""

import pytest
from django.urls import reverse

from coalition import accounts, belonging, custom, defining, segments
from coalition.accounts import Role
from coalition.models import AuditLine, Constituency, Person, Segment, Sensitive
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def families():
    return Constituency.objects.create(slug="families", name={"en": "Families of the North", "es": "Familias"})


@pytest.fixture
def latino():
    return Constituency.objects.create(slug="latino", name={"en": "Latino people", "es": "Personas latinas"})


@pytest.fixture
def ana(families):
    defining.define(subject="person", kind="text", label={"en": "Health note"}, key="health", sealed=True)
    ana = factories.PersonFactory(name="Ana Núñez", email="ana@x.example.org", opted_in=True)
    belonging.declare(ana, [families], source="self")
    custom.keep_sealed(ana, {"health": "asthma at night"})
    return ana


def staff(client, role):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), role)
    client.force_login(client.user)
    return client


def test_declaring_and_taking_back(families, latino):
    ana = factories.PersonFactory()
    assert belonging.of(ana) == []
    assert belonging.declare(ana, [latino, families], source="self")
    assert belonging.of(ana) == [families, latino]
    assert not belonging.declare(ana, ["families", "latino"], source="self")
    assert belonging.declare(ana, [], source="self")
    assert belonging.of(ana) == []
    assert Sensitive.objects.get().marks == []


def test_only_the_person_can_say_it(families):
    ana = factories.PersonFactory()
    with pytest.raises(ValueError, match="self or told"):
        belonging.declare(ana, [families], source="import")
    with pytest.raises(ValueError, match="not known"):
        belonging.declare(ana, ["made-up"], source="self")
    assert not Sensitive.objects.exists()


def test_P5_the_audit_says_that_it_changed_and_never_to_what(families):
    ana, by = factories.PersonFactory(), factories.UserFactory()
    belonging.declare(ana, [families], source="told", by=by)
    line = AuditLine.objects.get(action="sensitive")
    assert (line.subject_id, line.details, line.by) == (
        str(ana.pk),
        {"did": "changed", "what": "constituencies", "source": "told"},
        by,
    )


def test_a_condition_finds_people_by_marks(families, latino):
    ana, ben, cam = (factories.PersonFactory() for _ in range(3))
    belonging.declare(ana, [families], source="self")
    belonging.declare(ben, [families, latino], source="self")
    found = lambda *which: set(Person.objects.filter(belonging.condition(which)))  # noqa: E731
    assert found(latino) == {ben}
    assert found(families, latino) == {ana, ben}
    assert set(Person.objects.exclude(belonging.condition([families]))) == {cam}
    assert set(segments.matching({"all": [{"is": "constituency", "value": [latino.pk]}]})) == {ben}


def test_a_merge_keeps_what_both_said(families, latino):
    kept, gone = factories.PersonFactory(), factories.PersonFactory()
    belonging.declare(kept, [families], source="self")
    belonging.declare(gone, [latino], source="self")
    belonging.merge(kept, gone)
    assert belonging.of(Person.objects.get(pk=kept.pk)) == [families, latino]
    assert kept in Person.objects.filter(belonging.condition([latino]))


def test_only_an_administrator_holds_the_permission():
    for role in Role:
        user = accounts.give_role(factories.UserFactory(is_superuser=False), role)
        assert belonging.may_see(user) is (role == Role.ADMINISTRATOR)
        assert belonging.may_change(user) is (role == Role.ADMINISTRATOR)


# Pages


@pytest.mark.parametrize("role", [Role.ORGANIZER, Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_P4_no_other_role_reads_a_word_of_it_anywhere(client, ana, families, role):
    staff(client, role)
    here = reverse("people:sensitive", args=[ana.pk])
    segment = segments.keep(Segment(), name="Theirs", tree={"all": [{"is": "constituency", "value": [families.pk]}]})
    for url in (here, reverse("people:inspect", args=[ana.pk]), reverse("people:edit", args=[ana.pk])):
        response = client.get(url)
        assert response.status_code in ((403, 302) if url == here else (200, 302, 403))
        for word in ("Families of the North", "asthma", "Health note"):
            assert word not in response.content.decode()
    response = client.get(reverse("segments:inspect", args=[segment.pk]))
    assert "Ana Núñez" not in response.content.decode()
    assert "Families of the North" not in response.content.decode()
    client.post(here, {"constituencies": []})
    assert belonging.of(ana) == [families]
    assert not AuditLine.objects.filter(action="sensitive", by=client.user).exists()


def test_an_administrator_sees_it_and_every_look_is_recorded(client, ana):
    staff(client, Role.ADMINISTRATOR)
    page = client.get(reverse("people:inspect", args=[ana.pk])).content.decode()
    assert "asthma" not in page
    assert reverse("people:sensitive", args=[ana.pk]) in page
    response = client.get(reverse("people:sensitive", args=[ana.pk]))
    assert "asthma at night" in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    line = AuditLine.objects.filter(action="sensitive", by=client.user).get()
    assert (line.subject, line.subject_id, line.details) == ("coalition.person", str(ana.pk), {"did": "looked"})


def test_an_administrator_enters_what_the_person_told_them(client, ana, families, latino):
    staff(client, Role.ADMINISTRATOR)
    url = reverse("people:sensitive", args=[ana.pk])
    response = client.post(url, {"constituencies": ["latino"], "custom_health": "none"})
    assert response.url == reverse("people:inspect", args=[ana.pk])
    assert belonging.of(ana) == [latino]
    assert custom.sealed_values(ana) == {"health": "none"}
    assert [line.details for line in AuditLine.objects.filter(action="sensitive", by=client.user).order_by("pk")] == [
        {"did": "changed", "fields": ["health"]},
        {"did": "changed", "what": "constituencies", "source": "told"},
    ]


def test_a_forged_or_retired_community_is_refused_and_a_retired_one_stays_with_who_holds_it(client, ana, families):
    staff(client, Role.ADMINISTRATOR)
    url = reverse("people:sensitive", args=[ana.pk])
    assert client.post(url, {"constituencies": ["made-up"]}).status_code == 200
    families.retired_at = "2026-01-01T00:00:00Z"
    families.save()
    client.post(url, {"constituencies": ["families"], "custom_health": "x"})
    assert belonging.of(ana) == [families]
    other = factories.PersonFactory()
    client.post(reverse("people:sensitive", args=[other.pk]), {"constituencies": ["families"]})
    assert belonging.of(other) == []


def test_P1_a_sensitive_field_takes_no_card_number_either(client, ana):
    staff(client, Role.ADMINISTRATOR)
    url = reverse("people:sensitive", args=[ana.pk])
    response = client.post(url, {"constituencies": ["families"], "custom_health": "4111 1111 1111 1111"})
    assert "This looks like a card number" in response.content.decode()
    assert custom.sealed_values(ana) == {"health": "asthma at night"}


def test_an_export_and_the_search_know_nothing_of_it(client, ana):
    staff(client, Role.ORGANIZER)
    response = client.get(reverse("people:list"), {"q": "asthma"}, follow=True)
    assert "Nobody matches" in response.content.decode()
    assert "Ana Núñez" not in response.content.decode()
    assert ana not in segments.matching({"all": [{"is": "field:health", "value": {"how": "filled"}}]})
