"""Who speaks for a partner, changed by the partner itself: asked, confirmed by one who may sign, told to the others.

What somebody who may sign asks for holds at once, and every other signatory is told and may object. What anybody else
asks for waits for a signatory or for staff. Staff settle objections, and whatever would leave nobody who may sign (G1).
"""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import audit, notices, organizations, signing_on, timeline
from coalition.models import Address, Entry, Organization, Representative, RoleChange, fold

What, State = RoleChange.What, RoleChange.State
ASKED = {
    What.ADD: _("%(asker)s asks that %(person)s speak for it"),
    What.CHANGE: _("%(asker)s asks to change how %(person)s speaks for it"),
    What.REMOVE: _("%(asker)s asks that %(person)s no longer speak for it"),
}
HOLDS = _("%(asker)s, who may sign, changed who speaks for it: %(person)s")
CONFIRMED = _("What %(asker)s asked about %(person)s was confirmed (%(name)s)")
REFUSED = _("What %(asker)s asked about %(person)s was refused (%(name)s)")
OBJECTS = _("%(asker)s objects to a change about %(person)s")


class LastSignatory(Exception):
    """Nobody who may sign would be left: name another first, or leave it to staff. Nothing was changed."""


class AlreadyAsked(Exception):
    """A change for this person waits already. Nothing was stored."""


class MayNotSettle(Exception):
    """This is for another signatory, or for staff, to say. Nothing was changed."""


class SettledAlready(Exception):
    """It was confirmed, refused or overtaken meanwhile."""


def speakers(organization):
    """Who speaks for it, in the order in which they are asked, with person and addresses."""
    held = Representative.objects.filter(organization=organization, person__binned_at=None)
    held = held.select_related("organization", "person").prefetch_related("person__addresses")
    return held.order_by("position", "pk")


def _hold(organization_id):
    """Changes of who speaks for an organization take turns."""
    return Organization.objects.select_for_update(no_key=True).get(pk=organization_id)


# Asking


@transaction.atomic
def propose(
    asker,
    what,
    *,
    representative=None,
    name="",
    email="",
    language="",
    role="",
    title=None,
    may_sign=False,
    note="",
    to_staff=False,
):
    """A representative asks for a change at the desk. Returns the RoleChange, confirmed where it holds at once.

    "add" needs `name`, `email`, `language`; "change" and "remove" name the `representative`. `to_staff`: leave it to
    staff where nobody who may sign would be left. Raises LastSignatory (not left to staff), AlreadyAsked,
    SettledAlready where one of them no longer speaks for it, or ValidationError where a person to add does already.
    """
    what = What(what)
    organization = _hold(asker.organization_id)
    if (asker := speakers(organization).filter(pk=asker.pk).first()) is None:
        raise SettledAlready
    change = RoleChange(organization=organization, what=what, asked_by=asker.person, note=_short(note))
    if what == What.ADD:
        change.name, change.email, change.language = name, email, language
        _refuse_double(change)
    else:
        _about(change, speakers(organization).filter(pk=representative.pk).first())
    if what != What.REMOVE:
        change.role, change.title, change.may_sign = role, title or "", may_sign
    alone = leaves_nobody(change)
    if asker.may_sign and alone and not to_staff:
        raise LastSignatory
    holds = asker.may_sign and not alone
    if holds:
        change.state, change.settled_by_person, change.settled_at = State.CONFIRMED, asker.person, timezone.now()
    change.save()
    _note(change, HOLDS if holds else ASKED[what])
    gone = _apply(change) if holds else []
    _tell_signatories(change, "holds" if holds else "asked", gone=gone)
    return change


def _short(note):
    return " ".join(note.split())[:300]


def _refuse_double(change):
    same = speakers(change.organization_id).filter(person__addresses__value=change.email)
    if same.filter(person__search=fold(change.name)).exists():
        raise ValidationError({"email": _("This person speaks for your organization already.")})


def _about(change, representative):
    """Let a change say whom it is about, and how they spoke until now."""
    if representative is None:
        raise SettledAlready
    if representative.role_changes.filter(state=State.WAITING).exists():
        raise AlreadyAsked
    person, address = representative.person, representative.person.primary_email
    change.representative = representative
    change.name, change.email, change.language = person.name, address.value if address else "", person.language
    change.role, change.title, change.may_sign = representative.role, representative.title, representative.may_sign
    change.before = {
        "role": representative.role,
        "title": getattr(representative.title, "data", representative.title) or "",
        "may_sign": representative.may_sign,
    }


def leaves_nobody(change):
    """Whether somebody may sign for the organization now, and nobody would once the change holds."""
    ends = change.what == What.REMOVE or (change.what == What.CHANGE and not change.may_sign)
    if not ends or change.representative_id is None:
        return False
    signing = set(speakers(change.organization_id).filter(may_sign=True).values_list("pk", flat=True))
    return signing == {change.representative_id}


@transaction.atomic
def object_to(change, objector, *, note=""):
    """Ask staff to undo a change that a signatory made at once. Returns the request, which is for staff to settle.

    Asked twice it is asked once. Raises MayNotSettle for who made the change, AlreadyAsked where another change waits
    for the same person, SettledAlready where there is nothing left to undo.
    """
    organization = _hold(change.organization_id)
    change = RoleChange.objects.select_related("representative__person").get(pk=change.pk)
    if objector.organization_id != change.organization_id or objector.person_id == change.asked_by_id:
        raise MayNotSettle
    if change.state != State.CONFIRMED or change.settled_by_id:
        raise SettledAlready
    if waiting := change.objections.filter(state=State.WAITING).first():
        return waiting
    back = {What.ADD: What.REMOVE, What.REMOVE: What.ADD}.get(change.what, What.CHANGE)
    request = RoleChange(
        organization=organization, what=back, asked_by=objector.person, undoes=change, note=_short(note)
    )
    if back == What.ADD:
        request.name, request.email, request.language = change.name, change.email, change.language
        _refuse_double(request)
    else:
        _about(request, change.representative)
    if back != What.REMOVE:
        was = change.before
        request.role, request.title, request.may_sign = was["role"], was["title"], was["may_sign"]
    request.save()
    _note(request, OBJECTS)
    return request


# Settling


def for_staff(change):
    """Whether only staff may settle it: an objection, a wish of a signatory, or what would leave nobody."""
    signing = speakers(change.organization_id).filter(may_sign=True, person=change.asked_by_id)
    return change.undoes_id is not None or leaves_nobody(change) or signing.exists()


def may_settle(change, representative):
    """Whether a representative may confirm or refuse what somebody else of the organization asked for."""
    of_theirs = representative.organization_id == change.organization_id and representative.may_sign
    return of_theirs and change.asked_by_id != representative.person_id and not for_staff(change)


def waiting(organization):
    """What waits for a signatory or for staff, the oldest first."""
    held = RoleChange.objects.filter(organization=organization, state=State.WAITING)
    return held.select_related("asked_by", "representative__person", "undoes__asked_by").order_by("asked_at", "pk")


def waiting_for(representative):
    """What this representative may settle now, the oldest first."""
    if not representative.may_sign:
        return []
    return [change for change in waiting(representative.organization_id) if may_settle(change, representative)]


@transaction.atomic
def confirm(change, *, representative=None, by=None):
    """Let a change hold, by a representative who may sign or by staff (`by`). Returns it as it is now.

    Raises SettledAlready, or MayNotSettle. Staff may also leave an organization without anybody who may sign: they ask
    it whom to name.
    """
    change = _held(change, representative)
    change.state = State.CONFIRMED
    _settle(change, representative, by)
    gone = _apply(change, by=by)
    _note(change, CONFIRMED, by=by)
    _tell_asker(change)
    _tell_signatories(change, "holds", but=representative, gone=gone)
    return change


@transaction.atomic
def refuse(change, *, representative=None, by=None):
    """Let nothing change. Returns it as it is now. Raises SettledAlready, or MayNotSettle."""
    change = _held(change, representative)
    change.state = State.REFUSED
    _settle(change, representative, by)
    change.save()
    _note(change, REFUSED, by=by)
    _tell_asker(change)
    return change


def _held(change, representative):
    _hold(change.organization_id)
    change = RoleChange.objects.select_related("organization", "asked_by", "representative__person").get(pk=change.pk)
    if change.state != State.WAITING:
        raise SettledAlready
    if representative:
        representative = speakers(change.organization_id).filter(pk=representative.pk).first()
        if representative is None or not may_settle(change, representative):
            raise MayNotSettle
    return change


def _settle(change, representative, by):
    change.settled_at, change.settled_by = timezone.now(), by
    change.settled_by_person = representative.person if representative else None


def _apply(change, *, by=None):
    """Do it. Returns the people who may no longer sign because of it."""
    organization, held = change.organization, change.representative
    gone = []
    if change.what == What.ADD:
        said = {"role": change.role, "title": change.title, "may_sign": change.may_sign}
        change.representative = organizations.add_representative(
            organization, name=change.name, email=change.email, language=change.language, by=by, **said
        )
        _welcome(change)
    elif held is None:
        raise SettledAlready
    elif change.what == What.CHANGE:
        gone = [held.person] if held.may_sign and not change.may_sign else []
        organizations.change_representative(held, role=change.role, title=change.title, may_sign=change.may_sign, by=by)
    else:
        gone = [held.person]
        change.representative = None
        change.save()  # it would go with the representative
        organizations.remove_representative(held, by=by)
    change.save()
    return gone


@transaction.atomic
def move(representative, *, up, by=None):
    """Let somebody be asked one place earlier or later. Returns False where they stand at that end already."""
    organization = _hold(representative.organization_id)
    order = list(speakers(organization))
    place = next((n for n, one in enumerate(order) if one.pk == representative.pk), None)
    other = None if place is None else place - 1 if up else place + 1
    if other is None or not 0 <= other < len(order):
        return False
    order[place], order[other] = order[other], order[place]
    for number, one in enumerate(order, start=1):
        one.position = number
    Representative.objects.bulk_update(order, ["position"])
    timeline.note(
        organization, Entry.Kind.EDIT, _("The order in which its representatives are asked was changed"), by=by
    )
    audit.record(audit.Action.EDIT, organization, details={"did": "changed", "fields": ["position"]}, by=by)
    return True


# Keeping a record, and telling


def _note(change, text, *, by=None):
    name = change.settled_by_person or by or ""
    said = {"asker": change.asked_by or "", "person": change.name, "name": name}
    timeline.note(change.organization, Entry.Kind.EDIT, text, said, by=by)
    details = {"what": change.what, "state": change.state, "source": "staff" if by else "self"}
    audit.record(audit.Action.EDIT, change, details=details, by=by)


def _welcome(change):
    """The person who speaks for it from now on is told so, with the way to the desk."""
    speaker = speakers(change.organization_id).get(pk=change.representative.pk)
    _write("speaks_now", change, speaker.person, key=f"speaks-{change.pk}", speaker=speaker, page="desk")


def _tell_signatories(change, event, *, but=None, gone=()):
    """Every other signatory, and who may no longer sign: with the page where they confirm, or object."""
    held = {speaker.person_id: speaker for speaker in speakers(change.organization_id)}
    told = {pk: speaker.person for pk, speaker in held.items() if speaker.may_sign}
    told |= {person.pk: person for person in gone}
    own = {change.asked_by_id, but.person_id if but else None}
    if change.what == What.ADD and change.representative:
        own.add(change.representative.person_id)  # has a welcome of their own
    settling = event == "asked" and for_staff(change)
    for pk, person in told.items():
        if pk not in own:
            _write(
                "role_change",
                change,
                person,
                key=f"role-{change.pk}-{event}-{pk}",
                speaker=held.get(pk),
                page="desk_role",
                event=event,
                for_staff=settling,
            )


def _tell_asker(change):
    asker = speakers(change.organization_id).filter(person=change.asked_by_id).first()
    if change.asked_by:
        key = f"role-{change.pk}-{change.state}-{change.asked_by_id}"
        _write("role_change", change, change.asked_by, key=key, speaker=asker, page="desk_role", event=change.state)


def _write(kind, change, person, *, key, speaker, page, **context):
    address = signing_on.reachable(person)
    if address is None:
        return
    args = [change.pk] if page == "desk_role" else []
    link = signing_on.desk_link(speaker, person.language, page, *args) if speaker else ""
    notices.write(
        kind,
        channel=Address.Channel.EMAIL,
        value=address.value,
        language=person.language,
        key=key,
        person=person,
        context={
            "change": change,
            "asker": change.asked_by,
            "organization": change.organization.name_in(person.language),
            "link": link,
            **context,
        },
    )
