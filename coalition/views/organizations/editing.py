"""Adding and changing an organization, putting it into the bin and taking it out."""

from django.db import IntegrityError, transaction
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import organizations
from coalition.forms.organizations import OrganizationForm
from coalition.models import Organization
from coalition.views.organizations.page import OrganizationScreen
from coalition.views.screens import Screen


def kept(form, by, action):
    """Keep what was entered; None where somebody took the name since the form looked, which the form then says."""
    try:
        with transaction.atomic():
            organization = form.keep(by=by)
            log(instance=organization, action=action)
    except IntegrityError:
        form.add_error("name", _("An organization of this name is here already."))
        return None
    return organization


class AddOrganization(Screen, FormView):
    listing = ("organizations:index", gettext_lazy("Organizations"))
    form_class = OrganizationForm
    template_name = "coalition/organizations/edit.html"
    permission_required = "add"
    page_title = gettext_lazy("Add an organization")
    header_icon = "group"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Organization()}

    def form_valid(self, form):
        organization = kept(form, self.request.user, "wagtail.create")
        if organization is None:
            return self.form_invalid(form)
        messages.success(self.request, _("%(organization)s was added.") % {"organization": organization})
        return redirect("organizations:inspect", organization.pk)

    def get_context_data(self, **kwargs):
        back = reverse("organizations:index")
        return super().get_context_data(**kwargs) | {"button": _("Add this organization"), "back": back}


class EditOrganization(OrganizationScreen, FormView):
    form_class = OrganizationForm
    template_name = "coalition/organizations/edit.html"
    any_permission_required = None
    permission_required = "change"
    step = gettext_lazy("Edit")

    def get_form_kwargs(self):
        # Read afresh: a form that does not hold still writes what was typed into its instance.
        return super().get_form_kwargs() | {"instance": self.records().get(pk=self.record.pk)}

    def form_valid(self, form):
        if kept(form, self.request.user, "wagtail.edit") is None:
            return self.form_invalid(form)
        messages.success(self.request, _("What changed is kept."))
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": _("Keep these changes"), "back": self.url}


class BinOrganization(OrganizationScreen, TemplateView):
    """Says what the bin means, and asks."""

    template_name = "coalition/organizations/bin.html"
    any_permission_required = None
    permission_required = "change"
    step = gettext_lazy("Put into the bin")

    def records(self):
        return Organization.objects.all()  # a second press finds it in the bin, and that is well

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"touches": organizations.on_leaving(self.record)}

    def post(self, request, *args, **kwargs):
        organizations.discard(self.record, by=request.user)
        messages.success(request, _("%(organization)s is in the bin.") % {"organization": self.record})
        return redirect("organizations:index")


class RestoreOrganization(OrganizationScreen, View):
    http_method_names = ["post"]
    any_permission_required = None
    permission_required = "change"

    def records(self):
        return Organization.objects.all()

    def post(self, request, *args, **kwargs):
        if organizations.restore(self.record, by=request.user):
            messages.success(request, _("%(organization)s is out of the bin.") % {"organization": self.record})
        return redirect(self.url)
