"""Make several records of one person one, and undo it whenever that turns out wrong.

Everything that hangs on the others moves to the record that stays, whatever app it belongs to. What cannot stand twice
(a delivery of the same message, the same tag) stays where it is, on a record that rests in the bin: nothing is deleted.
Each step stands in `Merge.record`, and an undo takes the steps back in reverse.
"""

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import audit, belonging, timeline
from coalition.comparing import AT_MOST, NAME, PLACE, Plan, links
from coalition.models import (
    Address,
    Consent,
    Entry,
    Lookalike,
    MatchKey,
    Merge,
    Person,
    Sensitive,
)
from coalition.models.sealing import seal
from coalition.moving import Moving, Refused, plain

EVIDENCE = "merge"
# Where a row stays behind because its twin stands already, these go on to the twin.
FOLLOWING = {
    "coalition.address": [("coalition.consent", "address")],
    "coalition.representative": [
        ("coalition.invitation", "representative"),
        ("coalition.linkdevice", "representative"),
        ("coalition.rolechange", "representative"),
    ],
}
# Of two words about one address the stricter counts: a stop above all, then the one that says more.
STRICTNESS = [Address.Consent.NONE, Address.Consent.ASKED, Address.Consent.GRANTED, Address.Consent.WITHDRAWN]


def current(person):
    """Who somebody is now: the person themselves, or whom their record was merged into."""
    while person.merged_into_id:
        person = person.merged_into
    return person


def address_now(address):
    """The same address with whom its record was merged into, so that an older personal link goes on to work."""
    if not address.person.merged_into_id:
        return address
    held = Address.objects.at(address.channel, address.value).filter(person=current(address.person))
    return held.select_related("person").first() or address


# Merge


@transaction.atomic
def merge(kept, others, *, choices=None, seen=None, by=None, automatic=False):
    """Make `others` part of `kept`. Returns the Merge; pressing twice returns the first one. Raises Refused.

    `choices`: {"name": pk of the person whose name stands, "email": pk of the address to use, "custom.x": …}; what is
    not chosen is as `Plan` proposes. `seen`: the `Plan.seen` that somebody confirmed.
    """
    pks = {kept.pk, *(other.pk for other in others)}
    if not 2 <= len(pks) <= AT_MOST:
        raise Refused(_("Choose two to %(most)d people.") % {"most": AT_MOST})
    people = {p.pk: p for p in Person.objects.select_for_update(of=("self",)).filter(pk__in=sorted(pks)).order_by("pk")}
    if len(people) != len(pks):
        raise Refused(_("One of them is no longer here."))
    if all(p.merged_into_id == kept.pk for pk, p in people.items() if pk != kept.pk):
        return Merge.objects.filter(kept=kept.pk, undone_at=None).first()
    if any(p.binned_at for p in people.values()):
        raise Refused(_("One of them was merged or put into the bin meanwhile."))
    plan = Plan(people.values(), keep=kept.pk, choices=choices)
    if seen is not None and seen != plan.seen:
        raise Refused(_("Something about them changed meanwhile. Look again, then merge."))
    work = _Work(plan, by=by)
    work.do()
    record = {"people": [p.pk for p in plan.others], "steps": work.steps, "left": work.left}
    done = Merge.objects.create(kept=plan.kept, record=record, by=by, automatic=automatic)
    _tell(done, plan, by)
    return done


def _tell(done, plan, by):
    link = page_of(done)
    number = len(plan.others)
    said = _("Merged with another record") if number == 1 else _("Merged with %(number)s other records")
    timeline.note(plan.kept, Entry.Kind.MERGE, said, {"number": number}, link=link, by=by)
    for person in plan.others:
        timeline.note(person, Entry.Kind.MERGE, _("Merged into another record"), link=link, by=by)
    audit.record(
        audit.Action.MERGE,
        plan.kept,
        details={"merge": done.pk, "people": [p.pk for p in plan.others], "automatic": done.automatic},
        by=by,
    )


def page_of(done):
    """The path of a merge's own page."""
    return reverse("duplicates:merged", args=[done.pk])


class _Work(Moving):
    """One merge of people. Its own steps: ["custom", pk, {key: [was, now]}], ["sealed", pk, was, now]."""

    following = FOLLOWING

    def __init__(self, plan, *, by):
        super().__init__()
        self.plan, self.kept, self.others, self.by = plan, plan.kept, plan.others, by
        self.now = timezone.now()

    def do(self):
        self._settle_details()
        self._settle_addresses()
        for model, field in links():
            if model is not Address:
                for other in self.others:
                    self.bring(model, field, other.pk, self.kept.pk)
        for other in self.others:
            self._unite_sealed(other)
        self._close()

    # What is decided field by field

    def _settle_details(self):
        values = {}
        for key, names in (("name", NAME), ("place", PLACE), ("language", ["language"]), ("time_zone", ["time_zone"])):
            if part := self.plan.part(key):
                chosen = part.values[part.chosen]
                values |= dict(zip(names, chosen if isinstance(chosen, tuple) else [chosen], strict=True))
        last = [p.last_active_at for p in self.plan.people if p.last_active_at]
        if last:
            values["last_active_at"] = max(last)
        if any(p.is_minor for p in self.plan.people):
            values["is_minor"] = True  # rule P2: whoever said so first
        values["created_at"] = min(p.created_at for p in self.plan.people)
        before = {name: getattr(self.kept, name) for name in values}
        held = dict(self.kept.custom or {})
        for part in self.plan.parts:
            if part.key.startswith("custom."):
                held[part.key.removeprefix("custom.")] = part.values[part.chosen]
        was = {key: (self.kept.custom or {}).get(key) for key in held}
        for name, value in values.items():
            setattr(self.kept, name, value)
        self.kept.custom = held
        self.kept.save()
        changed = {n: [plain(v), plain(values[n])] for n, v in before.items() if v != values[n]}
        if changed:
            self.steps.append(["set", "coalition.person", self.kept.pk, changed])
        if changed := {key: [was[key], held[key]] for key in held if was[key] != held[key]}:
            self.steps.append(["custom", self.kept.pk, changed])

    def _settle_addresses(self):
        field = Address._meta.get_field("person")
        own = {(a.channel, a.value): a for a in Address.objects.filter(person=self.kept)}
        stands = {address.pk: address for address in own.values()}
        for other in self.others:
            for address in Address.objects.filter(person=other).order_by("pk"):
                twin = own.get((address.channel, address.value))
                if twin:
                    self._unite_consent(twin, address)
                    stands[address.pk] = twin
                else:
                    self.set(address, primary=False)
                    own[address.channel, address.value] = stands[address.pk] = address
            self.bring(Address, field, other.pk, self.kept.pk)
        for channel in Address.Channel:
            part = self.plan.part(str(channel))
            if part:
                wanted = stands[part.chosen]
                for address in own.values():
                    if address.channel == channel and address.pk != wanted.pk:
                        self.set(address, primary=False)
                self.set(wanted, primary=True)

    def _unite_consent(self, kept, other):
        """Two records of one address: the stricter word counts, and a fault of one is a fault of both."""
        if other.fault and not kept.fault:
            self.set(kept, fault=other.fault, fault_at=other.fault_at)
        if STRICTNESS.index(other.consent) <= STRICTNESS.index(kept.consent):
            return
        said_yes = kept.consent == Address.Consent.GRANTED
        self.set(kept, consent=other.consent, consent_at=other.consent_at)
        if said_yes:  # a stop beats a later yes: the history says why
            line = Consent.objects.create(
                address=kept,
                person=self.kept,
                state=Address.Consent.WITHDRAWN,
                language=self.kept.language,
                source=Consent.Source.STAFF,
                evidence=EVIDENCE,
                by=self.by,
                at=self.now,
            )
            self.steps.append(["new", "coalition.consent", line.pk])

    def _unite_sealed(self, other):
        before = Sensitive.objects.filter(person=self.kept).first()
        was = sealed_state(before)
        after = belonging.merge(self.kept, other)
        if after is not None and (now := sealed_state(after)) != was:
            self.steps.append(["sealed", self.kept.pk, seal(was), seal(now)])

    def _close(self):
        gone = [other.pk for other in self.others]
        Person.objects.filter(pk__in=gone).update(
            binned_at=self.now, binned_by=self.by, merged_into=self.kept, updated_at=self.now
        )
        MatchKey.objects.filter(person__in=gone).delete()
        pks = [self.kept.pk, *gone]
        Lookalike.objects.filter(first__in=pks, second__in=pks, state=Lookalike.State.OPEN).update(
            state=Lookalike.State.MERGED, decided_at=self.now, decided_by=self.by
        )
        self._remember_who_is_not(gone)

    def _remember_who_is_not(self, gone):
        """Whoever was not the same as one of the others is not the same as who stays."""
        apart = Lookalike.objects.filter(
            Q(first__in=gone) | Q(second__in=gone), state=Lookalike.State.DIFFERENT
        ).exclude(Q(first=self.kept) | Q(second=self.kept))
        for pair in apart:
            third = pair.second_id if pair.first_id in gone else pair.first_id
            if third in gone:
                continue
            first, second = sorted([self.kept.pk, third])
            copy, new = Lookalike.objects.get_or_create(
                first_id=first,
                second_id=second,
                defaults={
                    "score": pair.score,
                    "reasons": pair.reasons,
                    "state": Lookalike.State.DIFFERENT,
                    "decided_at": pair.decided_at,
                    "decided_by": pair.decided_by,
                },
            )
            if new:
                self.steps.append(["new", "coalition.lookalike", copy.pk])
            else:
                self.set(copy, state=Lookalike.State.DIFFERENT)


def sealed_state(sensitive):
    """What a row of sealed details says, as JSON; None where there is none. It stands in a record only sealed."""
    if sensitive is None:
        return None
    return {
        "constituencies": sorted(sensitive.constituencies or []),
        "custom": sensitive.custom or {},
        "declared_at": plain(sensitive.declared_at),
    }
