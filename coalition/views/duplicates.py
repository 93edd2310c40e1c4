"""The queue of people who may be one: looked at side by side, told apart, or merged; and the search that fills it."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import TemplateView
from wagtail.admin import messages

from coalition import accounts, audit, duplicates, likeness, tasks
from coalition.models import DuplicateSearch, Installation, Lookalike, Merge, Person
from coalition.views.screens import Screen

PAIRS_A_PAGE = 20
SAMPLES = 5
SHOWN = {
    "open": gettext_lazy("To be looked at"),
    "certain": gettext_lazy("Certain"),
    "different": gettext_lazy("Not the same"),
}
BECAUSE = {
    "email": gettext_lazy("same email"),
    "phone": gettext_lazy("same phone"),
    "name": gettext_lazy("same name"),
    "nickname": gettext_lazy("short form of a name"),
}


def with_details(people):
    """People with what a card shows of them, in a fixed number of queries."""
    return people.prefetch_related("addresses", "tags", "representations__organization", "memberships__organization")


class DuplicatesScreen(Screen):
    """A page for those who may merge people. A missing permission is a 403, never a look."""

    any_permission_required = None
    permission_required = "change"
    listing = ("duplicates:index", gettext_lazy("Duplicates"))
    header_icon = "group"

    def dispatch(self, request, *args, **kwargs):
        if not accounts.sees_people(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


class Queue(DuplicatesScreen, TemplateView):
    """Pairs that look alike, the likeliest first."""

    template_name = "coalition/duplicates/index.html"
    page_title = gettext_lazy("Duplicates")
    permission_required = "view"

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def pairs(self, show, because):
        found = duplicates.waiting()
        if show == "different":
            found = Lookalike.objects.filter(state=Lookalike.State.DIFFERENT).order_by("-decided_at", "-pk")
            found = found.filter(first__binned_at=None, second__binned_at=None)
        elif show == "certain":
            found = duplicates.certain()
        if because:
            found = found.filter(reasons__contains=[because])
        return found

    def get_context_data(self, **kwargs):
        show = self.request.GET.get("show") if self.request.GET.get("show") in SHOWN else "open"
        because = self.request.GET.get("because") if self.request.GET.get("because") in BECAUSE else ""
        page = Paginator(self.pairs(show, because), PAIRS_A_PAGE).get_page(self.request.GET.get("p"))
        cards(page.object_list)
        asked = {"show": show if show != "open" else "", "because": because}
        return super().get_context_data(**kwargs) | {
            "page_obj": page,
            "show": show,
            "because": because,
            "shown": SHOWN.items(),
            "reasons": BECAUSE.items(),
            "query": urlencode({key: value for key, value in asked.items() if value}),
            "waiting": duplicates.waiting().count(),
            "merges": Merge.objects.count(),
            "search": DuplicateSearch.objects.first(),
            "rule": Installation.get().merge_certain,
            "may_merge": self.request.user.has_perm("coalition.add_merge"),
            "may_rule": self.request.user.has_perm("coalition.change_installation"),
        }


def cards(pairs):
    """Give each pair its two people with their details, and why they look alike in words."""
    pairs = list(pairs)
    pks = {pk for pair in pairs for pk in (pair.first_id, pair.second_id)}
    people = {person.pk: person for person in with_details(Person.objects.filter(pk__in=pks))}
    for pair in pairs:
        pair.first, pair.second = people[pair.first_id], people[pair.second_id]
        pair.words = likeness.reason_words(pair.reasons)
        pair.compare_url = f"{reverse('duplicates:compare')}?person={pair.first_id}&person={pair.second_id}"
    return pairs


class Decide(DuplicatesScreen, View):
    """Tell a pair apart, or ask about it again."""

    http_method_names = ["post"]
    again = False

    def post(self, request, pk):
        pair = get_object_or_404(Lookalike, pk=pk, first__binned_at=None, second__binned_at=None)
        if self.again:
            duplicates.ask_again(pair)
        else:
            duplicates.keep_apart(pair, by=request.user)
        pair.refresh_from_db()
        if request.htmx:
            context = {"pair": cards([pair])[0], "may_merge": request.user.has_perm("coalition.add_merge")}
            return render(request, "coalition/duplicates/pair.html", context)
        messages.success(request, _("They are in the queue again.") if self.again else _("Kept as two people."))
        return redirect("duplicates:index")


# The search


class Search(DuplicatesScreen, View):
    """Look for people who may be one, now: among those who changed, or among everybody."""

    http_method_names = ["post"]

    def post(self, request):
        search, new = duplicates.start(by=request.user, everybody="everybody" in request.POST)
        if new:
            tasks.find_duplicates.delay_on_commit(search.pk)
            messages.success(request, _("The search is running. You can leave this page."))
        else:
            messages.info(request, _("A search is running already."))
        return redirect("duplicates:index")


class Progress(DuplicatesScreen, TemplateView):
    """The part of the page that is fetched again and again while a search runs."""

    template_name = "coalition/duplicates/progress.html"
    permission_required = "view"

    def get(self, request, *args, **kwargs):
        search = DuplicateSearch.objects.first()
        if search is None or search.state != DuplicateSearch.State.RUNNING:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return self.render_to_response({"search": search})


# The strict rule


class Rule(DuplicatesScreen, TemplateView):
    """Whether certain duplicates merge by themselves, with what that would do today."""

    template_name = "coalition/duplicates/rule.html"
    page_title = gettext_lazy("Merge without asking")

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm("coalition.change_installation"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        certain = duplicates.certain()
        return super().get_context_data(**kwargs) | {
            "on": Installation.get().merge_certain,
            "number": certain.count(),
            "samples": cards(certain[:SAMPLES]),
            "automatic": Merge.objects.filter(automatic=True).count(),
        }

    def post(self, request):
        wanted = request.POST.get("rule") == "on"
        if Installation.objects.filter(pk=1).exclude(merge_certain=wanted).update(merge_certain=wanted):
            audit.record(audit.Action.SETTING, Installation, details={"merge_certain": wanted}, by=request.user)
            if wanted:
                tasks.merge_certain.delay_on_commit()
        messages.success(
            request,
            _("Certain duplicates merge by themselves from now on.")
            if wanted
            else _("Nothing merges by itself any more."),
        )
        return redirect("duplicates:rule")
