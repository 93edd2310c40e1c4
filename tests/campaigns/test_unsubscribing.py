"""One click closes the address at once; following a link never does."""

import pytest
import time_machine
from django.core import signing
from django.test import Client
from django.utils import timezone

from campaigns import sending
from campaigns.models import TrackingEvent
from coalition import consent, people, preferences, privacy
from coalition.models import Address, Consent, Person, Suppression
from tests.factories import MessageFactory, PersonFactory


@pytest.fixture
def ana(installation):
    return PersonFactory(language="es", email="ana@example.org", opted_in=True)


@pytest.fixture
def mail_program():
    """It sends no cookie and no CSRF token."""
    return Client(enforce_csrf_checks=True)


def link(person):
    return f"/u/{preferences.token_for(person.primary_email.pk)}/"


def state(person):
    return person.addresses.get(channel="email").consent


def test_E1_a_post_without_cookie_or_token_unsubscribes_and_answers_200(ana, mail_program):
    relative = PersonFactory(email="ana@example.org", opted_in=True)
    answer = mail_program.post(link(ana), {"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (state(ana), state(relative)) == (Address.Consent.WITHDRAWN, Address.Consent.WITHDRAWN)
    line = Consent.objects.filter(person=ana).first()
    assert (line.source, line.language) == (Consent.Source.ONE_CLICK, "es")


def test_E1_a_get_never_unsubscribes_and_leads_to_the_preferences_in_the_persons_language(ana, client, settings):
    answer = client.get(link(ana))
    assert (answer.status_code, state(ana)) == (302, Address.Consent.GRANTED)
    assert answer["Location"].startswith(f"{settings.PUBLIC_URL}/es/preferences/")
    assert client.head(link(ana)).status_code == 302
    assert state(ana) == Address.Consent.GRANTED


def test_E1_the_link_in_a_real_message_works_and_holds_no_address(ana, mail_program, mailoutbox, settings):
    message = MessageFactory()
    sending.start(message)
    sending.send_next_batch(message)
    sent = mailoutbox[0].message()
    url = sent["List-Unsubscribe"].strip("<>").removeprefix(settings.PUBLIC_URL)
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert ("ana@" in url, "@" in url) == (False, False)
    assert mail_program.post(url, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert state(ana) == Address.Consent.WITHDRAWN
    event = TrackingEvent.objects.get(kind="unsubscribed")
    assert event.delivery == message.deliveries.get()


def test_twice_is_once(ana, mail_program):
    assert [mail_program.post(link(ana)).status_code for _n in range(2)] == [200, 200]
    assert Consent.objects.filter(state=Address.Consent.WITHDRAWN).count() == 1


@pytest.mark.parametrize("token", ["x", "MQ:1abcde:forged", "..", "%00"])
def test_a_forged_token_closes_nothing(ana, mail_program, token):
    assert mail_program.post(f"/u/{token}/").status_code == 404
    assert state(ana) == Address.Consent.GRANTED


def test_a_token_of_another_kind_closes_nothing(ana, mail_program):
    foreign = signing.dumps(ana.primary_email.pk, salt="something.else")
    assert mail_program.post(f"/u/{foreign}/").status_code == 404
    assert state(ana) == Address.Consent.GRANTED


def test_E2_an_old_link_still_unsubscribes(ana, mail_program):
    with time_machine.travel("2024-01-01"):
        old = link(ana)
    assert mail_program.post(old).status_code == 200
    assert state(ana) == Address.Consent.WITHDRAWN


def test_an_address_that_is_gone_answers_404(ana, mail_program):
    url = link(ana)
    Person.objects.all().delete()
    assert mail_program.post(url).status_code == 404


def test_somebody_in_the_bin_can_still_stop(ana, mail_program):
    Person.objects.update(binned_at=timezone.now())
    assert mail_program.post(link(ana)).status_code == 200
    assert consent.is_suppressed("email", "ana@example.org")


def removed(person):
    people.remove_address(person.primary_email)


def gone_quiet(person):
    privacy.anonymise(person)


@pytest.mark.parametrize("go", [removed, gone_quiet])
def test_E2_a_link_in_an_old_message_closes_an_address_that_nobody_holds_any_more(ana, mail_program, go):
    old = link(ana)
    go(ana)
    assert Suppression.objects.count() == 0
    assert mail_program.post(old, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert mail_program.post(old, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert [line.pk for line in Suppression.objects.all()] == [consent.digest("email", "ana@example.org")]
    again = PersonFactory(email="ana@example.org")
    assert consent.grant_many([(again.primary_email, "", timezone.now())], wording="Yes.", source="import") == 0
    assert state(again) == Address.Consent.NONE
