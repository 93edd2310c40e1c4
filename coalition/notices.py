"""Notices: a verb writes the row in its own transaction; a door enqueues the sending; beat picks up what was missed.

Claimed rows are committed before anything leaves, so a killed worker leaves an *uncertain* row and never a second copy.
"""

from datetime import timedelta
from functools import partial

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.template import Context
from django.template.loader import get_template, render_to_string
from django.utils import timezone
from django.utils.translation import override

from coalition import channels, consent, papers, quiet_hours
from coalition.languages import language_of
from coalition.models import Address, Consent, Decision, Installation, Notice, Suppression
from coalition.zones import zones_of

log = structlog.get_logger(__name__)

IN_HAND_AT_MOST = timedelta(minutes=5)
TRIES = 6
OWED = ("pk", "value", "created_at")
SELF_FORGETTING = {"erased", "desk_code", "review", "passed_on"}
BEGUN_BY_US = {"sign_on_text"}  # texts that answer nothing the person just did: they keep S1 and S7
SAID_STOP = 21610  # the carrier knows of a stop that we do not (rule S9)
NO_MOBILE = {21211, 21614}


def write(
    kind,
    *,
    channel,
    value,
    language,
    key,
    context=None,
    person=None,
    attachments=(),
    text="",
    subject="",
    by=None,
    expires_at=None,
):
    """Owe somebody a small message. Called twice with the same `key` it is owed once; returns the row.

    An email is rendered from `templates/email/<kind>.html`, `.txt`, `_subject.txt` in `language`; a text is `text`.
    `attachments`: [{"name", "type", "content"}], content as text; or {"name", "type", "certificate": key of a Decision}
    for what is drawn when it leaves.
    `expires_at`: what has not left by then is not sent at all.
    """
    html = ""
    if channel == Address.Channel.EMAIL and not text:
        subject, text, html = compose(kind, language=language, context={"person": person, **(context or {})}).values()
    notice, _new = Notice.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "channel": channel,
            "value": value,
            "language": language,
            "person": person,
            "subject": subject[:250],
            "text": text,
            "html": html,
            "attachments": list(attachments),
            "by": by,
            "due_at": timezone.now(),
            "expires_at": expires_at,
        },
    )
    return notice


def write_to_staff(kind, user, *, key, context, language=None, by=None):
    """Owe one of the staff an email, in `language` or else the one they chose for the back office. Returns the row."""
    return write(
        kind,
        channel=Address.Channel.EMAIL,
        value=user.email,
        language=language or language_of(user),
        key=key,
        context=context,
        by=by,
    )


def compose(kind, *, language, context):
    """{"subject", "text", "html"} of a kind of email, in a language."""
    with override(language):
        values = {
            "installation": Installation.get(),
            "language": language,
            "public_url": settings.PUBLIC_URL,
            **context,
        }
        # Joined by single spaces: a line break in a name can never start a header of its own.
        values["subject"] = " ".join(_plain(f"email/{kind}_subject.txt", values).split())
        return {
            "subject": values["subject"],
            "text": _plain(f"email/{kind}.txt", values).strip() + "\n",
            "html": render_to_string(f"email/{kind}.html", values),
        }


def _plain(template, values):
    """A template without HTML in it: nothing is escaped."""
    return get_template(template).template.render(Context(values, autoescape=False))


def _claim(limit):
    """(how many were due, those of them that leave now)."""
    with transaction.atomic():
        queued = Notice.objects.filter(state=Notice.State.QUEUED)
        queued.filter(expires_at__lt=timezone.now()).update(state=Notice.State.FAILED, error="too late")
        due = queued.filter(due_at__lte=timezone.now()).order_by("due_at", "pk")
        taken = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
        overtaken = _overtaken_by_stop(taken)
        Notice.objects.filter(pk__in=overtaken).update(state=Notice.State.FAILED, error="said stop")
        leaving = _allowed_now(set(taken) - set(overtaken))
        Notice.objects.filter(pk__in=leaving).update(
            state=Notice.State.SENDING, claimed_at=timezone.now(), attempts=F("attempts") + 1
        )
    return len(taken), list(Notice.objects.filter(pk__in=leaving).order_by("pk"))


def _allowed_now(taken):
    """Those among these that leave now. Texts that we begin need a yes that still stands (S1); outside the hours of
    the recipient's own clock they wait for the next window, or expire (S7)."""
    begun = Notice.objects.filter(pk__in=taken, channel=Address.Channel.PHONE, kind__in=BEGUN_BY_US)
    begun = list(begun.select_related("person"))
    if not begun:
        return taken
    numbers = Address.objects.open().filter(channel=Address.Channel.PHONE, person__in=[n.person_id for n in begun])
    said_yes = set(numbers.values_list("person", "value"))
    installation, now, stay = Installation.get(), timezone.now(), set()
    for notice in begun:
        change = {"state": Notice.State.FAILED, "error": "no consent"}
        if (notice.person_id, notice.value) in said_yes:
            zones = zones_of(time_zone=notice.person.time_zone, state=notice.person.state, number=notice.value)
            when = quiet_hours.next_allowed(installation, zones, now)
            if when == now:
                continue
            change = {"due_at": when} if when else {"state": Notice.State.FAILED, "error": "quiet hours"}
        Notice.objects.filter(pk=notice.pk).update(**change)
        stay.add(notice.pk)
    return taken - stay


def _overtaken_by_stop(taken):
    """Texts among these that were owed before their number said stop, as one that came back from our hand (S4)."""
    texts = Notice.objects.filter(pk__in=taken, channel=Address.Channel.PHONE)
    owed = [(pk, consent.digest(Address.Channel.PHONE, value), at) for pk, value, at in texts.values_list(*OWED)]
    if not owed:
        return []
    stops = dict(Suppression.objects.filter(pk__in=[key for _pk, key, _at in owed]).values_list("pk", "at"))
    return [pk for pk, key, at in owed if key in stops and at < stops[key]]


def send_due(limit=20):
    """Send what is owed, a few at a time. Returns how many were handed over or settled; 0 means nothing is due."""
    due, taken = _claim(limit)
    for notice in taken:
        outcome = channels.channel_for(notice.channel).send([_envelope(notice)])[0]
        _record(notice, outcome)
        _learn(notice, outcome)
        if notice.kind in SELF_FORGETTING:
            _forget(notice)
    return due


def _envelope(notice):
    return channels.Envelope(
        ref=f"notice-{notice.pk}",
        to=notice.value,
        language=notice.language,
        subject=notice.subject,
        text=notice.text,
        html=notice.html,
        attachments=[part for part in map(partial(_drawn, notice), notice.attachments) if part],
    )


def _drawn(notice, part):
    """An attachment as it leaves. A certificate that cannot be drawn stays at home: its link stands in the words."""
    if "certificate" not in part:
        return part
    decision = Decision.objects.select_related("version__publication", "organization", "round")
    try:
        content = papers.certificate_pdf(decision.get(pk=part["certificate"]), notice.language)
    except papers.Unavailable:
        return None
    except Exception as error:  # the receipt must leave whatever became of the paper
        log.exception("certificate not drawn", notice=notice.pk, error=type(error).__name__)
        return None
    return {"name": part["name"], "type": part["type"], "content": content}


def _record(notice, outcome):
    held = Notice.objects.filter(pk=notice.pk, state=Notice.State.SENDING)
    if outcome.status == channels.Status.RETRY and notice.attempts < TRIES:
        later = timezone.now() + timedelta(seconds=30 * 2**notice.attempts)
        held.update(state=Notice.State.QUEUED, due_at=later, error=outcome.error[:200])
    elif outcome.status in (channels.Status.RETRY, channels.Status.FAILED):
        held.update(state=Notice.State.FAILED, error=outcome.error[:200])
        log.warning("notice failed", notice=notice.pk, kind=notice.kind, error=outcome.error[:80])
    elif outcome.status == channels.Status.UNCERTAIN:
        held.update(state=Notice.State.UNCERTAIN, error=outcome.error[:200])
    else:
        held.update(state=Notice.State.SENT, sent_at=timezone.now(), provider_id=outcome.provider_id, error="")


def _forget(notice):
    """The last word to somebody who was erased (rule P4), and a code that opens a desk, are kept until they left."""
    gone = Notice.objects.filter(pk=notice.pk).exclude(state__in=[Notice.State.QUEUED, Notice.State.SENDING])
    gone.update(value="", subject="", text="", html="")


def _learn(notice, outcome):
    """What the channel said of the address itself (rules E4, S9)."""
    if notice.channel == Address.Channel.EMAIL:
        if outcome.dead:
            consent.mark_fault(notice.channel, notice.value, Address.Fault.BOUNCED)
    elif outcome.code == SAID_STOP:
        source, evidence = Consent.Source.PROVIDER, f"Twilio {outcome.code}"
        consent.withdraw(notice.channel, notice.value, source=source, language=None, evidence=evidence)
    elif outcome.code in NO_MOBILE:
        consent.mark_fault(notice.channel, notice.value, Address.Fault.UNABLE)


def sweep():
    """What a dead worker held may have left: it becomes *uncertain*, for a person to settle. Returns how many."""
    lost = Notice.objects.filter(state=Notice.State.SENDING, claimed_at__lt=timezone.now() - IN_HAND_AT_MOST)
    number = lost.update(state=Notice.State.UNCERTAIN)
    for notice in Notice.objects.filter(kind__in=SELF_FORGETTING).exclude(value=""):
        _forget(notice)
    return number
