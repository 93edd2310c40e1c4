"""The list of people: searched, filtered, sorted, paged at any size, with what can be done to whom it finds."""

from urllib.parse import parse_qsl

from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, PageNotAnInteger
from django.db.models import F
from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.formats import base_formats
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.ui.tables import BaseColumn, Column, DateColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.widgets.button import Button, HeaderButton
from wagtail.log_actions import log

from coalition import accounts, saved_views
from coalition.forms import finding
from coalition.models import SavedView
from coalition.resources import PersonResource
from coalition.views.people.bulk import kinds_for
from coalition.views.saved_views import WithSavedViews
from coalition.views.screens import ANY

FORMATS = {"csv": base_formats.CSV, "xlsx": base_formats.XLSX}
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
    def has_next(self):
        if self.paginator.is_capped:
            return self.paginator.peek(self.number)
        return super().has_next()


class OpenEnded(WagtailPaginator):
    """Counts no further than it has to: of very many it says "more than", and pages go on while there are rows."""

    most = 10_000

    @cached_property
    def counted(self):
        return self.object_list.order_by()[: self.most + 1].count()

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
        self._held = list(self.object_list[first : first + self.per_page + 1])  # one more: is there a next page?
        return OpenEndedPage(self._held[: self.per_page], number, self)

    def peek(self, _number):
        return len(self._held) > self.per_page


class PeopleIndex(WithSavedViews, generic.IndexView):
    page_title = gettext_lazy("People")
    add_item_label = gettext_lazy("Add a person")
    any_permission_required = ANY
    filterset_class = finding.PeopleFilters
    paginator_class = OpenEnded
    is_searchable = True
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

    @cached_property
    def is_filtering(self):
        return any(self.request.GET.get(name) for name in self.filters.filters if name != "bin")

    def get_queryset(self):
        people = finding.found(self.request.GET, self.request).prefetch_related("addresses", "tags")
        return people.order_by(*ORDERS[self.ordering])

    def get_context_data(self, *args, **kwargs):
        context = super().get_context_data(*args, **kwargs)
        paginator = context["paginator"]
        asked = saved_views.question(self.request.GET.urlencode(), order=False)
        return context | {
            "kinds": [(kind.value, kind.label) for kind in self.kinds],
            "may_export": accounts.sees_people(self.request.user),
            "asked": parse_qsl(asked),
            "question": asked,
            "is_bin": self.is_bin,
            "tabs": [(f"{self.index_url}?bin=1", _("Bin"), self.is_bin)] if self.may_bin else [],
            "is_capped": paginator.is_capped,
            "most": paginator.most,
        }

    @cached_property
    def header_buttons(self):
        buttons = super().header_buttons
        user = self.request.user
        if user.has_perm("coalition.add_import"):
            buttons.append(HeaderButton(_("Import people"), url=reverse("imports:add"), icon_name="upload"))
        if accounts.sees_people(user):
            asked = self.request.GET.urlencode()
            for kind in FORMATS:
                url = f"{reverse('people:export', args=[kind])}?{asked}"
                buttons.append(
                    HeaderButton(_("Export as %(kind)s") % {"kind": kind.upper()}, url=url, icon_name="download")
                )
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
