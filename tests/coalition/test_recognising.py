"""Who comes back is recognised, not doubled, and nobody's record takes what a stranger typed; who is alive is known."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns import registering, subscribing
from coalition import accounts, consent, people, signing_on, timeline
from coalition.accounts import Role
from coalition.models import Address, Consent, Entry, Lookalike, Person
from tests import factories

from .signons import open_round

pytestmark = pytest.mark.django_db


def held(person):
    return sorted(person.addresses.values_list("value", flat=True))


def pairs():
    return [(pair.first.name, pair.second.name, pair.state) for pair in Lookalike.objects.order_by("pk")]


# Recognised by a form


def test_who_comes_back_is_the_same_person_whatever_the_case_and_accents():
    ana = factories.PersonFactory(name="Ana Núñez", email="ana@x.example.org", phone="+14135550142")
    for entered in (
        {"name": "ana nunez", "email": "ANA@x.example.org"},
        {"name": "", "phone": "413 555 0142"},
        {"name": "Ana Núñez", "email": "ana@x.example.org", "phone": "(413) 555-0142"},
    ):
        assert people.recognise(language="en", **entered) == ana
    assert (Person.objects.count(), Lookalike.objects.count()) == (1, 0)


def test_a_new_person_holds_both_addresses_of_the_form():
    reached = people.reach(name="Ana Núñez", email="ana@x.example.org", phone="413 555 0142", language="es")
    person = Person.objects.get()
    assert {channel: address.person for channel, address in reached.items()} == {"email": person, "phone": person}
    assert (person.given_name, person.family_name, pairs()) == ("Ana", "Núñez", [])


def test_a_stranger_gives_a_known_person_no_second_address():
    ana = factories.PersonFactory(name="Ana", email="ana@x.example.org")
    reached = people.reach(name="Ana", email="ana@x.example.org", phone="413 555 0142", language="en")
    assert reached["email"].person == ana
    other = reached["phone"].person
    assert (held(ana), held(other)) == (["ana@x.example.org"], ["+14135550142"])
    assert pairs() == [("Ana", "Ana", "open")]
    again = people.reach(name="Ana", email="ana@x.example.org", phone="413 555 0142", language="en")
    assert (again["phone"].person, Person.objects.count(), len(pairs())) == (other, 2, 1)


def test_two_known_people_whom_one_form_names_are_shown_to_the_staff_once():
    ana = factories.PersonFactory(name="Ana", email="ana@x.example.org")
    unnamed = factories.PersonFactory(name="", given_name="", family_name="", phone="+14135550142")
    people.are_different(ana, [unnamed])
    people.recognise(name="Ana", email="ana@x.example.org", phone="413 555 0142", language="en")
    assert [pair.state for pair in Lookalike.objects.all()] == ["different"]
    assert Person.objects.count() == 2


def test_a_family_shares_an_address_and_stays_several_people():
    factories.PersonFactory(name="Ana", email="us@x.example.org", phone="+14135550142")
    ben = people.recognise(name="Ben", email="us@x.example.org", phone="413 555 0142", language="en")
    assert (ben.name, held(ben)) == ("Ben", ["+14135550142", "us@x.example.org"])


def test_S1_joining_by_the_form_asks_each_address_where_it_stands(installation):
    installation.email_wording = {"en": "Email me.", "es": "Escríbanme."}
    installation.save()
    ana = factories.PersonFactory(name="Ana", email="ana@x.example.org", zip="")
    subscribing.join(
        name="Ana",
        language="en",
        email="ana@x.example.org",
        phone="413 555 0142",
        zip_code="01040",
        by_email=True,
        by_text=True,
    )
    asked = Address.objects.order_by("channel").values_list("value", "consent", "person__zip")
    assert list(asked) == [("ana@x.example.org", "asked", "01040"), ("+14135550142", "asked", "01040")]
    assert held(ana) == ["ana@x.example.org"]


# Added by staff


@pytest.fixture
def organizer(client):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(client.user)
    return client


FORM = dict.fromkeys(("name", "given_name", "family_name", "street", "city", "state", "zip"), "") | {"language": "en"}


@pytest.mark.parametrize(
    "entered",
    [{"email": "ANA@x.example.org"}, {"phone": "413-555-0142"}, {"name": "ana NUNEZ", "zip": "01103"}],
)
def test_who_may_be_known_is_shown_before_somebody_is_added_twice(organizer, entered):
    ana = factories.PersonFactory(name="Ana Núñez", zip="01103", email="ana@x.example.org", phone="+14135550142")
    entered = FORM | {"name": "Somebody"} | entered
    response = organizer.post(reverse("people:add"), entered)
    assert (response.context["alike"], Person.objects.count()) == ([ana], 1)
    assert reverse("people:inspect", args=[ana.pk]) in response.content.decode()
    organizer.post(reverse("people:add"), entered | {"sure": "1"})
    assert Person.objects.count() == 2
    pair = Lookalike.objects.get()
    assert (pair.state, pair.decided_by) == ("different", organizer.user)


def test_a_new_name_or_a_known_persons_own_address_asks_nothing(organizer):
    ana = factories.PersonFactory(name="Ana Núñez", zip="01103", email="ana@x.example.org")
    organizer.post(reverse("people:add"), FORM | {"name": "Ana Núñez", "zip": "55407"})
    assert Person.objects.count() == 2
    entered = FORM | {"name": "Ana Núñez", "zip": "01103", "email": "ana@x.example.org"}
    assert organizer.post(reverse("people:edit", args=[ana.pk]), entered).status_code == 302


# Last active


def active(person):
    person.refresh_from_db()
    return person.last_active_at


def test_what_people_do_themselves_is_a_sign_of_life_and_what_is_done_to_them_is_not(person):
    staff = factories.UserFactory()
    timeline.note(person, Entry.Kind.NOTE, "A note")
    timeline.note(person, Entry.Kind.REPLY, "We answered", by=staff)
    timeline.note(person, Entry.Kind.MESSAGE, "Got the email")
    email = people.add_address(person, "email", "ana@x.example.org")
    consent.grant(email, wording="Yes", language="en", source=Consent.Source.IMPORT)
    consent.withdraw("email", email.value, source=Consent.Source.PROVIDER)
    assert active(person) is None
    day = timezone.now() - timedelta(days=3)
    timeline.note(person, Entry.Kind.REPLY, "Sent us a text", at=day)
    timeline.note(person, Entry.Kind.REPLY, "An older text", at=day - timedelta(days=1))
    assert active(person) == day


def test_signing_and_registering_are_signs_of_life_and_being_asked_is_not(publication, editor, installation):
    representative = factories.RepresentativeFactory()
    round_ = open_round(publication, editor)
    signing_on.invite(round_, [representative], by=editor)
    assert active(representative.person) is None
    registering.register(factories.WebinarFactory(), name="Eva", email="eva@x.example.org", language="es")
    assert active(Person.objects.get(name="Eva"))


# The bin


def test_the_links_of_somebody_in_the_bin_do_nothing_until_they_come_back(client, installation):
    webinar = factories.WebinarFactory()
    registration = registering.register(webinar, name="Eva", email="eva@x.example.org", language="en")
    address = registration.person.addresses.get()
    line = consent.ask(address, wording="Yes", language="en", source=Consent.Source.FORM)
    links = [registering.personal_url(registration), subscribing.confirm_url(line, "en")]
    links = ["/" + link.split("/", 3)[3] for link in links]
    assert client.get(links[0]).status_code == 200
    people.move_to_bin(registration.person)
    assert client.get(links[0]).status_code == 404
    with pytest.raises(subscribing.LinkError):
        subscribing.asked(links[1].rstrip("/").rsplit("/", 1)[1])
    assert registering.remind_due(webinar.starts_at - timedelta(hours=1)) == 0
    assert people.restore(registration.person) is True
    assert people.restore(registration.person) is False
    assert client.get(links[0]).status_code == 200


def test_the_page_of_somebody_in_the_bin_says_so_and_of_somebody_merged_leads_on(organizer):
    ana, ben = factories.PersonFactory(name="Ana"), factories.PersonFactory(name="Ben")
    page = reverse("people:inspect", args=[ana.pk])
    organizer.post(reverse("people:bin", args=[ana.pk]))
    html = organizer.get(page).content.decode()
    assert ("Take them out of the bin" in html, "Move to the bin" in html) == (True, False)
    for door in ("edit", "stop", "tags"):
        assert organizer.get(reverse(f"people:{door}", args=[ana.pk])).status_code == 404
    assert organizer.post(reverse("people:note", args=[ana.pk]), {"text": "x"}).status_code == 404
    organizer.post(reverse("people:restore", args=[ana.pk]))
    assert Person.objects.present().count() == 2
    Person.objects.filter(pk=ana.pk).update(merged_into=ben, binned_at=timezone.now())
    assert organizer.get(page).url == reverse("people:inspect", args=[ben.pk])
    assert organizer.post(reverse("people:restore", args=[ana.pk])).status_code == 404
