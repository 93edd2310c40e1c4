"""Texts that come in: stop, join, answers, and what waits for a person."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from campaigns import replies, stopping, subscribing
from campaigns.models import Answer, Choice, Conversation, Delivery, InboundText, Keyword, Message, ReplyTemplate
from campaigns.receiving import receive
from coalition import consent, notices, people
from coalition.channels import Outcome, Status, memory
from coalition.models import Address, Consent, Entry, Notice, Person, Suppression
from tests import factories

NUMBER = "+14135550111"
Kind = InboundText.Kind


def sid(number):
    return f"SM{number:032x}"


@pytest.fixture
def phones():
    memory.TextChannel.sent.clear()
    return memory.TextChannel.sent


@pytest.fixture
def marisol(db):
    return factories.PersonFactory(given_name="Marisol", language="es", phone=NUMBER, opted_in=True)


@pytest.fixture
def keyword(db):
    return Keyword.objects.create(word="UNIRME", language="es", tag=factories.TagFactory(name="por texto"))


@pytest.fixture
def question(marisol):
    """A text that asked for an answer and reached Marisol in Spanish."""
    message = factories.MessageFactory(
        channel="phone", name="Will you call?", state=Message.State.SENT, started_at=timezone.now()
    )
    for position, (label, words, reply) in enumerate(
        (
            ({"en": "Yes, I will", "es": "Sí, cuente conmigo"}, "YES, SÍ, SI, 1", {"en": "Thanks!", "es": "¡Gracias!"}),
            ({"en": "No", "es": "No"}, "NO, N, 2", ""),
        )
    ):
        Choice.objects.create(message=message, label=label, words=words, reply=reply, position=position)
    Delivery.objects.create(
        message=message,
        person=marisol,
        value=NUMBER,
        language="es",
        state=Delivery.State.DELIVERED,
        claimed_at=timezone.now(),
    )
    return message


def owed_texts():
    return list(Notice.objects.order_by("pk").values_list("kind", "language", "value"))


def test_S3_S5_stop_closes_the_number_and_is_confirmed_once_in_the_persons_language(installation, marisol):
    receive(sid=sid(1), number=NUMBER, body="Alto, por favor")
    receive(sid=sid(2), number=NUMBER, body="STOP!!!")
    address = marisol.primary_phone
    assert address.consent == Address.Consent.WITHDRAWN
    assert consent.is_suppressed("phone", NUMBER)
    line = address.history.first()
    assert (line.state, line.source, line.evidence) == ("withdrawn", Consent.Source.REPLY, sid(1))
    assert owed_texts() == [("text_stopped", "es", NUMBER)]


def test_S4_a_stop_counts_on_every_record_that_holds_the_number(installation, marisol):
    son = factories.PersonFactory(given_name="Iván", language="en", phone=NUMBER, opted_in=True)
    other = factories.PersonFactory(phone="+14135550112", opted_in=True)
    receive(sid=sid(1), number=NUMBER, body="stop")
    states = {a.person_id: a.consent for a in Address.objects.filter(channel="phone")}
    assert states == {marisol.pk: "withdrawn", son.pk: "withdrawn", other.pk: "granted"}


def test_S4_a_stop_cancels_what_is_queued_for_the_number_and_nothing_else(installation, marisol):
    neighbour = factories.PersonFactory(phone="+14135550112", opted_in=True)
    by_text = factories.MessageFactory(channel="phone", state=Message.State.SENDING)
    by_email = factories.MessageFactory(state=Message.State.SENDING)
    theirs = Delivery.objects.create(message=by_text, person=marisol, value=NUMBER, language="es")
    Delivery.objects.create(message=by_text, person=neighbour, value="+14135550112", language="en")
    Delivery.objects.create(message=by_email, person=marisol, value="m@people.example.org", language="es")
    owed = notices.write("text_answer", channel="phone", value=NUMBER, language="es", key="a", text="¡Gracias!")
    receive(sid=sid(1), number=NUMBER, body="no más mensajes")
    held = Delivery.objects.get(state=Delivery.State.HELD)
    assert (held, held.reason) == (theirs, Delivery.Reason.UNSUBSCRIBED)
    owed.refresh_from_db()
    assert (owed.state, owed.error) == (Notice.State.FAILED, "said stop")
    assert Notice.objects.get(state=Notice.State.QUEUED).kind == "text_stopped"


def test_S4_a_stop_from_a_number_nobody_knows_is_kept(installation):
    receive(sid=sid(1), number=NUMBER, body="STOP")
    assert Suppression.objects.get().pk == consent.digest("phone", NUMBER)
    assert Person.objects.count() == 0
    assert owed_texts() == [("text_stopped", "en", NUMBER)]


def test_S5_no_confirmation_where_the_carrier_sent_it(installation, marisol):
    text = receive(sid=sid(1), number=NUMBER, body="stop", carrier_answered="STOP")
    assert text.kind == Kind.STOP
    assert marisol.primary_phone.consent == Address.Consent.WITHDRAWN
    assert owed_texts() == []


def test_S5_a_confirmation_that_is_five_minutes_late_is_not_sent(installation, marisol, phones):
    with time_machine.travel(datetime(2026, 5, 5, 15, tzinfo=UTC), tick=False) as clock:
        receive(sid=sid(1), number=NUMBER, body="stop")
        clock.shift(timedelta(minutes=6))
        notices.send_due()
    assert phones == []
    assert Notice.objects.get().error == "too late"


def test_S5_the_confirmation_goes_out_though_the_number_is_closed(installation, marisol, phones):
    receive(sid=sid(1), number=NUMBER, body="stop")
    notices.send_due()
    assert [(e.to, e.language) for e in phones] == [(NUMBER, "es")]


def test_S1_S2_a_keyword_asks_and_only_a_plain_yes_opens_the_number(installation, keyword):
    receive(sid=sid(1), number=NUMBER, body="unirme")
    person = Person.objects.get()
    asked = Notice.objects.get()
    assert (person.name, person.language) == ("", "es")
    assert person.primary_phone.consent == Address.Consent.ASKED
    assert (asked.kind, asked.language) == ("text_ask", "es")

    receive(sid=sid(2), number=NUMBER, body="¿quién es?")
    assert Address.objects.get().consent == Address.Consent.ASKED

    text = receive(sid=sid(3), number=NUMBER, body="Sí, por favor")
    line = Address.objects.get().history.first()
    assert text.kind == Kind.CONFIRM
    assert Address.objects.get().consent == Address.Consent.GRANTED
    assert (line.wording, line.language, line.source, line.evidence) == (asked.text, "es", "reply", sid(3))
    assert [n.kind for n in Notice.objects.order_by("pk")] == ["text_ask", "text_welcome"]
    assert [t.name for t in person.tags.all()] == ["por texto"]
    assert Conversation.objects.get().keyword is None


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", ["ask", "welcome"])
def test_S2_what_we_ask_and_confirm_names_brand_programme_frequency_cost_help_and_stop(installation, kind, language):
    words = replies.wording(kind, language)
    programme = installation.text_programme[language]
    for part in ("Riverbend", programme, "4", "HELP|AYUDA", "STOP|ALTO"):
        assert any(word in words for word in part.split("|"))


def test_S2_an_administrators_words_are_used_in_the_language_they_are_written_in(installation, keyword):
    ReplyTemplate.objects.create(kind="ask", text={"en": "Join us?", "es": "¿Se une?"})
    receive(sid=sid(1), number=NUMBER, body="UNIRME")
    assert Notice.objects.get().text == "¿Se une?"


def test_S1_a_yes_that_nobody_asked_for_opens_nothing(installation):
    factories.PersonFactory(phone=NUMBER)
    text = receive(sid=sid(1), number=NUMBER, body="YES")
    assert text.kind == Kind.OTHER
    assert Address.objects.get().consent == Address.Consent.NONE
    assert owed_texts() == []


def test_joining_twice_is_told_so_and_asks_nothing(installation, keyword, marisol):
    receive(sid=sid(1), number=NUMBER, body="UNIRME")
    assert owed_texts() == [("text_welcome", "es", NUMBER)]
    assert marisol.primary_phone.history.count() == 1
    assert [t.name for t in marisol.tags.all()] == ["por texto"]


def test_a_shared_number_joins_for_the_one_who_reads_the_language(installation, keyword):
    factories.PersonFactory(given_name="Iván", language="en", phone=NUMBER)
    mother = factories.PersonFactory(given_name="Rosa", language="es", phone=NUMBER)
    receive(sid=sid(1), number=NUMBER, body="UNIRME")
    receive(sid=sid(2), number=NUMBER, body="SI")
    assert Address.objects.get(consent=Address.Consent.GRANTED).person == mother


def test_start_undoes_a_stop_with_the_words_that_offered_it(installation, marisol, phones):
    receive(sid=sid(1), number=NUMBER, body="ALTO")
    notices.send_due()
    receive(sid=sid(2), number=NUMBER, body="ALTA")
    line = marisol.primary_phone.history.first()
    assert (line.state, line.wording) == ("granted", phones[0].text)
    assert not stopping.is_stopped(NUMBER)
    assert Notice.objects.order_by("-pk")[0].kind == "text_welcome"


def test_start_after_a_stop_heard_otherwise_asks_first(installation, marisol):
    stopping.stop(NUMBER, source="staff", language="es", evidence="by phone")
    receive(sid=sid(1), number=NUMBER, body="START")
    assert marisol.primary_phone.consent == Address.Consent.ASKED
    assert stopping.is_stopped(NUMBER)
    assert owed_texts() == [("text_ask", "es", NUMBER)]


def test_help_is_answered_in_the_language_asked(installation, person):
    people.add_address(person, "phone", NUMBER)
    receive(sid=sid(1), number=NUMBER, body="HELP")
    receive(sid=sid(2), number=NUMBER, body="ayuda")
    receive(sid=sid(3), number=NUMBER, body="help", carrier_answered="HELP")
    assert owed_texts() == [("text_help", "en", NUMBER), ("text_help", "es", NUMBER)]


def test_an_answer_is_recorded_noted_and_thanked_in_the_language_of_the_question(installation, question, marisol):
    text = receive(sid=sid(1), number=NUMBER, body="¡Sí! 👍")
    answer = Answer.objects.get()
    assert (answer.message, answer.person, str(answer.choice.words)) == (question, marisol, "YES, SÍ, SI, 1")
    assert (text.kind, text.conversation.waiting_since) == (Kind.ANSWER, None)
    notice = Notice.objects.get()
    assert (notice.kind, notice.text) == ("text_answer", "¡Gracias!")
    entry = marisol.entries.get(kind=Entry.Kind.ANSWER)
    assert "“Yes, I will”" in entry.text.localize("en")
    assert "Sí, cuente conmigo" in entry.text.localize("es")
    assert entry.link == replies.thread_link(text.conversation)


def test_the_latest_word_counts_and_the_same_word_twice_is_one_line(installation, question, marisol):
    for number, body in enumerate(["NO", "no", "Sí"], 1):
        receive(sid=sid(number), number=NUMBER, body=body)
    assert str(Answer.objects.get().choice.position) == "0"
    assert marisol.entries.filter(kind=Entry.Kind.ANSWER).count() == 2


def test_S3_a_bare_no_answers_and_leaves_the_number_open(installation, question, marisol):
    text = receive(sid=sid(1), number=NUMBER, body="NO")
    assert text.kind == Kind.ANSWER
    assert marisol.primary_phone.consent == Address.Consent.GRANTED


def test_an_answer_that_says_more_waits_for_a_person_too(installation, question):
    text = receive(sid=sid(1), number=NUMBER, body="Sí!! la escuela de mi hijo perdió a su asesora")
    assert text.kind == Kind.ANSWER
    assert text.conversation.waiting_since == text.at


def test_a_question_is_closed_after_two_weeks(installation, question):
    Message.objects.update(started_at=timezone.now() - timedelta(days=15))
    assert receive(sid=sid(1), number=NUMBER, body="Sí").kind == Kind.OTHER
    assert Answer.objects.count() == 0


def test_an_answer_counts_for_the_number_that_was_asked_only(installation, question):
    receive(sid=sid(1), number="+14135550119", body="Sí")
    assert Answer.objects.count() == 0


def test_other_texts_are_threaded_and_wait(installation, marisol):
    first = receive(sid=sid(1), number=NUMBER, body="¿Va a haber intérprete?")
    second = receive(sid=sid(2), number=NUMBER, body="Mi esposa quiere ir")
    conversation = Conversation.objects.get()
    assert (conversation.person, conversation.waiting_since) == (marisol, first.at)
    assert conversation.last_at == second.at
    assert [t.body for t in conversation.texts.all()] == ["¿Va a haber intérprete?", "Mi esposa quiere ir"]
    assert owed_texts() == []


def test_S3_an_unclear_stop_gets_ten_business_days_and_changes_nothing(installation, marisol):
    with time_machine.travel(datetime(2026, 5, 5, 15, tzinfo=UTC)):
        text = receive(sid=sid(1), number=NUMBER, body="I think you have the wrong number")
    assert (text.kind, text.review_by) == (Kind.UNCLEAR_STOP, date(2026, 5, 19))
    assert marisol.primary_phone.consent == Address.Consent.GRANTED


def test_S3_a_plain_stop_settles_the_unclear_one_before_it(installation, marisol):
    unclear = receive(sid=sid(1), number=NUMBER, body="when does this end")
    receive(sid=sid(2), number=NUMBER, body="STOP")
    unclear.refresh_from_db()
    assert unclear.reviewed_at is not None
    assert Conversation.objects.get().waiting_since is None


def test_who_can_write_is_not_unable_any_more_but_a_stop_stays(installation, marisol):
    consent.mark_fault("phone", NUMBER, Address.Fault.UNABLE)
    consent.withdraw("phone", NUMBER, source="staff")
    receive(sid=sid(1), number=NUMBER, body="hello")
    address = marisol.primary_phone
    assert (address.fault, address.consent) == ("", "withdrawn")


def test_S10_the_same_text_twice_has_one_effect(installation, keyword):
    assert receive(sid=sid(1), number=NUMBER, body="UNIRME") is not None
    assert receive(sid=sid(1), number=NUMBER, body="UNIRME") is None
    assert (InboundText.objects.count(), Notice.objects.count(), Consent.objects.count()) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_S10_the_same_text_at_the_same_moment_has_one_effect():
    factories.PersonFactory(phone=NUMBER, opted_in=True)
    barrier, outcomes = threading.Barrier(4), []

    def knock():
        barrier.wait()
        try:
            outcomes.append(receive(sid=sid(1), number=NUMBER, body="STOP") is not None)
        finally:
            connection.close()

    threads = [threading.Thread(target=knock) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, False, False, True]
    assert Notice.objects.count() == 1
    assert Consent.objects.filter(state="withdrawn").count() == 1


def test_S1_a_yes_from_a_shared_phone_is_for_whom_we_asked_last(installation, marisol):
    """The sister joins by the form on the phone that Marisol has written from: the yes is the sister's."""
    receive(sid=sid(1), number=NUMBER, body="¿Va a haber intérprete?")
    installation.text_wording = {"en": "Texts, about 4 a month.", "es": "Mensajes de texto."}
    installation.save()
    sister = subscribing.join(name="Rosa Ibáñez", language="en", phone=NUMBER, by_text=True)
    receive(sid=sid(2), number=NUMBER, body="Yes")
    line = Consent.objects.get(person=sister, state="granted")
    assert (line.wording, line.language, line.source) == ("Texts, about 4 a month.", "en", Consent.Source.REPLY)
    assert Conversation.objects.get().person == sister


def test_S4_a_text_that_was_in_hand_when_the_stop_came_is_not_tried_again(installation, marisol, phones):
    notices.write("text_reply", channel="phone", value=NUMBER, language="es", key="reply:1", text="Sí, habrá.")
    held = Notice.objects.get()
    Notice.objects.update(state=Notice.State.SENDING, attempts=1)
    stopping.stop(NUMBER, source=Consent.Source.REPLY, language="es")
    notices._record(held, Outcome(Status.RETRY, error="HTTP 503"))
    Notice.objects.update(due_at=timezone.now())
    notices.send_due()
    held.refresh_from_db()
    assert (phones, held.state, held.error) == ([], Notice.State.FAILED, "said stop")
