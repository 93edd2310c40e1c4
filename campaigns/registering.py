"""Registering for a webinar: seats are counted under a lock, each need has a state, the confirmation is owed at once.

Anybody can type anybody's email address into the form. So what is registered already is shown only behind the personal
link, which travels by email; typing it again fills what was blank and sends the link once more, and takes nothing away.
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from campaigns import calendars
from campaigns.models import Registration, Webinar
from coalition import consent, notices, people, timeline
from coalition.models import Address, Consent, Entry, Installation

# What somebody can ask for, and where each request stands (rule W2).
REQUESTS = {"interpretation": "interpretation_state", "captions": "captions_state", "access_needs": "access_state"}
# What people must hear of when it changes; their calendars follow.
TOLD_OF = ("title", "starts_at", "ends_at", "zone", "join_url")
# Whoever fills in the form again gets the link again, but nobody's mailbox can be filled with it.
AGAIN_AT_MOST = timedelta(hours=1)
# A double press on the last seat is a success; after this a full webinar answers everybody alike.
JUST_NOW = timedelta(minutes=10)
# Name: (how long before the start, no later than). A late "tomorrow" would be wrong, so it is left out.
REMINDERS = {"day": (timedelta(hours=24), timedelta(hours=3)), "hour": (timedelta(hours=1), timedelta(0))}


class RegistrationError(Exception):
    """Why nobody can register; the message is for the visitor."""


class Full(RegistrationError):
    """Every seat is taken."""


class Closed(RegistrationError):
    """The webinar is over or was cancelled."""


def personal_url(registration):
    """Where this person sees, changes or cancels the registration; it holds a random token, no address."""
    with override(registration.language):
        path = reverse("campaigns:registration", args=[registration.nonce])
    return settings.PUBLIC_URL + path


@transaction.atomic
def register(webinar, *, name, email, language, interpretation="", captions=False, access_needs="", updates=None):
    """Give one person a seat. Registering again keeps the seat, so a double press is harmless.

    `updates`: the language whose wording for news by email they ticked, or None. Raises Full, Closed, ValidationError.
    """
    webinar = Webinar.objects.select_for_update().get(pk=webinar.pk)
    if webinar.cancelled_at or webinar.is_over:
        raise Closed(_("You can no longer register for this webinar."))
    person = people.recognise(name=name, email=email, language=language, source=_("a webinar registration"))
    registration = webinar.registrations.filter(person=person).first()
    wanted = {"interpretation": interpretation, "captions": captions, "access_needs": access_needs}
    email = people.normalise(Address.Channel.EMAIL, email)
    if updates:
        _take_news(person, email, updates, evidence=f"webinar {webinar.uid}")
    if registration and registration.state == Registration.State.REGISTERED:
        registration.webinar = webinar
        changed = _ask(registration, wanted, only_blanks=True)
        registration.save()
        if changed or not _told_lately(registration):
            _write("registration", registration, again=True)
    else:
        if webinar.is_full:
            raise Full(_("Every seat of this webinar is taken."))
        registration = _seat(registration or Registration(webinar=webinar, person=person), email, language, wanted)
        _note(registration, _("Registered for “%(webinar)s”"))
        _write("registration", registration)
    return registration


def _seat(registration, email, language, wanted):
    """A seat from now on, with fresh requests. The link changes with the address, so that an old mailbox loses it."""
    if registration.email != email:
        registration.nonce = secrets.token_urlsafe(16)
    registration.email = email
    registration.language = language
    registration.state = Registration.State.REGISTERED
    registration.registered_at = timezone.now()
    registration.cancelled_at = None
    _ask(registration, dict.fromkeys(REQUESTS, ""))
    _ask(registration, wanted)
    registration.save()
    return registration


def _ask(registration, wanted, *, only_blanks=False):
    """Set what the person asks for; what is new waits for staff. Returns whether anything changed."""
    changed = False
    for field, state in REQUESTS.items():
        held = getattr(registration, field)
        value = bool(wanted[field]) if field == "captions" else wanted[field].strip()
        if value == held or (only_blanks and (held or not value)):
            continue
        setattr(registration, field, value)
        setattr(registration, state, Registration.Access.ASKED if value else Registration.Access.NONE)
        changed = True
    return changed


def _told_lately(registration):
    notices_of = registration.person.notices.filter(key__startswith=f"webinar-{registration.pk}-")
    return notices_of.filter(created_at__gt=timezone.now() - AGAIN_AT_MOST).exists()


def _take_news(person, email, language, *, evidence):
    """A yes to news by email. An address that once said stop is only asked: the form proves nothing, the link does."""
    address = person.addresses.get(channel=Address.Channel.EMAIL, value=email)
    if address.consent == Address.Consent.GRANTED:
        return
    closed = address.consent == Address.Consent.WITHDRAWN or consent.is_suppressed(address.channel, address.value)
    say = consent.ask if closed or address.consent == Address.Consent.ASKED else consent.grant
    say(
        address,
        wording=Installation.get().email_wording.localize(language),
        language=language,
        source=Consent.Source.FORM,
        evidence=evidence,
    )


def waits_for_news(registration):
    """The address that asked for news and has yet to confirm, or None."""
    return registration.person.addresses.filter(
        channel=Address.Channel.EMAIL, value=registration.email, consent=Address.Consent.ASKED
    ).first()


@transaction.atomic
def confirm_news(registration):
    """Say yes behind the personal link, which proves the address. Returns whether it was waiting."""
    address = waits_for_news(registration)
    if address is None:
        return False
    asked = address.history.filter(state=Address.Consent.ASKED).first()
    consent.grant(
        address,
        wording=asked.wording,
        language=asked.language,
        source=Consent.Source.FORM,
        evidence=f"registration {registration.pk}, confirmed by the personal link",
    )
    return True


def tells_nothing(registration):
    """Whether the answer to the form must be that of a full webinar, or it would tell a stranger who has a seat."""
    return registration.webinar.is_full and registration.registered_at < timezone.now() - JUST_NOW


@transaction.atomic
def change(registration, *, language, interpretation="", captions=False, access_needs=""):
    """What the person says behind their own link replaces what was said before."""
    registration = (
        Registration.objects.select_for_update(of=("self",)).select_related("webinar", "person").get(pk=registration.pk)
    )
    registration.language = language
    _ask(registration, {"interpretation": interpretation, "captions": captions, "access_needs": access_needs})
    registration.save(update_fields=["language", *REQUESTS, *REQUESTS.values()])
    return registration


@transaction.atomic
def cancel(registration, *, by=None):
    """Give the seat back. Cancelling twice does nothing twice. Returns whether it was cancelled now."""
    webinar = Webinar.objects.select_for_update().get(pk=registration.webinar_id)
    if webinar.is_over:
        return False
    registered = Registration.objects.filter(pk=registration.pk, state=Registration.State.REGISTERED)
    if not registered.update(state=Registration.State.CANCELLED, cancelled_at=timezone.now()):
        return False
    registration.refresh_from_db()
    registration.webinar = webinar
    _note(registration, _("Cancelled the registration for “%(webinar)s”"), by=by)
    _write("registration_cancelled", registration, by_staff=by is not None)
    return True


@transaction.atomic
def register_again(registration):
    """Take a seat back after cancelling, with what was asked for. Raises Full, Closed."""
    webinar = Webinar.objects.select_for_update().get(pk=registration.webinar_id)
    registration.refresh_from_db()
    registration.webinar = webinar
    if registration.state == Registration.State.REGISTERED:
        return registration
    if webinar.cancelled_at or webinar.is_over:
        raise Closed(_("You can no longer register for this webinar."))
    if webinar.is_full:
        raise Full(_("Every seat of this webinar is taken."))
    wanted = {field: getattr(registration, field) for field in REQUESTS}
    _seat(registration, registration.email, registration.language, wanted)
    _note(registration, _("Registered for “%(webinar)s”"))
    _write("registration", registration)
    return registration


def people_to_tell(webinar):
    """How many people would be written to if this unsaved change were saved."""
    before = Webinar.objects.filter(pk=webinar.pk, cancelled_at=None).first()
    if before is None or not _matters(before, webinar):
        return 0
    return before.seats_taken


def _matters(before, after):
    """Whether people must hear of it. What is over and stays over is history."""
    if before.is_over and after.is_over:
        return False
    return any(getattr(before, field) != getattr(after, field) for field in TOLD_OF)


@transaction.atomic
def reschedule(webinar):
    """Save a webinar. Where its time, link or title changed, SEQUENCE rises and everybody registered is owed an email.

    `tell_changes` writes them. Returns how many.
    """
    before = Webinar.objects.select_for_update().get(pk=webinar.pk)
    matters = not before.cancelled_at and _matters(before, webinar)
    webinar.sequence = before.sequence + 1 if matters else before.sequence
    webinar.cancelled_at = before.cancelled_at
    webinar.save()
    return webinar.seats_taken if matters else 0


@transaction.atomic
def call_off(webinar):
    """Cancel the whole webinar; everybody is owed an email that takes it out of their calendars.

    Returns how many, None if it was off or over.
    """
    going = Webinar.objects.filter(pk=webinar.pk, cancelled_at=None, ends_at__gt=timezone.now())
    if not going.update(cancelled_at=timezone.now(), sequence=F("sequence") + 1):
        return None
    webinar.refresh_from_db()
    return webinar.seats_taken


@transaction.atomic
def tell_changes(limit=100):
    """Write the emails owed after a webinar changed or was called off. Returns how many; 0 means nobody waits."""
    owed = (
        Registration.objects.filter(
            state=Registration.State.REGISTERED, told__lt=F("webinar__sequence"), webinar__ends_at__gt=timezone.now()
        )
        .select_related("webinar", "person")
        .select_for_update(of=["self"], skip_locked=True)
        .order_by("pk")[:limit]
    )
    owed = list(owed)
    for registration in owed:
        _write("webinar_cancelled" if registration.webinar.cancelled_at else "webinar_changed", registration)
    return len(owed)


@transaction.atomic
def remind_due(now=None, limit=100):
    """Remind by email a day and an hour before the start, each once for each start (rule W4). Returns how many.

    Whoever registered after the reminder was due has just had the confirmation, and gets none.
    """
    now = now or timezone.now()
    written = 0
    for name, (before, at_least) in REMINDERS.items():
        soon = Webinar.objects.filter(cancelled_at=None, starts_at__gt=now + at_least, starts_at__lte=now + before)
        for webinar in soon.order_by("starts_at", "pk"):
            mark = f"{name}-{int(webinar.starts_at.timestamp())}"
            due = (
                webinar.registrations.filter(
                    state=Registration.State.REGISTERED,
                    registered_at__lte=webinar.starts_at - before,
                    person__isnull=False,
                    person__binned_at=None,
                )
                .exclude(reminded=mark)
                .select_related("person")
                .select_for_update(of=["self"], skip_locked=True)
                .order_by("pk")[: limit - written]
            )
            for registration in due:
                registration.webinar = webinar
                notices.write(
                    "webinar_reminder",
                    channel=Address.Channel.EMAIL,
                    value=registration.email,
                    person=registration.person,
                    language=registration.language,
                    key=f"reminder-{registration.pk}-{mark}",
                    context=_context(registration) | {"soon": name},
                )
                Registration.objects.filter(pk=registration.pk).update(reminded=mark)
                written += 1
    return written


def answer_request(registration, state, *, kind=None):
    """Note where a request stands (rule W2): `kind` is one of REQUESTS, or all that was asked.

    Staff may also take a step back: an interpreter can fall ill. Returns whether anything moved.
    """
    moved = 0
    for field in [REQUESTS[kind]] if kind else REQUESTS.values():
        asked = Registration.objects.filter(pk=registration.pk).exclude(**{f"{field}__in": ["", state]})
        moved += asked.update(**{field: state})
    return bool(moved)


def answer_all(webinar, state, *, kind, value):
    """Answer everybody who asked for the same, such as interpretation into Spanish. Returns how many moved."""
    order = [Registration.Access.ASKED, Registration.Access.CONFIRMED, Registration.Access.PROVIDED]
    earlier = {f"{REQUESTS[kind]}__in": order[: order.index(state)]}
    asked = webinar.registrations.filter(Q(**{kind: value}), state=Registration.State.REGISTERED, **earlier)
    return asked.update(**{REQUESTS[kind]: state})


def _note(registration, text, by=None):
    timeline.note(
        registration.person,
        Entry.Kind.REGISTRATION,
        text,
        {"webinar": registration.webinar.title},
        link=reverse("webinars:inspect", args=[registration.webinar_id]),
        by=by,
    )


def _context(registration):
    return {
        "registration": registration,
        "webinar": registration.webinar,
        "personal_url": personal_url(registration),
        "asks_news": waits_for_news(registration),
    }


def _write(kind, registration, **context):
    """Owe one email with its calendar file, which outranks every file that went to this address before (rule W1)."""
    webinar = registration.webinar
    shared = Registration.objects.filter(webinar=webinar).filter(Q(pk=registration.pk) | Q(email=registration.email))
    held = shared.aggregate(highest=Max("sequence"))["highest"]
    registration.sequence = max(held, webinar.sequence) + 1
    registration.told = webinar.sequence
    Registration.objects.filter(pk=registration.pk).update(sequence=registration.sequence, told=registration.told)
    # A family shares a mailbox: while somebody there still comes, the event stays in its calendar.
    others = shared.exclude(pk=registration.pk).filter(state=Registration.State.REGISTERED)
    keeps = registration.state == Registration.State.CANCELLED and not webinar.cancelled_at and others.exists()
    return notices.write(
        kind,
        channel=Address.Channel.EMAIL,
        value=registration.email,
        person=registration.person,
        language=registration.language,
        key=f"webinar-{registration.pk}-{registration.sequence}",
        context=_context(registration) | context,
        attachments=[] if keeps else [_attachment(registration)],
    )


def _attachment(registration):
    webinar = registration.webinar
    return {
        "name": calendars.FILE_NAME,
        "type": f"text/calendar; method={calendars.method(webinar, registration)}",
        "content": calendars.calendar_file(webinar, language=registration.language, registration=registration),
    }
