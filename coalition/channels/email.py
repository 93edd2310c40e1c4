"""Email through Django's backend: Anymail's for any provider, SMTP, or the simulated outbox."""

import smtplib
from email.utils import make_msgid

from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused, AnymailRequestsAPIError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from .base import Outcome, Status


class EmailChannel:
    """Sends over one connection per call. A time-out after the body may have left, so it is *uncertain*."""

    def send(self, envelopes):
        outcomes = []
        connection = get_connection()
        try:
            connection.open()
        except (OSError, smtplib.SMTPException) as error:
            return [Outcome(Status.RETRY, error=type(error).__name__) for _envelope in envelopes]
        try:
            for envelope in envelopes:
                outcomes.append(self._send_one(connection, envelope))
        finally:
            connection.close()
        return outcomes

    def _send_one(self, connection, envelope):
        message = self._message(envelope, connection)
        try:
            message.send()
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            return Outcome(Status.FAILED if code >= 500 else Status.RETRY, error=f"SMTP {code}", code=code)
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            permanent = error.smtp_code >= 500
            return Outcome(Status.FAILED if permanent else Status.RETRY, error=f"SMTP {error.smtp_code}")
        except AnymailRecipientsRefused:
            return Outcome(Status.FAILED, error="refused by the provider")
        except AnymailRequestsAPIError as error:
            if error.status_code is None:
                return Outcome(Status.UNCERTAIN, error="no answer from the provider")
            later = error.status_code == 429
            return Outcome(
                Status.RETRY if later else Status.FAILED, error=f"HTTP {error.status_code}", code=error.status_code
            )
        except (AnymailAPIError, OSError, smtplib.SMTPException) as error:
            return Outcome(Status.UNCERTAIN, error=type(error).__name__)
        status = getattr(message, "anymail_status", None)
        return Outcome(Status.SENT, provider_id=(status and status.message_id) or message.extra_headers["Message-ID"])

    def _message(self, envelope, connection):
        domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
        message = EmailMultiAlternatives(
            subject=envelope.subject,
            body=envelope.text,
            to=[envelope.to],
            headers={
                "Message-ID": make_msgid(envelope.ref, domain),
                "Content-Language": envelope.language,
                **envelope.headers,
            },
            connection=connection,
        )
        if envelope.html:
            message.attach_alternative(envelope.html, "text/html")
        for part in envelope.attachments:
            message.attach(part["name"], part["content"], part["type"])
        message.metadata = {"ref": envelope.ref}
        return message
