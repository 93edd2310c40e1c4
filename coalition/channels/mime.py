"""A form letter as bytes for the wire: what all readers share is encoded once (RFC 2045, 2047), values join it.

Bodies are quoted-printable: a value stands between two soft line breaks, so that no line grows too long, and no line of
a body begins with a dot.
"""

import re
import secrets
from base64 import b64encode
from binascii import b2a_qp
from email.utils import formatdate

from django.utils.html import escape

LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
SOFT = b"=\r\n"
WORD = 42  # bytes of UTF-8 in one encoded word: 75 characters with its frame


def quoted(text):
    """Quoted-printable bytes with CRLF line ends; no physical line begins with a dot."""
    raw = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    lines = b2a_qp(raw, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return LEADING_DOT.sub(b"=2E", lines)


def quoted_value(value):
    """A value between soft line breaks. Most names need no encoding."""
    if len(value) < 70 and value.isascii() and value.isprintable() and "=" not in value and value[:1] != ".":
        return b"%s%s%s" % (SOFT, value.encode(), SOFT)
    return b"%s%s%s" % (SOFT, quoted(value), SOFT)


def header_text(text):
    """The value of a header: as it is, or in encoded words of whole characters (RFC 2047)."""
    if text.isascii() and "=?" not in text:
        return text.encode()
    words, held = [], b""
    for character in text:
        more = character.encode()
        if len(held) + len(more) > WORD:
            words.append(held)
            held = b""
        held += more
    words.append(held)
    return b"\r\n ".join(b"=?utf-8?b?%s?=" % b64encode(word) for word in words)


class Body:
    """Pre-encoded bytes with named gaps."""

    __slots__ = ("names", "parts", "prepare")

    def __init__(self, gaps, prepare):
        self.parts = [quoted(part) if position % 2 == 0 else b"" for position, part in enumerate(gaps.parts)]
        self.names, self.prepare = gaps.names, prepare

    def fill(self, values):
        filled = self.parts.copy()
        filled[1::2] = [quoted_value(self.prepare(values[name])) for name in self.names]
        return b"".join(filled)


class WireLetter:
    """A letter, encoded once for all of its readers."""

    def __init__(self, letter, sender):
        self.letter = letter
        boundary = secrets.token_hex(16).encode()
        self.text, self.html = Body(letter.text, str), Body(letter.html, escape)
        # For a header that is the same for everybody, there is nothing to fill.
        same = {name: gaps.fill({}) for name, gaps in letter.headers.items() if not gaps.names}
        self.own = {name.encode(): gaps for name, gaps in letter.headers.items() if gaps.names}
        lines = [b"From: " + sender, *(name.encode() + b": " + header_text(value) for name, value in same.items())]
        lines += [b"MIME-Version: 1.0", b'Content-Type: multipart/alternative; boundary="%s"' % boundary]
        self.head = b"\r\n".join(lines)
        part = b"--%s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        self.before_text = b"\r\n\r\n" + part % (boundary, b"plain")
        self.before_html = b"\r\n" + part % (boundary, b"html")
        self.end = b"\r\n--%s--\r\n" % boundary

    def fill(self, to, message_id, values):
        """The whole message for one reader, ready for DATA: CRLF everywhere, no line begins with a dot."""
        head = [
            self.head,
            b"\r\nTo: ",
            to.encode(),
            b"\r\nSubject: ",
            header_text(self.letter.subject.fill(values)),
            b"\r\nDate: ",
            formatdate().encode(),
            b"\r\nMessage-ID: ",
            message_id.encode(),
        ]
        for name, gaps in self.own.items():
            head += [b"\r\n", name, b": ", header_text(gaps.fill(values))]
        text, html = self.text.fill(values), self.html.fill(values)
        return b"".join([*head, self.before_text, text, self.before_html, html, self.end])
