"""Privacy: tell people everything that is held about them, and forget them when they ask, or when the coalition must.

What somebody did with others stays as a number: a message still counts its readers, an organization its signature.
What says who they were goes, at once, in one transaction (rules P4, P6).
"""

import io
import json
import zipfile

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from coalition import audit, consent, holdings, notices
from coalition.models import Address, Consent, Erasure, Installation, Person, Suppression

CLOSED_BY = {
    Erasure.Source.PERSON: Consent.Source.PREFERENCES,
    Erasure.Source.STAFF: Consent.Source.STAFF,
}


class Gone(Exception):
    """Nobody of this number is held any more."""


@transaction.atomic
def erase(person, *, source, by=None, why=""):
    """Forget somebody, and keep their addresses closed by a keyed hash, so that a list cannot bring them back (P4).

    They are told by email that it is done, in a notice that forgets itself once it has left. Returns the `Erasure`;
    raises Gone when somebody else was faster.
    """
    whose = _whose(person)
    language, last_word = whose.people[0].language, _last_word(whose)
    Suppression.objects.bulk_create(
        [
            Suppression(pk=consent.digest(channel, value), channel=channel, reason=CLOSED_BY[source])
            for channel, value in sorted({(a.channel, a.value) for a in whose.addresses})
        ],
        ignore_conflicts=True,
    )
    erasure = _forget(whose, source=source, by=by)
    audit.record(audit.Action.ERASE, person, details={"removed": erasure.removed}, why=why, by=by)
    if last_word:
        notices.write(
            "erased",
            channel=Address.Channel.EMAIL,
            value=last_word,
            language=language,
            key=f"erased-{erasure.pk}",
            context={"at": timezone.now()},
        )
    return erasure


@transaction.atomic
def anonymise(person, *, by=None, why=""):
    """Forget somebody whom the coalition has no reason to know any longer (P6). Who said stop stays closed; who did not
    may come back by any way. Returns the `Erasure`; raises Gone.
    """
    erasure = _forget(_whose(person), source=Erasure.Source.RETENTION, by=by)
    audit.record(audit.Action.ANONYMISE, person, details={"removed": erasure.removed}, why=why, by=by)
    return erasure


def _whose(person):
    """The person and every record that was merged into theirs, locked, with what traces of them are found by."""
    pks, found = {person.merged_into_id or person.pk, person.pk}, set()
    while pks != found:
        found = set(pks)
        pks |= set(Person.objects.filter(merged_into__in=found).values_list("pk", flat=True))
    people = list(Person.objects.select_for_update().filter(pk__in=pks).order_by("pk"))
    people.sort(key=lambda each: each.pk != person.pk)
    if not people or people[0].pk != person.pk:
        raise Gone
    names = {name for each in people for name in (each.name, f"{each.given_name} {each.family_name}")}
    names |= holdings.typed_names(people)
    return holdings.Whose(
        people=people,
        addresses=list(Address.objects.filter(person__in=pks).order_by("pk")),
        names=sorted({name.strip() for name in names if " " in name.strip()}),
    )


def _last_word(whose):
    """The email address that is told, where one works."""
    emails = [a for a in whose.addresses if a.channel == Address.Channel.EMAIL and not a.fault]
    emails.sort(key=lambda a: (a.person_id != whose.people[0].pk, not a.primary, a.pk))
    return emails[0].value if emails else ""


def _forget(whose, *, source, by):
    removed = {}
    consent.remember(whose.addresses)
    for holding in holdings.HOLDINGS:
        if number := holding.forget(whose):
            removed[holding.key] = number
    _total, deleted = Person.objects.filter(pk__in=whose.pks).delete()
    removed |= {label.lower(): number for label, number in sorted(deleted.items())}
    return Erasure.objects.create(source=source, by=by, removed=removed)


# What is held


def everything(person):
    """All that is held about a person: [{"key", "label", "rows": [[{"name", "label", "value", "words"}]]}].

    In the active language; kinds of which nothing is held are left out.
    """
    found = []
    for holding in holdings.HOLDINGS:
        if not holding.label:
            continue
        if rows := holding.told(person):
            labels = {name: str(label) for name, label in holding.fields}
            cells = [
                [
                    {"name": name, "label": labels.get(name, name), "value": value, "words": words}
                    for name, (value, words) in row.items()
                ]
                for row in rows
            ]
            found.append({"key": holding.key, "label": str(holding.label), "rows": cells})
    return found


def archive(person, language):
    """Everything as a ZIP file (bytes): a page to read, and the same as JSON."""
    with translation.override(language):
        kinds = everything(person)
        values = {"kinds": kinds, "at": timezone.now(), "installation": Installation.get(), "language": language}
        page = render_to_string("coalition/preferences/held.html", values)
    data = {kind["key"]: [{cell["name"]: cell["value"] for cell in row} for row in kind["rows"]] for kind in kinds}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("index.html", page)
        packed.writestr("data.json", json.dumps(data, ensure_ascii=False, indent=1))
    return file.getvalue()
