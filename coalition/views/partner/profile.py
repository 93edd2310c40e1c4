"""Our organization: how it is printed and reached, its logo and whose yes that has, and who speaks for it."""

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from coalition import logos, organizations, speaking
from coalition.forms.partner import PartnerLogoForm, ProfileForm
from coalition.languages import name_in_text
from coalition.models import Logo
from coalition.views.desk import at_desk, only_trusted, page
from coalition.views.partner import sent

LOOK = "look"  # the button that shows how it would look, and keeps nothing


@at_desk
@require_safe
def profile(request, desk):
    """What the coalition holds about the organization, with the ways to change it."""
    organization = desk.organization
    speakers = list(speaking.speakers(organization))
    for speaker in speakers:
        speaker.is_self = speaker.pk == desk.representative.pk
    context = {
        "room": "profile",
        "organization": organization,
        "printed": _printed(organization, organization.name_in),
        "languages": [name_in_text(code) for code, _name in settings.LANGUAGES if code in organization.languages],
        "logo": Logo.objects.select_related("organization").filter(organization=organization).first(),
        "speakers": speakers,
        "waiting": _waiting(desk),
    }
    return page(request, desk, "profile", context)


def _waiting(desk):
    """Changes that wait, each with whether this representative may settle it."""
    held = list(speaking.waiting(desk.organization))
    for change in held:
        change.mine = speaking.may_settle(change, desk.representative)
        change.own = change.asked_by_id == desk.person.pk
    return held


def _printed(organization, name_in):
    """How the name stands in the alphabetical list of each language: [{language, name, before, after}]."""
    names = {code: name_in(code) for code, _name in settings.LANGUAGES}
    around = organizations.neighbours(organization, names)
    return [
        {"language": code, "name": name, "before": around[code][0], "after": around[code][1]}
        for code, name in names.items()
    ]


@at_desk
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request, desk):
    """Change the profile; the other button only shows how the name would stand."""
    organization = desk.organization
    form = ProfileForm(sent(request), organization=organization, may_sign=desk.representative.may_sign)
    looked, status = None, 200
    if request.method == "POST":
        if not form.is_valid():
            status = 422
        elif LOOK in request.POST and form.may_sign:
            said = form.values["printed_name"]
            looked = _printed(organization, lambda code: (said.localize(code) if said else "") or organization.name)
        else:
            if organizations.change_at_desk(organization, form.values, person=desk.person):
                messages.success(request, _("Saved. It counts from now on."))
            return redirect(desk.url("desk_profile"))
    context = {"room": "profile", "form": form, "printed": looked, "organization": organization}
    return page(request, desk, "profile_form", context, status=status)


# The logo


@at_desk
@only_trusted
@require_http_methods(["GET", "HEAD", "POST"])
def logo(request, desk):
    """The picture and the yes to show it, which is its own (rule G6); for those who may sign. Anybody may end it."""
    if not desk.representative.may_sign:
        return redirect(desk.url("desk_profile") + "#logo")
    held = Logo.objects.select_related("organization").filter(organization=desk.organization).first()
    form = PartnerLogoForm(sent(request), request.FILES or None, logo=held)
    if request.method == "POST" and form.is_valid():
        entered = form.cleaned_data
        permission = _permission(held, entered, desk.person)
        logos.keep(desk.organization, png=entered["image"], **permission)
        messages.success(request, _("Saved. It counts from now on."))
        return redirect(desk.url("desk_profile") + "#logo")
    status = 422 if form.is_bound and form.errors else 200
    return page(request, desk, "logo", {"room": "profile", "form": form, "logo": held}, status=status)


def _permission(held, entered, person):
    """A new yes, by this person and from today; without one, what was said before."""
    if entered["allowed"]:
        today = timezone.localdate()
        return {"permitted_by": person.name[:150], "permitted_on": today, "expires_on": entered["expires_on"]}
    names = ("permitted_by", "permitted_on", "expires_on")
    return {name: getattr(held, name) for name in names} if held else {}


@at_desk
@only_trusted
@require_POST
def end_logo(request, desk):
    """Take the yes back: from now on the logo is shown nowhere."""
    if Logo.objects.filter(organization=desk.organization).exists():
        logos.keep(desk.organization)
        messages.success(request, _("Your logo is no longer shown."))
    return redirect(desk.url("desk_profile") + "#logo")


@at_desk
@require_safe
def logo_picture(request, desk):
    """The organization's own logo at its own desk, whether or not it may be shown elsewhere."""
    held = Logo.objects.filter(organization=desk.organization).first()
    if held is None:
        raise Http404
    try:
        opened = held.image.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return FileResponse(opened, content_type="image/png", headers=headers)
