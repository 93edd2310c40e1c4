"""SMTP, spoken line by line, so that we know of every recipient whether the message surely stayed or may have left.

Several long sessions at once, one process. Where the server allows it (RFC 2920), the next envelope rides with the end
of the message before it, so that a message costs one turn of the wire.
"""

import re
import selectors
import smtplib
import socket
import time
from collections import deque
from functools import lru_cache

from django.conf import settings
from django.core.mail.message import sanitize_address

from .base import Outcome, Status
from .mime import WireLetter

IDLE_AT_MOST = 20  # seconds: servers hang up on silent sessions, so an old one is asked first
WORTH_A_SESSION = 4  # messages: fewer are through before another session is open
LOOK_EVERY = 1  # seconds between looks for sessions that fell silent
REPLY_AT_MOST = 1 << 16  # bytes: whoever says more without end is not a mail server
# Replies that name the mailbox as the cause (RFC 3463, subject 1): it does not exist, or never could.
NO_SUCH_MAILBOX = re.compile(rb"\b5\.1\.(?:1|2|3|6|10)\b")
LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
MAILBOX = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")  # what may stand between < and >
BROKEN = (OSError, smtplib.SMTPException)
TAKEN = (250,)
TO_EXPECT = (TAKEN, (250, 251), (354,))  # after MAIL, RCPT and DATA
CLOSING_DOWN = 421


class Session:
    """One conversation with the server. Django's backend opens it: TLS, authentication, time-out."""

    def __init__(self, backend):
        self.backend = backend
        self.used = 0.0
        self.job = self.ahead = self.talk = None  # in hand; announced behind it; the generator that speaks
        self.left = False  # whether the body in hand is on the wire
        self._rest, self._words = b"", []

    def open(self):
        """Whether it stands; asked first when it was silent for long."""
        server = self.backend.connection
        if server is not None and time.monotonic() - self.used > IDLE_AT_MOST:
            try:
                alive = server.noop()[0] == 250
            except BROKEN:
                alive = False
            if not alive:
                self.hang_up()
        if self.backend.connection is None:
            try:
                self.backend.open()
                server = self.backend.connection
                server.ehlo_or_helo_if_needed()
                server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except BROKEN:
                self.hang_up()
                return False
            self.at_once = server.has_extn("pipelining")
            self._rest, self._words = b"", []
        self.sock = self.backend.connection.sock
        self.used = time.monotonic()
        return True

    def say(self, data):
        self.used = time.monotonic()
        self.sock.sendall(data)

    def replies(self):
        """What came meanwhile, as (code, words). Raises OSError when the server hung up or speaks nonsense."""
        came = self.sock.recv(REPLY_AT_MOST)
        if not came:
            raise ConnectionResetError("the server hung up")
        *lines, self._rest = (self._rest + came).split(b"\n")
        if len(self._rest) > REPLY_AT_MOST or len(self._words) > 1000:
            raise ConnectionError("a reply without end")
        whole = []
        for line in lines:
            if not line[:3].isdigit():
                raise ConnectionError("not a reply")
            if line[3:4] == b"-":
                self._words.append(line[4:])
            else:
                whole.append((int(line[:3]), b" ".join([*self._words, line[4:]]) if self._words else line[4:]))
                self._words = []
        return whole

    def hang_up(self):
        server, self.backend.connection = self.backend.connection, None
        if server is not None:
            server.close()

    def close(self):
        """Say goodbye."""
        if self.backend.connection is not None:
            self.backend.close()


class Job:
    """A message on its way: which of the batch it is, to whom, and its bytes."""

    __slots__ = ("announcement", "body", "message_id", "position")

    def __init__(self, position, announcement, body, message_id):
        self.position, self.announcement, self.body, self.message_id = position, announcement, body, message_id


class SmtpCarrier:
    """Speaks with one mail server in up to EMAIL_SESSIONS sessions. One thread; sessions last from batch to batch."""

    def __init__(self, connect, compose, message_id):
        self.connect, self.compose, self.message_id = connect, compose, message_id
        self.sessions = []

    def close(self):
        """Say goodbye; the next message opens new sessions."""
        for session in self.sessions:
            session.close()
        self.sessions = []

    def send(self, envelopes, deadline):
        """An outcome for each envelope, in order. Nothing new begins after `deadline` (of `time.monotonic`)."""
        batch = Batch(envelopes, deadline, self._write)
        with selectors.DefaultSelector() as selector:
            self._begin(batch, selector)
            look_again = time.monotonic() + LOOK_EVERY
            while selector.get_map():
                for key, _mask in selector.select(LOOK_EVERY):
                    self._go_on(key.data, batch, selector)
                if time.monotonic() > look_again:
                    self._give_up_silent(batch, selector)
                    look_again = time.monotonic() + LOOK_EVERY
        return batch.finish()

    # The turns of the sessions

    def _begin(self, batch, selector):
        """Set as many sessions to work as the batch is worth; where the server takes fewer, those."""
        wanted = min(settings.EMAIL_SESSIONS, -(-len(batch.waiting) // WORTH_A_SESSION))
        while len(self.sessions) < wanted:
            self.sessions.append(Session(self.connect()))
        for session in self.sessions[:wanted]:
            if not self._work(session, batch, selector):
                break

    def _work(self, session, batch, selector):
        """Let a session deliver. False when it cannot be opened."""
        if not batch.more():
            return True
        if not session.open():
            return False
        session.talk = _deliver(session, batch)
        try:
            next(session.talk)
        except StopIteration:
            return True
        except BROKEN as error:
            batch.lose(session, error)
            return self._work(session, batch, selector)
        selector.register(session.sock, selectors.EVENT_READ, session)
        return True

    def _go_on(self, session, batch, selector):
        """Hand a session the replies that came."""
        try:
            for reply in session.replies():
                session.talk.send(reply)
        except StopIteration:
            selector.unregister(session.sock)
            # It stops when there is nothing left, or when the server closed down: then another session goes on.
            self._work(session, batch, selector)
        except BROKEN as error:
            self._lose(session, error, batch, selector)

    def _lose(self, session, error, batch, selector):
        selector.unregister(session.sock)
        batch.lose(session, error)
        self._work(session, batch, selector)

    def _give_up_silent(self, batch, selector):
        latest = time.monotonic() - settings.EMAIL_TIMEOUT
        for key in [key for key in selector.get_map().values() if key.data.used < latest]:
            self._lose(key.data, TimeoutError(), batch, selector)

    # Writing

    def _write(self, position, envelope):
        """The envelope as a job. Raises KeyError for a missing value, ValueError for one that cannot be written."""
        message_id = self.message_id(envelope.ref)
        if (letter := envelope.letter) is not None:
            if letter.wire is None:
                letter.wire = WireLetter(letter)
            body = letter.wire.fill(envelope.to, message_id, envelope.values)
        else:
            message = self.compose(envelope, message_id)
            body = LEADING_DOT.sub(b"..", message.message().as_bytes(linesep="\r\n")).rstrip(b"\r\n") + b"\r\n"
        announcement = b"%sRCPT TO:<%s>\r\nDATA\r\n" % (_mail_from(settings.DEFAULT_FROM_EMAIL), envelope.to.encode())
        return Job(position, announcement, body + b".\r\n", message_id)


@lru_cache(maxsize=1)
def _mail_from(sender):
    return b"MAIL FROM:<%s>\r\n" % sanitize_address(sender, "utf-8").rpartition("<")[2].rstrip(">").encode()


class Batch:
    """What is to be sent, shared by the sessions, and what became of it."""

    def __init__(self, envelopes, deadline, write):
        self.waiting, self.deadline, self.write = deque(), deadline, write
        self.back = []  # jobs that were announced to a server that went away
        self.outcomes = [None] * len(envelopes)
        for position, envelope in enumerate(envelopes):
            if MAILBOX.fullmatch(envelope.to):
                self.waiting.append((position, envelope))
            else:
                # Letters with accents before the @ (RFC 6531): somebody's address, but not one that we can write to.
                dead = envelope.to.isascii()
                self.outcomes[position] = Outcome(Status.FAILED, error="not an address", dead=dead)

    def more(self):
        return bool(self.waiting or self.back) and time.monotonic() < self.deadline

    def take(self):
        """The next job, or None. What cannot be written fails alone."""
        if time.monotonic() > self.deadline:
            return None
        if self.back:
            return self.back.pop()
        while self.waiting:
            position, envelope = self.waiting.popleft()
            try:
                return self.write(position, envelope)
            except Exception as error:  # whatever a value or an attachment may raise
                said = f"could not be written: {type(error).__name__}"
                self.outcomes[position] = Outcome(Status.FAILED, error=said)
        return None

    def lose(self, session, error):
        """A session broke: what it had in hand may have left if its body was on the wire; what was ahead surely not."""
        session.hang_up()
        if session.job:
            status = Status.UNCERTAIN if session.left else Status.RETRY
            self.outcomes[session.job.position] = Outcome(status, error=type(error).__name__)
        if session.ahead:
            self.back.append(session.ahead)
        session.job = session.ahead = None

    def finish(self):
        """Every outcome; what no session came to has stayed: there was none to be had, or no time left."""
        stayed = Outcome(Status.RETRY)
        if time.monotonic() < self.deadline:
            stayed = Outcome(Status.RETRY, error="mail server out of reach", unreached=True)
        return [outcome or stayed for outcome in self.outcomes]


def _deliver(session, batch):
    """What a session says, message after message. It yields where it waits, and is sent the server's (code, words)."""
    session.job, session.ahead = batch.take(), None
    announced = False
    while job := session.job:
        session.left = False
        refusal = yield from _announce(session, job, announced)
        if refusal is None:
            session.ahead = batch.take() if session.at_once else None
            session.left = True
            session.say(job.body + session.ahead.announcement if session.ahead else job.body)
            code, words = yield
            sent = code == 250
            batch.outcomes[job.position] = (
                Outcome(Status.SENT, provider_id=job.message_id) if sent else _refused(code, words)
            )
        else:
            code = refusal.code
            batch.outcomes[job.position] = refusal
        session.job = None
        if code == CLOSING_DOWN:
            batch.lose(session, ConnectionError())
            return
        if refusal is not None:
            session.say(b"RSET\r\n")
            yield
        announced = session.ahead is not None
        session.job, session.ahead = session.ahead or batch.take(), None


def _announce(session, job, announced):
    """Name sender and recipient and ask to go on. None when the server waits for the message, else its refusal."""
    if not session.at_once:
        lines = job.announcement.splitlines(keepends=True)
    elif not announced:
        session.say(job.announcement)
    refusal = None
    for position, wanted in enumerate(TO_EXPECT):
        if not session.at_once:
            session.say(lines[position])
        code, words = yield
        if code not in wanted and refusal is None:
            # A refused sender is our own mistake: nobody's delivery fails for it at once.
            refusal = _refused(code, words, lasting=position > 0)
            if not session.at_once or code == CLOSING_DOWN:
                break
        elif code == 354 and refusal is not None:
            # It wants a message for nobody: end it at once.
            session.say(b".\r\n")
            yield
    return refusal


def _refused(code, reply, *, lasting=True):
    lasting = lasting and code >= 500
    return Outcome(
        Status.FAILED if lasting else Status.RETRY,
        error=f"SMTP {code}",
        code=code,
        dead=lasting and bool(NO_SUCH_MAILBOX.search(reply)),
    )
