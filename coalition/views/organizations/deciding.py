"""How a partner decides, as staff see and record it: its standing policy, its authorizations, and what it asks about
who speaks for it."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import FormView
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import policies, speaking, tasks
from coalition.forms.organizations import RevokeForm
from coalition.forms.partner import PolicyForm
from coalition.models import RoleChange, StandingAuthorization
from coalition.signing_on import authorizing, standing
from coalition.views.organizations.page import OrganizationScreen
from coalition.views.organizations.representatives import RepresentativeScreen


class EditPolicy(OrganizationScreen, FormView):
    """Record for a partner what it told us, with who said so."""

    any_permission_required = None
    permission_required = "change"
    form_class = PolicyForm
    template_name = "coalition/organizations/form.html"
    step = gettext_lazy("How it decides")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"policy": policies.of(self.record), "by_staff": True}

    def form_valid(self, form):
        try:
            policies.keep(self.record, **form.values, by=self.request.user)
        except ValidationError as error:
            form.add_error(None, error)
            return self.form_invalid(form)
        log(instance=self.record, action="coalition.keep_policy")
        messages.success(self.request, _("How it decides is kept."))
        return redirect(f"{self.url}#deciding")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": _("Keep it"), "back": self.url}


class AuthorizationScreen(OrganizationScreen):
    """A standing authorization names who gave it: for those who may see people."""

    def dispatch(self, request, *args, **kwargs):
        if not self.sees_people:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def authorization(self):
        held = StandingAuthorization.objects.select_related("organization").prefetch_related("topics")
        return get_object_or_404(held, pk=self.kwargs["authorization_pk"], organization=self.record)


class Authorization(AuthorizationScreen, FormView):
    """The words that were confirmed, what it signed so far, and the way to revoke it when the partner asks us."""

    form_class = RevokeForm
    template_name = "coalition/organizations/authorization.html"
    step = gettext_lazy("Standing authorization")

    def form_valid(self, form):
        if not self.user_has_permission("change"):
            raise PermissionDenied
        if authorizing.revoke(self.authorization, by=self.request.user, who=form.cleaned_data["who"]):
            log(instance=self.record, action="coalition.revoke_authorization")
            tasks.send_notices.delay_on_commit()
            messages.success(self.request, _("Revoked. Those who may sign for it are told by email."))
        return redirect(f"{self.url}#deciding")

    def get_context_data(self, **kwargs):
        signed = list(standing.signed_by(self.authorization))
        stands = standing.still_stand(signed)
        return super().get_context_data(**kwargs) | {
            "authorization": authorizing.with_states([self.authorization], self.record)[0],
            "signed": [(decision, stands[decision.pk]) for decision in signed],
            "back": self.url,
        }


# What it asks about who speaks for it


class SettleRoleChange(RepresentativeScreen, View):
    """Confirm or refuse, by one press, what somebody of the organization asked for."""

    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        change = get_object_or_404(RoleChange, pk=kwargs["change_pk"], organization=self.record)
        try:
            if "confirm" in request.POST:
                speaking.confirm(change, by=request.user)
                said = _("Confirmed. Those concerned are told by email.")
            elif "refuse" in request.POST:
                speaking.refuse(change, by=request.user)
                said = _("Refused. Who asked is told by email.")
            else:
                raise Http404
        except speaking.SettledAlready:
            messages.warning(request, _("It was settled a moment ago. Here is how it stands now."))
        except ValidationError as error:
            messages.warning(request, error.messages[0])
        else:
            log(instance=self.record, action="coalition.settle_role_change")
            tasks.send_notices.delay_on_commit()
            messages.success(request, said)
        return redirect(f"{self.url}#speakers")


class MoveRepresentative(RepresentativeScreen, View):
    """One place earlier or later in the order in which they are asked."""

    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        speaking.move(self.representative, up="up" in request.POST, by=request.user)
        return redirect(f"{self.url}#speakers")
