"""A partner's desk: reached by a link of our emails or by a code; bound to one person of one organization.

A token made from a page keeps the moment of the link that opened the page, so no link renews itself.
"""

import datetime
import secrets

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from coalition import notices, uniting
from coalition.models import Address, Installation, Invitation, LinkDevice, Representative
from coalition.models.organizations import new_nonce

from .links import Dated, issued_at, own_invitation, token_for, valid_for
from .refusals import ExpiredLink, RevokedLink, UnknownLink
from .telling import reachable

BY_LINK = "coalition.signing_on.desk"
BY_CODE = "coalition.signing_on.desk.code"
CODE_OPENS_FOR = datetime.timedelta(hours=8)


def desk_token(representative, issued=None, *, by_code=False):
    """The secret of a desk link, dated `issued` (now, when left out). With `by_code` it opens for some hours only."""
    signer = Dated(BY_CODE if by_code else BY_LINK, issued)
    return signer.sign(f"{representative.pk}.{representative.nonce}")


def is_by_code(token):
    """Whether the token was given for a code that came to the person's own address."""
    try:
        Dated(BY_CODE).unsign(token)
    except BadSignature:
        return False
    return True


def desk_link(representative, language, name="desk", *args, issued=None):
    """The absolute address of a page of somebody's desk in a language."""
    with override(language):
        return settings.PUBLIC_URL + reverse(name, args=[desk_token(representative, issued), *args])


def open_desk(token):
    """The representative whose desk a token opens. Raises UnknownLink, RevokedLink or ExpiredLink."""
    by_code = is_by_code(token)
    signer, expired = Dated(BY_CODE if by_code else BY_LINK), False
    try:
        value = signer.unsign(token, max_age=CODE_OPENS_FOR if by_code else valid_for())
    except SignatureExpired:
        value, expired = signer.unsign(token), True
    except BadSignature:
        raise UnknownLink from None
    pk, _dot, nonce = value.partition(".")
    representative = representatives().filter(pk=pk, nonce=nonce).first()
    if representative is None:
        raise RevokedLink
    representative = uniting.representative_now(representative)
    if representative.organization.is_binned or representative.person.binned_at:
        raise RevokedLink
    if expired:
        raise ExpiredLink(representative=representative, by_code=by_code)
    return representative


def representatives():
    return Representative.objects.select_related("organization", "person").prefetch_related("person__addresses")


def link_to_text(representative, token, round_):
    """The secret of the page of a text, made at an open desk, which dies with the desk; None where none was asked."""
    invitation = own_invitation(representative, round_)
    if invitation is None:
        return None
    issued = issued_at(token)
    if is_by_code(token):
        issued -= valid_for() - CODE_OPENS_FOR
    return token_for(invitation, issued)


def of_person(person):
    """The desks of somebody: a representative for each organization they speak for, in alphabetical order."""
    return list(
        representatives()
        .filter(person=person, organization__binned_at=None)
        .order_by("organization__alphabetical", "organization")
    )


def send_desk_link(representative):
    """A desk link to the address on record, at most one an hour. Returns the notice, None where no email arrives."""
    return _owe_link(representative, key=f"desk-link-{representative.pk}-{timezone.now():%Y%m%d%H}")


@transaction.atomic
def make_useless(representative):
    """Close every link this person holds for the organization, forget the strange devices, and send a new one.

    What was decided stands. Returns the representative with its new secret. Raises RevokedLink where they no longer
    speak for it.
    """
    if not Representative.objects.select_for_update(no_key=True).filter(pk=representative.pk):
        raise RevokedLink
    representative.nonce = new_nonce()
    Representative.objects.filter(pk=representative.pk).update(nonce=representative.nonce)
    merged = uniting.roles_before(representative)
    for role in merged:
        Representative.objects.filter(pk=role.pk).update(nonce=new_nonce())
    held = list(Invitation.objects.filter(representative__in=[representative, *merged], revoked_at=None))
    for invitation in held:
        invitation.nonce = secrets.token_urlsafe(16)
    Invitation.objects.bulk_update(held, ["nonce"])
    LinkDevice.objects.filter(representative=representative, trusted_at=None).delete()
    _owe_link(representative, key=f"desk-link-{representative.pk}-{representative.nonce}")
    return representative


def _owe_link(representative, *, key):
    person = representative.person
    address = reachable(person)
    if address is None:
        return None
    return notices.write(
        "desk_link",
        channel=Address.Channel.EMAIL,
        value=address.value,
        language=person.language,
        key=key,
        person=person,
        context={
            "organization": representative.organization.name_in(person.language),
            "link": desk_link(representative, person.language),
            "days": Installation.get().personal_link_days,
        },
    )
