"""The pipeline as a board: a column for each stage, a card for each organization, each move confirmed in place.

Every card has a plain menu of stages with a button; htmx puts the answer in place, a small script lets a mouse drag.
"""

import datetime

from django import forms
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, F, OuterRef, Prefetch, Subquery, When, Window
from django.db.models.functions import RowNumber
from django.http import QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView, View
from django_htmx.http import reswap, retarget
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import accounts, organizations
from coalition.models import FollowUp, Organization, Representative
from coalition.views.organizations.listing import OrganizationFilters
from coalition.views.organizations.page import OrganizationScreen
from coalition.views.screens import ANY, Screen

Stage = Organization.Stage
CARDS = 12  # in a column, until somebody asks for all
MOST = 300  # that a column ever shows: whoever wants more reads the list
SALT = "coalition.organizations.move"
UNDO_FOR = datetime.timedelta(hours=12)
TONES = {Stage.PARTNER: "good", Stage.CONVERSATION: "busy", Stage.PAUSED: "warn"}


class BoardMixin:
    """The columns, narrowed as the list is; what a move answers with."""

    @cached_property
    def filters(self):
        held = Organization.objects.present()
        filters = OrganizationFilters(self.request.GET, held, request=self.request)
        fields = filters.form.fields
        del fields["stage"]
        for name in list(fields):
            if not fields[name].choices or (name in ("region", "constituency") and not fields[name].queryset):
                del fields[name]
            elif not isinstance(fields[name].widget, forms.Select) or isinstance(
                fields[name].widget, forms.RadioSelect
            ):
                fields[name].widget = forms.Select(choices=fields[name].choices)  # a row of menus, not columns of dots
        return filters

    @cached_property
    def words(self):
        return self.request.GET.get("q", "").strip()

    @property
    def chosen(self):
        """The column a small screen shows."""
        asked = self.request.GET.get("column", "")
        return asked if asked in Stage.values else Stage.IDENTIFIED.value

    @property
    def whole(self):
        """The column that shows all its cards."""
        asked = self.request.GET.get("all", "")
        return asked if asked in Stage.values else ""

    @property
    def query(self):
        """What narrows the board, as an address's query string, without the column."""
        asked = QueryDict(mutable=True)
        for name in ("q", *OrganizationFilters.base_filters):
            if name != "stage" and (value := self.request.GET.get(name)):
                asked[name] = value
        return asked

    def columns(self):
        sees_people = accounts.sees_people(self.request.user)
        found = self.filters.qs.search(self.words).order_by()
        found = Organization.objects.filter(pk__in=found.values("pk"))
        numbers = dict(found.order_by().values_list("stage").annotate(number=Count("pk")))
        due = FollowUp.objects.filter(organization=OuterRef("pk"), done_at=None).order_by("due", "pk")
        place = Window(RowNumber(), partition_by="stage", order_by=[F("alphabetical"), F("pk")])
        if self.whole:
            place = Case(When(stage=self.whole, then=place - (MOST - CARDS)), default=place)
        cards = found.annotate(due=Subquery(due.values("due")[:1]), next=Subquery(due.values("text")[:1]), place=place)
        cards = cards.filter(place__lte=CARDS)
        signing_ = Representative.objects.filter(may_sign=True, person__binned_at=None).select_related("person")
        cards = cards.prefetch_related(Prefetch("representatives", signing_.order_by("pk"), to_attr="signing"))
        by_stage = {stage: [] for stage in Stage.values}
        today = timezone.localdate()
        for card in cards.order_by("alphabetical", "pk"):
            card.is_due = card.due is not None and card.due <= today
            card.next = card.next if sees_people else ""
            by_stage[card.stage].append(card)
        query = self.query
        return [
            {
                "stage": stage,
                "tone": TONES.get(stage, ""),
                "count": numbers.get(stage.value, 0),
                "cards": by_stage[stage.value],
                "chosen": stage.value == self.chosen,
                "url": _address(query, column=stage.value),
                "all_url": self.whole_column(stage, numbers.get(stage.value, 0)),
                "more": numbers.get(stage.value, 0) - len(by_stage[stage.value]),
            }
            for stage in Stage
        ]

    def whole_column(self, stage, number):
        """Where all the cards of a column are: on the board while it can hold them, else in the list."""
        if number > MOST:
            return reverse("organizations:index") + _address(self.query, stage=stage.value)
        return reverse("organizations:board") + _address(self.query, column=stage.value, all=stage.value)

    def board(self):
        asked = _address(self.query, column=self.chosen, all=self.whole)
        return {
            "columns": self.columns(),
            "stages": Stage.choices,
            "sees_people": accounts.sees_people(self.request.user),
            "may_move": self.request.user.has_perm("coalition.change_organization"),
            "asked": asked,
            "board_url": reverse("organizations:board"),
        }


def _address(query, **more):
    asked = query.copy()
    for name, value in more.items():
        if value:
            asked[name] = value
    return f"?{asked.urlencode()}" if asked else ""


class Board(BoardMixin, Screen, TemplateView):
    listing = ("organizations:index", gettext_lazy("Organizations"))
    any_permission_required = ANY
    page_title = gettext_lazy("Partnerships")
    header_icon = "grip"
    template_name = "coalition/organizations/board.html"

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs) | self.board()
        narrowed = self.query
        return context | {
            "form": self.filters.form,
            "words": self.words,
            "narrowed": bool(narrowed),
            "list_url": reverse("organizations:index") + _address(narrowed),
            "total": sum(column["count"] for column in context["columns"]),
        }


class Moving(BoardMixin, OrganizationScreen, View):
    """A move or its undo: in place on the board, or with a message on the page it came from."""

    http_method_names = ["post"]
    any_permission_required = None
    permission_required = "change"

    @property
    def from_page(self):
        return self.request.POST.get("back") == "page"

    def answer(self, said, *, undo="", tone="good"):
        """Say what happened, and show the board as it is now."""
        context = {"said": said, "undo": undo, "tone": tone, "organization": self.record}
        if self.request.htmx:
            return render(self.request, "coalition/organizations/moved.html", self.board() | context)
        show = messages.success if tone == "good" else messages.warning
        show(self.request, said)
        if self.from_page:
            return redirect(self.url)
        return redirect(reverse("organizations:board") + _address(self.query, column=self.record.stage))

    def meanwhile(self):
        self.record.refresh_from_db()
        said = _("%(organization)s was moved meanwhile: it stands at “%(stage)s”. Nothing was changed.")
        return self.answer(said % {"organization": self.record, "stage": self.record.get_stage_display()}, tone="warn")


class MoveOrganization(Moving):
    """Another stage. That a partner leaves is asked once more, with what it means."""

    def post(self, request, *args, **kwargs):
        stage, expected = request.POST.get("stage", ""), request.POST.get("from", "")
        if stage not in Stage.values:
            return self.answer(_("Choose a stage."), tone="warn")
        if organizations.needs_a_yes(self.record, stage) and not request.POST.get("sure"):
            return self.ask(stage)
        try:
            moved = organizations.move(self.record, stage, expected=expected or None, by=request.user)
        except organizations.MovedMeanwhile:
            return self.meanwhile()
        said = {"organization": self.record, "stage": Stage(stage).label}
        if moved is None:
            return self.answer(_("%(organization)s stands at “%(stage)s” already.") % said)
        log(instance=self.record, action="coalition.move_organization")
        undo = signing.dumps(
            {"pk": self.record.pk, "to": moved.before, "at": moved.since.isoformat(), "from": moved.after}, salt=SALT
        )
        return self.answer(_("%(organization)s moved to “%(stage)s”.") % said, undo=undo)

    def ask(self, stage):
        context = self.get_context_data() | {
            "touches": organizations.on_leaving(self.record),
            "stage": stage,
            "asked": _address(self.query, column=self.chosen, all=self.whole),
            "back": "page" if self.from_page else "",
            "back_url": self.url if self.from_page else reverse("organizations:board") + _address(self.query),
        }
        if not self.request.htmx:
            return render(self.request, "coalition/organizations/leave.html", context)
        answer = render(self.request, "coalition/organizations/leaving.html", context)
        return reswap(retarget(answer, "#board-said"), "innerHTML")

    step = gettext_lazy("It has left")


class UndoMove(Moving):
    """Back to where it was, since when it was there; unless somebody moved it since."""

    def post(self, request, *args, **kwargs):
        try:
            held = signing.loads(request.POST.get("undo", ""), salt=SALT, max_age=UNDO_FOR)
        except signing.BadSignature:
            raise PermissionDenied from None
        if held["pk"] != self.record.pk:
            raise PermissionDenied
        try:
            at = datetime.datetime.fromisoformat(held["at"])
            organizations.move(self.record, held["to"], expected=held["from"], at=at, by=request.user)
        except organizations.MovedMeanwhile:
            return self.meanwhile()
        log(instance=self.record, action="coalition.move_organization")
        said = _("%(organization)s is back at “%(stage)s”.")
        return self.answer(said % {"organization": self.record, "stage": Stage(held["to"]).label})
