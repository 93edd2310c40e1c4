"""A text as it leaves, with our name and the way out (rule S13), and what it costs (rule S8)."""

import re
from collections import defaultdict
from typing import NamedTuple

from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from campaigns import merge_fields
from coalition.channels.letters import Gaps

# How a text names the way out, in each language of the reader (rule S13).
WAYS_OUT = re.compile(r"\b(STOP|ALTO|PARAR|SALIR|BAJA)\b")


def words_of_text(content, installation, missing=frozenset()):
    """A text of one language with gaps. It opens with who writes and ends with a way out if it has none (S13)."""
    with override(content.language):
        body = merge_fields.with_gaps(content.body.replace("\r\n", "\n").strip(), missing)
        name = str(installation.short_name)
        if name and not body.casefold().startswith(name.casefold()):
            body = f"{name}: {body}"
        if not WAYS_OUT.search(body):
            way_out = _("Reply STOP to end.")
            body = f"{body} {way_out}"
    return Gaps(body)


# What a text costs (rule S8)

GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_TWICE = set("^{}\\[~]|€\f")


class Segments(NamedTuple("Segments", [("encoding", str), ("units", int), ("segments", int)])):
    """(encoding, units, segments) of a text; `costly`: the characters that force UCS-2, `each`: units in a segment."""

    costly: list
    each: int


def segments_of(text):
    """What a text costs: GSM-7 160 or 153 units a segment, UCS-2 70 or 67. Merge fields count at their longest (S8)."""
    if merge_fields.FIELD.search(text):
        own = merge_fields.own_fields(merge_fields.fields_in(text))
        values = defaultdict(str, merge_fields.longest(own, get_language()))
        text = Gaps(merge_fields.with_gaps(text, frozenset())).fill(values)
    costly = list(dict.fromkeys(c for c in text if c not in GSM and c not in GSM_TWICE))
    if costly:
        encoding, alone, joined = "UCS-2", 70, 67
        sizes = [2 if ord(c) > 0xFFFF else 1 for c in text]
    else:
        encoding, alone, joined = "GSM-7", 160, 153
        sizes = [2 if c in GSM_TWICE else 1 for c in text]
    units = sum(sizes)
    if units <= alone:
        number = 1 if units else 0
    else:
        # A pair (an escape, a surrogate) is never split: what does not fit goes to the next segment whole.
        number, filled = 1, 0
        for size in sizes:
            if filled + size > joined:
                number, filled = number + 1, 0
            filled += size
    counted = Segments(encoding, units, number)
    counted.costly, counted.each = costly, alone if number <= 1 else joined
    return counted
