"""One person: who they are, how and why (or why not) we may write to them, and everything between them and us."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View
from django.views.generic import FormView, TemplateView
from wagtail import hooks
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import consent, lists, people
from coalition.forms.people import HeardStopForm, NoteForm, TagsForm
from coalition.models import Address, Consent, PeopleList, Person
from coalition.views.follow_ups import follow_ups_of
from coalition.views.screens import RecordScreen, WithHistory

# What apps above know of a person. A hook takes `person` and `user` and gives panels: {"name", "title", "lines"},
# each line {"words", "url", "note"}.
PANELS_HOOK = "person_panels"


class PersonScreen(RecordScreen):
    """A page about one person who is not in the bin."""

    subject = "person"
    home = "people:inspect"
    listing = ("people:list", gettext_lazy("People"))
    header_icon = "user"

    def records(self):
        return Person.objects.present()


class PersonPage(WithHistory, PersonScreen, TemplateView):
    """Who somebody is, how and why (or why not) we may write to them, and everything between them and us.

    The page of somebody in the bin says so, and offers the way out; who was merged into another is found there.
    """

    template_name = "coalition/people/inspect.html"

    def records(self):
        return Person.objects.select_related("binned_by")

    def get(self, request, *args, **kwargs):
        if self.person.merged_into_id:
            return redirect("people:inspect", self.person.merged_into_id)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        person, user = self.person, self.request.user
        addresses = list(person.addresses.order_by("channel", "-primary", "pk"))
        history = list(person.consents.select_related("address", "by")[:50])
        closed = consent.suppressed({(a.channel, a.value) for a in addresses})
        newest = {}
        for line in history:
            newest.setdefault(line.address_id, line)
        is_binned = person.binned_at is not None
        context = super().get_context_data(**kwargs)
        may_change = context["may_change"] and not is_binned
        return (
            context
            | self.history(kwargs.get("note_form"))
            | follow_ups_of(person, user)
            | on_lists(person, user)
            | {
                "addresses": [(a, newest.get(a.pk), (a.channel, a.value) in closed) for a in addresses],
                "can_stop": any(a.consent != Address.Consent.WITHDRAWN for a in addresses),
                "consents": history,
                "representations": person.representations.select_related("organization"),
                "memberships": person.memberships.select_related("organization"),
                "tags": person.tags.all(),
                "external_ids": person.external_ids.all(),
                "panels": [panel for give in hooks.get_hooks(PANELS_HOOK) for panel in give(person=person, user=user)],
                "is_binned": is_binned,
                "may_change": may_change,
                "may_stop": user.has_perm("coalition.add_consent"),
                "may_bin": self.user_has_permission("delete") and not is_binned,
                "may_restore": self.user_has_permission("delete") and is_binned,
            }
        )


class AddNote(PersonPage):
    """Leave a note on the timeline."""

    http_method_names = ["post"]

    def records(self):
        return Person.objects.present()

    def post(self, request, *args, **kwargs):
        form = NoteForm(request.POST)
        if not request.user.has_perm("coalition.add_entry"):
            raise PermissionDenied
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(note_form=form))
        people.write_note(self.person, form.cleaned_data["text"], by=request.user)
        messages.success(request, _("The note is on the timeline."))
        return redirect(f"{self.url}#timeline")


# Tags and lists, in place


class EditTags(PersonScreen, FormView):
    """The tags of one person: a part of the page that turns into a form and back; without JavaScript a page."""

    form_class = TagsForm
    template_name = "coalition/people/tags.html"
    any_permission_required = None
    permission_required = "change"
    step = gettext_lazy("Tags")

    def get_initial(self):
        return {"tags": ", ".join(self.person.tags.values_list("name", flat=True))}

    def get_template_names(self):
        return ["coalition/people/tags_form.html"] if self.request.htmx else super().get_template_names()

    def form_valid(self, form):
        people.set_tags(self.person, form.cleaned_data["tags"], by=self.request.user)
        if not self.request.htmx:
            return redirect(self.url)
        context = {"person": self.person, "tags": self.person.tags.all(), "may_change": True}
        return render(self.request, "coalition/people/tags_shown.html", context)


def on_lists(person, user):
    """What `coalition/people/lists.html` shows."""
    held = list(person.lists.all())
    return {
        "lists": held,
        "other_lists": PeopleList.objects.exclude(pk__in=[people_list.pk for people_list in held])[:200],
        "may_list": user.has_perm("coalition.change_peoplelist"),
    }


class ChangeLists(PersonScreen, View):
    """Put one person on a list, or take them off."""

    any_permission_required = None
    permission_required = "change"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        if not request.user.has_perm("coalition.change_peoplelist"):
            raise PermissionDenied
        wanted = request.POST.get("list", "")
        people_list = get_object_or_404(PeopleList, pk=wanted if wanted.isascii() and wanted.isdigit() else 0)
        act = lists.take_off if request.POST.get("off") else lists.put_on
        act(people_list, self.person, by=request.user)
        if not request.htmx:
            return redirect(f"{self.url}#lists")
        context = on_lists(self.person, request.user) | {"person": self.person, "may_change": True}
        return render(request, "coalition/people/lists.html", context)


# The bin


class BinPerson(PersonScreen, View):
    any_permission_required = None
    permission_required = "delete"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        if people.move_to_bin(self.person, by=request.user):
            log(instance=self.person, action="coalition.bin")
            messages.success(
                request,
                _("%(person)s is in the bin, and can be taken out again with everything.") % {"person": self.person},
                buttons=[messages.button(self.url, _("See the page"))],
            )
        return redirect("people:list")


class RestorePerson(PersonScreen, View):
    any_permission_required = None
    permission_required = "delete"
    http_method_names = ["post"]

    def records(self):
        return Person.objects.filter(merged_into=None)

    def post(self, request, *args, **kwargs):
        if people.restore(self.person, by=request.user):
            log(instance=self.person, action="coalition.restore")
            messages.success(request, _("%(person)s is back, with everything.") % {"person": self.person})
        return redirect(self.url)


# A stop heard elsewhere


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
