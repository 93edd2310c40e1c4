"""Write one chunk of rows, whole or not at all.

Who is new is written by COPY, under keys taken beforehand; who was known, by statements that mind what others write at
the same time. What an undo must know of a row stands in its ImportedRow, and only where somebody was known before.
"""

import json

from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import consent, timeline
from coalition.copying import NULL, copy, ids, line
from coalition.models import (
    Address,
    Consent,
    Entry,
    ExternalId,
    ImportedRow,
    Membership,
    Organization,
    Person,
    Tag,
    Tagging,
)
from coalition.models.people import words_of

from .matching import HELD, WORDS, Matcher

ONE_AT_A_TIME = 0x696D706F  # the advisory lock under which chunks match and write, whatever import they belong to
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
FAULTS = {EMAIL: Address.Fault.BOUNCED, PHONE: Address.Fault.UNABLE}
Outcome = ImportedRow.Outcome
UPDATE = (
    f"UPDATE coalition_person p SET {', '.join(f'{name} = said.{name}' for name in HELD)}, search = said.search, "  # noqa: S608
    "custom = said.custom::jsonb, updated_at = CASE WHEN EXISTS "
    "(SELECT 1 FROM coalition_importedrow r WHERE r.person_id = p.id AND r.batch_id = %s AND r.outcome = 'new') "
    f"THEN p.updated_at ELSE %s END FROM unnest(%s::bigint[]{', %s::text[]' * len(WORDS)}, %s::boolean[], "
    "%s::text[], %s::text[]) "
    f"AS said(id, {', '.join(HELD)}, search, custom) WHERE p.id = said.id"
)
CLOSED = "suppression list"  # the evidence of a stop that was known before the file


def write(batch, rows):
    """One chunk, in the transaction of the caller."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
    matcher = Matcher(batch, lock=True)
    if matcher.organization and not Organization.objects.filter(pk=matcher.organization).exists():
        matcher.organization = None
    matcher.load(rows)
    chunk = Chunk(batch, matcher, [matcher.settle(row) for row in rows], timezone.now())
    _write_people(chunk)
    _write_addresses(chunk)
    _write_tags(chunk)
    _write_organization(chunk)
    _write_history(chunk)
    _write_rows(chunk)


class Chunk:
    """Rows that were matched, on their way into the tables."""

    def __init__(self, batch, matcher, results, now):
        self.batch, self.matcher, self.results, self.now = batch, matcher, results, now
        self.moment = now.isoformat()
        self.taken = [result for result in results if result.outcome != Outcome.REFUSED]
        self.new = [result.known for result in results if result.outcome == Outcome.NEW]
        self.tags = {}  # {slug: id}

    def evidence(self, row):
        return f"{self.batch.name[:150]} · #{self.batch.pk} · {row.line}"


def _write_people(chunk):
    for pk, known in zip(ids(Person, len(chunk.new)), chunk.new, strict=True):
        known.pk = pk
        for held in known.addresses.values():
            held.person_id = pk
    moment = chunk.moment
    copy(
        Person,
        ["id", *HELD, "custom", "search", "time_zone", "created_at", "updated_at"],
        (
            line(
                str(known.pk),
                *[known.values[name] for name in WORDS],
                "t" if known.values["is_minor"] else "f",
                json.dumps(known.custom) if known.custom else "{}",
                " ".join(known.words)[:300],
                "",
                moment,
                moment,
            )
            for known in chunk.new
        ),
    )
    system = chunk.matcher.system
    copy(
        ExternalId,
        ["person", "system", "value"],
        (line(str(known.pk), system, value) for known in chunk.new for value in known.externals),
    )
    known_before = [result for result in chunk.taken if not result.known.new]
    _add(
        "INSERT INTO coalition_externalid (person_id, system, value) SELECT person, %s, value "
        "FROM unnest(%s::bigint[], %s::text[]) AS said(person, value) ON CONFLICT DO NOTHING",
        [system],
        [(result.known.pk, result.external) for result in known_before if result.external],
    )
    changed = {result.known.pk: result.known for result in known_before if result.set or result.custom}
    held = [(pk, [known.values[name] for name in HELD], known.custom) for pk, known in changed.items()]
    update_people(chunk.batch, held, chunk.now)


def update_people(batch, people, now):
    """Write what is held of people: [(key, values as in HELD, custom)].

    Who came in with this very file is as new as before.
    """
    if not people:
        return
    pks, values, custom = zip(*people, strict=True)
    columns = [list(column) for column in zip(*values, strict=True)]
    words = [" ".join(words_of(name))[:300] for name in columns[HELD.index("name")]]
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, [batch.pk, now, list(pks), *columns, words, list(map(json.dumps, custom))])


def _add(query, first, pairs, *more):
    """Run an INSERT with the two columns of `pairs` as lists, when there are any. Returns what it returns."""
    if not pairs:
        return []
    with connection.cursor() as cursor:
        cursor.execute(query, [*first, *map(list, zip(*pairs, strict=True)), *more])
        return cursor.fetchall() if cursor.description else []


def _write_addresses(chunk):
    batch, taken = chunk.batch, chunk.taken
    added = [held for result in taken for held in result.addresses]
    for pk, held in zip(ids(Address, len(added)), added, strict=True):
        held.pk = pk
    faults = {key for result in chunk.results for key in result.row.faults}
    for held in added:
        if faults and (held.channel, held.value) in faults:
            held.fault = FAULTS[held.channel]
    # Who says yes is opened first, so that new addresses are written open; stops come last, so that one row's stop wins
    # over another's yes. Stops of refused rows count as well.
    for channel, wording in ((EMAIL, "email_wording"), (PHONE, "text_wording")):
        yeses = [
            (
                result.known.addresses[key],
                result.known.values["language"],
                chunk.evidence(result.row),
                at or batch.created_at,
            )
            for result in taken
            if (held := result.known.addresses)
            for key, at in result.row.yes.items()
            if key[0] == channel
        ]
        if yeses:
            consent.grant_many(
                yeses, wording=batch.options.get(wording, ""), source=Consent.Source.IMPORT, by=batch.created_by
            )
    _copy_addresses(chunk, added)
    for channel, fault in FAULTS.items():
        bad = [value for c, value in faults if c == channel]
        if bad:
            Address.objects.filter(channel=channel, value__in=bad, fault=Address.Fault.NONE).update(
                fault=fault, fault_at=chunk.now
            )
    stops = {key: chunk.evidence(result.row) for result in chunk.results for key in result.row.stops}
    stops |= {key: f"{CLOSED} · {stops[key]}" for key in stops.keys() & chunk.matcher.closed}
    consent.withdraw_many(stops, source=Consent.Source.IMPORT, by=batch.created_by)


def _copy_addresses(chunk, added):
    """Whose addresses are written is new, or under our lock: nobody else writes them meanwhile."""
    moment, columns = chunk.moment, ["id", "person", "channel", "value", "primary", "consent", "fault", "created_at"]
    plain, dated = [], []
    for held in added:
        primary = "t" if held.primary else "f"
        cells = [str(held.pk), str(held.person_id), held.channel, held.value, primary, held.consent, held.fault, moment]
        if held.consent_at or held.fault:
            since = held.consent_at.isoformat() if held.consent_at else NULL
            dated.append(line(*cells, since, moment if held.fault else NULL))
        else:
            plain.append(line(*cells))
    copy(Address, columns, plain)
    copy(Address, [*columns, "consent_at", "fault_at"], dated)


def _write_tags(chunk):
    slugs = {slug for result in chunk.taken for slug in result.tags}
    if not slugs:
        return
    chunk.tags = _tag_ids(slugs)
    if missing := slugs - chunk.tags.keys():
        Tag.objects.bulk_create(
            [Tag(name=chunk.matcher.tags[slug][:80], slug=slug) for slug in sorted(missing)], ignore_conflicts=True
        )
        chunk.tags = _tag_ids(slugs)
    cell = {slug: f"\t{pk}\t{chunk.moment}\n" for slug, pk in chunk.tags.items()}
    copy(
        Tagging,
        ["person", "tag", "at"],
        (f"{result.known.pk}{cell[slug]}" for result in chunk.taken if result.known.new for slug in result.tags),
    )
    _add(
        "INSERT INTO coalition_tagging (at, person_id, tag_id) SELECT %s, person, tag "
        "FROM unnest(%s::bigint[], %s::bigint[]) AS said(person, tag) ON CONFLICT DO NOTHING",
        [chunk.now],
        [(result.known.pk, chunk.tags[slug]) for result in chunk.taken if not result.known.new for slug in result.tags],
    )


def _tag_ids(slugs):
    return dict(Tag.objects.filter(slug__in=slugs).values_list("slug", "pk"))


def _write_organization(chunk):
    joining = [(result.known, result.known.pk) for result in chunk.taken if result.member]
    copy(
        Membership,
        ["person", "organization", "role", "since"],
        (f"{pk}\t{chunk.matcher.organization}\t\t{chunk.moment}\n" for known, pk in joining if known.new),
    )
    _add(
        "INSERT INTO coalition_membership (since, role, person_id, organization_id) SELECT %s, '', person, org "
        "FROM unnest(%s::bigint[], %s::bigint[]) AS said(person, org) ON CONFLICT DO NOTHING",
        [chunk.now],
        [(pk, chunk.matcher.organization) for known, pk in joining if not known.new],
    )


def _write_history(chunk):
    batch, now = chunk.batch, chunk.now
    about = {"values": {"file": batch.name}, "link": link_of(batch), "by": batch.created_by}
    whom = {Outcome.NEW: [], Outcome.CHANGED: []}
    for result in chunk.taken:
        if result.outcome in whom:
            whom[result.outcome].append((result.known.pk, now))
    timeline.note_many(whom[Outcome.NEW], Entry.Kind.JOINED, _("Added by an import: %(file)s"), **about)
    timeline.note_many(whom[Outcome.CHANGED], Entry.Kind.IMPORT, _("Changed by an import: %(file)s"), **about)
    _write_attendance(chunk)


def _write_attendance(chunk):
    """That somebody was at an event, once however often its file is brought in (rule W3)."""
    batch = chunk.batch
    there = [(result.known.pk, result.attended) for result in chunk.taken if result.attended]
    if not there:
        return
    groups = {}
    for pk, attended in there:
        groups.setdefault(attended, []).append((pk, attended.at or chunk.now))
    for attended, whom in groups.items():
        said = _("At “%(topic)s” for %(minutes)s minutes") if attended.minutes else _("At “%(topic)s”")
        values = {"topic": attended.topic, "minutes": attended.minutes}
        timeline.note_many(whom, Entry.Kind.ATTENDANCE, said, values, link=link_of(batch), by=batch.created_by)
        timeline.seen_alive([pk for pk, _at in whom], at=whom[0][1])


def link_of(batch):
    return reverse("imports:inspect", args=[batch.pk])


def _write_rows(chunk):
    batch = str(chunk.batch.pk)
    copy(
        ImportedRow,
        ["batch", "line", "outcome", "reason", "person", "data"],
        (
            line(
                batch,
                str(result.row.line),
                result.outcome,
                ",".join(result.row.notes)[:120] if result.row.notes else "",
                str(result.known.pk) if result.known else NULL,
                _data(chunk, result),
            )
            for result in chunk.results
        ),
    )


def _data(chunk, result):
    """What the report shows of a row with something wrong, and what an undo has to know of somebody known before."""
    row, known = result.row, result.known
    kept = {}
    if row.notes:
        kept["row"] = list(row.cells.items())  # pairs: JSONB does not keep an order
    if known and not known.new:
        for name in ("was", "set", "custom", "external"):
            if value := getattr(result, name):
                kept[name] = value
        if result.addresses:
            kept["addresses"] = [held.pk for held in result.addresses]
        if result.tags:
            kept["tags"] = sorted(chunk.tags[slug] for slug in result.tags)
        if result.member:
            kept["organization"] = chunk.matcher.organization
        if row.faults:
            kept["faults"] = True
        if kept.keys() - {"row"} or row.yes or result.attended:
            kept["at"] = chunk.moment
    return json.dumps(kept) if kept else "{}"
