"""The communities people say they belong to: self-declared, optional, sealed; a query finds them by keyed marks only.

Only the person, or staff with the permission who were told by the person, may enter them; nothing infers them.
"""

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from coalition import audit
from coalition.models import Constituency, Merge, Person, Sensitive
from coalition.models.sealing import marks_for, seal, unseal

PERMISSION = "coalition.view_sensitive"
MAY_CHANGE = "coalition.change_sensitive"
SHOWN_FROM = 10  # smaller counts could name somebody (rule Q1)


def may_see(user):
    """Whether sensitive details of people may be shown to this user."""
    return user.has_perm(PERMISSION) and user.has_perm("coalition.view_person")


def may_change(user):
    return user.has_perm(MAY_CHANGE) and may_see(user)


def offered(*, held=()):
    """The constituencies to choose from; a retired one only for who holds it."""
    return list(Constituency.objects.filter(Q(retired_at=None) | Q(slug__in=list(held))))


def of(person):
    """The constituencies a person said they belong to. Whoever shows them records that they were looked at."""
    slugs = slugs_of(Sensitive.objects.filter(person=person).first())
    return list(Constituency.objects.filter(slug__in=slugs)) if slugs else []


def slugs_of(sensitive):
    return list(sensitive.constituencies or []) if sensitive else []


@transaction.atomic
def declare(person, constituencies, *, source, by=None):
    """Keep what a person said of themselves; an empty list takes it back. Returns whether it changed.

    `constituencies`: rows or slugs; `source`: "self" on the person's own page, "told" where staff were told. The audit
    says that it changed and how, never to what.
    """
    if source not in ("self", "told"):
        raise ValueError("Only the person can say it: source is self or told")
    slugs = sorted({getattr(c, "slug", c) for c in constituencies})
    if Constituency.objects.filter(slug__in=slugs).count() != len(slugs):
        raise ValueError("A constituency is not known")
    Person.objects.select_for_update().only("pk").get(pk=person.pk)
    sensitive = Sensitive.objects.filter(person=person).first() or Sensitive(person=person)
    if sorted(slugs_of(sensitive)) == slugs:
        return False
    sensitive.constituencies = slugs
    sensitive.declared_at = timezone.now()
    sensitive.marks = marks_of(sensitive)
    sensitive.save()
    audit.record(
        audit.Action.SENSITIVE, person, details={"did": "changed", "what": "constituencies", "source": source}, by=by
    )
    return True


def note_look(person, *, by):
    """Staff looked at somebody's sensitive details: the audit says so."""
    return audit.record(audit.Action.SENSITIVE, person, details={"did": "looked"}, by=by)


# Marks


def marks_of(sensitive):
    """The marks of everything a row holds, under the first key; none where there is nothing."""
    texts = [f"constituency:{slug}" for slug in slugs_of(sensitive)]
    texts += [f"field:{key}" for key in (sensitive.custom or {})]
    return sorted(marks_for(text)[0] for text in texts)


def marked(texts):
    """A condition on Sensitive: a row that carries the mark of any of these texts, under any key."""
    found = Q(pk__in=[])
    for text in texts:
        for mark in marks_for(text):
            found |= Q(marks__contains=[mark])
    return found


def condition(constituencies):
    """A condition over people who said they belong to any of these. Only for those who `may_see`."""
    texts = [f"constituency:{getattr(c, 'slug', c)}" for c in constituencies]
    return Exists(Sensitive.objects.filter(marked(texts), person=OuterRef("pk")))


@transaction.atomic
def merge(kept, gone):
    """What both said moves to the record that stays: the union, each sealed field from the record that stays first."""
    rows = {row.person_id: row for row in Sensitive.objects.select_for_update().filter(person__in=[kept, gone])}
    if gone.pk not in rows:
        return None
    source, target = rows[gone.pk], rows.get(kept.pk) or Sensitive(person=kept)
    target.constituencies = sorted({*slugs_of(target), *slugs_of(source)})
    target.custom = {**(source.custom or {}), **(target.custom or {})}
    target.declared_at = max(filter(None, [target.declared_at, source.declared_at]), default=None)
    target.marks = marks_of(target)
    target.save()
    return target


def reseal_merges(*, after=0, size=500):
    """The same for what merges remember of sensitive details, so that they can be undone later."""
    with transaction.atomic():
        held = Merge.objects.select_for_update().filter(record__contains={"steps": [["sealed"]]}, pk__gt=after)
        rows = list(held.order_by("pk")[:size])
        for row in rows:
            for step in row.record["steps"]:
                if step[0] == "sealed":
                    step[2:] = [seal(unseal(sealed)) for sealed in step[2:]]
        Merge.objects.bulk_update(rows, ["record"], batch_size=100)
    return (rows[-1].pk, len(rows)) if rows else (None, 0)


def reseal(*, after=0, size=500):
    """Seal a chunk of rows anew under the first key, marks included: (last row, how many), (None, 0) at the end.

    Safe to run twice and while people work: each row is read and written under a lock.
    """
    with transaction.atomic():
        rows = list(Sensitive.objects.select_for_update().filter(pk__gt=after).order_by("pk")[:size])
        for row in rows:
            row.marks = marks_of(row)
        Sensitive.objects.bulk_update(rows, ["constituencies", "custom", "marks"], batch_size=100)
    return (rows[-1].pk, len(rows)) if rows else (None, 0)
