"""The doors of a partner's desk: the link is the proof; a device nobody knows yet proves the email address to act."""

from dataclasses import dataclass
from functools import wraps
from urllib.parse import urlencode

from django.conf import settings
from django.shortcuts import redirect, render
from django.urls import reverse, translate_url
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from coalition import signing_on
from coalition.models import Representative
from coalition.signing_on import desk as desks
from coalition.signing_on import devices

COOKIE = "device"
KEPT_FOR = 365 * 24 * 3600  # seconds


def private(response):
    """Not kept, not indexed, and the link is never told to another site."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def alternates(request):
    return {code: translate_url(request.get_full_path(), code) for code, _name in settings.LANGUAGES}


def device_of(request):
    """What the cookie of the device holds; empty where it brings none."""
    return request.COOKIES.get(COOKIE, "")[:64]


def remember(request, response, value=""):
    """Give the device a cookie of chance, which opens nothing and says nothing about anybody."""
    if not device_of(request):
        response.set_cookie(
            COOKIE,
            value or devices.new_value(),
            max_age=KEPT_FOR,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response


@dataclass
class Desk:
    """Who is at the desk, by which link, and whether this device may act for them."""

    representative: Representative
    token: str
    trusted: bool

    @property
    def person(self):
        return self.representative.person

    @property
    def organization(self):
        return self.representative.organization

    def url(self, name, *args):
        """The address of another page of the same desk."""
        return reverse(name, args=[self.token, *args])


def desk_of(request, representative, token):
    """The desk that a personal link leads to: it opens no longer than the link itself."""
    issued = desks.issued_at(token)
    trusted = devices.is_trusted(representative, device_of(request))
    return Desk(representative, desks.desk_token(representative, issued), trusted)


def at_desk(view):
    """Open a desk to the holder of its link: `view(request, desk, **kwargs)`; else say why it opens nothing.

    Cross-site forgery rides on cookies, and none of these doors is opened by one: the secret stands in the address.
    """

    @csrf_exempt
    @never_cache
    @wraps(view)
    def door(request, token, **kwargs):
        try:
            representative = signing_on.open_desk(token)
        except signing_on.LinkError as error:
            return private(no_desk(request, token, error))
        request.desk = Desk(representative, token, devices.is_trusted(representative, device_of(request)))
        return private(remember(request, view(request, request.desk, **kwargs)))

    return door


def only_trusted(view):
    """A door that changes something: a device nobody knows proves the email address first, and comes back.

    Stands behind `at_desk`, or behind `personal` on the pages of a single text; both leave the desk on the request.
    """

    @wraps(view)
    def door(request, *args, **kwargs):
        if request.desk.trusted:
            return view(request, *args, **kwargs)
        return redirect(prove_url(request))

    return door


def prove_url(request):
    """Where a device proves the email address, to come back to this page."""
    return request.desk.url("desk_prove") + "?" + urlencode({"next": request.get_full_path()})


def no_desk(request, token, error):
    reason = {signing_on.ExpiredLink: "expired", signing_on.RevokedLink: "revoked"}.get(type(error), "unknown")
    context = {"reason": reason, "token": token, "error": error, "alternates": alternates(request)}
    return render(request, "coalition/desk/no_desk.html", context, status=404 if reason == "unknown" else 410)


def page(request, desk, template, context=None, *, status=200):
    """A page of the desk, in its frame; `template` below templates/coalition/desk/."""
    context = {"desk": desk, "alternates": alternates(request), **(context or {})}
    return render(request, f"coalition/desk/{template}.html", context, status=status)


@at_desk
def home(request, desk):
    """What waits for this partner."""
    return page(request, desk, "home")


@at_desk
def prove(request, desk):
    """Prove the address on record by a code, then go back to where one wanted to act."""
    return page(request, desk, "prove")


@at_desk
def history(request, desk):
    """Every decision of the organization."""
    return page(request, desk, "history")
