"""Hand over: how, when and to whom the signed text went, with who stood under it and the papers of that moment.

The record is made at once; its papers, which take long for a long list, and the emails follow (`finish`), and show that
very moment. From then on a partner that withdraws stays on record with a dated note (rule G7).
"""

import hashlib
from contextlib import contextmanager
from datetime import timedelta
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from coalition import audit, papers, roll, timeline
from coalition.counting import delivered
from coalition.models import Decision, Entry, Handover, HandoverPaper, Organization, Publication
from coalition.signing_on.partners import tell_partners

__all__ = ["delivered", "finish", "hand_over", "stalled", "unchanged_since"]

HANDED_OVER = _("“%(title)s” was handed over with its signature: version %(number)s, %(to)s")
STALLED = timedelta(minutes=3)  # drawing takes seconds; whatever waits so long was lost by the queue


def unchanged_since(version, moment):
    """Whether papers made now show exactly those who stood under the text at that moment."""
    return _names(roll.of(version)) == _names(roll.of(version, at=moment))


def _names(signed):
    individuals = [(each.name, each.city) for each in signed.individuals]
    return [(line.organization.pk, line.signed_at) for line in signed.lines], individuals, signed.withdrawals


def hand_over(version, *, way, to, at, zone, note="", handed=None, tell=True, by=None):
    """Record that a text was handed over at a moment, with who stood under it then. Returns the Handover.

    `to`: {language: to whom}, in every language. `handed`: {language: PDF bytes} of what was really handed over. For
    the other languages `finish` makes the PDF, where who stands under the text is who stood under it at that moment.
    Each paper is kept byte for byte, with its SHA-256. `tell`: each signatory is owed an email. The same delivery
    recorded twice within its minute is recorded once. Raises ValidationError where the moment is still to come or
    before the text was frozen.
    """
    _check(version, at, zone)
    said = {"way": way, "to": LazyI18nString(to), "at": at, "zone": zone, "note": note.strip(), "telling": tell}
    with _in_storage(version, handed or {}) as handed_papers:
        return _record(version, handed_papers, by=by, **said)


@transaction.atomic
def _record(version, handed_papers, *, way, to, at, by, **more):
    publication = Publication.objects.select_for_update().get(pk=version.publication_id)
    minute = at.replace(second=0, microsecond=0)
    minute = (minute, minute + timedelta(minutes=1))
    for same in Handover.objects.filter(publication=publication, version=version, way=way, at__range=minute):
        if same.to.data == to.data:
            return same
    handed = [paper.language for paper in handed_papers]
    missing = [code for code, _name in settings.LANGUAGES if code not in handed]
    signed = [line.organization for line in roll.of(version, at=at).lines]
    handover = Handover.objects.create(
        publication=publication,
        version=version,
        way=way,
        to=to,
        at=at,
        signatories=[_signatory(organization) for organization in signed],
        drawing=missing if unchanged_since(version, at) else [],
        by=by,
        **more,
    )
    _keep(handover, handed_papers)
    said = {"title": publication.title, "number": version.number, "to": to}
    link = reverse("handovers:inspect", args=[handover.pk])
    Entry.objects.bulk_create(
        timeline.entry(organization, Entry.Kind.SIGNATURE, HANDED_OVER, said, link=link, by=by, at=at)
        for organization in signed
    )
    did = {"version": version.number, "way": way, "signed": len(signed), "papers": handed}
    audit.record(audit.Action.DELIVERY, handover, details=did, by=by)
    return handover


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


@contextmanager
def _in_storage(version, contents):
    """Papers of {language: PDF bytes} whose files are kept and whose rows are still to be written.

    A storage may be slow or away: no lock waits for it. The file of a paper that got no row goes again.
    """
    made, sound = [], False
    try:
        for language, content in sorted(contents.items()):
            made.append(HandoverPaper(language=language, digest=hashlib.sha256(content).hexdigest()))
            name = f"{version.pk}-{language}-{get_random_string(12)}.pdf"
            made[-1].file.save(name, ContentFile(content), save=False)
        yield made
        sound = True
    finally:
        for paper in made:
            if not (sound and paper.pk):
                paper.file.delete(save=False)


def _keep(handover, made):
    for paper in made:
        paper.handover = handover
        paper.save()


def _signatory(organization):
    names = {code: organization.name_in(code) for code, _name in settings.LANGUAGES}
    return {"organization": organization.pk, "scope": organization.scope, "names": names}


# What follows a record


def finish(handover):
    """Tell the signatories, then draw the papers that a record still owes. Done twice, it does nothing twice."""
    _tell(handover)
    for language in handover.drawing:
        content = _drawn(handover, language)
        with _in_storage(handover.version, {language: content} if content else {}) as made, transaction.atomic():
            held = Handover.objects.select_for_update().get(pk=handover.pk)
            if language not in held.drawing:
                continue
            _keep(held, made)
            held.drawing.remove(language)
            held.save(update_fields=["drawing"])


def stalled():
    """Keys of the records that owe something which the queue has lost."""
    owes = Handover.objects.filter(~Q(drawing=[]) | Q(telling=True))
    return owes.filter(recorded_at__lt=timezone.now() - STALLED).values_list("pk", flat=True)


@transaction.atomic
def _tell(handover):
    records = Handover.objects.select_for_update(of=("self",)).select_related("publication", "version", "by")
    held = records.get(pk=handover.pk)
    if not held.telling:
        return
    signed = Organization.objects.filter(pk__in=[each["organization"] for each in held.signatories])
    tell_partners(
        "handed_over",
        held.version,
        {organization: {} for organization in signed},
        key=f"handed-over-{held.pk}",
        by=held.by,
        signers=_signers(held.publication, signed),
        handover=held,
    )
    Handover.objects.filter(pk=held.pk).update(telling=False)


def _drawn(handover, language):
    """The PDF with who stood under the text at that moment; None where none can be made that shows exactly them.

    Only who was noted to be a minor meanwhile is missing from it: they are printed nowhere (rule P2).
    """
    signed = roll.of(handover.version, language, at=handover.at)
    recorded = {each["organization"]: each["names"][language] for each in handover.signatories}
    if {line.organization.pk: line.name for line in signed.lines} != recorded:
        return None  # one was renamed, or became part of another, meanwhile
    stood = handover.publication.endorsements.filter(late=False, confirmed_at__lte=handover.at)
    if stood.filter(name="", withdrawn_at__gt=handover.at).exists():
        return None  # an individual was erased meanwhile
    try:
        return papers.publication_pdf(handover.version, language, signed)
    except papers.Unavailable:
        return None


def _signers(publication, organizations):
    """{key of an organization: key of the person who signed for it last}."""
    signed = publication.decisions.filter(organization__in=organizations, choice=Decision.Choice.SIGN).order_by("pk")
    return dict(signed.values_list("organization_id", "signer_id"))
