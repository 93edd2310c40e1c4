"""Add a person, or correct what is known of one; who is known already is shown before anybody is added twice."""

from django.db import transaction
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import people
from coalition.forms.people import PersonForm
from coalition.models import Person
from coalition.views.people.person import PersonScreen
from coalition.views.screens import Screen


class LooksTwice:
    """Whoever is known by one of the new addresses, or by name and ZIP code, is shown first; staff may go on."""

    form_class = PersonForm
    template_name = "coalition/people/edit.html"

    @transaction.atomic
    def form_valid(self, form):
        alike = form.known_already()
        if alike and not self.request.POST.get("sure"):
            return self.render_to_response(self.get_context_data(form=form, alike=alike))
        return self.keep(form, alike)


class EditPerson(LooksTwice, PersonScreen, FormView):
    any_permission_required = None
    permission_required = "change"
    step = gettext_lazy("Edit")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Person.objects.get(pk=self.person.pk)}

    def keep(self, form, alike):
        person = form.keep(by=self.request.user)
        log(instance=person, action="wagtail.edit")
        messages.success(self.request, _("What changed is kept."))
        return redirect(self.url)


class AddPerson(LooksTwice, Screen, FormView):
    permission_required = "add"
    page_title = gettext_lazy("Add a person")
    listing = ("people:list", gettext_lazy("People"))
    header_icon = "user"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Person()}

    def keep(self, form, alike):
        person = form.keep(by=self.request.user)
        people.are_different(person, alike, by=self.request.user)
        log(instance=person, action="wagtail.create")
        messages.success(self.request, _("%(person)s was added.") % {"person": person})
        return redirect("people:inspect", person.pk)
