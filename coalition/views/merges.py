"""Merging in the back office: who has what, what will stand, the merge itself, and the way back."""

import string

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views import View
from django.views.generic import TemplateView
from wagtail.admin import messages

from coalition import duplicates, languages, likeness, merging, unmerging
from coalition.models import Address, Merge, Person
from coalition.views.duplicates import DuplicatesScreen, with_details
from coalition.views.searching import FindsPeople, unseen

FOUND_AT_MOST = 8
MERGES_A_PAGE = 30


class ForMerging(DuplicatesScreen):
    """The people that a page is about stand in its address: `?person=1&person=2`."""

    permission_required = "change"

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm("coalition.add_merge"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def people(self, asked):
        try:
            pks = [int(pk) for pk in dict.fromkeys(asked)]
        except ValueError:
            raise Http404 from None
        found = {person.pk: person for person in with_details(Person.objects.filter(pk__in=pks))}
        if not pks or len(found) != len(pks) or len(pks) > merging.AT_MOST:
            raise Http404
        return [found[pk] for pk in pks]

    def plan(self, people, asked):
        keep = asked.get("keep", "")
        choices = {key: value for key, value in asked.items() if key not in ("keep", "person", "seen")}
        return merging.Plan(people, keep=int(keep) if keep.isdecimal() else None, choices=choices)


class Compare(FindsPeople, ForMerging, TemplateView):
    """Two to five records side by side: field by field, what stands and what comes along."""

    template_name = "coalition/duplicates/compare.html"
    page_title = gettext_lazy("Merge people")

    def get(self, request, *args, **kwargs):
        self.chosen = self.people(request.GET.getlist("person"))
        gone = [person for person in self.chosen if person.binned_at]
        if gone:
            messages.info(request, _("One of them was merged or put into the bin meanwhile."))
            return redirect("duplicates:index")
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        people = self.chosen
        room = len(people) < merging.AT_MOST
        found = []
        if self.words and room:
            found = Person.objects.present().search(self.words).exclude(pk__in=[p.pk for p in people])
            found = with_details(found.order_by("-created_at", "-pk"))[:FOUND_AT_MOST]
        return super().get_context_data(**kwargs) | {
            "people": lettered(people),
            "plan": self.plan(people, self.request.GET) if len(people) > 1 else None,
            "letters": {p.pk: p.letter for p in people},
            "alike": self.alike(people) if room else [],
            "found": [self.offer(person, people) for person in found],
            "words": self.words,
            "room": room,
            "most": merging.AT_MOST,
        }

    def alike(self, people):
        """Others who look like one of these."""
        pks = [person.pk for person in people]
        pairs = duplicates.waiting()
        pairs = pairs.filter(first__in=pks).exclude(second__in=pks) | pairs.filter(second__in=pks).exclude(
            first__in=pks
        )
        others = {}
        for pair in pairs[:20]:
            other = pair.second_id if pair.first_id in pks else pair.first_id
            others.setdefault(other, likeness.reason_words(pair.reasons))
        found = with_details(Person.objects.filter(pk__in=others))[:FOUND_AT_MOST]
        return [self.offer(person, people, others[person.pk]) for person in found]

    def offer(self, person, people, why=()):
        query = urlencode({"person": [*(p.pk for p in people), person.pk]}, doseq=True)
        return {"person": person, "why": why, "url": f"{reverse('duplicates:compare')}?{query}"}

    def post(self, request):
        people = self.people(request.POST.getlist("person"))
        if len(people) < 2:
            raise Http404
        plan = self.plan(people, request.POST)
        try:
            done = merging.merge(
                plan.kept, plan.others, choices=plan.choices, seen=request.POST.get("seen"), by=request.user
            )
        except merging.Refused as refused:
            messages.error(request, str(refused))
            query = urlencode({"person": [person.pk for person in people]}, doseq=True)
            return redirect(f"{reverse('duplicates:compare')}?{query}")
        number = len(people)
        said = ngettext("%(number)d record is one now.", "%(number)d records are one now.", number)
        messages.success(request, said % {"number": number})
        return redirect("duplicates:merged", done.pk)


class Find(ForMerging, View):
    """What was typed to find another record of theirs, on its way into the address, where it cannot be read."""

    http_method_names = ["post"]

    def post(self, request):
        people = [("person", person.pk) for person in self.people(request.POST.getlist("person"))]
        query = unseen(urlencode([*people, ("q", request.POST.get("q", "").strip())]))
        return redirect(f"{reverse('duplicates:compare')}?{query}#more")


class Preview(ForMerging, TemplateView):
    """What would stand, fetched anew with each choice."""

    template_name = "coalition/duplicates/result.html"
    http_method_names = ["post"]

    def post(self, request):
        people = self.people(request.POST.getlist("person"))
        if len(people) < 2:
            raise Http404
        return self.render_to_response({"plan": self.plan(people, request.POST)})


def lettered(people):
    """The same people, each with a letter, a short name that tells records of one name apart."""
    for letter, person in zip(string.ascii_uppercase, people, strict=False):
        person.letter = letter
    return people


class Merges(DuplicatesScreen, TemplateView):
    """Every merge, the newest first; those that a rule made can be looked at alone."""

    template_name = "coalition/duplicates/merges.html"
    page_title = gettext_lazy("Merged people")
    permission_required = "view"

    def get_context_data(self, **kwargs):
        found = Merge.objects.select_related("kept", "by")
        how = self.request.GET.get("how", "")
        if how == "automatic":
            found = found.filter(automatic=True)
        elif how == "undone":
            found = found.exclude(undone_at=None)
        page = Paginator(found, MERGES_A_PAGE).get_page(self.request.GET.get("p"))
        for done in page:
            done.number = len(done.record.get("people", [])) + 1
        return super().get_context_data(**kwargs) | {
            "page_obj": page,
            "how": how,
            "hows": [("", _("All")), ("automatic", _("By the rule")), ("undone", _("Undone"))],
            "query": urlencode({"how": how}) if how else "",
        }


class MergeScreen(DuplicatesScreen):
    """A page about one merge."""

    permission_required = "view"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.done = get_object_or_404(Merge.objects.select_related("kept", "by", "undone_by"), pk=kwargs["pk"])


class MergePage(MergeScreen, TemplateView):
    """What a merge made one, what moved, and what an undo would give back."""

    template_name = "coalition/duplicates/merged.html"

    def get_page_title(self):
        day = languages.format_date(timezone.localtime(self.done.at), get_language())
        return _("Merge of %(day)s") % {"day": day}

    def get_context_data(self, **kwargs):
        pks = self.done.record.get("people", [])
        others = Person.objects.filter(pk__in=pks).prefetch_related("addresses")
        return super().get_context_data(**kwargs) | {
            "done": self.done,
            "others": others,
            "erased": len(pks) - len(others),
            "look": unmerging.look(self.done),
            "left": len(self.done.record.get("left", [])),
            "addresses": Address.objects.filter(person=self.done.kept).order_by("channel", "-primary", "pk"),
            "may_undo": self.request.user.has_perm("coalition.change_merge"),
        }


class Undo(MergeScreen, View):
    http_method_names = ["post"]
    permission_required = "change"

    def post(self, request, pk):
        if not request.user.has_perm("coalition.change_merge"):
            raise PermissionDenied
        try:
            undone = unmerging.undo(self.done, by=request.user)
        except merging.Refused as refused:
            messages.error(request, str(refused))
        else:
            if undone:
                messages.success(request, _("Undone. They are separate people again, and nobody is asked about them."))
            else:
                messages.info(request, _("This merge is undone already."))
        return redirect("duplicates:merged", self.done.pk)
