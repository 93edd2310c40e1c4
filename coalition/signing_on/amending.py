"""A version was frozen: its partners are asked again (material, rule G2) or told (clerical)."""

from django.utils.translation import gettext_lazy as _

from coalition.counting import Standing, standings
from coalition.models import Decision, Entry, Representative

from .asking import invite
from .links import invitations, still_asked
from .telling import owe, told

Choice = Decision.Choice
ASKED_AGAIN = _("Asked again about “%(title)s”: version %(number)s changes what it says")
TOLD = _("Told of a small correction to “%(title)s”: version %(number)s")


def tell_of_amendment(version, *, by=None):
    """Part of freezing. Material: everybody of the open round, and everybody who signed, is asked again; without an
    open round nobody could answer, so nobody is asked until one opens. Clerical: those who signed are told."""
    publication = version.publication
    round_ = publication.rounds.filter(closed_at=None).first()
    invited = invitations().filter(round=round_, revoked_at=None) if round_ else []
    asked = [invitation for invitation in invited if still_asked(invitation)]
    if round_:
        fresh = {"seen_at": None} if version.material else {}
        round_.invitations.filter(revoked_at=None).update(version=version, **fresh)
    if not version.material:
        signers = publication.decisions.live().filter(choice__in=(Choice.SIGN, Choice.SUPPORT))
        signed = list(invitations().filter(pk__in=signers.values("invitation"), revoked_at=None))
        _tell("corrected", TOLD, signed, version, by=by)
        return
    if round_ is None:
        return
    signed_before = Representative.objects.filter(
        invitations__in=publication.decisions.live().filter(choice=Choice.SIGN).values("invitation")
    ).exclude(organization__in=[invitation.organization_id for invitation in asked])
    _tell("amended", ASKED_AGAIN, asked, version, by=by)
    if signed_before:
        invite(round_, signed_before, by=by)


def _tell(kind, text, whom, version, *, by):
    current = standings(version.publication)
    lines = []
    for invitation in whom:
        before = current.get(invitation.organization_id) or Standing()
        owe(
            kind,
            invitation,
            version,
            key=f"{kind}-{invitation.pk}-{version.number}",
            by=by,
            decision=before.live,
        )
        lines += told(invitation, text, version, by=by)
    Entry.objects.bulk_create(lines)
