"""The back office's pages about organizations: who they are, who speaks for them, what they decided."""

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import FormView, TemplateView
from django_filters import ChoiceFilter
from wagtail.admin import messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, NumberColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import accounts, organizations, people
from coalition.forms.organizations import OrganizationForm, RepresentativeForm
from coalition.forms.people import NoteForm
from coalition.models import Entry, Organization, Representative, fold

ANY = ["add", "change", "delete", "view"]
LINES_A_PAGE = 25


# The list


class OrganizationFilters(WagtailFilterSet):
    partner = ChoiceFilter(
        label=gettext_lazy("Partner"),
        choices=[("yes", gettext_lazy("Partners")), ("no", gettext_lazy("Not partners"))],
        method="by_partner",
    )

    class Meta:
        model = Organization
        fields = ["kind", "scope", "partner"]

    def by_partner(self, queryset, name, value):
        partners = Q(stage=Organization.Stage.PARTNER)
        return queryset.filter(partners if value == "yes" else ~partners)


class NameColumn(TitleColumn):
    cell_template_name = "coalition/organizations/cell_name.html"


class PartnerColumn(Column):
    cell_template_name = "coalition/organizations/cell_partner.html"


class PlaceColumn(Column):
    cell_template_name = "coalition/organizations/cell_place.html"


class OrganizationsIndex(generic.IndexView):
    page_title = gettext_lazy("Organizations")
    add_item_label = gettext_lazy("Add an organization")
    filterset_class = OrganizationFilters
    is_searchable = True
    default_ordering = "search"
    results_template_name = "coalition/organizations/index_results.html"

    @cached_property
    def columns(self):
        return [
            NameColumn("name", label=_("Name"), get_url=self.get_inspect_url, sort_key="search", width="40%"),
            Column("kind", label=_("Kind"), accessor="get_kind_display", sort_key="kind"),
            Column("scope", label=_("Scope"), accessor="get_scope_display", sort_key="scope"),
            PlaceColumn("place", label=_("Place"), accessor=str),
            NumberColumn("signing", label=_("May sign"), classname="bo-wide"),
            PartnerColumn("is_partner", label=_("Partner")),
        ]

    def get_base_queryset(self):
        return Organization.objects.annotate(signing=Count("representatives", Q(representatives__may_sign=True)))

    def search_queryset(self, queryset):
        if not self.is_searching:
            return queryset
        for word in fold(self.search_query).split():
            queryset = queryset.filter(search__contains=word)
        return queryset


# One organization


class OrganizationScreen(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    """A page about one organization."""

    any_permission_required = ANY
    header_icon = "group"
    step = ""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.organization = get_object_or_404(Organization, pk=kwargs["pk"])

    @property
    def url(self):
        return reverse("organizations:inspect", args=[self.organization.pk])

    def get_page_title(self):
        return self.step or str(self.organization)

    def get_breadcrumbs_items(self):
        here = [{"url": self.url, "label": str(self.organization)}, {"url": "", "label": self.step}]
        if not self.step:
            here = [{"url": "", "label": str(self.organization)}]
        return [*self.breadcrumbs_items, {"url": reverse("organizations:index"), "label": _("Organizations")}, *here]

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "organization": self.organization,
            "url": self.url,
            "may_change": self.user_has_permission("change"),
        }


class OrganizationPage(OrganizationScreen, TemplateView):
    """Who speaks for an organization, what it decided, and everything between it and us.

    The timeline and the representatives name people: they are for those who may see people.
    """

    template_name = "coalition/organizations/inspect.html"

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs) | {
            "language_names": [name for code, name in settings.LANGUAGES if code in self.organization.languages],
            "decisions": self.organization.decisions.live().select_related("publication", "version"),
            "sees_people": accounts.sees_people(self.request.user),
        }
        if not context["sees_people"]:
            return context
        kind = self.request.GET.get("kind", "")
        kind = kind if kind in Entry.Kind.values else ""
        lines = self.organization.entries.select_related("by")
        page = Paginator(lines.filter(kind=kind) if kind else lines, LINES_A_PAGE).get_page(self.request.GET.get("p"))
        return context | {
            "representatives": self.organization.representatives.select_related("person").prefetch_related(
                "person__addresses"
            ),
            "page_obj": page,
            "kind": kind,
            "kinds": Entry.Kind.choices,
            "query": urlencode({"kind": kind}) if kind else "",
            "note_form": kwargs.get("note_form") or NoteForm(),
            "may_note": self.request.user.has_perm("coalition.add_entry"),
        }


class AddNote(OrganizationPage):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        if not (request.user.has_perm("coalition.add_entry") and accounts.sees_people(request.user)):
            raise PermissionDenied
        form = NoteForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(note_form=form))
        people.write_note(self.organization, form.cleaned_data["text"], by=request.user)
        messages.success(request, _("The note is on the timeline."))
        return redirect(f"{self.url}#timeline")


class EditOrganization(OrganizationScreen, FormView):
    form_class = OrganizationForm
    template_name = "coalition/organizations/form.html"
    any_permission_required = None
    permission_required = "change"
    step = gettext_lazy("Edit")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.organization}

    @transaction.atomic
    def form_valid(self, form):
        log(instance=organizations.keep(form.save(commit=False), by=self.request.user), action="wagtail.edit")
        messages.success(self.request, _("What changed is kept."))
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": _("Keep these changes"), "back": self.url}


class AddOrganization(PermissionCheckedMixin, WagtailAdminTemplateMixin, FormView):
    form_class = OrganizationForm
    template_name = "coalition/organizations/form.html"
    permission_required = "add"
    page_title = gettext_lazy("Add an organization")
    header_icon = "group"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Organization()}

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("organizations:index"), "label": _("Organizations")},
            {"url": "", "label": self.page_title},
        ]

    @transaction.atomic
    def form_valid(self, form):
        organization = organizations.keep(form.save(commit=False), by=self.request.user)
        log(instance=organization, action="wagtail.create")
        messages.success(self.request, _("%(organization)s was added.") % {"organization": organization})
        return redirect("organizations:inspect", organization.pk)

    def get_context_data(self, **kwargs):
        back = reverse("organizations:index")
        return super().get_context_data(**kwargs) | {"button": _("Add this organization"), "back": back}


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
        form.save()
        log(instance=self.organization, action="coalition.change_representative")
        messages.success(self.request, _("What changed is kept."))
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "button": _("Keep these changes"),
            "back": self.url,
            "remove_url": reverse("organizations:remove", args=[self.organization.pk, self.representative.pk]),
        }


class RemoveRepresentative(RepresentativeScreen, View):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        person = self.representative.person
        organizations.remove_representative(self.representative, by=request.user)
        log(instance=self.organization, action="coalition.remove_representative")
        messages.success(request, _("%(person)s no longer speaks for it.") % {"person": person})
        return redirect(self.url)
