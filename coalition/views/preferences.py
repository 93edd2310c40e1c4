"""Doors of the preference page. A signed link proves who knocks; no account is needed, no address shown whole."""

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse, translate_url
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from coalition import preferences
from coalition.forms.preferences import LinkForm, PreferencesForm
from coalition.models import Address, Installation
from coalition.tasks import send_notices


def masked(address):
    """Enough of an address to know it again, and no more: the link may have been forwarded."""
    if address.channel == Address.Channel.PHONE:
        return f"(•••) •••-{address.value[-4:]}"
    name, _at, domain = address.value.partition("@")
    return f"{name[0]}•••@{domain}"


def _alternates(request):
    return {code: translate_url(request.path, code) for code, _name in settings.LANGUAGES}


@never_cache
@sensitive_variables()
def page(request, token):
    """What somebody gets, and the form to change it."""
    address = preferences.opened_by(token)
    if address is None:
        return _too_old(request)
    person, offered = address.person, preferences.offered(address)
    form = PreferencesForm(
        request.POST or None,
        offered={channel: (one, masked(one)) for channel, one in offered.items()},
        installation=Installation.get(),
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
        )
        with override(language):
            messages.success(request, _("Saved. Your choices count from now on."))
            return redirect("preferences", token)
    context = {
        "form": form,
        "token": token,
        "gets_nothing": not any(one.consent == Address.Consent.GRANTED for one in offered.values()),
        "alternates": _alternates(request),
    }
    return render(request, "coalition/preferences/page.html", context, status=422 if form.errors else 200)


@never_cache
def stop(request, token):
    """Asks once, then closes every address of the person."""
    address = preferences.opened_by(token)
    if address is None:
        return _too_old(request)
    if request.method == "POST":
        preferences.stop_everything(address, language=get_language())
        messages.success(request, _("Done. You will get nothing more from us."))
        return redirect("preferences", token)
    context = {"token": token, "alternates": _alternates(request)}
    return render(request, "coalition/preferences/stop.html", context)


@never_cache
def link(request):
    """A form that has a fresh link sent; it answers the same whether or not we know the address."""
    return _ask_for_link(request, LinkForm(request.POST or None), too_old=False, status=200)


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
