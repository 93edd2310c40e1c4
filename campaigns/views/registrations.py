"""Public doors of a webinar: the form, the answer to it, the calendar file, and the page behind the personal link.

The form answers everybody alike. What is registered is shown only behind the link, which went by email.
"""

from functools import wraps

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_POST, require_safe

from campaigns import calendars, registering
from campaigns.forms.webinars import NeedsForm, registration_form
from campaigns.models import Registration, Webinar
from coalition.tasks import send_notices

TYPED = "registration-typed"  # kept when a webinar is full, so that another one need not be typed again
DONE = "registration-done"


def private(view):
    """Nobody keeps a copy and nobody is told the address: a page behind a personal link.

    "same-origin" rather than "no-referrer": with that, browsers send `Origin: null` and no form passes the CSRF check.
    """

    @wraps(view)
    def guarded(request, *args, **kwargs):
        response = view(request, *args, **kwargs)
        response["Referrer-Policy"] = "same-origin"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return never_cache(guarded)


@private
def register(request, uid):
    """GET shows the form; POST registers and answers with the same page whoever was registered before."""
    webinar = get_object_or_404(Webinar, uid=uid)
    if webinar.cancelled_at or webinar.is_over:
        return _page(request, webinar, "cancelled" if webinar.cancelled_at else "over", status=410)
    if request.method != "POST":
        if webinar.is_full:
            return _page(request, webinar, "full")
        form = registration_form(webinar, initial=request.session.get(TYPED))
        return _page(request, webinar, "open", form=form)
    form = registration_form(webinar, data=request.POST)
    if not form.is_valid():
        return _page(request, webinar, "open", form=form, status=422)
    try:
        registration = registering.register(webinar, **form.values())
    except registering.Full:
        return _full(request, webinar, form)
    except registering.Closed:
        webinar.refresh_from_db()
        return _page(request, webinar, "cancelled" if webinar.cancelled_at else "over", status=410)
    send_notices.delay_on_commit()
    if registering.tells_nothing(registration):
        return _full(request, webinar, form)
    request.session.pop(TYPED, None)
    request.session[DONE] = {"webinar": str(webinar.uid), **_typed(form, "name", "email")}
    return redirect("campaigns:registered", webinar.uid)


def _typed(form, *names):
    return {name: form.cleaned_data[name] for name in names if name in form.cleaned_data}


def _full(request, webinar, form):
    request.session[TYPED] = _typed(form, "name", "email", "language", "interpretation", "captions", "access_needs")
    return _page(request, webinar, "full", form=form, status=409)


def _page(request, webinar, state, *, form=None, status=200):
    others = Webinar.objects.upcoming().with_room().exclude(pk=webinar.pk)[:3] if state != "open" else []
    values = {"webinar": webinar, "state": state, "form": form, "others": others}
    return render(request, "campaigns/webinars/register.html", values, status=status)


@private
@require_safe
def registered(request, uid):
    """The answer to the form: what was typed in this browser, and that an email is on its way. Nothing else."""
    webinar = get_object_or_404(Webinar, uid=uid)
    done = request.session.get(DONE) or {}
    if done.get("webinar") != str(webinar.uid):
        return redirect("campaigns:register", webinar.uid)
    return render(request, "campaigns/webinars/registered.html", {"webinar": webinar, "done": done})


@require_safe
@cache_control(public=True, max_age=300)
def calendar(request, uid):
    """The public file: no link to join, no name."""
    webinar = get_object_or_404(Webinar, uid=uid)
    return _calendar_response(webinar, language=get_language())


def _calendar_response(webinar, *, language, registration=None):
    method = calendars.method(webinar, registration)
    return HttpResponse(
        calendars.calendar_file(webinar, language=language, registration=registration),
        content_type=f"text/calendar; charset=utf-8; method={method}",
        headers={"Content-Disposition": f'attachment; filename="{calendars.FILE_NAME}"'},
    )


def _of(nonce):
    held = Registration.objects.filter(
        person__isnull=False, person__binned_at=None
    )  # the links of whom staff put into the bin do nothing
    return get_object_or_404(held.select_related("webinar", "person"), nonce=nonce)


@private
@require_safe
def registration(request, nonce):
    """What is registered, and what can be done about it."""
    held = _of(nonce)
    return _personal(
        request, held, "registration", asks_news=registering.waits_for_news(held), full=held.webinar.is_full
    )


def _personal(request, held, template, *, status=200, **context):
    values = {"registration": held, "webinar": held.webinar, **context}
    return render(request, f"campaigns/webinars/{template}.html", values, status=status)


@private
@require_safe
def registration_calendar(request, nonce):
    """This person's own file, with the link to join."""
    held = _of(nonce)
    return _calendar_response(held.webinar, language=held.language, registration=held)


@private
def change(request, nonce):
    """Language, interpretation, captions and access needs, as they stand now."""
    held = _of(nonce)
    if not held.is_live:
        return redirect("campaigns:registration", nonce)
    fields = ("language", "interpretation", "captions", "access_needs")
    form = NeedsForm(
        request.POST if request.method == "POST" else None,
        webinar=held.webinar,
        held=held.interpretation,
        initial={field: getattr(held, field) for field in fields},
    )
    if request.method == "POST":
        if form.is_valid():
            registering.change(held, **form.cleaned_data)
            messages.success(request, _("Saved."))
            return redirect("campaigns:registration", nonce)
        return _personal(request, held, "change", form=form, status=422)
    return _personal(request, held, "change", form=form)


@private
def cancel(request, nonce):
    """Ask once, then give the seat back. A GET changes nothing: scanners follow links."""
    held = _of(nonce)
    if request.method == "POST":
        if registering.cancel(held):
            send_notices.delay_on_commit()
        return redirect("campaigns:registration", nonce)
    if not held.is_live:
        return redirect("campaigns:registration", nonce)
    return _personal(request, held, "cancel")


@private
@require_POST
def register_again(request, nonce):
    """Take the seat back after cancelling."""
    held = _of(nonce)
    try:
        registering.register_again(held)
    except registering.RegistrationError as error:
        messages.error(request, str(error))
    else:
        send_notices.delay_on_commit()
    return redirect("campaigns:registration", nonce)


@private
@require_POST
def confirm_news(request, nonce):
    """Say yes to news by email, on an address that had once said stop."""
    if registering.confirm_news(_of(nonce)):
        messages.success(request, _("Thank you. You get our news by email."))
    return redirect("campaigns:registration", nonce)
