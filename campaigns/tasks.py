"""Doors that open on the queue for messages. Each is safe to run twice and finds its own work."""

from celery import shared_task
from django.conf import settings

from campaigns import answering, pacing, registering, reporting, scheduling, sending, splitting, summarising
from campaigns.models import Message
from campaigns.series import looking
from coalition.tasks import send_notices

TURN = 1  # seconds that a message keeps a worker before others have their turn


@shared_task(acks_late=True)
def send_message(message_pk, alone=True):
    """Send batches for a moment, then queue the next turn. Safe to run twice and beside itself.

    The first of its turns, still `alone`, calls for as many beside it as a message may have.
    """
    message = Message.objects.filter(pk=message_pk).first()
    if message is None:
        return
    if alone:
        for _n in range(settings.SENDING_AT_ONCE - 1):
            send_message.delay(message_pk, alone=False)
    if sending.send_for(message, TURN):
        send_message.delay(message_pk, alone=False)
    elif (seconds := sending.look_again_in(message)) is not None:
        send_message.apply_async([message_pk], {"alone": False}, countdown=seconds)


@shared_task
def start_due():
    """Begin what is due; whoever planned what may not leave is written to."""
    for message_pk in scheduling.start_due():
        send_message.delay(message_pk)
    send_notices.delay()


@shared_task
def sweep():
    """Beat's round over messages: begin what is due, settle what dead workers held, restart what stalled."""
    looking.look()
    for message_pk in {*scheduling.start_due(), *splitting.decide_all_due(), *sending.sweep()}:
        send_message.delay(message_pk)
    pacing.forget_old()
    registering.remind_due()
    registering.tell_changes()


@shared_task
def report():
    """Beat's other round over messages: count those that moved, and owe organizers the figures of the day before."""
    for message_pk in reporting.due():
        report_on.delay(message_pk)
    for message_pk in summarising.due():
        summarise.delay(message_pk)


@shared_task
def report_on(message_pk):
    """Count a message and draw its charts."""
    if reporting.due(only=message_pk):  # it may have waited here twice
        reporting.report(Message.objects.get(pk=message_pk))


@shared_task
def summarise(message_pk):
    """Send the figures of a message to who started it."""
    message = Message.objects.filter(pk=message_pk).select_related("started_by").first()
    if message and summarising.summarise(message):
        send_notices.delay()


@shared_task
def look_after_series():
    """A round over the series that run: who enters, who leaves, whose next message is due."""
    looking.look()
    for message_pk in sending.unattended():
        send_message.delay(message_pk)


@shared_task
def check_links():
    """Ask some of the links that wait to be asked, and keep whether they answer; more of them are another turn."""
    if answering.ask_waiting():
        check_links.delay()


@shared_task
def tell_registered():
    """Write to those who are registered for a webinar that changed or was called off; more of them are another turn."""
    if registering.tell_changes():
        tell_registered.delay()
        send_notices.delay()
