"""Match rows with people and work out what each changes; nothing here writes.

A person is loaded as a `Known`, not as a model: very many pass by, and each row looks at a few of its fields.
"""

import json
from functools import lru_cache

from django.conf import settings
from django.db import connection

from coalition import consent, uniting
from coalition.copying import many
from coalition.models import Address, Entry, ImportedRow, fold
from coalition.models.people import words_of
from coalition.places import county_of
from coalition.reading_people import PLACE

EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
GRANTED, WITHDRAWN = Address.Consent.GRANTED, Address.Consent.WITHDRAWN
Outcome = ImportedRow.Outcome
WAYS = ("external_id", "email", "phone", "name_zip")  # how rows are matched, the surest first
WORDS = ("name", "given_name", "family_name", "language", "street", "city", "county", "state", "zip")
HELD = (*WORDS, "is_minor")
BY_INDEX = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
LISTS = {"ANY_KEY": "ANY(TEXTS::bigint[])", "TEXTS": "string_to_array(%s, E'\\x1f')"}
PEOPLE = (  # their columns end as in HELD
    "SELECT id, search, custom::text, binned_at IS NOT NULL, merged_into_id, name, given_name, family_name, language, "
    "street, city, county, state, zip, is_minor FROM coalition_person "
    "WHERE id = ANY_KEY ORDER BY id"
)


class Held:
    """An address of somebody known, as `consent` needs it."""

    __slots__ = ("channel", "consent", "consent_at", "fault", "person_id", "pk", "primary", "value")

    def __init__(self, person_id, channel, value, *, pk=None, primary=False, consent=Address.Consent.NONE, fault=""):
        self.person_id, self.channel, self.value = person_id, channel, value
        self.pk, self.primary, self.consent, self.fault = pk, primary, consent, fault
        self.consent_at = None


class Known:
    """Somebody who is in the database, or is about to be, while rows are matched with them."""

    __slots__ = (
        *("addresses", "aliases", "attended", "binned", "changed", "custom", "externals", "into", "member", "new"),
        *("pk", "seen", "tags", "told", "values", "words"),
    )

    def __init__(self, values, *, pk=None, custom=None, binned=False, into=None, words=()):
        self.pk, self.new, self.binned, self.into = pk, pk is None, binned, into
        self.values, self.custom, self.words = values, custom or {}, words
        self.addresses = {}  # {(channel, value): Held}
        self.tags, self.externals = set(), set()  # slugs; ids in the file's system
        self.aliases = ()  # the words of those who were merged into them
        self.attended, self.told = set(), []  # told: what the timeline says of events they were at
        self.member = self.seen = self.changed = False  # seen: an earlier row of this file was about them

    def agrees(self, words):
        """Whether a name can be theirs: the same first name or initial, or the same words in another order."""
        return _alike(self.words, words) or any(_alike(alias, words) for alias in self.aliases)


def _alike(ours, theirs):
    if not ours or not theirs or ours == theirs or set(ours) == set(theirs):
        return True
    first, other = ours[0], theirs[0]
    return first == other or (1 in (len(first), len(other)) and first[0] == other[0])


class Result:
    """What becomes of a row: the person it is about, what it changes, and what an undo has to know."""

    __slots__ = (
        *("addresses", "attended", "changes", "custom", "external", "known", "member", "outcome", "row", "set"),
        *("tags", "was"),
    )

    def __init__(self, row, outcome, known=None):
        self.row, self.outcome, self.known = row, outcome, known
        self.changes = []  # field names, for the preview
        self.was, self.set, self.custom = {}, {}, {}  # {field: value}; custom: {key: [was, set]}
        self.addresses, self.tags = [], ()
        self.external, self.member, self.attended = "", False, None


@lru_cache(maxsize=4096)
def slug_of(tag):
    return fold(tag)[:80]


county_of = lru_cache(maxsize=20_000)(county_of)


class Matcher:
    """Matches rows with people and works out what each changes; writes nothing. One per chunk, or one for a preview."""

    def __init__(self, batch, *, lock=False):
        self.batch, self.options, self.lock = batch, batch.options, lock
        self.system = batch.layout or "file"
        self.ways = set(self.options.get("match") or WAYS)
        self.over = self.options.get("existing") == "overwrite"
        given = self.options.get("organization")
        self.organization = uniting.keys_now([given])[0] if given else None
        language = self.options.get("language") or settings.LANGUAGE_CODE
        self.blank = dict.fromkeys(WORDS, "") | {"language": language, "is_minor": False}
        self.people = {}  # {pk: Known}
        self.by_external, self.by_address, self.by_name = {}, {}, {}
        self.closed = set()  # keys of addresses that said stop
        self.tags = {slug_of(tag): tag for tag in self.options.get("tags", [])}  # {slug: name as written}
        self.given = frozenset(self.tags)  # the tags that everybody in the batch gets

    # Whom the rows may be about

    def load(self, rows):
        """Fetch everybody whom a chunk (see `rows.Rows`) may be about, in a fixed number of queries."""
        self.closed |= consent.closed_among(rows.digests)
        with connection.cursor() as cursor:
            if self.lock:
                # Chunks are small beside the tables, whose statistics lag behind an import: always by index.
                cursor.execute(BY_INDEX)
            ids = dict(
                _rows(
                    cursor,
                    "SELECT e.value, e.person_id FROM unnest(TEXTS) AS said(value) "
                    "JOIN coalition_externalid e ON e.system = %s AND e.value = said.value",
                    rows.externals,
                    self.system,
                )
            )
            holders = []
            for channel in (EMAIL, PHONE):
                holders += _rows(
                    cursor,
                    "SELECT a.person_id FROM unnest(TEXTS) AS said(value) "
                    "JOIN coalition_address a ON a.channel = %s AND a.value = said.value",
                    [value for c, value in rows.keys if c == channel],
                    channel,
                )
            named = []
            if "name_zip" in self.ways and rows.names:
                named = _rows(
                    cursor,
                    "SELECT p.id FROM unnest(TEXTS, TEXTS) AS said(search, zip) "
                    "JOIN coalition_person p ON p.zip = said.zip AND p.search = said.search",
                    *map(list, zip(*rows.names, strict=True)),
                )
            wanted = {*ids.values(), *(pk for (pk,) in holders), *(pk for (pk,) in named)}
            while missing := wanted - self.people.keys():
                self._fetch(cursor, missing)
                wanted = {self.people[pk].into for pk in missing if pk in self.people} - {None}
        for value, pk in ids.items():
            if pk in self.people and value not in self.by_external:
                self.by_external[value] = self._kept(self.people[pk])
        if any(row.attended for row in rows):
            told = Entry.objects.filter(kind=Entry.Kind.ATTENDANCE, person__in=list(self.people))
            for known in self.people.values():
                known.told = []
            for entry in told:
                self.people[entry.person_id].told.append(entry)

    def _fetch(self, cursor, pks):
        pks = sorted(pks)
        found = _rows(cursor, PEOPLE + " FOR NO KEY UPDATE" if self.lock else PEOPLE, pks)
        fetched = {}
        for pk, search, custom, binned, into, *values in found:
            known = Known(
                dict(zip(HELD, values, strict=True)),
                pk=pk,
                custom=_json(custom),
                binned=binned,
                into=into,
                words=tuple(search.split()),
            )
            self.people[pk] = fetched[pk] = known
        pks = list(fetched)
        for pk, search in _rows(
            cursor,
            "SELECT merged_into_id, search FROM coalition_person WHERE merged_into_id = ANY_KEY",
            pks,
        ):
            fetched[pk].aliases += (tuple(search.split()),)
        for pk, person, channel, value, primary, state, fault in _rows(
            cursor,
            'SELECT id, person_id, channel, value, "primary", consent, fault FROM coalition_address '
            "WHERE person_id = ANY_KEY ORDER BY id",
            pks,
        ):
            held = Held(person, channel, value, pk=pk, primary=primary, consent=state, fault=fault)
            self._hold(fetched[person], (channel, value), held)
        for pk, slug in _rows(
            cursor,
            "SELECT g.person_id, t.slug FROM coalition_tagging g JOIN coalition_tag t ON t.id = g.tag_id "
            "WHERE g.person_id = ANY_KEY",
            pks,
        ):
            fetched[pk].tags.add(slug)
        for pk, value in _rows(
            cursor,
            "SELECT person_id, value FROM coalition_externalid WHERE system = %s AND person_id = ANY_KEY",
            self.system,
            pks,
        ):
            fetched[pk].externals.add(value)
        for (pk,) in _rows(
            cursor,
            "SELECT DISTINCT person_id FROM coalition_importedrow WHERE batch_id = %s AND person_id = ANY_KEY",
            self.batch.pk,
            pks,
        ):
            fetched[pk].seen = True
        if self.organization:
            for (pk,) in _rows(
                cursor,
                "SELECT person_id FROM coalition_membership WHERE organization_id = %s AND person_id = ANY_KEY",
                self.organization,
                pks,
            ):
                fetched[pk].member = True
        for known in fetched.values():
            self._name(known)

    def _kept(self, known):
        """Who stands for somebody that was merged away."""
        for _step in range(10):
            if known.into not in self.people:
                return known
            known = self.people[known.into]
        return known

    def _hold(self, known, key, held):
        known.addresses[key] = held
        self.by_address.setdefault(key, []).append(known)

    def _name(self, known):
        if known.words and known.values["zip"]:
            self.by_name.setdefault((known.words, known.values["zip"]), []).append(known)

    # What a row is about

    def match(self, row):
        """Whom a row is about: by id, by address (with a name that can be theirs), by name and ZIP; or nobody known."""
        words, addresses = row.words, row.addresses
        known = self.by_external.get(row.external) if "external_id" in self.ways else None
        if known and (known.agrees(words) or not known.addresses.keys().isdisjoint(addresses)):
            return known  # two installations of one system give one id to two people
        for key in addresses:
            if key in self.by_address and key[0] in self.ways:
                holders = [known for known in map(self._kept, self.by_address[key]) if known.agrees(words)]
                if holders:
                    return min(holders, key=lambda known: (known.binned, known.words != words))
        if "name_zip" in self.ways and words and (named := self.by_name.get((words, row.details.get("zip")))):
            channels = {channel for channel, _value in addresses}
            named = {id(known): known for known in map(self._kept, named)}.values()
            free = [known for known in named if not channels & {channel for channel, _value in known.addresses}]
            return free[0] if len(free) == 1 else None
        return None

    def settle(self, row):
        """Work out what a row changes, on the objects in memory."""
        if row.refused:
            return Result(row, Outcome.REFUSED)
        known = self.match(row)
        if known and known.binned:
            return Result(row.refuse("binned"), Outcome.REFUSED, known)
        if known is None:
            result = Result(row, Outcome.NEW, Known(self.blank.copy()))
        else:
            result = Result(row, Outcome.DUPLICATE if known.seen else Outcome.CHANGED, known)
        known, changes = result.known, result.changes
        self._settle_details(result)
        known.seen = True
        if custom := getattr(row, "custom", None):
            self._settle_custom(result, custom)
        self._settle_addresses(result)
        if row.external and row.external not in self.by_external:
            known.externals.add(row.external)
            self.by_external[row.external] = known
            result.external = row.external
            changes.append("external_id")
        if row.tags or not self.given <= known.tags:
            self._settle_tags(result)
        if self.organization and not known.member:
            known.member = result.member = True
            changes.append("organization")
        if attended := getattr(row, "attended", None):
            self._settle_attendance(result, attended)
        if result.outcome == Outcome.CHANGED and not changes:
            result.outcome = Outcome.UNCHANGED
        return result

    def _settle_details(self, result):
        """Fill what is blank, or, where the organizer said so, replace what is there. A place is taken whole or not."""
        known, row = result.known, result.row
        values, fresh = known.values, known.new and not known.seen
        if fresh:
            values.update(row.details)
            if values["zip"] and not values["county"]:
                values["county"] = county_of(values["zip"])
            known.words = row.words
            result.changes += row.details
            self._name(known)
            return
        wanted = row.details
        if not self.over:
            skipped = {"language", "name"} if values["name"] else {"language"}
            if any(values[key] and wanted.get(key, values[key]) != values[key] for key in PLACE):
                skipped.update(PLACE)
            wanted = {key: value for key, value in wanted.items() if key not in skipped}
        changed = {}
        for key, value in wanted.items():
            old = values[key]
            if old != value and (self.over or not old):
                changed[key] = value
        if "zip" in changed and "county" not in changed:
            county = county_of(changed["zip"])
            if county != values["county"]:
                changed["county"] = county
        if not changed:
            return
        if not values["name"] and "name" not in changed:
            parts = values | changed
            if name := f"{parts['given_name']} {parts['family_name']}".strip():
                changed["name"] = name
        result.was = {key: values[key] for key in changed}
        result.set = changed
        values.update(changed)
        known.changed = True
        known.words = tuple(words_of(values["name"]))
        result.changes += [key for key in changed if key in row.details]  # not what follows from them
        self._name(known)

    def _settle_custom(self, result, custom):
        """The coalition's own fields: as for the rest, blanks are filled, or what is there is replaced."""
        held = result.known.custom
        for key, value in custom.items():
            old = held.get(key)
            if value in (None, "", []) or old == value or (old not in (None, "", []) and not self.over):
                continue
            result.custom[key] = [old, value]
            held[key] = value
            result.changes.append(f"custom:{key}")
        result.known.changed |= bool(result.custom)

    def _settle_addresses(self, result):
        known, row, changes = result.known, result.row, result.changes
        for key in row.addresses:
            held = known.addresses.get(key)
            if held is None:
                channel, value = key
                primary = not any(c == channel and other.primary for (c, _v), other in known.addresses.items())
                held = Held(known.pk, channel, value, primary=primary)
                self._hold(known, key, held)
                result.addresses.append(held)
                changes.append(channel)
            if key in self.closed:
                row.stops.add(key)
                row.yes.pop(key, None)
            if row.faults and key in row.faults and not held.fault:
                changes.append("fault")
            if row.stops and key in row.stops and held.consent != WITHDRAWN:
                changes.append("stop")
            if row.yes and key in row.yes:
                if held.consent in (GRANTED, WITHDRAWN):
                    row.yes.pop(key)
                else:
                    changes.append("yes")

    def _settle_tags(self, result):
        slugs = set(self.given)
        for tag in result.row.tags:
            slug = slug_of(tag)
            self.tags.setdefault(slug, tag)
            slugs.add(slug)
        slugs -= result.known.tags
        if slugs:
            result.known.tags |= slugs
            result.tags = slugs
            result.changes.append("tags")

    def _settle_attendance(self, result, attended):
        """That somebody was there, unless their timeline says so already (rule W3)."""
        known = result.known
        if attended not in known.attended and not any(tells_of(entry, attended) for entry in known.told):
            result.known.attended.add(attended)
            result.attended = attended
            result.changes.append("attended")


def tells_of(entry, attended):
    """Whether a line of a timeline is about this event."""
    if attended.at and entry.at != attended.at:
        return False
    return attended.topic in str(entry.text.data)


def _rows(cursor, query, *values):
    """The rows of a query; none, without asking, when one of its lists is empty."""
    if any(value == [] for value in values):
        return []
    for short, whole in LISTS.items():
        query = query.replace(short, whole)
    cursor.execute(query, [many(value) if isinstance(value, list) else value for value in values])
    return cursor.fetchall()


def _json(text):
    return {} if text == "{}" else json.loads(text)
