"""SMTP, spoken line by line, so that we know of every recipient whether the message surely stayed or may have left.

One long session. Where the server allows it (RFC 2920), the next envelope rides with the end of the message before it.
"""

import re
import smtplib
import time

from django.conf import settings
from django.core.mail.message import sanitize_address

from .base import Outcome, Status
from .mime import WireLetter

IDLE_AT_MOST = 20  # seconds: servers hang up on silent sessions, so an old one is asked first
# Replies that name the mailbox as the cause (RFC 3463, subject 1): it does not exist, or never could.
NO_SUCH_MAILBOX = re.compile(rb"\b5\.1\.(?:1|2|3|6|10)\b")
LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
MAILBOX = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")  # what may stand between < and >
BROKEN = (OSError, smtplib.SMTPException)


class SmtpCarrier:
    """Django's backend opens the session (TLS, authentication, time-out); we speak."""

    def __init__(self, connection, compose, message_id):
        self.connection, self.compose, self.message_id = connection, compose, message_id
        self.used = 0.0

    # The session

    def _session(self):
        """The open session, or None when the server cannot be reached."""
        connection = self.connection
        if connection.connection is not None and time.monotonic() - self.used > IDLE_AT_MOST:
            try:
                alive = connection.connection.noop()[0] == 250
            except BROKEN:
                alive = False
            if not alive:
                self._hang_up()
        if connection.connection is None:
            try:
                connection.open()
                connection.connection.ehlo_or_helo_if_needed()
            except BROKEN:
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

    # Sending

    def send(self, envelopes, deadline):
        sender = sanitize_address(settings.DEFAULT_FROM_EMAIL, "utf-8")
        mail_from = b"MAIL FROM:<%s>\r\n" % sender.rpartition("<")[2].rstrip(">").encode()
        outcomes, announced = [], False  # announced: the envelope at hand is on the wire already
        for position, envelope in enumerate(envelopes):
            following = envelopes[position + 1] if position + 1 < len(envelopes) else None
            if not MAILBOX.fullmatch(envelope.to):
                # Letters with accents before the @ (RFC 6531): somebody's address, but not one that we can write to.
                dead = envelope.to.isascii()
                outcomes.append(Outcome(Status.FAILED, error="not an address", dead=dead))
                continue
            session = self.connection.connection if announced else self._session()
            if session is None or (not announced and time.monotonic() > deadline):
                outcomes.append(Outcome(Status.RETRY, error="mail server out of reach"))
                continue
            ahead = b""
            if following and MAILBOX.fullmatch(following.to) and time.monotonic() < deadline:
                ahead = self._ahead(session, mail_from, following)
            outcome, announced = self._send_one(session, mail_from, sender, envelope, announced, ahead)
            outcomes.append(outcome)
        return outcomes

    @staticmethod
    def _ahead(session, mail_from, envelope):
        """The envelope as the three lines that may be written in one go, where the server allows it."""
        if not session.has_extn("pipelining"):
            return b""
        return b"%sRCPT TO:<%s>\r\nDATA\r\n" % (mail_from, envelope.to.encode())

    def _send_one(self, session, mail_from, sender, envelope, announced, ahead):
        """(outcome, whether the next envelope is on the wire)."""
        message_id = self.message_id(envelope.ref)
        try:
            body = self._bytes(envelope, sender, message_id)
        except (KeyError, ValueError) as error:  # a value that cannot be written concerns one message, not the batch
            self._hang_up()
            return Outcome(Status.FAILED, error=f"could not be written: {type(error).__name__}"), False
        try:
            refusal = self._announce(session, mail_from, envelope, announced)
        except BROKEN as error:
            self._hang_up()
            return Outcome(Status.RETRY, error=type(error).__name__), False
        if refusal is not None:
            self._start_over(session, refusal.code)
            return refusal, False
        try:
            session.send(body + b".\r\n" + ahead)
            code, reply = session.getreply()
        except BROKEN as error:
            self._hang_up()
            return Outcome(Status.UNCERTAIN, error=type(error).__name__), False
        if code == 421:
            self._hang_up()
        outcome = Outcome(Status.SENT, provider_id=message_id) if code == 250 else _refused(code, reply)
        return outcome, bool(ahead) and code != 421

    def _start_over(self, session, code):
        try:
            if code != 421:  # closing down
                session.rset()
                return
        except BROKEN:
            pass
        self._hang_up()

    def _announce(self, session, mail_from, envelope, announced):
        """Name sender and recipient and ask to go on. None when the server waits for the message, else its refusal."""
        lines = [mail_from, b"RCPT TO:<%s>\r\n" % envelope.to.encode(), b"DATA\r\n"]
        at_once = announced or session.has_extn("pipelining")
        if at_once and not announced:
            session.send(b"".join(lines))
        refusal = None
        for position, line in enumerate(lines):
            if not at_once:
                session.send(line)
            code, reply = session.getreply()
            wanted = (250,) if position == 0 else (250, 251) if position == 1 else (354,)
            if code not in wanted and refusal is None:
                # A refused sender is our own mistake: nobody's delivery fails for it at once.
                refusal = _refused(code, reply, lasting=position > 0)
                if not at_once:
                    break
            elif code == 354 and refusal is not None:
                # It wants a message for nobody: end it at once.
                session.send(b".\r\n")
                session.getreply()
        return refusal

    def _bytes(self, envelope, sender, message_id):
        """The message with CRLF line ends, a CRLF at its end, and its dots doubled."""
        if envelope.letter:
            wire = envelope.letter.wire
            if wire is None:
                wire = envelope.letter.wire = WireLetter(envelope.letter, sender.encode())
            return wire.fill(envelope.to, message_id, envelope.values)
        message = self.compose(envelope, message_id)
        return LEADING_DOT.sub(b"..", message.message().as_bytes(linesep="\r\n")).rstrip(b"\r\n") + b"\r\n"


def _refused(code, reply, *, lasting=True):
    lasting = lasting and code >= 500
    return Outcome(
        Status.FAILED if lasting else Status.RETRY,
        error=f"SMTP {code}",
        code=code,
        dead=lasting and bool(NO_SUCH_MAILBOX.search(reply)),
    )
