"""Match rows with people and work out what each changes; nothing here writes."""

from dataclasses import dataclass, field

from django.conf import settings

from coalition import consent
from coalition.models import Address, ExternalId, ImportedRow, Person, Tagging, fold
from coalition.models.people import words_of
from coalition.reading_people import PLACE, Row

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
