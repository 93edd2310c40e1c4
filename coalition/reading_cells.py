"""What one cell of a file says: a phone, an email, a yes or no, a day, tags; however people and systems write it."""

import functools
import re
import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from coalition import addresses, reading_files
from coalition.models import Address, fold
from coalition.models.people import words_of
from coalition.places import state_code

EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
TRUE = {"true", "t", "yes", "y", "1", "x", "si", "s", "verdadero", "on"}
FALSE = {"false", "f", "no", "n", "0", "falso", "off"}
MINOR = {"minor", "under 18", "menor", "menor de edad", "menor de 18", "13 17"}
LANGUAGE_NAMES = {
    "english": "en",
    "eng": "en",
    "ingles": "en",
    "spanish": "es",
    "spa": "es",
    "espanol": "es",
    "castellano": "es",
}
# What a spreadsheet writes where a value should be.
NO_VALUES = {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#ERROR!"}
NO_VALUES |= {reading_files.workbooks.NO_VALUE}
NOTHING = {"--", "-", "n/a", "null", "none"}  # what a report writes where there is nothing
# Marks that nobody sees: they turn the direction of writing, or hold nothing. Joiners stay: emoji need them.
INVISIBLE = re.compile("[\u0000-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")


def plain(cell, row=None, lines=False):
    """What a cell says, without what spreadsheets put around it; nothing where it holds no value."""
    if not cell.isascii():
        cell = unicodedata.normalize("NFC", INVISIBLE.sub(_space, cell))
        cell = cell.strip() if lines else " ".join(cell.split())
    elif not cell.isprintable():
        cell = INVISIBLE.sub(_space, cell)
        cell = cell.strip() if lines else " ".join(cell.split())
    elif cell[0] == " " or cell[-1] == " " or "  " in cell:
        cell = cell.strip() if lines else " ".join(cell.split())
    if not cell or cell[0] not in _CURIOUS:
        return cell
    if cell.startswith('="') and cell.endswith('"'):
        return cell[2:-1].strip()  # how Excel keeps the zeros of ="02108"
    if cell[0] == "'" and cell[1:2] in ("=", "+", "-", "@"):
        return cell[1:].strip()  # how an export keeps a spreadsheet from running it
    if cell[0] == "#" and cell.upper() in NO_VALUES:
        if row is not None:
            row.note("no_value")
        return ""
    return "" if cell.lower() in NOTHING else cell


_CURIOUS = frozenset("='#-nN")  # what cells begin with that may not be what they seem


def _space(found):
    return "\n" if "\n" in found[0] else " " if found[0].isspace() else ""


def emails(cell):
    """The emails of a cell, in the form they are kept in; None for what is none."""
    found, several = [], cell.count("@") > 1
    for part in [p for p in re.split(r"[\s,;|/]+", cell) if "@" in p] if several else [cell]:
        if "<" in part:
            part = re.sub(r".*<([^<>]*)>.*", r"\1", part)
        part = part.removeprefix("mailto:").strip(" ,;.<>\"'")
        try:
            found.append(addresses.normalise(EMAIL, part))
        except ValidationError:
            found.append(None)
    return found


def phones(cell):
    """The phones of a cell, in the form they are kept in; None for what is none."""
    cells = [cell]
    if len(cell) > 20:
        cells = [part for part in re.split(r"[;,/|]|\s+or\s+|\s+o\s+", cell) if sum(c.isdigit() for c in part) >= 7]
        cells = cells or [cell]
    found = []
    for part in cells:
        part = part.strip()
        if part[:4].lower() == "tel:":
            part = part[4:]
        if "." in part and (number := re.fullmatch(r"(\d{10,15})\.0+", part)):
            part = number[1]
        elif "E" in part.upper() and (number := re.fullmatch(r"(\d)\.(\d{9,14})[eE]\+?(\d\d?)", part)):
            part = number[1] + number[2] if len(number[2]) <= int(number[3]) else part
            part = part.ljust(int(number[3]) + 1, "0")
        if part.startswith("00") and not part.startswith("001 "):
            part = "+" + part[2:]
        elif part.startswith("001 "):
            part = "+1 " + part[4:]
        try:
            found.append(addresses.normalise(PHONE, part))
        except ValidationError:
            found.append(None)
    return found


@functools.lru_cache(maxsize=4096)
def state(text):
    """The two letters of a state."""
    return state_code(text)


def parts_of(whole):
    """{field: text} of an address in one cell: street, city, state and ZIP as Mailchimp and envelopes write them."""
    parts = [part.strip(" ,") for part in re.split(r"\n|\s{2,}|,", whole) if part.strip(" ,")]
    if parts and re.fullmatch(r"us|usa|united states( of america)?|estados unidos", parts[-1], re.IGNORECASE):
        parts.pop()
    line = ", ".join(parts)
    found = re.fullmatch(r"(.*?)(?:, )?([^,]*?),? ([A-Za-z]{2}|[A-Za-z ]{4,20}),? (\d{5}(?:-\d{4})?)", line)
    if not found or not state(found[3]):
        return {"street": line}
    return {"street": found[1].strip(", "), "city": found[2].strip(", "), "state": found[3], "zip": found[4]}


def yes(text):
    return bool(text) and len(text) <= 10 and _said(text) is True


def minor(text):
    """A yes, or the word for it, as columns of ages in groups have it."""
    return yes(text) or " ".join(words_of(text)) in MINOR


def no(text):
    return bool(text) and len(text) <= 10 and _said(text) is False


@functools.lru_cache(maxsize=4096)
def _said(text):
    text = fold(text)
    return True if text in TRUE else False if text in FALSE else None


def any_yes(cells):
    return bool(cells) and any(yes(cell) for cell in cells)


def any_happened(cells):
    return bool(cells) and any(happened(cell) for cell in cells)


def happened(text):
    """Whether a column that holds a date, or a yes, says that something happened."""
    return bool(text) and not no(text)


def left(state):
    return bool(state) and state.replace("_", " ").replace("-", " ") in _LEFT


_LEFT = {"unsubscribed", "u", "opted out", "opt out", "optout", "stopped", "complaint", "spam", "spam complaint"}


def minutes(text):
    """Whole minutes of a cell; 0 where it says nothing."""
    found = re.match(r"\d{1,5}", text.get("minutes") or "")
    return int(found[0]) if found else 0


_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ ,]+(\d{1,2}):(\d\d)(?::\d\d)?(?: ?([AaPp])\.?[Mm]\.?)?)?")


def moment(text):
    """The moment a cell names, or None; never one that lies ahead."""
    found = _instant(text)
    return found and min(found, timezone.now())


def past(text):
    """The moment a cell names, or None where it names none or one that lies ahead: always the same."""
    found = _instant(text)
    return found if found and found <= timezone.now() else None


def _instant(text):
    if not text:
        return None
    try:
        if found := _AMERICAN.fullmatch(text):
            month, day, year, hour, minute = (int(part or 0) for part in found.groups()[:5])
            if found[6]:
                hour = hour % 12 + (12 if found[6] in "Pp" else 0)
            found_at = datetime(year, month, day, hour if found[4] else 12, minute, tzinfo=ZoneInfo(settings.TIME_ZONE))
        else:
            found_at = parse_datetime(text) or parse_date(text)
    except ValueError:
        return None
    if found_at is None:
        return None
    if not isinstance(found_at, datetime):
        found_at = datetime(found_at.year, found_at.month, found_at.day, 12)
    return found_at if found_at.tzinfo else found_at.replace(tzinfo=UTC)


@functools.lru_cache(maxsize=4096)
def tags(text):
    """Tags of a cell: commas, semicolons or lines between them, with or without quotation marks."""
    found = {}
    for tag in re.split(r"[,;|\n]", text):
        tag = tag.strip().strip("\"'“”").strip()
        if tag:
            found.setdefault(fold(tag), tag)
    return tuple(found.values())


@functools.lru_cache(maxsize=1024)
def language_code(text):
    """Our code for a language named in any common way ("es-MX", "Spanish", "español"), or an empty string."""
    folded = fold(text)
    code = LANGUAGE_NAMES.get(folded) or re.split(r"[-_]", folded)[0]
    return code if code in dict(settings.LANGUAGES) else ""
