"""Email through Django's backends: Anymail's for any provider, SMTP, or the simulated outbox. Sessions last.

A second provider may stand by: what surely did not leave, because the first was out of reach, goes through it.
"""

import os
import secrets
import threading
import time

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from .base import Outcome, Status
from .mime import sender
from .provider import ProviderCarrier
from .smtp import SmtpCarrier

# A call that takes longer gives the rest back untouched: a worker's claims must not look abandoned.
CALL_AT_MOST = 120  # seconds
REST = 60  # seconds for which a provider that was out of reach is left alone, where another stands by


def domain():
    """The domain that writes: it stands in every Message-ID."""
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ")


def message_id(ref):
    """Short enough for one line: some mail programs trip over a folded Message-ID."""
    return f"<{ref}.{secrets.token_hex(8)}@{domain()}>"


def from_email(name):
    """From as Django takes it: the name of this message's sender before the installation's address."""
    name, address = sender(name)
    quoted = name.replace("\\", r"\\").replace('"', r"\"")
    return f'"{quoted}" <{address}>' if name else address


def compose(envelope, own_id=""):
    """The envelope as a Django message, with our reference in its Message-ID and in what the provider sends back."""
    subject, text, html, headers = envelope.words()
    own = {"Message-ID": own_id or message_id(envelope.ref), "Content-Language": envelope.language}
    if not envelope.letter:
        own["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes in return
    writes = from_email(envelope.letter.sender) if envelope.letter else None
    replies = [settings.EMAIL_REPLY_TO] if envelope.letter and settings.EMAIL_REPLY_TO else None
    headers = {**own, **headers}
    message = EmailMultiAlternatives(subject, text, writes, [envelope.to], reply_to=replies, headers=headers)
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

    def close(self):
        """It keeps nothing open."""


class Way:
    """One provider as this thread speaks with it."""

    def __init__(self, connect):
        connection = connect()
        self.name = type(connection).__module__.rpartition(".")[2]  # "mailgun", "smtp" …
        self.resting_until = 0.0
        if isinstance(connection, SmtpBackend):
            self.carrier = SmtpCarrier(connect, compose, message_id)
        elif type(connection).__module__.startswith("anymail."):
            self.carrier = ProviderCarrier(connect, compose)
        else:
            self.carrier = BackendCarrier(connection)

    def send(self, envelopes, deadline):
        outcomes = self.carrier.send(envelopes, deadline)
        for outcome in outcomes:
            outcome.via = self.name
        return outcomes


class EmailChannel:
    """Sends in order. A time-out after the body may have left is *uncertain*; what surely stayed may be tried again."""

    def __init__(self):
        self._mine = threading.local()

    def send(self, envelopes):
        if not envelopes:
            return []
        deadline = time.monotonic() + CALL_AT_MOST
        first, *standing_by = self._ways()
        if not standing_by:
            return first.send(envelopes, deadline)
        outcomes = [None] * len(envelopes)
        if time.monotonic() > first.resting_until:
            outcomes = first.send(envelopes, deadline)
        stayed = [position for position, outcome in enumerate(outcomes) if outcome is None or outcome.unreached]
        if stayed:
            if outcomes[stayed[0]] is not None:
                first.resting_until = time.monotonic() + REST
            second = standing_by[0].send([envelopes[position] for position in stayed], deadline)
            for position, outcome in zip(stayed, second, strict=True):
                outcomes[position] = outcome
        return outcomes

    def overlaps(self):
        """Whether a thread of its own may send while another works with the database."""
        return all(isinstance(way.carrier, SmtpCarrier | ProviderCarrier) for way in self._ways())

    def in_one_call(self):
        """How many recipients of one letter the provider takes in a call; 1 where each has a call of their own."""
        return getattr(self._ways()[0].carrier, "in_one_call", 1)

    def close(self):
        """Give up this thread's sessions; the next message opens new ones."""
        for way in getattr(self._mine, "ways", ()):
            way.carrier.close()

    def _ways(self):
        # Sessions belong to one thread of one process, and to the settings they were opened with.
        key = (os.getpid(), settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_USER)
        key += (settings.EMAIL_STANDBY_BACKEND,)
        if getattr(self._mine, "key", None) != key:
            self._mine.key, self._mine.ways = key, [Way(get_connection)]
            if settings.EMAIL_STANDBY_BACKEND:
                self._mine.ways.append(Way(standby))
        return self._mine.ways


def standby():
    """A connection to the provider that stands by."""
    server = settings.EMAIL_STANDBY_SERVER if settings.EMAIL_STANDBY_BACKEND == settings.SMTP_BACKEND else {}
    return get_connection(settings.EMAIL_STANDBY_BACKEND, **server)
