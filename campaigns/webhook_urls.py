"""Where providers knock: no language prefix, no session."""

from django.conf import settings
from django.urls import include, path

from campaigns import webhooks


def providers():
    """Doors for the news of email providers. Plain SMTP has none to tell: without a secret nobody is let in to close
    addresses (rule E4)."""
    if settings.EMAIL_PROVIDER == "smtp" and "WEBHOOK_SECRET" not in settings.ANYMAIL:
        return []
    return [path("anymail/", include("campaigns.provider_webhooks"))]


urlpatterns = [
    *providers(),
    path("twilio/inbound/", webhooks.inbound, name="twilio_inbound"),
    path("twilio/status/", webhooks.status, name="twilio_status"),
]
