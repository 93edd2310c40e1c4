"""The doors of a partner's desk: the link is the proof; a device nobody knows yet proves the email address to act."""

import re
from dataclasses import dataclass
from functools import wraps
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, translate_url
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from coalition import counting, languages, signing_on, speaking, spreadsheets
from coalition.forms.desk import HistoryForm
from coalition.models import Decision, Representative, Round
from coalition.signing_on import desk as desks
from coalition.signing_on import devices, links, waiting

COOKIE = "device"
PIXEL = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
KEPT_FOR = 365 * 24 * 3600  # seconds
# Programs that open links by themselves: mail filters, previews of chats, crawlers. Those that say so.
ROBOTS = re.compile(
    r"bot\b|crawl|spider|slurp|preview|scan|monitor|headless|curl|wget|python|java/|go-http|okhttp|libwww|httpclient"
    r"|facebookexternalhit|whatsapp|slack|skypeuri|barracuda|proofpoint|mimecast|safelinks|trendmicro|fireeye",
    re.IGNORECASE,
)


def private(response):
    """Not kept, not indexed, and the link is never told to another site."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def alternates(request):
    return {code: translate_url(request.get_full_path(), code) for code, _name in settings.LANGUAGES}


# Devices


def device_of(request):
    """What the cookie of the device holds; empty where it brings none."""
    return request.COOKIES.get(COOKIE, "")[:64]


def is_robot(request):
    """Whether a program says that it opens links by itself, or a browser looks ahead."""
    ahead = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    return request.method == "HEAD" or bool(ahead) or bool(ROBOTS.search(request.headers.get("User-Agent", "")))


def remember(response, value):
    """Give the device a cookie of chance, which opens nothing and says nothing about anybody."""
    response.set_cookie(
        COOKIE, value, max_age=KEPT_FOR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )
    return response


@dataclass
class Desk:
    """Who is at the desk, by which link, and what is known of the device."""

    representative: Representative
    token: str
    device: devices.Seen

    @property
    def person(self):
        return self.representative.person

    @property
    def organization(self):
        return self.representative.organization

    @property
    def organization_name(self):
        """As it is printed in the language of the page."""
        return self.organization.name_in(get_language())

    @property
    def trusted(self):
        return self.device.trusted

    @property
    def masked_name(self):
        """Enough of a name to know a colleague by, and no more: "C••• M•••"."""
        return " ".join(f"{word[0]}•••" for word in self.person.name.split()[:3])

    @property
    def masked_email(self):
        address = self.person.primary_email
        return "{0[0]}•••@{2}".format(*address.value.partition("@")) if address else ""

    def url(self, name, *args):
        """The address of another page of the same desk."""
        return reverse(name, args=[self.token, *args])


def _let_in(request, representative, token, view):
    """Call a view with the desk on the request; note the device once it shows that it is one."""
    value = device_of(request)
    device = devices.look(representative, value)
    fresh = "" if value else devices.new_value()
    came_back = value and not device.known and not is_robot(request)
    if came_back or (request.method == "POST" and (not device.known or not value)):
        device = devices.recognise(representative, value or fresh)
    request.desk = Desk(representative, token, device)
    try:
        response = private(view())
    except Exception:
        if fresh and device.known:  # an error page brings no cookie: nobody would ever be this device
            devices.forget(representative, fresh)
        raise
    return remember(response, fresh) if fresh else response


def at_desk(view):
    """Open a desk to the holder of its link: `view(request, desk, **kwargs)`; else say why it opens nothing.

    Cross-site forgery rides on cookies, and none of these doors is opened by one: the secret stands in the address.
    A desk shows what an organization keeps to itself, so a device that nobody knows proves the address to go in.
    """
    return _desk_door(view, strangers=False)


def at_doorstep(view):
    """Like `at_desk`, and also for a device that nobody knows yet."""
    return _desk_door(view, strangers=True)


def _desk_door(view, *, strangers):
    @csrf_exempt
    @never_cache
    @wraps(view)
    def door(request, token, **kwargs):
        def inside():
            if strangers or request.desk.trusted:
                return view(request, request.desk, **kwargs)
            return redirect(prove_url(request))

        try:
            return _let_in(request, signing_on.open_desk(token), token, inside)
        except signing_on.LinkError as error:  # also one that was closed while the page was open
            return private(no_desk(request, token, error))

    return door


def behind_link(request, representative, token, view):
    """Call `view()` behind the personal link of one text; `request.desk` opens no longer than that link."""
    issued = links.issued_at(token)
    return _let_in(request, representative, desks.desk_token(representative, issued), view)


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
    """Why a link opens nothing, and what to do about it."""
    reason = {signing_on.ExpiredLink: "expired", signing_on.RevokedLink: "revoked"}.get(type(error), "unknown")
    context = {"reason": reason, "token": token, "error": error, "alternates": alternates(request)}
    return render(request, "coalition/desk/no_desk.html", context, status=404 if reason == "unknown" else 410)


def page(request, desk, template, context=None, *, status=200):
    """A page of the desk, in its frame; `template` below templates/coalition/desk/."""
    context = {"desk": desk, "alternates": alternates(request), **(context or {})}
    return render(request, f"coalition/desk/{template}.html", context, status=status)


ON_A_PAGE = 15
ANSWERED_ON_A_PAGE = 5


def _pages(request, found, name="page", number=ON_A_PAGE):
    return Paginator(found, number).get_page(request.GET.get(name))


@at_desk
@require_safe
def home(request, desk):
    """What waits for this partner, by deadline; what it answered in open rounds; who else opened a link."""
    waits, answered = waiting.rounds(desk.organization)
    waits, answered = _pages(request, waits), _pages(request, answered, "answered", ANSWERED_ON_A_PAGE)
    lines = waiting.lines([*waits, *answered], desk.representative)
    context = {
        "room": "home",
        "page_obj": waits,
        "waits": [lines[pk] for pk in waits],
        "answered_page": answered,
        "answered": [lines[pk] for pk in answered],
        "role_changes": speaking.waiting_for(desk.representative),
        "strangers": devices.strangers(desk.representative)[:3] if desk.device.strangers else [],
        "zone": settings.TIME_ZONE,
    }
    return page(request, desk, "home", context)


@at_desk
@require_safe
def text(request, desk, pk):
    """From the desk to the page of one text; to a colleague of who was asked it opens as well."""
    round_ = get_object_or_404(Round.objects.filter(invitations__organization=desk.organization).distinct(), pk=pk)
    token = desks.link_to_text(desk.representative, desk.token, round_)
    if token is None:
        raise Http404
    return redirect("sign", token=token)


@at_desk
@require_safe
def history(request, desk):
    """Every decision of the organization, as a list and, with `as=csv`, as a file."""
    form = HistoryForm(request.GET, years=waiting.years(desk.organization))
    wanted = form.cleaned_data if form.is_valid() else {}
    found = waiting.history(desk.organization, **wanted)
    if request.GET.get("as") == "csv":
        return spreadsheets.csv_response(_("decisions") + ".csv", *_sheet(found))
    context = {
        "room": "history",
        "form": form,
        "page_obj": _pages(request, found),
        "filtered": any(wanted.values()),
        "zone": settings.TIME_ZONE,
    }
    return page(request, desk, "history", context)


def _sheet(found):
    """(header, rows) of the history as a file: everything on record about each decision."""
    header = [
        _("When"),
        _("Time zone"),
        _("Publication"),
        _("Version"),
        "SHA-256",
        _("Decision"),
        _("With our logo"),
        _("Needs time until"),
        _("Name"),
        _("Title"),
        _("Confirmed, word for word"),
        _("Reason"),
        _("The reason stays inside our organization"),
        _("After the deadline"),
        _("Late answer accepted"),
        _("How it came"),
        _("Stands now"),
    ]
    return header, (_row(decision) for decision in found)


def _row(decision):
    zone = decision.round.zone if decision.round else settings.TIME_ZONE
    waits = decision.late and decision.choice == Decision.Choice.SIGN and decision.accepted is None
    return [
        languages.local(decision.at, zone).strftime("%Y-%m-%d %H:%M:%S"),
        zone,
        decision.publication.title,
        decision.version.number,
        decision.version.digest,
        counting.State(decision.choice).label,
        _yes(decision.with_logo),
        decision.until,
        decision.signer_name,
        decision.signer_title,
        decision.attestation,
        decision.reason,
        _yes(decision.reason_private),
        _yes(decision.late),
        _("Waits") if waits else "" if decision.accepted is None else _yes(decision.accepted),
        decision.get_via_display(),
        _yes(decision.live),
    ]


def _yes(value):
    return _("Yes") if value else _("No")
