"""Personal links: signed, expiring, revocable, bound to one person of one organization in one round."""

import datetime

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from coalition.models import Installation, Invitation, Organization

from .refusals import ExpiredLink, RevokedLink, UnknownLink


def _signer():
    return TimestampSigner(salt="coalition.signing_on", sep=".")


def token_for(invitation):
    """A personal link's secret, dated now."""
    return _signer().sign(invitation.nonce)


def link(invitation, language):
    """The absolute address of somebody's personal page in a language."""
    with override(language):
        return settings.PUBLIC_URL + reverse("sign", args=[token_for(invitation)])


def open_link(token):
    """The invitation behind a personal link. Raises UnknownLink, RevokedLink or ExpiredLink."""
    signer, expired = _signer(), False
    try:
        nonce = signer.unsign(token, max_age=datetime.timedelta(days=Installation.get().personal_link_days))
    except SignatureExpired:
        nonce, expired = signer.unsign(token), True
    except BadSignature:
        raise UnknownLink from None
    invitation = invitations().filter(nonce=nonce).first()
    if invitation is None or invitation.revoked_at or not still_speaks(invitation):
        raise RevokedLink
    if expired:
        raise ExpiredLink(invitation)
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


def mark_seen(invitation):
    """The page was opened; the first time counts."""
    Invitation.objects.filter(pk=invitation.pk, seen_at=None).update(seen_at=timezone.now())


def revoke(invitation):
    """Close a personal link for good; a decision made through it stands."""
    Invitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=timezone.now())
