"""The blocks of an email come in: cleaned here, whoever wrote them. What they are stands in `models/blocks.py`."""

import re
from html import unescape
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.html import strip_tags

from campaigns.models.blocks import LINE, LINES, LINK, RICH, SHARED, TYPES
from coalition.publishing.cleaning import clean

TAGS = frozenset(("a", "br", "em", "li", "ol", "p", "strong", "ul"))
HREF = re.compile(r'href="([^"]*)"')
ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
AT_MOST = 100  # blocks in an email


class Malformed(ValueError):
    """What came in is no list of blocks."""


def schemes():
    """Links lead over TLS only; on a laptop also without."""
    return ("https", "http") if settings.DEBUG else ("https",)


def is_safe(url):
    """Whether a link may stand in a message: a whole https address, or a path of this site."""
    if any(c.isspace() or ord(c) < 32 or c in '{}<>"\\' for c in url):
        return False
    if url.startswith("/"):
        return not url.startswith("//")
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in schemes() and bool(parts.hostname)


def _line(text):
    return " ".join(str(text or "").split())


def _lines(text):
    return str(text or "").replace("\r\n", "\n").replace("\r", "\n").strip()


def rich(html):
    """Rich text with what an email may hold and nothing else; bold and italics by their meaning."""
    html = re.sub(r"<(/?)b>", r"<\1strong>", re.sub(r"<(/?)i>", r"<\1em>", str(html or "")))
    html = clean(html, tags=TAGS, attributes={"a": frozenset(("href",))}, schemes=schemes()).replace("\n", " ")
    html = html.replace(' rel="noopener"', "").replace("&nbsp;", "\u00a0")
    return html if strip_tags(html).strip() else ""


CLEAN = {LINE: _line, LINES: _lines, RICH: rich, LINK: lambda url: str(url or "").strip(), SHARED: lambda value: value}


def cleaned(blocks):
    """The blocks as they are kept: known types and fields only, plain lines, clean HTML. Raises Malformed."""
    if not isinstance(blocks, list) or len(blocks) > AT_MOST:
        raise Malformed
    found, ids = [], set()
    for block in blocks:
        try:
            block_id, kind, value = block["id"], block["type"], block["value"]
            fields = TYPES[kind]
        except (KeyError, TypeError) as error:
            raise Malformed from error
        known = isinstance(block_id, str) and ID.fullmatch(block_id) and isinstance(value, dict)
        if not known or block_id in ids:
            raise Malformed
        ids.add(block_id)
        values = {name: CLEAN[sort](value.get(name)) for name, sort in fields.items()}
        found.append({"id": block_id, "type": kind, "value": values})
    return found


def links_in(blocks):
    """[(block, address)] of the links that were written, in order; the cards' own lead to what they show."""
    found = []
    for block in blocks:
        for name, sort in TYPES[block["type"]].items():
            value = block["value"].get(name) or ""
            if sort == LINK and value:
                found.append((block, value))
            elif sort == RICH:
                found += [(block, unescape(url)) for url in HREF.findall(value)]
    return found
