"""Email through a provider's interface, by Anymail: one call a chunk where the provider fills gaps, else one each."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import NamedTuple

import requests
import structlog
from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.conf import settings

from .base import Outcome, Status

log = structlog.get_logger(__name__)


class Merge(NamedTuple):
    """How a provider writes a gap that it fills as it is, without escaping, and with what its language begins.

    Values for HTML reach it escaped, in variables of their own where that makes a difference.
    """

    gap: str
    opens: tuple
    most: int  # recipients that it takes in a call (rule E5)
    subject: bool = True  # it fills gaps there as well
    adds_up: bool = True  # a reader gets the headers of the whole call beside their own

    def compile(self, gaps, marked=()):
        """The words with the provider's gaps in place of ours; nothing else in them begins its language.

        Names in `marked` stand for the value as HTML.
        """
        return gaps.replaced(
            lambda words: disarmed(words, self.opens),
            lambda name: self.gap.replace("NAME", f"{name}_html" if name in marked else name),
        )


# Those that take a message and values in one call (Anymail's documentation, "Batch sending" of each). With the others
# each recipient has a call: Postal and Scaleway fill nothing; Amazon SES, Brevo, Mailtrap, Postmark and Resend nothing
# but templates stored with them (Postmark's bulk interface does, after its approval, and in its own time); Mandrill no
# List-Unsubscribe, which is each reader's own; MailerSend no header, and it says of a bulk call only that it came.
MERGES = {
    "Mailgun": Merge("%recipient.NAME%", ("%recipient", "%unsubscribe", "%tag_unsubscribe", "%mailing_list_"), 1000),
    "Mailjet": Merge("[[var:NAME]]", ("[[",), 50, subject=False, adds_up=False),
    "SparkPost": Merge("{{{NAME}}}", ("{{", "{%"), 1000),
    "Unisender Go": Merge("{{NAME}}", ("{{",), 500),
}
# Providers that read their language in a message for one person, too.
INTERPRETING = {
    "Brevo": ("{{", "{%"),
    "Mailgun": MERGES["Mailgun"].opens,
    "MailerSend": ("{{", "{%", "{$"),
    "SparkPost": MERGES["SparkPost"].opens,
    "Unisender Go": MERGES["Unisender Go"].opens,
}
IDLE_AT_MOST = 20  # seconds that a session may have been silent
# Providers that keep no reference of ours: their news names the message by the id that they gave it.
WITHOUT_REFERENCE = {"MailerSend", "Postal"}
# Answers after which nothing has left: bad credentials, not paid, too many, closed for a while.
STAYED = {401, 402, 403, 404, 405, 408, 409, 425, 429, 503}
ACCEPTED = {"sent", "queued"}


class ProviderCarrier:
    """Calls to a provider, several at once. No recipient sees another; an address stands once in a call (rule E5)."""

    def __init__(self, connect, compose):
        self.connect, self.compose = connect, compose
        self.name = connect().esp_name
        self.merge = MERGES.get(self.name)
        self._mine, self._callers = threading.local(), None

    @property
    def in_one_call(self):
        """Recipients of one letter in a call; 1 where each has a call of their own."""
        if self.merge is None:
            return 1
        return min(settings.EMAIL_BATCH_SIZE or self.merge.most, self.merge.most)

    def send(self, envelopes, deadline):
        """An outcome for each envelope, in order. Nothing new begins after `deadline` (of `time.monotonic`)."""
        calls = list(self._calls(envelopes))
        outcomes = [None] * len(envelopes)

        def make(call):
            for position, outcome in zip(call, self._call([envelopes[at] for at in call], deadline), strict=True):
                outcomes[position] = outcome

        if len(calls) == 1:
            make(calls[0])
        else:
            self._callers = self._callers or ThreadPoolExecutor(settings.EMAIL_SESSIONS, "provider")
            list(self._callers.map(make, calls))
        return outcomes

    def close(self):
        """Let the callers go; the next message calls anew."""
        if self._callers:
            self._callers.shutdown()
        self._callers = None

    def _calls(self, envelopes):
        """Positions of the envelopes that share a call: of one letter, as many as the provider allows."""
        runs = {}  # by letter: languages come mixed
        for at, envelope in enumerate(envelopes):
            if self._merges(envelope):
                runs.setdefault(id(envelope.letter), []).append(at)
            else:
                yield [at]
        most = self.in_one_call
        for run in runs.values():
            call, named = [], set()
            for at in run:
                to = envelopes[at].to
                if len(call) == most or to in named:
                    yield call
                    call, named = [], set()
                call.append(at)
                named.add(to)
            yield call

    def _merges(self, envelope):
        letter = envelope.letter
        if not letter or not self.merge or not (self.merge.subject or not letter.subject.names):
            return False
        return not any(_breaks(envelope.values.get(name) or "") for name in letter.subject.names)

    def _call(self, envelopes, deadline):
        """The outcomes of one call. Whatever breaks in it, nobody else's outcome is lost."""
        if time.monotonic() > deadline:
            return [Outcome(Status.RETRY) for _envelope in envelopes]
        message = None
        try:
            message = self._written(envelopes)
            refusal = self._hand_over(message)
            if refusal is None:
                otherwise = message.extra_headers.get("Message-ID", "")
                return [_outcome(message, envelope.to, otherwise) for envelope in envelopes]
        except Exception as error:  # what a value, a setting or an answer that makes no sense may raise
            refusal = _broken(error, written=message is not None)
            log.error("call to provider broke", provider=self.name, error=refusal.error)
        if len(envelopes) == 1 or refusal.status != Status.FAILED:
            return [refusal for _envelope in envelopes]
        # One bad address or value may have spoiled the call, and nothing of it has left: ask for each alone.
        return [self._call([envelope], deadline)[0] for envelope in envelopes]

    def _written(self, envelopes):
        """The message of a call. Raises ValueError for a line break in a header, KeyError for a missing value."""
        if len(envelopes) > 1:
            return _shared(envelopes, self.merge, self.compose)
        message = self.compose(envelopes[0])
        if opens := INTERPRETING.get(self.name):
            message.subject, message.body = disarmed(message.subject, opens), disarmed(message.body, opens)
            alternatives, message.alternatives = message.alternatives, []
            for html, kind in alternatives:
                message.attach_alternative(disarmed(html, opens), kind)
        if self.name in WITHOUT_REFERENCE:
            del message.metadata
        if any(map(_breaks, (message.subject, *message.extra_headers.values()))):
            raise ValueError("a line break in a header")
        return message

    def _hand_over(self, message):
        """What the provider's refusal means for the message; None when it took it."""
        try:
            self._connection().send_messages([message])
        except AnymailError as error:
            return _refusal(error, message)
        return None

    def _connection(self):
        """The session of this thread with the provider."""
        mine, now = self._mine, time.monotonic()
        if hasattr(mine, "connection") and now - mine.used > IDLE_AT_MOST:
            # What an old session swallows may have left, or not: better a new one.
            mine.connection.close()
            del mine.connection
        if not hasattr(mine, "connection"):
            mine.connection = self.connect()
            mine.connection.open()
        mine.used = now
        return mine.connection


def _breaks(value):
    """Whether a value would begin a header of its own."""
    return "\n" in value or "\r" in value


def disarmed(text, opens):
    """A text in which a provider's template language does not begin: nobody's name is a command."""
    for mark in opens:
        while mark in text:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text


def _shared(envelopes, merge, compose):
    """One message for many, with the provider's gaps in it, and for each reader only what differs.

    A value that reads the same in HTML fills both bodies; one that does not has its escaped form in a gap of its own.
    """
    letter, opens = envelopes[0].letter, merge.opens
    same = {name: gaps.fill({}) for name, gaps in letter.headers.items() if merge.adds_up and not gaps.names}
    headers = {name: gaps for name, gaps in letter.headers.items() if name not in same}
    outside = set(letter.subject.names) | set(letter.text.names)
    # Of most values none is marked or armed: looked at together, a thousand cost little more than one.
    together = {name: "\n".join([one.values[name] for one in envelopes]) for name in {*outside, *letter.html.names}}
    marked = {name for name in letter.html.names if escape(together[name]) != together[name]}
    armed = {name for name, values in together.items() if any(mark in values for mark in opens)}
    plain = outside | set(letter.html.names) - marked
    message = compose(envelopes[0])  # sender and headers
    message.to = [envelope.to for envelope in envelopes]
    message.extra_headers, message.metadata, message.alternatives = same, {}, []
    message.subject, message.body = merge.compile(letter.subject), merge.compile(letter.text)
    message.attach_alternative(merge.compile(letter.html, marked), "text/html")
    message.merge_data, message.merge_headers, message.merge_metadata = {}, {}, {}
    for envelope in envelopes:
        to, values = envelope.to, envelope.values
        if armed:
            values = values | {name: disarmed(values[name], opens) for name in armed}
        merged = message.merge_data[to] = {name: values[name] for name in plain}
        for name in marked:
            merged[f"{name}_html"] = escape(values[name])
        message.merge_headers[to] = {name: gaps.fill(envelope.values) for name, gaps in headers.items()}
        message.merge_metadata[to] = {"ref": envelope.ref}
    return message


def _outcome(message, to, otherwise):
    """What the provider said of one recipient; one that it says nothing of may have left."""
    told = message.anymail_status.recipients.get(to)
    if told is None:
        return Outcome(Status.UNCERTAIN, error="no word from the provider")
    if told.status in ACCEPTED:
        return Outcome(Status.SENT, provider_id=str(told.message_id or otherwise))
    if told.status == "unknown":  # SparkPost says how many of a call it took, not whose
        return Outcome(Status.UNCERTAIN, error="the provider took only some", provider_id=str(told.message_id or ""))
    return Outcome(Status.FAILED, error=f"provider: {told.status}", dead=told.status == "invalid")


def _refusal(error, message):
    """What a failed call means for the messages in it."""
    if isinstance(error, AnymailRecipientsRefused):
        if not message.anymail_status.recipients:  # no word of anybody is no refusal
            return Outcome(Status.UNCERTAIN, error="no word from the provider")
        return Outcome(Status.FAILED, error="refused by the provider")
    if isinstance(error, AnymailUnsupportedFeature | AnymailSerializationError):
        return Outcome(Status.FAILED, error=type(error).__name__)
    if isinstance(error, requests.ConnectTimeout) or _never_connected(error):
        return Outcome(Status.RETRY, error="provider out of reach", unreached=True)
    code = getattr(getattr(error, "response", None), "status_code", None)
    if not isinstance(error, AnymailAPIError) or code is None:
        return Outcome(Status.UNCERTAIN, error="no answer from the provider")
    refused = Status.FAILED if 400 <= code < 500 else Status.UNCERTAIN
    return Outcome(Status.RETRY if code in STAYED else refused, error=f"HTTP {code}", code=code)


def _broken(error, *, written):
    """What an exception that no provider's answer explains means: once handed over, a message may have left."""
    if written:
        return Outcome(Status.UNCERTAIN, error=f"broke off: {type(error).__name__}")
    return Outcome(Status.FAILED, error=f"could not be written: {type(error).__name__}")


def _never_connected(error):
    """Whether the connection was not even made (refused, no route, no such host)."""
    if not isinstance(error, requests.ConnectionError):
        return False
    cause = error.__cause__ or error
    return "NewConnectionError" in repr(cause) or "NameResolutionError" in repr(cause)
