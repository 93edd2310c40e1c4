"""Doors that open on the queue for messages. Each is safe to run twice and finds its own work."""

from celery import shared_task


@shared_task
def sweep():
    """Beat's round over messages."""
