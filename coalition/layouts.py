"""What the columns of a file hold: the fields they can fill, and how other systems name theirs.

A layout is recognised by its header. What nobody's layout says is suggested by name, in English and Spanish, and a
column without a name by what stands in it. A field that the coalition defined for itself can be filled at once.
"""

import re
from itertools import pairwise

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from coalition import custom, reading_files
from coalition.models.people import words_of
from coalition.places import STATES

FIELDS = {
    "name": _("Full name"),
    "given_name": _("First name"),
    "middle_name": _("Middle name"),
    "family_name": _("Last name"),
    "suffix": _("What follows the name (Jr., III)"),
    "external_id": _("Their id in the other system"),
    "email": _("Email"),
    "email2": _("Another email"),
    "mobile": _("Mobile phone"),
    "phone": _("Other phone"),
    "street": _("Street address"),
    "city": _("City"),
    "county": _("County"),
    "state": _("State"),
    "zip": _("ZIP code"),
    "whole_address": _("Whole address in one cell"),
    "language": _("Language"),
    "tags": _("Tags"),
    "is_minor": _("Under 18 (yes or no)"),
    "email_yes": _("Agreed to email (yes or no)"),
    "email_yes_at": _("When they agreed to email"),
    "email_status": _("State of the email subscription"),
    "text_yes": _("Agreed to texts (yes or no)"),
    "text_yes_at": _("When they agreed to texts"),
    "text_status": _("State of the text subscription"),
    "left_at": _("When they left the email list"),
    "email_no": _("Do not email (yes or no)"),
    "text_no": _("Do not text (yes or no)"),
    "no_calls": _("Do not call (yes or no)"),
    "no_contact": _("Do not contact (yes or no)"),
    "email_bad": _("Email does not work (yes or no)"),
    "mobile_bad": _("Mobile phone does not work (yes or no)"),
    "attended": _("Attended (yes or no)"),
    "minutes": _("Minutes attended"),
}
GROUPS = [
    (_("Who"), ["name", "given_name", "middle_name", "family_name", "suffix", "external_id"]),
    (_("How to reach them"), ["email", "email2", "mobile", "phone"]),
    (_("Where they live"), ["street", "city", "county", "state", "zip", "whole_address"]),
    (_("What they are like"), ["language", "tags", "is_minor"]),
    (_("What they agreed to"), ["email_yes", "email_yes_at", "email_status", "text_yes", "text_yes_at", "text_status"]),
    (
        _("What they said no to"),
        ["left_at", "email_no", "text_no", "no_contact", "no_calls", "email_bad", "mobile_bad"],
    ),
    (_("Whether they came to a webinar"), ["attended", "minutes"]),
]
WHO = ("email", "email2", "mobile", "phone", "external_id")
# Several columns may say these: every further address counts, and so does every no.
MANY = {"email2", "phone", "tags", "left_at", "email_no", "text_no", "no_calls", "no_contact"}
CUSTOM = "custom:"

# What a file as a whole can say of everybody in it.
EVERYBODY = {
    "": _("People to bring in"),
    "left_email": _("People who left an email list: close every email in it"),
    "left_texts": _("People who want no texts: close every phone in it"),
    "left_all": _("People who want to hear nothing: close every email and phone in it"),
    "bounced": _("Emails that do not work: mark every one of them"),
}

# How other systems name their columns, in lower case and without spaces or marks. A layout is recognised when all the
# names of one of its `marks` are there.
LAYOUTS = {
    "nationbuilder": {
        "name": "NationBuilder",
        "marks": [{"nationbuilderid"}],
        "columns": {
            "nationbuilderid": "external_id",
            "firstname": "given_name",
            "middlename": "middle_name",
            "lastname": "family_name",
            "fullname": "name",
            "suffix": "suffix",
            "email": "email",
            "email1": "email",
            "email2": "email2",
            "email3": "email2",
            "email4": "email2",
            "emailoptin": "email_yes",
            "isemailbad": "email_bad",
            "isemail1bad": "email_bad",
            "phonenumber": "phone",
            "workphonenumber": "phone",
            "mobilenumber": "mobile",
            "ismobilebad": "mobile_bad",
            "mobileoptin": "text_yes",
            "donotcall": "no_calls",
            "donotcontact": "no_contact",
            "primaryaddress1": "street",
            "primarycity": "city",
            "primarycounty": "county",
            "primarystate": "state",
            "primaryzip": "zip",
            "taglist": "tags",
            "language": "language",
            "unsubscribedat": "left_at",
        },
    },
    "mailchimp": {
        "name": "Mailchimp",
        "marks": [{"emailaddress", "leid", "euid"}],
        "columns": {
            "euid": "external_id",
            "emailaddress": "email",
            "firstname": "given_name",
            "lastname": "family_name",
            "address": "whole_address",
            "phonenumber": "phone",
            "smsphonenumber": "mobile",
            "region": "state",
            "language": "language",
            "confirmtime": "email_yes_at",
            "unsubtime": "left_at",
            "cleantime": "email_bad",
            "tags": "tags",
        },
        "everybody": {"unsubtime": "left_email", "cleantime": "bounced"},
    },
    "action_network": {
        "name": "Action Network",
        "marks": [{"can2usertags"}, {"can2subscriptionstatus"}, {"can2userid"}, {"can2phone"}, {"can2smsstatus"}],
        "columns": {
            "uuid": "external_id",
            "can2userid": "external_id",
            "firstname": "given_name",
            "lastname": "family_name",
            "email": "email",
            "can2subscriptionstatus": "email_status",
            "subscribed": "email_status",
            "phonenumber": "phone",
            "phone": "phone",
            "can2phone": "mobile",
            "can2smsstatus": "text_status",
            "can2useraddress": "street",
            "can2usercity": "city",
            "county": "county",
            "can2county": "county",
            "can2userstate": "state",
            "can2stateabbreviated": "state",
            "zipcode": "zip",
            "can2usertags": "tags",
            "language": "language",
            "can2language": "language",
        },
    },
    "civicrm": {
        "name": "CiviCRM",
        "marks": [
            {"contactid", "contacttype"},
            {"nobulkemailsuseroptout"},
            {"isoptout", "donotemail"},
            {"contactid", "donotemail"},
        ],
        "columns": {
            "contactid": "external_id",
            "id": "external_id",
            "firstname": "given_name",
            "middlename": "middle_name",
            "lastname": "family_name",
            "displayname": "name",
            "individualsuffix": "suffix",
            "suffixid": "suffix",
            "email": "email",
            "emailprimary": "email",
            "phone": "phone",
            "phoneprimary": "phone",
            "homephonemobile": "mobile",
            "homephonephone": "phone",
            "mobile": "mobile",
            "mobilephone": "mobile",
            "streetaddress": "street",
            "city": "city",
            "county": "county",
            "countyid": "county",
            "state": "state",
            "stateprovince": "state",
            "stateprovinceid": "state",
            "postalcode": "zip",
            "preferredlanguage": "language",
            "donotemail": "email_no",
            "isoptout": "email_no",
            "nobulkemailsuseroptout": "email_no",
            "donotsms": "text_no",
            "donotphone": "no_calls",
            "onhold": "email_bad",
            "tags": "tags",
            "tagss": "tags",
        },
    },
    "everyaction": {
        "name": "EveryAction / NGP VAN",
        "marks": [{"vanid"}, {"myvanid"}, {"mycampaignvanid"}, {"voterfilevanid"}, {"votervanid"}, {"everyactionid"}],
        "columns": {
            "vanid": "external_id",
            "myvanid": "external_id",
            "mycampaignvanid": "external_id",
            "everyactionid": "external_id",
            "voterfilevanid": "external_id",
            "votervanid": "external_id",
            "contactname": "name",
            "firstname": "given_name",
            "first": "given_name",
            "midname": "middle_name",
            "middlename": "middle_name",
            "mid": "middle_name",
            "lastname": "family_name",
            "last": "family_name",
            "suffix": "suffix",
            "suf": "suffix",
            "preferredemail": "email",
            "personalemail": "email",
            "email": "email",
            "otheremail": "email2",
            "workemail": "email2",
            "emailsubscriptionstatus": "email_status",
            "cellphone": "mobile",
            "mobilephone": "mobile",
            "preferredphone": "phone",
            "phone": "phone",
            "homephone": "phone",
            "workphone": "phone",
            "smsoptinstatus": "text_status",
            "smsoptin": "text_status",
            "phoneoptinstatus": "text_status",
            "optinstatus": "text_status",
            "maddress": "street",
            "address": "street",
            "streetaddress": "street",
            "addressline1": "street",
            "mailingaddress": "street",
            "mcity": "city",
            "city": "city",
            "county": "county",
            "countyname": "county",
            "mstate": "state",
            "state": "state",
            "stateprovince": "state",
            "mzip5": "zip",
            "zip5": "zip",
            "zip": "zip",
            "zippostal": "zip",
            "zippostalcode": "zip",
            "languagepreference": "language",
            "language": "language",
            "preferredlanguage": "language",
            "donotcall": "no_calls",
            "donotemail": "email_no",
            "donottext": "text_no",
            "activistcodes": "tags",
        },
    },
    "spoke": {
        "name": "Spoke",
        "marks": [{"contactcell", "contactoptout"}, {"contactcell", "contactmessagestatus"}],
        "columns": {
            "contactexternalid": "external_id",
            "contactfirstname": "given_name",
            "contactlastname": "family_name",
            "contactcell": "mobile",
            "contactzip": "zip",
            "contactcity": "city",
            "contactstate": "state",
            "contactemail": "email",
            "contactlanguage": "language",
            "contacttags": "tags",
            "contactoptout": "text_no",
        },
    },
    "zoom": {
        "name": "Zoom",
        "marks": [
            {"attended", "usernameoriginalname"},
            {"jointime", "leavetime", "timeinsessionminutes"},
            {"attended", "jointime", "leavetime"},
        ],
        "columns": {
            "firstname": "given_name",
            "lastname": "family_name",
            "usernameoriginalname": "name",
            "nameoriginalname": "name",
            "username": "name",
            "email": "email",
            "useremail": "email",
            "phone": "phone",
            "city": "city",
            "stateprovince": "state",
            "zippostalcode": "zip",
            "attended": "attended",
            "timeinsessionminutes": "minutes",
            "totaldurationminutes": "minutes",
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
    "email": "email, e mail, email address, mail, correo, correo electronico, primary email, email 1, su correo",
    "email2": "email 2, second email, other email, otro correo, work email, email 3",
    "mobile": "mobile, mobile phone, mobile number, cell, cell phone, cellphone, celular, movil, telefono celular, sms",
    "phone": "phone, phone number, home phone, work phone, phone 2, telefono, telefono fijo, telefono de casa",
    "language": "language, preferred language, idioma, lengua, lang, idioma preferido",
    "street": "address, street, street address, address 1, address line 1, direccion, calle, domicilio",
    "city": "city, town, ciudad, municipio",
    "county": "county, condado",
    "state": "state, province, region, estado",
    "zip": "zip, zip code, zipcode, postal code, postcode, zip postal code, codigo postal, cp",
    "whole_address": "full address, mailing address, direccion completa",
    "tags": "tags, tag, tag list, etiquetas, labels",
    "is_minor": "minor, is minor, under 18, under age, underage, 13 to 17, between 13 and 17, menor, menor de edad, "
    "es menor, es menor de edad, menor de 18, menor de 18 anos, entre 13 y 17, entre 13 y 17 anos",
    "external_id": "id, external id, contact id, person id, supporter id, member id",
    "email_yes": "email opt in, opt in, opted in, email consent, acepta correos",
    "text_yes": "mobile opt in, sms opt in, text opt in, sms consent, acepta mensajes",
    "email_status": "email status, subscription status, email subscription status, estado del correo",
    "text_status": "sms status, text status",
    "left_at": "unsubscribed at, unsubscribed, unsub time, opted out, opt out date",
    "email_no": "do not email, no email, email opt out, no enviar correos",
    "text_no": "do not text, do not sms, no sms, opt out, sms opt out, text opt out, no enviar mensajes",
    "no_calls": "do not call, no llamar",
    "no_contact": "do not contact, no contactar",
}
_BY_NAME = {name.strip(): key for key, names in NAMES.items() for name in names.split(",")}
_KNOWN = {key for layout in LAYOUTS.values() for key in layout["columns"]} | {n.replace(" ", "") for n in _BY_NAME}


def squashed(name):
    """A column's name without case, accents, spaces or marks: "Correo electrónico" → "correoelectronico"."""
    return "".join(words_of(name))


def known(names):
    """How many of these names mean something to us."""
    return sum(squashed(name) in _KNOWN for name in names)


def fields():
    """{field: words} of everything that a column can fill, with the fields a coalition defined for itself."""
    return FIELDS | {CUSTOM + field.key: str(field) for field in custom.fields_of("person", sealed=False)}


def choices():
    """The same, in groups, for a form."""
    grouped = [(group, [(key, FIELDS[key]) for key in keys]) for group, keys in GROUPS]
    own = [(CUSTOM + field.key, str(field)) for field in custom.fields_of("person", sealed=False)]
    return grouped + ([(_("Fields of our own"), own)] if own else [])


def layout_of(header):
    """The key of the system that writes such a header, or an empty string."""
    names = {squashed(name) for name in header}
    return next((key for key, layout in LAYOUTS.items() if any(marks <= names for marks in layout["marks"])), "")


def everybody_of(header):
    """What such a file says of everybody in it (see EVERYBODY): Mailchimp keeps who left in a file of their own."""
    names = {squashed(name) for name in header}
    said = LAYOUTS.get(layout_of(header), {}).get("everybody", {})
    return next((what for mark, what in said.items() if mark in names), "")


def suggest(header, samples=()):
    """{column: field or ""}: what each column probably holds. A field is suggested twice only where it may stand twice.

    `samples`: [(row number, cells)] of the first rows, which speak for columns that nothing else is known of.
    """
    layout = LAYOUTS.get(layout_of(header), {}).get("columns", {})
    own = _own_names()
    found, taken = {}, set()
    for name in header:
        words = " ".join(words_of(name))
        key = layout.get(squashed(name), "") if layout else _BY_NAME.get(words, "")
        key = key or own.get(words, "")
        if key == "name" and layout and {"firstname", "contactfirstname"} & {squashed(other) for other in header}:
            key = ""  # what they call themselves that day; their names stand beside it
        found[name] = "" if key in taken and key not in MANY else key
        taken.add(key)
    for number, name in enumerate(header):
        if found[name]:
            continue
        key = _by_content([cells[number].strip() for _line, cells in samples if number < len(cells)])
        unnamed = name == f"#{number + 1}"
        if key and key not in taken and (unnamed or key == "email"):
            found[name] = key
            taken.add(key)
    return found


def _own_names():
    names = {}
    for field in custom.fields_of("person", sealed=False):
        labels = field.label.data if isinstance(field.label, LazyI18nString) else field.label
        for label in [field.key, *(labels.values() if isinstance(labels, dict) else [labels])]:
            names.setdefault(" ".join(words_of(str(label))), CUSTOM + field.key)
    names.pop("", None)
    return names


def _by_content(cells):
    """What cells look like, where most of them agree."""
    cells = [cell for cell in cells if cell]
    for key, test in _LOOKS:
        if cells and sum(bool(test(cell)) for cell in cells) * 3 >= len(cells) * 2:
            return key
    return ""


_LOOKS = [
    ("email", reading_files.EMAIL_LIKE.fullmatch),
    ("phone", reading_files.PHONE_LIKE.fullmatch),
    ("zip", re.compile(r"\d{5}(-\d{4})?").fullmatch),
    ("state", lambda cell: cell.upper() in STATES),
    ("language", re.compile(r"(en|es)([-_]\w+)?|english|spanish|español", re.IGNORECASE).fullmatch),
    ("name", re.compile(r"[^\W\d_][^\d@]*\s[^\d@]+").fullmatch),
]


def about(layout, above):
    """What the rows above the table say: {"topic", "webinar", "started"} of a webinar's report."""
    if layout != "zoom":
        return {}
    wanted = {"topic": "topic", "webinarid": "webinar", "meetingid": "webinar", "actualstarttime": "started"}
    wanted |= {"starttime": "started"}
    for (_number, names), (_next, cells) in pairwise(above):
        if squashed(names[0]) == "topic":
            pairs = zip(names, cells, strict=False)
            found = {wanted[squashed(n)]: " ".join(c.split())[:200] for n, c in pairs if squashed(n) in wanted}
            return {key: text for key, text in found.items() if text}
    return {}


def check_mapping(mapping):
    """Raise ValidationError, in words for the organizer, when nobody could be recognised by these columns."""
    chosen = [key for key in mapping.values() if key]
    twice = list(dict.fromkeys(key for key in chosen if chosen.count(key) > 1 and key not in MANY))
    if twice:
        offered = fields()
        names = ", ".join(gettext("“%(name)s”") % {"name": offered.get(key, key)} for key in twice)
        raise ValidationError(
            _("Two columns cannot both hold %(fields)s: choose one of them."), params={"fields": names}
        )
    named = {"name", "given_name", "family_name"} & set(chosen)
    if not set(WHO) & set(chosen) and not (named and "zip" in chosen):
        raise ValidationError(
            _("Choose the column that says who each person is: an email, a phone, an id, or a name with a ZIP code.")
        )
