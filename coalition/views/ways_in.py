"""Ways to a partner's desk: a code by email, with or without a link; a new link; and closing one that went astray."""

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, translate_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from coalition import signing_on, tasks
from coalition.forms.desk import CodeForm, WayInCodeForm, WayInForm
from coalition.middleware import origin_of
from coalition.signing_on import codes, devices, links
from coalition.signing_on import desk as desks

from .desk import PIXEL, alternates, at_desk, at_doorstep, device_of, no_desk, page, private, remember

ASKS_AN_HOUR = 30  # from one connection: an office of many partners may share one
TRIES_AN_HOUR = 60


def _too_often(request, what, at_most):
    """Whether too much of this came from one connection within the hour. No address and no name is kept."""
    key = f"desk-{what}-{origin_of(request)}"
    cache.add(key, 0, 3600)
    try:
        return cache.incr(key) > at_most
    except ValueError:  # it ended in between
        return False


# With a link, on a device that nobody knows


@sensitive_post_parameters("code")
@at_doorstep
@require_http_methods(["GET", "HEAD", "POST"])
def prove(request, desk):
    """Prove the address on record by a code, then go back to where one wanted to act."""
    back = request.GET.get("next", "")
    if not (back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)):
        back = desk.url("desk")
    if desk.trusted and desk.device.known:
        return redirect(back)
    form, sent, status = CodeForm(), False, 200
    if request.method == "POST" and "send" in request.POST:
        codes.send_code(desk.person, language=get_language())
        tasks.send_notices.delay_on_commit()
        sent = True
    elif request.method == "POST":
        form, sent = CodeForm(request.POST), True
        if not device_of(request):
            form.add_error(None, _no_cookies())
        elif form.is_valid():
            if _too_often(request, "code", TRIES_AN_HOUR):
                form.add_error("code", _later())
            elif codes.check(desk.person, form.cleaned_data["code"]):
                devices.trust(desks.of_person(desk.person), device_of(request))
                return redirect(back)
            else:
                form.add_error("code", _wrong())
        status = 422
    context = {"form": form, "sent": sent, "back": back}
    return page(request, desk, "prove", context, status=status)


def _wrong():
    return _("This code is wrong, was used, or is too old. After five wrong tries, ask for a new one.")


def _later():
    return _("Too many tries from your connection. Please wait an hour, then try again.")


def _no_cookies():
    return _("Your browser keeps no cookies, so we cannot know this device again. Allow them for this site.")


@at_doorstep
@require_GET
def device(request, desk):
    """A picture of nothing: a browser that fetches it brings its cookie back, and a program that checks links does not.

    The door itself has noted the device; what the person read on it is noted by the page of the text.
    """
    return HttpResponse(PIXEL, content_type="image/svg+xml")


# Without a link


@never_cache
@sensitive_variables("email", "code", "form")
@sensitive_post_parameters("email", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def way_in(request):
    """An email address, then the code that went there; the same is said whether or not we know the address."""
    form, step, status = WayInForm(), "email", 200
    if request.method == "POST" and "code" in request.POST:
        form, step, status = WayInCodeForm(request.POST), "code", 422
        if form.is_valid():
            if _too_often(request, "code", TRIES_AN_HOUR):
                form.add_error("code", _later())
            elif person := codes.enter(form.cleaned_data["email"], form.cleaned_data["code"]):
                return _entered(request, person)
            else:
                form.add_error("code", _wrong())
    elif request.method == "POST":
        form = WayInForm(request.POST)
        if form.is_valid() and _too_often(request, "ask", ASKS_AN_HOUR):
            form.add_error(None, _later())
        if form.is_valid():
            email = form.cleaned_data["email"]
            codes.ask(email, language=get_language())
            tasks.send_notices.delay_on_commit()
            form, step = WayInCodeForm(initial={"email": email}), "code"
        else:
            status = 422
    context = {"form": form, "step": step, "alternates": alternates(request)}
    response = render(request, "coalition/desk/way_in.html", context, status=status)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _entered(request, person):
    """The address is proved: this device is known from now on, and the desk opens for some hours."""
    mine = desks.of_person(person)
    value = device_of(request) or devices.new_value()
    devices.trust(mine, value)
    doors = [(one, reverse("desk", args=[desks.desk_token(one, by_code=True)])) for one in mine]
    if len(doors) == 1:
        response = redirect(doors[0][1])
    else:
        context = {"person": person, "doors": doors, "alternates": alternates(request)}
        response = render(request, "coalition/desk/choose.html", context)
    return private(remember(response, value))


# New links


@csrf_exempt
@never_cache
@require_POST
def renew(request, token):
    """An expired desk link asks for a new one, which goes to the address on record and nowhere else."""
    try:
        signing_on.open_desk(token)
    except signing_on.ExpiredLink as expired:
        desks.send_desk_link(expired.representative)
        tasks.send_notices.delay_on_commit()
        way_in = reverse("desk_way_in")
        context = {"alternates": {code: translate_url(way_in, code) for code, _name in settings.LANGUAGES}}
        return private(render(request, "coalition/signing/link_sent.html", context))
    except signing_on.LinkError as error:
        return private(no_desk(request, token, error))
    return private(redirect("desk", token=token))


@at_desk
@require_POST
def make_useless(request, desk):
    """The person says that a link went astray: every link of theirs is closed, and a new one goes to their address."""
    by_code = desks.is_by_code(desk.token)
    issued = links.issued_at(desk.token)
    representative = desks.make_useless(desk.representative)
    tasks.send_notices.delay_on_commit()
    messages.success(request, _("Done. The old links open nothing any more. A new one is on its way to you."))
    return redirect("desk", token=desks.desk_token(representative, issued, by_code=by_code))
