"""Open a round, ask partners, change what a round says, close it."""

import secrets
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import languages
from coalition.models import Ask, Entry, Invitation, Notice, Organization, Publication, Round

from . import standing
from .choosing import plan
from .limits import Allowance
from .refusals import RoundClosed
from .reminding import hold_round, undecided
from .telling import ask, owe, told

ASKED = _("Asked to sign “%(title)s” for %(organization)s")
ASKED_AGAIN = _("Asked again about “%(title)s”: version %(number)s changes what it says")
HELD = _("Chosen to be asked about “%(title)s” for %(organization)s, once its limit of emails a month allows it")
LONGEST_BEFORE = 90  # days before a deadline
AT_ONCE = 200  # letters that are written while somebody waits; some five seconds


@transaction.atomic
def open_round(publication, *, deadline, zone, by, bill=None, **terms):
    """Start asking partners about the newest version. Raises ValidationError in words for the organizer, by field.

    `deadline`, and in `terms` `official_deadline`: aware moments, on the clock of `zone`. `terms`: fields of Round.
    `bill`: the bill or docket of the publication, where it changes.
    """
    publication = Publication.objects.select_for_update().get(pk=publication.pk)
    if publication.current_version is None:
        raise ValidationError(_("Freeze the text first: partners sign a frozen version."), code="not_frozen")
    if publication.rounds.filter(closed_at=None).exists():
        raise ValidationError(_("A round is already open for this publication. Close it first."), code="open")
    round_ = Round(publication=publication, deadline=deadline, zone=zone, opened_by=by, **terms)
    check(round_)
    round_.save()
    _name_bill(publication, bill)
    return round_


def check(round_, *, moved=True):
    """Raises ValidationError, by field, where what a round says does not fit together. `moved`: its deadline is new."""
    errors = {}
    if round_.zone not in available_timezones():
        errors["zone"] = ValidationError(_("Choose a time zone from the list."), code="zone")
    if moved and round_.deadline <= timezone.now():
        errors["deadline"] = ValidationError(_("Choose a time that is still to come."), code="past")
    elif round_.official_deadline and round_.deadline > round_.official_deadline:
        errors["deadline"] = ValidationError(
            _("Partners must answer before the official deadline. Choose an earlier day."), code="after_official"
        )
    if (round_.quiet_from is None) != (round_.quiet_until is None):
        empty = "quiet_from" if round_.quiet_from is None else "quiet_until"
        errors[empty] = ValidationError(_("Choose both days, or neither."), code="quiet")
    elif round_.quiet_from and round_.quiet_from > round_.quiet_until:
        errors["quiet_until"] = ValidationError(_("The last quiet day comes after the first."), code="quiet")
    if not set(round_.scopes) <= set(Organization.Scope.values):
        errors["scopes"] = ValidationError(_("Choose from the list."), code="scopes")
    if any(not isinstance(day, int) or not 0 <= day <= LONGEST_BEFORE for day in round_.reminder_days):
        errors["reminder_days"] = ValidationError(
            _("Enter whole days, from 0 to %(most)s, such as 7, 2."), code="days", params={"most": LONGEST_BEFORE}
        )
    if errors:
        raise ValidationError(errors)
    round_.reminder_days = sorted(set(round_.reminder_days), reverse=True)


def _name_bill(publication, bill):
    if bill is not None and bill.strip() != publication.bill:
        publication.bill = bill.strip()
        publication.save(update_fields=["bill"])


@dataclass
class Changed:
    """What a change of a round did: whether the deadline moved, who was told, and who had such a notice today."""

    moved: bool = False
    told: int = 0
    told_before: int = 0


@transaction.atomic
def change_round(round_, *, tell=True, by=None, bill=None, **terms):
    """Say something else about an open round; `terms` as in `open_round`. Raises RoundClosed or ValidationError.

    Where the deadline moves, those who owe an answer are told, at most once a day each, unless `tell` is off. It asks
    nothing of them, so it does not count against their limit. Answers that came in late stay late: they missed the
    deadline that was set then.
    """
    publication = Publication.objects.select_for_update(no_key=True).get(pk=round_.publication_id)
    held = hold_round(round_.pk)
    if held.closed_at:
        raise RoundClosed
    before = (held.deadline, held.zone)
    for name, value in terms.items():
        setattr(held, name, value)
    moved = (held.deadline, held.zone) != before
    check(held, moved=moved)
    held.save(update_fields=[*terms, "reminder_days"])
    _name_bill(publication, bill)
    changed = Changed(moved=moved)
    if moved and tell:
        _tell_of_deadline(held, before, changed, by=by)
    return changed


def _tell_of_deadline(round_, before, changed, *, by):
    version = round_.publication.current_version
    day = f"{languages.local(timezone.now(), round_.zone):%Y%m%d}"
    keys = {f"moved-{i.pk}-{day}": i for i in undecided(round_) if i.held_until is None}
    today = set(Notice.objects.filter(key__in=keys).values_list("key", flat=True))
    deadline, zone = before
    for key, invitation in keys.items():
        if key in today:
            changed.told_before += 1
        elif owe("deadline_moved", invitation, version, key=key, by=by, before=deadline, zone_before=zone):
            changed.told += 1


@dataclass
class Invited:
    """What became of a wish to invite."""

    asked: list = field(default_factory=list)  # invitations written to now
    queued: list = field(default_factory=list)  # invitations that `due` writes to next: too many for one moment
    held: list = field(default_factory=list)  # invitations that wait for a new month: their limit is used up
    signed: list = field(default_factory=list)  # decisions that a standing authorization gave at once
    answered: list = field(default_factory=list)  # invitations of those who signed this very text already
    outside: list = field(default_factory=list)  # representatives of organizations whose scope is not asked
    already: list = field(default_factory=list)  # representatives asked before
    unreachable: list = field(default_factory=list)  # representatives whom no email reaches


@transaction.atomic
def invite(round_, representatives, *, by=None, again=None, colleagues=None):
    """Ask these representatives, each by a personal link in their own language. Asking twice asks once.

    Whose organization used up its limit of asks has the text on its desk, and the email waits for the next month. One
    with a standing authorization signs at once, is told so, and can take it back. Of a long list the first AT_ONCE are
    written to now, the others by `due.remind_due`, within the hours of the coalition.
    `again`: {organization pk: its Decision on an earlier text, which a material amendment replaced}; where it is given,
    everybody is written to, whatever a limit or a scope says (G2).
    `colleagues`: {organization pk: the person who was asked for it before and did not answer}.
    """
    Publication.objects.steady(round_.publication_id)  # nobody is asked about a text that is being replaced
    round_ = hold_round(round_.pk)
    if round_.closed_at:
        raise RoundClosed
    version = round_.publication.current_version
    planned = plan(
        round_.publication,
        representatives,
        scopes=round_.scopes,
        already=dict(round_.invitations.values_list("representative", "organization")),
        allowance=Allowance.locked([each.organization_id for each in representatives]),
        again=bool(again),
    )
    result = Invited(outside=planned.outside, already=planned.already, unreachable=planned.unreachable)
    lines = []
    now, later = (planned.asked, []) if again else (planned.asked[:AT_ONCE], planned.asked[AT_ONCE:])
    for representative in now:
        invitation = _invitation(round_, representative, version)
        if again:
            ask_again(invitation, version, before=again.get(representative.organization_id), by=by)
        else:
            colleague = (colleagues or {}).get(representative.organization_id)
            key = f"invitation-{invitation.pk}"
            ask("invitation", Ask.Kind.INVITATION, invitation, version, key=key, by=by, colleague=colleague)
        lines += told(invitation, ASKED_AGAIN if again else ASKED, version, by=by)
        result.asked.append(invitation)
    today = timezone.localdate()
    result.queued += [_invitation(round_, each, version, held_until=today) for each in later]
    for representative, day in planned.held:
        invitation = _invitation(round_, representative, version, held_until=day)
        lines += told(invitation, HELD, version, by=by)
        result.held.append(invitation)
    for representative, authorization in planned.standing:
        result.signed.append(standing.sign(_invitation(round_, representative, version), authorization))
    result.answered += [_invitation(round_, representative, version) for representative in planned.answered]
    Entry.objects.bulk_create(lines)
    return result


def ask_again(invitation, version, *, before, by=None):
    """Owe the notice that the text says something new; `before`: their Decision on what it said, or None."""
    key = f"amended-{invitation.pk}-{version.number}"
    return ask("amended", Ask.Kind.AGAIN, invitation, version, key=key, by=by, decision=before)


def _invitation(round_, representative, version, held_until=None):
    return Invitation.objects.create(
        round=round_,
        organization=representative.organization,
        representative=representative,
        version=version,
        nonce=secrets.token_urlsafe(16),
        invited_at=timezone.now(),
        held_until=held_until,
    )


@transaction.atomic
def close_round(round_):
    """Take no more answers. Returns False where it was closed already."""
    Publication.objects.select_for_update().get(pk=round_.publication_id)  # an answer under way is recorded first
    return bool(Round.objects.filter(pk=round_.pk, closed_at=None).update(closed_at=timezone.now()))
