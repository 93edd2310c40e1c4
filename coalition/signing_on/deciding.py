"""Decide: an answer is appended, names the version it was made on, and only the newest is live (rule G4)."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from coalition import audit, languages, papers, timeline
from coalition.counting import standing
from coalition.models import Decision, Entry, Logo, Organization, Publication

from .consequences import handed_over_with
from .links import invitations, standing_now, still_speaks
from .refusals import (
    AlreadyAnswered,
    MayNotSign,
    NothingToWithdraw,
    OutsideScope,
    RevokedLink,
    RoundClosed,
    Superseded,
)
from .telling import owe, told

Choice = Decision.Choice
ANY = object()
ANSWERED = {
    Choice.SIGN: _("%(organization)s signed “%(title)s”, version %(number)s (%(name)s)"),
    Choice.SUPPORT: _("%(organization)s supports “%(title)s”, version %(number)s, without being listed (%(name)s)"),
    Choice.ABSTAIN: _("%(organization)s abstained on “%(title)s”, version %(number)s (%(name)s)"),
    Choice.DECLINE: _("%(organization)s declined to sign “%(title)s”, version %(number)s (%(name)s)"),
    Choice.TIME: _("%(organization)s needs time to decide on “%(title)s”, version %(number)s (%(name)s)"),
    Choice.WITHDRAW: _("%(organization)s withdrew its answer on “%(title)s”, version %(number)s (%(name)s)"),
}
LATE = _("%(organization)s signed “%(title)s”, version %(number)s, after the deadline (%(name)s); staff decide")
ACCEPTED = _("The late signature of %(organization)s on “%(title)s” was accepted")
SET_ASIDE = _("The late signature of %(organization)s on “%(title)s” was not accepted")


def hold(invitation):
    """The invitation read afresh; its publication cannot change, and its organization's answers take turns (G4).

    Where the organization was merged into another one meanwhile, the turns of that one count.
    """
    publication, held = take_turn(invitation)
    if held.revoked_at or not still_speaks(held):
        raise RevokedLink
    if not held.representative.may_sign:
        raise MayNotSign
    return publication, held


def take_turn(invitation):
    """As `hold`, whoever the representative is: who may act is asked by the caller."""
    publication = Publication.objects.steady(invitation.round.publication_id)
    held, turn = invitation, None
    while held.organization_id != turn:
        turn = held.organization_id
        Organization.objects.select_for_update(no_key=True).get(pk=turn)
        held = standing_now(invitations().get(pk=invitation.pk))
    return publication, held


def attestation(invitation, version, language):
    """The words by which somebody attests that they may bind their organization to a version (G1), in a language."""
    with override(language):
        return _("I am authorized to sign “%(title)s”, version %(number)s, in the name of %(organization)s.") % {
            "title": version.text_in(language).title,
            "number": version.number,
            "organization": invitation.organization.name_in(language),
        }


def is_asked(invitation):
    """Whether the round asks organizations of this one's scope. Who answered before may always say something else."""
    scopes, publication = invitation.round.scopes, invitation.round.publication_id
    if not scopes or invitation.organization.scope in scopes:
        return True
    return Decision.objects.filter(publication=publication, organization=invitation.organization_id).exists()


def may_use_logo(organization):
    """Whether there is a logo whose use somebody allowed, and still allows (G6)."""
    return Logo.objects.usable().filter(organization=organization).exists()


@transaction.atomic
def decide(
    invitation,
    *,
    version,
    choice,
    signer_name,
    signer_title="",
    attested=False,
    attestation="",
    with_logo=False,
    until=None,
    language,
    reason="",
    reason_private=False,
    seen=ANY,
    at=None,
):
    """Record what an organization answers on the version its representative read. Returns the decision.

    `attestation`: the very words that were confirmed. `until`: with "time", the day by which they answer. `seen`: the
    primary key of the organization's answer that stood on the page, None for none; left out, it is not compared. The
    same answer given twice is recorded once. A signature after the deadline waits for staff (G3); any other answer
    counts at once, for it only ever takes a name off the list. Raises MayNotSign, RoundClosed, OutsideScope,
    Superseded, AlreadyAnswered, RevokedLink, or ValidationError where a name, the attested authority (G1) or a logo
    whose use is allowed (G6) is missing; then nothing is stored.
    """
    choice = Choice(choice)
    if choice == Choice.WITHDRAW:
        raise ValueError("Withdrawing has a verb of its own")
    publication, invitation = hold(invitation)
    if invitation.round.closed_at:
        raise RoundClosed
    if not is_asked(invitation):
        raise OutsideScope
    current = publication.current_version
    if version.pk != current.pk:
        raise Superseded(current)
    signer_name, signer_title, reason = signer_name.strip(), signer_title.strip(), reason.strip()
    errors = {}
    if not signer_name:
        errors["signer_name"] = ValidationError(_("Enter your name."), code="required")
    if choice == Choice.SIGN and not attested:
        errors["attested"] = ValidationError(
            _("To sign, confirm that you may sign for your organization."), code="attested"
        )
    at = at or timezone.now()
    if choice == Choice.TIME and not (until and languages.local(at, invitation.round.zone).date() < until):
        errors["until"] = ValidationError(_("Choose a day that is still to come."), code="until")
    if with_logo and choice == Choice.SIGN and not may_use_logo(invitation.organization):
        errors["choice"] = ValidationError(
            _("There is no logo of your organization that we may use. Sign without it, or add one first."), code="logo"
        )
    if errors:
        raise ValidationError(errors)
    said = {
        "version": current,
        "choice": choice,
        "signer": invitation.representative.person,
        "signer_name": signer_name[:200],
        "signer_title": signer_title[:200],
        "with_logo": with_logo and choice == Choice.SIGN,
        "until": until if choice == Choice.TIME else None,
        "reason": reason,
        "reason_private": reason_private and bool(reason),
    }
    before = standing(invitation)
    standing_answer = before.waiting or before.live
    if standing_answer and all(getattr(standing_answer, name) == value for name, value in said.items()):
        return standing_answer
    if seen is not ANY and standing_answer and standing_answer.pk != seen:
        raise AlreadyAnswered(standing_answer)
    late = at > invitation.round.deadline
    waits = late and choice == Choice.SIGN
    return append(
        invitation,
        text=LATE if waits else ANSWERED[choice],
        replaces=not waits,
        at=at,
        attested=choice == Choice.SIGN,
        attestation=attestation if choice == Choice.SIGN else "",
        language=language,
        late=late,
        **said,
    )


@transaction.atomic
def withdraw(invitation, *, language, at=None):
    """Take back what stands, at any time, also after the deadline and when the round is closed (G7)."""
    publication, invitation = hold(invitation)
    before = standing(invitation)
    if not before.can_withdraw:
        raise NothingToWithdraw
    taken_back = before.waiting or before.live
    person = invitation.representative.person
    return append(
        invitation,
        text=ANSWERED[Choice.WITHDRAW],
        replaces=True,
        at=at or timezone.now(),
        version=publication.current_version,
        choice=Choice.WITHDRAW,
        signer=person,
        signer_name=person.name,
        signer_title=taken_back.signer_title if taken_back.signer_id == person.pk else "",
        language=language,
    )


def append(invitation, *, text, replaces, at, version, signer_name, receipt="receipt", **said):
    """Append a decision; `replaces` makes it the live one. Owes the receipt and writes the timelines.

    `receipt` names the notice that is owed to the person of the invitation; empty where another verb tells them.
    """
    publication, organization = invitation.round.publication, invitation.organization
    if replaces:
        Decision.objects.live().filter(publication=publication, organization=organization).update(live=False)
    decision = Decision.objects.create(
        publication=publication,
        organization=organization,
        round=invitation.round,
        invitation=invitation,
        version=version,
        signer_name=signer_name,
        live=replaces,
        at=at,
        **said,
    )
    lines = told(invitation, text, version, by=decision.recorded_by, at=at, name=signer_name)
    Entry.objects.bulk_create(lines)
    if decision.via == Decision.Via.LINK:
        timeline.seen_alive([line.person_id for line in lines if line.person_id], at=at)
    did = {"organization": organization.pk, "choice": decision.choice, "version": version.number, "via": decision.via}
    audit.record(audit.Action.SIGN_ON, decision, details=did, by=decision.recorded_by)
    if receipt:
        handed_over = handed_over_with(publication, organization, before=decision)
        owe(
            receipt,
            invitation,
            version,
            key=f"receipt-{decision.pk}",
            decision=decision,
            handed_over=handed_over,
            attachments=[certificate_of(decision)],
        )
    return decision


def certificate_of(decision):
    """Its certificate, to travel with a notice: drawn when the notice leaves."""
    return {"name": papers.name_of(decision), "type": "application/pdf", "certificate": decision.pk}


@transaction.atomic
def accept(decision, *, by):
    """Staff let a late signature count (G3). Returns False where it no longer waits."""
    return _settle(decision, by=by, accepted=True)


@transaction.atomic
def set_aside(decision, *, by):
    """Staff leave a late signature out of the list; it stays in the record. Returns False where it no longer waits."""
    return _settle(decision, by=by, accepted=False)


def _settle(decision, *, by, accepted):
    Publication.objects.steady(decision.publication_id)
    Organization.objects.select_for_update(no_key=True).get(pk=decision.organization_id)
    decision = (
        Decision.objects.waiting()
        .filter(pk=decision.pk)
        .select_related("version__publication", "organization", "signer")
        .first()
    )
    if decision is None:
        return False
    if accepted:
        Decision.objects.live().filter(
            publication=decision.publication_id, organization=decision.organization_id
        ).update(live=False)
    Decision.objects.filter(pk=decision.pk).update(
        accepted=accepted, live=accepted, settled_by=by, settled_at=timezone.now()
    )
    said = {"organization": decision.organization.name, "title": decision.version.publication.title}
    link_ = reverse("rounds:inspect", args=[decision.round_id]) if decision.round_id else ""
    text = ACCEPTED if accepted else SET_ASIDE
    for whose in filter(None, (decision.signer, decision.organization)):
        timeline.note(whose, Entry.Kind.SIGNATURE, text, said, link=link_, by=by)
    audit.record(audit.Action.SIGN_ON, decision, details={"accepted": accepted}, by=by)
    if invitation := invitations().filter(pk=decision.invitation_id).first():
        owe(
            "late_answer",
            invitation,
            decision.version,
            key=f"late-{decision.pk}",
            by=by,
            decision=decision,
            accepted=accepted,
        )
    return True
