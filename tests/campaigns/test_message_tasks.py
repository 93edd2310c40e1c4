"""The task that sends: it calls for help once, goes on by itself, and comes back to what waits for its pace."""

import threading
from datetime import timedelta

import pytest
from celery import current_app
from django.db import connection
from django.utils import timezone

from campaigns import pacing, reporting, sending, tasks
from campaigns.models import Delivery, LinkCheck, Message, Report
from tests.factories import MessageFactory, PersonFactory


@pytest.fixture
def message(installation):
    message = MessageFactory()
    for _n in range(3):
        PersonFactory(email=True, opted_in=True)
    sending.start(message)
    return message


@pytest.fixture
def queued():
    """Takes what stands in the queue: [(arguments, when it may run)]."""

    def take():
        found = []
        with current_app.connection_for_read() as connection, connection.SimpleQueue("celery") as queue:
            while queue.qsize():
                task = queue.get(block=False)
                task.ack()
                args, kwargs, _rest = task.decode()
                found.append((args, kwargs, task.headers["eta"] is not None))
        return found

    take()
    return take


def test_the_first_turn_calls_for_others_and_they_call_for_nobody(message, queued, settings, mailoutbox, monkeypatch):
    settings.SENDING_AT_ONCE = 3
    monkeypatch.setattr(tasks, "TURN", 60)
    tasks.send_message(message.pk)
    assert len(mailoutbox) == 3
    assert queued() == [([message.pk], {"alone": False}, False)] * 2
    tasks.send_message(message.pk, alone=False)
    assert queued() == []
    assert Message.objects.get(pk=message.pk).state == Message.State.SENT


def test_T8_what_is_over_its_pace_is_looked_at_again_in_a_moment(message, queued, settings, monkeypatch):
    settings.SENDING_AT_ONCE = 1
    monkeypatch.setattr(pacing, "limits_for", lambda message, wanted: {"": 0})
    tasks.send_message(message.pk)
    assert queued() == [([message.pk], {"alone": False}, True)]
    assert message.deliveries.filter(state=Delivery.State.QUEUED).count() == 3
    assert sending.sweep() == []  # it is attended to
    sending.pause(message)
    tasks.send_message(message.pk, alone=False)
    assert queued() == []


@pytest.mark.parametrize("door", [tasks.sweep, tasks.look_after_series])
def test_a_message_of_a_series_that_waits_is_given_workers_once_however_often_somebody_looks(message, queued, door):
    Message.objects.update(state=Message.State.RUNNING)
    door()
    door()
    assert queued() == [([message.pk], {}, False)]
    Message.objects.update(active_at=timezone.now() - timedelta(minutes=1))
    door()
    door()
    assert queued() == [([message.pk], {}, False)]


def test_so_many_links_are_asked_in_one_turn_and_more_in_the_next(installation, queued):
    LinkCheck.objects.bulk_create(LinkCheck(url=f"/healthz?{n}", asked_at=timezone.now()) for n in range(201))
    tasks.check_links()
    assert LinkCheck.objects.filter(answered_at=None).count() == 1
    assert queued() == [([], {}, False)]
    tasks.check_links()
    assert LinkCheck.objects.filter(answered_at=None).count() == 0
    queued()
    tasks.check_links()
    assert queued() == []


def test_whether_a_message_is_to_be_counted_is_asked_of_that_one(message):
    for _n in range(reporting.AT_ONCE):
        MessageFactory(state=Message.State.SENDING, started_at=timezone.now() + timedelta(minutes=1))
    assert message.pk not in reporting.due()
    tasks.report_on(message.pk)
    assert list(Report.objects.values_list("message", flat=True)) == [message.pk]
    tasks.report_on(message.pk)
    counted = Report.objects.get().counted_at
    tasks.report_on(message.pk)
    assert Report.objects.get().counted_at == counted


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_give_a_message_workers_once(message):
    Message.objects.update(active_at=timezone.now() - timedelta(minutes=1))
    gate, found = threading.Barrier(2), []

    def sweep():
        try:
            gate.wait()
            found.extend(sending.sweep())
        finally:
            connection.close()

    threads = [threading.Thread(target=sweep) for _n in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert found == [message.pk]
