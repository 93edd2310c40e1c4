"""Tests of one wording against another: drawn by lot within each language, decided by what people did (rule E6)."""

import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import archiving, audience, checking, sending, splitting
from campaigns.models import (
    Click,
    Delivery,
    Link,
    Message,
    MessageContent,
    Opening,
    Registration,
    SplitTest,
    TrackingEvent,
)
from coalition import consent
from coalition.models import Consent
from tests.factories import MessageFactory, PersonFactory, WebinarFactory

State = Delivery.State


def reader(**kwargs):
    return PersonFactory(**{"email": True, "opted_in": True} | kwargs)


def variant(message, letter, *languages):
    for content in list(message.contents.filter(variant="a", language__in=languages or ["en", "es"])):
        content.pk, content.variant, content.subject = None, letter, f"{content.subject} {letter}"
        content.save(force_insert=True)


@pytest.fixture
def message(installation):
    message = MessageFactory()
    variant(message, "b")
    return message


def began(message, *, share=20, hours=4):
    """A message whose test was frozen into the ledger and has left, five hours ago."""
    SplitTest.objects.create(message=message, share=share, hours=hours)
    Message.objects.filter(pk=message.pk).update(
        state=Message.State.SENDING, started_at=timezone.now() - timedelta(hours=5)
    )
    audience.freeze(message)
    leave(message)
    message.refresh_from_db()
    return message


def leave(message):
    message.deliveries.filter(state=State.QUEUED).exclude(variant="").update(
        state=State.SENT, sent_at=timezone.now() - timedelta(hours=4, minutes=30)
    )


def drawn(message, language):
    variants = message.deliveries.filter(language=language).order_by().values_list("variant", flat=True)
    return {letter: list(variants).count(letter) for letter in set(variants)}


def act(delivery, webinar, at=None):
    registration = Registration.objects.create(
        webinar=webinar, person=delivery.person, language="en", nonce=f"n{delivery.pk}", email="x@example.org"
    )
    if at:
        Registration.objects.filter(pk=registration.pk).update(registered_at=at)


def first(message, language, letter, number):
    return message.deliveries.filter(language=language, variant=letter).order_by("pk")[:number]


# The lot


def test_a_share_of_each_language_is_drawn_evenly_over_its_variants(message):
    for _n in range(40):
        reader()
    for _n in range(10):
        reader(language="es")
    began(message, share=20)
    assert drawn(message, "en") == {"a": 4, "b": 4, "": 32}
    assert drawn(message, "es") == {"a": 1, "b": 1, "": 8}


def test_a_language_without_a_second_variant_does_not_wait(message):
    message.contents.filter(language="es", variant="b").delete()
    for language in ["en"] * 5 + ["es"] * 3:
        reader(language=language)
    began(message, share=40)
    assert drawn(message, "en") == {"a": 1, "b": 1, "": 3}
    assert drawn(message, "es") == {"a": 3}


def test_L2_a_variant_that_cannot_leave_takes_no_part(message):
    message.contents.filter(language="en", variant="b").update(subject="")
    message.contents.filter(language="es", variant="a").update(subject="")
    for language in ["en"] * 4 + ["es"] * 4:
        reader(language=language)
    began(message, share=50)
    assert drawn(message, "en") == {"a": 4}
    assert drawn(message, "es") == {"b": 4}


def test_who_is_held_back_takes_no_place_in_the_lot(message):
    for _n in range(4):
        reader()
    for _n in range(6):
        PersonFactory(email=True)
    began(message, share=50)
    got = message.deliveries.exclude(state=State.HELD).order_by().values_list("variant", flat=True)
    assert sorted(got) == ["", "", "a", "b"]
    assert set(message.deliveries.filter(state=State.HELD).values_list("variant", flat=True)) == {"a"}


def test_the_lot_falls_the_same_however_often_it_is_drawn_and_anew_for_another_message(message):
    people = [reader() for _n in range(30)]
    began(message, share=50)
    lot = dict(message.deliveries.values_list("person", "variant"))
    message.deliveries.all().delete()
    audience.freeze(message)
    assert dict(message.deliveries.values_list("person", "variant")) == lot
    other = MessageFactory()
    variant(other, "b")
    began(other, share=50)
    assert dict(other.deliveries.values_list("person", "variant")) != lot
    assert len(people) == len(lot)


def test_nobody_waits_without_a_test(message):
    reader()
    audience.freeze(message)
    assert drawn(message, "en") == {"a": 1}


def test_who_waits_is_not_due(message):
    for _n in range(10):
        reader()
    began(message)
    assert message.deliveries.filter(state=State.QUEUED).count() == 8
    assert not message.deliveries.due().exists()


# Setting up


def test_a_wording_that_goes_takes_a_test_with_it_that_is_left_with_one(message):
    variant(message, "c", "en")
    splitting.set_up(message, share=20, hours=4)
    splitting.remove_variant(message, "b")
    assert splitting.variants_of(message) == {"en": ["a", "c"], "es": ["a"]}
    assert SplitTest.objects.count() == 1
    splitting.remove_variant(message, "c")
    assert splitting.variants_of(message) == {"en": ["a"], "es": ["a"]}
    assert SplitTest.objects.count() == 0


def test_a_test_needs_two_variants_and_a_draft(installation):
    message = MessageFactory()
    with pytest.raises(ValidationError, match="second variant"):
        splitting.set_up(message, share=20, hours=4)
    variant(message, "b", "en")
    assert splitting.set_up(message, share=20, hours=4).share == 20
    assert splitting.set_up(message, share=30, hours=4).share == 30
    assert splitting.drop(message)
    assert not splitting.drop(message)
    Message.objects.update(state=Message.State.SENDING)
    with pytest.raises(ValidationError, match="Sending has begun"):
        splitting.set_up(message, share=20, hours=4)


def test_other_wordings_without_a_test_are_warned_of(message):
    reader()

    def warned():
        return [
            str(reason) for check in checking.checks(message) if check.key == "wordings" for reason in check.reasons
        ]

    assert warned() == ["Everybody would get wording A: set up the test of the others, or remove them."]
    splitting.set_up(message, share=20, hours=4)
    assert warned() == []
    assert checking.problems(message) == []


# Deciding


@pytest.fixture
def webinar(db):
    pages = {"en": "https://example.org/en/voices/", "es": "https://example.org/es/voces/"}
    return WebinarFactory(public_url=pages)


@pytest.fixture
def running(message, webinar):
    """It asks forty readers of English and of Spanish to register; two of each language wait for the test."""
    for content in message.contents.all():
        blocks = [*content.blocks, {"id": "e1", "type": "event", "value": {"webinar": webinar.pk}}]
        MessageContent.objects.filter(pk=content.pk).update(blocks=blocks)
    for language in ["en", "es"] * 40:
        reader(language=language)
    return began(message, share=95)


@pytest.fixture
def closed(running):
    """Nobody waits for the test, so that the message was sent with the last who took part."""
    running.deliveries.filter(variant="").delete()
    assert sending.close_finished(running) == [running]
    running.refresh_from_db()
    return running


def test_E6_confirmed_acts_decide_within_each_language_and_those_who_waited_get_the_winner(running, webinar):
    for delivery in first(running, "en", "b", 9):
        act(delivery, webinar)
    for delivery in first(running, "en", "a", 1):
        act(delivery, webinar)
    for delivery in first(running, "es", "a", 6):
        act(delivery, webinar)
    assert splitting.decide_due(running)
    test = SplitTest.objects.get()
    assert test.winners == {"en": "b", "es": "a"}
    assert test.decided_at
    assert (test.figures["en"]["why"], test.figures["es"]["why"]) == ("clear", "clear")
    assert test.figures["en"]["variants"] == {
        "a": {"got": 19, "acted": 1, "stopped": 0},
        "b": {"got": 19, "acted": 9, "stopped": 0},
    }
    waiting = running.deliveries.filter(state=State.QUEUED)
    assert sorted(waiting.values_list("language", "variant")) == [("en", "b")] * 2 + [("es", "a")] * 2
    assert not splitting.decide_due(running)


def test_E6_clicks_and_opens_decide_nothing(running):
    link = Link.objects.create(message=running, url="https://example.org/")
    for delivery in running.deliveries.filter(variant="b"):
        Click.objects.create(link=link, delivery=delivery)
        TrackingEvent.objects.create(
            provider="x", event_id=str(delivery.pk), kind="clicked", delivery=delivery, at=timezone.now()
        )
        Opening.objects.create(delivery=delivery, at=timezone.now())
    splitting.decide(running)
    test = SplitTest.objects.get()
    assert test.winners == {"en": "a", "es": "a"}
    assert {said["why"] for said in test.figures.values()} == {"few"}


def test_what_somebody_did_before_it_reached_them_does_not_count(running, webinar):
    for delivery in first(running, "en", "b", 9):
        act(delivery, webinar, at=timezone.now() - timedelta(days=2))
    assert splitting.figures(running)["en"]["b"] == {"got": 19, "acted": 0, "stopped": 0}


def test_what_it_does_not_ask_for_does_not_count(running, webinar):
    one, two = first(running, "en", "a", 2)
    act(one, webinar)
    act(two, WebinarFactory())
    assert splitting.figures(running)["en"]["a"]["acted"] == 1


def test_who_left_is_counted_by_variant(running):
    one = first(running, "es", "b", 1)[0]
    consent.withdraw("email", one.value, source=Consent.Source.ONE_CLICK)
    assert splitting.figures(running)["es"]["b"]["stopped"] == 1


def test_a_difference_that_may_be_chance_is_called_so():
    counts = {"a": {"got": 100, "acted": 10}, "b": {"got": 100, "acted": 12}}
    said = splitting.judge(counts, ["a", "b"])
    assert (said["winner"], said["why"], said["p"]) == ("b", "chance", 0.6513)
    counts = {"a": {"got": 1000, "acted": 50}, "b": {"got": 1000, "acted": 90}}
    said = splitting.judge(counts, ["a", "b"])
    assert (said["winner"], said["why"], said["p"] < 0.001) == ("b", "clear", True)


@pytest.mark.parametrize(
    ("acted", "why"), [((10, 10), "tie"), ((1, 3), "few"), ((0, 0), "few")], ids=["tie", "few", "nobody"]
)
def test_ties_and_too_few_leave_it_with_the_first(acted, why):
    counts = {letter: {"got": 100, "acted": number} for letter, number in zip("ab", acted, strict=True)}
    assert splitting.judge(counts, ["a", "b"]) == {"winner": "a", "second": None, "p": None, "why": why}


def test_nothing_is_decided_before_its_hours_are_over(running):
    SplitTest.objects.update(hours=5)
    assert not splitting.decide_due(running)
    assert SplitTest.objects.get().decides_at > timezone.now()
    with CaptureQueriesContext(connection) as asked:
        assert not splitting.decide_due(running)
    assert len(asked) == 1


def test_the_decision_waits_while_some_of_the_test_has_not_left(running):
    one = first(running, "en", "a", 1)[0]
    Delivery.objects.filter(pk=one.pk).update(state=State.QUEUED, sent_at=None)
    assert not splitting.decide_due(running)
    later = SplitTest.objects.get().decides_at
    assert later > timezone.now()
    Delivery.objects.filter(pk=one.pk).update(state=State.SENT, sent_at=timezone.now())
    SplitTest.objects.update(decides_at=timezone.now())
    assert not splitting.decide_due(running)
    assert SplitTest.objects.get().decides_at > timezone.now() + timedelta(hours=3)


def test_a_paused_message_decides_nothing_by_itself(running):
    Message.objects.update(state=Message.State.PAUSED)
    assert not splitting.decide_due(running)


def test_E6_a_test_that_nobody_waits_for_is_decided_at_its_hour(closed, webinar):
    SplitTest.objects.update(hours=5)
    assert (closed.state, splitting.decide_all_due()) == (Message.State.SENT, [])
    for delivery in first(closed, "en", "b", 9):
        act(delivery, webinar)
    SplitTest.objects.update(hours=4, decides_at=None)
    assert (splitting.decide_all_due(), splitting.decide_all_due()) == ([closed.pk], [])
    assert SplitTest.objects.get().winners == {"en": "b", "es": "a"}
    assert {language: content.variant for language, content in archiving.contents_of(closed).items()} == {
        "en": "b",
        "es": "a",
    }


def test_a_test_that_nobody_waits_for_is_decided_by_hand(closed):
    assert splitting.decide(closed, winners={"en": "b"}) == {"en": "b"}


def test_a_cancelled_message_takes_its_test_with_it(running):
    assert sending.cancel(running)
    assert (splitting.decide_all_due(), splitting.decide(running)) == ([], {})


def test_the_sweep_finds_what_is_due(running):
    assert splitting.decide_all_due() == [running.pk]
    assert splitting.decide_all_due() == []


def test_a_person_may_decide_a_language_earlier_and_the_rest_goes_on(running):
    assert splitting.decide(running, winners={"es": "b"}) == {"es": "b"}
    test = SplitTest.objects.get()
    assert (test.winners, test.decided_at) == ({"es": "b"}, None)
    assert drawn(running, "es") == {"a": 19, "b": 21}
    assert drawn(running, "en") == {"a": 19, "b": 19, "": 2}
    assert splitting.decide(running, winners={"es": "a"}) == {}
    assert splitting.decide(running) == {"en": "a"}
    assert SplitTest.objects.get().figures["es"]["why"] == "hand"


def test_a_variant_that_does_not_exist_wins_nothing(running):
    assert splitting.decide(running, winners={"es": "x"}) == {}


def test_stopping_a_test_gives_everybody_the_first_variant(running, webinar):
    for delivery in first(running, "en", "b", 9):
        act(delivery, webinar)
    assert splitting.decide(running, why="stopped") == {"en": "a", "es": "a"}
    assert {said["why"] for said in SplitTest.objects.get().figures.values()} == {"stopped"}


@pytest.mark.django_db(transaction=True)
def test_two_who_decide_at_the_same_moment_decide_once(installation):
    message = MessageFactory()
    variant(message, "b", "en")
    for _n in range(10):
        reader()
    began(message, share=50)
    won, gate = [], threading.Barrier(2)

    def work(letter):
        gate.wait()
        won.append(splitting.decide(message, winners={"en": letter}))
        connection.close()

    threads = [threading.Thread(target=work, args=[letter]) for letter in "ab"]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    decided = [found for found in won if found]
    assert len(decided) == 1
    assert SplitTest.objects.get().winners == decided[0]
