"""Email through a provider's interface, by Anymail: one call a chunk where the provider fills gaps, else one each."""

import time
from itertools import groupby

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.html import escape

from .base import Outcome, Status

# How a provider writes a gap: those that put a recipient's value in as it is, without a template language around it.
GAPS = {"Mailgun": "%recipient.{}%"}
# Answers after which nothing has left: bad credentials, not paid, too many, closed for a while.
STAYED = {401, 402, 403, 404, 405, 408, 409, 425, 429, 503}
ACCEPTED = {"sent", "queued"}


class ProviderCarrier:
    """One session with the provider. No recipient sees another; an address stands once in a call (rule E5)."""

    def __init__(self, connection, compose):
        self.connection, self.compose = connection, compose

    def send(self, envelopes, deadline):
        outcomes = []
        try:
            self.connection.open()
            for chunk in self._chunks(envelopes):
                if time.monotonic() > deadline:
                    outcomes += [Outcome(Status.RETRY, error="the provider is slow") for _envelope in chunk]
                elif len(chunk) > 1:
                    outcomes += self._send_chunk(chunk)
                else:
                    outcomes.append(self._send_one(chunk[0]))
        finally:
            self.connection.close()
        return outcomes

    def _chunks(self, envelopes):
        """Runs of one letter, as long as the provider allows; everything else alone."""
        for letter, run in groupby(envelopes, key=lambda envelope: envelope.letter):
            run = list(run)
            size = settings.EMAIL_BATCH_SIZE if letter and self.connection.esp_name in GAPS else 1
            for start in range(0, len(run), size):
                yield run[start : start + size]

    def _send_one(self, envelope):
        message = self.compose(envelope)
        try:
            self.connection.send_messages([message])
        except AnymailError as error:
            return _refusal(error)
        return _outcome(message, envelope.to, message.extra_headers["Message-ID"])

    def _send_chunk(self, chunk):
        message = _shared(chunk, GAPS[self.connection.esp_name])
        try:
            self.connection.send_messages([message])
        except AnymailError as error:
            refusal = _refusal(error)
            if refusal.status == Status.FAILED:
                # One bad address may have spoiled the call, and nothing of it has left: ask for each alone.
                return [self._send_one(envelope) for envelope in chunk]
            return [refusal for _envelope in chunk]
        return [_outcome(message, envelope.to) for envelope in chunk]


def _shared(chunk, gap):
    """One message for a whole chunk, with the provider's gaps in it. HTML has gaps of its own, for escaped values."""
    letter = chunk[0].letter
    plain = {name: gap.format(name) for name in letter.names}
    safe = {name: gap.format(f"{name}_html") for name in letter.names}
    message = EmailMultiAlternatives(
        subject=letter.subject.fill(plain), body=letter.text.fill(plain), to=[envelope.to for envelope in chunk]
    )
    message.attach_alternative(letter.html.fill(safe), "text/html")
    message.merge_data, message.merge_headers, message.merge_metadata = {}, {}, {}
    for envelope in chunk:
        values = {name: envelope.values[name] for name in letter.names}
        message.merge_data[envelope.to] = values | {f"{name}_html": escape(value) for name, value in values.items()}
        message.merge_headers[envelope.to] = {name: gaps.fill(values) for name, gaps in letter.headers.items()}
        message.merge_metadata[envelope.to] = {"ref": envelope.ref}
    return message


def _outcome(message, to, otherwise=""):
    """What the provider said of one recipient; one that it says nothing of may have left."""
    told = message.anymail_status.recipients.get(to)
    if told is None:
        return Outcome(Status.UNCERTAIN, error="no word from the provider")
    if told.status in ACCEPTED or told.status == "unknown":
        return Outcome(Status.SENT, provider_id=told.message_id or otherwise)
    return Outcome(Status.FAILED, error=f"provider: {told.status}", dead=told.status == "invalid")


def _refusal(error):
    """What a failed call means for the messages in it."""
    if isinstance(error, AnymailRecipientsRefused):
        return Outcome(Status.FAILED, error="refused by the provider")
    if isinstance(error, AnymailUnsupportedFeature | AnymailSerializationError):
        return Outcome(Status.FAILED, error=type(error).__name__)
    if isinstance(error, requests.ConnectTimeout) or _never_connected(error):
        return Outcome(Status.RETRY, error="provider out of reach")
    code = getattr(getattr(error, "response", None), "status_code", None)
    if not isinstance(error, AnymailAPIError) or code is None:
        return Outcome(Status.UNCERTAIN, error="no answer from the provider")
    refused = Status.FAILED if 400 <= code < 500 else Status.UNCERTAIN
    return Outcome(Status.RETRY if code in STAYED else refused, error=f"HTTP {code}", code=code)


def _never_connected(error):
    """Whether the connection was not even made (refused, no route, no such host)."""
    if not isinstance(error, requests.ConnectionError):
        return False
    cause = error.__cause__ or error
    return "NewConnectionError" in repr(cause) or "NameResolutionError" in repr(cause)
