"""Endorse: an individual signs where the round allows it, confirms by a button behind an emailed link, and can leave.

Nothing counts before that button (a scanner follows links and is nobody's signature). Whoever holds the link reads the
mailbox, so the link is the proof for everything that follows. A material amendment asks again (rule G2).
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from coalition import audit, consent, notices, people, reading, timeline
from coalition.counting import versions_equivalent
from coalition.models import Address, Consent, Endorsement, Entry, Notice, Publication, Round, Version
from coalition.signing_on.refusals import RoundClosed, Superseded, UnknownLink

LINKS_AN_HOUR = 3  # emails about one publication to one address, whoever asks for them
UNCONFIRMED_FOR = timedelta(days=14)
ASKED_AT_ONCE = 200

SIGNED = _("Signed “%(title)s”, version %(number)s, as an individual")
WITHDREW = _("Withdrew their own signature from “%(title)s”")


@dataclass(frozen=True)
class Standing:
    """Where an individual stands: `row` is what counts on the text of today, else the latest row there is."""

    row: Endorsement
    version: Version  # today's
    round: Round | None  # the one that takes signatures now
    since: Version | None = None  # what they read and signed, where the text has changed materially since

    @property
    def signed(self):
        return self.row.confirmed_at is not None and self.row.withdrawn_at is None and self.since is None

    @property
    def withdrawn(self):
        return self.row.withdrawn_at is not None

    @property
    def can_sign(self):
        return self.round is not None and not self.signed

    @property
    def can_withdraw(self):
        """Also what stands under an earlier version only (rule G7)."""
        return self.row.withdrawn_at is None


def wording(version, language):
    """What somebody confirms by signing, word for word."""
    with override(language):
        said = _(
            "I sign “%(title)s”, version %(number)s, for myself. My name may stand on its public list. "
            "I am 18 or older."
        )
        return said % {"title": version.text_in(language).title, "number": version.number}


def _of(publication, email):
    """Everything that one address signed of a publication, latest version first."""
    held = Endorsement.objects.filter(version__in=publication.versions.all(), email__iexact=email)
    return held.select_related("version", "round").order_by("-version__number", "-pk")


@transaction.atomic
def sign(round_, *, version, name, email, city="", affiliation="", language, at=None):
    """Keep what somebody entered and owe them the link that confirms it. Returns nothing: the page says the same
    whether or not the address has signed before.

    Sent again, the link goes again, at most a few times an hour. What is confirmed is never changed from outside.
    Raises RoundClosed after the deadline or where individuals may not sign, Superseded where the text was amended.
    """
    publication, current = _open(round_, version, at)
    rows = [row for row in _of(publication, email) if row.version_id in _chain(current)]
    row = rows[0] if rows else None
    said = {
        "round": round_,
        "version": current,
        "name": name[:200],
        "city": city[:100],
        "affiliation": affiliation[:200],
        "language": language,
        "wording": wording(current, language),
        "at": at or timezone.now(),
    }
    if not _may_be_written_to(publication, email):
        return
    if row is None:
        row, _new = Endorsement.objects.get_or_create(
            version=current, email=email, defaults={"publication": publication, "nonce": _nonce(), **said}
        )
    elif row.confirmed_at is None:
        # Another link for what was entered now: an earlier one confirms nothing that its reader has not seen.
        Endorsement.objects.filter(pk=row.pk, confirmed_at=None).update(nonce=_nonce(), **said)
        row.refresh_from_db()
    _owe("endorsement", row, key=f"endorsement-{row.pk}-{secrets.token_urlsafe(6)}", language=language)


def _nonce():
    return secrets.token_urlsafe(16)


def _chain(version):
    return {each.pk for each in versions_equivalent(version)}


def _open(round_, version, at=None):
    publication = Publication.objects.steady(round_.publication_id)
    if reading.for_individuals(publication, at) is None:
        raise RoundClosed
    current = publication.current_version
    if version.pk != current.pk:
        raise Superseded(current)
    current.publication = publication
    return publication, current


def _may_be_written_to(publication, email):
    """Nobody's mailbox is flooded by a stranger who types its address."""
    lately = Notice.objects.filter(
        channel=Address.Channel.EMAIL,
        value=email,
        kind="endorsement",
        created_at__gt=timezone.now() - timedelta(hours=1),
    )
    return lately.count() < LINKS_AN_HOUR


def link(endorsement, language):
    """The absolute address of somebody's own page about what they signed."""
    with override(language):
        return settings.PUBLIC_URL + reverse("endorsement", args=[endorsement.nonce])


def _owe(kind, row, *, key, language, version=None, **context):
    version = version or row.version
    text = version.text_in(language)
    return notices.write(
        kind,
        channel=Address.Channel.EMAIL,
        value=row.email,
        language=language,
        key=key,
        person=row.person,
        context={
            "endorsement": row,
            "publication": version.publication,
            "version": version,
            "title": text.title,
            "link": link(row, language),
            "public_address": reading.address(version.publication, language),
            "days": UNCONFIRMED_FOR.days,
            **context,
        },
    )


# Behind the link


def open_link(nonce):
    """Where the holder of a link stands. Raises UnknownLink."""
    found = Endorsement.objects.exclude(email="").filter(nonce=nonce)
    endorsement = found.select_related("publication", "version", "round").first()
    if endorsement is None:
        raise UnknownLink
    return standing(endorsement)


def standing(endorsement):
    publication = endorsement.publication
    current = publication.current_version
    current.publication = publication
    chain = _chain(current)
    rows = list(_of(publication, endorsement.email)) or [endorsement]
    here = next((row for row in rows if row.version_id in chain), None)
    row = here or next((row for row in rows if row.confirmed_at), rows[0])
    row.publication = publication
    return Standing(row, current, reading.for_individuals(publication), since=None if here else row.version)


@transaction.atomic
def confirm(endorsement, *, version, language, updates="", at=None):
    """They pressed the button: from now on they are counted and listed. Pressed twice, it counts once.

    `version` is the text that the page showed. `updates`: the wording beside the box for news by email, where it was
    ticked (rule S1: never part of the signature). Raises RoundClosed and Superseded as `sign`.
    """
    publication, current = _open(endorsement.round, version, at)
    Endorsement.objects.select_for_update().get(pk=endorsement.pk)
    before, at = standing(endorsement), at or timezone.now()
    row = before.row
    if before.signed:
        return row
    person = people.reach(name=row.name, email=row.email, language=language, source=_("a sign-on"))["email"].person
    said = {
        "version": current,
        "round": before.round,
        "person": person,
        "language": language,
        "wording": wording(current, language),
        "confirmed_at": at,
        "withdrawn_at": None,
        "at": at,
    }
    if before.since and row.confirmed_at:
        # What they signed before stays under the text that they signed.
        row = Endorsement.objects.create(
            publication=publication,
            name=row.name,
            email=row.email,
            city=row.city,
            affiliation=row.affiliation,
            nonce=_nonce(),
            **said,
        )
    else:
        Endorsement.objects.filter(pk=row.pk).update(**said)
        row.refresh_from_db()
        _links_sent(row.pk).update(person=person)  # so that they are told, and forgotten, with the person
    values = {"title": publication.title, "number": current.number}
    timeline.note(person, Entry.Kind.SIGNATURE, SIGNED, values, at=at)
    audit.record(audit.Action.SIGN_ON, row, details={"individual": True, "version": current.number})
    if updates:
        consent_to_updates(person, row.email, wording=updates, language=language)
    _owe("endorsed", row, key=f"endorsed-{row.pk}-{at:%Y%m%d%H%M%S}", language=language)
    return row


def consent_to_updates(person, email, *, wording, language):
    """Their yes to news, on the address whose mailbox they have just shown to read."""
    address = person.addresses.get(channel=Address.Channel.EMAIL, value=email)
    if address.consent != Address.Consent.GRANTED:
        consent.grant(address, wording=wording, language=language, source=Consent.Source.FORM, evidence="sign-on")


@transaction.atomic
def withdraw(endorsement, *, at=None):
    """Take a signature back at any time, from every version (rule G7); one that was never confirmed is deleted.

    Returns whether anything stood.
    """
    publication = Publication.objects.steady(endorsement.publication_id)
    at, email = at or timezone.now(), endorsement.email
    rows = _of(publication, email)
    unconfirmed = _forget([row.pk for row in rows if not row.confirmed_at])
    signed = [row for row in rows if row.confirmed_at and not row.withdrawn_at]
    Endorsement.objects.filter(pk__in=[row.pk for row in signed]).update(withdrawn_at=at)
    for person in {row.person for row in signed if row.person_id}:
        timeline.note(person, Entry.Kind.SIGNATURE, WITHDREW, {"title": publication.title}, at=at)
    for row in signed:
        audit.record(audit.Action.SIGN_ON, row, details={"individual": True, "withdrawn": True})
    return bool(unconfirmed or signed)


# Beat's part


@transaction.atomic
def tell_of_amendments(limit=ASKED_AT_ONCE):
    """Write to individuals whose text was amended: asked again where it changed materially and they can sign, told
    where it was corrected (rule G2). Returns how many notices were written; each is written once.
    """
    written = 0
    for round_ in Round.objects.filter(closed_at=None, individuals=True, deadline__gte=timezone.now()):
        current = round_.publication.current_version
        if current.number == 1 or written >= limit:
            continue
        current.publication = round_.publication
        written += _tell(current, limit - written)
    return written


def _tell(current, limit):
    chain = _chain(current)
    key = Concat(Value("endorsement-"), Cast("pk", CharField()), Value(f"-{current.number}"), output_field=CharField())
    later = Endorsement.objects.filter(
        publication=OuterRef("publication"),
        email__iexact=OuterRef("email"),
        version__number__gt=OuterRef("version__number"),
    )
    waiting = (
        Endorsement.objects.filter(publication=current.publication, confirmed_at__isnull=False, withdrawn_at=None)
        .exclude(version=current)
        .exclude(email="")
        .alias(key=key)
        .exclude(Exists(later))
        .exclude(Exists(Notice.objects.filter(key=OuterRef("key"))))
        .select_related("person", "version")
        .order_by("pk")[:limit]
    )
    for row in waiting:
        kind = "endorsement_corrected" if row.version_id in chain else "endorsement_amended"
        _owe(kind, row, version=current, key=f"endorsement-{row.pk}-{current.number}", language=row.language)
    return len(waiting)


def forget_unconfirmed():
    """What nobody confirmed is not ours to keep (rule P4). Returns how many were dropped."""
    old = Endorsement.objects.filter(confirmed_at=None, at__lt=timezone.now() - UNCONFIRMED_FOR)
    return _forget(list(old.values_list("pk", flat=True)))


def _forget(pks):
    """Delete what was never confirmed, and the emails about it, which hold the address. Returns how many it was."""
    for pk in pks:
        _links_sent(pk).delete()
    return Endorsement.objects.filter(pk__in=pks, confirmed_at=None).delete()[0]


def _links_sent(pk):
    return Notice.objects.filter(key__startswith=f"endorsement-{pk}-")


def place(origin):
    """Where a form came from, as a word that tells nothing about it, for counting within an hour."""
    return consent.digest("place", origin)[:32]
