"""Who speaks for an organization: add, change, remove."""

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import FormView
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import accounts, organizations
from coalition.forms.organizations import RepresentativeForm
from coalition.models import Representative
from coalition.views.organizations.page import OrganizationScreen


class RepresentativeScreen(OrganizationScreen):
    """Who speaks for an organization is about people: only for those who may see and change them."""

    any_permission_required = None
    permission_required = "change"

    def dispatch(self, request, *args, **kwargs):
        if not (accounts.sees_people(request.user) and request.user.has_perm("coalition.change_representative")):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def representative(self):
        held = Representative.objects.select_related("person", "organization")
        return get_object_or_404(held, pk=self.kwargs["representative_pk"], organization=self.organization)


class AddRepresentative(RepresentativeScreen, FormView):
    form_class = RepresentativeForm
    template_name = "coalition/organizations/form.html"
    step = gettext_lazy("Add a representative")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Representative()}

    def get_initial(self):
        """From a member's line: their name and email stand there already."""
        member = self.record.memberships.filter(person__binned_at=None, person=self.asked).first()
        if not member:
            return {}
        person = member.person
        return {"name": person.name, "email": person.primary_email or "", "language": person.language}

    @property
    def asked(self):
        number = self.request.GET.get("person", "")
        return int(number) if number.isdecimal() and len(number) < 18 else 0

    def form_valid(self, form):
        representative = organizations.add_representative(self.organization, **form.cleaned_data, by=self.request.user)
        log(instance=self.organization, action="coalition.add_representative")
        messages.success(self.request, _("%(person)s now speaks for it.") % {"person": representative.person})
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": _("Add this representative"), "back": self.url}


class EditRepresentative(RepresentativeScreen, FormView):
    form_class = RepresentativeForm
    template_name = "coalition/organizations/form.html"

    @property
    def step(self):
        return str(self.representative.person)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.representative}

    def form_valid(self, form):
        organizations.change_representative(self.representative, **form.cleaned_data, by=self.request.user)
        log(instance=self.organization, action="coalition.change_representative")
        messages.success(self.request, _("What changed is kept."))
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "button": _("Keep these changes"),
            "back": self.url,
            "remove_url": reverse("organizations:remove", args=[self.organization.pk, self.representative.pk]),
            "remove_label": _("They no longer speak for it"),
        }


class RemoveRepresentative(RepresentativeScreen, View):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        person = self.representative.person
        organizations.remove_representative(self.representative, by=request.user)
        log(instance=self.organization, action="coalition.remove_representative")
        messages.success(request, _("%(person)s no longer speaks for it.") % {"person": person})
        return redirect(self.url)
