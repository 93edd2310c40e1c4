"""Notices: owed once, sent once, in the person's language; what nobody knows is said to be uncertain."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from coalition import consent, notices, preferences
from coalition.channels import Outcome, Status
from coalition.channels.memory import TextChannel
from coalition.models import Address, Notice
from tests.factories import PersonFactory

State = Notice.State


def owe(key="k", value="ana@example.org", **kwargs):
    return notices.write("plain", channel="email", value=value, language="en", key=key, text="Hello", **kwargs)


@pytest.fixture
def ana(installation):
    return PersonFactory(given_name="Ana <b>", name="Ana <b> D'Arcy", email="ana@example.org", language="es")


def test_the_same_key_is_owed_once(db):
    assert owe().pk == owe().pk
    assert Notice.objects.count() == 1


def test_a_notice_leaves_once(installation, mailoutbox):
    owe(subject="Hi")
    assert [notices.send_due(), notices.send_due()] == [1, 0]
    assert [(m.to, m.subject, m.body) for m in mailoutbox] == [(["ana@example.org"], "Hi", "Hello")]
    notice = Notice.objects.get()
    assert (notice.state, notice.attempts, f"notice-{notice.pk}" in notice.provider_id) == (State.SENT, 1, True)


def test_it_says_that_a_machine_wrote_it_and_in_which_language(installation, mailoutbox):
    owe()
    notices.send_due()
    sent = mailoutbox[0].message()
    assert (sent["Auto-Submitted"], sent["Content-Language"], sent["List-Unsubscribe"]) == (
        "auto-generated",
        "en",
        None,
    )


def test_a_notice_is_written_in_the_persons_language_and_escapes_only_html(ana):
    preferences.send_link("ana@example.org", language="es")
    notice = Notice.objects.get()
    assert '<html lang="es"' in notice.html
    assert "Coalición Educativa Riverbend" in notice.html
    assert "Ana &lt;b&gt;" in notice.html
    assert "Ana <b>" in notice.text
    assert "\n" not in notice.subject


def test_one_that_waits_for_its_time_stays(installation, mailoutbox):
    owe()
    Notice.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert (notices.send_due(), mailoutbox) == (0, [])


def test_a_server_out_of_reach_is_tried_again_later_and_not_for_ever(installation, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    owe()
    for attempt in range(1, notices.TRIES + 1):
        Notice.objects.update(due_at=timezone.now())
        notices.send_due()
        notice = Notice.objects.get()
        assert notice.attempts == attempt
        assert notice.state == (State.FAILED if attempt == notices.TRIES else State.QUEUED)


def test_S11_what_a_dead_worker_held_is_uncertain_and_never_sent_again(installation, mailoutbox):
    owe()
    notices._claim(5)
    assert notices.sweep() == 0
    Notice.objects.update(claimed_at=timezone.now() - timedelta(minutes=6))
    assert (notices.sweep(), notices.send_due(), mailoutbox) == (1, 0, [])
    assert Notice.objects.get().state == State.UNCERTAIN


def test_an_attachment_travels_along(installation, mailoutbox):
    owe(attachments=[{"name": "x.ics", "type": "text/calendar", "content": "BEGIN:VCALENDAR"}])
    notices.send_due()
    assert mailoutbox[0].attachments == [("x.ics", "BEGIN:VCALENDAR", "text/calendar")]


@pytest.mark.parametrize(
    ("code", "state", "fault", "suppressed"),
    [
        (21610, "withdrawn", "", True),
        (21614, "granted", Address.Fault.UNABLE, False),
        (30007, "granted", "", False),
    ],
)
def test_S9_what_the_carrier_says_of_a_number_counts_for_a_notice_too(installation, code, state, fault, suppressed):
    address = PersonFactory(phone="+14135550144", opted_in=True).addresses.get()
    notice = notices.write("text_reply", channel="phone", value=address.value, language="en", key="k", text="Hello")
    notices._learn(notice, Outcome(Status.FAILED, error=f"Twilio {code}", code=code))
    address.refresh_from_db()
    assert (address.consent, address.fault) == (state, fault)
    assert consent.is_suppressed("phone", address.value) is suppressed


def test_E4_an_address_that_the_channel_knows_to_be_dead_is_closed_by_a_notice_too(ana):
    notice = owe()
    notices._learn(notice, Outcome(Status.FAILED, error="550 5.1.1", dead=True))
    assert ana.addresses.get().fault == Address.Fault.BOUNCED


@pytest.fixture
def texts(settings):
    settings.TEXT_PROVIDER = "memory"
    TextChannel.sent.clear()
    return TextChannel.sent


def begun(person, number="+14135550144", **kwargs):
    return notices.write(
        "sign_on_text",
        channel="phone",
        value=number,
        language="en",
        key=f"t{person.pk}",
        text="Hello",
        person=person,
        **kwargs,
    )


EVENING = datetime(2026, 5, 6, 1, 30, tzinfo=UTC)  # Tuesday: 9:30 p.m. in Massachusetts, 6:30 p.m. in California


@time_machine.travel(EVENING, tick=False)
def test_S7_a_text_that_we_begin_waits_for_the_hours_of_its_reader(installation, texts):
    east, west = (
        PersonFactory(phone="+14135550144", opted_in=True),
        PersonFactory(phone="+14155550144", opted_in=True, state="CA", zip="94110"),
    )
    begun(east), begun(west, "+14155550144")
    assert notices.send_due() == 2
    assert [envelope.to for envelope in texts] == ["+14155550144"]
    waits = Notice.objects.get(person=east)
    nine = datetime(2026, 5, 6, 13, tzinfo=UTC)
    assert (waits.state, waits.due_at, notices.send_due()) == (State.QUEUED, nine, 0)
    with time_machine.travel(nine):
        assert notices.send_due() == 1
    assert [envelope.to for envelope in texts] == ["+14155550144", "+14135550144"]


@time_machine.travel(EVENING, tick=False)
def test_S7_what_misses_its_window_and_its_use_is_not_sent_and_says_why(installation, texts):
    notice = begun(PersonFactory(phone="+14135550144", opted_in=True), expires_at=EVENING + timedelta(hours=2))
    notices.send_due()
    with time_machine.travel(EVENING + timedelta(hours=12)):
        notices.send_due()
    notice.refresh_from_db()
    assert (notice.state, notice.error, texts) == (State.FAILED, "too late", [])


@time_machine.travel(EVENING, tick=False)
def test_S7_what_somebody_asked_for_by_text_is_answered_at_once(installation, texts):
    notices.write("text_help", channel="phone", value="+14135550144", language="en", key="h", text="Help: …")
    notices.send_due()
    assert [envelope.text for envelope in texts] == ["Help: …"]


@time_machine.travel(EVENING - timedelta(hours=6), tick=False)
@pytest.mark.parametrize("opted_in", [True, False])
def test_S1_a_text_that_we_begin_needs_a_yes_that_stands_when_it_leaves(installation, texts, opted_in):
    person = PersonFactory(phone="+14135550144", opted_in=opted_in)
    other = PersonFactory(phone="+14135550145", opted_in=True)
    notice, kept = begun(person), begun(other, "+14135550145")
    if opted_in:
        with time_machine.travel(EVENING - timedelta(hours=5)):
            consent.withdraw("phone", "+14135550144", source="keyword")
    notices.send_due()
    notice.refresh_from_db()
    kept.refresh_from_db()
    assert [envelope.to for envelope in texts] == ["+14135550145"]
    assert (notice.state, kept.state) == (State.FAILED, State.SENT)
    assert notice.error in ("said stop", "no consent")
