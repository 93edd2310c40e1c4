"""Write one chunk of rows, whole or not at all."""

from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import consent, timeline
from coalition.models import Address, Consent, Entry, ExternalId, ImportedRow, Person, Tag, Tagging
from coalition.reading_people import DETAILS

from .matching import Matcher

ONE_AT_A_TIME = 0x696D706F  # the advisory lock under which chunks match and write, whatever import they belong to
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
Outcome = ImportedRow.Outcome


def write(batch, rows):
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
