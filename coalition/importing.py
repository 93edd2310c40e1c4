"""Import people: a file is read, its columns mapped, every row matched with who is known; once confirmed, it goes in.

Chunks of rows go in, each in a transaction of its own with a line for what became of each row, so that a killed worker
never doubles one. A list opens no address without proof that its people said yes (rule S1); every stop in it counts at
once, for every record that holds the address (rules S4, S6), and what said stop before stays closed (rule P4).
"""

import itertools
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import consent, reading_files, timeline
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
from coalition.reading_people import DETAILS, PLACE, REASONS, Reader, Row, check_mapping, layout_of, suggest

CHUNK = 500
PREVIEWED = 10_000  # rows that a preview looks at; a longer file is previewed by its beginning
STALLED = timedelta(seconds=60)
ABANDONED = timedelta(days=14)
ONE_AT_A_TIME = 0x696D706F  # the advisory lock under which chunks match and write, whatever import they belong to
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
Outcome = ImportedRow.Outcome


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
