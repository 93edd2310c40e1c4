"""Doors of the preference page. A signed link proves who knocks; no account is needed.

Any link opens the choices, and shows no address whole. What is held about somebody opens to a personal link only.
"""

from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, translate_url
from django.utils import timezone
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from coalition import belonging, preferences, privacy
from coalition.forms.preferences import (
    CommunitiesForm,
    ConfirmAddressForm,
    DetailsForm,
    EraseForm,
    LinkForm,
    NewAddressForm,
    PreferencesForm,
)
from coalition.models import Address, Erasure, Installation
from coalition.tasks import send_notices

DETAILS = ("name", "given_name", "family_name", "street", "city", "zip")


def masked(address):
    """Enough of an address to know it again, and no more: the link may have been forwarded."""
    if address.channel == Address.Channel.PHONE:
        return f"(•••) •••-{address.value[-4:]}"
    name, _at, domain = address.value.partition("@")
    return f"{name[0]}•••@{domain}"


def _alternates(request):
    return {code: translate_url(request.path, code) for code, _name in settings.LANGUAGES}


def opened(view):
    """A view behind any link of ours: it is called with the address, and the token."""

    @never_cache
    @sensitive_variables()
    @sensitive_post_parameters()
    @wraps(view)
    def door(request, token):
        address = preferences.opened_by(token)
        if address is None:
            return _too_old(request)
        response = view(request, address, token)
        # With "no-referrer" browsers send `Origin: null`, and no form passes the CSRF check.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return door


def personal(view):
    """A view behind a personal link; with another one, it offers to send one."""

    @opened
    @wraps(view)
    def door(request, address, token):
        if not preferences.is_personal(token):
            return redirect("preferences_personal", token)
        return view(request, address, token)

    return door


def _given(request):
    """What was sent; a form without a single ticked box was sent as well."""
    return request.POST if request.method == "POST" else None


def _page(request, template, context, form=None):
    status = 422 if form is not None and form.errors else 200
    context = {"alternates": _alternates(request), "form": form} | context
    return render(request, f"coalition/preferences/{template}.html", context, status=status)


@opened
def page(request, address, token):
    """What somebody gets, and the form to change it."""
    person, offered = address.person, preferences.offered(address)
    form = PreferencesForm(
        _given(request),
        offered={channel: (one, masked(one)) for channel, one in offered.items()},
        installation=Installation.get(),
        topics=preferences.topics_of(person),
        initial={"language": person.language, "name": person.name},
    )
    if request.method == "POST" and form.is_valid():
        language = form.cleaned_data["language"]
        preferences.change(
            address,
            channels=form.choices,
            language=language,
            name=form.cleaned_data["name"],
            seen=form.wording,
            topics=form.chosen_topics,
        )
        with override(language):
            messages.success(request, _("Saved. Your choices count from now on."))
            return redirect("preferences", token)
    context = {
        "token": token,
        "personal": preferences.is_personal(token),
        "communities": bool(belonging.offered()),
        "gets_nothing": not any(one.consent == Address.Consent.GRANTED for one in offered.values()),
    }
    return _page(request, "page", context, form)


@opened
def stop(request, address, token):
    """Asks once, then closes every address of the person."""
    if request.method == "POST":
        preferences.stop_everything(address, language=get_language())
        messages.success(request, _("Done. You will get nothing more from us."))
        return redirect("preferences", token)
    return _page(request, "stop", {"token": token})


@opened
def personal_link(request, address, token):
    """Offers to send a personal link to the address that this link is about."""
    if request.method == "POST":
        sent = preferences.send_personal_link(address, language=get_language())
        send_notices.delay_on_commit()
        return _page(request, "personal_sent", {"token": token, "sent": sent, "to": masked(address)})
    return _page(request, "personal", {"token": token, "to": masked(address)})


@personal
def details(request, address, token):
    """Correct one's own name and place."""
    person = address.person
    form = DetailsForm(_given(request), initial={name: getattr(person, name) for name in DETAILS})
    if request.method == "POST" and form.is_valid():
        preferences.correct(person, {name: form.cleaned_data[name] for name in DETAILS})
        messages.success(request, _("Saved. Thank you for telling us."))
        return redirect("preferences", token)
    return _page(request, "details", {"token": token}, form)


@personal
def communities(request, address, token):
    """Say to which communities one belongs, or take it back."""
    held = {one.slug for one in belonging.of(address.person)}
    offered = belonging.offered(held=held)
    form = CommunitiesForm(_given(request), offered=offered, initial={"constituencies": sorted(held)})
    if request.method == "POST" and form.is_valid():
        belonging.declare(address.person, form.cleaned_data["constituencies"], source="self")
        messages.success(request, _("Saved. Only you and few of us can see it."))
        return redirect("preferences", token)
    return _page(request, "communities", {"token": token}, form)


@personal
def ask_new_address(request, address, token):
    """Add an address, or change to it: it counts once whoever reads it has confirmed it."""
    texts = bool(settings.TEXT_PROVIDER)
    form = NewAddressForm(_given(request), texts=texts)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        asked = preferences.ask_new_address(
            address.person, cleaned["channel"], cleaned["value"], language=get_language()
        )
        if asked:
            send_notices.delay_on_commit()
            return _page(request, "address_sent", {"token": token, "phone": cleaned["channel"] == "phone"})
        form.add_error(None, _("That was often enough for one day. Please try again tomorrow."))
    return _page(request, "address", {"token": token}, form)


@never_cache
@sensitive_variables()
def new_address(request, token):
    """The link that a new address got. GET only shows the button: mail scanners follow links."""
    notice = preferences.new_address(token)
    if notice is None:
        return _too_old(request)
    form = ConfirmAddressForm(_given(request), channel=notice.channel, installation=Installation.get())
    if request.method == "POST":
        form.full_clean()
        address = preferences.confirm_new_address(
            notice, wants=bool(form.cleaned_data.get("wants")), wording=form.wording, language=get_language()
        )
        messages.success(request, _("Confirmed. From now on we use it."))
        return redirect("preferences", preferences.token_for(address.pk))
    response = _page(request, "address_confirm", {"phone": notice.channel == Address.Channel.PHONE}, form)
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@personal
def download(request, address, token):
    """Everything that is held about the person, made on the spot and kept nowhere."""
    if request.method != "POST":
        return _page(request, "download", {"token": token})
    response = HttpResponse(privacy.archive(address.person, get_language()), content_type="application/zip")
    day = timezone.localdate().isoformat()
    response.headers["Content-Disposition"] = f'attachment; filename="what-we-hold-{day}.zip"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@personal
def erase(request, address, token):
    """Says what it means, then forgets the person at once."""
    form = EraseForm(_given(request))
    if request.method == "POST" and form.is_valid():
        try:
            privacy.erase(address.person, source=Erasure.Source.PERSON)
        except privacy.Gone:
            return _too_old(request)
        send_notices.delay_on_commit()
        return redirect("preferences_erased")
    represents = [r.organization.name for r in address.person.representations.select_related("organization")]
    return _page(request, "erase", {"token": token, "represents": represents}, form)


@never_cache
def erased(request):
    return _page(request, "erased", {})


@never_cache
def link(request):
    """A form that has a fresh link sent; it answers the same whether or not we know the address."""
    return _ask_for_link(request, LinkForm(_given(request)), too_old=False, status=200)


def _too_old(request):
    """The link is broken, too old, or its address is gone: say so, and offer a fresh one."""
    return _ask_for_link(request, LinkForm(), too_old=True, status=404)


def _ask_for_link(request, form, *, too_old, status):
    if not too_old and request.method == "POST" and form.is_valid():
        preferences.send_link(form.cleaned_data["email"], language=get_language())
        send_notices.delay_on_commit()
        return render(request, "coalition/preferences/link_sent.html", {"alternates": _links()})
    context = {"form": form, "too_old": too_old, "alternates": _links()}
    return render(request, "coalition/preferences/link.html", context, status=422 if form.errors else status)


def _links():
    return {code: translate_url(reverse("preferences_link"), code) for code, _name in settings.LANGUAGES}
