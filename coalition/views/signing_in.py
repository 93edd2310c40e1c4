"""The door of the back office: the password, then a code where a second factor is set up or owed.

After the password nobody is signed in yet: who it was stands half-way in the session, for ten minutes.
"""

import math
import time

from django.conf import settings
from django.contrib.auth import login
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import activate, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as verified
from wagtail.admin.forms.auth import LoginForm
from wagtail.admin.views.account import LoginView
from wagtail.users.models import UserProfile

from coalition import second_factor
from coalition.forms.staff import CodeForm, RecoveryForm
from coalition.languages import language_of
from coalition.models import User

HALF_WAY = "sign_in_half_way"
HALF_WAY_FOR = 600  # seconds
BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(LoginView):
    def form_valid(self, form):
        user = form.get_user()
        if not any(second_factor.standing(user)):
            return super().form_valid(form)
        self.request.session.cycle_key()
        self.request.session[HALF_WAY] = {
            "user": user.pk,
            "password": user.get_session_auth_hash(),
            "remember": bool(form.cleaned_data.get("remember")),
            "next": self.get_success_url(),
            "at": time.time(),
        }
        return redirect("sign_in_code" if second_factor.of(user) else "sign_in_set_up")


def _half_way(request):
    """(user, what stands in the session) of who gave the password, or is signed in already without the code they owe.

    (None, None) for everybody else.
    """
    held = request.session.get(HALF_WAY)
    if held and time.time() - held["at"] < HALF_WAY_FOR:
        user = User.objects.filter(pk=held["user"], is_active=True).first()
        if user and user.get_session_auth_hash() == held["password"]:
            _speak_to(user)
            return user, held
    request.session.pop(HALF_WAY, None)
    if request.user.is_authenticated and not request.user.is_verified():
        _speak_to(request.user)
        return request.user, {"next": reverse("wagtailadmin_home")}
    return None, None


def _speak_to(user):
    """From here on in the language this person chose for the back office, not in that of the browser."""
    profile = UserProfile.objects.filter(user=user).first()
    if profile and profile.preferred_language:
        activate(language_of(user))


def _enter(request, user, held, device):
    request.session.pop(HALF_WAY, None)
    if "remember" in held:
        login(request, user, backend=BACKEND)
        request.session.set_expiry(settings.SESSION_COOKIE_AGE if held["remember"] else 0)
    else:
        request.session.cycle_key()
    verified(request, device)


def wait_words(until):
    seconds = max(1, math.ceil((until - timezone.now()).total_seconds()))
    return ngettext(
        "Too many wrong codes. Wait %(number)d second, then try again.",
        "Too many wrong codes. Wait %(number)d seconds, then try again.",
        seconds,
    ) % {"number": seconds}


@never_cache
@sensitive_post_parameters()
def code(request):
    """The code of the app, or one of the recovery codes."""
    user, held = _half_way(request)
    if user is None:
        return redirect("wagtailadmin_login")
    if second_factor.of(user) is None:
        return redirect("sign_in_set_up")
    recovery = "recovery" in request.GET
    form = (RecoveryForm if recovery else CodeForm)(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            device = second_factor.check(user, form.cleaned_data["code"], recovery=recovery)
        except second_factor.TryLater as later:
            form.add_error("code", wait_words(later.until))
        else:
            if device:
                _enter(request, user, held, device)
                return redirect(held["next"])
            wrong = _("This is not one of your codes.") if recovery else _("The code is wrong or too old.")
            form.add_error("code", wrong)
    status = 422 if form.errors else 200
    return render(request, "coalition/signing_in/code.html", {"form": form, "recovery": recovery}, status=status)


@never_cache
@sensitive_post_parameters()
def set_up(request):
    """Set up the app, and see the recovery codes once; who must have one comes here right after the password."""
    user, held = _half_way(request)
    if user is None:
        return redirect("wagtailadmin_login")
    if second_factor.of(user):
        return redirect("sign_in_code")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            done = second_factor.confirm(user, form.cleaned_data["code"])
        except second_factor.TryLater as later:
            form.add_error("code", wait_words(later.until))
        else:
            if done:
                device, codes = done
                _enter(request, user, held, device)
                return render(
                    request, "coalition/signing_in/recovery_codes.html", {"codes": codes, "next": held["next"]}
                )
            form.add_error("code", _("The code is wrong or too old. Scan the picture again, and enter the next one."))
    device = second_factor.begin(user)
    context = {
        "form": form,
        "picture": second_factor.picture(device),
        "key": second_factor.key_of(device),
        "required": second_factor.is_required(),
    }
    return render(request, "coalition/signing_in/set_up.html", context, status=422 if form.errors else 200)


@never_cache
def locked_out(request, response=None, credentials=None, *args, **kwargs):
    """What the door says after too many failures: the same for a name we know and one we do not."""
    minutes = math.ceil(settings.AXES_COOLOFF_TIME.total_seconds() / 60)
    words = ngettext(
        "Too many tries. The door stays closed for %(number)d minute. An administrator can open it earlier.",
        "Too many tries. The door stays closed for %(number)d minutes. An administrator can open it earlier.",
        minutes,
    )
    form = LoginForm(request)
    context = {"form": form, "locked_out": words % {"number": minutes}, "username_field": _("email address")}
    return render(request, "wagtailadmin/login.html", context, status=429)
