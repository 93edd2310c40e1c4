"""The demo's carriers: emails land in an outbox, texts on phones, in rows of their own. Nothing leaves the machine."""

from django.core.mail.backends.base import BaseEmailBackend

from coalition.models import SimulatedEmail


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
