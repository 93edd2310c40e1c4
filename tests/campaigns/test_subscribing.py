"""Joining by the form: each channel ticked for itself, and nothing open before a yes."""

import re

import pytest
from django.core import mail
from django.urls import reverse
from django.utils.translation import override

from campaigns import subscribing
from coalition import consent
from coalition.models import Address, Consent, Notice, Person
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def wording(installation):
    installation.email_wording = {"en": "News by email.", "es": "Noticias por correo."}
    installation.text_wording = {"en": "Texts, about 4 a month.", "es": "Mensajes de texto, unos 4 al mes."}
    installation.save()


def fields(**changed):
    return {"name": "Lucía Peña", "email": "Lucia@Example.org", "phone": "", "zip_code": "01103", **changed}


def test_S1_a_text_box_of_its_own_and_no_consent_before_the_yes(client, wording):
    with override("es"):
        address = reverse("campaigns:subscribe")
    assert address == "/es/recibir-noticias/"
    client.post(address, fields(phone="413 555 0123", by_text="on"))
    person = Person.objects.get()
    assert person.language == "es"
    assert {a.channel: a.consent for a in person.addresses.all()} == {"email": "none", "phone": "asked"}
    line = Consent.objects.get()
    assert (line.wording, line.language, line.source) == ("Mensajes de texto, unos 4 al mes.", "es", "form")
    assert [(n.channel, n.value, n.language) for n in Notice.objects.all()] == [("phone", "+14135550123", "es")]


def test_the_link_shows_a_button_and_only_the_button_confirms(client, wording):
    client.post("/en/get-updates/", fields(by_email="on"))
    line = Consent.objects.get()
    path = re.search(r"http://127.0.0.1:8000(/en/get-updates/\S+/)", Notice.objects.get().text)[1]
    client.get(path)
    assert Address.objects.get().consent == "asked"
    client.post(path)
    client.post(path)
    assert Address.objects.get().consent == "granted"
    granted = Consent.objects.filter(state="granted")
    assert [(c.wording, c.evidence) for c in granted] == [("News by email.", f"confirmed consent {line.pk}")]


def test_a_double_press_asks_once(client, wording):
    for _press in range(2):
        client.post("/en/get-updates/", fields(by_email="on"))
    assert (Person.objects.count(), Notice.objects.count(), Consent.objects.count()) == (1, 1, 1)


def test_who_agreed_already_hears_nothing_and_the_page_does_not_tell(client, wording):
    known = factories.PersonFactory(name="Lucía Peña", email="lucia@example.org", opted_in=True)
    answer = client.post("/en/get-updates/", fields(by_email="on"))
    assert answer.status_code == 302
    assert Notice.objects.count() == 0
    assert list(Person.objects.all()) == [known]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"by_email": "on", "email": "not an address"}, "email"),
        ({"by_email": "on", "email": ""}, "email"),
        ({"by_text": "on"}, "phone"),
        ({"by_text": "on", "phone": "12"}, "phone"),
        ({}, "by_email"),
        ({"by_email": "on", "name": "Win at https://x.example"}, "name"),
        ({"by_email": "on", "zip_code": "0213"}, "zip_code"),
    ],
)
def test_bad_input_is_told_beside_the_field_and_nothing_is_stored(client, wording, changed, field):
    answer = client.post("/en/get-updates/", fields(**changed))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert Person.objects.count() == 0
    assert mail.outbox == []


def test_S4_a_stranger_cannot_have_a_stopped_number_texted(client, wording):
    known = factories.PersonFactory(name="Lucía Peña", phone="+14135550123", opted_in=True)
    consent.withdraw("phone", "+14135550123", source=Consent.Source.REPLY)
    for name in ("Lucía Peña", "Somebody Else"):
        answer = client.post("/en/get-updates/", fields(name=name, email="", phone="413 555 0123", by_text="on"))
        assert answer.status_code == 302  # the page does not tell
    assert Notice.objects.count() == 0
    assert known.addresses.get().consent == "withdrawn"
    assert consent.is_suppressed("phone", "+14135550123")


def test_nobody_can_fill_a_mailbox_by_inventing_names(client, wording):
    for number in range(6):
        client.post("/en/get-updates/", fields(name=f"Name {number}", by_email="on"))
    assert Notice.objects.count() == subscribing.ASKED_AT_MOST


@pytest.mark.parametrize("token", ["nonsense", "MQ:1abcde:forged"])
def test_a_forged_link_is_told_so(client, wording, token):
    answer = client.get(f"/es/recibir-noticias/{token}/")
    assert answer.status_code == 404
