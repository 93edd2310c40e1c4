"""Read people out of the rows of a file: what each cell says of them, by the fields that its column holds.

What a row says of consent is kept with the address it is said of; a stop is read from anywhere in it (rule S6).
"""

import functools
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from coalition import addresses, custom, reading_files
from coalition.layouts import CUSTOM, FIELDS, LAYOUTS, MANY, WHO, check_mapping, layout_of, suggest
from coalition.models import Address, Person, fold
from coalition.places import state_code, zip_code

__all__ = [
    "DETAILS",
    "FIELDS",
    "LAYOUTS",
    "PLACE",
    "REASONS",
    "WHO",
    "Attendance",
    "Reader",
    "Row",
    "check_mapping",
    "header_of",
    "language_code",
    "layout_of",
    "rows_of",
    "suggest",
]

EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
DETAILS = ("given_name", "family_name", "street", "city", "county", "state", "zip")
PLACE = ("street", "city", "county", "state", "zip")

REASONS = {
    "bad_email": _("The email address is not one that mail can reach"),
    "bad_phone": _("The phone number is not complete or does not exist"),
    "bad_zip": _("The ZIP code is not one"),
    "bad_state": _("The state is not known"),
    "bad_language": _("The language is not one of ours; the language chosen for the file was used"),
    "bad_tag": _("A tag is too long"),
    "bad_custom": _("A cell does not fit its field (a date, a number, a choice), and was left out"),
    "no_value": _("A cell holds a formula or an error instead of a value: save the file again in a spreadsheet"),
    "nobody": _("Nothing says who this is: no email, phone or id that works, and no name with a ZIP code"),
    "ragged": _("The row has more or fewer cells than there are columns"),
    "too_long": _("A cell is longer than it can be"),
    "binned": _("This person is in the bin"),
}

TRUE = {"true", "t", "yes", "y", "1", "x", "si", "s", "verdadero", "on"}
FALSE = {"false", "f", "no", "n", "0", "falso", "off"}
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


@dataclass(frozen=True)
class Attendance:
    """How long somebody was at a webinar, over all their joins."""

    topic: str
    at: datetime | None
    minutes: int
    joins: int = 1


class Row:
    """One row of a file, in our words."""

    __slots__ = (
        "attended",
        "custom",
        "details",
        "emails",
        "external",
        "faults",
        "line",
        "mobile",
        "notes",
        "phones",
        "raw",
        "refused",
        "repeats",
        "stops",
        "tags",
        "words",
        "yes",
    )

    def __init__(self, line, raw=()):
        self.line = line
        self.raw = raw  # (names of the mapped columns, their places, cells)
        self.details = {}  # fields of Person that hold something
        self.custom = {}  # {key of CustomField: cleaned value}
        self.emails = []
        self.phones = []  # a mobile phone first
        self.mobile = None  # the (channel, value) that texts go to
        self.external = ""
        self.tags = []
        self.yes = {}  # {(channel, value): when, or None}
        self.stops = set()  # {(channel, value)}
        self.faults = set()
        self.notes = []  # codes of REASONS
        self.refused = False
        self.attended = None  # Attendance: of the first row about somebody, summed over all of theirs
        self.words = ()  # of the name, folded: what matching compares
        self.repeats = False  # a further join of somebody who stands above
        self.words = ()  # the folded words of the name, for matching

    @property
    def cells(self):
        """{column: text} of the columns that were mapped."""
        if not self.raw:
            return {}
        columns, cells = self.raw
        return {name: cells[number] for number, name, _key in columns if number < len(cells)}

    @property
    def addresses(self):
        return [(EMAIL, value) for value in self.emails] + [(PHONE, value) for value in self.phones]

    def note(self, code):
        if code not in self.notes:
            self.notes.append(code)

    def refuse(self, code):
        self.refused = True
        self.notes = [*self.notes, code]
        return self


def header_of(batch, file):
    """The names of the columns of an import's file."""
    return reading_files.header(file, batch.encoding, batch.delimiter, first_row=batch.first_row)


def rows_of(batch, file, *, skip=0):
    """The rows of an import's file, read by its mapping and options; `skip` of them were read before."""
    reader = Reader(header_of(batch, file), batch.mapping, batch.options)
    if reader.sums is not None:
        reader.add_up(reading_files.rows(file, batch.encoding, batch.delimiter, first_row=batch.first_row))
    below = reading_files.rows(file, batch.encoding, batch.delimiter, skip=skip, first_row=batch.first_row)
    for line, cells in below:
        yield reader.read(line, cells)


class Reader:
    """Turns the cells of a file into rows, by its mapping and options."""

    def __init__(self, header, mapping, options):
        self.width = len(header)
        self.columns = [(number, name, mapping[name]) for number, name in enumerate(header) if mapping.get(name)]
        self.single = [(n, key) for n, _name, key in self.columns if key not in MANY and not key.startswith(CUSTOM)]
        self.many = [(n, key) for n, _name, key in self.columns if key in MANY]
        own = {CUSTOM + field.key: field for field in custom.fields_of("person", sealed=False)} if self.columns else {}
        self.own = [(n, own[key]) for n, _name, key in self.columns if key in own]
        self.options = options
        self.everybody = options.get("everybody", "")
        self.about = options.get("about", {})
        self.sums = None  # {who: [first line, minutes, joins]} of a webinar's report
        if any(key in ("attended", "minutes") for _n, _name, key in self.columns):
            self.sums = {}
        keys = {key for _n, _name, key in self.columns}
        self.wishes = bool(keys & _WISHES) or bool(self.everybody) or bool(options.get("email_consent"))

    def read(self, line, cells):
        if len(cells) != self.width:
            cells = reading_files.trimmed(cells, self.width)
        row = Row(line, (self.columns, cells))
        if len(cells) != self.width:
            return row.refuse("ragged")
        text = {}
        for number, key in self.single:
            if (cell := cells[number]) and (cell := _plain(cell, row, lines=key == "whole_address")):
                text[key] = cell
        self._name(row, text)
        self._place(row, text)
        many = self._many(row, cells) if self.many else {}
        self._reach(row, text, many)
        if self.wishes:
            self._wishes(row, text, many)
        for number, field in self.own:
            self._custom(row, field, cells[number])
        if self.sums is not None:
            self._attendance(row, text)
        row.external = text.get("external_id", "").removesuffix(".0")
        details = row.details
        too_long = any(len(value) > _LENGTHS.get(key, 1000) for key, value in details.items())
        if too_long or len(row.external) > 100 or any(len(value) > 254 for value in row.emails):
            return row.refuse("too_long")
        if not row.emails and not row.phones and not row.external and not (details.get("name") and details.get("zip")):
            return row.refuse("nobody")
        return row

    def _many(self, row, cells):
        many = {}
        for number, key in self.many:
            if (cell := cells[number]) and (cell := _plain(cell, row)):
                many.setdefault(key, []).append(cell)
        for tag in _tags("\n".join(many.get("tags", ()))):
            if len(tag) <= 80:
                row.tags.append(tag)
            else:
                row.note("bad_tag")
        return many

    def _name(self, row, text):
        given, family = text.get("given_name", ""), text.get("family_name", "")
        name = text.get("name", "")
        if not name:
            parts = (given, text.get("middle_name", ""), family, text.get("suffix", ""))
            name = " ".join([part for part in parts if part])
        elif not given and not family:
            last, comma, first = name.partition(", ")
            if comma and "," not in first and first.lower().rstrip(".") not in _AFTER_NAMES:
                name = f"{first} {last}"  # "Pérez, Ana", as lists are sorted
                given, family = first, last
            else:
                given, _space, family = name.partition(" ")
        if name:
            row.details["name"] = name
        if given:
            row.details["given_name"] = given
        if family:
            row.details["family_name"] = family

    def _place(self, row, text):
        details = row.details
        if whole := text.get("whole_address"):
            text = _parts_of(whole) | text
        for key in ("street", "city", "county"):
            if value := text.get(key):
                details[key] = value
        if value := text.get("state"):
            if code := _state(value):
                details["state"] = code
            else:
                row.note("bad_state")
        if value := text.get("zip"):
            if code := zip_code(value):
                details["zip"] = code
            else:
                row.note("bad_zip")
        if value := text.get("language"):
            if code := language_code(value):
                details["language"] = code
            else:
                row.note("bad_language")

    def _reach(self, row, text, many):
        for cell in (text.get("email"), *many.get("email2", ())):
            for value in _emails(cell) if cell else ():
                if value is None:
                    row.note("bad_email")
                elif value not in row.emails:
                    row.emails.append(value)
        for cell in (text.get("mobile"), *many.get("phone", ())):
            for value in _phones(cell) if cell else ():
                if value is None:
                    row.note("bad_phone")
                elif value not in row.phones:
                    row.phones.append(value)
        if row.phones:
            row.mobile = (PHONE, row.phones[0])

    def _wishes(self, row, text, many):
        """What the person wished: every stop counts; a yes needs its proof and the organizer's word (rule S1)."""
        options = self.options
        emails, phones = [(EMAIL, value) for value in row.emails], [(PHONE, value) for value in row.phones]
        said = text.get("email_status", "").lower()
        no_email = _no(text.get("email_yes")) or _left(said) or _any_yes(many.get("email_no"))
        if no_email or _any_happened(many.get("left_at")) or self.everybody in ("left_email", "left_all"):
            row.stops.update(emails)
        no_text = _left(text.get("text_status", "").lower()) or _any_yes(many.get("text_no"))
        if no_text or _any_yes(many.get("no_calls")) or self.everybody in ("left_texts", "left_all"):
            row.stops.update(phones)
        if _any_yes(many.get("no_contact")):
            row.stops.update(emails, phones)
        bad = _happened(text.get("email_bad")) or said in _BOUNCED
        if emails and self.everybody == "bounced":
            row.faults.update(emails)
        elif emails and bad:
            row.faults.add(emails[0])
        if row.mobile and _yes(text.get("mobile_bad")):
            row.faults.add(row.mobile)
        email_way, text_way = options.get("email_consent"), options.get("text_consent")
        proof = _yes(text.get("email_yes")) or _happened(text.get("email_yes_at")) or said in _SUBSCRIBED
        if email_way == "attest" or (email_way == "column" and proof):
            row.yes.update(dict.fromkeys(emails, _moment(text.get("email_yes_at"))))
        proof = _yes(text.get("text_yes")) or _happened(text.get("text_yes_at"))
        proof = proof or text.get("text_status", "").lower() in _SUBSCRIBED
        if row.mobile and text_way == "column" and proof:
            row.yes[row.mobile] = _moment(text.get("text_yes_at"))
        for key in row.stops:
            row.yes.pop(key, None)

    def _custom(self, row, field, cell):
        cell = _plain(cell, row, lines=True) if cell else ""
        if not cell:
            return
        try:
            value = custom.clean(field, cell)
        except ValidationError:
            row.note("bad_custom")
            return
        if value is not None:
            row.custom[field.key] = value

    # A webinar's report has a row for each time that somebody joined (rule W3).

    def add_up(self, rows):
        """Read a report once, so that the first row about somebody tells of all their joins."""
        for line, cells in rows:
            if len(cells) == self.width:
                text = {key: _plain(cells[number]) for number, key in self.single if cells[number]}
                who, minutes = self._who(text), _minutes(text)
                found = self.sums.setdefault(who, [line, 0, 0])
                found[1] += minutes
                found[2] += minutes > 0 or _yes(text.get("attended"))

    @staticmethod
    def _who(text):
        named = text.get("name") or f"{text.get('given_name', '')} {text.get('family_name', '')}"
        return (text.get("email") or text.get("phone") or "").lower(), fold(named)

    def _attendance(self, row, text):
        line, minutes, joins = self.sums.get(self._who(text)) or (row.line, _minutes(text), 1)
        row.repeats = row.line != line
        if joins and not row.repeats:
            at = _moment(self.about.get("started"))
            row.attended = Attendance(self.about.get("topic", ""), at, minutes, joins)


_WISHES = {"email_yes", "email_yes_at", "email_status", "text_yes", "text_yes_at", "text_status", "left_at"}
_WISHES |= {"email_no", "text_no", "no_calls", "no_contact", "email_bad", "mobile_bad"}
_LENGTHS = {key: Person._meta.get_field(key).max_length for key in ("name", *DETAILS)}
_AFTER_NAMES = {"jr", "sr", "ii", "iii", "iv", "esq", "phd", "md", "rn"}
_SUBSCRIBED = {"subscribed", "s", "opted in", "opted_in", "opt-in", "opted-in"}
_BOUNCED = {"bouncing", "bounced", "cleaned", "hard bounce", "previous bounce", "bad"}


def _plain(cell, row=None, *, lines=False):
    """What a cell says, without what spreadsheets put around it; nothing where it holds no value."""
    if not cell.isascii():
        cell = unicodedata.normalize("NFC", INVISIBLE.sub(_space, cell))
    elif not cell.isprintable():
        cell = INVISIBLE.sub(_space, cell)
    cell = cell.strip() if lines else " ".join(cell.split())
    if not cell:
        return ""
    first = cell[0]
    if first == "=" and cell.startswith('="') and cell.endswith('"'):
        return cell[2:-1].strip()  # how Excel keeps the zeros of ="02108"
    if first == "'" and cell[1:2] in ("=", "+", "-", "@"):
        return cell[1:].strip()  # how an export keeps a spreadsheet from running it
    if first == "#" and cell.upper() in NO_VALUES:
        if row is not None:
            row.note("no_value")
        return ""
    if len(cell) <= 4 and cell.lower() in NOTHING:
        return ""
    return cell


def _space(found):
    return "\n" if "\n" in found[0] else " " if found[0].isspace() else ""


def _emails(cell):
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


def _phones(cell):
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
def _state(text):
    return state_code(text)


def _parts_of(whole):
    """{field: text} of an address in one cell: street, city, state and ZIP as Mailchimp and envelopes write them."""
    parts = [part.strip(" ,") for part in re.split(r"\n|\s{2,}|,", whole) if part.strip(" ,")]
    if parts and re.fullmatch(r"us|usa|united states( of america)?|estados unidos", parts[-1], re.IGNORECASE):
        parts.pop()
    line = ", ".join(parts)
    found = re.fullmatch(r"(.*?)(?:, )?([^,]*?),? ([A-Za-z]{2}|[A-Za-z ]{4,20}),? (\d{5}(?:-\d{4})?)", line)
    if not found or not _state(found[3]):
        return {"street": line}
    return {"street": found[1].strip(", "), "city": found[2].strip(", "), "state": found[3], "zip": found[4]}


def _yes(text):
    return bool(text) and len(text) <= 10 and _said(text) is True


def _no(text):
    return bool(text) and len(text) <= 10 and _said(text) is False


@functools.lru_cache(maxsize=4096)
def _said(text):
    text = fold(text)
    return True if text in TRUE else False if text in FALSE else None


def _any_yes(cells):
    return bool(cells) and any(_yes(cell) for cell in cells)


def _any_happened(cells):
    return bool(cells) and any(_happened(cell) for cell in cells)


def _happened(text):
    """Whether a column that holds a date, or a yes, says that something happened."""
    return bool(text) and not _no(text)


def _left(state):
    return bool(state) and state.replace("_", " ").replace("-", " ") in _LEFT


_LEFT = {"unsubscribed", "u", "opted out", "opt out", "optout", "stopped", "complaint", "spam", "spam complaint"}


def _minutes(text):
    """Whole minutes of a cell; 0 where it says nothing."""
    found = re.match(r"\d{1,5}", text.get("minutes") or "")
    return int(found[0]) if found else 0


_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ ,]+(\d{1,2}):(\d\d)(?::\d\d)?(?: ?([AaPp])\.?[Mm]\.?)?)?")


def _moment(text):
    """The moment a cell names, or None; never one that lies ahead."""
    if not text:
        return None
    try:
        if found := _AMERICAN.fullmatch(text):
            month, day, year, hour, minute = (int(part or 0) for part in found.groups()[:5])
            if found[6]:
                hour = hour % 12 + (12 if found[6] in "Pp" else 0)
            moment = datetime(year, month, day, hour if found[4] else 12, minute, tzinfo=ZoneInfo(settings.TIME_ZONE))
        else:
            moment = parse_datetime(text) or parse_date(text)
    except ValueError:
        return None
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, 12)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(moment, timezone.now())


@functools.lru_cache(maxsize=4096)
def _tags(text):
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
