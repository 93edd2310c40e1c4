"""Import people: a file is read, its columns mapped, every row matched with who is known; once confirmed, it goes in.

Chunks of rows go in, each in a transaction of its own with a line for what became of each row, so that a killed worker
never doubles one. A list opens no address without proof that its people said yes (rule S1); every stop in it counts at
once, for every record that holds the address (rules S4, S6), and what said stop before stays closed (rule P4).
"""

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from coalition import consent, people, reading_files, timeline
from coalition.models import (
    Address,
    Consent,
    Entry,
    ExternalId,
    Import,
    ImportedRow,
    Person,
    Tag,
    Tagging,
    fold,
)
from coalition.models.people import words_of
from coalition.places import state_code, zip_code

CHUNK = 500
PREVIEWED = 10_000  # rows that a preview looks at; a longer file is previewed by its beginning
STALLED = timedelta(seconds=60)
ABANDONED = timedelta(days=14)
ONE_AT_A_TIME = 0x696D706F  # the advisory lock under which chunks match and write, whatever import they belong to
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
Outcome = ImportedRow.Outcome

FIELDS = {
    "name": _("Full name"),
    "given_name": _("First name"),
    "middle_name": _("Middle name"),
    "family_name": _("Last name"),
    "suffix": _("What follows the name (Jr., III)"),
    "email": _("Email"),
    "email2": _("Second email"),
    "mobile": _("Mobile phone"),
    "phone": _("Other phone"),
    "language": _("Language"),
    "street": _("Street address"),
    "city": _("City"),
    "state": _("State"),
    "zip": _("ZIP code"),
    "tags": _("Tags"),
    "external_id": _("Their id in the other system"),
    "email_yes": _("Agreed to email (yes or no)"),
    "email_yes_at": _("When they agreed to email"),
    "email_status": _("State of the email subscription"),
    "email_bad": _("Email does not work (yes or no)"),
    "text_yes": _("Agreed to texts (yes or no)"),
    "text_yes_at": _("When they agreed to texts"),
    "text_status": _("State of the text subscription"),
    "mobile_bad": _("Mobile phone does not work (yes or no)"),
    "left_at": _("When they left the email list"),
    "no_calls": _("Do not call (yes or no)"),
    "no_contact": _("Do not contact (yes or no)"),
}
WHO = ("email", "email2", "mobile", "phone", "external_id")
DETAILS = ("given_name", "family_name", "street", "city", "state", "zip")
PLACE = ("street", "city", "state", "zip")

REASONS = {
    "bad_email": _("The email address is not one that mail can reach"),
    "bad_phone": _("The phone number is not complete or does not exist"),
    "bad_zip": _("The ZIP code is not one"),
    "bad_state": _("The state is not known"),
    "bad_language": _("The language is not one of ours; the language chosen for the file was used"),
    "bad_tag": _("A tag is too long"),
    "nobody": _("Nothing says who this is: no email, phone or id that works, and no name with a ZIP code"),
    "ragged": _("The row has more or fewer cells than there are columns"),
    "too_long": _("A cell is longer than it can be"),
    "binned": _("This person is in the bin"),
}

# How other systems name their columns. A layout is recognised when all of its marks are there.
LAYOUTS = {
    "nationbuilder": {
        "name": "NationBuilder",
        "marks": {"nationbuilder_id"},
        "columns": {
            "nationbuilder_id": "external_id",
            "first_name": "given_name",
            "middle_name": "middle_name",
            "last_name": "family_name",
            "suffix": "suffix",
            "email": "email",
            "email1": "email",
            "email2": "email2",
            "email_opt_in": "email_yes",
            "is_email1_bad": "email_bad",
            "phone_number": "phone",
            "mobile_number": "mobile",
            "is_mobile_bad": "mobile_bad",
            "mobile_opt_in": "text_yes",
            "do_not_call": "no_calls",
            "do_not_contact": "no_contact",
            "primary_address1": "street",
            "primary_city": "city",
            "primary_state": "state",
            "primary_zip": "zip",
            "tag_list": "tags",
            "language": "language",
            "unsubscribed_at": "left_at",
        },
    },
    "mailchimp": {
        "name": "Mailchimp",
        "marks": {"email address", "leid", "euid"},
        "columns": {
            "euid": "external_id",
            "email address": "email",
            "first name": "given_name",
            "last name": "family_name",
            "address": "street",
            "phone number": "phone",
            "region": "state",
            "language": "language",
            "confirm_time": "email_yes_at",
            "unsub_time": "left_at",
            "clean_time": "email_bad",
            "tags": "tags",
        },
    },
    "action_network": {
        "name": "Action Network",
        "marks": {"can2_user_tags"},
        "columns": {
            "uuid": "external_id",
            "can2_user_id": "external_id",
            "first_name": "given_name",
            "last_name": "family_name",
            "email": "email",
            "can2_subscription_status": "email_status",
            "can2_phone": "mobile",
            "can2_sms_status": "text_status",
            "can2_user_address": "street",
            "can2_user_city": "city",
            "can2_state_abbreviated": "state",
            "zip_code": "zip",
            "can2_user_tags": "tags",
            "language": "language",
            "can2_language": "language",
        },
    },
}
# What columns are called where no layout says it, in English and Spanish, folded and without punctuation.
NAMES = {
    "name": "name, full name, nombre completo, nombre y apellidos",
    "given_name": "first name, first, given name, nombre, primer nombre, nombres",
    "middle_name": "middle name, segundo nombre",
    "family_name": "last name, last, family name, surname, apellido, apellidos",
    "suffix": "suffix, sufijo",
    "email": "email, e mail, email address, mail, correo, correo electronico, primary email, email 1",
    "email2": "email 2, second email, other email, otro correo",
    "mobile": "mobile, mobile phone, mobile number, cell, cell phone, cellphone, celular, movil, telefono celular, sms",
    "phone": "phone, phone number, telephone, home phone, work phone, telefono, telefono fijo, telefono de casa",
    "language": "language, preferred language, idioma, lengua, lang, idioma preferido",
    "street": "address, street, street address, address 1, address line 1, direccion, calle, domicilio",
    "city": "city, town, ciudad, municipio",
    "state": "state, province, region, estado",
    "zip": "zip, zip code, zipcode, postal code, postcode, zip postal code, codigo postal, cp",
    "tags": "tags, tag, tag list, labels, etiquetas",
    "external_id": "id, contact id, external id, person id, van id, voter id",
    "email_yes": "email opt in, subscribed, email consent, opted in, acepta correo",
    "email_yes_at": "optin time, opt in date, subscribed at, consent date",
    "email_bad": "email bad, bounced, email bounced",
    "text_yes": "mobile opt in, sms opt in, text opt in, acepta mensajes",
    "text_yes_at": "sms opt in date, text opt in date",
    "mobile_bad": "mobile bad",
    "left_at": "unsubscribed at, unsubscribed, unsub time, opted out, opt out date",
    "no_calls": "do not call",
    "no_contact": "do not contact, no contactar",
}
_BY_NAME = {name.strip(): key for key, names in NAMES.items() for name in names.split(",")}

TRUE = {"true", "t", "yes", "y", "1", "x", "si", "s", "verdadero"}
FALSE = {"false", "f", "no", "n", "0", "falso"}
LANGUAGE_NAMES = {
    "english": "en",
    "eng": "en",
    "ingles": "en",
    "spanish": "es",
    "spa": "es",
    "espanol": "es",
    "castellano": "es",
}


def layout_of(header):
    """The key of the system that writes such a header, or an empty string."""
    names = {name.lower() for name in header}
    return next((key for key, layout in LAYOUTS.items() if layout["marks"] <= names), "")


def suggest(header):
    """{column: field or ""}: what each column probably holds. No field is suggested twice."""
    known = LAYOUTS.get(layout_of(header), {}).get("columns", {})
    found, taken = {}, set()
    for name in header:
        key = known.get(name.lower(), "") if known else _BY_NAME.get(" ".join(words_of(name)), "")
        found[name] = "" if key in taken else key
        taken.add(key)
    return found


def check_mapping(mapping):
    """Raise ValidationError, in words for the organizer, when nobody could be recognised by these columns."""
    chosen = [key for key in mapping.values() if key]
    twice = [key for key, times in Counter(chosen).items() if times > 1]
    if twice:
        names = ", ".join(f"“{FIELDS[key]}”" for key in twice)
        raise ValidationError(
            _("Two columns cannot both hold %(fields)s: choose one of them."), params={"fields": names}
        )
    named = {"name", "given_name", "family_name"} & set(chosen)
    if not set(WHO) & set(chosen) and not (named and "zip" in chosen):
        raise ValidationError(
            _("Choose the column that says who each person is: an email, a phone, an id, or a name with a ZIP code.")
        )


@dataclass
class Row:
    """One row of a file, in our words."""

    line: int
    cells: dict  # {column: text} of the columns that were mapped
    details: dict = field(default_factory=dict)  # fields of Person that hold something
    emails: list = field(default_factory=list)
    phones: list = field(default_factory=list)  # a mobile phone first
    mobile: tuple | None = None  # the (channel, value) that texts go to
    external: str = ""
    tags: list = field(default_factory=list)
    yes: dict = field(default_factory=dict)  # {(channel, value): when, or None}
    stops: set = field(default_factory=set)  # {(channel, value)}
    faults: set = field(default_factory=set)
    notes: list = field(default_factory=list)  # codes of REASONS
    refused: bool = False

    @property
    def addresses(self):
        return [(EMAIL, value) for value in self.emails] + [(PHONE, value) for value in self.phones]

    def refuse(self, code):
        self.refused = True
        self.notes = [*self.notes, code]
        return self


class Reader:
    """Turns the cells of a file into rows, by its mapping and options."""

    def __init__(self, header, mapping, options):
        self.width = len(header)
        self.columns = [(number, name, mapping[name]) for number, name in enumerate(header) if mapping.get(name)]
        self.options = options

    def read(self, line, cells):
        cells = reading_files.trimmed(cells, self.width)
        named = {name: cells[number] for number, name, _key in self.columns if number < len(cells)}
        row = Row(line, named)
        if len(cells) != self.width:
            return row.refuse("ragged")
        text = {key: " ".join(cells[number].split()) for number, _name, key in self.columns}
        self._name(row, text)
        self._place(row, text)
        self._reach(row, text)
        self._wishes(row, text)
        row.external = text.get("external_id", "")
        row.tags = _tags(text.get("tags", ""))
        if any(len(tag) > 80 for tag in row.tags):
            row.tags = [tag for tag in row.tags if len(tag) <= 80]
            row.notes.append("bad_tag")
        too_long = any(len(row.details.get(key, "")) > most for key, most in _LENGTHS.items())
        if too_long or len(row.external) > 100 or any(len(value) > 254 for value in row.emails):
            return row.refuse("too_long")
        if not row.addresses and not row.external and not (row.details.get("name") and row.details.get("zip")):
            return row.refuse("nobody")
        return row

    def _name(self, row, text):
        given, family = text.get("given_name", ""), text.get("family_name", "")
        parts = [given, text.get("middle_name", ""), family, text.get("suffix", "")]
        name = text.get("name", "") or " ".join(part for part in parts if part)
        if name and not given and not family:
            given, _space, family = name.partition(" ")
        row.details = {key: v for key, v in (("name", name), ("given_name", given), ("family_name", family)) if v}

    def _place(self, row, text):
        for key, clean, code in (("state", state_code, "bad_state"), ("zip", zip_code, "bad_zip")):
            if text.get(key):
                row.details[key] = clean(text[key])
                if not row.details[key]:
                    row.notes.append(code)
        for key in ("street", "city"):
            row.details[key] = text.get(key, "")
        if text.get("language"):
            row.details["language"] = language_code(text["language"])
            if not row.details["language"]:
                row.notes.append("bad_language")
        row.details = {key: value for key, value in row.details.items() if value}

    def _reach(self, row, text):
        for key, channel, held, code in (
            ("email", EMAIL, row.emails, "bad_email"),
            ("email2", EMAIL, row.emails, "bad_email"),
            ("mobile", PHONE, row.phones, "bad_phone"),
            ("phone", PHONE, row.phones, "bad_phone"),
        ):
            if not text.get(key):
                continue
            try:
                value = people.normalise(channel, text[key])
            except ValidationError:
                row.notes += [code] if code not in row.notes else []
                continue
            held += [value] if value not in held else []
        row.mobile = (PHONE, row.phones[0]) if row.phones else None

    def _wishes(self, row, text):
        """What the person wished: every stop counts; a yes needs its proof and the organizer's word (rule S1)."""
        options = self.options
        emails, phones = [(EMAIL, value) for value in row.emails], [(PHONE, value) for value in row.phones]
        said = text.get("email_status", "").lower()
        if _no(text.get("email_yes")) or _happened(text.get("left_at")) or _left(said):
            row.stops.update(emails)
        if _left(text.get("text_status", "").lower()) or _yes(text.get("no_calls")):
            row.stops.update(phones)
        if _yes(text.get("no_contact")):
            row.stops.update(emails, phones)
        if emails and (_happened(text.get("email_bad")) or said in ("bouncing", "bounced", "cleaned")):
            row.faults.add(emails[0])
        if row.mobile and _yes(text.get("mobile_bad")):
            row.faults.add(row.mobile)
        email_way, text_way = options.get("email_consent"), options.get("text_consent")
        proof = _yes(text.get("email_yes")) or _happened(text.get("email_yes_at")) or said == "subscribed"
        if email_way == "attest" or (email_way == "column" and proof):
            row.yes.update(dict.fromkeys(emails, _moment(text.get("email_yes_at"))))
        proof = _yes(text.get("text_yes")) or _happened(text.get("text_yes_at"))
        proof = proof or text.get("text_status", "").lower() == "subscribed"
        if row.mobile and text_way == "column" and proof:
            row.yes[row.mobile] = _moment(text.get("text_yes_at"))
        for key in row.stops:
            row.yes.pop(key, None)


_LENGTHS = {key: Person._meta.get_field(key).max_length for key in ("name", *DETAILS)}


def _yes(text):
    return fold(text) in TRUE


def _no(text):
    return fold(text) in FALSE


def _happened(text):
    """Whether a column that holds a date, or a yes, says that something happened."""
    return bool(text) and not _no(text)


def _left(state):
    return state in ("unsubscribed", "opted out", "opted_out", "opt-out", "stopped", "complaint", "spam")


def _moment(text):
    """The moment a cell names, or None; never one that lies ahead."""
    try:
        moment = parse_datetime(text or "") or parse_date(text or "")
    except ValueError:
        return None
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, 12)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(moment, timezone.now())


def _tags(text):
    """Tags of a cell: commas or semicolons between them, with or without quotation marks."""
    found = {}
    for tag in re.split(r"[,;|]", text):
        tag = tag.strip().strip("\"'“”").strip()
        if tag:
            found.setdefault(fold(tag), tag)
    return list(found.values())


def language_code(text):
    """Our code for a language named in any common way ("es-MX", "Spanish", "español"), or an empty string."""
    folded = fold(text)
    code = LANGUAGE_NAMES.get(folded) or re.split(r"[-_]", folded)[0]
    return code if code in dict(settings.LANGUAGES) else ""


class Known:
    """Somebody who is in the database, or is about to be, while rows are matched with them."""

    def __init__(self, person, *, new=False):
        self.person = person
        self.new = new
        self.addresses = {}  # {(channel, value): Address}
        self.tags = set()  # slugs
        self.externals = set()
        self.seen = False  # an earlier row of this file was about them
        self.was = {}  # what changes replaced

    def agrees(self, name):
        """Whether a name can be theirs: the same first name or initial, or the same words in another order."""
        ours, theirs = words_of(self.person.name), words_of(name)
        if not ours or not theirs or set(ours) == set(theirs):
            return True
        first, other = ours[0], theirs[0]
        return first == other or (1 in (len(first), len(other)) and first[0] == other[0])


@dataclass
class Result:
    """What becomes of a row: the person it is about, and what it changes."""

    row: Row
    outcome: str
    known: Known | None = None
    changes: list = field(default_factory=list)  # field names, for the preview


class Matcher:
    """Matches rows with people and works out what each changes; writes nothing. One per chunk, or one for a preview."""

    def __init__(self, batch, *, lock=False):
        self.batch = batch
        self.options = batch.options
        self.system = batch.layout or "file"
        self.lock = lock
        self.people = {}  # {pk: Known}
        self.by_external, self.by_address, self.by_name = {}, {}, {}
        self.closed, self.asked = set(), set()
        self.tags = {fold(tag)[:80]: tag for tag in self.options.get("tags", [])}  # {slug: name as written}

    def load(self, rows):
        """Fetch everybody whom these rows may be about, in a fixed number of queries."""
        rows = [row for row in rows if not row.refused]
        externals = {row.external for row in rows if row.external}
        keys = {key for row in rows for key in row.addresses}
        names = {_name_and_zip(row.details) for row in rows} - {None}
        ids = dict(ExternalId.objects.filter(system=self.system, value__in=externals).values_list("value", "person_id"))
        held = Address.objects.filter(value__in={value for _channel, value in keys})
        holders = [(pk, (channel, value)) for pk, channel, value in held.values_list("person_id", "channel", "value")]
        named = Person.objects.filter(search__in={name for name, _zip in names}, zip__in={z for _name, z in names})
        pks = {*ids.values(), *(pk for pk, key in holders if key in keys), *named.values_list("pk", flat=True)}
        self._fetch(pks - self.people.keys())
        self.by_external.update({value: self.people[pk] for value, pk in ids.items() if value not in self.by_external})
        new = keys - self.asked
        self.asked |= new
        self.closed |= consent.suppressed(new)

    def _fetch(self, pks):
        found = Person.objects.filter(pk__in=pks).order_by("pk")
        for person in found.select_for_update(of=("self",)) if self.lock else found:
            self.people[person.pk] = Known(person)
        fetched = {pk: self.people[pk] for pk in pks if pk in self.people}
        for address in Address.objects.filter(person__in=fetched).order_by("pk"):
            known = fetched[address.person_id]
            address.person = known.person
            self._hold(known, address)
        for pk, slug in Tagging.objects.filter(person__in=fetched).values_list("person_id", "tag__slug"):
            fetched[pk].tags.add(slug)
        for pk, value in ExternalId.objects.filter(person__in=fetched, system=self.system).values_list(
            "person_id", "value"
        ):
            fetched[pk].externals.add(value)
        for pk in ImportedRow.objects.filter(batch=self.batch, person__in=fetched).values_list("person_id", flat=True):
            fetched[pk].seen = True
        for known in fetched.values():
            self._name(known)

    def _hold(self, known, address):
        key = (address.channel, address.value)
        known.addresses[key] = address
        self.by_address.setdefault(key, []).append(known)

    def _name(self, known):
        details = {"name": known.person.name, "zip": known.person.zip}
        if key := _name_and_zip(details):
            self.by_name.setdefault(key, []).append(known)

    def match(self, row):
        """Whom a row is about: by id, by address (with a name that can be theirs), by name and ZIP; or nobody known."""
        name = row.details.get("name", "")
        known = self.by_external.get(row.external)
        if known and (known.agrees(name) or not known.addresses.keys().isdisjoint(row.addresses)):
            return known  # two installations of one system give one id to two people
        for key in row.addresses:
            holders = [known for known in self.by_address.get(key, []) if known.agrees(name)]
            exact = [known for known in holders if words_of(known.person.name) == words_of(name)]
            if found := (exact or holders)[:1]:
                return found[0]
        key = _name_and_zip(row.details)
        channels = {channel for channel, _value in row.addresses}
        free = [k for k in self.by_name.get(key, []) if not channels & {channel for channel, _value in k.addresses}]
        return free[0] if len(free) == 1 else None

    def settle(self, row):
        """Work out what a row changes, on the objects in memory."""
        if row.refused:
            return Result(row, Outcome.REFUSED)
        known = self.match(row)
        if known and known.person.binned_at:
            return Result(row.refuse("binned"), Outcome.REFUSED, known)
        if known is None:
            known = Known(Person(language=self.options.get("language") or settings.LANGUAGE_CODE), new=True)
        repeated, known.seen = known.seen, True
        changes = [*self._settle_details(known, row), *self._settle_addresses(known, row)]
        if row.external and row.external not in self.by_external:
            known.externals.add(row.external)
            self.by_external[row.external] = known
            changes.append("external_id")
        for tag in row.tags:
            self.tags.setdefault(fold(tag)[:80], tag)
        tags = {fold(tag)[:80] for tag in [*row.tags, *self.options.get("tags", [])]}
        if tags - known.tags:
            known.tags |= tags
            changes.append("tags")
        if repeated:
            outcome = Outcome.DUPLICATE
        elif known.new:
            outcome = Outcome.NEW
        else:
            outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED
        return Result(row, outcome, known, changes)

    def _settle_details(self, known, row):
        """Fill what is blank, or, where the organizer said so, replace what is there. A place is taken whole or not."""
        person, over = known.person, self.options.get("existing") == "overwrite"
        wanted = dict(row.details)
        if not over and not known.new:
            wanted.pop("language", None)
            if any(
                getattr(person, key) and wanted.get(key, getattr(person, key)) != getattr(person, key) for key in PLACE
            ):
                wanted = {key: value for key, value in wanted.items() if key not in PLACE}
            if person.name:
                wanted.pop("name", None)
        changed = []
        for key, value in wanted.items():
            old = getattr(person, key)
            if old != value and (over or known.new or not old):
                if not known.new and key not in known.was:
                    known.was[key] = old
                setattr(person, key, value)
                changed.append(key)
        if changed:
            person.settle_name()
            self._name(known)
        return changed

    def _settle_addresses(self, known, row):
        changed = []
        for key in row.addresses:
            address = known.addresses.get(key)
            if address is None:
                channel, value = key
                primary = not any(c == channel and a.primary for (c, _v), a in known.addresses.items())
                address = Address(person=known.person, channel=channel, value=value, primary=primary)
                self._hold(known, address)
                changed.append(channel)
            if key in self.closed:
                row.stops.add(key)
                row.yes.pop(key, None)
            if key in row.faults and not address.fault:
                changed.append("fault")
            if key in row.stops and address.consent != Address.Consent.WITHDRAWN:
                changed.append("stop")
            if key in row.yes:
                if address.consent in (Address.Consent.GRANTED, Address.Consent.WITHDRAWN):
                    row.yes.pop(key)
                else:
                    changed.append("yes")
        return changed


def _name_and_zip(details):
    name, code = " ".join(words_of(details.get("name", "")))[:300], details.get("zip", "")
    return (name, code) if name and code else None


# Before anything is written: look.


@dataclass
class Preview:
    rows: int
    counts: dict  # {outcome: rows}
    reasons: dict  # {code: rows}
    opened: dict  # {channel: addresses whose people said yes, with proof}
    stops: int
    samples: dict  # {outcome: [Result]}
    partial: bool


def preview(batch, *, samples=5):
    """What bringing the file in would do, row by row, without writing anything."""
    matcher = Matcher(batch)
    counts, reasons, shown = Counter(), Counter(), {outcome: [] for outcome in Outcome}
    opened, stops, seen = set(), set(), 0
    with batch.file.open("rb") as file:
        reading = _rows(batch, file)
        for chunk in _chunks(itertools.islice(reading, PREVIEWED)):
            matcher.load(chunk)
            for row in chunk:
                result = matcher.settle(row)
                seen += 1
                counts[result.outcome] += 1
                reasons.update(row.notes)
                if not row.refused:
                    opened |= {(id(result.known), key) for key in row.yes}
                    stops |= row.stops
                if len(shown[result.outcome]) < samples:
                    shown[result.outcome].append(result)
        reading.close()
    return Preview(
        rows=seen,
        counts={outcome: counts[outcome] for outcome in Outcome},
        reasons={code: reasons[code] for code in REASONS if reasons[code]},
        opened=Counter(str(channel) for _known, (channel, _value) in opened),
        stops=len(stops),
        samples=shown,
        partial=seen < batch.rows,
    )


def _rows(batch, file, *, skip=0):
    reader = Reader(reading_files.header(file, batch.encoding, batch.delimiter), batch.mapping, batch.options)
    for line, cells in reading_files.rows(file, batch.encoding, batch.delimiter, skip=skip):
        yield reader.read(line, cells)


def _chunks(rows):
    while chunk := list(itertools.islice(rows, CHUNK)):
        yield chunk


# Bring it in.


def upload(file, name, *, by=None):
    """Keep a file that can be read, with a suggestion for its columns. Raises Unreadable, and keeps nothing then."""
    sheet = reading_files.inspect(file)
    file.seek(0)
    batch = Import(
        name=name[-200:],
        layout=layout_of(sheet.header),
        encoding=sheet.encoding,
        delimiter=sheet.delimiter,
        rows=sheet.rows,
        mapping=suggest(sheet.header),
        options={"language": settings.LANGUAGE_CODE, "existing": "fill"},
        created_by=by,
    )
    batch.file.save("people.csv", file, save=False)
    batch.save()
    return batch


def check_options(mapping, options):
    """Raise ValidationError when a consent would be opened without its proof (rule S1)."""
    columns = set(mapping.values())
    for way, wording, proofs in (
        ("email_consent", "email_wording", {"email_yes", "email_yes_at", "email_status"}),
        ("text_consent", "text_wording", {"text_yes", "text_yes_at", "text_status"}),
    ):
        if not options.get(way):
            continue
        if options[way] == "column" and not proofs & columns:
            raise ValidationError({way: _("Choose first which column says that they agreed.")})
        if way == "text_consent" and options[way] != "column":
            raise ValidationError({way: _("Texts need a column that says who agreed to texts.")})
        if not options.get(wording, "").strip():
            raise ValidationError({wording: _("Enter the words that people saw when they agreed.")})


def start(batch):
    """Confirm the preview; pressing it twice starts it once. Raises ValidationError where columns or proofs lack."""
    check_mapping(batch.mapping)
    check_options(batch.mapping, batch.options)
    return bool(
        Import.objects.filter(pk=batch.pk, state=Import.State.UPLOADED).update(
            state=Import.State.RUNNING, touched_at=timezone.now(), error=""
        )
    )


def describe_columns(batch, *, mapping, options):
    """Keep what the organizer says of a file; False once it was confirmed, when nothing of it may change."""
    waiting = Import.objects.filter(pk=batch.pk, state=Import.State.UPLOADED)
    return bool(waiting.update(mapping=mapping, options=options, touched_at=timezone.now()))


def cancel(batch):
    """Stop before the next chunk. What is in stays in, and the report says what that is."""
    waiting = Import.objects.filter(pk=batch.pk, state__in=[Import.State.UPLOADED, Import.State.RUNNING])
    if not waiting.update(state=Import.State.CANCELLED, finished_at=timezone.now()):
        return False
    _forget_file(batch)
    return True


def _forget_file(batch):
    """The file holds more about people than we were asked to keep: once it is in, it goes."""
    transaction.on_commit(lambda: batch.file.storage.delete(batch.file.name))


def run(batch, *, chunks=None):
    """Bring in chunk after chunk until the file ends, somebody cancels, or `chunks` are done. True while rows remain.

    Safe to run twice and beside itself: each chunk starts at the row that the database says is next.
    """
    if not Import.objects.filter(pk=batch.pk, state=Import.State.RUNNING).exists():
        return False
    try:
        with batch.file.open("rb") as file:
            return _run(batch, file, chunks)
    except (OperationalError, InterfaceError):
        raise  # the database went away: the sweep tries again
    except Exception:
        Import.objects.filter(pk=batch.pk, state=Import.State.RUNNING).update(
            state=Import.State.FAILED, error="unexpected", finished_at=timezone.now()
        )
        _forget_file(batch)
        raise


def _run(batch, file, chunks):
    position, rows = None, None
    while chunks is None or chunks > 0:
        with transaction.atomic():
            batch = Import.objects.select_for_update().get(pk=batch.pk)
            if batch.state != Import.State.RUNNING:
                return False
            if position != batch.done:
                if rows:
                    rows.close()
                position, rows = batch.done, _rows(batch, file, skip=batch.done)
            chunk = list(itertools.islice(rows, CHUNK))
            _write(batch, chunk)
            position += len(chunk)
            over = len(chunk) < CHUNK
            batch.done, batch.touched_at = position, timezone.now()
            if over:
                batch.state, batch.finished_at = Import.State.DONE, timezone.now()
            batch.save(update_fields=["done", "touched_at", "state", "finished_at"])
            if over:
                _forget_file(batch)
        if over:
            return False
        chunks = None if chunks is None else chunks - 1
    return True


def _write(batch, rows):
    """One chunk, whole or not at all."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
    matcher = Matcher(batch, lock=True)
    matcher.load(rows)
    results = [matcher.settle(row) for row in rows]
    touched = {id(r.known): r.known for r in results if r.known and r.outcome != Outcome.REFUSED}.values()
    now = timezone.now()
    _write_people(touched, now)
    _write_addresses(matcher, results, touched)
    _write_marks(matcher, touched)
    _write_history(batch, results, now)
    ImportedRow.objects.bulk_create(
        ImportedRow(
            batch=batch,
            line=result.row.line,
            outcome=result.outcome,
            reason=",".join(result.row.notes)[:120],
            person=result.known.person if result.known else None,
            data=_data(result),
        )
        for result in results
    )


def _data(result):
    kept = {"row": list(result.row.cells.items())} if result.row.notes else {}  # pairs: JSONB does not keep an order
    if result.outcome == Outcome.CHANGED and result.known.was:
        kept["was"] = result.known.was
    return kept


def _write_people(touched, now):
    for known in touched:
        known.person.settle_name()
    Person.objects.bulk_create([known.person for known in touched if known.new])
    changed = [known.person for known in touched if known.was]
    for person in changed:
        person.updated_at = now
    Person.objects.bulk_update(changed, ["name", "language", *DETAILS, "search", "updated_at"])


def _write_addresses(matcher, results, touched):
    batch = matcher.batch
    Address.objects.bulk_create([a for known in touched for a in known.addresses.values() if a.pk is None])
    taken = [result for result in results if result.outcome != Outcome.REFUSED]
    evidence = {key: _evidence(batch, r.row) for r in results for key in (*r.row.stops, *r.row.yes)}
    for channel, fault in ((EMAIL, Address.Fault.BOUNCED), (PHONE, Address.Fault.UNABLE)):
        bad = {value for result in results for c, value in result.row.faults if c == channel}
        Address.objects.filter(channel=channel, value__in=bad, fault=Address.Fault.NONE).update(
            fault=fault, fault_at=timezone.now()
        )
    for channel, wording in ((EMAIL, "email_wording"), (PHONE, "text_wording")):
        yeses = {}
        for result in taken:
            for key, at in result.row.yes.items():
                if key[0] == channel:
                    address = result.known.addresses[key]
                    yeses[address.pk] = (address, evidence[key], at or batch.created_at)
        if yeses:
            consent.grant_many(
                list(yeses.values()),
                wording=batch.options.get(wording, ""),
                source=Consent.Source.IMPORT,
                by=batch.created_by,
            )
    # Stops come last, so that one row's stop wins over another's yes; those of refused rows count as well.
    stops = {key: evidence[key] for result in results for key in result.row.stops}
    stops |= {key: f"{_CLOSED} · {evidence[key]}" for key in stops.keys() & matcher.closed}
    consent.withdraw_many(stops, source=Consent.Source.IMPORT, by=batch.created_by)


_CLOSED = "suppression list"


def _evidence(batch, row):
    return f"{batch.name[:150]} · #{batch.pk} · {row.line}"


def _write_marks(matcher, touched):
    slugs = {slug for known in touched for slug in known.tags}
    tags = dict(Tag.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    missing = slugs - tags.keys()
    if missing:
        Tag.objects.bulk_create(
            [Tag(name=matcher.tags[slug][:80], slug=slug) for slug in sorted(missing)], ignore_conflicts=True
        )
        tags = dict(Tag.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    Tagging.objects.bulk_create(
        [Tagging(person=known.person, tag_id=tags[slug]) for known in touched for slug in sorted(known.tags)],
        ignore_conflicts=True,
    )
    ExternalId.objects.bulk_create(
        [
            ExternalId(person=known.person, system=matcher.system, value=value)
            for known in touched
            for value in sorted(known.externals)
        ],
        ignore_conflicts=True,
    )


def _write_history(batch, results, now):
    link = reverse("imports:inspect", args=[batch.pk])
    added = timeline.in_all_languages(_("Added by an import: %(file)s"), {"file": batch.name})
    changed = timeline.in_all_languages(_("Changed by an import: %(file)s"), {"file": batch.name})
    kinds = {Outcome.NEW: (Entry.Kind.JOINED, added), Outcome.CHANGED: (Entry.Kind.IMPORT, changed)}
    Entry.objects.bulk_create(
        Entry(
            person=result.known.person,
            kind=kinds[result.outcome][0],
            text=kinds[result.outcome][1],
            link=link,
            by=batch.created_by,
            at=now,
        )
        for result in results
        if result.outcome in kinds
    )


def stalled():
    """Imports whose worker shows no life: the sweep restarts them. Each is named once per minute."""
    late = Import.objects.filter(state=Import.State.RUNNING, touched_at__lt=timezone.now() - STALLED)
    found = list(late.values_list("pk", flat=True))
    Import.objects.filter(pk__in=found).update(touched_at=timezone.now())
    return found


def discard_abandoned():
    """Throw away files that nobody confirmed: they hold people who were never brought in."""
    for batch in Import.objects.filter(state=Import.State.UPLOADED, touched_at__lt=timezone.now() - ABANDONED):
        cancel(batch)


def report(batch):
    """({outcome: rows}, {reason: rows}) of an import, as far as it has come."""
    counts, reasons = Counter(), Counter()
    kinds = batch.results.order_by().values_list("outcome", "reason").annotate(rows=Count("pk"))
    for outcome, reason, rows in kinds:
        counts[outcome] += rows
        for code in filter(None, reason.split(",")):
            reasons[code] += rows
    return {outcome: counts[outcome] for outcome in Outcome}, {code: reasons[code] for code in REASONS if reasons[code]}
