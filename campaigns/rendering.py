"""Render a message: its words in a language become a letter with gaps, compiled once, and each person's values fill it.

Text is escaped where it meets HTML; a value is one line, so a name breaks out of nothing. Only the button is a link.
"""

import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _

from coalition import custom, preferences
from coalition.channels.letters import CLOSE, OPEN, FormLetter, Gaps, gap, plain
from coalition.models import Address, CustomField, Installation, Representative

# What an organizer may ask for in a text, in the order in which it is offered.
FIELDS = {
    "first_name": gettext_lazy("First name"),
    "full_name": gettext_lazy("Full name"),
    "last_name": gettext_lazy("Last name"),
    "city": gettext_lazy("City"),
    "state": gettext_lazy("State"),
    "zip": gettext_lazy("ZIP code"),
    "organization": gettext_lazy("Organization they speak for"),
}
# The longest values that still are common: what a text costs is shown for these (rule S8).
LONGEST = {
    "first_name": "Maria Guadalupe",
    "full_name": "Maria Guadalupe Rodriguez Hernandez",
    "last_name": "Rodriguez Hernandez",
    "city": "North Attleborough",
    "state": "MA",
    "zip": "01103-1234",
    "organization": "Springfield Partners for Community Education",
}
FIELD = re.compile(r"\{\{\s*([^{}|]*?)\s*(?:\|\s*([^{}]*?)\s*)?\}\}")
QUOTES = "\"'“”«»"
HTML_AT_MOST = 100_000  # bytes: Gmail cuts at 102 kB (rule E6)
TEXT_AT_MOST = 1600  # characters: what Twilio takes
# How a text names the way out, in each language of the reader (rule S13).
WAYS_OUT = re.compile(r"\b(STOP|ALTO|PARAR|SALIR|BAJA)\b")


# Merge fields


def fields_in(text):
    """The names of the merge fields in a text, as they are written, each once."""
    return list(dict.fromkeys(name for name, _fallback in FIELD.findall(text or "")))


def own_fields(names=None, *, retired=False):
    """{key: field} of the coalition's own fields that a text may name: those of people that are not sensitive.

    With `names` it asks the database only where a name is not one of ours.
    """
    if names is not None and not (names := set(names) - FIELDS.keys()):
        return {}
    found = custom.fields_of("person", sealed=False, retired=retired)
    return {field.key: field for field in found if names is None or field.key in names}


def offered():
    """{name: label} of every merge field that there is, ours first."""
    return FIELDS | {key: str(field) for key, field in own_fields().items()}


def unknown_fields(text):
    """What stands between braces and cannot be filled, each once; an unclosed pair of braces counts."""
    names = fields_in(text)
    own = own_fields(names)
    unknown = [name for name in names if name not in FIELDS and name not in own]
    rest = FIELD.sub("", text or "")
    if "{{" in rest:
        unknown.append(rest[rest.index("{{") :].split("\n")[0][:20].strip())
    elif "}}" in rest:
        unknown.append("}}")
    return unknown


def _with_gaps(text, missing):
    """Merge fields become gaps; one that a person cannot fill becomes its fall-back, or closes up with its comma."""
    text = text.replace(OPEN, "").replace(CLOSE, "")
    out, position = [], 0
    for found in FIELD.finditer(text):
        name, fallback = found[1], (found[2] or "").strip(QUOTES + " ")
        before = text[position : found.start()]
        position = found.end()
        if name not in missing:
            out += [before, gap(name)]
        elif fallback:
            out += [before, fallback]
        else:
            # "Hola, {{ first_name }}:" → "Hola:"; "{{ first_name }}, your vote" → "Your vote".
            closed = before.rstrip(" ,") if before.strip() else before
            out.append(closed)
            begins = not closed.strip() or closed.endswith("\n")
            if begins:
                rest = text[position:].lstrip(" ,:;")
                position = len(text) - len(rest)
                text = text[:position] + rest[:1].upper() + rest[1:]
    return "".join([*out, text[position:]])


def paragraphs_of(text):
    """Paragraphs, each a list of lines: an empty line parts them, a single break stays a break."""
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n").strip())
    return [[line.strip() for line in block.split("\n")] for block in blocks if block.strip()]


def absolute(url):
    """A path of this site as the world knows it; a whole address as it is."""
    return settings.PUBLIC_URL + url if url.startswith("/") else url


# Compiling


def _one_line(text):
    """A text that may hold gaps, without line breaks: a subject can never begin a second header."""
    return " ".join("".join(c if c.isprintable() or c in (OPEN, CLOSE) else " " for c in text).split())


def letter(content, installation, missing=frozenset()):
    """The email of one language as a letter with gaps, for people who lack the values named in `missing`.

    Besides merge fields it has the gap `token`, which opens that person's preferences and nothing else.
    """
    language = content.language
    with override(language):
        subject = _one_line(_with_gaps(content.subject, missing))
        token = gap("token")
        context = {
            "installation": installation,
            "language": language,
            "subject": subject,
            "preheader": _one_line(_with_gaps(content.preheader, missing)),
            "paragraphs": paragraphs_of(_with_gaps(content.body, missing)),
            "action_label": _one_line(_with_gaps(content.action_label, missing)),
            "action_url": absolute(content.action_url),
            "preferences_url": preferences.page_url(token, language),
            "unsubscribe_url": preferences.page_url(token, language) + "#stop",
            "public_url": settings.PUBLIC_URL,
        }
        html = get_template("email/message.html").template.render(Context(context))
        text = get_template("email/message.txt").template.render(Context(context, autoescape=False))
        headers = {
            "List-Unsubscribe": f"<{preferences.one_click_url(token)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-ID": list_id(installation),
            "Content-Language": language,
        }
    return FormLetter(
        subject=Gaps(subject),
        text=Gaps(re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"),
        html=Gaps(html.strip() + "\n"),
        headers={name: Gaps(value) for name, value in headers.items()},
    )


def list_id(installation):
    """The name of the list for mail programs (RFC 2919): it stays the same from message to message."""
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    name = str(installation.short_name).encode("ascii", "ignore").decode().replace('"', "").strip()
    return f'"{name}" <alerts.{domain}>' if name else f"<alerts.{domain}>"


def words_of_text(content, installation, missing=frozenset()):
    """A text of one language with gaps. It opens with who writes and ends with a way out if it has none (S13)."""
    with override(content.language):
        body = _with_gaps(content.body.replace("\r\n", "\n").strip(), missing)
        name = str(installation.short_name)
        if name and not body.casefold().startswith(name.casefold()):
            body = f"{name}: {body}"
        if content.action_url:
            body = f"{body} {absolute(content.action_url)}"
        if not WAYS_OUT.search(body):
            way_out = _("Reply STOP to end.")
            body = f"{body} {way_out}"
    return Gaps(body)


# Filling


def _words_of(content):
    return "\n".join((content.subject, content.preheader, content.body, content.action_label))


class Compiled:
    """The letters of a message in every language, made when the first person needs them."""

    def __init__(self, message):
        self.channel = message.channel
        self.installation = Installation.get()
        self.contents = {content.language: content for content in message.contents.all()}
        self._made, self._used = {}, {}

    @cached_property
    def own(self):
        """{key: field} of the coalition's own fields that any language names; what was retired since still fills."""
        return own_fields(fields_in("\n".join(map(_words_of, self.contents.values()))), retired=True)

    @property
    def fields(self):
        """Every merge field that any language uses, and that can be filled."""
        used = frozenset().union(*(self._fields_of(language) for language in self.contents))
        return used & (FIELDS.keys() | self.own.keys())

    def _fields_of(self, language):
        if language not in self._used:
            self._used[language] = frozenset(fields_in(_words_of(self.contents[language])))
        return self._used[language]

    def for_person(self, language, values):
        """The letter (email) or the words with gaps (text) for somebody with these values, by name."""
        missing = frozenset(name for name in self._fields_of(language) if not values.get(name))
        key = (language, missing)
        if key not in self._made:
            make = letter if self.channel == Address.Channel.EMAIL else words_of_text
            self._made[key] = make(self.contents[language], self.installation, missing)
        return self._made[key]


KEPT = {}
KEEP_FOR = 30  # seconds: a corrected postal address reaches a message that is on its way
KEEP = 8


def compiled(message):
    """The letters of a message that is being sent, kept from batch to batch: its words are fixed by then."""
    now = time.monotonic()
    made, since = KEPT.get(message.pk, (None, 0.0))
    if made is None or now - since > KEEP_FOR:
        KEPT.pop(message.pk, None)
        while len(KEPT) >= KEEP:
            KEPT.pop(next(iter(KEPT)), None)
        made = Compiled(message)
        KEPT[message.pk] = made, now
    return made


def value_of(text):
    """A merge value: one line without control characters. A name that smuggles in a link counts as not known."""
    text = plain(text)
    return "" if "://" in text or "www." in text.lower() else text


# Where a value comes from on a person.
SOURCES = {
    "first_name": "greeting_name",
    "full_name": "name",
    "last_name": "family_name",
    "city": "city",
    "state": "state",
    "zip": "zip",
}


def values_of(person, organization="", *, names=FIELDS, own=None):
    """What fills the gaps for a person, by name; empty where we do not know.

    `own`: {key: field} of the coalition's own fields that are named; they are said in the person's language.
    """
    values = {name: value_of(getattr(person, SOURCES[name])) for name in names if name in SOURCES}
    if "organization" in names:
        values["organization"] = value_of(organization)
    if own:
        held = person.custom or {}
        for key, field_ in own.items():
            values[key] = value_of(custom.show(field_, held.get(key), person.language)) if key in held else ""
    return values


def longest_of(field_, language):
    """A long common value of one of the coalition's own fields, for what a text costs and how it looks."""
    match field_.kind:
        case CustomField.Kind.NUMBER:
            return "12,345"
        case CustomField.Kind.DATE:
            return custom.show(field_, "2026-09-30", language)
        case CustomField.Kind.YES_NO:
            return custom.show(field_, True, language)
        case CustomField.Kind.TEXT:
            return LONGEST["organization"]
    labels = [custom.show(field_, choice["key"], language) for choice in field_.choices]
    return max(labels, key=len, default="")


def organizations_of(person_ids):
    """{person: (organization, …)} for those who speak for one, in one query."""
    found = {}
    rows = Representative.objects.filter(person__in=person_ids).select_related("organization").order_by("-pk")
    for row in rows:
        found[row.person_id] = row.organization
    return found


@dataclass
class Rendered:
    """A message as one person gets it."""

    language: str
    subject: str = ""
    text: str = ""
    html: str = ""
    headers: dict = field(default_factory=dict)


def render(content, person=None):
    """One language of a message as a person would get it, for looking at; its personal links are theirs.

    Without a person the merge fields are filled with long common values.
    """
    message = content.message
    letters = Compiled(message)
    letters.contents[content.language] = content
    address = None
    if person is None:
        values = LONGEST | {key: longest_of(own, content.language) for key, own in letters.own.items()}
    else:
        organization = organizations_of([person.pk]).get(person.pk) if person.pk else None
        values = values_of(person, organization.name_in(content.language) if organization else "", own=letters.own)
        address = person.primary(message.channel) if person.pk else None
    values["token"] = preferences.token_for(address.pk) if address else "-"
    made = letters.for_person(content.language, values)
    if message.channel == Address.Channel.PHONE:
        return Rendered(content.language, text=made.fill(values))
    subject, text, html, headers = made.fill(values)
    return Rendered(content.language, subject, text, html, headers)


# Judging


def problems(content):
    """What keeps one language of a message from leaving, in words for the organizer; empty when nothing does."""
    found = []
    by_email = content.message.channel == Address.Channel.EMAIL
    if by_email and not content.subject.strip():
        found.append(_("The subject is missing."))
    if not content.body.strip():
        found.append(_("The text is missing."))
    for text in (content.subject, content.preheader, content.body, content.action_label):
        for name in unknown_fields(text):
            found.append(_("Nobody can fill in “%(name)s”.") % {"name": name})
    if bool(content.action_label.strip()) != bool(content.action_url.strip()) and by_email:
        found.append(_("The button needs both its words and an address."))
    if content.action_url and not _is_safe(content.action_url):
        found.append(_("The button's address must begin with https:// or be a path of this site."))
    if found or not content.body.strip():
        return found
    rendered = render(content)
    if by_email and len(rendered.html.encode()) > HTML_AT_MOST:
        found.append(_("The email is larger than 100 kB: mail programs would cut it off."))
    if not by_email and len(rendered.text) > TEXT_AT_MOST:
        found.append(_("The text is longer than %(most)d characters.") % {"most": TEXT_AT_MOST})
    return found


def _is_safe(url):
    if any(c.isspace() or ord(c) < 32 for c in url):
        return False
    if url.startswith("/"):
        return not url.startswith("//")
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in (("https", "http") if settings.DEBUG else ("https",)) and bool(parts.hostname)


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
    if FIELD.search(text):
        own = {key: longest_of(field_, get_language()) for key, field_ in own_fields(fields_in(text)).items()}
        text = Gaps(_with_gaps(text, frozenset())).fill(defaultdict(str, LONGEST | own))
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
