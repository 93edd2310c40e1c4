"""A partner's desk: reached by a link of our emails or by a code; bound to one person of one organization.

A token made from a page keeps the moment of the link that opened the page, so no link renews itself.
"""

import datetime

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner, b62_decode, b62_encode
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from coalition.models import Installation, Representative

from .refusals import ExpiredLink, RevokedLink, UnknownLink

BY_LINK = "coalition.signing_on.desk"
BY_CODE = "coalition.signing_on.desk.code"
CODE_OPENS_FOR = datetime.timedelta(hours=8)


class _Dated(TimestampSigner):
    """Signs for the moment a link was made, which need not be now."""

    def __init__(self, salt, issued=None):
        super().__init__(salt=salt, sep=".")
        self.issued = issued

    def timestamp(self):
        return b62_encode(int((self.issued or timezone.now()).timestamp()))


def issued_at(token):
    """The moment a token of ours was made. Call it on a token that has opened: nothing is verified here."""
    return datetime.datetime.fromtimestamp(b62_decode(token.rsplit(".", 2)[-2]), datetime.UTC)


def desk_token(representative, issued=None, *, by_code=False):
    """The secret of a desk link, dated `issued` (now, when left out). With `by_code` it opens for some hours only."""
    signer = _Dated(BY_CODE if by_code else BY_LINK, issued)
    return signer.sign(f"{representative.pk}.{representative.nonce}")


def is_by_code(token):
    """Whether the token was given for a code that came to the person's own address."""
    try:
        _Dated(BY_CODE).unsign(token)
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
    signer, expired = _Dated(BY_CODE if by_code else BY_LINK), False
    valid_for = CODE_OPENS_FOR if by_code else datetime.timedelta(days=Installation.get().personal_link_days)
    try:
        value = signer.unsign(token, max_age=valid_for)
    except SignatureExpired:
        value, expired = signer.unsign(token), True
    except BadSignature:
        raise UnknownLink from None
    pk, _dot, nonce = value.partition(".")
    representative = representatives().filter(pk=pk, nonce=nonce).first()
    if representative is None or representative.organization.is_binned or representative.person.binned_at:
        raise RevokedLink
    if expired:
        raise ExpiredLink(representative=representative, by_code=by_code)
    return representative


def representatives():
    return Representative.objects.select_related("organization", "person").prefetch_related("person__addresses")
