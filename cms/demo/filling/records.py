"""A file that was brought in from another system, and people who stand in the records twice."""

import csv
import io
from datetime import timedelta

from django.core.files.base import ContentFile
from django.db import connection
from django.db.models import F
from django.utils import timezone

from coalition import duplicates, importing, merging, people, preparing
from coalition.models import (
    Address,
    Consent,
    DuplicateSearch,
    Entry,
    Import,
    ImportedRow,
    Lookalike,
    Merge,
    Person,
    SavedMapping,
    Tagging,
)

from .words import mailbox, organizer, read

FILE = "nationbuilder-people-export.csv"
ROWS = 200
DAYS_AGO = 16
COLUMNS = [
    *("nationbuilder_id", "first_name", "middle_name", "last_name", "email", "email_opt_in", "phone_number"),
    *("mobile_number", "mobile_opt_in", "do_not_call", "do_not_contact", "primary_address1", "primary_city"),
    *("primary_state", "primary_zip", "tag_list", "language", "school", "unsubscribed_at"),
]
STREETS = ["Bay Street", "Dwight Street", "Walnut Street", "Prospect Avenue", "Canal Road", "Orchard Lane"]


def fill_import(rng):
    """As an organizer does it: upload, say what the columns hold, confirm; so it can be undone like any other."""
    if Import.objects.exists():
        return
    by, began = organizer(), timezone.now()
    batch = preparing.upload(ContentFile(exported(rng)), FILE, by=by)
    options = batch.options | {
        "tags": ["came by a partner"],
        "email_consent": "column",
        "email_wording": read("messages")["consent"]["email_en"],
    }
    preparing.describe_columns(batch, mapping=batch.mapping, options=options)
    batch.refresh_from_db()
    saved = preparing.remember(batch, "NationBuilder, people", by=by)
    importing.start(batch)
    importing.run(batch)
    shift(batch, began, timedelta(days=DAYS_AGO))
    SavedMapping.objects.filter(pk=saved.pk).update(created_at=F("created_at") - timedelta(days=DAYS_AGO))
    # One of them was spoken to since: an undo leaves her.
    first = batch.results.filter(outcome=ImportedRow.Outcome.NEW).order_by("line")[7]
    people.write_note(first.person, "Called back. She can host a house meeting after Easter.", by=by)


def exported(rng):
    """The bytes of a file as NationBuilder writes it, with what such files have wrong with them."""
    names = read("people")
    places = [place for place in names["place"] if place["city"] in ("Springfield", "Holyoke", "Chicopee", "Westfield")]
    known = list(
        Person.objects.filter(addresses__channel="email", city="Holyoke")
        .prefetch_related("addresses")
        .order_by("pk")[:8]
    )
    schools = next(row for row in read("own_words")["field"] if row["key"] == "school")["values"]
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    phones = iter(range(100, 198))
    rows = []
    for number in range(ROWS - 12):
        place, spanish = rng.choice(places), rng.random() < 0.5
        given = rng.choice(names["given_names_es" if spanish else "given_names_en"])
        family = rng.choice(names["family_names_es" if spanish else "family_names_en"])
        phone = next(phones, None) if rng.random() < 0.35 else None
        rows.append(
            {
                "nationbuilder_id": 41000 + 7 * number,
                "first_name": given,
                "last_name": family,
                "email": f"{mailbox(f'{given} {family}')}{number}@people.example.org",
                "email_opt_in": rng.choices(["true", "", "false"], [72, 21, 7])[0],
                "mobile_number": f"(860) 555-0{phone}" if phone else "",
                "primary_address1": f"{rng.randrange(4, 280)} {rng.choice(STREETS)}",
                "primary_city": place["city"],
                "primary_state": place["state"],
                "primary_zip": place["zip"],
                "tag_list": rng.choice(["families", "families, early reading", "teachers", "volunteers", ""]),
                "language": "es" if spanish else "en",
                "school": rng.choice(schools) if rng.random() < 0.4 else "",
                "unsubscribed_at": "2025-03-02 10:14" if rng.random() < 0.03 else "",
            }
        )
    rows[20]["email"], rows[55]["primary_zip"], rows[90]["mobile_number"] = "no email", "1104x", "555-01"
    for number, person in enumerate(known):  # known before: half of them with something new
        email = next(address.value for address in person.addresses.all() if address.channel == "email")
        row = {"email": email, "first_name": person.given_name, "last_name": person.family_name}
        rows.insert(15 * number, row | ({"primary_address1": f"{number + 30} Bay Street"} if number % 2 else {}))
    rows.insert(60, rows[12] | {"tag_list": "volunteers"})
    rows += [{"first_name": "Front desk"}, {"first_name": "?", "tag_list": "families"}, {"last_name": "Unknown"}]
    writer.writerows(rows)
    return file.getvalue().encode()


def shift(batch, began, by):
    """What an import wrote, written earlier: every moment moves by the same, so that an undo knows it again."""
    came = Person.objects.filter(imported_rows__batch=batch, imported_rows__outcome=ImportedRow.Outcome.NEW)
    Person.objects.filter(pk__in=list(came.values_list("pk", flat=True))).update(
        created_at=F("created_at") - by, updated_at=F("updated_at") - by
    )
    for model, names in (
        (Address, ["created_at", "consent_at", "fault_at"]),
        (Consent, ["at"]),
        (Tagging, ["at"]),
        (Entry, ["at"]),
    ):
        written = model.objects.filter(**{f"{names[0]}__gte": began})
        for name in reversed(names):
            written.filter(**{f"{name}__gte": began}).update(**{name: F(name) - by})
    Address.objects.filter(consent_at__gte=began).update(consent_at=F("consent_at") - by)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE coalition_importedrow SET data = jsonb_set(data, '{at}', to_jsonb("
            "to_char(((data->>'at')::timestamptz - %s) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00')))"
            " WHERE batch_id = %s AND data ? 'at'",
            [by, batch.pk],
        )
    Import.objects.filter(pk=batch.pk).update(
        created_at=F("created_at") - by, finished_at=F("finished_at") - by, touched_at=F("touched_at") - by
    )


def fill_duplicates(rng):
    """Some people come in twice; the search finds them, and others whose names and places happen to agree."""
    if DuplicateSearch.objects.exists():
        return
    by = organizer()
    pairs = []
    for row in read("work")["twice"]:
        first = added(row["first"], timezone.now() - timedelta(days=rng.randrange(120, 600)), by)
        second = added(row["second"], timezone.now() - timedelta(days=rng.randrange(2, 30)), by)
        pairs.append((row, first, second))
    search, _new = duplicates.start(by=by, everybody=True)
    duplicates.run(search)
    for row, first, second in pairs:
        if row.get("merged"):
            began, then = timezone.now(), timezone.now() - timedelta(days=1, hours=4)
            done = merging.merge(first, [second], by=by)
            Merge.objects.filter(pk=done.pk).update(at=then)
            Entry.objects.filter(person__in=[first, second], kind=Entry.Kind.MERGE, at__gte=began).update(at=then)
        if row.get("different"):
            duplicates.keep_apart(Lookalike.objects.get(first=first, second=second), by=by)


def added(row, then, by):
    given, _space, family = row["name"].partition(" ")
    names = {"name": row["name"], "given_name": given, "family_name": family}
    places = {key: row.get(key, "") for key in ("street", "city", "state", "zip", "language")}
    person = people.add(
        details=names | places,
        emails=[row["email"]] if "email" in row else [],
        phones=[row["phone"]] if "phone" in row else [],
        by=by,
    )
    Person.objects.filter(pk=person.pk).update(created_at=then)
    Entry.objects.filter(person=person).update(at=then)
    return person
