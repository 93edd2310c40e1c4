"""SMTP, spoken line by line, so that we know of every recipient whether the message surely stayed or may have left."""

import re
import smtplib
import time

from django.conf import settings
from django.core.mail.message import sanitize_address

from .base import Outcome, Status

IDLE_AT_MOST = 20  # seconds: servers hang up on silent sessions, so an old one is asked first
# Replies that name the mailbox as the cause (RFC 3463, subject 1): it does not exist, or never could.
NO_SUCH_MAILBOX = re.compile(rb"\b5\.1\.(?:1|2|3|6|10)\b")
LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class Refused(Exception):
    """The server said no before the message was in its hands. `lasting`: the same will not do better later."""

    def __init__(self, code, reply, *, lasting):
        super().__init__(code)
        self.code, self.reply, self.lasting = code, reply, lasting


class SmtpCarrier:
    """One long-lived session. Django's backend opens it (TLS, authentication, time-out); we speak."""

    def __init__(self, connection, compose):
        self.connection, self.compose = connection, compose
        self.used = 0.0

    def send(self, envelopes, deadline):
        outcomes = []
        for envelope in envelopes:
            if time.monotonic() > deadline or not self._session():
                outcomes.append(Outcome(Status.RETRY, error="mail server out of reach"))
            else:
                outcomes.append(self._send_one(envelope))
        return outcomes

    def _session(self):
        """The open session, or None when the server cannot be reached."""
        connection = self.connection
        if connection.connection is not None and time.monotonic() - self.used > IDLE_AT_MOST:
            try:
                alive = connection.connection.noop()[0] == 250
            except (OSError, smtplib.SMTPException):
                alive = False
            if not alive:
                self._hang_up()
        if connection.connection is None:
            try:
                connection.open()
                connection.connection.ehlo_or_helo_if_needed()
            except (OSError, smtplib.SMTPException):
                self._hang_up()
                return None
        self.used = time.monotonic()
        return connection.connection

    def close(self):
        """Say goodbye; the next message opens a new session."""
        if self.connection.connection is not None:
            self.connection.close()

    def _hang_up(self):
        session, self.connection.connection = self.connection.connection, None
        if session is not None:
            session.close()

    def _send_one(self, envelope):
        message = self.compose(envelope)
        body = LEADING_DOT.sub(b"..", message.message().as_bytes(linesep="\r\n"))
        sender = sanitize_address(settings.DEFAULT_FROM_EMAIL, "utf-8").rpartition("<")[2].rstrip(">")
        session, in_their_hands = self.connection.connection, False
        try:
            self._expect(session.mail(sender), 250, lasting=False)
            self._expect(session.rcpt(envelope.to), 250)
            self._expect(session.docmd("DATA"), 354)
            in_their_hands = True
            session.send(body.rstrip(b"\r\n") + b"\r\n.\r\n")
            self._expect(session.getreply(), 250)
        except Refused as refusal:
            return self._refused(refusal)
        except (OSError, smtplib.SMTPException) as error:
            self._hang_up()
            status = Status.UNCERTAIN if in_their_hands else Status.RETRY
            return Outcome(status, error=type(error).__name__)
        return Outcome(Status.SENT, provider_id=message.extra_headers["Message-ID"])

    @staticmethod
    def _expect(answer, wanted, *, lasting=True):
        """A refused sender is our own mistake, so it is never lasting: nobody's delivery fails for it at once."""
        code, reply = answer
        if code != wanted and not (wanted == 250 and code == 251):
            raise Refused(code, reply, lasting=lasting and code >= 500)

    def _refused(self, refusal):
        if refusal.code == 421:  # closing down
            self._hang_up()
        else:
            try:
                self.connection.connection.rset()
            except (OSError, smtplib.SMTPException):
                self._hang_up()
        return Outcome(
            Status.FAILED if refusal.lasting else Status.RETRY,
            error=f"SMTP {refusal.code}",
            code=refusal.code,
            dead=refusal.lasting and bool(NO_SUCH_MAILBOX.search(refusal.reply)),
        )
