"""What stands before every view: languages of addresses, who acts from where, and the door of the back office."""

from django.conf import settings
from django.http import Http404, HttpResponseForbidden
from django.middleware.locale import LocaleMiddleware as DjangoLocaleMiddleware
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.views.defaults import page_not_found

from coalition import audit, second_factor, sign_ins

BACK_OFFICE = "/admin/"
STAFF_ONLY = (BACK_OFFICE, "/documents/")  # a document may be for who is signed in
DOORSTEP = ("/admin/login/", "/admin/logout/", "/admin/password_reset/", "/admin/jsi18n/")


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


class StaffMiddleware:
    """Nobody passes into the back office whose second factor is owed; and a session shows when it was last seen."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not request.path.startswith(STAFF_ONLY) or not request.user.is_authenticated:
            return self.get_response(request)
        key = request.session.session_key
        sign_ins.seen(request.session, origin_of(request))
        response = self._owed(request) or self.get_response(request)
        if request.session.session_key not in (key, None):
            sign_ins.moved(request.session, key)
        return response

    def _owed(self, request):
        if request.user.is_verified() or request.path.startswith(DOORSTEP):
            return None
        if settings.DEMO and request.session.get("demo_door"):
            return None
        has, required = second_factor.standing(request.user)
        if not has and not required:
            return None
        if request.headers.get("X-Requested-With") == "XMLHttpRequest" or request.headers.get("HX-Request"):
            return HttpResponseForbidden()
        return redirect("sign_in_code" if has else "sign_in_set_up")


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
