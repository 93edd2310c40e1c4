"""Hand over: how, when and to whom the signed text went, with who stood under it and the papers of that moment.

From then on a partner that withdraws stays on record with a dated note (rule G7).
"""

import hashlib
from datetime import timedelta
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from coalition import audit, papers, roll, timeline
from coalition.counting import delivered
from coalition.models import Decision, Entry, Handover, HandoverPaper, Publication
from coalition.signing_on.partners import tell_partners

__all__ = ["ListChanged", "delivered", "hand_over", "unchanged_since"]

HANDED_OVER = _("“%(title)s” was handed over with its signature: version %(number)s, %(to)s")
TRIES = 3


class ListChanged(Exception):
    """Somebody signed or withdrew each time that the papers were being made. Nothing was recorded."""


def unchanged_since(version, moment):
    """Whether papers made now show exactly those who stood under the text at that moment."""
    return _names(roll.of(version)) == _names(roll.of(version, at=moment))


def _names(signed):
    individuals = [(each.name, each.city) for each in signed.individuals]
    return [(line.organization.pk, line.signed_at) for line in signed.lines], individuals, signed.withdrawals


def hand_over(version, *, way, to, at, zone, note="", handed=None, tell=True, by=None):
    """Record that a text was handed over at a moment, with who stood under it then. Returns the Handover.

    `to`: {language: to whom}, in every language. `handed`: {language: PDF bytes} of what was really handed over. For
    the other languages the PDF is made now, where it shows those who stood under the text at that moment; where it
    cannot be made, the record stands without it. Each paper is kept byte for byte, with its SHA-256. `tell`: each
    signatory gets an email. The same delivery recorded twice within its minute is recorded once. Raises ListChanged, or
    ValidationError where the moment is still to come or before the text was frozen.
    """
    _check(version, at, zone)
    languages = [code for code, _name in settings.LANGUAGES if code not in (handed or {})]
    for _try in range(TRIES):
        state = roll.state(version.publication)
        drawn = _drawn(version, languages) if unchanged_since(version, at) else {}
        with transaction.atomic():
            publication = Publication.objects.select_for_update().get(pk=version.publication_id)
            if roll.state(publication) == state:
                return _record(
                    publication, version, way, LazyI18nString(to), at, zone, note, drawn | (handed or {}), tell, by
                )
    raise ListChanged


def _check(version, at, zone):
    if zone not in available_timezones():
        raise ValidationError({"zone": ValidationError(_("Choose a time zone from the list."), code="zone")})
    wrong = ""
    if at > timezone.now():
        wrong = _("Enter when it was handed over: this is still to come.")
    elif at < version.frozen_at:
        wrong = _("The text was frozen later than this: nobody could have signed it yet.")
    if wrong:
        raise ValidationError({"at": ValidationError(wrong, code="at")})


def _drawn(version, languages):
    try:
        return {language: papers.publication_pdf(version, language) for language in languages}
    except papers.Unavailable:
        return {}


def _record(publication, version, way, to, at, zone, note, contents, tell, by):
    minute = at.replace(second=0, microsecond=0)
    minute = (minute, minute + timedelta(minutes=1))
    for same in Handover.objects.filter(publication=publication, version=version, way=way, at__range=minute):
        if same.to.data == to.data:
            return same
    signed = [line.organization for line in roll.of(version, at=at).lines]
    handover = Handover.objects.create(
        publication=publication,
        version=version,
        way=way,
        to=to,
        note=note.strip(),
        at=at,
        zone=zone,
        signatories=[_signatory(organization) for organization in signed],
        by=by,
    )
    for language, content in sorted(contents.items()):
        HandoverPaper.objects.create(
            handover=handover,
            language=language,
            digest=hashlib.sha256(content).hexdigest(),
            file=ContentFile(content, name=f"{handover.pk}-{language}-{get_random_string(12)}.pdf"),
        )
    said = {"title": publication.title, "number": version.number, "to": to}
    link = reverse("handovers:inspect", args=[handover.pk])
    Entry.objects.bulk_create(
        timeline.entry(organization, Entry.Kind.SIGNATURE, HANDED_OVER, said, link=link, by=by, at=at)
        for organization in signed
    )
    did = {"version": version.number, "way": way, "signed": len(signed), "papers": sorted(contents)}
    audit.record(audit.Action.DELIVERY, handover, details=did, by=by)
    if tell:
        tell_partners(
            "handed_over",
            version,
            {organization: {} for organization in signed},
            key=f"handed-over-{handover.pk}",
            by=by,
            signers=_signers(publication, signed),
            handover=handover,
        )
    return handover


def _signatory(organization):
    names = {code: organization.name_in(code) for code, _name in settings.LANGUAGES}
    return {"organization": organization.pk, "scope": organization.scope, "names": names}


def _signers(publication, organizations):
    """{key of an organization: key of the person who signed for it last}."""
    signed = publication.decisions.filter(organization__in=organizations, choice=Decision.Choice.SIGN).order_by("pk")
    return dict(signed.values_list("organization_id", "signer_id"))
