"""Take people or organizations out as a file: who asked, for what reason and with which columns is on record before the
first byte leaves (rule P5), and how many rows it was once the last one has.

Rows are read in chunks while the file is written, so a list of any length takes the same memory. What is sealed or
sensitive has no column.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from coalition import audit, custom
from coalition.models import (
    Address,
    Export,
    ExternalId,
    Listing,
    Membership,
    Organization,
    Person,
    Representative,
    Tagging,
)

CHUNK = 1000
SAME_PRESS = timedelta(seconds=60)
Subject = Export.Subject


@dataclass
class Column:
    """One column: `value(row, more)` gives its cell; `needs` names what is fetched along for a chunk of rows."""

    key: str
    label: str
    group: str
    value: object
    needs: tuple = ()
    proposed: bool = False


WHO, REACH, PLACE = _("Who"), _("How to reach them"), _("Where they live")
BELONGING, HISTORY, OWN = _("Where they belong"), _("Since when"), _("Your fields")
PARTNER, ABOUT = _("Partnership"), _("What it is")


def _attribute(name):
    return lambda row, more: getattr(row, name)


def _day(name):
    return lambda row, more: _date(getattr(row, name))


def _date(moment):
    return timezone.localtime(moment).date().isoformat() if moment else ""


def _display(name):
    return lambda row, more: str(getattr(row, f"get_{name}_display")())


def _joined(name):
    return lambda row, more: ", ".join(more[name].get(row.pk, ()))


def _primary(channel, words):
    """Something about the address to use of a channel."""

    def value(row, more):
        address = next((a for a in more["addresses"].get(row.pk, ()) if a[0] == channel and a[2]), None)
        return words(*address) if address else ""

    return value


def _further(channel):
    def value(row, more):
        return ", ".join(
            _plain(c, v) for c, v, first, *_rest in more["addresses"].get(row.pk, ()) if c == channel and not first
        )

    return value


def _plain(channel, value, *_more):
    # Without its plus no spreadsheet takes a phone number for a formula.
    return value.removeprefix("+") if channel == Address.Channel.PHONE else value


def _stands(channel, value, primary, consent, fault, since):
    return str(Address.Fault(fault).label if fault else Address.Consent(consent).label)


def _since(channel, value, primary, consent, fault, since):
    return _date(since)


EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE


def people_columns():
    """{key: Column} of people, the coalition's own fields last. Sealed ones have none."""
    held = ("addresses",)
    columns = [
        Column("id", _("Number here"), WHO, _attribute("pk")),
        Column("given_name", _("First name"), WHO, _attribute("given_name"), proposed=True),
        Column("family_name", _("Last name"), WHO, _attribute("family_name"), proposed=True),
        Column("name", _("Full name"), WHO, _attribute("name"), proposed=True),
        Column("language", _("Language"), WHO, _attribute("language"), proposed=True),
        Column("email", _("Email"), REACH, _primary(EMAIL, _plain), held, proposed=True),
        Column("email_consent", _("Email consent"), REACH, _primary(EMAIL, _stands), held, proposed=True),
        Column("email_since", _("Email consent since"), REACH, _primary(EMAIL, _since), held),
        Column("emails", _("Other emails"), REACH, _further(EMAIL), held),
        Column("phone", _("Phone"), REACH, _primary(PHONE, _plain), held, proposed=True),
        Column("text_consent", _("Text consent"), REACH, _primary(PHONE, _stands), held, proposed=True),
        Column("text_since", _("Text consent since"), REACH, _primary(PHONE, _since), held),
        Column("phones", _("Other phones"), REACH, _further(PHONE), held),
        Column("street", _("Street address"), PLACE, _attribute("street"), proposed=True),
        Column("city", _("City"), PLACE, _attribute("city"), proposed=True),
        Column("county", _("County"), PLACE, _attribute("county")),
        Column("state", _("State"), PLACE, _attribute("state"), proposed=True),
        Column("zip", _("ZIP code"), PLACE, _attribute("zip"), proposed=True),
        Column("tags", _("Tags"), BELONGING, _joined("tags"), ("tags",), proposed=True),
        Column("lists", _("Lists"), BELONGING, _joined("lists"), ("lists",)),
        Column("organizations", _("Organizations"), BELONGING, _joined("organizations"), ("organizations",)),
        Column("created_at", _("Added"), HISTORY, _day("created_at")),
        Column("last_active_at", _("Last active"), HISTORY, _day("last_active_at")),
        Column("external_ids", _("Numbers in other systems"), HISTORY, _joined("external_ids"), ("external_ids",)),
    ]
    return {column.key: column for column in [*columns, *_own_columns(Person)]}


def organization_columns(*, with_people=False):
    """{key: Column} of organizations; who represents them only for those who may see people."""
    printed = [
        Column(f"printed_{code}", _("Printed name (%(language)s)") % {"language": name}, ABOUT, _printed(code))
        for code, name in settings.LANGUAGES
    ]
    columns = [
        Column("id", _("Number here"), ABOUT, _attribute("pk")),
        Column("name", _("Name"), ABOUT, _attribute("name"), proposed=True),
        *printed,
        Column("kind", _("Kind"), ABOUT, _display("kind"), proposed=True),
        Column("scope", _("Scope"), ABOUT, _display("scope"), proposed=True),
        Column("size", _("People it speaks for"), ABOUT, _display("size")),
        Column("languages", _("Languages"), ABOUT, lambda row, more: ", ".join(row.languages or [])),
        Column("regions", _("Regions"), ABOUT, _joined("regions"), ("regions",)),
        Column("constituencies", _("Constituencies served"), ABOUT, _joined("constituencies"), ("constituencies",)),
        Column("stage", _("Stage"), PARTNER, _display("stage"), proposed=True),
        Column("stage_at", _("At this stage since"), PARTNER, _day("stage_at")),
        Column("members", _("Members known"), PARTNER, lambda row, more: more["members"].get(row.pk, 0), ("members",)),
        Column("created_at", _("Added"), PARTNER, _day("created_at")),
        Column("email", _("Email"), REACH, _attribute("email"), proposed=True),
        Column("phone", _("Phone"), REACH, lambda row, more: row.phone.removeprefix("+"), proposed=True),
        Column("website", _("Website"), REACH, _attribute("website"), proposed=True),
        Column("street", _("Street address"), REACH, _attribute("street")),
        Column("city", _("City"), REACH, _attribute("city"), proposed=True),
        Column("state", _("State"), REACH, _attribute("state"), proposed=True),
        Column("zip", _("ZIP code"), REACH, _attribute("zip")),
    ]
    if with_people:
        columns.append(
            Column("representatives", _("Who speaks for it"), PARTNER, _joined("representatives"), ("representatives",))
        )
    return {column.key: column for column in [*columns, *_own_columns(Organization)]}


def _printed(code):
    return lambda row, more: row.name_in(code)


def _own_columns(model):
    return [
        Column(f"custom.{field.key}", str(field.label), OWN, _own(field))
        for field in custom.fields_of(model, sealed=False)
    ]


def _own(field):
    return lambda row, more: custom.cell(field, (row.custom or {}).get(field.key))


def columns_of(subject, *, with_people=False):
    return people_columns() if subject == Subject.PEOPLE else organization_columns(with_people=with_people)


def last_of(user, subject):
    """The export that somebody made last: its columns and kind of file are proposed again."""
    return Export.objects.filter(by=user, subject=subject).first()


# Make it


@transaction.atomic
def begin(subject, *, kind, columns, query, reason, by):
    """Put on record that a file leaves. The same request within a minute is the same press of a button."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"export {by.pk}"])
    same = Export.objects.filter(
        by=by, subject=subject, kind=kind, query=query, reason=reason, at__gt=timezone.now() - SAME_PRESS
    )
    for export in same:
        if export.columns == columns:
            return export
    export = Export.objects.create(subject=subject, kind=kind, columns=columns, query=query, reason=reason, by=by)
    audit.record(
        audit.Action.EXPORT,
        export,
        details={"what": str(subject), "file": kind, "columns": columns},
        why=reason,
        by=by,
    )
    return export


def header(export, columns):
    return [capfirst(str(columns[key].label)) for key in export.columns]


def rows(export, found, columns):
    """The rows of an export, cell by cell, read while they are taken; then their number is put on record.

    `found` is a queryset of people or organizations in the order wanted. Who breaks off leaves the number that left.
    """
    chosen = [columns[key] for key in export.columns]
    needs = {need for column in chosen for need in column.needs}
    left, whole = 0, False
    try:
        for chunk in _chunks(found):
            more = {need: _FETCH[need]([row.pk for row in chunk]) for need in needs}
            for row in chunk:
                left += 1
                yield [column.value(row, more) for column in chosen]
        whole = True
    finally:
        Export.objects.filter(pk=export.pk).update(rows=left, finished_at=timezone.now() if whole else None)


def _chunks(found):
    """Rows by a cursor of the server's, which holds none of them here."""
    rows = found.prefetch_related(None).iterator(chunk_size=CHUNK)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _gathered(pairs):
    found = defaultdict(list)
    for pk, value in pairs:
        found[pk].append(value)
    return found


def _addresses(pks):
    found = defaultdict(list)
    held = Address.objects.filter(person__in=pks).order_by("person", "channel", "-primary", "pk")
    for pk, *address in held.values_list("person_id", "channel", "value", "primary", "consent", "fault", "consent_at"):
        found[pk].append(address)
    return found


def _organizations(pks):
    speaks = Representative.objects.filter(person__in=pks).values_list("person_id", "organization__name")
    belongs = Membership.objects.filter(person__in=pks).values_list("person_id", "organization__name")
    return {pk: list(dict.fromkeys(names)) for pk, names in _gathered([*speaks, *belongs]).items()}


def _representatives(pks):
    held = Representative.objects.filter(organization__in=pks, person__binned_at=None).select_related("person")
    held = held.prefetch_related("person__addresses").order_by("organization", "pk")
    return _gathered(
        (role.organization_id, f"{role.person} <{email}>" if (email := role.person.primary_email) else str(role.person))
        for role in held
    )


_FETCH = {
    "addresses": _addresses,
    "tags": lambda pks: _gathered(
        Tagging.objects.filter(person__in=pks).order_by("tag__slug").values_list("person_id", "tag__name")
    ),
    "lists": lambda pks: _gathered(
        Listing.objects.filter(person__in=pks)
        .order_by("people_list__name")
        .values_list("person_id", "people_list__name")
    ),
    "organizations": _organizations,
    "external_ids": lambda pks: _gathered(
        (pk, f"{system} {value}")
        for pk, system, value in ExternalId.objects.filter(person__in=pks)
        .order_by("pk")
        .values_list("person_id", "system", "value")
    ),
    "regions": lambda pks: _gathered(
        (row.pk, str(region))
        for row in Organization.objects.filter(pk__in=pks).prefetch_related("regions")
        for region in row.regions.all()
    ),
    "constituencies": lambda pks: _gathered(
        (row.pk, str(group))
        for row in Organization.objects.filter(pk__in=pks).prefetch_related("constituencies")
        for group in row.constituencies.all()
    ),
    "members": lambda pks: dict(
        Membership.objects.filter(organization__in=pks, person__binned_at=None)
        .order_by()
        .values_list("organization")
        .annotate(Count("pk"))
    ),
    "representatives": _representatives,
}
