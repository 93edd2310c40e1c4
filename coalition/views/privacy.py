"""Doors of the back office to privacy: erase somebody who asked, and decide how long people are kept."""

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin

from coalition import accounts, privacy, retention
from coalition.forms.privacy import EraseForm, RetentionForm
from coalition.models import Erasure, Installation, Person
from coalition.tasks import retain, send_notices

SAMPLE = 8


class ErasePerson(WagtailAdminTemplateMixin, FormView):
    """Somebody asked staff to be forgotten: what goes and what stays, the name typed, a reason."""

    form_class = EraseForm
    template_name = "coalition/privacy/erase.html"
    page_title = gettext_lazy("Erase")
    header_icon = "user"

    def dispatch(self, request, *args, **kwargs):
        if not (accounts.sees_people(request.user) and request.user.has_perm("coalition.delete_person")):
            raise PermissionDenied
        self.person = get_object_or_404(Person, pk=kwargs["pk"], merged_into=None)
        return super().dispatch(request, *args, **kwargs)

    @property
    def wanted(self):
        return self.person.name or str(self.person.pk)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"wanted": self.wanted}

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("people:index"), "label": _("People")},
            {"url": reverse("people:inspect", args=[self.person.pk]), "label": str(self.person)},
            {"url": "", "label": self.page_title},
        ]

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "person": self.person,
            "back": reverse("people:inspect", args=[self.person.pk]),
            "represents": [r.organization for r in self.person.representations.select_related("organization")],
        }

    def form_valid(self, form):
        why = form.cleaned_data["why"]
        try:
            privacy.erase(self.person, source=Erasure.Source.STAFF, by=self.request.user, why=why)
        except privacy.Gone:
            messages.warning(self.request, _("Somebody else was faster: they are gone already."))
        else:
            send_notices.delay_on_commit()
            messages.success(self.request, _("Erased. What counted them still counts, without saying who it was."))
        return redirect("people:index")

    def form_invalid(self, form):
        response = super().form_invalid(form)
        response.status_code = 422
        return response


class Retention(WagtailAdminTemplateMixin, FormView):
    """The rules; first what they would do now, and only then, pressed once more, they count."""

    form_class = RetentionForm
    template_name = "coalition/retention/index.html"
    page_title = gettext_lazy("How long people are kept")
    header_icon = "time"

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm("coalition.change_installation"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Installation.get()}

    def get_context_data(self, **kwargs):
        rules = Installation.get()
        return super().get_context_data(**kwargs) | {
            "rules": rules,
            "is_on": bool(rules.inactive_months or rules.bin_days),
            "forgotten": retention.history().count(),
        }

    def form_valid(self, form):
        if self.request.POST.get("step") == "keep":
            if retention.change(form.rules, by=self.request.user):
                retain.delay_on_commit()
                messages.success(self.request, _("These rules count from now on."))
            return redirect("retention:index")
        due = retention.due(Installation(**form.rules))
        sees = accounts.sees_people(self.request.user)
        preview = [
            {
                "kind": kind,
                "number": found.count(),
                "sample": list(found.order_by("pk")[:SAMPLE]) if sees else [],
            }
            for kind, found in due.items()
        ]
        return self.render_to_response(self.get_context_data(form=form, preview=preview))

    def form_invalid(self, form):
        response = super().form_invalid(form)
        response.status_code = 422
        return response
