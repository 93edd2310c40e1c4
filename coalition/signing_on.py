"""Sign on: a round asks partners by personal links; each reads one frozen version and decides.

A decision is appended, names the version it was made on, and only the newest of an organization is live (rule G4).
Verbs write the notices they owe; the doors send them.
"""

import datetime
import secrets
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from coalition import languages, notices, timeline
from coalition.counting import Standing, standing, standings
from coalition.models import (
    Address,
    Decision,
    Entry,
    Installation,
    Invitation,
    Notice,
    Organization,
    Publication,
    Representative,
    Round,
)

Choice = Decision.Choice

ASKED = _("Asked to sign “%(title)s” for %(organization)s")
ASKED_AGAIN = _("Asked again about “%(title)s”: version %(number)s changes what it says")
TOLD = _("Told of a small correction to “%(title)s”: version %(number)s")
ANSWERED = {
    Choice.SIGN: _("%(organization)s signed “%(title)s”, version %(number)s (%(name)s)"),
    Choice.SUPPORT: _("%(organization)s supports “%(title)s”, version %(number)s, without being listed (%(name)s)"),
    Choice.ABSTAIN: _("%(organization)s abstained on “%(title)s”, version %(number)s (%(name)s)"),
    Choice.DECLINE: _("%(organization)s declined to sign “%(title)s”, version %(number)s (%(name)s)"),
    Choice.WITHDRAW: _("%(organization)s withdrew its answer on “%(title)s”, version %(number)s (%(name)s)"),
}
LATE = _("%(organization)s signed “%(title)s”, version %(number)s, after the deadline (%(name)s); staff decide")
ACCEPTED = _("The late signature of %(organization)s on “%(title)s” was accepted")
SET_ASIDE = _("The late signature of %(organization)s on “%(title)s” was not accepted")


class LinkError(Exception):
    """A personal link that opens nothing."""


class UnknownLink(LinkError):
    """Altered, cut short, or never ours."""


class RevokedLink(LinkError):
    """Ours once; withdrawn, replaced, or its person no longer speaks for the organization."""


class ExpiredLink(LinkError):
    """Ours, and too old. `invitation` is whose it was, so that a new link can go to the address on record."""

    def __init__(self, invitation):
        super().__init__()
        self.invitation = invitation


class MayNotSign(Exception):
    """This person reads, and somebody else decides (rule G1)."""


class RoundClosed(Exception):
    """Answers are no longer taken; what stands can still be withdrawn."""


class Superseded(Exception):
    """The text was amended while the page was open. `version` is the one to read; nothing was stored."""

    def __init__(self, version):
        super().__init__()
        self.version = version


class NothingToWithdraw(Exception):
    """No answer stands that could be taken back."""


# Asking


@transaction.atomic
def open_round(publication, *, deadline, zone, by, addressee="", message=""):
    """Start asking partners about the newest version. Raises ValidationError in words for the organizer."""
    publication = Publication.objects.select_for_update().get(pk=publication.pk)
    if publication.current_version is None:
        raise ValidationError(_("Freeze the text first: partners sign a frozen version."), code="not_frozen")
    if publication.rounds.filter(closed_at=None).exists():
        raise ValidationError(_("A round is already open for this publication. Close it first."), code="open")
    _check_deadline(deadline, zone)
    return Round.objects.create(
        publication=publication, deadline=deadline, zone=zone, addressee=addressee, message=message, opened_by=by
    )


def _check_deadline(deadline, zone):
    if zone not in available_timezones():
        raise ValidationError({"zone": ValidationError(_("Choose a time zone from the list."), code="zone")})
    if deadline <= timezone.now():
        raise ValidationError({"deadline": ValidationError(_("Choose a time that is still to come."), code="past")})


@transaction.atomic
def move_deadline(round_, *, deadline, zone):
    """A new deadline for an open round. Answers that came in late stay late: they missed the time that was set then."""
    _check_deadline(deadline, zone)
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
            _owe("invitation", invitation, version, key=f"invitation-{invitation.pk}", by=by)
            lines += _lines(invitation, ASKED, version, by=by)
            result.asked.append(invitation)
    Entry.objects.bulk_create(lines)
    return result


def reachable(person):
    """The email address a notice can go to, or None."""
    address = person.primary_email
    return address if address and not address.fault else None


def _lines(invitation, text, version, *, by=None, at=None, **values):
    """The same line for the timelines of the person and of the organization."""
    said = {
        "title": version.publication.title,
        "organization": invitation.organization.name,
        "number": version.number,
        "name": invitation.representative.person,
        **values,
    }
    link = reverse("rounds:inspect", args=[invitation.round_id])
    return [
        timeline.entry(whose, Entry.Kind.SIGNATURE, text, said, link=link, by=by, at=at)
        for whose in (invitation.representative.person, invitation.organization)
    ]


def _owe(kind, invitation, version, *, key, by=None, **context):
    """Write a notice to the person of an invitation, in their language; None where no email reaches them."""
    person = invitation.representative.person
    address = reachable(person)
    if address is None:
        return None
    prefetch_related_objects([version], "texts")  # once for a whole round of invitations
    text = version.text_in(person.language)
    return notices.write(
        kind,
        channel=Address.Channel.EMAIL,
        value=address.value,
        language=person.language,
        key=key,
        person=person,
        by=by,
        context={
            "invitation": invitation,
            "round": invitation.round,
            "publication": version.publication,
            "version": version,
            "title": text.title,
            "summary": text.summary,
            "organization": invitation.organization.name_in(person.language),
            "link": link(invitation, person.language),
            **context,
        },
    )


# Personal links


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
    invitation = _invitations().filter(nonce=nonce).first()
    if invitation is None or invitation.revoked_at or not _still_speaks(invitation):
        raise RevokedLink
    if expired:
        raise ExpiredLink(invitation)
    return invitation


def _invitations():
    return Invitation.objects.select_related(
        "round__publication", "organization", "representative__person"
    ).prefetch_related("representative__person__addresses")


def _still_speaks(invitation):
    representative = invitation.representative
    if representative is None or invitation.organization.is_binned:
        return False
    return representative.organization_id == invitation.organization_id and representative.person.binned_at is None


def _still_asked(invitation):
    """One that has left the coalition may still withdraw by its link, and is asked nothing more."""
    return _still_speaks(invitation) and invitation.organization.stage != Organization.Stage.LEFT


def mark_seen(invitation):
    """The page was opened; the first time counts."""
    Invitation.objects.filter(pk=invitation.pk, seen_at=None).update(seen_at=timezone.now())


def send_link(invitation):
    """A fresh link to the address on record, at most one an hour. Returns the notice, None where no email arrives."""
    version = invitation.round.publication.current_version
    hour = f"{timezone.now():%Y%m%d%H}"
    return _owe("link", invitation, version, key=f"link-{invitation.pk}-{hour}")


@transaction.atomic
def revoke(invitation):
    """Close a personal link for good; a decision made through it stands."""
    Invitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=timezone.now())


# Deciding


def _hold(invitation):
    """The invitation read afresh; its publication cannot change, and its organization's answers take turns (G4)."""
    publication = Publication.objects.steady(invitation.round.publication_id)
    Organization.objects.select_for_update(no_key=True).get(pk=invitation.organization_id)
    held = _invitations().get(pk=invitation.pk)
    if held.revoked_at or not _still_speaks(held):
        raise RevokedLink
    if not held.representative.may_sign:
        raise MayNotSign
    return publication, held


@transaction.atomic
def decide(invitation, *, version, choice, signer_name, signer_title="", attested=False, language, reason="", at=None):
    """Record what an organization answers on the version its representative read. Returns the decision.

    The same answer given twice is recorded once. A signature after the deadline waits for staff (G3); any other answer
    counts at once, for it only ever takes a name off the list. Raises MayNotSign, RoundClosed, Superseded, RevokedLink,
    or ValidationError where a name or the attested authority (G1) is missing; then nothing is stored.
    """
    choice = Choice(choice)
    if choice == Choice.WITHDRAW:
        raise ValueError("Withdrawing has a verb of its own")
    publication, invitation = _hold(invitation)
    if invitation.round.closed_at:
        raise RoundClosed
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
    if errors:
        raise ValidationError(errors)
    at = at or timezone.now()
    said = {
        "version": current,
        "choice": choice,
        "signer": invitation.representative.person,
        "signer_name": signer_name[:200],
        "signer_title": signer_title[:200],
        "reason": reason,
    }
    before = standing(invitation)
    standing_answer = before.waiting or before.live
    if standing_answer and all(getattr(standing_answer, name) == value for name, value in said.items()):
        return standing_answer
    late = at > invitation.round.deadline
    waits = late and choice == Choice.SIGN
    return _append(
        invitation,
        text=LATE if waits else ANSWERED[choice],
        replaces=not waits,
        at=at,
        attested=attested and choice == Choice.SIGN,
        language=language,
        late=late,
        **said,
    )


@transaction.atomic
def withdraw(invitation, *, language, at=None):
    """Take back what stands, at any time, also after the deadline and when the round is closed (G7)."""
    publication, invitation = _hold(invitation)
    before = standing(invitation)
    if not before.can_withdraw:
        raise NothingToWithdraw
    taken_back = before.waiting or before.live
    person = invitation.representative.person
    return _append(
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


def _append(invitation, *, text, replaces, at, version, signer_name, **said):
    """Append a decision; `replaces` makes it the live one. Owes the receipt and writes the timelines."""
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
    lines = _lines(invitation, text, version, at=at, name=signer_name)
    Entry.objects.bulk_create(lines)
    timeline.seen_alive([line.person_id for line in lines if line.person_id], at=at)
    _owe("receipt", invitation, version, key=f"receipt-{decision.pk}", decision=decision)
    return decision


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
    if invitation := _invitations().filter(pk=decision.invitation_id).first():
        _owe(
            "late_answer",
            invitation,
            decision.version,
            key=f"late-{decision.pk}",
            by=by,
            decision=decision,
            accepted=accepted,
        )
    return True


# Amending, reminding, closing


def tell_of_amendment(version, *, by=None):
    """Part of freezing. Material: everybody of the open round, and everybody who signed, is asked again; without an
    open round nobody could answer, so nobody is asked until one opens. Clerical: those who signed are told."""
    publication = version.publication
    round_ = publication.rounds.filter(closed_at=None).first()
    invited = _invitations().filter(round=round_, revoked_at=None) if round_ else []
    asked = [invitation for invitation in invited if _still_asked(invitation)]
    if round_:
        fresh = {"seen_at": None} if version.material else {}
        round_.invitations.filter(revoked_at=None).update(version=version, **fresh)
    if not version.material:
        signers = publication.decisions.live().filter(choice__in=(Choice.SIGN, Choice.SUPPORT))
        told = list(_invitations().filter(pk__in=signers.values("invitation"), revoked_at=None))
        _tell("corrected", TOLD, told, version, by=by)
        return
    if round_ is None:
        return
    signed_before = Representative.objects.filter(
        invitations__in=publication.decisions.live().filter(choice=Choice.SIGN).values("invitation")
    ).exclude(organization__in=[invitation.organization_id for invitation in asked])
    _tell("amended", ASKED_AGAIN, asked, version, by=by)
    if signed_before:
        invite(round_, signed_before, by=by)


def _tell(kind, text, invitations, version, *, by):
    current = standings(version.publication)
    lines = []
    for invitation in invitations:
        before = current.get(invitation.organization_id) or Standing()
        _owe(
            kind,
            invitation,
            version,
            key=f"{kind}-{invitation.pk}-{version.number}",
            by=by,
            decision=before.live,
        )
        lines += _lines(invitation, text, version, by=by)
    Entry.objects.bulk_create(lines)


def undecided(round_):
    """Invitations of the organizations that owe an answer on the current text and can still give it, as a list."""
    decided = {pk for pk, where in standings(round_.publication).items() if where.decided}
    open_ = _invitations().filter(round=round_, revoked_at=None, representative__may_sign=True)
    return [i for i in open_ if i.organization_id not in decided and _still_asked(i)]


@transaction.atomic
def remind(round_, invitations, *, by=None):
    """Remind these, at most once a day each. Returns how many reminders were written."""
    if Round.objects.filter(pk=round_.pk).exclude(closed_at=None).exists():
        raise RoundClosed
    version = round_.publication.current_version
    day = f"{languages.local(timezone.now(), round_.zone):%Y%m%d}"
    keys = {invitation: f"reminder-{invitation.pk}-{day}" for invitation in invitations}
    today = set(Notice.objects.filter(key__in=keys.values()).values_list("key", flat=True))
    written = [
        _owe("reminder", invitation, version, key=key, by=by) for invitation, key in keys.items() if key not in today
    ]
    return sum(notice is not None for notice in written)


def remind_undecided(round_, *, by=None):
    """Remind everybody who owes an answer, at most once a day. Returns how many reminders were written."""
    return remind(round_, undecided(round_), by=by)


@transaction.atomic
def close_round(round_):
    """Take no more answers. Returns False where it was closed already."""
    Publication.objects.select_for_update().get(pk=round_.publication_id)  # an answer under way is recorded first
    return bool(Round.objects.filter(pk=round_.pk, closed_at=None).update(closed_at=timezone.now()))
