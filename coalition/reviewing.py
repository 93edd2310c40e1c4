"""Ask a colleague: somebody inside the partner reads the frozen text and recommends yes, no or changes.

The representative names them → a personal link goes by email → the colleague recommends → only the representative who
asked sees it. Organizers never do: nothing here writes to a timeline, the audit or a board. Of the email nothing is
kept once it has left, and colleagues are forgotten `FORGET_AFTER` the round.
"""

import datetime
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from coalition import addresses, consent, notices
from coalition.counting import versions_equivalent
from coalition.models import Address, Installation, Notice, Review
from coalition.signing_on.links import still_speaks
from coalition.signing_on.links import token_for as invitation_token
from coalition.signing_on.refusals import ExpiredLink, RevokedLink, Superseded, UnknownLink
from coalition.signing_on.telling import owe
from coalition.talking import hold

EMAIL = Address.Channel.EMAIL
DAY = datetime.timedelta(days=1)
A_DAY = 10  # colleagues that one partner asks in a day: nobody mails a crowd through us
TO_ONE = 2  # emails a day to one address, whoever asks
LONGEST = 5000  # characters of a message or a comment
FORGET_AFTER = datetime.timedelta(days=90)  # no setting: it is promised to the colleague in so many words
NOT_REACHED = (Notice.State.FAILED, Notice.State.BOUNCED)


# The link


def _signer():
    return TimestampSigner(salt="coalition.reviewing", sep=".")


def token_for(review):
    """A colleague's link's secret, dated now."""
    return _signer().sign(review.nonce)


def link(review):
    """The absolute address of a colleague's page, in their language."""
    with override(review.language):
        return settings.PUBLIC_URL + reverse("review", args=[token_for(review)])


def open_link(token):
    """The review behind a colleague's link. Raises UnknownLink, RevokedLink or ExpiredLink.

    It is valid as long as a representative's own, and closes with that one: what they ask in the name of a partner ends
    when they no longer speak for it.
    """
    signer, expired = _signer(), False
    try:
        nonce = signer.unsign(token, max_age=datetime.timedelta(days=Installation.get().personal_link_days))
    except SignatureExpired:
        nonce, expired = signer.unsign(token), True
    except BadSignature:
        raise UnknownLink from None
    review = _reviews().filter(nonce=nonce).first()
    if review is None or not _is_open(review):
        raise RevokedLink
    if expired:
        raise ExpiredLink(review.invitation)
    return review


def _reviews():
    return Review.objects.select_related(
        "version",
        "invitation__round__publication",
        "invitation__organization",
        "invitation__representative__person",
    )


def _is_open(review):
    return review.revoked_at is None and review.invitation.revoked_at is None and still_speaks(review.invitation)


# Asking


@transaction.atomic
def ask(invitation, *, name, email, language, note="", at=None):
    """Ask a colleague about the current text, by a link of their own in their language. Returns the review.

    Somebody who is asked about this text already is not asked twice. Raises RevokedLink, RoundClosed, or
    ValidationError in words for the representative.
    """
    publication, invitation = hold(invitation)
    name, note, at = " ".join(name.split())[:200], note.strip(), at or timezone.now()
    email = _address(email, invitation)
    if not name:
        raise ValidationError({"name": ValidationError(_("Enter the name of your colleague."), code="required")})
    if len(note) > LONGEST:
        raise ValidationError({"note": _too_long()})
    version = publication.current_version
    theirs = invitation.reviews.filter(email=email, revoked_at=None)
    if before := theirs.filter(version__in=versions_equivalent(version)).last():
        return before
    _within_limits(invitation, email, at)
    review = Review.objects.create(
        invitation=invitation,
        version=version,
        name=name,
        email=email,
        language=language,
        note=note,
        nonce=secrets.token_urlsafe(16),
        asked_at=at,
    )
    _write(review, version)
    return review


def _address(email, invitation):
    """The colleague's address in the form we keep it in. Raises ValidationError, also for one that wants no email."""
    try:
        email = addresses.normalise(EMAIL, email)
    except ValidationError as error:
        raise ValidationError({"email": error}) from None
    known = Address.objects.at(EMAIL, email)
    if known.filter(person=invitation.representative.person).exists():
        error = ValidationError(_("This is your own address. Enter the one of a colleague."), code="own")
        raise ValidationError({"email": error})
    if consent.is_suppressed(EMAIL, email) or known.exclude(fault="").exists():
        error = ValidationError(
            _("We cannot write to this address. Please ask your colleague yourself."), code="closed"
        )
        raise ValidationError({"email": error})
    return email


def _too_long():
    return ValidationError(_("Please use at most %(most)s characters."), code="max_length", params={"most": LONGEST})


def _within_limits(invitation, email, at):
    lately = Review.objects.filter(asked_at__gt=at - DAY)
    if lately.filter(invitation__organization=invitation.organization_id).count() >= A_DAY:
        raise ValidationError(_("Your organization has asked many colleagues today. Go on tomorrow."), code="too_many")
    if lately.filter(email=email).count() >= TO_ONE:
        error = ValidationError(_("This person was written to today. Try again tomorrow."), code="too_many")
        raise ValidationError({"email": error})


def _key(review):
    return f"review-{review.pk}-{review.asked_at:%Y%m%d%H%M%S}"


def _write(review, version):
    invitation = review.invitation
    text = version.text_in(review.language)
    notices.write(
        "review",
        channel=EMAIL,
        value=review.email,
        language=review.language,
        key=_key(review),
        context={
            "review": review,
            "asker": invitation.representative.person.name,
            "organization": invitation.organization.name_in(review.language),
            "round": invitation.round,
            "title": text.title,
            "version": version,
            "link": link(review),
            "days": FORGET_AFTER.days,
        },
    )


@transaction.atomic
def ask_again(review, *, at=None):
    """Ask a colleague anew: about the newest text where it changed materially, else by the same link once more.

    Returns the review that waits now. Raises as `ask` does; a second press within a day writes nothing more.
    """
    publication, invitation = hold(review.invitation)
    at, current = at or timezone.now(), publication.current_version
    review = _reviews().select_for_update(of=("self",)).get(pk=review.pk)
    if review.revoked_at or review.version not in versions_equivalent(current):
        return ask(invitation, name=review.name, email=review.email, language=review.language, note=review.note, at=at)
    if review.recommendation or review.asked_at > at - DAY:
        return review
    _address(review.email, invitation)
    _within_limits(invitation, review.email, at)
    review.asked_at = at
    Review.objects.filter(pk=review.pk).update(asked_at=at)
    _write(review, current)
    return review


@transaction.atomic
def revoke(review):
    """Close a colleague's link for good; an email that has not left stays here. Returns False where it was closed."""
    closed = Review.objects.filter(pk=review.pk, revoked_at=None).update(revoked_at=timezone.now())
    _notices_of([review.pk]).filter(state=Notice.State.QUEUED).update(state=Notice.State.FAILED, error="revoked")
    return bool(closed)


# Recommending


@transaction.atomic
def recommend(review, *, version, recommendation, comment="", at=None):
    """Keep what a colleague recommends on the version they read; their last word stands. Returns the review.

    Who was asked about an earlier text may recommend on the new one by the same link: what they said of the earlier one
    stays beside it. Raises RevokedLink, RoundClosed, Superseded (with the version to read) or ValidationError.
    """
    recommendation, comment = Review.Recommendation(recommendation), comment.strip()
    at = at or timezone.now()
    publication, invitation = hold(review.invitation)
    held = _reviews().select_for_update(of=("self",)).get(pk=review.pk)
    if held.revoked_at:
        raise RevokedLink
    current = publication.current_version
    if version.pk != current.pk:
        raise Superseded(current)
    if len(comment) > LONGEST:
        raise ValidationError({"comment": _too_long()})
    if recommendation == Review.Recommendation.CHANGES and not comment:
        error = ValidationError(_("Say which changes you would need."), code="required")
        raise ValidationError({"comment": error})
    held = _about(held, current)
    if (held.recommendation, held.comment) == (recommendation, comment):
        return held
    Review.objects.filter(pk=held.pk).update(
        version=current, recommendation=recommendation, comment=comment, answered_at=at
    )
    held.refresh_from_db()
    owe("recommended", invitation, current, key=f"recommended-{held.pk}-{current.number}", link=page(invitation))
    return held


def _about(review, current):
    """The colleague's row on the current text: this one, one that waits already, or a new one beside an old answer."""
    alike = versions_equivalent(current)
    if review.version in alike:
        return review
    newest = review.invitation.reviews.filter(email=review.email, version__in=alike, revoked_at=None).last()
    if newest or not review.recommendation:
        return newest or review
    return Review.objects.create(
        invitation=review.invitation,
        version=current,
        name=review.name,
        email=review.email,
        language=review.language,
        note=review.note,
        nonce=secrets.token_urlsafe(16),
        asked_at=review.asked_at,
    )


# Reading it


def page(invitation):
    """The absolute address of the page where a representative reads what colleagues recommend."""
    with override(invitation.representative.person.language):
        return settings.PUBLIC_URL + reverse("sign_colleagues", args=[invitation_token(invitation)])


def said(review, version):
    """The colleague's row with what they recommend on this text, or None while they owe it."""
    alike = versions_equivalent(version)
    if review.version not in alike:
        review = review.invitation.reviews.filter(email=review.email, version__in=alike, revoked_at=None).last()
    return review if review and review.recommendation else None


@dataclass
class Line:
    """A colleague as the representative sees them. `outdated`: what they said is about an earlier text."""

    review: Review
    outdated: bool
    reached: bool
    may_ask_again: bool

    @property
    def waits(self):
        return not self.review.recommendation and self.review.revoked_at is None


def lines(invitation, version, at=None):
    """Whom a representative asked and what they recommend, oldest first; a fixed number of queries.

    Once a colleague was asked anew, an earlier question that they never answered is no longer shown.
    """
    at, alike = at or timezone.now(), {each.pk for each in versions_equivalent(version)}
    reviews = list(invitation.reviews.select_related("version"))
    last = {review.email: review.pk for review in reviews}
    failed = set(
        _notices_of([review.pk for review in reviews]).filter(state__in=NOT_REACHED).values_list("key", flat=True)
    )
    found = []
    for review in reviews:
        newest = last[review.email] == review.pk
        if not (newest or review.recommendation):
            continue
        outdated = review.version_id not in alike
        closed = review.revoked_at is not None
        silent = not review.recommendation and review.asked_at <= at - DAY
        found.append(
            Line(
                review,
                outdated=outdated,
                reached=_key(review) not in failed,
                may_ask_again=newest
                and bool(review.email)  # one who was erased is asked nothing more
                and invitation.round.closed_at is None
                and (closed or outdated or silent),
            )
        )
    return found


# Forgetting


def _notices_of(reviews):
    """The emails to the colleagues of these reviews (their keys)."""
    about = Q(pk__in=[])
    for pk in reviews:
        about |= Q(key__startswith=f"review-{pk}-")
    return Notice.objects.filter(about, kind="review")


@transaction.atomic
def forget_old(now=None):
    """Forget colleagues `FORGET_AFTER` their round was closed, or its deadline where nobody closed it (rule P6).

    Returns how many questions to colleagues went, with all that was said.
    """
    before = (now or timezone.now()) - FORGET_AFTER
    over = Q(invitation__round__closed_at__lt=before) | Q(
        invitation__round__closed_at=None, invitation__round__deadline__lt=before
    )
    old = list(Review.objects.filter(over).values_list("pk", flat=True))
    _notices_of(old).delete()
    Review.objects.filter(pk__in=old).delete()
    return len(old)
