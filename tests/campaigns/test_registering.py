"""Registering for a webinar: seats, needs, notices, and what a stranger cannot learn or change."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from campaigns import registering
from campaigns.models import Registration, Webinar
from coalition import consent, notices
from coalition.models import Address, Consent, Notice, Person, Suppression
from tests.factories import PersonFactory, UserFactory, WebinarFactory

pytestmark = pytest.mark.django_db
Access = Registration.Access


@pytest.fixture
def webinar(installation):
    installation.email_wording = {"en": "Send me news by email.", "es": "Quiero noticias por correo."}
    installation.save()
    made = WebinarFactory(join_url="https://meet.example.org/j/1")
    made.refresh_from_db()
    return made


def register(webinar, name="Ana Peña", email="ana@people.example.org", language="es", **needs):
    return registering.register(webinar, name=name, email=email, language=language, **needs)


def kinds(registration):
    return list(registration.person.notices.order_by("pk").values_list("kind", flat=True))


def test_a_registration_adds_the_person_their_timeline_and_owes_one_confirmation(webinar):
    registration = register(webinar, interpretation="es", access_needs="Letra grande")
    assert registration.person.name == "Ana Peña"
    assert registration.person.language == "es"
    assert [e.kind for e in registration.person.entries.order_by("pk")] == ["joined", "registration"]
    notice = registration.person.notices.get()
    assert (notice.kind, notice.value, notice.language) == ("registration", "ana@people.example.org", "es")
    assert registering.personal_url(registration) in notice.text
    assert "ana@" not in registering.personal_url(registration)


def test_the_confirmation_is_written_in_the_persons_language_with_the_zone(webinar):
    notice = register(webinar).person.notices.get()
    assert "Voces de la comunidad" in notice.subject
    assert "hora del este" in notice.text
    assert "/es/" in notice.text
    english = register(webinar, name="Pat Lee", email="pat@people.example.org", language="en").person.notices.get()
    assert "Eastern Time" in english.text
    assert "/en/" in english.text


def test_the_confirmation_leaves_with_a_calendar_part(webinar, mailoutbox):
    register(webinar)
    notices.send_due()
    [message] = mailoutbox
    [part] = [p for p in message.message().walk() if p.get_content_type() == "text/calendar"]
    assert part.get_param("method") == "PUBLISH"
    assert part.get_content_charset() == "utf-8"
    assert part.get_filename() == "webinar.ics"
    assert part.get_payload(decode=True).decode().startswith("BEGIN:VCALENDAR")


def test_a_line_break_in_a_title_starts_no_header(webinar, mailoutbox):
    Webinar.objects.update(title={"en": "Hello\r\nBcc: all@example.org", "es": "Hola\r\nBcc: all@example.org"})
    register(webinar)
    notices.send_due()
    assert mailoutbox[0].bcc == []
    assert "\n" not in mailoutbox[0].subject


def test_a_double_press_is_one_seat_and_one_email(webinar):
    first = register(webinar, captions=True)
    second = register(webinar, captions=True)
    assert first.pk == second.pk
    assert webinar.seats_taken == 1
    assert kinds(first) == ["registration"]


def test_the_last_seat_pressed_twice_is_kept(webinar):
    Webinar.objects.update(capacity=1)
    first = register(webinar)
    again = register(webinar)
    assert again.pk == first.pk
    assert not registering.tells_nothing(again)


def test_a_full_webinar_stores_nothing(webinar):
    Webinar.objects.update(capacity=1)
    register(webinar)
    with pytest.raises(registering.Full):
        register(webinar, name="Luz Vega", email="luz@people.example.org", updates="es")
    assert not Person.objects.filter(name="Luz Vega").exists()
    assert not Address.objects.filter(value="luz@people.example.org").exists()


@pytest.mark.parametrize("how", ["over", "off"])
def test_a_closed_webinar_stores_nothing(webinar, how):
    if how == "over":
        past = timezone.now() - timedelta(days=2)
        Webinar.objects.update(starts_at=past, ends_at=past + timedelta(hours=1))
    else:
        registering.call_off(webinar)
    with pytest.raises(registering.Closed):
        register(webinar)
    assert not Person.objects.exists()


def test_a_wrong_address_stores_nothing(webinar):
    with pytest.raises(ValidationError):
        register(webinar, email="ana at home")
    assert not Person.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ten_people_at_once_for_three_seats(installation):
    webinar = WebinarFactory(capacity=3)
    answers, start = [], threading.Barrier(10)

    def press(number):
        try:
            start.wait()
            register(webinar, name=f"Person {number}", email=f"p{number}@people.example.org")
            answers.append("registered")
        except registering.Full:
            answers.append("full")
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=[number]) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["full"] * 7 + ["registered"] * 3
    assert webinar.seats_taken == 3
    assert Person.objects.count() == 3
    assert Notice.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_the_same_person_pressing_at_once_is_one_registration(installation):
    webinar = WebinarFactory(capacity=3)
    start = threading.Barrier(4)

    def press():
        try:
            start.wait()
            register(webinar)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Registration.objects.count() == 1
    assert Notice.objects.count() == 1


# What a stranger can do by typing somebody's address


def test_typing_it_again_fills_blanks_and_takes_nothing_away(webinar):
    held = register(webinar, interpretation="es", access_needs="Letra grande")
    registering.answer_request(held, Access.CONFIRMED)
    register(webinar, language="en", interpretation="asl", captions=True, access_needs="nothing at all")
    held.refresh_from_db()
    assert (held.interpretation, held.access_needs, held.language) == ("es", "Letra grande", "es")
    assert (held.captions, held.captions_state) == (True, Access.ASKED)
    assert (held.interpretation_state, held.access_state) == (Access.CONFIRMED, Access.CONFIRMED)


def test_typing_it_again_sends_the_link_to_the_registered_address_at_most_once_an_hour(webinar):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        held = register(webinar)
        for _minute in range(5):
            clock.shift(timedelta(minutes=5))
            register(webinar)
        assert kinds(held) == ["registration"]
        clock.shift(timedelta(hours=1))
        register(webinar)
        register(webinar)
        assert kinds(held) == ["registration", "registration"]
        assert {n.value for n in held.person.notices.all()} == {"ana@people.example.org"}


def test_a_full_webinar_answers_a_stranger_alike_whoever_has_a_seat(webinar):
    Webinar.objects.update(capacity=1)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        register(webinar)
        clock.shift(timedelta(hours=2))
        assert registering.tells_nothing(register(webinar))


def test_another_name_at_the_same_address_is_another_person(webinar):
    ana = register(webinar, interpretation="es")
    luis = register(webinar, name="Luis Peña")
    assert luis.person != ana.person
    assert luis.interpretation == ""


def test_the_link_changes_with_the_address(webinar):
    person = PersonFactory(given_name="Ana", family_name="Peña", email="ana@people.example.org")
    person.addresses.create(channel="email", value="new@people.example.org", primary=False)
    held = register(webinar)
    old = held.nonce
    registering.cancel(held)
    again = register(webinar, email="new@people.example.org")
    assert again.pk == held.pk
    assert again.nonce != old


# News by email


def test_an_unticked_box_is_no_consent(webinar):
    address = register(webinar).person.primary_email
    assert address.consent == Address.Consent.NONE
    assert not Consent.objects.exists()


def test_the_yes_to_news_is_kept_in_the_words_that_were_shown(webinar):
    person = register(webinar, language="en", updates="es").person
    line = Consent.objects.get()
    assert (line.state, line.wording, line.language) == ("granted", "Quiero noticias por correo.", "es")
    assert person.primary_email.is_open


def test_E3_a_form_cannot_reopen_an_address_that_said_stop_but_its_own_link_can(webinar):
    consent.withdraw("email", "ana@people.example.org", source=Consent.Source.ONE_CLICK)
    held = register(webinar, updates="es")
    address = held.person.primary_email
    assert address.consent == Address.Consent.ASKED
    assert not address.is_open
    assert Suppression.objects.exists()
    assert registering.confirm_news(held)
    assert not registering.confirm_news(held)
    address.refresh_from_db()
    assert address.is_open
    assert Consent.objects.filter(state="granted").get().wording == "Quiero noticias por correo."
    assert not Suppression.objects.exists()


# Cancelling, coming back, changing


def test_cancelling_gives_the_seat_back_once_and_tells_it(webinar):
    Webinar.objects.update(capacity=1)
    held = register(webinar)
    assert registering.cancel(held)
    assert not registering.cancel(held)
    assert kinds(held) == ["registration", "registration_cancelled"]
    register(webinar, name="Luz Vega", email="luz@people.example.org")
    with pytest.raises(registering.Full):
        registering.register_again(held)


def test_coming_back_asks_again_for_what_was_confirmed(webinar):
    held = register(webinar, interpretation="es")
    registering.answer_request(held, Access.CONFIRMED)
    registering.cancel(held)
    held = registering.register_again(held)
    assert (held.state, held.interpretation_state) == (Registration.State.REGISTERED, Access.ASKED)
    assert registering.register_again(held).pk == held.pk
    assert kinds(held) == ["registration", "registration_cancelled", "registration"]


def test_staff_who_cancel_stand_on_the_timeline(webinar):
    user = UserFactory()
    held = register(webinar)
    registering.cancel(held, by=user)
    assert held.person.entries.order_by("-pk").first().by == user


def test_behind_the_link_what_is_said_replaces_what_was(webinar):
    held = register(webinar, interpretation="es", captions=True)
    registering.answer_request(held, Access.CONFIRMED)
    held = registering.change(held, language="en", interpretation="", captions=True, access_needs="A call-in number")
    assert (held.language, held.interpretation, held.interpretation_state) == ("en", "", "")
    assert (held.captions, held.captions_state) == (True, Access.CONFIRMED)
    assert (held.access_needs, held.access_state) == ("A call-in number", Access.ASKED)


# Requests


def test_W2_each_request_has_a_state_of_its_own(webinar):
    held = register(webinar, interpretation="asl", captions=True)
    assert registering.answer_request(held, Access.CONFIRMED, kind="interpretation")
    assert not registering.answer_request(held, Access.CONFIRMED, kind="interpretation")
    assert registering.answer_request(held, Access.PROVIDED, kind="interpretation")
    assert not registering.answer_request(held, Access.CONFIRMED, kind="access_needs")
    held.refresh_from_db()
    assert (held.interpretation_state, held.captions_state, held.access_state) == ("provided", "asked", "")


def test_W2_the_same_request_of_everybody_is_answered_at_once(webinar):
    spanish = [register(webinar, name=f"P{n}", email=f"p{n}@people.example.org", interpretation="es") for n in range(3)]
    sign = register(webinar, name="Q", email="q@people.example.org", interpretation="asl")
    registering.answer_request(spanish[0], Access.PROVIDED)
    registering.cancel(spanish[1])
    assert registering.answer_all(webinar, Access.CONFIRMED, kind="interpretation", value="es") == 1
    states = dict(Registration.objects.values_list("pk", "interpretation_state"))
    assert [states[r.pk] for r in [*spanish, sign]] == ["provided", "asked", "confirmed", "asked"]


# Changes and calling off


def test_a_new_time_is_told_once_to_everybody_who_is_registered(webinar):
    coming = register(webinar)
    gone = register(webinar, name="Luz Vega", email="luz@people.example.org")
    registering.cancel(gone)
    webinar.starts_at += timedelta(hours=1)
    webinar.ends_at += timedelta(hours=1)
    assert registering.people_to_tell(webinar) == 1
    assert registering.reschedule(webinar) == 1
    assert registering.people_to_tell(webinar) == 0
    assert [registering.tell_changes(), registering.tell_changes()] == [1, 0]
    assert kinds(coming) == ["registration", "webinar_changed"]
    assert kinds(gone) == ["registration", "registration_cancelled"]


def test_seats_and_languages_change_without_telling_anybody(webinar):
    register(webinar)
    webinar.capacity, webinar.asl_interpretation = 50, False
    assert registering.people_to_tell(webinar) == 0
    assert registering.reschedule(webinar) == 0
    assert registering.tell_changes() == 0
    webinar.refresh_from_db()
    assert (webinar.capacity, webinar.sequence) == (50, 0)


def test_who_registers_after_a_change_is_not_told_of_it(webinar):
    webinar.starts_at += timedelta(minutes=30)
    registering.reschedule(webinar)
    held = register(webinar)
    assert registering.tell_changes() == 0
    assert kinds(held) == ["registration"]


def test_telling_many_goes_in_turns(webinar):
    for number in range(5):
        register(webinar, name=f"P{number}", email=f"p{number}@people.example.org")
    registering.call_off(webinar)
    assert [registering.tell_changes(limit=2) for _turn in range(4)] == [2, 2, 1, 0]
    assert Notice.objects.filter(kind="webinar_cancelled").count() == 5


def test_calling_off_twice_tells_once_and_each_in_their_language(webinar):
    register(webinar)
    register(webinar, name="Pat Lee", email="pat@people.example.org", language="en")
    assert registering.call_off(webinar) == 2
    assert registering.call_off(webinar) is None
    registering.tell_changes()
    told = Notice.objects.filter(kind="webinar_cancelled")
    assert sorted(told.values_list("language", flat=True)) == ["en", "es"]
    assert all("method=CANCEL" in notice.attachments[0]["type"] for notice in told)


def test_a_changed_and_then_cancelled_webinar_tells_only_the_end(webinar):
    held = register(webinar)
    webinar.starts_at += timedelta(minutes=30)
    registering.reschedule(webinar)
    registering.call_off(webinar)
    registering.tell_changes()
    assert kinds(held) == ["registration", "webinar_cancelled"]


# Reminders


def remind(at):
    return registering.remind_due(at)


def test_W4_reminders_leave_a_day_and_an_hour_before_each_once(webinar):
    held = register(webinar)
    start = webinar.starts_at
    counts = [
        remind(start - timedelta(hours=25)),
        remind(start - timedelta(hours=24)),
        remind(start - timedelta(hours=23)),
        remind(start - timedelta(minutes=60)),
        remind(start - timedelta(minutes=59)),
        remind(start + timedelta(minutes=1)),
    ]
    assert counts == [0, 1, 0, 1, 0, 0]
    assert kinds(held) == ["registration", "webinar_reminder", "webinar_reminder"]
    assert held.person.notices.filter(channel="email").count() == 3


def test_W4_a_missed_day_is_not_told_late_and_the_hour_still_is(webinar):
    register(webinar)
    assert remind(webinar.starts_at - timedelta(hours=2)) == 0
    assert remind(webinar.starts_at - timedelta(minutes=30)) == 1


def test_W4_who_cancelled_or_has_just_registered_gets_none(webinar):
    gone = register(webinar)
    registering.cancel(gone)
    with time_machine.travel(webinar.starts_at - timedelta(hours=5), tick=False):
        late = register(webinar, name="Luz Vega", email="luz@people.example.org")
        assert remind(timezone.now()) == 0
    assert remind(webinar.starts_at - timedelta(minutes=50)) == 1
    assert kinds(late) == ["registration", "webinar_reminder"]


def test_W4_a_new_start_is_reminded_again_and_a_cancelled_one_never(webinar):
    held = register(webinar)
    remind(webinar.starts_at - timedelta(hours=24))
    webinar.starts_at += timedelta(days=3)
    webinar.ends_at += timedelta(days=3)
    registering.reschedule(webinar)
    assert remind(webinar.starts_at - timedelta(hours=24)) == 1
    registering.call_off(webinar)
    assert remind(webinar.starts_at - timedelta(hours=1)) == 0
    assert kinds(held) == ["registration", "webinar_reminder", "webinar_reminder"]
