"""The demo's carriers: emails land in an outbox, texts on phones, in rows of their own. Nothing leaves the machine.

What a provider tells us afterwards comes as a provider tells it: posted to our webhooks, signed or with the password.
"""

import email
import email.policy
import threading
import uuid

import requests
import structlog
from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse
from django.utils import timezone
from twilio.request_validator import RequestValidator

from coalition.models import SimulatedEmail, SimulatedText

from .base import Outcome, Status

log = structlog.get_logger(__name__)
PATIENCE = 30  # seconds that a provider waits for us
LANDLINE = "0198"  # numbers that end so cannot get texts
LANDLINE_CODE = 30006


def _http():
    session = requests.Session()
    session.trust_env = False  # the server is on this machine, whatever proxy the environment names
    return session


# Email


class EmailBackend(BaseEmailBackend):
    """A Django email backend: keeps each message as it would have left (RFC 5322), one row per recipient."""

    def send_messages(self, email_messages):
        kept = [
            SimulatedEmail(
                to=to,
                subject=message.subject[:250],
                language=message.extra_headers.get("Content-Language", ""),
                raw=message.message().as_bytes().decode(),
            )
            for message in email_messages
            for to in message.recipients()
        ]
        SimulatedEmail.objects.bulk_create(kept)
        return len(email_messages)


def parse(kept):
    """The message of an outbox row as the standard library reads it."""
    return email.message_from_bytes(kept.raw.encode(), policy=email.policy.default)


def one_click_address(message):
    """Where a mail program would post its one-click unsubscribe (RFC 8058); "" where the message offers none."""
    offered = str(message.get("List-Unsubscribe", "")).strip().strip("<>")
    one_click = str(message.get("List-Unsubscribe-Post", "")).strip() == "List-Unsubscribe=One-Click"
    return offered if one_click and offered.startswith(settings.PUBLIC_URL + "/") else ""


def one_click(kept):
    """Unsubscribe as a mail program does: a bare POST without cookies. Returns the status of the answer; 0 for none."""
    if not (url := one_click_address(parse(kept))):
        return 0
    return _post(_http(), url, data={"List-Unsubscribe": "One-Click"})


def bounce(kept):
    """Report that the mailbox does not exist, as Postmark reports it. Returns the status of the answer, or 0."""
    return _report_email(
        kept,
        RecordType="Bounce",
        Type="HardBounce",
        TypeCode=1,
        Name="Hard bounce",
        Description="The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        Details="smtp;550 5.1.1 The email account that you tried to reach does not exist.",
    )


def complain(kept):
    """Report that the reader marked it as spam, as Postmark reports it. Returns the status of the answer, or 0."""
    return _report_email(
        kept,
        RecordType="SpamComplaint",
        Type="SpamComplaint",
        TypeCode=512,
        Name="Spam complaint",
        Description="The subscriber explicitly marked this message as spam.",
    )


def _report_email(kept, *, TypeCode, **said):  # noqa: N803 - the provider's own names
    event = {
        "ID": kept.pk * 1000 + TypeCode,
        "MessageStream": "broadcast",
        "ServerID": 1,
        "MessageID": str(parse(kept)["Message-ID"]).strip(),
        "Metadata": {},
        "Email": kept.to,
        "From": settings.DEFAULT_FROM_EMAIL,
        "Subject": kept.subject,
        "BouncedAt": timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "TypeCode": TypeCode,
        "Inactive": True,
        "CanActivate": True,
        **said,
    }
    secret = settings.ANYMAIL.get("WEBHOOK_SECRET", ":")
    secret = secret if isinstance(secret, str) else secret[0]
    name, _colon, password = secret.partition(":")
    url = settings.PUBLIC_URL + reverse("anymail:postmark_tracking_webhook")
    return _post(_http(), url, json=event, auth=(name, password))


# Texts


class TextChannel:
    """Puts texts on phones and, like a carrier, reports a moment later what became of each."""

    def send(self, envelopes):
        kept = [
            SimulatedText(
                sid=f"SM{uuid.uuid4().hex}",
                number=envelope.to,
                ours=settings.TWILIO_FROM,
                body=envelope.text,
                status="undelivered" if envelope.to.endswith(LANDLINE) else "delivered",
            )
            for envelope in envelopes
        ]
        SimulatedText.objects.bulk_create(kept)
        news = [(text.sid, text.status, envelope.ref) for text, envelope in zip(kept, envelopes, strict=True)]
        threading.Thread(target=_report_texts, args=(news,), name="carrier", daemon=True).start()
        return [Outcome(Status.SENT, provider_id=text.sid) for text in kept]


_one_at_a_time = threading.Lock()


def _report_texts(news):
    """Tell the status webhook. One batch after the other, so that the news never crowds out people's requests."""
    with _one_at_a_time, _http() as session:
        for sid, status, ref in news:
            values = {"MessageSid": sid, "AccountSid": settings.TWILIO_ACCOUNT_SID, "MessageStatus": status}
            if status == "undelivered":
                values["ErrorCode"] = str(LANDLINE_CODE)
            if not _post_signed(session, f"{reverse('twilio_status')}?ref={ref}", values):
                return  # nobody is at home, as while the demo is being filled


def text_from(number, words):
    """A phone texts us: it goes to the webhook, signed, as from the carrier. Returns whether the webhook took it."""
    kept = SimulatedText.objects.create(
        sid=f"SM{uuid.uuid4().hex}", number=number, ours=settings.TWILIO_FROM, incoming=True, body=words
    )
    values = {
        "MessageSid": kept.sid,
        "SmsSid": kept.sid,
        "AccountSid": settings.TWILIO_ACCOUNT_SID,
        "From": number,
        "To": settings.TWILIO_FROM,
        "Body": words,
        "NumMedia": "0",
    }
    if _post_signed(_http(), reverse("twilio_inbound"), values) == 200:
        return True
    SimulatedText.objects.filter(pk=kept.pk).update(status="undelivered")
    return False


def _post_signed(session, path, values):
    url = settings.PUBLIC_URL + path
    signature = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(url, values)
    return _post(session, url, data=values, headers={"X-Twilio-Signature": signature})


def _post(session, url, **what):
    """The status of the answer; 0 when there is none."""
    try:
        return session.post(url, timeout=PATIENCE, allow_redirects=False, **what).status_code
    except requests.RequestException as error:
        log.debug("simulated provider", answer=type(error).__name__)
        return 0
