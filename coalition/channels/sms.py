"""Texts through Twilio's official client. The only place that imports its sending side."""

import requests
from django.conf import settings
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from .base import Outcome, Status

TIME_OUT = 15  # seconds
# Twilio's answers after which a text has surely stayed here and may be tried again: too many calls, closed for a while.
LATER_HTTP = {429, 503}
LATER_CODES = {14107, 20429, 30001, 30022, 63018}


class TwilioChannel:
    """One call for each text, over one kept session. Our reference rides in the address of the status callback."""

    def __init__(self):
        # The client never tries again by itself: a text whose answer got lost may have left (rule S11).
        http = TwilioHttpClient(timeout=TIME_OUT, max_retries=0)
        self.client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http)

    def send(self, envelopes):
        return [self._send_one(envelope) for envelope in envelopes]

    def _send_one(self, envelope):
        try:
            message = self.client.messages.create(
                to=envelope.to,
                body=envelope.text,
                status_callback=f"{settings.PUBLIC_URL}/webhooks/twilio/status/?ref={envelope.ref}",
                **_sender(),
            )
        except TwilioRestException as error:
            return _refusal(error)
        except requests.ConnectTimeout:
            return Outcome(Status.RETRY, error="carrier out of reach")
        except (requests.RequestException, TwilioException, OSError) as error:
            return Outcome(Status.UNCERTAIN, error=type(error).__name__)
        return Outcome(Status.SENT, provider_id=message.sid)


def _sender():
    sender = settings.TWILIO_FROM
    return {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}


def _refusal(error):
    if error.status in LATER_HTTP or error.code in LATER_CODES:
        return Outcome(Status.RETRY, error=f"Twilio {error.code or error.status}", code=error.code)
    if error.status >= 500:
        return Outcome(Status.UNCERTAIN, error=f"Twilio HTTP {error.status}")
    if error.status in (401, 403):  # our own mistake: nobody's text fails for it at once
        return Outcome(Status.RETRY, error=f"Twilio {error.code or error.status}", code=error.code)
    return Outcome(Status.FAILED, error=f"Twilio {error.code or error.status}", code=error.code)


class NoTextChannel:
    """Texts are switched off (TEXT_PROVIDER is empty)."""

    def send(self, envelopes):
        return [Outcome(Status.FAILED, error="texts are switched off") for _envelope in envelopes]
