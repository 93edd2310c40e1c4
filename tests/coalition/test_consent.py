"""Consent: a yes is for one person with the words they saw; a stop is for the address, on every record, for good."""

import pytest
from django.db import IntegrityError, transaction

from coalition import consent, people
from coalition.models import Address, Consent, Entry, Suppression
from tests.factories import PersonFactory, UserFactory

GRANTED, WITHDRAWN, NONE = Address.Consent.GRANTED, Address.Consent.WITHDRAWN, Address.Consent.NONE
YES = {"wording": "Yes, write to me.", "language": "en", "source": Consent.Source.FORM}


@pytest.fixture
def email(db):
    return PersonFactory(email="ana@example.org").addresses.get()


def state(address):
    return Address.objects.get(pk=address.pk).consent


def test_S1_a_yes_keeps_wording_language_source_time_and_who(email):
    staff = UserFactory()
    line = consent.grant(email, wording="Yes.", language="es", source=Consent.Source.STAFF, evidence="call", by=staff)
    assert (line.wording, line.language, line.source, line.evidence, line.by) == ("Yes.", "es", "staff", "call", staff)
    assert (state(email), Address.objects.get().consent_at) == (GRANTED, line.at)
    assert Entry.objects.get(kind=Entry.Kind.CONSENT).text.localize("en") == "Said yes to email"


@pytest.mark.parametrize("wording", ["", "   "])
def test_S1_without_the_words_there_is_no_consent(email, wording):
    with pytest.raises(ValueError, match="wording"):
        consent.grant(email, wording=wording, language="en", source=Consent.Source.FORM)
    assert (state(email), Consent.objects.count()) == (NONE, 0)


def test_S1_the_database_refuses_a_yes_without_words(email):
    with pytest.raises(IntegrityError), transaction.atomic():
        Consent.objects.create(
            address=email, person=email.person, state=GRANTED, language="en", source="form", at=email.created_at
        )


def test_S1_a_yes_to_email_is_no_yes_to_texts(email):
    phone = people.add_address(email.person, "phone", "+14135550177")
    consent.grant(email, **YES)
    assert (state(email), state(phone)) == (GRANTED, NONE)


def test_a_yes_is_for_one_person_of_a_family(email):
    relative = PersonFactory(email="ana@example.org").addresses.get()
    consent.grant(email, **YES)
    assert (state(email), state(relative)) == (GRANTED, NONE)


def test_S4_a_stop_is_for_the_address_on_every_record(email):
    relative = PersonFactory(email="ana@example.org").addresses.get()
    other = PersonFactory(email="eva@example.org", opted_in=True).addresses.get()
    consent.grant(email, **YES)
    assert consent.withdraw("email", "ana@example.org", source=Consent.Source.ONE_CLICK) == 2
    assert (state(email), state(relative), state(other)) == (WITHDRAWN, WITHDRAWN, GRANTED)


def test_a_second_stop_adds_no_line(email):
    for _n in range(2):
        consent.withdraw("email", "ana@example.org", source=Consent.Source.ONE_CLICK)
    assert (Consent.objects.count(), Suppression.objects.count()) == (1, 1)


def test_P4_the_stop_of_an_unknown_address_is_kept_as_a_keyed_hash(db):
    assert consent.withdraw("email", "new@example.org", source=Consent.Source.COMPLAINT) == 0
    assert consent.is_suppressed("email", "new@example.org") is True
    assert "new@example.org" not in str(list(Suppression.objects.values()))


@pytest.mark.parametrize("source", [Consent.Source.IMPORT, Consent.Source.STAFF])
def test_a_list_never_reopens_what_said_stop(email, source):
    consent.withdraw("email", "ana@example.org", source=Consent.Source.ONE_CLICK)
    assert consent.grant(email, wording="Yes.", language="en", source=source) is None
    assert state(email) == WITHDRAWN


def test_a_list_never_opens_an_address_that_stopped_before_we_knew_it(db):
    consent.withdraw("email", "new@example.org", source=Consent.Source.ONE_CLICK)
    address = PersonFactory(email="new@example.org").addresses.get()
    assert consent.grant(address, wording="Yes.", language="en", source=Consent.Source.IMPORT) is None
    assert state(address) == NONE


def test_a_person_may_come_back(email):
    consent.withdraw("email", "ana@example.org", source=Consent.Source.ONE_CLICK)
    assert consent.grant(email, **YES) is not None
    assert (state(email), consent.is_suppressed("email", "ana@example.org")) == (GRANTED, False)
    assert [line.state for line in email.history.all()] == [GRANTED, WITHDRAWN]


def test_asking_is_not_a_yes_and_never_takes_one_away(email):
    asked = YES | {"wording": "Shall we write to you?"}
    consent.ask(email, **asked)
    assert state(email) == Address.Consent.ASKED
    consent.grant(email, **YES)
    assert consent.ask(Address.objects.get(pk=email.pk), **asked) is None
    assert state(email) == GRANTED


def test_S9_a_fault_is_no_wish_and_a_new_address_clears_it(email):
    consent.grant(email, **YES)
    assert consent.mark_fault("email", "ana@example.org", Address.Fault.BOUNCED) == 1
    assert consent.mark_fault("email", "ana@example.org", Address.Fault.BOUNCED) == 0
    found = Address.objects.get(pk=email.pk)
    assert (found.consent, found.fault, found.is_open) == (GRANTED, Address.Fault.BOUNCED, False)
    assert people.add_address(email.person, "email", "ana.new@example.org").fault == ""
