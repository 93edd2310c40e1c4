"""Where I am signed in, and my second factor; for administrators, the same of everybody on the staff."""

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Max, OuterRef, Prefetch, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import ListView, TemplateView, View
from django_otp.plugins.otp_totp.models import TOTPDevice
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin

from coalition import accounts, second_factor, sign_ins
from coalition.forms.staff import CodeForm, WhyForm
from coalition.models import SignIn, User
from coalition.views.signing_in import wait_words

MAY_MANAGE = "coalition.change_user"


def sessions_of(user, current=""):
    """[(session, whether it is the one that looks)]."""
    return [(held, held.session_key == current) for held in sign_ins.standing(user)]


class Mine(WagtailAdminTemplateMixin, TemplateView):
    """My own sign-in: everybody who may enter the back office has this page."""

    template_name = "coalition/staff/mine.html"
    page_title = gettext_lazy("My sign-in")
    header_icon = "lock"
    form = None

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs):
        user = self.request.user
        return super().get_context_data(**kwargs) | {
            "has_factor": second_factor.of(user) is not None,
            "required": second_factor.is_required(),
            "codes_left": second_factor.codes_left(user),
            "sessions": sessions_of(user, self.request.session.session_key),
        }


class EndMine(View):
    """End one of my sessions, or all but this one."""

    http_method_names = ["post"]

    def post(self, request, pk=None):
        if pk is None:
            number = sign_ins.end_all(request.user, but=request.session.session_key, by=request.user)
            words = ngettext("%(number)d session ended.", "%(number)d sessions ended.", number) % {"number": number}
            messages.success(request, words)
        else:
            held = get_object_or_404(SignIn, pk=pk, user=request.user)
            if held.session_key == request.session.session_key:
                return redirect("wagtailadmin_home")
            sign_ins.end(held, by=request.user)
            messages.success(request, _("The session is ended."))
        return redirect("my_sign_in")


class WithCode(WagtailAdminTemplateMixin, TemplateView):
    """Something of my second factor that asks for a code of the app first."""

    template_name = "coalition/staff/with_code.html"
    header_icon = "lock"
    words = button = ""
    danger = False

    def get_breadcrumbs_items(self):
        mine = {"url": reverse("my_sign_in"), "label": Mine.page_title}
        return [*self.breadcrumbs_items, mine, {"url": "", "label": self.page_title}]

    def dispatch(self, request, *args, **kwargs):
        if second_factor.of(request.user) is None:
            return redirect("my_sign_in")
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, form=None, **kwargs):
        said = {"form": form or CodeForm(), "words": self.words, "button": self.button, "danger": self.danger}
        return super().get_context_data(**kwargs) | said

    def post(self, request):
        form = CodeForm(request.POST)
        if form.is_valid():
            try:
                if second_factor.check(request.user, form.cleaned_data["code"]):
                    return self.proven(request)
                form.add_error("code", _("The code is wrong or too old."))
            except second_factor.TryLater as later:
                form.add_error("code", wait_words(later.until))
        response = self.render_to_response(self.get_context_data(form=form))
        response.status_code = 422
        return response


class RenewCodes(WithCode):
    page_title = gettext_lazy("New recovery codes")
    words = gettext_lazy("You get ten new ones. The old ones are worth nothing from then on.")
    button = gettext_lazy("Show me new codes")

    def proven(self, request):
        codes = second_factor.renew_codes(request.user)
        values = {"codes": codes, "next": reverse("my_sign_in")}
        return render(request, "coalition/signing_in/recovery_codes.html", values)


class SwitchOff(WithCode):
    page_title = gettext_lazy("Switch off my second factor")
    words = gettext_lazy("From then on your password alone opens the door.")
    button = gettext_lazy("Switch it off")
    danger = True

    def proven(self, request):
        second_factor.switch_off(request.user, by=request.user)
        messages.success(request, _("Your second factor is switched off."))
        return redirect("my_sign_in")


# For administrators


class Managing(WagtailAdminTemplateMixin):
    header_icon = "lock"

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm(MAY_MANAGE):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


class Staff(Managing, ListView):
    """Everybody on the staff: role, second factor, last seen, whether the door is closed to them."""

    template_name = "coalition/staff/index.html"
    page_title = gettext_lazy("Sign-ins of staff")
    paginate_by = 50
    page_kwarg = "p"

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def get_queryset(self):
        roles = Group.objects.filter(name__in=accounts.Role.values)
        return (
            User.objects.filter(Q(is_superuser=True) | Q(groups__isnull=False))
            .distinct()
            .annotate(
                has_factor=Exists(TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)),
                last_seen=Max("sign_ins__seen_at"),
            )
            .prefetch_related(Prefetch("groups", roles, to_attr="roles"))
            .order_by("-is_active", "last_name", "first_name", "email")
        )

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        locked = sign_ins.locked(context["object_list"])
        lines = [
            (user, [accounts.Role(role.name).label for role in user.roles], user.pk in locked)
            for user in context["object_list"]
        ]
        return context | {"lines": lines, "required": second_factor.is_required()}


class StaffMember(Managing, TemplateView):
    """One of them: their sessions, their second factor."""

    template_name = "coalition/staff/member.html"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.member = get_object_or_404(User, pk=kwargs["pk"])

    def get_page_title(self):
        return str(self.member)

    def get_breadcrumbs_items(self):
        staff = {"url": reverse("staff_sign_ins:index"), "label": Staff.page_title}
        return [*self.breadcrumbs_items, staff, {"url": "", "label": self.get_page_title()}]

    def get_context_data(self, form=None, **kwargs):
        return super().get_context_data(**kwargs) | {
            "member": self.member,
            "form": form or WhyForm(),
            "has_factor": second_factor.of(self.member) is not None,
            "is_locked": bool(sign_ins.locked([self.member])),
            "sessions": sessions_of(self.member, self.request.session.session_key),
        }


class StaffAct(Managing, View):
    """Something an administrator does about a member of staff."""

    http_method_names = ["post"]

    def post(self, request, pk, **kwargs):
        self.member = get_object_or_404(User, pk=pk)
        return self.act(request, **kwargs) or redirect("staff_sign_ins:member", pk)


class EndSessions(StaffAct):
    def act(self, request, session=None):
        if session is None:
            number = sign_ins.end_all(self.member, but=request.session.session_key, by=request.user)
            words = ngettext("%(number)d session ended.", "%(number)d sessions ended.", number) % {"number": number}
            messages.success(request, words)
        else:
            sign_ins.end(get_object_or_404(SignIn, pk=session, user=self.member), by=request.user)
            messages.success(request, _("The session is ended."))


class Unlock(StaffAct):
    def act(self, request):
        sign_ins.unlock(self.member, by=request.user)
        messages.success(request, _("They can try again now."))


class ResetFactor(StaffAct):
    """For a lost phone without recovery codes; whoever does it knows that it is them."""

    def act(self, request):
        form = WhyForm(request.POST)
        if not form.is_valid():
            view = StaffMember()
            view.setup(request, pk=self.member.pk)
            response = view.render_to_response(view.get_context_data(form=form))
            response.status_code = 422
            return response
        second_factor.switch_off(self.member, by=request.user, why=form.cleaned_data["why"])
        sign_ins.end_all(self.member, but=request.session.session_key, by=request.user)
        messages.success(request, _("Reset. They are signed out, and enter with the password alone next time."))
        return None
