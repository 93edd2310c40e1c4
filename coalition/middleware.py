"""Languages of addresses: only an address that leads nowhere is tried again with a language in front."""

from django.conf import settings
from django.http import Http404
from django.middleware.locale import LocaleMiddleware as DjangoLocaleMiddleware
from django.utils.translation import get_language
from django.views.defaults import page_not_found

from coalition import audit


class LocaleMiddleware(DjangoLocaleMiddleware):
    """The site's pages match any address below /en/ and /es/, so Django would turn every 404 into a redirect.

    Where a view of ours answered 404 (a back-office page, a webhook, a one-click link), 404 is the answer.
    """

    def process_response(self, request, response):
        if response.status_code == 404 and getattr(request, "resolver_match", None):
            response.headers.setdefault("Content-Language", get_language())
            return response
        return super().process_response(request, response)


class AuditMiddleware:
    """What staff do in a request is recorded as theirs, from where they are (rule P5)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with audit.acting(by=request.user, origin=origin_of(request)):
            return self.get_response(request)


def origin_of(request):
    """The visitor's IP address: behind a proxy the last one that the proxy itself saw."""
    if settings.USE_X_FORWARDED_HOST and (forwarded := request.headers.get("X-Forwarded-For")):
        return forwarded.split(",")[-1].strip()[:64]
    return request.META.get("REMOTE_ADDR", "")


class DemoNotFoundMiddleware:
    """The demo runs with DEBUG, whose 404 lists our addresses; its visitors get the page that everybody else gets."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if settings.DEMO and isinstance(exception, Http404):
            return page_not_found(request, exception)
        return None
