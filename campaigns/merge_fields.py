"""Merge fields: what an organizer may ask for in a text, how it becomes gaps, and what fills them for a person.

A value is one line, so a name breaks out of nothing.
"""

import re
from html import escape, unescape

from django.utils.translation import gettext_lazy

from campaigns.models.blocks import words_in
from coalition import custom
from coalition.channels.letters import CLOSE, OPEN, gap, plain
from coalition.models import CustomField, Representative

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
# Neither goes back over what it read: a brace or a bracket that nobody closed before a long text stays harmless.
FIELD = re.compile(r"\{\{([^{}|]*)(?:\|([^{}]*))?\}\}")
TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
QUOTES = "\"'“”«»"


# In a text


def fields_in(text):
    """The names of the merge fields in a text, as they are written, each once."""
    return list(dict.fromkeys(name.strip() for name, _fallback in FIELD.findall(text or "")))


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
    # Markup in a fall-back would be read aloud, and what begins inside one and ends outside would break the letter.
    unknown += [found[0].strip("{} ") for found in FIELD.finditer(text or "") if TAG.search(found[2] or "")]
    rest = FIELD.sub("", text or "")
    if "{{" in rest:
        unknown.append(rest[rest.index("{{") :].split("\n")[0][:20].strip())
    elif "}}" in rest:
        unknown.append("}}")
    return unknown


# In rich text a sentence begins behind one of these.
OPENERS = ("<p>", "<br>", "<li>")


def with_gaps(text, missing, *, html=False):
    """Merge fields become gaps; one that a person cannot fill becomes its fall-back, or closes up with its comma."""
    text = unmarked(text)
    out, position = [], 0
    for found in FIELD.finditer(text):
        name, fallback = found[1].strip(), (found[2] or "").strip()
        fallback = unescape(fallback).strip(QUOTES + " \u00a0") if html else fallback.strip(QUOTES + " ")
        before = text[position : found.start()]
        position = found.end()
        if name not in missing:
            out += [before, gap(name)]
        elif fallback:
            # A quotation mark as well: whatever it stands in, a fall-back ends no attribute.
            out += [before, escape(fallback, quote=False).replace('"', "&quot;") if html else fallback]
        else:
            # "Hola, {{ first_name }}:" → "Hola:"; "{{ first_name }}, your vote" → "Your vote".
            closed = before.rstrip(" ,") if before.strip() else before
            out.append(closed)
            begins = not closed.strip() or closed.endswith(OPENERS if html else "\n")
            if begins:
                rest = text[position:].lstrip(" ,:;")
                position = len(text) - len(rest)
                text = text[:position] + rest[:1].upper() + rest[1:]
    return "".join([*out, text[position:]])


def unmarked(text):
    """What somebody wrote, without marks of ours: it fills no gap."""
    return text.replace(OPEN, "").replace(CLOSE, "")


def words_of(content):
    """Everything in which a merge field may stand."""
    return "\n".join(
        (content.subject, content.preheader, content.body, *(text for _block, _name, text in words_in(content.blocks)))
    )


# What fills them


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


def longest(own, language):
    """Long common values of every field by name, for what a text costs and how it looks; `own` as in `values_of`."""
    return LONGEST | {key: _longest_of(field_, language) for key, field_ in own.items()}


def _longest_of(field_, language):
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
    """{pk of the person: organization} for those who speak for one, in one query."""
    found = {}
    rows = Representative.objects.filter(person__in=person_ids).select_related("organization").order_by("-pk")
    for row in rows:
        found[row.person_id] = row.organization
    return found
