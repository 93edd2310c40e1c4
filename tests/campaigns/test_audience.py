"""Whom a message is for: left out, drawn, capped, too young; estimated and frozen by the same judgement, each once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import audience, composing, sending
from campaigns.models import Delivery, Message
from coalition import merging, people
from coalition.models import Installation, Muting, Person, Segment, Topic
from tests.factories import MessageFactory, PersonFactory, UserFactory

State, Reason = Delivery.State, Delivery.Reason


@pytest.fixture
def message(installation):
    return MessageFactory()


def reader(**fields):
    return PersonFactory(**{"email": True, "opted_in": True} | fields)


def in_segment(name, **criterion):
    return Segment.objects.create(name=name, criteria={"all": [criterion]})


def judged(message):
    return {
        person: (state, reason) for person, state, reason in message.deliveries.values_list("person", "state", "reason")
    }


def held(message):
    return {row["reason"]: row["people"] for row in audience.estimate(message)["held"]}


GETS = (State.QUEUED, "")


def test_who_is_left_out_by_a_segment_stands_in_the_ledger_with_the_reason(message):
    spanish, english = reader(language="es"), reader()
    stopped = PersonFactory(email=True, language="es")
    message.excluded.add(in_segment("Spanish", **{"is": "language", "value": "es"}))
    assert held(message) == {"excluded": 1, "no_consent": 1}
    sending.start(message)
    assert judged(message) == {
        spanish.pk: (State.HELD, Reason.EXCLUDED),
        english.pk: GETS,
        stopped.pk: (State.HELD, Reason.NO_CONSENT),  # the law's reason before ours
    }


def test_who_is_in_no_included_segment_has_no_line_at_all(message):
    spanish, boston, _neither = reader(language="es"), reader(zip="02108"), reader()
    message.included.add(in_segment("Spanish", **{"is": "language", "value": "es"}))
    message.included.add(in_segment("Boston", **{"is": "zip", "value": "021"}))
    audience.freeze(message)
    assert judged(message) == {spanish.pk: GETS, boston.pk: GETS}
    assert set(audience.people_of(message)) == {spanish, boston}


def test_a_mistake_in_a_segment_that_leaves_people_out_lets_nobody_in(message):
    reader()
    message.excluded.add(Segment.objects.create(name="broken", criteria={"all": [{"is": "no such thing"}]}))
    assert (audience.estimate(message)["total"], held(message)) == (0, {"excluded": 1})
    assert list(audience.people_of(message)) == []


def test_a_mistake_in_the_segment_that_it_is_sent_to_reaches_nobody(message):
    reader()
    message.included.add(Segment.objects.create(name="broken", criteria={"all": [{"is": "no such thing"}]}))
    assert (audience.estimate(message)["total"], held(message), audience.freeze(message)) == (0, {}, 0)
    assert list(audience.people_of(message)) == []


def test_a_share_is_drawn_by_lot_and_stays_the_same(message):
    for _n in range(200):
        reader()
    message.share = 25
    message.save()
    first = audience.estimate(message)
    assert first == audience.estimate(message)
    assert 15 <= first["total"] <= 85
    assert held(message) == {"not_drawn": 200 - first["total"]}
    audience.freeze(message)
    assert message.deliveries.filter(state=State.QUEUED).count() == first["total"]
    other = MessageFactory(share=25)
    audience.freeze(other)
    drawn = [set(m.deliveries.filter(state=State.QUEUED).values_list("person", flat=True)) for m in (message, other)]
    assert drawn[0] != drawn[1]  # another message draws others
    message.share = 50
    message.save()
    assert audience.estimate(message)["total"] > first["total"]


@pytest.mark.parametrize("share", [1, 99])
def test_the_ends_of_a_share_are_near_what_they_say(message, share):
    for _n in range(100):
        reader()
    message.share = share
    assert abs(audience.estimate(message)["total"] - share) <= 8


# The cap


@pytest.fixture
def capped(installation):
    Installation.objects.update(emails_at_most=1, emails_in_days=7)


def sent(person, message, *, state=State.SENT, days=1, **more):
    at = timezone.now() - timedelta(days=days)
    Message.objects.filter(pk=message.pk).update(state=Message.State.SENT, started_at=at, finished_at=at)
    return Delivery.objects.create(
        message=message, person=person, state=state, value="", language="en", sent_at=at, **more
    )


def test_who_had_enough_emails_within_the_days_is_held_back(message, capped):
    had, long_ago, refused, held_back, in_texts, fresh = (reader() for _n in range(6))
    earlier = MessageFactory(name="Earlier")
    sent(had, earlier)
    sent(refused, earlier, state=State.FAILED)
    sent(held_back, earlier, state=State.HELD, reason=Reason.NOT_DRAWN)
    sent(long_ago, MessageFactory(name="Long ago"), days=8)
    sent(in_texts, MessageFactory(name="A text", channel="phone"))
    assert held(message) == {"capped": 1}
    audience.freeze(message)
    assert judged(message) == {
        had.pk: (State.HELD, Reason.CAPPED),
        **{person.pk: GETS for person in (long_ago, refused, held_back, in_texts, fresh)},
    }


def test_the_cap_can_be_waived_for_a_message_by_name(message, capped):
    sent(reader(), MessageFactory(name="Earlier"))
    assert held(message) == {"capped": 1}
    composing.waive(message, "cap", reason="The vote is tonight.", by=UserFactory())
    assert held(message) == {}


def test_texts_know_no_cap_of_emails(capped):
    person = PersonFactory(email=True, phone=True, opted_in=True)
    sent(person, MessageFactory(name="Earlier"))
    assert held(MessageFactory(channel="phone")) == {}


@pytest.mark.django_db(transaction=True)
def test_two_messages_that_begin_together_do_not_pass_the_cap(installation):
    Installation.objects.update(emails_at_most=1)
    for _n in range(20):
        reader()
    both = [MessageFactory(name=name) for name in ("One", "Two")]
    together = threading.Barrier(2)

    def begin(message):
        together.wait()
        sending.start(message)
        connection.close()

    threads = [threading.Thread(target=begin, args=[message]) for message in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Delivery.objects.filter(state=State.QUEUED).count() == 20
    assert Delivery.objects.filter(state=State.HELD, reason=Reason.CAPPED).count() == 20


# Minors


def test_P2_a_minor_gets_no_texts_and_may_get_emails(message):
    young = PersonFactory(email=True, phone=True, opted_in=True, is_minor=True)
    text = MessageFactory(channel="phone")
    for each in (message, text):
        audience.freeze(each)
    assert judged(message) == {young.pk: GETS}
    assert judged(text) == {young.pk: (State.HELD, Reason.UNDER_AGE)}


def test_P2_who_turns_out_to_be_a_minor_gets_no_text_that_waits(installation):
    person = PersonFactory(phone=True, opted_in=True)
    text = MessageFactory(channel="phone")
    sending.start(text)
    people.change(person, details={"is_minor": True})
    sending.send_next_batch(text)
    assert judged(text) == {person.pk: (State.HELD, Reason.UNDER_AGE)}


def test_P2_of_two_records_of_a_minor_the_one_that_stays_says_so(db):
    kept, other = PersonFactory(email=True), PersonFactory(is_minor=True)
    merging.merge(kept, [other], by=UserFactory())
    kept.refresh_from_db()
    assert kept.is_minor


def test_P2_staff_say_who_is_a_minor(client, db):
    client.force_login(UserFactory())
    person = PersonFactory()
    data = {"name": "Ana Ríos", "language": "en", "is_minor": "on"}
    assert client.post(reverse("people:edit", args=[person.pk]), data).status_code == 302
    person.refresh_from_db()
    assert person.is_minor
    assert "Between 13 and 17" in client.get(reverse("people:inspect", args=[person.pk])).content.decode()


# The query


def test_a_series_freezes_for_some_people_only_and_a_second_time_adds_the_new(message):
    first, second = reader(), reader()
    assert audience.freeze(message, people=Person.objects.filter(pk=first.pk)) == 1
    assert audience.freeze(message, people=Person.objects.all()) == 1
    assert judged(message) == {first.pk: GETS, second.pk: GETS}


def test_what_a_message_does_not_use_does_not_stand_in_its_query(message):
    reader()
    with CaptureQueriesContext(connection) as caught, transaction.atomic():
        audience.freeze(message)
    [sql] = [query["sql"] for query in caught if "INSERT INTO campaigns_delivery" in query["sql"]]
    for part in ("hashint8extended", "coalition_muting", "coalition_segment", "unnest", "sent_at", "is_minor"):
        assert part not in sql


def test_everything_at_once_is_estimated_as_it_is_frozen(message, capped):
    topic = Topic.objects.create(name={"en": "Reading", "es": "Lectura"}, slug="reading")
    for number in range(30):
        person = reader(language="es" if number % 3 else "en", email=f"p{number // 2}@people.example.org")
        if number % 7 == 0:
            Muting.objects.create(person=person, topic=topic)
        if number % 5 == 0:
            sent(person, MessageFactory(name=f"Earlier {number}"))
    message.topic, message.share = topic, 60
    message.send_at, message.send_local = timezone.now() + timedelta(days=1), True
    message.save()
    message.excluded.add(in_segment("Boston", **{"is": "zip", "value": "021"}))
    estimate = audience.estimate(message)
    audience.freeze(message)
    rows = judged(message).values()
    assert sum(row == GETS for row in rows) == estimate["total"]
    assert {reason for _state, reason in rows} - {""} == {row["reason"] for row in estimate["held"]}
    assert not message.deliveries.filter(state=State.QUEUED, not_before=None).exists()
    assert audience.freeze(message) == 0


def test_no_question_about_an_audience_is_compiled(message):
    reader()
    other, compiled = MessageFactory(), []

    def watched(execute, sql, params, many, context):
        if "coalition_person" in sql and "coalition_address" in sql:
            with connection.connection.cursor() as beside:
                compiled.append(beside.execute("SHOW jit").fetchone()[0])
        return execute(sql, params, many, context)

    questions = {
        "estimate": (message,),
        "moments": (message,),
        "at_domains": (message, ["people.example.org"]),
        "shared_with": (message, other),
        "needed_languages": (message,),
    }
    for name, arguments in questions.items():
        with connection.cursor() as cursor:
            cursor.execute("SET jit = on")
        with connection.execute_wrapper(watched):
            getattr(audience, name)(*arguments)
        assert (name, compiled) == (name, ["off"])
        compiled.clear()
