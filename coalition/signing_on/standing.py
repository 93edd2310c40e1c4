"""Sign by a standing authorization: recorded at once, told at once, and taken back by one press.

It signs what nobody of the organization has answered yet, and never again: a material amendment asks a person (G2).
"""

import secrets

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import notices
from coalition.models import (
    Address,
    Decision,
    Invitation,
    Organization,
    Policy,
    Publication,
    Representative,
    StandingAuthorization,
)

from .authorizing import signatories
from .deciding import LATE, append, certificate_of, is_asked, may_use_logo, take_turn, withdraw
from .desk import desk_link
from .refusals import MayNotSign, NothingToWithdraw, NotInForce, OutsideScope, RevokedLink, RoundClosed, Superseded
from .telling import reachable

Choice = Decision.Choice
SIGNED = _("%(organization)s signed “%(title)s”, version %(number)s, by its standing authorization (%(name)s)")


def authorizations_for(organizations, publication, at=None):
    """{organization's key: the StandingAuthorization that covers this publication}, for those that have one.

    It names every topic of the publication, which has at least one; none of them is one the organization never signs;
    it is in force, who gave it may still sign, the organization has not left, and has not answered on this publication
    before. Six queries at most, however many organizations.
    """
    topics = set(publication.topics.values_list("pk", flat=True))
    if not topics:
        return {}
    wanted = [organization.pk for organization in organizations]
    held = StandingAuthorization.objects.in_force(at).filter(organization__in=wanted, organization__binned_at=None)
    held = held.exclude(organization__stage=Organization.Stage.LEFT).exclude(signer=None)
    covering = [
        authorization
        for authorization in held.select_related("organization", "signer").prefetch_related("topics")
        if topics <= {topic.pk for topic in authorization.topics.all()}
    ]
    if not covering:
        return {}
    asked = {authorization.organization_id for authorization in covering}
    never = Policy.never.through.objects.filter(policy__organization__in=asked, topic__in=topics)
    refused = set(never.values_list("policy__organization", flat=True))
    refused |= set(publication.decisions.filter(organization__in=asked).values_list("organization", flat=True))
    speaking = Representative.objects.filter(organization__in=asked, may_sign=True, person__binned_at=None)
    may_sign = set(speaking.values_list("organization", "person"))
    return {
        authorization.organization_id: authorization
        for authorization in sorted(covering, key=lambda one: (one.given_at, one.pk))  # the newest has the last word
        if (authorization.organization_id, authorization.signer_id) in may_sign
        and authorization.organization_id not in refused
    }


def authorization_for(organization, publication, at=None):
    """The standing authorization by which an organization signs this publication, or None."""
    return authorizations_for([organization], publication, at).get(organization.pk)


@transaction.atomic
def sign(invitation, authorization, *, at=None):
    """Record the signature that an authorization allows, and tell those who may sign. Returns the decision.

    Everything is read afresh under the same locks as any decision (G4). After the deadline it waits for staff like any
    signature (G3). Raises NotInForce where the authorization does not cover the publication (any more), RoundClosed,
    Superseded where another version is current, OutsideScope where the round does not ask it, or RevokedLink.
    """
    publication, invitation = take_turn(invitation)
    organization, round_ = invitation.organization, invitation.round
    if invitation.revoked_at or organization.is_binned:
        raise RevokedLink
    if round_.closed_at:
        raise RoundClosed
    if not is_asked(invitation):
        raise OutsideScope
    version = publication.current_version
    if invitation.version_id != version.pk:
        raise Superseded(version)
    at = at or timezone.now()
    held = authorization_for(organization, publication, at)
    if held is None or held.pk != authorization.pk:
        raise NotInForce
    version.publication = publication
    late = at > round_.deadline
    decision = append(
        invitation,
        text=LATE if late else SIGNED,
        replaces=not late,
        receipt="",
        at=at,
        version=version,
        choice=Choice.SIGN,
        signer=held.signer,
        signer_name=held.signer_name,
        signer_title=held.signer_title,
        attested=True,
        attestation=held.attestation,
        with_logo=held.with_logo and may_use_logo(organization),
        language=held.language,
        late=late,
        via=Decision.Via.STANDING,
        authorization=held,
    )
    _tell(decision, held)
    return decision


def _tell(decision, authorization):
    """To everybody who may sign, in their language: what was signed in their name, and how to take it back."""
    version = decision.version
    prefetch_related_objects([version], "texts")
    topics = list(authorization.topics.all())
    for speaker in signatories(decision.organization_id):
        person = speaker.person
        if (address := reachable(person)) is None:
            continue
        text = version.text_in(person.language)
        notices.write(
            "standing",
            channel=Address.Channel.EMAIL,
            value=address.value,
            language=person.language,
            key=f"standing-{decision.pk}-{person.pk}",
            person=person,
            attachments=[certificate_of(decision)],
            context={
                "decision": decision,
                "authorization": authorization,
                "topics": topics,
                "round": decision.round,
                "version": version,
                "text": text,
                "title": text.title,
                "summary": text.summary,
                "organization": speaker.organization.name_in(person.language),
                "own": authorization.signer_id == person.pk,
                "link": desk_link(speaker, person.language, "desk_standing", decision.pk),
            },
        )


def signed_by(authorization):
    """What it signed so far, the newest first: decisions with their publication, as they were recorded."""
    return (
        Decision.objects.filter(via=Decision.Via.STANDING, authorization=authorization)
        .select_related("publication", "version", "round")
        .order_by("-at", "-pk")
    )


def still_stand(decisions):
    """{decision's key: whether this very signature still stands, or still waits for staff}."""
    keys = [decision.pk for decision in decisions]
    live = Decision.objects.live().filter(pk__in=keys, choice=Choice.SIGN).values_list("pk", flat=True)
    stands = {*live, *Decision.objects.waiting().filter(pk__in=keys).values_list("pk", flat=True)}
    return {key: key in stands for key in keys}


@transaction.atomic
def take_back(decision, representative, *, language):
    """Withdraw a signature that an authorization gave, by anybody who may sign (G7). Returns the new decision.

    They need not have been asked themselves: the answer is theirs all the same. Raises MayNotSign, or
    NothingToWithdraw where it was taken back already.
    """
    Publication.objects.steady(decision.publication_id)
    Organization.objects.select_for_update(no_key=True).get(pk=decision.organization_id)
    signing = Representative.objects.filter(may_sign=True, organization=decision.organization_id)
    if not signing.filter(pk=representative.pk).exists():
        raise MayNotSign
    if not still_stand([decision])[decision.pk]:
        raise NothingToWithdraw
    invitation, _new = Invitation.objects.get_or_create(
        round_id=decision.round_id,
        representative=representative,
        defaults={
            "organization_id": decision.organization_id,
            "version_id": decision.version_id,
            "nonce": secrets.token_urlsafe(16),
            "invited_at": timezone.now(),
        },
    )
    if invitation.revoked_at:
        fresh = {"revoked_at": None, "nonce": secrets.token_urlsafe(16)}
        Invitation.objects.filter(pk=invitation.pk).update(**fresh)
    return withdraw(invitation, language=language)
