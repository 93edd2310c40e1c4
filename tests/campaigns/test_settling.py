"""What nobody knew is settled by a person, once; what is sent again is still sent by somebody who can stop it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from campaigns import breaking, claiming, recording, sending, settling
from campaigns.models import Delivery, Message, Series
from campaigns.series import building
from coalition.channels import Outcome, Status
from coalition.models import Entry
from tests.factories import CampaignFactory, MessageFactory, PersonFactory, UserFactory

State = Delivery.State


def reader():
    return PersonFactory(email=True, opted_in=True)


@pytest.fixture
def message(installation):
    return MessageFactory()


@pytest.fixture
def uncertain(message):
    reader()
    sending.start(message)
    (row,) = claiming.take(message, 1)
    recording.record([recording.result_of(row.pk, Outcome(Status.UNCERTAIN, error="TimeoutError"))])
    sending.close_finished()
    return Delivery.objects.get(pk=row.pk)


def test_somebody_may_send_an_uncertain_one_again_once(message, uncertain, mailoutbox):
    staff = UserFactory()
    assert settling.settle(uncertain, resend=True, by=staff) is True
    assert settling.settle(uncertain, resend=True, by=staff) is False
    while sending.send_next_batch(message):
        pass
    message.refresh_from_db()
    assert (len(mailoutbox), message.state) == (1, Message.State.SENT)
    assert Entry.objects.get(kind=Entry.Kind.EDIT).by == staff


def test_one_is_settled_without_the_others(message, uncertain):
    other = reader()
    Delivery.objects.create(message=message, person=other, value="x@example.org", language="en", state=State.UNCERTAIN)
    assert settling.settle(uncertain, resend=False) is True
    assert dict(message.deliveries.values_list("person", "state")) == {
        uncertain.person_id: State.SENT,
        other.pk: State.UNCERTAIN,
    }


@pytest.mark.parametrize("settle", [settling.settle, lambda row, **kwargs: settling.settle_all(row.message, **kwargs)])
def test_what_counts_as_arrived_left_when_it_was_taken(uncertain, mailoutbox, settle):
    taken = timezone.now() - timedelta(days=2)
    Delivery.objects.update(claimed_at=taken)
    assert settle(uncertain, resend=False, by=UserFactory())
    uncertain.refresh_from_db()
    assert (uncertain.state, uncertain.sent_at, mailoutbox) == (State.SENT, taken, [])


@pytest.mark.parametrize("settle", [settling.settle, lambda row, **kwargs: settling.settle_all(row.message, **kwargs)])
def test_what_is_sent_again_has_not_left(uncertain, settle):
    Delivery.objects.update(sent_at=timezone.now())
    assert settle(uncertain, resend=True)
    uncertain.refresh_from_db()
    assert (uncertain.state, uncertain.sent_at, uncertain.claimed_at) == (State.QUEUED, None, None)


@pytest.fixture
def of_a_series(uncertain):
    """The message of a series, finished, with one that nobody knows of."""
    built = building.begin(name="Welcome", campaign=CampaignFactory(), trigger="joined")
    step = building.add_step(built, channel="email", name="One", wait_hours=0)
    step.message = uncertain.message
    step.save()
    return built


def test_what_a_series_that_is_over_sends_again_can_be_paused_and_cancelled(message, uncertain, of_a_series):
    Series.objects.update(state=Series.State.ENDED)
    settling.settle(uncertain, resend=True)
    assert (sending.pause(message), sending.resume(message), sending.cancel(message)) == (True, True, True)
    assert list(message.deliveries.values_list("state", flat=True)) == [State.HELD]


@pytest.mark.parametrize("state", [Series.State.RUNNING, Series.State.PAUSED])
def test_a_series_steers_its_messages_by_itself(message, uncertain, of_a_series, state):
    Series.objects.update(state=state)
    Message.objects.filter(pk=message.pk).update(state=Message.State.PAUSED)
    assert (sending.resume(message), sending.cancel(message)) == (False, False)


def test_the_breaker_stops_what_a_series_that_is_over_sends_again(message, uncertain, of_a_series, installation):
    installation.breaker_after = 1
    installation.save()
    Series.objects.update(state=Series.State.ENDED)
    settling.settle(uncertain, resend=True)
    Delivery.objects.update(state=State.BOUNCED, sent_at=timezone.now())
    assert breaking.trip(message)
    message.refresh_from_db()
    assert (message.state, message.paused_because) == (Message.State.PAUSED, breaking.BOUNCES)


@pytest.mark.django_db(transaction=True)
def test_a_message_does_not_close_while_somebody_settles_that_one_is_sent_again(message):
    """Whichever comes first, what is queued belongs to a message that is still sending."""
    reader()
    sending.start(message)
    Delivery.objects.update(state=State.UNCERTAIN)
    held, may_end, closed = threading.Event(), threading.Event(), []

    def settle():
        with transaction.atomic():
            settling.settle(Delivery.objects.get(), resend=True)
            held.set()
            may_end.wait(60)
        connection.close()

    def close():
        held.wait(60)
        closed.extend(sending.close_finished())
        connection.close()

    workers = [threading.Thread(target=settle), threading.Thread(target=close)]
    for worker in workers:
        worker.start()
    workers[1].join(2)
    may_end.set()
    for worker in workers:
        worker.join(60)
    message.refresh_from_db()
    assert (message.state, closed) == (Message.State.SENDING, [])
