"""The list of people: searched, filtered, sorted."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import ChoiceFilter, ModelChoiceFilter
from import_export.formats import base_formats
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.widgets.button import HeaderButton
from wagtail.log_actions import log

from coalition import accounts, segments
from coalition.models import Person, Tag
from coalition.places import CHOICES
from coalition.resources import PersonResource
from coalition.views.screens import ANY

FORMATS = {"csv": base_formats.CSV, "xlsx": base_formats.XLSX}


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
