"""Two records of one organization: found, put side by side, made one, and taken apart again."""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import TemplateView
from wagtail.admin import messages

from coalition import counting, languages, organizations, uniting
from coalition.models import Decision, Organization, OrganizationMerge
from coalition.views.organizations.page import OrganizationScreen
from coalition.views.screens import Screen

FOUND_AT_MOST = 12


def worded(decisions):
    """These decisions, each with what its organization did, in words: "Signed"."""
    for decision in decisions:
        decision.words = counting.State(decision.choice).label
    return decisions


class ForMerging(OrganizationScreen):
    any_permission_required = None
    permission_required = "change"

    def dispatch(self, request, *args, **kwargs):
        if not (request.user.has_perm("coalition.add_organizationmerge") and self.sees_people):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


class FindSame(ForMerging, TemplateView):
    """Which other record is the same organization? Those of a similar name stand there; any can be searched."""

    template_name = "coalition/organizations/same.html"
    step = gettext_lazy("The same organization")

    def get_context_data(self, **kwargs):
        words = self.request.GET.get("q", "").strip()
        others = Organization.objects.present().exclude(pk=self.record.pk)
        alike = [o for o in organizations.alike(self.record.name, but=self.record.pk) if not o.is_binned]
        return super().get_context_data(**kwargs) | {
            "alike": alike,
            "words": words,
            "found": others.search(words)[:FOUND_AT_MOST] if words else [],
        }


class Compare(ForMerging, TemplateView):
    """Both records side by side: what stands, and what follows, in numbers."""

    template_name = "coalition/organizations/compare.html"
    step = gettext_lazy("Merge organizations")

    def records(self):
        return Organization.objects.select_related("logo", "policy")

    @cached_property
    def other(self):
        return get_object_or_404(self.records().exclude(pk=self.record.pk), pk=self.kwargs["other_pk"])

    def get(self, request, *args, **kwargs):
        gone = next((each for each in (self.record, self.other) if each.is_binned), None)
        if gone:
            messages.info(request, _("One of them was merged or put into the bin meanwhile."))
            return redirect("organizations:inspect", uniting.current(gone).pk)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        plan = uniting.Plan(self.record, self.other)
        asked, twice = plan.rounds()
        conflicts = plan.conflicts()
        worded([decision for each in conflicts for decision in (each.counts, each.gives_way)])
        return super().get_context_data(**kwargs) | {
            "plan": plan,
            "other": self.other,
            "both": [(each, each.representatives.count()) for each in plan.both],
            "asked": asked,
            "twice": twice,
            "conflicts": conflicts,
        }

    def post(self, request, *args, **kwargs):
        seen = request.POST.get("seen")
        if seen is None:
            raise Http404
        choices = {key: value for key, value in request.POST.items() if key != "seen"}
        try:
            done = uniting.merge(self.record, self.other, choices=choices, seen=seen, by=request.user)
        except uniting.Refused as refused:
            messages.error(request, str(refused))
            return redirect(request.path)
        messages.success(request, _("They are one organization now: %(organization)s.") % {"organization": done.kept})
        return redirect("organizations:merged", done.pk)


class MergeScreen(Screen):
    """A page about one merge."""

    listing = ("organizations:index", gettext_lazy("Organizations"))
    header_icon = "group"
    permission_required = "change"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.done = get_object_or_404(OrganizationMerge.objects.select_related("kept", "other", "by"), pk=kwargs["pk"])

    def get_page_title(self):
        day = languages.format_date(timezone.localtime(self.done.at))
        return _("Merge of %(day)s") % {"day": day}

    def get_breadcrumbs_items(self):
        items = super().get_breadcrumbs_items()
        url = reverse("organizations:inspect", args=[self.done.kept_id])
        items.insert(-1, {"url": url, "label": str(self.done.kept)})
        return items

    @property
    def may_undo(self):
        return self.request.user.has_perm("coalition.change_organizationmerge")


class Merged(MergeScreen, TemplateView):
    """What became one, which answers gave way, and what an undo would give back."""

    template_name = "coalition/organizations/merged.html"

    def get_context_data(self, **kwargs):
        gave_way = Decision.objects.filter(pk__in=self.done.record.get("gave_way", [])).select_related("publication")
        look = uniting.look(self.done)
        worded(look.since)
        return super().get_context_data(**kwargs) | {
            "done": self.done,
            "look": look,
            "gave_way": worded(list(gave_way.order_by("pk"))),
            "left": len(self.done.record.get("left", [])),
            "may_undo": self.may_undo,
        }


class Undo(MergeScreen, View):
    http_method_names = ["post"]

    def post(self, request, pk):
        if not self.may_undo:
            raise PermissionDenied
        try:
            undone = uniting.undo(self.done, by=request.user)
        except uniting.Refused as refused:
            messages.error(request, str(refused))
        else:
            if undone:
                messages.success(request, _("Undone. They are two organizations again."))
            else:
                messages.info(request, _("This merge is undone already."))
        return redirect("organizations:merged", self.done.pk)
