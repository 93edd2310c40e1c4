"""A form letter as bytes for the wire: what all readers share is encoded once (RFC 2045, 2047), values join it.

Bodies are quoted-printable: a value stands between two soft line breaks, so that no line grows too long, and no line of
a body begins with a dot.
"""

import re
import secrets
import time
from base64 import b64encode
from binascii import b2a_qp
from email.utils import formataddr, formatdate, parseaddr
from functools import lru_cache
from html import escape

from django.conf import settings
from django.core.mail.message import sanitize_address

from .letters import plain

LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
SOFT = b"=\r\n"
WORD = 42  # bytes of UTF-8 in one encoded word: 75 characters with its frame
LINE = 900  # characters of a header in one piece: RFC 5322 allows a line 998


def quoted(text):
    """Quoted-printable bytes with CRLF line ends; no physical line begins with a dot."""
    raw = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    lines = b2a_qp(raw, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return LEADING_DOT.sub(b"=2E", lines)


def quoted_value(value):
    """A value between soft line breaks. Most names, and every token, need no encoding."""
    if len(value) < 75 and value.isascii() and value.isprintable() and "=" not in value and value[:1] != ".":
        return b"=\r\n%s=\r\n" % value.encode()
    return b"%s%s%s" % (SOFT, quoted(value), SOFT)


def header_text(text):
    """The value of a header: as it is, or in encoded words of whole characters (RFC 2047).

    Raises ValueError for a line break: it would begin a header of its own.
    """
    if "\n" in text or "\r" in text:
        raise ValueError("a line break in a header")
    if text.isascii() and "=?" not in text and len(text) < LINE:
        return text.encode()
    return _encoded_words(text)


@lru_cache(maxsize=256)  # subjects without a name in them are the same for thousands
def _encoded_words(text):
    words, held = [], b""
    for character in text:
        more = character.encode()
        if len(held) + len(more) > WORD:
            words.append(held)
            held = b""
        held += more
    words.append(held)
    return b"\r\n ".join(b"=?utf-8?b?%s?=" % b64encode(word) for word in words)


def sender(name=""):
    """(name, address) that write: the installation's address, and its name unless the message has one of its own."""
    own, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return plain(name) or own, address


def sender_header(name=""):
    """The value of From, encoded."""
    name, address = sender(name)
    address = sanitize_address(address, "utf-8")  # a domain in any script
    if name.isascii() and "=?" not in name:
        return formataddr((name, address)).encode()
    return b"%s <%s>" % (header_text(name), address.encode())


@lru_cache(maxsize=1)
def _date(_second):
    return formatdate().encode()


class WireLetter:
    """A letter, encoded once for all of its readers: fixed bytes, and between them the names of what fills the gaps."""

    def __init__(self, letter):
        self.subject = letter.subject
        boundary = secrets.token_hex(16).encode()
        # For a header that is the same for everybody, there is nothing to fill.
        same = {name: gaps.fill({}) for name, gaps in letter.headers.items() if not gaps.names}
        self.own = [(b"\r\n%s: " % name.encode(), gaps) for name, gaps in letter.headers.items() if gaps.names]
        lines = [b"From: " + sender_header(letter.sender)]
        if settings.EMAIL_REPLY_TO:
            lines.append(b"Reply-To: " + sanitize_address(settings.EMAIL_REPLY_TO, "utf-8").encode())
        lines += [name.encode() + b": " + header_text(value) for name, value in same.items()]
        lines += [b"MIME-Version: 1.0", b'Content-Type: multipart/alternative; boundary="%s"' % boundary]
        self.head = b"\r\n".join(lines) + b"\r\nTo: "
        part = b"--%s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        text, html = ([quoted(fixed) for fixed in gaps.parts[::2]] for gaps in (letter.text, letter.html))
        text[0] = b"\r\n\r\n" + part % (boundary, b"plain") + text[0]
        html[0] = text.pop() + b"\r\n" + part % (boundary, b"html") + html[0]
        html[-1] += b"\r\n--%s--\r\n" % boundary
        # One list for both bodies: every second place is a gap, filled as it is in the text and escaped in the HTML.
        self.in_text, self.in_html = set(letter.text.names), set(letter.html.names)
        self.gaps = [*((name, False) for name in letter.text.names), *((name, True) for name in letter.html.names)]
        self.parts = [b""] * (2 * len(self.gaps) + 1)
        self.parts[::2] = [*text, *html]

    def fill(self, to, message_id, values):
        """The whole message for one reader, ready for DATA: CRLF everywhere, no line begins with a dot."""
        ready = {}
        for name in self.in_text:
            ready[name, False] = quoted_value(values[name])
        for name in self.in_html:
            ready[name, True] = quoted_value(escape(values[name]))
        filled = self.parts.copy()
        filled[1::2] = [ready[key] for key in self.gaps]
        head = [
            self.head,
            to.encode(),
            b"\r\nSubject: ",
            header_text(self.subject.fill(values)),
            b"\r\nDate: ",
            _date(int(time.time())),
            b"\r\nMessage-ID: ",
            message_id.encode(),
        ]
        for name, gaps in self.own:
            head += (name, header_text(gaps.fill(values)))
        return b"".join(head + filled)
