"""What undoing some rows of an import takes away, gives back and leaves: worked out first, then carried out.

Records of other apps that hang on a person are found through the relations of Person, not by their names.
"""

from datetime import datetime

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from coalition import consent, uniting
from coalition.models import (
    Address,
    BulkChange,
    Consent,
    Decision,
    EmailCode,
    Endorsement,
    Entry,
    ExternalId,
    FollowUp,
    Import,
    ImportedRow,
    Listing,
    Lookalike,
    MatchKey,
    Membership,
    Merge,
    Muting,
    Person,
    Policy,
    Remark,
    Representative,
    RoleChange,
    Sensitive,
    StandingAuthorization,
    Tagging,
)

from .matching import HELD
from .writing import link_of, update_people

Outcome = ImportedRow.Outcome
GRANTED = Address.Consent.GRANTED
# What an import writes itself is looked at closely; what is only derived from people never keeps anybody.
LOOKED_AT = {Address, BulkChange, Consent, Entry, ExternalId, ImportedRow, Membership, Merge, Person, Tagging}
DERIVED = {Lookalike, MatchKey}
THEIRS = {Decision, EmailCode, Endorsement, Muting, Policy, Remark, RoleChange, StandingAuthorization}
STAFFS = {FollowUp, Listing, Representative, Sensitive}
EDITS = (Entry.Kind.NOTE, Entry.Kind.EDIT, Entry.Kind.FOLLOW_UP, Entry.Kind.MERGE)
REMOVE = (
    "DELETE FROM coalition_consent WHERE person_id = ANY(%s)",
    "DELETE FROM coalition_address WHERE person_id = ANY(%s)",
    "DELETE FROM coalition_tagging WHERE person_id = ANY(%s)",
    "DELETE FROM coalition_externalid WHERE person_id = ANY(%s)",
    "DELETE FROM coalition_membership WHERE person_id = ANY(%s)",
    "DELETE FROM coalition_entry WHERE person_id = ANY(%s)",
    "DELETE FROM coalition_bulkchange WHERE person_id = ANY(%s)",
    "DELETE FROM coalition_matchkey WHERE person_id = ANY(%s)",
    "DELETE FROM coalition_lookalike WHERE first_id = ANY(%s)",
    "DELETE FROM coalition_lookalike WHERE second_id = ANY(%s)",
    # what the report says of their rows stays, but not who they were
    """UPDATE coalition_importedrow SET person_id = NULL, data = '{"row": []}' WHERE person_id = ANY(%s)""",
    "DELETE FROM coalition_person WHERE id = ANY(%s)",
)
# A mark that was given again by hand has another moment: it stays.
UNTAG = (
    "DELETE FROM coalition_tagging t USING unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS s(person, tag, at) "
    "WHERE t.person_id = s.person AND t.tag_id = s.tag AND t.at = s.at"
)
UNNAME = (
    "DELETE FROM coalition_externalid e USING unnest(%s::bigint[], %s::text[], %s::text[]) AS s(person, system, value) "
    "WHERE e.person_id = s.person AND e.system = s.system AND e.value = s.value"
)
UNJOIN = (
    "DELETE FROM coalition_membership m USING unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS s(person, org, "
    "since) WHERE m.person_id = s.person AND m.organization_id = s.org AND m.since = s.since AND m.role = ''"
)


def relations(*, besides=()):
    """[(model, name of the field)] of whatever points at people, in any app."""
    found = []
    for relation in Person._meta.get_fields(include_hidden=True):
        pointing = relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one)
        if pointing and relation.related_model not in besides:
            found.append((relation.related_model, relation.field.name))
    return found


class Plan:
    """What becomes of the people of some rows (the last row first). Reads only, until it is carried out."""

    def __init__(self, batch, rows, *, lock=False):
        self.batch, self.rows = batch, [row for row in rows if row.person_id and row.outcome != Outcome.REFUSED]
        self.evidence = rf" · #{batch.pk}( · \d+)?$"
        self.link = link_of(batch)
        pks = sorted({row.person_id for row in self.rows})
        people = Person.objects.filter(pk__in=pks).order_by("pk")
        self.people = {person.pk: person for person in (people.select_for_update(of=("self",)) if lock else people)}
        self.came = set(  # who came with this import
            ImportedRow.objects.filter(batch=batch, person__in=pks, outcome=Outcome.NEW).values_list(
                "person", flat=True
            )
        )
        self.removed, self.kept, self.restored = set(), {}, set()
        self.values_kept = self.addresses_kept = 0
        self.before = {}  # {pk: {field: value}} of Person
        self.addresses, self.tags, self.externals, self.members, self.faults = set(), [], [], [], []
        self.merged_organizations = {}
        self._judge()
        self._restore()
        self._consents()

    # Who came with the import

    def _judge(self):
        """Remove whom nobody touched. Each is judged once, at their first row, which is the last to be undone."""
        merged = self._merged()
        first = [row.person_id for row in self.rows if row.outcome == Outcome.NEW and row.person_id in self.people]
        judged = {pk: self.people[pk] for pk in first}
        reasons = {pk: "merged" for pk in judged if pk in merged}
        self.merged = merged
        for found, reason in self._traces(judged):
            for pk in found:
                reasons.setdefault(pk, reason)
        self.kept = reasons
        self.removed = judged.keys() - reasons.keys()

    def _merged(self):
        """Whose records are several people's now: nobody can tell any more what an import wrote."""
        into = {person.pk for person in self.people.values() if person.merged_into_id}
        return into | set(Merge.objects.filter(kept__in=self.people, undone_at=None).values_list("kept", flat=True))

    def _traces(self, judged):
        """(people, why) for whatever the import did not bring."""
        pks = list(judged)
        mine = {"address": set(), "tag": set()}
        later = ImportedRow.objects.filter(batch=self.batch, person__in=pks).exclude(outcome=Outcome.NEW)
        for person, data in later.values_list("person", "data"):
            mine["address"].update(data.get("addresses", ()))
            mine["tag"].update((person, tag) for tag in data.get("tags", ()))
        others = ImportedRow.objects.filter(person__in=pks).exclude(batch=self.batch).exclude(outcome=Outcome.REFUSED)
        yield others.exclude(batch__state=Import.State.UNDONE).values_list("person", flat=True), "imported"
        said = Consent.objects.filter(person__in=pks).exclude(state=Address.Consent.WITHDRAWN)
        said = said.exclude(source=Consent.Source.IMPORT, evidence__regex=self.evidence)
        yield said.filter(source__in=consent.THEIR_OWN).values_list("person", flat=True), "acted"
        yield said.exclude(source__in=consent.THEIR_OWN).values_list("person", flat=True), "edited"
        elsewhere = [Entry.Kind.CONSENT, Entry.Kind.IMPORT]  # judged by consents, and by the rows of imports
        entries = Entry.objects.filter(person__in=pks).exclude(link=self.link).exclude(kind__in=elsewhere)
        yield entries.exclude(kind__in=[*EDITS, Entry.Kind.MESSAGE]).values_list("person", flat=True), "acted"
        yield from self._used(pks)
        yield {pk for pk, person in judged.items() if person.updated_at != person.created_at}, "edited"
        yield entries.filter(kind__in=EDITS).values_list("person", flat=True), "edited"
        yield entries.filter(kind=Entry.Kind.MESSAGE).values_list("person", flat=True), "used"
        held = Address.objects.filter(person__in=pks).values_list("pk", "person", "created_at")
        yield {p for pk, p, at in held if at != judged[p].created_at and pk not in mine["address"]}, "edited"
        tags = Tagging.objects.filter(person__in=pks).values_list("person", "tag", "at")
        yield {p for p, tag, at in tags if at != judged[p].created_at and (p, tag) not in mine["tag"]}, "edited"
        members = Membership.objects.filter(person__in=pks).values_list("person", "organization", "role")
        given = self._now(self.batch.options.get("organization"))
        yield {p for p, organization, role in members if organization != given or role}, "edited"
        bulk = BulkChange.objects.filter(person__in=pks).exclude(changed=False)
        yield bulk.values_list("person", flat=True), "edited"

    def _used(self, pks):
        """Whatever else points at them, in this app or one above."""
        for model, name in relations(besides=LOOKED_AT | DERIVED):
            found = model._base_manager.filter(**{f"{name}__in": pks}).values_list(name, flat=True)
            if model in THEIRS:
                yield found, "acted"
            else:
                yield found, "edited" if model in STAFFS else "used"
        yield Merge.objects.filter(kept__in=pks).values_list("kept", flat=True), "merged"
        yield Person.objects.filter(merged_into__in=pks).values_list("merged_into", flat=True), "merged"

    # Who was known before

    def _restore(self):
        for row in self.rows:
            person = self.people.get(row.person_id)
            if person is None or person.pk in self.came or not row.data.get("at"):
                continue
            if person.pk in self.merged:
                self.kept[person.pk] = "merged"
                continue
            self._restore_values(person, row.data)
            self._gather(person, row.data)
        self._spare_used_addresses()

    def _restore_values(self, person, data):
        """A field goes back where it still holds what the import wrote."""
        before = self.before.setdefault(person.pk, {})
        for name, old in data.get("was", {}).items():
            if before.get(name, getattr(person, name)) == data["set"][name]:
                before[name] = old
            else:
                self.values_kept += 1
        custom = before.get("custom", person.custom)
        for key, (old, new) in data.get("custom", {}).items():
            if custom.get(key) == new:
                custom = {k: v for k, v in custom.items() if k != key} | ({} if old is None else {key: old})
                before["custom"] = custom
            else:
                self.values_kept += 1
        if before:
            self.restored.add(person.pk)

    def _gather(self, person, data):
        at = datetime.fromisoformat(data["at"])
        self.addresses.update(data.get("addresses", ()))
        self.tags += [(person.pk, tag, at) for tag in data.get("tags", ())]
        if "external" in data:
            self.externals.append((person.pk, self.batch.layout or "file", data["external"]))
        if "organization" in data:
            self.members.append((person.pk, self._now(data["organization"]), at))
        if "faults" in data:
            self.faults.append((person.pk, at))
        if data.keys() - {"row", "at", "was", "set", "custom"}:
            self.restored.add(person.pk)

    def _now(self, organization):
        """The key today of an organization that a row named: it may have been merged into another one since."""
        if organization not in self.merged_organizations:
            self.merged_organizations[organization] = uniting.keys_now([organization])[0]
        return self.merged_organizations[organization]

    def _spare_used_addresses(self):
        """An address stays where its person said yes to it since, or something went to it or came from it."""
        held = list(Address.objects.filter(pk__in=self.addresses, person__in=self.people))
        used = Consent.objects.filter(address__in=held).exclude(state=Address.Consent.WITHDRAWN)
        used = used.exclude(source=Consent.Source.IMPORT, evidence__regex=self.evidence)
        spared = set(used.values_list("address", flat=True))
        if held:
            keys = {(address.person_id, address.value): address.pk for address in held}
            for model, name in relations(besides=LOOKED_AT | DERIVED):
                columns = {f.name for f in model._meta.get_fields() if f.concrete} & {"value", "number", "email"}
                for column in columns:
                    found = Q(**{f"{name}__in": self.people, f"{column}__in": [address.value for address in held]})
                    pairs = model._base_manager.filter(found).values_list(f"{name}_id", column)
                    spared.update(keys[pair] for pair in pairs if pair in keys)
        self.addresses = {address.pk for address in held} - spared
        self.addresses_kept = len(spared)

    def _consents(self):
        """The yeses that this import brought, on addresses that stay."""
        staying = self.people.keys() - self.removed - (self.came - self.kept.keys())
        lines = Consent.objects.filter(person__in=staying, address__consent=GRANTED, evidence__regex=self.evidence)
        opened = set(lines.filter(source=Consent.Source.IMPORT).values_list("address", flat=True)) - self.addresses
        last = Consent.objects.filter(address__in=opened).order_by("address", "-pk").distinct("address")
        ours = Consent.objects.filter(pk__in=last.values("pk"), source=Consent.Source.IMPORT)
        self.consents = set(ours.filter(evidence__regex=self.evidence).values_list("address", flat=True))

    # Do it

    def carry_out(self):
        evidence = f"{self.batch.name[:150]} · #{self.batch.pk}"
        consent.take_back_many(sorted(self.consents), evidence=evidence, by=self.batch.undone_by)
        self._carry_back()
        attended = Entry.objects.filter(kind=Entry.Kind.ATTENDANCE, link=self.link)
        attended.filter(person__in=self.people.keys() - self.came).delete()
        with connection.cursor() as cursor:
            gone = sorted(self.removed)
            for statement in REMOVE if gone else ():
                cursor.execute(statement, [gone])

    def _carry_back(self):
        changed = []
        for pk, before in self.before.items():
            if before:
                person = self.people[pk]
                values = [before.get(name, getattr(person, name)) for name in HELD]
                changed.append((pk, values, before.get("custom", person.custom)))
        update_people(self.batch, changed, timezone.now())
        with connection.cursor() as cursor:
            for statement, marks in ((UNTAG, self.tags), (UNNAME, self.externals), (UNJOIN, self.members)):
                if marks:
                    cursor.execute(statement, list(map(list, zip(*marks, strict=True))))
        self._remove_addresses()
        for pk, at in self.faults:
            Address.objects.filter(person=pk, fault_at=at).update(fault=Address.Fault.NONE, fault_at=None)

    def _remove_addresses(self):
        """They go, stops on them stay on the suppression list; the next of their channel becomes primary."""
        if not self.addresses:
            return
        gone = Address.objects.filter(pk__in=self.addresses)
        led = {(address.person_id, address.channel) for address in gone if address.primary}
        Consent.objects.filter(address__in=self.addresses).delete()
        gone.delete()
        for person, channel in sorted(led):
            following = Address.objects.filter(person=person, channel=channel).order_by("pk").first()
            if following:
                Address.objects.filter(pk=following.pk).update(primary=True)
