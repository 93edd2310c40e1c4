"""The back office's pages about people: find them, see how and why (or why not) we may write to them."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import FormView, TemplateView
from django_filters import ChoiceFilter, ModelChoiceFilter
from import_export.formats import base_formats
from wagtail.admin import messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.widgets.button import HeaderButton
from wagtail.log_actions import log

from coalition import accounts, consent, people, segments
from coalition.forms.people import HeardStopForm, NoteForm, PersonForm
from coalition.models import Address, Consent, Entry, Person, Tag
from coalition.places import CHOICES
from coalition.resources import PersonResource

ANY = ["add", "change", "delete", "view"]
LINES_A_PAGE = 25
FORMATS = {"csv": base_formats.CSV, "xlsx": base_formats.XLSX}


# The list


class PeopleFilters(WagtailFilterSet):
    state = ChoiceFilter(label=gettext_lazy("State"), choices=CHOICES)
    tag = ModelChoiceFilter(label=gettext_lazy("Tag"), queryset=Tag.objects.all(), method="by_tag")
    email = ChoiceFilter(label=gettext_lazy("By email"), choices=segments.Reach.STATES, method="by_reach")
    text = ChoiceFilter(label=gettext_lazy("By text"), choices=segments.Reach.STATES, method="by_reach")

    class Meta:
        model = Person
        fields = ["language", "state", "tag", "email", "text"]

    def by_tag(self, queryset, name, value):
        return queryset.filter(segments.criteria()["tag"].condition({"value": [value]}))

    def by_reach(self, queryset, name, value):
        return queryset.filter(segments.criteria()[name].condition({"value": value}))


class NameColumn(TitleColumn):
    cell_template_name = "coalition/people/cell_name.html"


class PlaceColumn(Column):
    cell_template_name = "coalition/people/cell_place.html"


class ReachColumn(Column):
    cell_template_name = "coalition/people/cell_reach.html"


class TagsColumn(Column):
    cell_template_name = "coalition/people/cell_tags.html"


class PeopleIndex(generic.IndexView):
    page_title = gettext_lazy("People")
    add_item_label = gettext_lazy("Add a person")
    any_permission_required = ANY
    filterset_class = PeopleFilters
    is_searchable = True
    default_ordering = "-created_at"
    results_template_name = "coalition/people/index_results.html"

    @cached_property
    def columns(self):
        return [
            NameColumn("name", label=_("Name"), get_url=self.get_inspect_url, width="30%"),
            Column("language", label=_("Language"), accessor="get_language_display"),
            PlaceColumn("place", label=_("Place"), accessor=str),
            ReachColumn("reach", label=_("May we write?"), accessor=str),
            TagsColumn("tags", label=_("Tags"), accessor=str),
            DateColumn("created_at", label=_("Added"), sort_key="created_at"),
        ]

    def get_base_queryset(self):
        return Person.objects.present().prefetch_related("addresses", "tags")

    def order_queryset(self, queryset):
        direction = "" if self.ordering == "created_at" else "-"
        return queryset.order_by(f"{direction}created_at", f"{direction}pk")

    def search_queryset(self, queryset):
        return queryset.search(self.search_query) if self.is_searching else queryset

    @cached_property
    def header_buttons(self):
        buttons = super().header_buttons
        if self.request.user.has_perm("coalition.add_import"):
            buttons.append(HeaderButton(_("Import people"), url=reverse("imports:add"), icon_name="upload"))
        if accounts.sees_people(self.request.user):
            asked = self.request.GET.urlencode()
            for kind in FORMATS:
                url = f"{reverse('people:export', args=[kind])}?{asked}"
                buttons.append(
                    HeaderButton(_("Export as %(kind)s") % {"kind": kind.upper()}, url=url, icon_name="download")
                )
        return buttons


class ExportPeople(PeopleIndex):
    """The list as it is filtered now, as a file; who took it stands in the log."""

    def get(self, request, kind):
        if not accounts.sees_people(request.user):
            raise PermissionDenied
        data = PersonResource().export(self.get_queryset())
        file = FORMATS[kind]()
        log(instance=request.user, action="coalition.export", data={"people": len(data), "kind": kind})
        name = f"{capfirst(_('people'))}.{file.get_extension()}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return HttpResponse(file.export_data(data), content_type=file.get_content_type(), headers=headers)


# One person


class PersonScreen(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    """A page about one person."""

    any_permission_required = ANY
    header_icon = "user"
    step = ""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.person = get_object_or_404(Person.objects.present(), pk=kwargs["pk"])

    @property
    def url(self):
        return reverse("people:inspect", args=[self.person.pk])

    def get_page_title(self):
        return self.step or str(self.person)

    def get_breadcrumbs_items(self):
        here = [{"url": self.url, "label": str(self.person)}, {"url": "", "label": self.step}]
        if not self.step:
            here = [{"url": "", "label": str(self.person)}]
        return [*self.breadcrumbs_items, {"url": reverse("people:list"), "label": _("People")}, *here]

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "person": self.person,
            "url": self.url,
            "may_change": self.user_has_permission("change"),
        }


class PersonPage(PersonScreen, TemplateView):
    """Who somebody is, how and why (or why not) we may write to them, and everything between them and us."""

    template_name = "coalition/people/inspect.html"

    def get_context_data(self, **kwargs):
        kind = self.request.GET.get("kind", "")
        kind = kind if kind in Entry.Kind.values else ""
        lines = self.person.entries.select_related("by")
        page = Paginator(lines.filter(kind=kind) if kind else lines, LINES_A_PAGE).get_page(self.request.GET.get("p"))
        addresses = list(self.person.addresses.order_by("channel", "-primary", "pk"))
        history = list(self.person.consents.select_related("address", "by")[:50])
        closed = consent.suppressed({(a.channel, a.value) for a in addresses})
        newest = {}
        for line in history:
            newest.setdefault(line.address_id, line)
        return super().get_context_data(**kwargs) | {
            "addresses": [(a, newest.get(a.pk), (a.channel, a.value) in closed) for a in addresses],
            "can_stop": any(a.consent != Address.Consent.WITHDRAWN for a in addresses),
            "history": history,
            "representations": self.person.representations.select_related("organization"),
            "tags": self.person.tags.all(),
            "external_ids": self.person.external_ids.all(),
            "page_obj": page,
            "kind": kind,
            "kinds": Entry.Kind.choices,
            "query": urlencode({"kind": kind}) if kind else "",
            "note_form": kwargs.get("note_form") or NoteForm(),
            "may_note": self.request.user.has_perm("coalition.add_entry"),
            "may_stop": self.request.user.has_perm("coalition.add_consent"),
        }


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


class AddPerson(PermissionCheckedMixin, WagtailAdminTemplateMixin, FormView):
    form_class = PersonForm
    template_name = "coalition/people/edit.html"
    permission_required = "add"
    page_title = gettext_lazy("Add a person")
    header_icon = "user"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Person()}

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("people:list"), "label": _("People")},
            {"url": "", "label": self.page_title},
        ]

    @transaction.atomic
    def form_valid(self, form):
        person = form.keep(by=self.request.user)
        log(instance=person, action="wagtail.create")
        messages.success(self.request, _("%(person)s was added.") % {"person": person})
        return redirect("people:inspect", person.pk)
