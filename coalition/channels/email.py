"""Email through Django's backend: Anymail's for any provider, SMTP, or the simulated outbox. Sessions last."""

import os
import secrets
import threading
import time

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from .base import Outcome, Status
from .provider import ProviderCarrier
from .smtp import SmtpCarrier

# A call that takes longer gives the rest back untouched: a worker's claims must not look abandoned.
CALL_AT_MOST = 120  # seconds


def domain():
    """The domain that writes: it stands in every Message-ID."""
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ")


def message_id(ref):
    """Short enough for one line: some mail programs trip over a folded Message-ID."""
    return f"<{ref}.{secrets.token_hex(8)}@{domain()}>"


def compose(envelope, own_id=""):
    """The envelope as a Django message, with our reference in its Message-ID and in what the provider sends back."""
    subject, text, html, headers = envelope.words()
    own = {"Message-ID": own_id or message_id(envelope.ref), "Content-Language": envelope.language}
    if not envelope.letter:
        own["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes in return
    message = EmailMultiAlternatives(subject=subject, body=text, to=[envelope.to], headers={**own, **headers})
    if html:
        message.attach_alternative(html, "text/html")
    for part in envelope.attachments:
        message.attach(part["name"], part["content"], part["type"])
    message.metadata = {"ref": envelope.ref}
    return message


class BackendCarrier:
    """Any other backend of Django's: the simulated outbox, or the one of the tests."""

    def __init__(self, connection):
        self.connection = connection

    def send(self, envelopes, deadline):
        messages = [compose(envelope) for envelope in envelopes]
        self.connection.send_messages(messages)
        return [Outcome(Status.SENT, provider_id=message.extra_headers["Message-ID"]) for message in messages]


def _carrier(connection):
    if isinstance(connection, SmtpBackend):
        return SmtpCarrier(connection, compose, message_id)
    if type(connection).__module__.startswith("anymail."):
        return ProviderCarrier(connection, compose)
    return BackendCarrier(connection)


class EmailChannel:
    """Sends in order. A time-out after the body may have left is *uncertain*; what surely stayed may be tried again."""

    def __init__(self):
        self._mine = threading.local()

    def send(self, envelopes):
        if not envelopes:
            return []
        return self._carrier().send(envelopes, time.monotonic() + CALL_AT_MOST)

    def close(self):
        """Give up this thread's session; the next message opens a new one."""
        carrier = getattr(self._mine, "carrier", None)
        if isinstance(carrier, SmtpCarrier):
            carrier.close()

    def _carrier(self):
        # A session belongs to one thread of one process, and to the settings it was opened with.
        key = (os.getpid(), settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_USER)
        if getattr(self._mine, "key", None) != key:
            self._mine.key, self._mine.carrier = key, _carrier(get_connection())
        return self._mine.carrier
