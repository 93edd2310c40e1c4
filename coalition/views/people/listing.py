"""The list of people: searched, filtered, sorted, paged at any size, with what can be done to whom it finds."""

from urllib.parse import parse_qsl

from django.core.paginator import Page, PageNotAnInteger
from django.db.models import F
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.ui.tables import BaseColumn, Column, DateColumn, TitleColumn
from wagtail.admin.widgets.button import Button, HeaderButton

from coalition import accounts, saved_views, segments
from coalition.forms import finding
from coalition.models import SavedView
from coalition.views.people.bulk import kinds_for
from coalition.views.saved_views import WithSavedViews
from coalition.views.screens import ANY, Index
from coalition.views.searching import PeopleSearch

ORDERS = {
    "created_at": ("created_at", "pk"),
    "-created_at": ("-created_at", "-pk"),
    "name": ("search", "pk"),
    "-name": ("-search", "-pk"),
    "last_active_at": (F("last_active_at").asc(nulls_first=True), "pk"),
    "-last_active_at": (F("last_active_at").desc(nulls_last=True), "-pk"),
}


class TickColumn(BaseColumn):
    header_template_name = "coalition/people/head_tick.html"
    cell_template_name = "coalition/people/cell_tick.html"


class NameColumn(TitleColumn):
    cell_template_name = "coalition/people/cell_name.html"


class PlaceColumn(Column):
    cell_template_name = "coalition/people/cell_place.html"


class ReachColumn(Column):
    cell_template_name = "coalition/people/cell_reach.html"


class TagsColumn(Column):
    cell_template_name = "coalition/people/cell_tags.html"


class OpenEndedPage(Page):
    """Knows by one row more whether there is a next page."""

    def __init__(self, rows, number, paginator):
        self.goes_on = len(rows) > paginator.per_page
        super().__init__(rows[: paginator.per_page], number, paginator)

    def has_next(self):
        return self.goes_on


class OpenEnded(WagtailPaginator):
    """Counts no further than it has to: of very many it says "more than", and pages go on while there are rows."""

    most = 10_000
    within = 0.025  # seconds for an exact number, then a sample says whether it is more than that

    @cached_property
    def counted(self):
        rows = self.object_list.order_by()
        try:
            with segments.at_most(self.within):
                return rows[: self.most + 1].count()
        except segments.TooSlow:
            about = segments.about(rows)
            return self.most + 1 if about.number > self.most else about.number

    @property
    def is_capped(self):
        return self.counted > self.most

    @property
    def count(self):
        return min(self.counted, self.most)

    @property
    def items_count_label(self):
        if self.is_capped:
            return _("More than %(number)s people") % {"number": f"{self.most:,}"}
        return super().items_count_label

    def validate_number(self, number):
        if not self.is_capped:
            return super().validate_number(number)
        if not str(number).isdecimal() or len(str(number)) > 6 or int(number) < 1:
            raise PageNotAnInteger("")
        return int(number)

    def page(self, number):
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        return OpenEndedPage(list(self.object_list[first : first + self.per_page + 1]), number, self)


class PeopleIndex(PeopleSearch, WithSavedViews, Index):
    page_title = gettext_lazy("People")
    add_item_label = gettext_lazy("Add a person")
    any_permission_required = ANY
    filterset_class = finding.PeopleFilters
    paginator_class = OpenEnded
    default_ordering = "-created_at"
    results_template_name = "coalition/people/index_results.html"
    screen = SavedView.Screen.PEOPLE

    @cached_property
    def columns(self):
        ticks = [TickColumn("tick")] if self.kinds else []
        return [
            *ticks,
            NameColumn("name", label=_("Name"), get_url=self.get_inspect_url, sort_key="name", width="30%"),
            Column("language", label=_("Language"), accessor="get_language_display"),
            PlaceColumn("place", label=_("Place"), accessor=str),
            ReachColumn("reach", label=_("May we write?"), accessor=str),
            TagsColumn("tags", label=_("Tags"), accessor=str),
            DateColumn("last_active_at", label=_("Last active"), sort_key="last_active_at", classname="bo-wide"),
            DateColumn("created_at", label=_("Added"), sort_key="created_at"),
        ]

    @cached_property
    def is_bin(self):
        return finding.is_bin(self.request.GET)

    @cached_property
    def kinds(self):
        return kinds_for(self.request.user, binned=self.is_bin)

    @property
    def may_bin(self):
        return self.request.user.has_perm("coalition.delete_person")

    @property
    def may_export(self):
        return accounts.sees_people(self.request.user) and self.request.user.has_perm("coalition.add_export")

    @cached_property
    def filters(self):
        filters = super().filters
        filters.is_valid()  # where only the results are asked for, nobody else looks before they name the filters
        return filters

    @cached_property
    def is_filtering(self):
        return any(self.request.GET.get(name) for name in self.filters.filters if name != "bin")

    def get_queryset(self):
        people = finding.found(self.asked, self.request).prefetch_related("addresses", "tags")
        return people.order_by(*ORDERS[self.ordering])

    def get_context_data(self, *args, **kwargs):
        context = super().get_context_data(*args, **kwargs)
        paginator = context["paginator"]
        asked = saved_views.question(self.request.GET.urlencode(), order=False)
        return context | {
            "kinds": [(kind.value, kind.label) for kind in self.kinds],
            "may_export": self.may_export,
            "asked": parse_qsl(asked),
            "question": asked,
            "is_bin": self.is_bin,
            "tabs": [(f"{self.index_url}?bin=1", _("Bin"), self.is_bin)] if self.may_bin else [],
            "is_capped": bool(paginator and paginator.is_capped),
            "most": paginator and paginator.most,
        }

    @cached_property
    def header_buttons(self):
        buttons = super().header_buttons
        user = self.request.user
        if user.has_perm("coalition.add_import"):
            buttons.append(HeaderButton(_("Import people"), url=reverse("imports:add"), icon_name="upload"))
        if self.may_export and not self.is_bin:
            asked = saved_views.question(self.request.GET.urlencode())
            url = reverse("exports:people") + (f"?{asked}" if asked else "")
            buttons.append(HeaderButton(_("Export"), url=url, icon_name="download"))
        return buttons

    @cached_property
    def header_more_buttons(self):
        user, buttons = self.request.user, []
        if user.has_perm("coalition.view_peoplelist"):
            buttons.append(Button(_("Lists"), url=reverse("lists:index"), icon_name="list-ul", priority=10))
        if user.has_perm("coalition.view_bulkaction"):
            buttons.append(
                Button(_("What was done to many"), url=reverse("bulk:index"), icon_name="history", priority=20)
            )
        return buttons
