"""Somebody's sensitive details: for those who may see them, one person at a time, and every look is in the audit."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView
from wagtail.admin import messages

from coalition import belonging
from coalition.forms.belonging import SensitiveForm
from coalition.views.people.person import PersonScreen


class SensitiveDetails(PersonScreen, FormView):
    form_class = SensitiveForm
    template_name = "coalition/people/sensitive.html"
    step = gettext_lazy("Sensitive details")

    def dispatch(self, request, *args, **kwargs):
        wants = belonging.may_change if request.method == "POST" else belonging.may_see
        if not wants(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request, *args, **kwargs):
        belonging.note_look(self.person, by=request.user)
        response = super().get(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    def get_form(self, form_class=None):
        form = super().get_form(form_class)
        if not belonging.may_change(self.request.user):
            for field in form.fields.values():
                field.disabled = True
        return form

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"person": self.person}

    @transaction.atomic
    def form_valid(self, form):
        if form.keep(by=self.request.user):
            messages.success(self.request, _("What changed is kept, encrypted."))
        else:
            messages.info(self.request, _("Nothing changed."))
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"may_change": belonging.may_change(self.request.user)}
