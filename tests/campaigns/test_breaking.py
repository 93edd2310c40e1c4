"""The circuit breaker: sending stops by itself, says why, tells people once, and goes on by a person only."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from wagtail.users.models import UserProfile

from campaigns import audience, breaking, sending
from campaigns.models import Delivery, Message
from coalition import consent
from coalition.channels import Outcome, Status
from coalition.models import Consent, Notice
from tests.factories import MessageFactory, PersonFactory, UserFactory

State = Delivery.State


@pytest.fixture
def message(installation):
    """Forty of fifty have left."""
    installation.breaker_after = 20
    installation.breaker_complaints = Decimal("0.3")
    installation.save()
    message = MessageFactory()
    Message.objects.filter(pk=message.pk).update(
        state=Message.State.SENDING, started_at=timezone.now() - timedelta(minutes=9)
    )
    for _n in range(50):
        PersonFactory(email=True, opted_in=True)
    audience.freeze(message)
    gone = list(message.deliveries.order_by("pk").values_list("pk", flat=True)[:40])
    Delivery.objects.filter(pk__in=gone).update(state=State.SENT, sent_at=timezone.now() - timedelta(minutes=8))
    message.refresh_from_db()
    return message


def some(message, number, state=State.SENT):
    return message.deliveries.filter(state=state).order_by("pk")[:number]


def turn(message, number, state):
    Delivery.objects.filter(pk__in=[d.pk for d in some(message, number)]).update(state=state)


def leave(message, number):
    for delivery in some(message, number):
        consent.withdraw("email", delivery.value, source=Consent.Source.ONE_CLICK)


def test_what_stays_below_every_threshold_goes_on(message):
    turn(message, 2, State.BOUNCED)  # 5 percent, and not more
    leave(message, 1)
    assert not breaking.trip(message)
    assert breaking.figures(message).because == ""


@pytest.mark.parametrize(
    ("what", "because"),
    [
        (lambda m: turn(m, 3, State.BOUNCED), breaking.BOUNCES),
        (lambda m: turn(m, 1, State.COMPLAINED), breaking.COMPLAINTS),
        (lambda m: leave(m, 2), breaking.UNSUBSCRIBES),
        (lambda m: turn(m, 3, State.FAILED), breaking.REFUSALS),
    ],
    ids=["bounces", "complaints", "unsubscribes", "refusals"],
)
def test_E4_it_stops_by_itself_and_says_why(message, what, because):
    what(message)
    assert breaking.trip(message)
    message.refresh_from_db()
    assert (message.state, message.paused_because) == (Message.State.PAUSED, because)
    assert not sending.send_next_batch(message)


def test_too_few_have_left_to_judge(message, installation):
    installation.breaker_after = 41
    installation.save()
    turn(message, 40, State.BOUNCED)
    assert not breaking.trip(message)


def test_who_left_for_another_reason_before_does_not_count(message):
    for delivery in some(message, 10):
        consent.withdraw("email", delivery.value, source=Consent.Source.ONE_CLICK)
    Consent.objects.filter(state="withdrawn").update(at=timezone.now() - timedelta(days=1))
    assert breaking.figures(message).unsubscribed == 0


def test_the_organizer_and_administrators_are_told_once_in_their_language(message):
    author, boss = UserFactory(is_superuser=False, email="ana@riverbend.example.org"), UserFactory()
    UserFactory(is_superuser=False)  # somebody else
    UserProfile.objects.update_or_create(user=author, defaults={"preferred_language": "es"})
    Message.objects.filter(pk=message.pk).update(created_by=author, started_by=author)
    message.refresh_from_db()
    turn(message, 3, State.BOUNCED)
    assert breaking.trip(message)
    assert not breaking.trip(message)
    told = {notice.value: notice for notice in Notice.objects.filter(kind="breaker")}
    assert told.keys() == {author.email, boss.email}
    assert (told[author.email].language, told[boss.email].language) == ("es", "en")
    assert told[boss.email].subject == "Sending “Vote on reading coaches” has stopped"
    assert "bounced: 3" in told[boss.email].text


def test_only_a_person_goes_on_and_from_then_on_it_counts_anew(message):
    turn(message, 3, State.BOUNCED)
    breaking.trip(message)
    assert sending.sweep() == []
    assert sending.resume(message)
    message.refresh_from_db()
    assert (message.state, message.paused_because) == (Message.State.SENDING, "")
    assert not breaking.trip(message)
    assert breaking.figures(message).sent == 0
    message.deliveries.filter(state=State.QUEUED).update(state=State.SENT, sent_at=timezone.now())
    assert breaking.figures(message).sent == 10


def test_who_paused_by_hand_keeps_what_was_counted(message):
    sending.pause(message)
    sending.resume(message)
    message.refresh_from_db()
    assert breaking.figures(message).sent == 40


def test_a_process_looks_every_few_seconds_with_one_query_for_the_counts(message):
    breaking._looked.clear()
    turn(message, 1, State.BOUNCED)
    breaking.figures(message)  # the installation is read
    with CaptureQueriesContext(connection) as asked:
        assert not breaking.check(message)
    counts = [query for query in asked.captured_queries if "campaigns_delivery" in query["sql"]]
    assert len(counts) == 1
    with CaptureQueriesContext(connection) as asked:
        assert not breaking.check(message)
    assert len(asked) == 0


def test_a_server_that_refuses_everybody_does_not_get_to_refuse_the_whole_list(installation, monkeypatch):
    installation.breaker_after = 4
    installation.save()
    for _n in range(30):
        PersonFactory(email=True, opted_in=True)
    message = MessageFactory()
    sending.start(message)
    refusals = [Outcome(Status.FAILED, error="SMTP 554", code=554)] * 5
    channel = type("Refuses", (), {"send": lambda self, envelopes: refusals, "in_one_call": lambda self: 1})()
    monkeypatch.setattr(sending.channels, "channel_for", lambda kind: channel)
    assert [sending.send_next_batch(message, limit=5) for _turn in range(2)] == [True, False]
    message.refresh_from_db()
    assert (message.state, message.paused_because) == (Message.State.PAUSED, breaking.REFUSALS)
    assert sending.progress(message)["states"] == {State.FAILED: 5, State.QUEUED: 25}
    # What left nothing behind counts anew, too, once somebody goes on.
    assert sending.resume(message)
    message.refresh_from_db()
    assert breaking.figures(message).refused == 0
