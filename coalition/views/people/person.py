"""One person: who they are, how and why (or why not) we may write to them, and everything between them and us."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import consent, merging, people
from coalition.forms.people import HeardStopForm, NoteForm, PersonForm
from coalition.models import Address, Consent, Person
from coalition.views.screens import RecordScreen, Screen, WithHistory


class PersonScreen(RecordScreen):
    """A page about one person."""

    subject = "person"
    home = "people:inspect"
    listing = ("people:list", gettext_lazy("People"))
    header_icon = "user"

    def records(self):
        return Person.objects.present()


class PersonPage(WithHistory, PersonScreen, TemplateView):
    """Who somebody is, how and why (or why not) we may write to them, and everything between them and us."""

    template_name = "coalition/people/inspect.html"

    def records(self):
        return super().records() | Person.objects.exclude(merged_into=None)

    def dispatch(self, request, *args, **kwargs):
        if self.person.merged_into_id:  # whoever kept a link finds who the record is part of now
            return redirect(self.home, merging.current(self.person).pk)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        addresses = list(self.person.addresses.order_by("channel", "-primary", "pk"))
        history = list(self.person.consents.select_related("address", "by")[:50])
        closed = consent.suppressed({(a.channel, a.value) for a in addresses})
        newest = {}
        for line in history:
            newest.setdefault(line.address_id, line)
        return (
            super().get_context_data(**kwargs)
            | self.history(kwargs.get("note_form"))
            | {
                "addresses": [(a, newest.get(a.pk), (a.channel, a.value) in closed) for a in addresses],
                "can_stop": any(a.consent != Address.Consent.WITHDRAWN for a in addresses),
                "consents": history,
                "representations": self.person.representations.select_related("organization"),
                "tags": self.person.tags.all(),
                "external_ids": self.person.external_ids.all(),
                "may_stop": self.request.user.has_perm("coalition.add_consent"),
            }
        )


class AddNote(PersonPage):
    """Leave a note on the timeline."""

    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        form = NoteForm(request.POST)
        if not request.user.has_perm("coalition.add_entry"):
            raise PermissionDenied
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(note_form=form))
        people.write_note(self.person, form.cleaned_data["text"], by=request.user)
        messages.success(request, _("The note is on the timeline."))
        return redirect(f"{self.url}#timeline")


class RecordStop(PersonScreen, FormView):
    """Somebody told us to stop, by phone, by letter or in person: it counts like STOP (rule S6)."""

    form_class = HeardStopForm
    template_name = "coalition/people/stop.html"
    any_permission_required = None
    permission_required = "change"
    step = gettext_lazy("They asked us to stop")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"person": self.person}

    def get_initial(self):
        return {"addresses": [self.request.GET["address"]]} if "address" in self.request.GET else {}

    @transaction.atomic
    def form_valid(self, form):
        for address in form.chosen:
            consent.withdraw(
                address.channel,
                address.value,
                source=Consent.Source.STAFF,
                language=self.person.language,
                evidence=form.evidence,
                by=self.request.user,
            )
        log(instance=self.person, action="coalition.stop")
        closed = len(form.chosen)
        messages.success(
            self.request,
            ngettext(
                "The address is closed. Nothing more goes to it, whoever holds it.",
                "%(number)d addresses are closed. Nothing more goes to them, whoever holds them.",
                closed,
            )
            % {"number": closed},
        )
        return redirect(self.url)


class EditPerson(PersonScreen, FormView):
    form_class = PersonForm
    template_name = "coalition/people/edit.html"
    any_permission_required = None
    permission_required = "change"
    step = gettext_lazy("Edit")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.person}

    @transaction.atomic
    def form_valid(self, form):
        person = form.keep(by=self.request.user)
        log(instance=person, action="wagtail.edit")
        messages.success(self.request, _("What changed is kept."))
        return redirect(self.url)


class AddPerson(Screen, FormView):
    form_class = PersonForm
    template_name = "coalition/people/edit.html"
    permission_required = "add"
    page_title = gettext_lazy("Add a person")
    listing = ("people:list", gettext_lazy("People"))
    header_icon = "user"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Person()}

    @transaction.atomic
    def form_valid(self, form):
        person = form.keep(by=self.request.user)
        log(instance=person, action="wagtail.create")
        messages.success(self.request, _("%(person)s was added.") % {"person": person})
        return redirect("people:inspect", person.pk)
