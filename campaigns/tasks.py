"""Doors that open on the queue for messages. Each is safe to run twice and finds its own work."""

from celery import shared_task

from campaigns import sending
from campaigns.models import Message


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
