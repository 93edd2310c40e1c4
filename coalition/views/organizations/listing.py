"""The list of organizations, what it is filtered by, and the bin."""

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import ListView
from django_filters import ChoiceFilter, ModelChoiceFilter
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, NumberColumn, TitleColumn
from wagtail.admin.widgets.button import HeaderButton

from coalition import saved_views
from coalition.models import Constituency, Organization, Region, SavedView, StandingAuthorization
from coalition.places import CHOICES
from coalition.views.saved_views import WithSavedViews
from coalition.views.screens import ANY, Index, Screen

SIGNING = Q(representatives__may_sign=True, representatives__person__binned_at=None)


class OrganizationFilters(WagtailFilterSet):
    """What the list, the board and a saved view are narrowed by."""

    state = ChoiceFilter(label=gettext_lazy("State"), choices=CHOICES)
    region = ModelChoiceFilter(label=gettext_lazy("Region"), queryset=Region.objects.all(), field_name="regions")
    constituency = ModelChoiceFilter(
        label=gettext_lazy("Constituency served"), queryset=Constituency.objects.all(), field_name="constituencies"
    )
    language = ChoiceFilter(label=gettext_lazy("Language"), choices=settings.LANGUAGES, method="by_language")
    decides = ChoiceFilter(
        label=gettext_lazy("How it decides"),
        choices=[
            ("policy", gettext_lazy("has a standing policy")),
            ("authorization", gettext_lazy("has a standing authorization in force")),
        ],
        method="by_deciding",
    )

    class Meta:
        model = Organization
        fields = ["stage", "kind", "scope", "state", "region", "constituency", "language", "decides"]

    def by_language(self, queryset, name, value):
        return queryset.filter(languages__contains=[value])

    def by_deciding(self, queryset, name, value):
        if value == "policy":
            return queryset.filter(policy__isnull=False)
        return queryset.filter(Exists(StandingAuthorization.objects.in_force().filter(organization=OuterRef("pk"))))


class NameColumn(TitleColumn):
    cell_template_name = "coalition/organizations/cell_name.html"


class StageColumn(Column):
    cell_template_name = "coalition/organizations/cell_stage.html"


class PlaceColumn(Column):
    cell_template_name = "coalition/organizations/cell_place.html"


class OrganizationsIndex(WithSavedViews, Index):
    page_title = gettext_lazy("Organizations")
    add_item_label = gettext_lazy("Add an organization")
    any_permission_required = ANY
    filterset_class = OrganizationFilters
    is_searchable = True
    default_ordering = "alphabetical"
    screen = SavedView.Screen.ORGANIZATIONS
    results_template_name = "coalition/organizations/index_results.html"

    @cached_property
    def columns(self):
        return [
            NameColumn("name", label=_("Name"), get_url=self.get_inspect_url, sort_key="alphabetical", width="36%"),
            Column("kind", label=_("Kind"), accessor="get_kind_display", sort_key="kind"),
            Column("scope", label=_("Scope"), accessor="get_scope_display", sort_key="scope"),
            PlaceColumn("place", label=_("Place"), accessor=str),
            NumberColumn("signing", label=_("May sign"), classname="bo-wide"),
            StageColumn("stage", label=_("Partnership"), accessor=str),
        ]

    def get_base_queryset(self):
        return Organization.objects.present().annotate(signing=Count("representatives", SIGNING, distinct=True))

    def search_queryset(self, queryset):
        return queryset.search(self.search_query) if self.is_searching else queryset

    @cached_property
    def header_buttons(self):
        buttons = super().header_buttons
        if self.request.user.has_perm("coalition.add_export"):
            asked = saved_views.question(self.request.GET.urlencode())
            url = reverse("exports:organizations") + (f"?{asked}" if asked else "")
            buttons.append(HeaderButton(_("Export"), url=url, icon_name="download"))
        return buttons

    def get_context_data(self, *args, **kwargs):
        asked = saved_views.question(self.request.GET.urlencode(), order=False)
        tabs = [(reverse("organizations:board") + (f"?{asked}" if asked else ""), _("Board"), False)]
        if self.permission_policy.user_has_permission(self.request.user, "change"):
            tabs.append((reverse("organizations:binned"), _("Bin"), False))
        return super().get_context_data(*args, **kwargs) | {"tabs": tabs}


class Binned(Screen, ListView):
    """What is in the bin, the last one first, each with the way out."""

    listing = ("organizations:index", gettext_lazy("Organizations"))
    permission_required = "change"
    page_title = gettext_lazy("Organizations in the bin")
    header_icon = "bin"
    template_name = "coalition/organizations/binned.html"
    paginate_by = 50
    page_kwarg = "p"

    def get_queryset(self):
        held = Organization.objects.exclude(binned_at=None).select_related("merged_into")
        return held.order_by("-binned_at", "pk")

    def dispatch(self, request, *args, **kwargs):
        if not self.permission_policy.user_has_permission(request.user, "change"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)
