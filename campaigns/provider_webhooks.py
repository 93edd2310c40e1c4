"""Doors for the news of email providers: Anymail proves who knocks and reads what they say; what one request holds is
kept at once. What could not be kept is answered with 500, so that the provider tells it again; the rest stays kept."""

from functools import wraps

import structlog
from anymail import urls
from anymail.inbound import AnymailInboundMessage
from anymail.signals import AnymailInboundEvent, EventType, inbound
from anymail.webhooks.base import AnymailBasicAuthMixin, AnymailCoreWebhookView
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.urls import URLPattern
from kombu.exceptions import OperationalError

from campaigns import receivers
from coalition.tasks import send_notices

log = structlog.get_logger(__name__)
# Anymail no longer supports the one (rule E7) and knows the other by a newer name.
GONE = ("sendgrid", "sendinblue")
AT_MOST = 32 * 1024 * 1024  # bytes: some 20,000 events
NONSENSE = (AttributeError, LookupError, TypeError, ValueError)


class OneByOne:
    """Stands before Anymail's view: an event that makes no sense is counted, and the others of its batch are read."""

    unreadable = 0

    def esp_to_anymail_event(self, *args, **kwargs):
        try:
            return super().esp_to_anymail_event(*args, **kwargs)
        except UnicodeDecodeError as error:
            # A whole email of SparkPost's or Postal's, which is not all UTF-8: its parts say what they are written in.
            message = AnymailInboundMessage.parse_raw_mime_bytes(error.object)
            return AnymailInboundEvent(event_type=EventType.INBOUND, message=message)
        except NONSENSE as error:
            self._not_read(error)
            return None

    def unwrap_event(self, raw_event):
        """SparkPost's wrapping; an empty one stands for no event."""
        try:
            return super().unwrap_event(raw_event)
        except NONSENSE as error:
            self._not_read(error)
            return None, None, raw_event

    def _not_read(self, error):
        self.unreadable += 1
        log.error("event not understood", provider=self.esp_name, error=type(error).__name__)


class AllAtOnce(AnymailCoreWebhookView):
    """Stands behind Anymail's view: takes in a request as a whole, instead of a signal for each event."""

    def post(self, request, *args, **kwargs):
        if not self.basic_auth and self.warn_if_no_basic_auth:
            # Nothing else proves who knocks: without a secret anybody could close addresses (rule E4).
            log.error("no secret for webhooks is set", provider=self.esp_name)
            return HttpResponse(status=403)
        AnymailBasicAuthMixin.validate_request(self, request)  # before anything of it is read
        if request.content_type != "multipart/form-data":
            # A provider that could not reach us for a while tells more at once than we let visitors send.
            request._body = request.read(AT_MOST + 1)
            if len(request._body) > AT_MOST:
                return HttpResponse(status=413)
        self.run_validators(request)
        events = [event for event in self.parse_events(request) if event is not None]
        if self.signal is inbound:
            lost = receivers.take_mail(events)
            _send_notices()
        else:
            lost = receivers.take_news(events, self.esp_name) if events else 0
        return HttpResponse(status=500 if lost or self.unreadable else 200)


def _send_notices():
    try:
        send_notices.delay_on_commit()
    except OperationalError:  # what is owed is safe; beat sends it
        log.warning("queue unreachable", task="send_notices")


def _door(view):
    knock = type(view.__name__, (OneByOne, view, AllAtOnce), {"__doc__": view.__doc__}).as_view()

    @wraps(knock)
    def door(request, *args, **kwargs):
        try:
            return knock(request, *args, **kwargs)
        except ImproperlyConfigured:  # the key by which this provider proves itself is not set: nobody is believed
            log.error("no key for webhooks is set", provider=view.esp_name)
            return HttpResponse(status=403)

    return door


urlpatterns = [
    URLPattern(door.pattern, _door(door.callback.view_class), name=door.name)
    for door in urls.urlpatterns
    if not door.name.startswith(GONE)
]
app_name = urls.app_name
