"""Read people out of the rows of a file: what each cell says of them, by the fields that its column holds.

What a row says of consent is kept with the address it is said of; a stop is read from anywhere in it (rule S6).
"""

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from coalition import custom, reading_cells, reading_files
from coalition.layouts import CUSTOM, MANY
from coalition.models import Address, Person, fold
from coalition.places import zip_code

__all__ = [
    "DETAILS",
    "PLACE",
    "REASONS",
    "Attendance",
    "Reader",
    "Row",
    "header_of",
    "rows_of",
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
            if (cell := cells[number]) and (cell := reading_cells.plain(cell, row, key == "whole_address")):
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
        if details and max(map(len, details.values())) > _SHORTEST and _too_long(details):
            return row.refuse("too_long")
        if len(row.external) > 100 or (row.emails and max(map(len, row.emails)) > 254):
            return row.refuse("too_long")
        if reading_cells.minor(text.get("is_minor")):  # a no takes nothing back: whoever said so first (rule P2)
            details["is_minor"] = True
        if not row.emails and not row.phones and not row.external and not (details.get("name") and details.get("zip")):
            return row.refuse("nobody")
        return row

    def _many(self, row, cells):
        many = {}
        for number, key in self.many:
            if (cell := cells[number]) and (cell := reading_cells.plain(cell, row)):
                many.setdefault(key, []).append(cell)
        for tag in reading_cells.tags("\n".join(many.get("tags", ()))):
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
            text = reading_cells.parts_of(whole) | text
        for key in ("street", "city", "county"):
            if value := text.get(key):
                details[key] = value
        if value := text.get("state"):
            if code := reading_cells.state(value):
                details["state"] = code
            else:
                row.note("bad_state")
        if value := text.get("zip"):
            if code := zip_code(value):
                details["zip"] = code
            else:
                row.note("bad_zip")
        if value := text.get("language"):
            if code := reading_cells.language_code(value):
                details["language"] = code
            else:
                row.note("bad_language")

    def _reach(self, row, text, many):
        for cell in (text.get("email"), *many.get("email2", ())):
            for value in reading_cells.emails(cell) if cell else ():
                if value is None:
                    row.note("bad_email")
                elif value not in row.emails:
                    row.emails.append(value)
        for cell in (text.get("mobile"), *many.get("phone", ())):
            for value in reading_cells.phones(cell) if cell else ():
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
        no_email = (
            reading_cells.no(text.get("email_yes"))
            or reading_cells.left(said)
            or reading_cells.any_yes(many.get("email_no"))
        )
        if no_email or reading_cells.any_happened(many.get("left_at")) or self.everybody in ("left_email", "left_all"):
            row.stops.update(emails)
        no_text = reading_cells.left(text.get("text_status", "").lower()) or reading_cells.any_yes(many.get("text_no"))
        if no_text or reading_cells.any_yes(many.get("no_calls")) or self.everybody in ("left_texts", "left_all"):
            row.stops.update(phones)
        if reading_cells.any_yes(many.get("no_contact")):
            row.stops.update(emails, phones)
        bad = reading_cells.happened(text.get("email_bad")) or said in _BOUNCED
        if emails and self.everybody == "bounced":
            row.faults.update(emails)
        elif emails and bad:
            row.faults.add(emails[0])
        if row.mobile and reading_cells.yes(text.get("mobile_bad")):
            row.faults.add(row.mobile)
        email_way, text_way = options.get("email_consent"), options.get("text_consent")
        proof = (
            reading_cells.yes(text.get("email_yes"))
            or reading_cells.happened(text.get("email_yes_at"))
            or said in _SUBSCRIBED
        )
        if email_way == "attest" or (email_way == "column" and proof):
            row.yes.update(dict.fromkeys(emails, reading_cells.moment(text.get("email_yes_at"))))
        proof = reading_cells.yes(text.get("text_yes")) or reading_cells.happened(text.get("text_yes_at"))
        proof = proof or text.get("text_status", "").lower() in _SUBSCRIBED
        if row.mobile and text_way == "column" and proof:
            row.yes[row.mobile] = reading_cells.moment(text.get("text_yes_at"))
        for key in row.stops:
            row.yes.pop(key, None)

    def _custom(self, row, field, cell):
        cell = reading_cells.plain(cell, row, True) if cell else ""
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
                text = {key: reading_cells.plain(cells[number]) for number, key in self.single if cells[number]}
                who, minutes = self._who(text), reading_cells.minutes(text)
                found = self.sums.setdefault(who, [line, 0, 0])
                found[1] += minutes
                found[2] += minutes > 0 or reading_cells.yes(text.get("attended"))

    @staticmethod
    def _who(text):
        named = text.get("name") or f"{text.get('given_name', '')} {text.get('family_name', '')}"
        return (text.get("email") or text.get("phone") or "").lower(), fold(named)

    def _attendance(self, row, text):
        line, minutes, joins = self.sums.get(self._who(text)) or (row.line, reading_cells.minutes(text), 1)
        row.repeats = row.line != line
        if joins and not row.repeats:
            at = reading_cells.past(self.about.get("started"))
            row.attended = Attendance(self.about.get("topic", ""), at, minutes, joins)


_WISHES = {"email_yes", "email_yes_at", "email_status", "text_yes", "text_yes_at", "text_status", "left_at"}
_WISHES |= {"email_no", "text_no", "no_calls", "no_contact", "email_bad", "mobile_bad"}
_LENGTHS = {key: Person._meta.get_field(key).max_length for key in ("name", *DETAILS)}
_SHORTEST = min(_LENGTHS[key] for key in _LENGTHS if key not in ("state", "zip"))  # those two are checked by themselves
_AFTER_NAMES = {"jr", "sr", "ii", "iii", "iv", "esq", "phd", "md", "rn"}
_SUBSCRIBED = {"subscribed", "s", "opted in", "opted_in", "opt-in", "opted-in"}
_BOUNCED = {"bouncing", "bounced", "cleaned", "hard bounce", "previous bounce", "bad"}


def _too_long(details):
    return any(len(value) > _LENGTHS.get(key, 1000) for key, value in details.items())
