"""The back office's pages about segments: build a question about people, see at once how many it finds, keep it."""

from dataclasses import replace

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.admin_url_finder import AdminURLFinder
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import accounts, segments
from coalition.forms.segments import NESTED, Node, SegmentForm, built_in, built_of, new_id
from coalition.models import Import, SavedView, Segment
from coalition.views.screens import Index, RecordScreen, Screen

LISTING = ("segments:index", gettext_lazy("Segments"))
SAMPLE = 5
# A list waits a little for a number, somebody who asked for all of them waits longer. In seconds.
SOON, AT_EASE, AT_LENGTH = 0.25, 3, 20
FEWEST = 10  # people that somebody is told of who may not see them


class CountColumn(Column):
    cell_template_name = "coalition/segments/cell_count.html"


class UsesColumn(Column):
    cell_template_name = "coalition/segments/cell_uses.html"


class NameColumn(TitleColumn):
    cell_template_name = "coalition/segments/cell_name.html"


class SegmentsIndex(Index):
    page_title = gettext_lazy("Segments")
    add_item_label = gettext_lazy("Build a segment")
    default_ordering = "name"
    template_name = "coalition/segments/index.html"
    results_template_name = "coalition/segments/index_results.html"

    @cached_property
    def columns(self):
        return [
            NameColumn("name", label=_("Name"), get_url=self.get_inspect_url, sort_key="name", width="50%"),
            CountColumn("people", label=_("People"), accessor=str),
            UsesColumn("uses", label=_("Times used"), accessor=self.uses_of),
            DateColumn("updated_at", label=_("Changed"), sort_key="updated_at", classname="bo-wide"),
        ]

    @cached_property
    def uses(self):
        return segments.uses()

    def uses_of(self, segment):
        return self.uses.get(segment.pk, 0)

    def get_base_queryset(self):
        return Segment.objects.all()


class SegmentScreen(RecordScreen):
    listing = LISTING
    subject = "segment"
    home = "segments:inspect"
    header_icon = "crosshairs"

    def records(self):
        return Segment.objects.select_related("created_by")


class SegmentPage(SegmentScreen, TemplateView):
    """What a segment asks, whom it finds, how they can be reached, and where it is used."""

    template_name = "coalition/segments/inspect.html"

    def get_context_data(self, **kwargs):
        user, tree = self.request.user, self.segment.criteria
        may_ask = segments.may_ask(user, tree)
        found, problems = segments.judged(tree, self.segment)
        return super().get_context_data(**kwargs) | {
            "said": segments.describe(tree, user),
            "problems": problems,
            "found": look(user, found, may_ask=may_ask, some=10, within=SOON),
            "uses": uses_of(self.segment, user),
            "may_see": segments.may_list(user, self.segment),
            "may_copy": may_ask and self.user_has_permission("add"),
            "may_change": may_ask and self.user_has_permission("change"),
            "may_delete": self.user_has_permission("delete"),
        }


class CountOfSegment(SegmentScreen, TemplateView):
    """How many people a saved segment finds now: fetched by its row of the list; `all` counts however long it takes."""

    template_name = "coalition/segments/number.html"

    def get_context_data(self, **kwargs):
        found = segments.people(self.segment)
        try:
            number = segments.size(found, within=AT_LENGTH if "all" in self.request.GET else SOON)
        except segments.TooSlow:
            number = None
        if number and number.number < FEWEST and not segments.may_ask(self.request.user, self.segment.criteria):
            number = None
        return super().get_context_data(**kwargs) | {"size": number}


class Builder(Screen, TemplateView):
    """Build a segment, from nothing, from an import's people or from another segment."""

    permission_required = "add"
    listing = LISTING
    template_name = "coalition/segments/builder.html"
    header_icon = "crosshairs"
    page_title = gettext_lazy("Build a segment")

    @cached_property
    def segment(self):
        return Segment()

    @property
    def back(self):
        return reverse("segments:index")

    def beginning(self):
        """(initial values of the form, tree) that a new segment begins with."""
        batch, other = self.request.GET.get("import", ""), self.request.GET.get("copy", "")
        if batch.isdecimal() and Import.objects.filter(pk=batch).exists():
            return {}, {"all": [{"is": "import", "value": int(batch)}]}
        if other.isdecimal():
            copied = get_object_or_404(Segment, pk=other)
            name = _("%(segment)s (copy)") % {"segment": copied.name[:100]}
            return {"name": name, "description": copied.description}, copied.criteria
        return {}, {}

    def get_context_data(self, **kwargs):
        initial, tree = ({}, {}) if "built" in kwargs else self.beginning()
        built = kwargs.pop("built", None) or built_of(tree)
        self.ask(built.tree)
        user = self.request.user
        return super().get_context_data(**kwargs) | {
            "form": kwargs.get("form") or SegmentForm(initial=initial),
            "built": built,
            "segment": self.segment,
            "families": families(user),
            "hows": segments.GROUPS.items(),
            "problems": [],
            "found": look(user, segments.matching(built.tree, self.segment), may_ask=True),
            "uses": uses_of(self.segment, user) if self.segment.pk else [],
            "back": self.back,
        }

    def ask(self, tree):
        """Only who may ask all of a tree may change it."""
        if not segments.may_ask(self.request.user, tree):
            raise PermissionDenied

    def post(self, request, *args, **kwargs):
        form, built = SegmentForm(request.POST), built_in(request.POST)
        self.ask(built.tree)
        if form.is_valid():
            said = form.cleaned_data
            if twice := self.kept_before(said["name"], built.tree):
                return redirect("segments:inspect", twice.pk)
            try:
                kept = segments.keep(self.segment, **said, tree=built.tree, by=request.user)
            except ValidationError as refused:
                for words in refused.messages:
                    form.add_error(None, words)
            else:
                log(instance=kept, action="wagtail.edit" if "pk" in kwargs else "wagtail.create")
                messages.success(request, _("The segment is kept."))
                return redirect("segments:inspect", kept.pk)
        return self.render_to_response(self.get_context_data(form=form, built=built))

    def kept_before(self, name, tree):
        """The same segment, where the button was pressed twice."""
        return Segment.objects.filter(name=name, criteria=tree, created_by=self.request.user).first()


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

    def beginning(self):
        return {"name": self.segment.name, "description": self.segment.description}, self.segment.criteria

    def ask(self, tree):
        super().ask(tree)
        super().ask(self.segment.criteria)

    def kept_before(self, name, tree):
        return None


class Part(PermissionCheckedMixin, TemplateView):
    """One more group or criterion for the page of the builder."""

    any_permission_required = ["add", "change"]

    def get_template_names(self):
        return ["coalition/segments/group.html" if self.node.how else "coalition/segments/criterion.html"]

    @cached_property
    def node(self):
        adds, depth = self.request.GET.get("adds", ""), self.request.GET.get("depth", "0")
        if not depth.isdecimal():
            raise Http404
        if adds in segments.GROUPS and int(depth) < NESTED:
            return Node(new_id(), how=adds, depth=int(depth) + 1)
        if segments.criterion(adds):
            if not segments.may_ask(self.request.user, {"all": [{"is": adds}]}):
                raise PermissionDenied
            return Node(new_id(), key=adds)
        raise Http404

    def get_context_data(self, **kwargs):
        return {
            "node": self.node,
            "parent": self.request.GET.get("parent", ""),
            "hows": segments.GROUPS.items(),
            "added": True,
        }


class Finding(PermissionCheckedMixin, TemplateView):
    """How many people the page of the builder would find as it stands, and a few of them."""

    any_permission_required = ["add", "change"]
    template_name = "coalition/segments/finding.html"

    def post(self, request, *args, **kwargs):
        tree = built_in(request.POST).tree
        if not segments.may_ask(request.user, tree):
            raise PermissionDenied
        given = request.POST.get("segment", "")
        segment = Segment.objects.filter(pk=given).first() if given.isdecimal() else None
        found, problems = segments.judged(tree, segment)
        if "exact" in request.GET:  # asked for once nobody types any more
            number = segments.size(found, within=AT_EASE)
            return TemplateResponse(request, "coalition/segments/number.html", {"size": number})
        return self.render_to_response({"problems": problems, "found": look(request.user, found, may_ask=True)})


class DeleteSegment(SegmentScreen, TemplateView):
    """Asks once more; says where the segment is used, as long as it is."""

    any_permission_required = None
    permission_required = "delete"
    template_name = "coalition/segments/delete.html"
    step = gettext_lazy("Delete")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"uses": uses_of(self.segment, self.request.user)}

    def post(self, request, *args, **kwargs):
        pk = self.segment.pk
        if segments.delete(self.segment):
            return self.render_to_response(self.get_context_data())
        self.segment.pk = pk
        log(instance=self.segment, action="wagtail.delete", deleted=True)
        messages.success(request, _("The segment “%(segment)s” is gone. Its people stay.") % {"segment": self.segment})
        return redirect("segments:index")


def families(user):
    """Criteria that somebody may ask by the family they belong to: [(family, [criterion])]."""
    found = {str(family): [] for family in segments.FAMILIES}
    for criterion in segments.criteria(user).values():
        found.setdefault(str(criterion.family), []).append(criterion)
    return [(family, criteria) for family, criteria in found.items() if criteria]


def look(user, people, *, may_ask, some=SAMPLE, **kwargs):
    """What a question finds, as far as this user may see it: numbers for all, people for those who may see people."""
    found = segments.look(people, some=some if may_ask and accounts.sees_people(user) else 0, **kwargs)
    if not may_ask and found.people.number < FEWEST:
        return replace(found, people=None, email=None, text=None)
    return found


def uses_of(segment, user):
    """Where a segment is used: [(name, kind, link)]."""
    finder = AdminURLFinder(user)
    return [(str(row), row._meta.verbose_name, _link_to(row, finder)) for row in segments.used_by(segment)]


def _link_to(row, finder):
    if isinstance(row, Segment):
        return reverse("segments:inspect", args=[row.pk])
    if isinstance(row, SavedView):
        try:
            return f"{reverse(f'{row.screen}:list')}?{row.query}"
        except NoReverseMatch:
            return ""
    return finder.get_edit_url(row)
