"""What an email is made of: blocks of a few types, the same in every language.

[{"id": "b1", "type": "text", "value": {"html": "<p>Dear {{ first_name }},</p>"}}, …]
"""

import re
from html import unescape

from django.utils.html import strip_tags

LINE, LINES, RICH, LINK, SHARED = "line", "lines", "rich", "link", "shared"
# What each type holds. What is shared is the same in every language; the rest is each language's own.
TYPES = {
    "heading": {"text": LINE},
    "text": {"html": RICH},
    "button": {"label": LINE, "url": LINK},
    "picture": {"image": SHARED, "src": SHARED, "width": SHARED, "height": SHARED, "alt": LINE, "url": LINK},
    "quote": {"text": LINES, "who": LINE},
    "brief": {"publication": SHARED},
    "event": {"webinar": SHARED},
    "action": {"round": SHARED, "title": LINE, "text": LINES, "label": LINE, "url": LINK},
    "divider": {},
}
WRITTEN = {LINE, LINES, RICH}


def structure(blocks):
    """What must be the same in every language: ids, types, and what is shared."""
    return [
        (
            block["id"],
            block["type"],
            [block["value"].get(name) for name, sort in TYPES[block["type"]].items() if sort == SHARED],
        )
        for block in blocks
    ]


def words_in(blocks):
    """[(block, field, words)] of what somebody wrote in one language; rich text as HTML."""
    return [
        (block, name, block["value"].get(name) or "")
        for block in blocks
        for name, sort in TYPES[block["type"]].items()
        if sort in WRITTEN
    ]


def is_written(blocks):
    """Whether a language says anything of its own."""
    return any(words for _block, _name, words in words_in(blocks))


def plain(blocks):
    """The words of one language without any markup, a line for each field: for a search, a glance."""
    said = []
    for block, name, words in words_in(blocks):
        if TYPES[block["type"]][name] == RICH:
            words = unescape(strip_tags(re.sub(r"<br>|</p>|</li>", " ", words)))
        said.append(" ".join(words.split()))
    return "\n".join(filter(None, said))
