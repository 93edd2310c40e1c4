"""Agreements and the logo of an organization: their forms, and the files, which only staff ever get."""

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import FormView
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import logos, organizations
from coalition.forms.organizations import AgreementForm, LogoForm
from coalition.models import Agreement, Organization
from coalition.views.organizations.page import OrganizationScreen

TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "odt": "application/vnd.oasis.opendocument.text",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
}


def serve(file, name, *, as_attachment):
    """A private file for one of the staff: never kept by a proxy, never taken for a page of ours."""
    ending = file.name.rpartition(".")[2].lower()
    try:
        opened = file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    return FileResponse(
        opened,
        as_attachment=as_attachment,
        filename=f"{name}.{ending}",
        content_type=TYPES.get(ending, "application/octet-stream"),
        headers={
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


class Paper(OrganizationScreen):
    """A page that changes something of an organization; `also` is the permission it takes besides."""

    any_permission_required = None
    permission_required = "change"
    also = ""

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm(self.also):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


# Agreements


class AgreementScreen(Paper):
    also = "coalition.change_agreement"

    @cached_property
    def agreement(self):
        return get_object_or_404(Agreement, pk=self.kwargs["agreement_pk"], organization=self.record)


class AddAgreement(AgreementScreen, FormView):
    form_class = AgreementForm
    template_name = "coalition/organizations/form.html"
    also = "coalition.add_agreement"
    step = gettext_lazy("Add an agreement")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Agreement(organization=self.record)}

    def form_valid(self, form):
        organizations.keep_agreement(form.save(commit=False), by=self.request.user)
        log(instance=self.record, action="coalition.keep_agreement")
        messages.success(self.request, _("The agreement is kept."))
        return redirect(f"{self.url}#agreements")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": _("Keep this agreement"), "back": self.url}


class EditAgreement(AgreementScreen, FormView):
    form_class = AgreementForm
    template_name = "coalition/organizations/form.html"

    @property
    def step(self):
        return self.agreement.title

    def get_form_kwargs(self):
        held = get_object_or_404(Agreement, pk=self.agreement.pk)  # not the one whose title stands on the page
        return super().get_form_kwargs() | {"instance": held}

    def form_valid(self, form):
        organizations.keep_agreement(form.save(commit=False), by=self.request.user)
        log(instance=self.record, action="coalition.keep_agreement")
        messages.success(self.request, _("What changed is kept."))
        return redirect(f"{self.url}#agreements")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "button": _("Keep these changes"),
            "back": self.url,
            "remove_url": reverse("organizations:remove_agreement", args=[self.record.pk, self.agreement.pk]),
            "remove_label": _("Remove this agreement"),
            "remove_asks": _("Its file is deleted for good. The timeline keeps that it was there."),
        }


class RemoveAgreement(AgreementScreen, View):
    http_method_names = ["post"]
    also = "coalition.delete_agreement"

    def post(self, request, *args, **kwargs):
        organizations.remove_agreement(self.agreement, by=request.user)
        log(instance=self.record, action="coalition.remove_agreement")
        messages.success(request, _("The agreement was removed."))
        return redirect(f"{self.url}#agreements")


class AgreementFile(AgreementScreen, View):
    """The paper itself, to look at elsewhere: it is downloaded, never shown inside the back office."""

    http_method_names = ["get"]
    permission_required = "view"
    also = "coalition.view_agreement"

    def records(self):
        return Organization.objects.all()

    def get(self, request, *args, **kwargs):
        if not self.agreement.file:
            raise Http404
        name = slugify(f"{self.record} {self.agreement}")[:80] or "agreement"
        return serve(self.agreement.file, name, as_attachment=True)


# The logo


class EditLogo(Paper, FormView):
    form_class = LogoForm
    template_name = "coalition/organizations/logo.html"
    also = "coalition.change_logo"
    step = gettext_lazy("Logo")

    @cached_property
    def logo(self):
        return getattr(self.record, "logo", None)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"logo": self.logo}

    def get_initial(self):
        names = ("permitted_by", "permitted_on", "expires_on")
        return {name: getattr(self.logo, name) for name in names} if self.logo else {}

    def form_valid(self, form):
        entered = dict(form.cleaned_data)
        logos.keep(self.record, png=entered.pop("image"), **entered, by=self.request.user)
        log(instance=self.record, action="coalition.keep_logo")
        messages.success(self.request, _("The logo is kept."))
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"logo": self.logo, "back": self.url}


class RemoveLogo(Paper, View):
    http_method_names = ["post"]
    also = "coalition.delete_logo"

    def post(self, request, *args, **kwargs):
        if logo := getattr(self.record, "logo", None):
            logos.remove(logo, by=request.user)
            log(instance=self.record, action="coalition.remove_logo")
            messages.success(request, _("The logo was removed."))
        return redirect(self.url)


class LogoFile(OrganizationScreen, View):
    """The logo for the staff's own screens, whether or not it may be used yet."""

    http_method_names = ["get"]

    def records(self):
        return Organization.objects.select_related("logo")

    def get(self, request, *args, **kwargs):
        logo = getattr(self.record, "logo", None)
        if logo is None:
            raise Http404
        return serve(logo.image, f"logo-{self.record.pk}", as_attachment=False)
