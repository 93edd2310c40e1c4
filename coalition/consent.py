"""Consent: every yes and every stop is a line of history, and the address keeps where it stands.

A stop counts for every record that holds the address (rule S4) and leaves a keyed hash (rule P4); a yes counts for
one person.
"""

import hashlib
import hmac

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import timeline
from coalition.models import Address, Consent, Entry, Suppression

GRANTED_BY_EMAIL = _("Said yes to email")
GRANTED_BY_TEXT = _("Said yes to texts")
STOPPED_EMAIL = _("Said stop to email")
STOPPED_TEXT = _("Said stop to texts")


def digest(channel, value):
    """The keyed hash under which an address stands on the suppression list."""
    return hmac.new(settings.SUPPRESSION_KEY.encode(), f"{channel}:{value}".encode(), hashlib.sha256).hexdigest()


def is_suppressed(channel, value):
    return Suppression.objects.filter(pk=digest(channel, value)).exists()


def _append(address, state, *, wording="", language, source, evidence="", by=None, at):
    line = Consent.objects.create(
        address=address,
        person_id=address.person_id,
        state=state,
        wording=wording,
        language=language,
        source=source,
        evidence=evidence,
        by=by,
        at=at,
    )
    Address.objects.filter(pk=address.pk).update(consent=state, consent_at=at)
    address.consent, address.consent_at = state, at
    return line


@transaction.atomic
def ask(address, *, wording, language, source, evidence="", at=None):
    """Somebody asked to join and has yet to confirm. Nothing may be sent in bulk until they do."""
    if address.consent == Address.Consent.GRANTED:
        return None
    return _append(
        address,
        Address.Consent.ASKED,
        wording=wording,
        language=language,
        source=source,
        evidence=evidence,
        at=at or timezone.now(),
    )


@transaction.atomic
def grant(address, *, wording, language, source, evidence="", by=None, at=None):
    """This person says yes on this address. Without `wording`, word for word what they saw, there is no consent (S1).

    A yes given by the person themselves reopens an address that had said stop; one that comes from a list never does.
    """
    if not wording.strip():
        raise ValueError("A consent needs the wording that was shown")
    closed = address.consent == Address.Consent.WITHDRAWN or is_suppressed(address.channel, address.value)
    if closed and source in (Consent.Source.IMPORT, Consent.Source.STAFF):
        return None
    if closed:
        Suppression.objects.filter(pk=digest(address.channel, address.value)).delete()
    line = _append(
        address,
        Address.Consent.GRANTED,
        wording=wording,
        language=language,
        source=source,
        evidence=evidence,
        by=by,
        at=at or timezone.now(),
    )
    said = GRANTED_BY_EMAIL if address.channel == Address.Channel.EMAIL else GRANTED_BY_TEXT
    timeline.note(address.person, Entry.Kind.CONSENT, said, by=by, at=line.at)
    return line


@transaction.atomic
def withdraw(channel, value, *, source, language=settings.LANGUAGE_CODE, evidence="", by=None, at=None):
    """Close an address on every record that holds it, and keep it closed. Returns how many records held it.

    Raises nothing for an address we do not know: the stop is kept all the same.
    """
    at = at or timezone.now()
    Suppression.objects.get_or_create(pk=digest(channel, value), defaults={"channel": channel, "reason": source})
    holders = list(Address.objects.at(channel, value).select_for_update().select_related("person").order_by("pk"))
    said = STOPPED_EMAIL if channel == Address.Channel.EMAIL else STOPPED_TEXT
    for address in holders:
        if address.consent == Address.Consent.WITHDRAWN:
            continue
        _append(
            address,
            Address.Consent.WITHDRAWN,
            language=language or address.person.language,
            source=source,
            evidence=evidence,
            by=by,
            at=at,
        )
        timeline.note(address.person, Entry.Kind.CONSENT, said, by=by, at=at)
    return len(holders)


def mark_fault(channel, value, fault):
    """Nothing arrives at this address: note it on every record. It is not a wish, so consent stands (rule S9)."""
    return Address.objects.at(channel, value).exclude(fault=fault).update(fault=fault, fault_at=timezone.now())


def suppressed(keys):
    """Those of many (channel, value) that are on the suppression list."""
    digests = {digest(*key): key for key in keys}
    return {digests[pk] for pk in Suppression.objects.filter(pk__in=digests).values_list("pk", flat=True)}


@transaction.atomic
def withdraw_many(stops, *, source, by=None, at=None):
    """`withdraw` many addresses in a few statements: `stops` is {(channel, value): evidence}. Says how many closed."""
    if not stops:
        return 0
    at = at or timezone.now()
    Suppression.objects.bulk_create(
        [Suppression(pk=digest(*key), channel=key[0], reason=source) for key in sorted(stops)], ignore_conflicts=True
    )
    held = Address.objects.filter(value__in={value for _channel, value in stops})
    held = held.exclude(consent=Address.Consent.WITHDRAWN).select_for_update(of=("self",)).select_related("person")
    closing = [address for address in held.order_by("pk") if (address.channel, address.value) in stops]
    _append_many(
        [(address, stops[address.channel, address.value], at) for address in closing],
        Address.Consent.WITHDRAWN,
        source=source,
        by=by,
    )
    return len(closing)


@transaction.atomic
def grant_many(yeses, *, wording, source, by=None):
    """`grant` for many addresses in a few statements: `yeses` is [(address, evidence, at)]. Returns how many opened.

    It serves lists, which cannot reopen what said stop: closed and suppressed addresses stay as they are.
    """
    if not wording.strip():
        raise ValueError("A consent needs the wording that was shown")
    closed = suppressed({(address.channel, address.value) for address, _evidence, _at in yeses})
    settled = (Address.Consent.WITHDRAWN, Address.Consent.GRANTED)
    opening = [y for y in yeses if y[0].consent not in settled and (y[0].channel, y[0].value) not in closed]
    _append_many(opening, Address.Consent.GRANTED, wording=wording, source=source, by=by)
    return len(opening)


def _append_many(lines, state, *, wording="", source, by):
    said = {
        (Address.Channel.EMAIL, Address.Consent.GRANTED): GRANTED_BY_EMAIL,
        (Address.Channel.PHONE, Address.Consent.GRANTED): GRANTED_BY_TEXT,
        (Address.Channel.EMAIL, Address.Consent.WITHDRAWN): STOPPED_EMAIL,
        (Address.Channel.PHONE, Address.Consent.WITHDRAWN): STOPPED_TEXT,
    }
    texts = {channel: timeline.in_all_languages(said[channel, state]) for channel in Address.Channel}
    history, entries = [], []
    for address, evidence, at in lines:
        address.consent, address.consent_at = state, at
        history.append(
            Consent(
                address=address,
                person_id=address.person_id,
                state=state,
                wording=wording,
                language=address.person.language,
                source=source,
                evidence=evidence,
                by=by,
                at=at,
            )
        )
        entries.append(
            Entry(person_id=address.person_id, kind=Entry.Kind.CONSENT, text=texts[address.channel], by=by, at=at)
        )
    with connection.cursor() as cursor:  # bulk_update would write a CASE for every row
        cursor.execute(
            "UPDATE coalition_address held SET consent = %s, consent_at = said.at "
            "FROM unnest(%s::bigint[], %s::timestamptz[]) AS said(id, at) WHERE held.id = said.id",
            [state, [address.pk for address, _evidence, _at in lines], [at for _address, _evidence, at in lines]],
        )
    Consent.objects.bulk_create(history)
    Entry.objects.bulk_create(entries)
