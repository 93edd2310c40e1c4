"""The back office's pages about segments: build a question about people, see at once how many it finds, keep it."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Exists, F, OuterRef, Value
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.admin_url_finder import AdminURLFinder
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import accounts, segments
from coalition.forms.segments import Node, SegmentForm, new_id, nodes_in, nodes_of
from coalition.models import Address, Import, Segment

ANY = ["add", "change", "delete", "view"]
SAMPLE = 5


class CountColumn(Column):
    cell_template_name = "coalition/segments/cell_count.html"


class UsesColumn(Column):
    cell_template_name = "coalition/segments/cell_uses.html"


class WordsColumn(Column):
    cell_template_name = "coalition/segments/cell_words.html"


class SegmentsIndex(generic.IndexView):
    page_title = gettext_lazy("Segments")
    add_item_label = gettext_lazy("Build a segment")
    default_ordering = "name"
    template_name = "coalition/segments/index.html"
    results_template_name = "coalition/segments/index_results.html"

    @cached_property
    def columns(self):
        return [
            TitleColumn("name", label=_("Name"), get_url=self.get_inspect_url, sort_key="name", width="40%"),
            CountColumn("people", label=_("People"), accessor=str),
            UsesColumn("uses", label=_("Times used"), accessor=str),
            DateColumn("updated_at", label=_("Changed"), sort_key="updated_at"),
        ]

    def get_base_queryset(self):
        holders = [relation.field.related_query_name() for relation in Segment._meta.related_objects]
        counts = {f"held_by_{name}": Count(name, distinct=True) for name in holders}
        return Segment.objects.annotate(**counts).annotate(uses=sum((F(name) for name in counts), Value(0)))


class SegmentScreen(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    any_permission_required = ANY
    header_icon = "crosshairs"
    step = ""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.segment = get_object_or_404(Segment.objects.select_related("created_by"), pk=kwargs["pk"])

    @property
    def url(self):
        return reverse("segments:inspect", args=[self.segment.pk])

    def get_page_title(self):
        return self.step or str(self.segment)

    def get_breadcrumbs_items(self):
        here = [{"url": self.url, "label": str(self.segment)}, {"url": "", "label": self.step}]
        if not self.step:
            here = [{"url": "", "label": str(self.segment)}]
        return [*self.breadcrumbs_items, {"url": reverse("segments:index"), "label": _("Segments")}, *here]


class SegmentPage(SegmentScreen, TemplateView):
    """What a segment asks, whom it finds, how they can be reached, and where it is used."""

    template_name = "coalition/segments/inspect.html"

    def get_context_data(self, **kwargs):
        found = segments.people(self.segment)
        finder = AdminURLFinder(self.request.user)
        uses = segments.used_by(self.segment)
        return super().get_context_data(**kwargs) | {
            "segment": self.segment,
            "said": segments.describe(self.segment.criteria),
            "problems": segments.problems(self.segment.criteria),
            "figures": figures(found),
            "sample": sample(self.request.user, found, 10),
            "uses": [(str(row), row._meta.verbose_name, finder.get_edit_url(row)) for row in uses],
            "may_change": self.user_has_permission("change"),
            "may_delete": self.user_has_permission("delete") and not uses,
        }


class CountOfSegment(SegmentScreen, TemplateView):
    """How many people a saved segment finds now: fetched by its row of the list."""

    template_name = "coalition/segments/number.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"number": segments.people(self.segment).count()}


class Builder(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """Build a segment, or change one."""

    permission_required = "add"
    template_name = "coalition/segments/builder.html"
    header_icon = "crosshairs"
    page_title = gettext_lazy("Build a segment")

    @cached_property
    def segment(self):
        return Segment()

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("segments:index"), "label": _("Segments")},
            {"url": "", "label": self.get_page_title()},
        ]

    @property
    def back(self):
        return reverse("segments:index")

    def beginning(self):
        """The tree a new segment begins with; the report of an import links here with its people."""
        batch = self.request.GET.get("import", "")
        if batch.isdigit() and Import.objects.filter(pk=batch).exists():
            return {"all": [{"is": "import", "value": int(batch)}]}
        return self.segment.criteria

    def get_context_data(self, **kwargs):
        root = kwargs.pop("root", None) or nodes_of(self.beginning())
        found = segments.matching(root.tree)
        return super().get_context_data(**kwargs) | {
            "form": kwargs.get("form") or SegmentForm(initial={"name": self.segment.name}),
            "root": root,
            "families": families(),
            "hows": segments.GROUPS.items(),
            "problems": [],
            "number": found.count(),
            "figures": figures(found),
            "sample": sample(self.request.user, found),
            "back": self.back,
        }

    def post(self, request, *args, **kwargs):
        form, root = SegmentForm(request.POST), nodes_in(request.POST)
        if form.is_valid():
            try:
                kept = segments.keep(self.segment, name=form.cleaned_data["name"], tree=root.tree, by=request.user)
            except ValidationError as refused:
                for words in refused.messages:
                    form.add_error(None, words)
            else:
                log(instance=kept, action="wagtail.edit" if "pk" in kwargs else "wagtail.create")
                messages.success(request, _("The segment is kept."))
                return redirect("segments:inspect", kept.pk)
        return self.render_to_response(self.get_context_data(form=form, root=root))


class EditSegment(Builder):
    permission_required = "change"

    @cached_property
    def segment(self):
        return get_object_or_404(Segment, pk=self.kwargs["pk"])

    def get_page_title(self):
        return str(self.segment)

    @property
    def back(self):
        return reverse("segments:inspect", args=[self.segment.pk])


class Part(PermissionCheckedMixin, TemplateView):
    """One more group or criterion for the page of the builder."""

    any_permission_required = ["add", "change"]

    def get_template_names(self):
        return ["coalition/segments/group.html" if self.node.how else "coalition/segments/criterion.html"]

    @cached_property
    def node(self):
        adds, depth = self.request.GET.get("adds", ""), self.request.GET.get("depth", "0")
        if not depth.isdigit():
            raise Http404
        if adds in segments.GROUPS and int(depth) < 2:
            return Node(new_id(), how=adds, depth=int(depth) + 1)
        if segments.criterion(adds):
            return Node(new_id(), key=adds)
        raise Http404

    def get_context_data(self, **kwargs):
        return {
            "node": self.node,
            "parent": self.request.GET.get("parent", ""),
            "families": families(),
            "hows": segments.GROUPS.items(),
            "added": True,
        }


class Finding(PermissionCheckedMixin, TemplateView):
    """How many people the page of the builder would find as it stands, and a few of them."""

    any_permission_required = ["add", "change"]
    template_name = "coalition/segments/finding.html"

    def post(self, request, *args, **kwargs):
        tree = nodes_in(request.POST).tree
        found = segments.matching(tree)
        return self.render_to_response(
            {
                "problems": segments.problems(tree),
                "figures": figures(found),
                "sample": sample(request.user, found),
            }
        )


class DeleteSegment(SegmentScreen, View):
    any_permission_required = None
    permission_required = "delete"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        if segments.used_by(self.segment):
            raise PermissionDenied
        log(instance=self.segment, action="wagtail.delete")
        self.segment.delete()
        messages.success(request, _("The segment “%(segment)s” is gone. Its people stay.") % {"segment": self.segment})
        return redirect("segments:index")


def families():
    """Criteria by the family they belong to, for the list to choose from: [(family, [criterion])]."""
    found = {}
    for criterion in segments.criteria().values():
        found.setdefault(str(criterion.family), []).append(criterion)
    return list(found.items())


def figures(found):
    """How many people, and how many of them can be written to, in one query."""
    open_ = Address.objects.open().filter(primary=True, person=OuterRef("pk"))
    return found.order_by().aggregate(
        people=Count("pk"),
        email=Count("pk", filter=Exists(open_.filter(channel=Address.Channel.EMAIL))),
        text=Count("pk", filter=Exists(open_.filter(channel=Address.Channel.PHONE))),
    )


def sample(user, found, size=SAMPLE):
    """A few of the people found, for those who may see people."""
    return list(found.order_by("-created_at", "-pk")[:size]) if accounts.sees_people(user) else []
