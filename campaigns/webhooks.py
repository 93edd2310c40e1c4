"""Doors for the carrier: signed by it or refused, with nothing stored; the same news twice has one effect (S10)."""

import hmac

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig, TooManyFieldsSent
from django.http import HttpResponse, HttpResponseForbidden
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError
from twilio.request_validator import RequestValidator

from campaigns import receiving, tracking
from campaigns.forms.texts import InboundForm, StatusForm
from coalition.tasks import send_notices

log = structlog.get_logger(__name__)
AT_MOST = 64 * 1024  # bytes; Twilio's longest text is a fraction of it
NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def _refusal(request):
    """The answer to a request that is not the carrier's, or None: form-encoded, of a sane size, signed, our account."""
    if request.content_type != "application/x-www-form-urlencoded":
        return HttpResponse(status=415)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > AT_MOST:
        return HttpResponse(status=413)
    try:
        sent = request.POST
    except (RequestDataTooBig, TooManyFieldsSent):
        return HttpResponse(status=413)
    signature = request.headers.get("X-Twilio-Signature", "")
    if not settings.TWILIO_AUTH_TOKEN or not signature.isascii():
        return HttpResponseForbidden()
    validator = RequestValidator(settings.TWILIO_AUTH_TOKEN)
    if not any(validator.validate(url, sent, signature) for url in _public_urls(request)):
        log.warning("text webhook refused", path=request.path, why="signature")
        return HttpResponseForbidden()
    account = sent.get("AccountSid", "")
    if not hmac.compare_digest(account.encode(), settings.TWILIO_ACCOUNT_SID.encode()):
        log.warning("text webhook refused", path=request.path, why="account")
        return HttpResponseForbidden()
    return None


def _public_urls(request):
    """The addresses the carrier may have called: the one the proxy tells of and the one this installation gives out."""
    urls = {settings.PUBLIC_URL + request.get_full_path()}
    try:
        urls.add(request.build_absolute_uri())
    except DisallowedHost:
        log.info("text webhook", why="host not allowed")
    return urls


def _twiml():
    return HttpResponse(NOTHING, content_type="text/xml")


@csrf_exempt
@never_cache
@require_POST
def inbound(request):
    """A text came in. The answer is always empty: a reply, where one is owed, is a notice (see `receiving`)."""
    if refusal := _refusal(request):
        return refusal
    form = InboundForm(request.POST)
    if not form.is_valid():
        log.warning("text webhook", why="malformed", fields=sorted(form.errors))
        return HttpResponse(status=400)
    if not form.from_a_phone:
        return _twiml()
    values = form.cleaned_data
    text = receiving.receive(
        sid=values["MessageSid"], number=values["From"], body=values["Body"], carrier_answered=values["OptOutType"]
    )
    if text:
        try:
            send_notices.delay_on_commit()
        except OperationalError:  # the text is safe; beat sends what is owed
            log.warning("queue unreachable", task="send_notices")
    return _twiml()


@csrf_exempt
@never_cache
@require_POST
def status(request):
    """News of a text that we sent. The address names our row, so that news may come before we know the carrier's id."""
    if refusal := _refusal(request):
        return refusal
    form = StatusForm(request.POST)
    if not form.is_valid():
        log.warning("text webhook", why="malformed", fields=sorted(form.errors))
        return HttpResponse(status=400)
    values = form.cleaned_data
    tracking.record_text(
        values["MessageSid"], values["MessageStatus"], values["ErrorCode"], ref=request.GET.get("ref", "")[:40]
    )
    return HttpResponse(status=204)
