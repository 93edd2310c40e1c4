"""Open a round, ask partners, move its deadline, close it."""

import secrets
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition.models import Entry, Invitation, Organization, Publication, Representative, Round

from .refusals import RoundClosed
from .telling import owe, reachable, told

ASKED = _("Asked to sign “%(title)s” for %(organization)s")


@transaction.atomic
def open_round(publication, *, deadline, zone, by, addressee="", message=""):
    """Start asking partners about the newest version. Raises ValidationError in words for the organizer."""
    publication = Publication.objects.select_for_update().get(pk=publication.pk)
    if publication.current_version is None:
        raise ValidationError(_("Freeze the text first: partners sign a frozen version."), code="not_frozen")
    if publication.rounds.filter(closed_at=None).exists():
        raise ValidationError(_("A round is already open for this publication. Close it first."), code="open")
    check_deadline(deadline, zone)
    return Round.objects.create(
        publication=publication, deadline=deadline, zone=zone, addressee=addressee, message=message, opened_by=by
    )


def check_deadline(deadline, zone):
    if zone not in available_timezones():
        raise ValidationError({"zone": ValidationError(_("Choose a time zone from the list."), code="zone")})
    if deadline <= timezone.now():
        raise ValidationError({"deadline": ValidationError(_("Choose a time that is still to come."), code="past")})


@transaction.atomic
def move_deadline(round_, *, deadline, zone):
    """A new deadline for an open round. Answers that came in late stay late: they missed the time that was set then."""
    check_deadline(deadline, zone)
    moved = Round.objects.filter(pk=round_.pk, closed_at=None).update(deadline=deadline, zone=zone)
    if not moved:
        raise RoundClosed


@dataclass
class Invited:
    """What became of a wish to invite: asked now, asked before, and those whom no email reaches."""

    asked: list = field(default_factory=list)
    already: list = field(default_factory=list)
    unreachable: list = field(default_factory=list)


@transaction.atomic
def invite(round_, representatives, *, by=None):
    """Ask these representatives, each by a personal link in their own language. Asking twice asks once."""
    Publication.objects.steady(round_.publication_id)  # nobody is asked about a text that is being replaced
    round_ = Round.objects.select_for_update(of=("self",)).select_related("publication").get(pk=round_.pk)
    if round_.closed_at:
        raise RoundClosed
    version = round_.publication.current_version
    already = set(round_.invitations.values_list("representative_id", flat=True))
    result, lines = Invited(), []
    wanted = Representative.objects.filter(
        pk__in=[r.pk for r in representatives], person__binned_at=None, organization__binned_at=None
    ).exclude(organization__stage=Organization.Stage.LEFT)
    for representative in wanted.select_related("organization", "person").prefetch_related("person__addresses"):
        if representative.pk in already:
            result.already.append(representative)
        elif not reachable(representative.person):
            result.unreachable.append(representative)
        else:
            invitation = Invitation.objects.create(
                round=round_,
                organization=representative.organization,
                representative=representative,
                version=version,
                nonce=secrets.token_urlsafe(16),
                invited_at=timezone.now(),
            )
            owe("invitation", invitation, version, key=f"invitation-{invitation.pk}", by=by)
            lines += told(invitation, ASKED, version, by=by)
            result.asked.append(invitation)
    Entry.objects.bulk_create(lines)
    return result


@transaction.atomic
def close_round(round_):
    """Take no more answers. Returns False where it was closed already."""
    Publication.objects.select_for_update().get(pk=round_.publication_id)  # an answer under way is recorded first
    return bool(Round.objects.filter(pk=round_.pk, closed_at=None).update(closed_at=timezone.now()))
