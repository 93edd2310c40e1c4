"""Somebody answers an email: a plain wish to stop, on what they really got, closes the address (rule E3); everything
else goes to the coalition's own mailbox, for a person to read. What machines answer is left alone (RFC 3834).
"""

import hashlib
import re
from datetime import timedelta
from html import unescape
from typing import NamedTuple

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from campaigns import keywords, tracking
from campaigns.keywords import Sense
from campaigns.models import Delivery, TrackingEvent
from coalition import addresses, consent, notices
from coalition.models import Address, Consent, Installation, Notice

log = structlog.get_logger(__name__)
EMAIL = Address.Channel.EMAIL
KIND = "passed_on"
PASSED_ON_A_DAY = 500  # more is a flood, which nobody would read
WISH_AT_MOST = 40  # words; who writes more has more to say than stop, and a person reads it
WISH_IN_LETTERS = 1000  # at most: words may be of any length, and Unicode takes its time to fold some
READ_AT_MOST = 100_000  # characters of a mail: what they wrote themselves stands on top
KEPT_OF_A_REPLY = 5000  # characters
# Where the words of the email that is answered begin, as mail programs of both languages put it.
QUOTED = re.compile(
    r"^\s*(?:>|-{2,}\s*(?:original message|mensaje original|forwarded message|mensaje reenviado)|_{10,}\s*$|-- ?$|"
    r"(?:from|de|enviado|sent)\s*:\s.*@|(?:on|el)\s.{4,200}\b(?:wrote|escribi[oó])\s*:\s*$)",
    re.IGNORECASE,
)
QUOTED_HTML = re.compile(r"<blockquote|gmail_quote|divRplyFwdMsg|moz-cite-prefix", re.IGNORECASE)
# What nobody sees: it ends with the mail where its own end is missing, so that each letter is looked at once.
UNSEEN_HTML = re.compile(r"(?is)<!--.*?(?:-->|\Z)|<(style|script|title)\b.*?(?:</\1>|\Z)")
NO_LETTER = re.compile(r"(?i)&#(?:\d{8,}|x[0-9a-f]{8,});?")  # Unicode has not as many; `unescape` may refuse them
BREAK_HTML = re.compile(r"(?i)<br\s*/?>|</(?:p|div|li)>")
TAG_HTML = re.compile(r"(?i)</?[a-z!?][^<>]*>")
# The keywords are those of texts; what is said of emails is said of messages.
AS_TEXTS = ((re.compile(r"(?i)\be-?mails?\b"), "messages"), (re.compile(r"(?i)\bcorreos?\b"), "mensajes"))
MARKED = re.compile(r"^\s*(?:re|rv|aw|fwd?|reenv)\s*:", re.IGNORECASE)


class Reply(NamedTuple):
    """An email that came in. `answers`: the Message-IDs that it names (In-Reply-To, References); `text` or `html`."""

    sender: str
    subject: str = ""
    text: str = ""
    html: str = ""
    message_id: str = ""
    answers: tuple = ()


@transaction.atomic
def receive(reply):
    """Take in one reply. Returns "stopped", "passed on", or "" where nothing is to be done. Twice has one effect."""
    try:
        sender = addresses.normalise(EMAIL, reply.sender)
    except ValidationError:
        return ""
    delivery = _answered(sender, reply.answers)
    reading = keywords.read(wish(reply))
    if delivery and reading.sense == Sense.STOP:
        _stop(delivery, reading.language)
        return "stopped"
    return "passed on" if _pass_on(reply, sender) else ""


def wish(reply):
    """What they wrote themselves, where it is short enough to be one wish; the subject, where they wrote only that."""
    said = own_words(reply)
    if not said and not MARKED.match(reply.subject):
        said = reply.subject.strip()
    if len(said) > WISH_IN_LETTERS or len(said.split()) > WISH_AT_MOST:
        return ""
    for word, of_texts in AS_TEXTS:
        said = word.sub(of_texts, said)
    return said


def own_words(reply):
    """The words above the email that is answered, without a signature."""
    text = reply.text[:READ_AT_MOST]
    if not text.strip() and reply.html:
        html = reply.html[:READ_AT_MOST]
        if quoted := QUOTED_HTML.search(html):
            html = html[: html.rfind("<", 0, quoted.start() + 1)]
        html = BREAK_HTML.sub("\n", UNSEEN_HTML.sub(" ", html))
        text = unescape(NO_LETTER.sub("", TAG_HTML.sub("", html)))
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if QUOTED.match(line):
            break
        lines.append(line)
    # "On Tuesday, hello@… <hello@…>" may break before its "wrote:".
    said = re.sub(r"(?is)^(?:on|el)\s[^\n]{4,200}\n[^\n]{0,200}\b(?:wrote|escribi[oó])\s*:.*", "", "\n".join(lines))
    return re.sub(r"(?ims)\n(?:on|el)\s[^\n]{4,200}\n[^\n]{0,200}\b(?:wrote|escribi[oó])\s*:.*", "", said).strip()


def _answered(sender, answers):
    """The delivery to this very address that is answered: its own Message-ID or the one its provider gave it."""
    pks, ids = [], []
    for message_id in answers:
        if (own := tracking.OWN_ID.match(message_id)) and own[1].startswith("delivery-"):
            pks.append(int(own[1].removeprefix("delivery-")[:18]))
        bare = message_id.strip("<>")
        ids += [f"<{bare}>", bare, bare.partition("@")[0]]
    theirs = Delivery.objects.filter(value=sender).exclude(state=Delivery.State.HELD).order_by("-pk")
    return (theirs.filter(pk__in=pks).first() if pks else None) or (
        theirs.filter(provider_id__in=ids).first() if ids else None
    )


def _stop(delivery, language):
    consent.withdraw(
        EMAIL,
        delivery.value,
        source=Consent.Source.EMAIL_REPLY,
        language=language or delivery.language,
        evidence=f"delivery {delivery.pk}",
    )
    TrackingEvent.objects.get_or_create(
        provider="reply",
        event_id=str(delivery.pk),
        defaults={"kind": "unsubscribed", "delivery": delivery, "at": timezone.now()},
    )


def _pass_on(reply, sender):
    """A notice to the coalition's mailbox, once; it is forgotten when it left."""
    installation = Installation.get()
    recent = Notice.objects.filter(kind=KIND, created_at__gte=timezone.now() - timedelta(days=1))
    if not installation.email or sender == installation.email.lower() or recent.count() >= PASSED_ON_A_DAY:
        log.warning("reply not passed on")
        return False
    named = reply.message_id or f"{sender}|{reply.subject}|{reply.text}|{reply.html}"
    said = own_words(reply) or reply.text.strip()
    notices.write(
        KIND,
        channel=EMAIL,
        value=installation.email,
        language=settings.LANGUAGE_CODE,
        key=f"{KIND}-{hashlib.sha256(named.encode()).hexdigest()}",
        context={"sender": sender, "about": reply.subject[:200], "said": said[:KEPT_OF_A_REPLY]},
    )
    return True
