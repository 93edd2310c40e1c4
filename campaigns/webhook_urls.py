"""Where providers knock: no language prefix, no session."""

from django.urls import include, path

from campaigns import webhooks

urlpatterns = [
    path("anymail/", include("anymail.urls")),
    path("twilio/inbound/", webhooks.inbound, name="twilio_inbound"),
    path("twilio/status/", webhooks.status, name="twilio_status"),
]
