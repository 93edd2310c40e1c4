"""Doors that open on the queue for messages. Each is safe to run twice and finds its own work."""

from celery import shared_task

from campaigns import registering, sending
from campaigns.models import Message
from coalition.tasks import send_notices


@shared_task(acks_late=True)
def send_message(message_pk):
    """Send one batch, then queue the next. Safe to run twice and beside itself."""
    message = Message.objects.filter(pk=message_pk).first()
    if message and sending.send_next_batch(message):
        send_message.delay(message_pk)


@shared_task
def sweep():
    """Beat's round over messages: settle what dead workers held, close what is done, restart what stalled."""
    for message_pk in sending.sweep():
        send_message.delay(message_pk)
    registering.remind_due()
    registering.tell_changes()


@shared_task
def tell_registered():
    """Write to those who are registered for a webinar that changed or was called off; more of them are another turn."""
    if registering.tell_changes():
        tell_registered.delay()
        send_notices.delay()
