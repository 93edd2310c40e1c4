"""Ears for email providers: Anymail's events, in its one vocabulary for all of them, become the values of our verbs."""

import re
from email.errors import MessageError

import structlog
from django.db import DataError, IntegrityError

from campaigns import replying, tracking
from campaigns.replying import Reply
from campaigns.tracking import News

log = structlog.get_logger(__name__)
# A reply such as "452 4.2.2 mailbox full": 4 means "not now", 5 "never" (RFC 3463).
PASSING = re.compile(r"\b4\d\d\b|\b4\.\d{1,3}\.\d{1,3}\b")
LASTING = re.compile(r"\b5\d\d\b|\b5\.\d{1,3}\.\d{1,3}\b")
POLICY = re.compile(r"\b5\.7\.\d{1,3}\b")  # not this message, or not from us: the mailbox exists (RFC 3463, 3.8)
# SparkPost's classes of bounces that pass: full, too large, no answer, no name server, out of office …
SPARKPOST_PASSING = {"20", "21", "22", "23", "24", "40", "60", "70", "100"}


def take_news(events, provider):
    """Keep the events of one request of a provider's. Returns how many could not be kept, for it to send again."""
    return tracking.record_each(provider.lower(), [news_of(event) for event in events])


def news_of(event):
    raw = event.esp_event if isinstance(event.esp_event, dict) else {}
    kind = str(event.event_type)
    if kind == "failed" and (raw.get("payload") or {}).get("status") == "HardFail":  # Postal's word for a bounce
        kind = "bounced"
    return News(
        kind=kind,
        event_id=str(event.event_id or ""),
        ref=str((event.metadata or {}).get("ref", "")),
        provider_id=str(event.message_id or ""),
        recipient=str(event.recipient or ""),
        at=event.timestamp,
        reason=str(event.reject_reason or ""),
        soft=_may_pass(event, raw),
    )


def _may_pass(event, raw):
    """Whether a bounce is one of those that pass. Anymail does not tell; the provider's own words do."""
    if (said := _in_its_own_words(raw)) is not None:
        return said
    if "full" in str(event.description or "").lower():  # the mailbox, not the world
        return True
    answer = str(event.mta_response or "")
    return bool(POLICY.search(answer)) or (bool(PASSING.search(answer)) and not LASTING.search(answer))


def _in_its_own_words(raw):
    """True or False where the provider says it outright, else None."""
    kind = str(raw.get("Type") or raw.get("type") or raw.get("event") or "").lower()
    if "soft" in kind or "hard" in kind:
        return "soft" in kind
    if "hard_bounce" in raw:  # Mailjet
        return not raw["hard_bounce"]
    bounce = raw.get("bounce") or (raw["data"].get("bounce") if isinstance(raw.get("data"), dict) else None)
    if isinstance(bounce, dict) and (kind := bounce.get("bounceType") or bounce.get("type")):  # Amazon SES; Resend
        return kind != "Permanent"
    for told in raw["msys"].values() if isinstance(raw.get("msys"), dict) else ():  # SparkPost
        if "bounce_class" in told:
            return str(told["bounce_class"]) in SPARKPOST_PASSING
    return None


# Mail that comes in

MESSAGE_ID = re.compile(r"<[^<>\s]{3,250}>")
NAMED_AT_MOST = 30  # emails that a reply names: a long thread ends with the newest
# What reading a mail raises that somebody's program broke: a header without its end, or of comments within comments,
# an encoding that nobody knows.
BROKEN = (AttributeError, LookupError, RecursionError, TypeError, ValueError, MessageError)
MACHINES = re.compile(r"(?:mailer-daemon|postmaster|bounces?|no-?reply|do-?not-?reply)(?:[+-].*)?@", re.IGNORECASE)


def take_mail(events):
    """Take in the replies of one request. Returns how many could not be, for the provider to send them again."""
    lost = 0
    for event in events:
        if event.message is None or event.message.spam_detected or _is_automatic(event.message):
            continue
        try:
            replying.receive(_reply_of(event.message))
        except (DataError, IntegrityError, ValueError) as error:
            log.error("reply not taken in", error=type(error).__name__)  # its words may hold the reply's
            lost += 1
    return lost


def _reply_of(message):
    named = f"{_header(message, 'References')} {_header(message, 'In-Reply-To')}"
    return Reply(
        sender=_sender(message),
        subject=_plain(_header(message, "Subject")),
        text=_plain(message.stripped_text or _words(message, "text/plain")),
        html=_plain(_words(message, "text/html")),
        message_id=_plain(_header(message, "Message-ID")),
        answers=tuple(MESSAGE_ID.findall(named)[-NAMED_AT_MOST:]),
    )


def _header(message, name):
    """A header as text; empty where it is missing or nobody can read it."""
    try:
        return str(message.get(name, ""))
    except BROKEN:
        return ""


def _words(message, kind):
    """The body of a content type. Of an encoding that nobody knows the plain letters, in which a wish can be read."""
    try:
        return message.text if kind == "text/plain" else message.html
    except BROKEN:
        parts = [part for part in message.walk() if part.get_content_type() == kind and not part.is_multipart()]
        return (parts[0].get_payload(decode=True) or b"").decode(errors="replace") if parts else ""


def _plain(text):
    """What came, as a database takes it: without zeros and halves of characters."""
    return str(text or "").replace("\0", "").encode(errors="replace").decode()


def _sender(message):
    """The one who writes; of several or none nobody can be believed."""
    try:
        sender = message.from_email
        return "" if sender is None or isinstance(sender, list) else str(sender.addr_spec)
    except BROKEN:
        return ""


def _is_automatic(message):
    """Whether a machine answers: holiday notes, lists, reports of what was not delivered (RFC 3834, RFC 3464)."""
    return (
        (_header(message, "Auto-Submitted") or "no").split(";")[0].strip().lower() != "no"
        or _header(message, "Precedence").strip().lower() in ("bulk", "list", "junk", "auto_reply")
        or any(name in message for name in ("X-Autoreply", "X-Autorespond", "List-Id"))
        or message.get_content_type() in ("multipart/report", "message/delivery-status")
        or _header(message, "Return-Path").strip() == "<>"
        or message.envelope_sender in ("", "<>")
        or bool(MACHINES.match(_sender(message)))
    )
