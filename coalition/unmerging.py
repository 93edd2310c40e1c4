"""Take a merge back: what moved goes home, row by row; what the merge wrote gives way to what stood there before.

What happened since stays with the record that was kept, and a detail that somebody changed since stays as it is.
"""

from collections import Counter
from dataclasses import dataclass
from functools import partial

from django.apps import apps
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import audit, belonging, comparing, consent, merging, moving, timeline
from coalition.models import Address, Consent, Entry, Lookalike, Merge, Person, Sensitive
from coalition.models.sealing import unseal
from coalition.moving import Refused


@dataclass
class Look:
    """What an undo would do, or why it cannot: `back` is [(label, rows)], the others are names of details."""

    back: list
    restored: list
    stay: list
    refusal: str = ""


def look(done):
    """Look at what an undo would do, without doing it."""
    try:
        kept, _others = _people(done)
    except Refused as refused:
        return Look([], [], [], str(refused))
    numbers = Counter()
    restored, stay = [], []
    for kind, *step in done.record["steps"]:
        if kind == "move":
            label, name, _source, target, pks = step
            model = apps.get_model(label)
            field = model._meta.get_field(name)
            numbers[label] += model._base_manager.filter(**{"pk__in": pks, field.attname: target}).count()
        elif kind == "swap":
            numbers[step[0]] += 1
        elif kind == "set" and step[0] == "coalition.person":
            for name, (_was, now) in step[2].items():
                if name not in ("created_at", "last_active_at"):
                    label = str(Person._meta.get_field(name).verbose_name)
                    (restored if moving.plain(getattr(kept, name)) == now else stay).append(label)
        elif kind == "custom":
            for key, (_was, now) in step[1].items():
                (restored if (kept.custom or {}).get(key) == now else stay).append(key)
    return Look(comparing.named(numbers), restored, stay)


def _people(done, *, lock=False):
    """(the record that was kept, the others), or Refused with the reason."""
    if done.undone_at:
        raise Refused(_("This merge is undone already."))
    pks = done.record.get("people")
    if not pks:
        raise Refused(_("What an undo needs was erased with one of these people, so the merge stays."))
    found = Person.objects.filter(pk__in=[done.kept_id, *pks]).order_by("pk")
    people = {person.pk: person for person in (found.select_for_update(of=("self",)) if lock else found)}
    if len(people) <= len(pks):
        raise Refused(_("One of these people was erased since. An erasure stands, so the merge cannot be undone."))
    kept, others = people[done.kept_id], [people[pk] for pk in pks]
    if kept.merged_into_id:
        raise Refused(_("This record was merged into another one since. Undo that merge first."))
    if kept.binned_at:
        raise Refused(_("This record is in the bin. Take it out first, then undo the merge."))
    if any(other.merged_into_id != kept.pk for other in others):
        raise Refused(_("One of the merged records came back on another way since."))
    return kept, others


@transaction.atomic
def undo(done, *, by=None):
    """Take a merge back. False where it is undone already, so a double press is harmless; raises Refused."""
    done = Merge.objects.select_for_update().get(pk=done.pk)
    if done.undone_at:
        return False
    kept, others = _people(done, lock=True)
    moving.take_back(done.record["steps"], _BACK)
    _settle(kept, others)
    Person.objects.filter(pk__in=[other.pk for other in others]).update(
        binned_at=None, binned_by=None, merged_into=None, updated_at=timezone.now()
    )
    kept = Person.objects.get(pk=kept.pk)
    kept.save()  # what is derived from the name follows it
    _keep_apart(kept, others, by)
    done.undone_at, done.undone_by = timezone.now(), by
    done.save(update_fields=["undone_at", "undone_by"])
    link = merging.page_of(done)
    for person in (kept, *others):
        timeline.note(person, Entry.Kind.MERGE, _("A merge was undone"), link=link, by=by)
    audit.record(audit.Action.UNDO, kept, details={"merge": done.pk, "people": [other.pk for other in others]}, by=by)
    return True


# One step back


def _set_back(label, pk, changed):
    stays = ()
    if label == "coalition.address" and "consent" in changed:
        address = Address.objects.filter(pk=pk).first()
        if address and consent.is_suppressed(address.channel, address.value):
            # They said stop since: a stop on what was closed already leaves no other mark (rule S4).
            stays = ("consent", "consent_at")
    moving.set_back(label, pk, changed, but=stays)


def _sealed_back(pk, was, now):
    row = Sensitive.objects.filter(person=pk).first()
    was, now = unseal(was), unseal(now)
    if row is None or merging.sealed_state(row) != now:
        return
    if was is None:
        row.delete()
        return
    row.constituencies, row.custom = was["constituencies"], was["custom"]
    row.declared_at = Sensitive._meta.get_field("declared_at").to_python(was["declared_at"])
    row.marks = belonging.marks_of(row)
    row.save()


# Beside those of `moving`.
_BACK = {"set": _set_back, "custom": partial(moving.custom_back, Person), "sealed": _sealed_back}


# What follows


def _settle(kept, others):
    """What was said since of an address goes with it, and everybody has one address to use of each channel."""
    for person in (kept, *others):
        held = list(Address.objects.filter(person=person).order_by("pk"))
        Consent.objects.filter(address__in=held).exclude(person=person).update(person=person)
        for channel in Address.Channel:
            of_it = [address for address in held if address.channel == channel]
            if of_it and not any(address.primary for address in of_it):
                Address.objects.filter(pk=of_it[0].pk).update(primary=True)


def _keep_apart(kept, others, by):
    """Who was told apart by hand is not asked about again, and no rule makes them one."""
    for other in others:
        first, second = sorted([kept.pk, other.pk])
        Lookalike.objects.update_or_create(
            first_id=first,
            second_id=second,
            defaults={"state": Lookalike.State.DIFFERENT, "decided_at": timezone.now(), "decided_by": by},
            create_defaults={
                "score": 0,
                "state": Lookalike.State.DIFFERENT,
                "decided_at": timezone.now(),
                "decided_by": by,
            },
        )
