"""Personal links: signed, expiring, revocable, bound to one person of one organization in one round."""

import datetime
import secrets

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner, b62_decode, b62_encode
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from coalition import timeline, uniting
from coalition.models import Entry, Installation, Invitation, Organization

from .refusals import ExpiredLink, RevokedLink, UnknownLink

SALT = "coalition.signing_on"
READ = _("%(organization)s opened “%(title)s”, version %(number)s (%(name)s)")


class Dated(TimestampSigner):
    """Signs for the moment `issued`, which need not be now: a link made from a page is no younger than the page's."""

    def __init__(self, salt, issued=None):
        super().__init__(salt=salt, sep=".")
        self.issued = issued

    def timestamp(self):
        return b62_encode(int((self.issued or timezone.now()).timestamp()))


def issued_at(token):
    """The moment a token of ours was made. Call it on a token that has opened: nothing is verified here."""
    return datetime.datetime.fromtimestamp(b62_decode(token.rsplit(".", 2)[-2]), datetime.UTC)


def valid_for():
    """How long a personal link opens."""
    return datetime.timedelta(days=Installation.get().personal_link_days)


def token_for(invitation, issued=None):
    """A personal link's secret, dated `issued` (now, when left out)."""
    return Dated(SALT, issued).sign(invitation.nonce)


def link(invitation, language):
    """The absolute address of somebody's personal page in a language."""
    with override(language):
        return settings.PUBLIC_URL + reverse("sign", args=[token_for(invitation)])


def open_link(token):
    """The invitation behind a personal link. Raises UnknownLink, RevokedLink or ExpiredLink."""
    signer, expired = Dated(SALT), False
    try:
        nonce = signer.unsign(token, max_age=valid_for())
    except SignatureExpired:
        nonce, expired = signer.unsign(token), True
    except BadSignature:
        raise UnknownLink from None
    invitation = invitations().filter(nonce=nonce).first()
    if invitation is None or invitation.revoked_at:
        raise RevokedLink
    invitation = standing_now(invitation)
    if invitation.revoked_at or not still_speaks(invitation):
        raise RevokedLink
    if expired:
        raise ExpiredLink(invitation)
    return invitation


def standing_now(invitation):
    """The invitation under which its holder answers today, as `invitations` reads it.

    Mostly the same. Where two records of an organization, or of its representative, became one and both were asked in
    a round, it is the one of who stayed; so every link that was sent goes on to work.
    """
    if still_speaks(invitation) or invitation.representative is None:
        return invitation
    held = uniting.representative_now(invitation.representative)
    if held != invitation.representative:
        return invitations().filter(round=invitation.round_id, representative=held).first() or invitation
    invitation.organization = uniting.current(invitation.organization)
    return invitation


def invitations():
    return Invitation.objects.select_related(
        "round__publication", "organization", "representative__person"
    ).prefetch_related("representative__person__addresses")


def still_speaks(invitation):
    representative = invitation.representative
    if representative is None or invitation.organization.is_binned:
        return False
    return representative.organization_id == invitation.organization_id and representative.person.binned_at is None


def still_asked(invitation):
    """One that has left the coalition may still withdraw by its link, and is asked nothing more."""
    return still_speaks(invitation) and invitation.organization.stage != Organization.Stage.LEFT


@transaction.atomic
def mark_seen(invitation, version=None):
    """The page was opened; the first time counts. `version`: what the person themselves read, so that the next time
    what changed since stands on top; each version that they read stands once on the timelines."""
    now, opened = timezone.now(), Invitation.objects.filter(pk=invitation.pk)
    opened.filter(seen_at=None).update(seen_at=now)
    if version is None:
        return
    # What was read is asked across a join, which an UPDATE that waited for another would not ask again.
    list(opened.select_for_update(no_key=True).values_list("pk"))
    unread = opened.filter(Q(seen_version=None) | Q(seen_version__number__lt=version.number))
    if not unread.update(seen_version=version):
        return
    person = invitation.representative.person
    said = {
        "organization": invitation.organization.name,
        "title": version.publication.title,
        "number": version.number,
        "name": person,
    }
    link = reverse("rounds:inspect", args=[invitation.round_id])
    Entry.objects.bulk_create(
        timeline.entry(whose, Entry.Kind.SIGNATURE, READ, said, link=link, at=now)
        for whose in (person, invitation.organization)
    )
    timeline.seen_alive([person.pk], at=now)


def own_invitation(representative, round_):
    """The invitation by which somebody reads and answers what their organization was asked; None where it was not.

    A colleague of who was asked gets one of their own, without being written to: the organization was asked already.
    """
    asked = invitations().filter(round=round_, organization=representative.organization_id)
    theirs = asked.filter(representative=representative).first()
    if theirs is not None:
        return theirs if theirs.revoked_at is None else None
    first = asked.filter(revoked_at=None).order_by("pk").first()
    if first is None:
        return None
    made, _new = Invitation.objects.get_or_create(
        round=round_,
        representative=representative,
        defaults={
            "organization": representative.organization,
            "version": first.version,
            "nonce": secrets.token_urlsafe(16),
            "invited_at": timezone.now(),
        },
    )
    return invitations().get(pk=made.pk)


def revoke(invitation):
    """Close a personal link for good; a decision made through it stands."""
    Invitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=timezone.now())
