"""A decision that arrived on paper: staff record it with the scanned letter, and the partner is told so at once."""

import datetime
import secrets
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from coalition import languages
from coalition.counting import standing
from coalition.models import Decision, Invitation, Organization, Publication, Round

from .deciding import ANSWERED, LATE, append
from .partners import tell_partners
from .refusals import NothingToWithdraw, RoundClosed

Choice, Via = Decision.Choice, Decision.Via
CHOICES = (Choice.SIGN, Choice.SUPPORT, Choice.ABSTAIN, Choice.DECLINE, Choice.WITHDRAW)


@transaction.atomic
def record_letter(
    round_,
    organization,
    *,
    version,
    choice,
    signer_name,
    signer_title="",
    received,
    language,
    proof,
    attested=False,
    attestation="",
    reason="",
    by,
):
    """Append what a letter says, as of the day it was received in the round's zone. Returns the decision.

    `proof`: the scanned letter, a File checked by the form. A letter has a day and no hour: one that came on the day of
    the deadline is in time, a signature after it waits for staff (G3). It counts for the version that it names, also
    where a newer one has been frozen. The same letter recorded twice is recorded once. Raises RoundClosed (but a
    withdrawal is always taken, G7), NothingToWithdraw, or ValidationError: a name or the authority of who signed is
    missing (G1), the day cannot be, or the partner answered after this letter.
    """
    choice = Choice(choice)
    publication = Publication.objects.steady(round_.publication_id)
    organization = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    round_ = Round.objects.get(pk=round_.pk)
    if round_.closed_at and choice != Choice.WITHDRAW:
        raise RoundClosed
    round_.publication = version.publication = publication
    invitation = _invitation(round_, organization) or Invitation(
        round=round_, organization=organization, version=version, nonce=secrets.token_urlsafe(16)
    )
    before = standing(invitation)
    signer_name, signer_title = signer_name.strip()[:200], signer_title.strip()[:200]
    errors = _errors(round_, version, choice, signer_name, received, attested, before)
    if errors:
        raise ValidationError(errors)
    if choice == Choice.WITHDRAW and not before.can_withdraw:
        raise NothingToWithdraw
    said = {"version": version, "choice": choice, "signer_name": signer_name, "signer_title": signer_title}
    held = before.waiting or before.live
    at = _moment(received, round_.zone, after=held)
    if held and _same(held, said) and languages.local(held.at, round_.zone).date() == received:
        return held
    if not invitation.pk:
        invitation.invited_at = at
        invitation.save()
    late = received > languages.local(round_.deadline, round_.zone).date()
    waits = late and choice == Choice.SIGN
    decision = append(
        invitation,
        text=format_lazy("{} · {}", LATE if waits else ANSWERED[choice], _("by letter")),
        replaces=not waits,
        receipt="",
        at=at,
        attested=choice == Choice.SIGN,
        attestation=attestation if choice == Choice.SIGN else "",
        language=language,
        reason=reason.strip(),
        late=late,
        via=Via.LETTER,
        proof=proof,
        recorded_by=by,
        **said,
    )
    tell_partners(
        "letter", version, {organization: {}}, key=f"letter-{decision.pk}", by=by, decision=decision, round=round_
    )
    return decision


def _invitation(round_, organization):
    """One of the partner's invitations in the round, the person's rather than the paper's; None where it has none."""
    theirs = round_.invitations.filter(organization=organization).select_related("representative__person")
    return theirs.order_by("representative", "pk").first()


def _same(held, said):
    return held.via == Via.LETTER and all(getattr(held, name) == value for name, value in said.items())


def _moment(received, zone, *, after=None):
    """Noon of the day, for its hour is not known; now, while that is still to come; never before the answer it ends."""
    at = min(datetime.datetime.combine(received, datetime.time(12), ZoneInfo(zone)), timezone.now())
    return max(at, after.at + datetime.timedelta(microseconds=1)) if after else at


def _errors(round_, version, choice, signer_name, received, attested, before):
    errors, zone = {}, round_.zone
    if not signer_name:
        errors["signer_name"] = ValidationError(_("Enter who signed the letter."), code="required")
    if choice == Choice.SIGN and not attested:
        errors["attested"] = ValidationError(
            _("A signature counts only by somebody who may sign for the organization: confirm that you checked it."),
            code="attested",
        )
    if received > languages.local(timezone.now(), zone).date():
        errors["received"] = ValidationError(_("This day is still to come."), code="future")
    elif received < languages.local(version.frozen_at, zone).date():
        errors["received"] = ValidationError(
            _("The letter came before version %(number)s was frozen. Choose the version that it names."),
            code="early",
            params={"number": version.number},
        )
    elif held := before.waiting or before.live:
        day = languages.local(held.at, zone).date()
        if day > received or held.version.number > version.number:
            errors["received"] = ValidationError(
                _("This partner answered on %(day)s, after this letter. Ask which answer holds."),
                code="answered",
                params={"day": languages.format_date(day)},
            )
    return errors
