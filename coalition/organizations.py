"""Organizations: who is in the coalition, where each partnership stands, who speaks for it, what was agreed on.

An organization is added, moves along the pipeline, and may go to the bin and come back; nothing of it is deleted.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rapidfuzz import fuzz

from coalition import audit, custom, languages, people, timeline
from coalition.models import (
    Agreement,
    Decision,
    Entry,
    Invitation,
    Membership,
    Organization,
    Representative,
    RoleChange,
    fold,
)

Stage = Organization.Stage
ALIKE = 86  # of 100: how near two names must be for us to ask whether they are one organization
DETAILS = [
    "name",
    "printed_name",
    "kind",
    "scope",
    "size",
    "street",
    "city",
    "state",
    "zip",
    "website",
    "email",
    "phone",
    "languages",
]
# What a partner may change at its own desk; its name, kind and scope decide where it stands, and are the staff's.
PARTNERS_OWN = ("printed_name", "website", "email", "phone", "street", "city", "state", "zip", "languages")


class MovedMeanwhile(Exception):
    """Somebody else moved it since the page was opened. Nothing was changed."""


# The organization itself


@transaction.atomic
def keep(organization, *, regions=None, constituencies=None, fields=None, by=None):
    """Add an organization, or keep what was changed about it. The timeline says which details changed, not how.

    `fields` are cleaned values of the coalition's own fields, by key (see `coalition.custom`).
    """
    before = Organization.objects.select_for_update().filter(pk=organization.pk).first() if organization.pk else None
    stage = organization.stage
    if before:
        # A new stage is a move, with a line of its own.
        organization.stage, organization.stage_at = before.stage, before.stage_at
    organization.save()
    changed = [] if before is None else [f for f in DETAILS if getattr(before, f) != getattr(organization, f)]
    for name, chosen in (("regions", regions), ("constituencies", constituencies)):
        if chosen is not None:
            held = getattr(organization, name)
            changed += [name] if {row.pk for row in chosen} != set(held.values_list("pk", flat=True)) else []
            held.set(chosen)
    labels = [Organization._meta.get_field(name).verbose_name for name in changed]
    labels += [field.label for field in custom.keep(organization, fields or {})]
    if before is None:
        timeline.note(organization, Entry.Kind.JOINED, _("Added to the coalition's organizations"), by=by)
        return organization
    if labels:
        said = {"fields": timeline.Listed(labels)}
        timeline.note(organization, Entry.Kind.EDIT, _("Changed: %(fields)s"), said, by=by)
    if stage != before.stage:
        move(organization, stage, by=by)
    return organization


@transaction.atomic
def change_at_desk(organization, values, *, person):
    """Keep what somebody of the organization changed at its own desk. Returns the names of what changed.

    `values`: {detail: value}; only details of PARTNERS_OWN are taken, and only those that differ are written. The name
    as it is printed stands under every text it signs: it is taken from those who may sign, and from nobody else.
    """
    held = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    theirs = set(PARTNERS_OWN)
    if not held.representatives.filter(person=person, may_sign=True).exists():
        theirs.discard("printed_name")
    changed = [
        name for name in PARTNERS_OWN if name in values and name in theirs and getattr(held, name) != values[name]
    ]
    if not changed:
        return []
    for name in changed:
        setattr(held, name, values[name])
    held.save(update_fields=changed)
    labels = [Organization._meta.get_field(name).verbose_name for name in changed]
    said = {"person": person, "fields": timeline.Listed(labels)}
    timeline.note(held, Entry.Kind.EDIT, _("%(person)s changed at the desk: %(fields)s"), said)
    audit.record(audit.Action.EDIT, held, details={"fields": changed, "source": "self"})
    return changed


def neighbours(organization, names, *, each_side=2):
    """Between whom it stands in the alphabetical list of each language (L3): {language: ([before], [after])}.

    `names`: {language: its printed name}. Among the organizations that signed something and are listed by name; nobody
    else is told of.
    """
    listed = Decision.objects.live().filter(choice=Decision.Choice.SIGN, organization__binned_at=None)
    others = Organization.objects.filter(pk__in=listed.values("organization")).exclude(pk=organization.pk)
    others, found = list(others.only("name", "printed_name")), {}
    for language, name in names.items():
        around = sorted({other.name_in(language) for other in others}, key=languages.sort_key)
        place = bisect_left([languages.sort_key(other) for other in around], languages.sort_key(name))
        found[language] = around[max(place - each_side, 0) : place], around[place : place + each_side]
    return found


def alike(name, *, but=None):
    """Organizations whose names are nearly this one, the nearest first, at most three. `but` is not compared."""
    wanted = languages.sort_key(name)
    if not wanted:
        return []
    found = []
    for pk, key in Organization.objects.exclude(pk=but).order_by().values_list("pk", "alphabetical"):
        score = max(fuzz.ratio(wanted, key), fuzz.token_sort_ratio(wanted, key))
        # "Teachers United" and "Teachers United of Lowell": all the words of one stand in the other.
        if min(len(wanted.split()), len(key.split())) > 1 and set(wanted.split()) <= set(key.split()):
            score = max(score, ALIKE)
        if score >= ALIKE:
            found.append((-score, key, pk))
    nearest = [pk for _score, _key, pk in sorted(found)[:3]]
    return sorted(Organization.objects.filter(pk__in=nearest), key=lambda o: nearest.index(o.pk))


def of_name(name, *, but=None):
    """The organization that has this name already, accents and case aside; or None."""
    return Organization.objects.filter(search=fold(name)[:200]).exclude(pk=but).first()


@transaction.atomic
def discard(organization, *, by=None, why=""):
    """Put it into the bin: in no list, in no new round; what it signed stands. False where it is there already."""
    if not Organization.objects.present().filter(pk=organization.pk).update(binned_at=timezone.now()):
        return False
    timeline.note(organization, Entry.Kind.EDIT, _("Moved to the bin"), by=by)
    audit.record(audit.Action.BIN, organization, by=by, why=why)
    return True


@transaction.atomic
def restore(organization, *, by=None):
    """Take it out of the bin, as it was. False where it is not in there, or part of another one since a merge: that
    is undone instead."""
    held = Organization.objects.filter(pk=organization.pk, merged_into=None).exclude(binned_at=None)
    if not held.update(binned_at=None):
        return False
    timeline.note(organization, Entry.Kind.EDIT, _("Taken out of the bin"), by=by)
    audit.record(audit.Action.RESTORE, organization, by=by)
    return True


# The pipeline


@dataclass
class Move:
    """Where it was, since when, and where it is now: what an undo needs."""

    before: Stage
    since: datetime
    after: Stage


@transaction.atomic
def move(organization, stage, *, expected=None, at=None, by=None):
    """Say where the partnership stands now. Returns the Move, None where it stands there already.

    Raises MovedMeanwhile where it is no longer at the stage that the page showed. An undo says `at`, the day it had.
    """
    held = Organization.objects.select_for_update().get(pk=organization.pk)
    if held.stage == stage:
        return None
    if expected and held.stage != expected:
        raise MovedMeanwhile
    moved = Move(Stage(held.stage), held.since, Stage(stage))
    organization.stage, organization.stage_at = stage, at or timezone.now()
    organization.save(update_fields=["stage", "stage_at"])
    said = {"before": moved.before.label, "after": moved.after.label}
    timeline.note(organization, Entry.Kind.EDIT, _("Partnership: from “%(before)s” to “%(after)s”"), said, by=by)
    return moved


def needs_a_yes(organization, stage):
    """Whether this move has consequences that somebody should have read: a partner leaves."""
    return organization.stage == Stage.PARTNER and stage == Stage.LEFT


def on_leaving(organization):
    """What its leaving touches, in numbers: rounds it was asked in, signatures that stand, agreements that run."""
    today = timezone.localdate()
    answered = organization.decisions.live().values("publication")
    return {
        "asked": Invitation.objects.filter(organization=organization, revoked_at=None, round__closed_at=None)
        .exclude(round__publication__in=answered)
        .values("round")
        .distinct()
        .count(),
        "signed": organization.decisions.live().filter(choice=Decision.Choice.SIGN).count(),
        "agreements": organization.agreements.filter(Q(ends_on=None) | Q(ends_on__gte=today)).count(),
        "logo": hasattr(organization, "logo"),
    }


# Who speaks for it


@transaction.atomic
def add_representative(organization, *, name, email, language, role, title, may_sign, by=None):
    """Let a person speak for an organization; found by name and email, else added. One person has one role."""
    person = people.recognise(name=name, email=email, language=language, source=organization.name, by=by)
    said = {"role": role, "title": title, "may_sign": may_sign}
    last = organization.representatives.aggregate(last=Max("position"))["last"]
    representative, added = Representative.objects.update_or_create(
        organization=organization,
        person=person,
        defaults=said,
        create_defaults=said | {"position": 0 if last is None else last + 1},  # asked after the others
    )
    if added:
        said = {"person": person, "organization": organization}
        timeline.note(organization, Entry.Kind.EDIT, _("%(person)s now speaks for it"), said, by=by)
        timeline.note(person, Entry.Kind.EDIT, _("Now speaks for %(organization)s"), said, by=by)
    return representative


@transaction.atomic
def change_representative(representative, *, role, title, may_sign, by=None):
    """Correct how somebody speaks for it. Whether they may sign is said on the timeline: it binds the organization."""
    representative = Representative.objects.select_for_update().get(pk=representative.pk)
    could, can = representative.may_sign, may_sign
    representative.role, representative.title, representative.may_sign = role, title, may_sign
    representative.save()
    if could != can:
        text = _("%(person)s may sign for it now") if can else _("%(person)s may no longer sign for it")
        timeline.note(representative.organization, Entry.Kind.EDIT, text, {"person": representative.person}, by=by)
    return representative


@transaction.atomic
def remove_representative(representative, *, by=None):
    """They no longer speak for it. What they signed stands: a decision keeps its signer's name and title."""
    organization, person = representative.organization, representative.person
    # The person first, then their invitations: as they themselves take turns when they close their links.
    Representative.objects.select_for_update().filter(pk=representative.pk).first()
    representative.invitations.filter(revoked_at=None).update(revoked_at=timezone.now())
    representative.role_changes.exclude(state=RoleChange.State.WAITING).update(representative=None)  # they stay told
    representative.delete()
    said = {"person": person, "organization": organization}
    timeline.note(organization, Entry.Kind.EDIT, _("%(person)s no longer speaks for it"), said, by=by)
    timeline.note(person, Entry.Kind.EDIT, _("No longer speaks for %(organization)s"), said, by=by)


# Who belongs to it


@transaction.atomic
def add_member(organization, person, *, role="", by=None):
    """Say that a person belongs to it. Twice is once; a role said later is kept."""
    membership, added = Membership.objects.get_or_create(
        organization=organization, person=person, defaults={"role": role}
    )
    if added:
        timeline.note(person, Entry.Kind.EDIT, _("Belongs to %(organization)s"), {"organization": organization}, by=by)
        timeline.note(organization, Entry.Kind.EDIT, _("%(person)s belongs to it"), {"person": person}, by=by)
    elif role and membership.role != role:
        membership.role = role
        membership.save(update_fields=["role"])
    return membership


@transaction.atomic
def remove_member(membership, *, by=None):
    organization, person = membership.organization, membership.person
    membership.delete()
    said = {"person": person, "organization": organization}
    timeline.note(person, Entry.Kind.EDIT, _("No longer belongs to %(organization)s"), said, by=by)
    timeline.note(organization, Entry.Kind.EDIT, _("%(person)s no longer belongs to it"), said, by=by)


# What was agreed on


@transaction.atomic
def keep_agreement(agreement, *, by=None):
    """Add an agreement, or keep what was changed about it. A file that was replaced is deleted."""
    before = Agreement.objects.select_for_update().filter(pk=agreement.pk).first() if agreement.pk else None
    if before is None:
        agreement.created_by = by
    agreement.save()
    if before and before.file and before.file.name != agreement.file.name:
        delete_later(before.file)
    text = _("Agreement changed: %(title)s") if before else _("Agreement added: %(title)s")
    timeline.note(agreement.organization, Entry.Kind.EDIT, text, {"title": agreement.title}, by=by)
    return agreement


@transaction.atomic
def remove_agreement(agreement, *, by=None):
    organization = agreement.organization
    if agreement.file:
        delete_later(agreement.file)
    agreement.delete()
    timeline.note(organization, Entry.Kind.EDIT, _("Agreement removed: %(title)s"), {"title": agreement.title}, by=by)


def delete_later(file):
    """Delete a stored file once the transaction that lets it go has been committed."""
    name, storage = file.name, file.storage
    transaction.on_commit(lambda: storage.delete(name))
