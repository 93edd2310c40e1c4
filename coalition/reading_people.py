"""Read people out of the rows of a file: which column holds what, as other systems name them, and what a cell says.

What a row says of consent is kept with the address it is said of; a stop is read from anywhere in it (rule S6).
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from coalition import people, reading_files
from coalition.models import Address, Person, fold
from coalition.models.people import words_of
from coalition.places import state_code, zip_code

EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE

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
