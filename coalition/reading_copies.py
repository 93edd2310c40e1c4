"""A copy of a text comes in: the bytes of a PDF or of a plain text become words, within bounds; nothing is kept.

What breaks a reader (too large, locked, damaged, no text at all) is refused in words for the person who brought it.
"""

import re

from django.utils.translation import gettext_lazy as _

from coalition import extracting
from coalition.papers import RUNNING

LARGEST = 10 * 1024 * 1024  # bytes of a file
LONGEST = 1_500_000  # characters of a text: 300 full pages
MOST_PAGES = 300
SIGNED = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# A PDF draws the numbers and bullets of a list by themselves, anywhere on the page.
MARKS = re.compile(r"^\s*(?:\d{1,3}[.)]|[\u2022\u25e6\u25aa])\s*$", re.MULTILINE)
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")


class Unreadable(Exception):
    """Nothing can be read here; `words` say why, and what to do instead."""

    def __init__(self, words):
        super().__init__(str(words))
        self.words = words


TOO_LARGE = _("The file is larger than 10 MB. Copy the text and paste it here instead.")
TOO_LONG = _("This is more than 300 pages. Check a smaller part.")
LOCKED = _("This PDF is locked with a password, so we cannot read it. Copy its text and paste it here instead.")
BROKEN = _("This PDF is damaged, or is no PDF. Copy the text and paste it here instead.")
TOO_SLOW = _("Reading this PDF takes too long. Copy its text and paste it here instead.")
PICTURES = _("There is no text in this PDF, only pictures (a scan, perhaps). Copy or type a passage here instead.")
NO_TEXT = _("We read PDF files and plain text. Open this file, copy its text and paste it here instead.")
EMPTY = _("There is nothing in this file.")
REFUSED = {"locked": LOCKED, "long": TOO_LONG, "slow": TOO_SLOW, "broken": BROKEN}


def words_of(data):
    """The words of a file, as text. Raises Unreadable. `data` are its bytes."""
    if len(data) > LARGEST:
        raise Unreadable(TOO_LARGE)
    if not data.strip():
        raise Unreadable(EMPTY)
    words = _of_pdf(data) if b"%PDF-" in data[:1024] else _of_text(data)
    if len(words) > LONGEST:
        raise Unreadable(TOO_LONG)
    return words


def _of_text(data):
    """UTF-8, UTF-16 where it says so, else what Windows writes in the West. Anything that is no text is refused."""
    encoding = next((named for sign, named in SIGNED if data.startswith(sign)), "utf-8")
    try:
        words = data.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise Unreadable(NO_TEXT) from None
        words = data.decode("cp1252", errors="replace")
    odd = len(CONTROLS.findall(words)) + words.count("\ufffd")
    if odd > len(words) // 200:
        raise Unreadable(NO_TEXT)
    return CONTROLS.sub("", words)


def _of_pdf(data):
    """The text of a PDF, page by page, without the line that our own papers carry at the foot of each."""
    try:
        found = extracting.pages_of(data, most=MOST_PAGES, longest=LONGEST)
    except extracting.Refused as refused:
        raise Unreadable(REFUSED[refused.why]) from None
    words = MARKS.sub("", RUNNING.sub("", "\n".join(found)))
    if not words.strip():
        raise Unreadable(PICTURES)
    return words.replace("\x00", "")
