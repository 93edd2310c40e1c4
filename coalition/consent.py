"""Consent: every yes and every stop is a line of history, and the address keeps where it stands.

A stop counts for every record that holds the address (rule S4) and leaves a keyed hash (rule P4); a yes counts for
one person.
"""

import hmac

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import audit, copying, timeline
from coalition.models import Address, Consent, Entry, FormerAddress, Suppression

GRANTED_BY_EMAIL = _("Said yes to email")
GRANTED_BY_TEXT = _("Said yes to texts")
STOPPED_EMAIL = _("Said stop to email")
STOPPED_TEXT = _("Said stop to texts")
Source = Consent.Source
# Said by the person, not by a list, the staff or a provider.
THEIR_OWN = {
    Source.FORM,
    Source.KEYWORD,
    Source.REPLY,
    Source.EMAIL_REPLY,
    Source.ONE_CLICK,
    Source.PREFERENCES,
    Source.COMPLAINT,
}


def digest(channel, value):
    """The keyed hash under which an address stands on the suppression list."""
    [made] = digests([(channel, value)])
    return made


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
    timeline.note(address.person, Entry.Kind.CONSENT, said, by=by, at=line.at, alive=source in THEIR_OWN)
    _record(address, by)
    return line


def _record(address, by):
    """What staff say for somebody is in the record that nobody can change (rules P5, S6)."""
    if by:
        details = {"did": f"{address.channel} {address.consent}"}
        audit.record(audit.Action.CONSENT, address.person, details=details, by=by)


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
        timeline.note(address.person, Entry.Kind.CONSENT, said, by=by, at=at, alive=source in THEIR_OWN)
        _record(address, by)
    return len(holders)


def remember(addresses):
    """Before addresses go from the last record that held them: what a link in an old message needs to close each."""
    former = [FormerAddress(number=a.pk, channel=a.channel, digest=digest(a.channel, a.value)) for a in addresses]
    FormerAddress.objects.bulk_create(former, ignore_conflicts=True)


@transaction.atomic
def close_former(number, *, source):
    """Close an address by the number it had: no list opens it again, no message goes there. False if it never was."""
    former = FormerAddress.objects.filter(pk=number).first()
    if former:
        Suppression.objects.get_or_create(pk=former.digest, defaults={"channel": former.channel, "reason": source})
    return former is not None


def mark_fault(channel, value, fault):
    """Nothing arrives at this address: note it on every record. It is not a wish, so consent stands (rule S9)."""
    return mark_faults(channel, [value], fault)


def mark_faults(channel, values, fault):
    """`mark_fault` for many. Says how many records changed."""
    held = Address.objects.filter(channel=channel, value__in=values).exclude(fault=fault)
    return held.update(fault=fault, fault_at=timezone.now())


def digests(keys):
    """{digest: (channel, value)} of many."""
    begun = {}  # by channel: begun anew for each address, a hash costs twice as much
    made = {}
    for key in keys:
        if key[0] not in begun:
            begun[key[0]] = hmac.new(settings.SUPPRESSION_KEY.encode(), f"{key[0]}:".encode(), "sha256")
        hashed = begun[key[0]].copy()
        hashed.update(key[1].encode())
        made[hashed.hexdigest()] = key
    return made


def suppressed(keys):
    """Those of many (channel, value) that are on the suppression list."""
    return closed_among(digests(keys))


def closed_among(hashed):
    """`suppressed`, for who took the `digests` beforehand."""
    if not hashed:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.digest FROM unnest(string_to_array(%s, E'\\x1f')) AS said(digest) "
            "JOIN coalition_suppression s ON s.digest = said.digest",
            [copying.many(hashed)],
        )
        return {hashed[found] for (found,) in cursor.fetchall()}


@transaction.atomic
def withdraw_many(stops, *, source, by=None, at=None):
    """`withdraw` many addresses in a few statements: `stops` is {(channel, value): evidence}. Says how many closed."""
    if not stops:
        return 0
    at = at or timezone.now()
    Suppression.objects.bulk_create(
        [Suppression(pk=digest(*key), channel=key[0], reason=source) for key in sorted(stops)], ignore_conflicts=True
    )
    closing = []
    with connection.cursor() as cursor:
        for channel in Address.Channel:
            cursor.execute(
                "SELECT a.id, a.person_id, p.language, a.value FROM unnest(%s::text[]) AS said(value) "
                "JOIN coalition_address a ON a.channel = %s AND a.value = said.value AND a.consent <> %s "
                "JOIN coalition_person p ON p.id = a.person_id ORDER BY a.id FOR NO KEY UPDATE OF a",
                [[value for c, value in stops if c == channel], channel, Address.Consent.WITHDRAWN],
            )
            closing += [
                (pk, channel, person, language, stops[channel, value], at)
                for pk, person, language, value in cursor.fetchall()
            ]
    _append_many(closing, Address.Consent.WITHDRAWN, source=source, by=by)
    return len(closing)


@transaction.atomic
def grant_many(yeses, *, wording, source, by=None):
    """`grant` for many addresses in a few statements: `yeses` is [(address, language, evidence, at)]. Says how many.

    An address is an Address, or what has its pk, person_id, channel, value and consent; one that is about to be written
    is opened in memory. It serves lists, which cannot reopen what said stop: closed addresses stay as they are.
    """
    if not wording.strip():
        raise ValueError("A consent needs the wording that was shown")
    closed = suppressed({(address.channel, address.value) for address, *_said in yeses})
    settled = (Address.Consent.WITHDRAWN, Address.Consent.GRANTED)
    opening = {
        address.pk: (address, *said)
        for address, *said in yeses
        if address.consent not in settled and (address.channel, address.value) not in closed
    }
    lines = []
    for address, language, evidence, at in opening.values():
        address.consent, address.consent_at = Address.Consent.GRANTED, at
        lines.append((address.pk, address.channel, address.person_id, language, evidence, at))
    _append_many(lines, Address.Consent.GRANTED, wording=wording, source=source, by=by)
    return len(lines)


@transaction.atomic
def take_back_many(addresses, *, evidence, by=None):
    """A yes that a list brought counts no more, because the list was a mistake: as before, nobody was asked.

    `addresses` are keys; only those stay touched whose last word is a yes that an import brought. It is no stop: the
    person may say yes at any time. Says how many. The words they were said to have agreed to stay in the history.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.id, a.channel, a.person_id, p.language, said.wording FROM coalition_address a "
            "JOIN coalition_person p ON p.id = a.person_id JOIN LATERAL (SELECT * FROM coalition_consent c "
            "WHERE c.address_id = a.id ORDER BY c.id DESC LIMIT 1) said ON true "
            "WHERE a.id = ANY(%s) AND a.consent = %s AND said.state = %s AND said.source = %s "
            "ORDER BY a.id FOR NO KEY UPDATE OF a",
            [list(addresses), Address.Consent.GRANTED, Address.Consent.GRANTED, Consent.Source.IMPORT],
        )
        found = cursor.fetchall()
    at, wordings = timezone.now(), {}
    for pk, channel, person, language, wording in found:
        wordings.setdefault(wording, []).append((pk, channel, person, language, evidence, at))
    for wording, lines in wordings.items():
        _append_many(lines, Address.Consent.NONE, wording=wording, source=Consent.Source.IMPORT, by=by)
    return len(found)


_SAID = {
    (Address.Channel.EMAIL, Address.Consent.GRANTED): GRANTED_BY_EMAIL,
    (Address.Channel.PHONE, Address.Consent.GRANTED): GRANTED_BY_TEXT,
    (Address.Channel.EMAIL, Address.Consent.WITHDRAWN): STOPPED_EMAIL,
    (Address.Channel.PHONE, Address.Consent.WITHDRAWN): STOPPED_TEXT,
    (Address.Channel.EMAIL, Address.Consent.NONE): _("An import that said yes to email was undone"),
    (Address.Channel.PHONE, Address.Consent.NONE): _("An import that said yes to texts was undone"),
}


def _append_many(lines, state, *, wording="", source, by):
    """History, timeline and mirror of [(address, channel, person, language, evidence, at)]."""
    if not lines:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE coalition_address held SET consent = %s, consent_at = said.at "
            "FROM unnest(%s::bigint[], %s::timestamptz[]) AS said(id, at) WHERE held.id = said.id",
            [state, [line[0] for line in lines], [line[5] for line in lines]],
        )
    author = str(by.pk) if by else copying.NULL
    copying.copy(
        Consent,
        ["address", "person", "state", "wording", "language", "source", "evidence", "by", "at"],
        [
            copying.line(
                str(address), str(person), state, wording, language, source, evidence[:200], author, at.isoformat()
            )
            for address, _channel, person, language, evidence, at in lines
        ],
    )
    for channel in Address.Channel:
        whom = [(person, at) for _address, held, person, _language, _evidence, at in lines if held == channel]
        timeline.note_many(whom, Entry.Kind.CONSENT, _SAID[channel, state], by=by)
