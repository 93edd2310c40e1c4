"""Addresses that are somebody's, but that our mail server cannot write to: held back with a reason, never dead."""

import pytest

from campaigns import sending
from campaigns.models import Delivery
from coalition import consent
from coalition.channels.smtp import SmtpCarrier
from coalition.models import Address, Consent
from coalition.templatetags.people import reach_tone, reach_words
from tests.factories import MessageFactory, PersonFactory

pytestmark = pytest.mark.django_db
State, Reason = Delivery.State, Delivery.Reason


class Letterless:
    """An envelope of which only the address matters: it never gets as far as its letter."""

    def __init__(self, to):
        self.to = to


def test_an_email_with_accents_before_the_at_is_held_back_and_stays_as_it_is(installation, mailoutbox):
    message = MessageFactory()
    accented = PersonFactory(email="zoë@example.org", opted_in=True)
    plain = PersonFactory(email="zoe@example.org", opted_in=True)
    sending.start(message)
    while sending.send_next_batch(message):
        pass
    found = {d.person: (d.state, d.reason) for d in message.deliveries.select_related("person")}
    assert found == {accented: (State.HELD, Reason.CLOSED), plain: (State.SENT, "")}
    assert [letter.to for letter in mailoutbox] == [["zoe@example.org"]]
    address = accented.addresses.get()
    assert (address.fault, address.consent) == ("", Address.Consent.GRANTED)
    assert (reach_tone(address), reach_words(address)) == ("warn", "Our mail server cannot write to it")


def test_S4_a_stop_of_such_an_address_counts(installation):
    accented = PersonFactory(email="zoë@example.org", opted_in=True)
    consent.withdraw("email", "zoë@example.org", source=Consent.Source.STAFF)
    address = accented.addresses.get()
    assert (address.consent, reach_words(address)) == (Address.Consent.WITHDRAWN, "Said stop")


def test_smtp_does_not_call_such_an_address_dead():
    carrier = SmtpCarrier(None, None, None)
    outcomes = carrier.send([Letterless("zoë@example.org"), Letterless("nobody at all")], deadline=0)
    assert [(outcome.status.value, outcome.dead) for outcome in outcomes] == [("failed", False), ("failed", True)]
