"""Work on many people at once: confirm how many and what, watch it run, undo it."""

import uuid

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View
from django.views.generic import FormView, TemplateView
from wagtail.admin.ui.tables import Column, DateColumn, NumberColumn, TitleColumn

from coalition import accounts, bulk, saved_views, tasks
from coalition.forms import finding
from coalition.forms.bulk import form_for
from coalition.models import BulkAction
from coalition.views import searching
from coalition.views.screens import ANY, Index, RecordScreen, Screen

Kind, State = BulkAction.Kind, BulkAction.State
SAMPLE = 8
PERMISSIONS = {
    Kind.TAG: "coalition.change_person",
    Kind.UNTAG: "coalition.change_person",
    Kind.LIST: "coalition.change_peoplelist",
    Kind.UNLIST: "coalition.change_peoplelist",
    Kind.BIN: "coalition.delete_person",
    Kind.RESTORE: "coalition.delete_person",
}
WHY = {
    "gone": gettext_lazy("The tag or the list was deleted meanwhile."),
    "unexpected": gettext_lazy("Something went wrong. What was changed until then can be undone."),
}


def kinds_for(user, *, binned=False):
    """What this member of the staff may do to many people; to those in the bin, only take them out of it."""
    if not (accounts.sees_people(user) and user.has_perm("coalition.add_bulkaction")):
        return []
    return [kind for kind in PERMISSIONS if (kind == Kind.RESTORE) == binned and user.has_perm(PERMISSIONS[kind])]


def title_of(kind, number):
    """What will be done to how many, in words."""
    said = {
        Kind.TAG: ngettext("Add a tag to %(people)s person", "Add a tag to %(people)s people", number),
        Kind.UNTAG: ngettext("Remove a tag from %(people)s person", "Remove a tag from %(people)s people", number),
        Kind.LIST: ngettext("Put %(people)s person on a list", "Put %(people)s people on a list", number),
        Kind.UNLIST: ngettext("Take %(people)s person off a list", "Take %(people)s people off a list", number),
        Kind.BIN: ngettext("Move %(people)s person to the bin", "Move %(people)s people to the bin", number),
        Kind.RESTORE: ngettext(
            "Take %(people)s person out of the bin", "Take %(people)s people out of the bin", number
        ),
    }
    return said[kind] % {"people": intcomma(number)}


class Begin(searching.FindsPeople, Screen, FormView):
    """The list leads here with what was ticked: how many, what, and only then the button that does it."""

    permission_required = "add"
    listing = ("people:list", gettext_lazy("People"))
    template_name = "coalition/people/bulk.html"
    header_icon = "user"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        asked = self.asked
        self.what = asked.get("what", "")
        query = saved_views.question(asked.urlencode(), order=False)
        self.is_ticked = not asked.get("everybody")
        if self.is_ticked:  # those who were ticked, and nobody else
            ticked = [f"pk={pk}" for pk in asked.getlist("pk")[: finding.AT_MOST] if pk.isascii() and pk.isdigit()]
            query = "&".join([*ticked, *(["bin=1"] if finding.is_bin(asked) else [])])
            if not ticked:
                query = "pk="
        self.query = query

    def dispatch(self, request, *args, **kwargs):
        if self.what == "export" and accounts.sees_people(request.user):
            return redirect(f"{reverse('exports:people')}?{searching.unseen(self.query)}")
        if self.what not in Kind.values:
            raise Http404
        self.kind = Kind(self.what)
        if self.kind not in kinds_for(request.user, binned=finding.is_bin(request.GET)):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def people(self):
        return finding.found(self.query, self.request)

    @cached_property
    def number(self):
        return self.people.order_by().count()

    def get_page_title(self):
        return title_of(self.kind, self.number)

    def get_form_class(self):
        return form_for(self.kind)

    def get_initial(self):
        asked = self.request.GET
        return {"press": uuid.uuid4().hex, "tag": asked.get("tag"), "people_list": asked.get("list")}

    def form_valid(self, form):
        by = self.request.user
        action = bulk.start(
            self.kind,
            self.people,
            target=form.target(by),
            query="" if self.is_ticked else self.query,
            press=form.cleaned_data["press"],
            later=self.number > bulk.AT_ONCE and not self.is_ticked,
            by=by,
        )
        go_on(action)
        return redirect("bulk:inspect", action.pk)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "kind": self.kind,
            "number": self.number,
            "sample": self.people[:SAMPLE],
            "more": self.number - SAMPLE,
            "back": reverse("people:list") + ("" if self.is_ticked else f"?{searching.unseen(self.query)}"),
            "in_background": self.number > bulk.AT_ONCE,
        }


def go_on(action):
    """At once where it is a matter of a moment; else by a worker."""
    if action.total <= bulk.AT_ONCE and not bulk.waits_to_freeze(action):
        bulk.run(action)
    else:
        tasks.work_in_bulk.delay_on_commit(action.pk)


class ActionScreen(RecordScreen):
    any_permission_required = ANY
    subject = "action"
    home = "bulk:inspect"
    listing = ("bulk:index", gettext_lazy("What was done to many"))
    header_icon = "history"

    def records(self):
        return BulkAction.objects.select_related("by")

    def dispatch(self, request, *args, **kwargs):
        if not accounts.sees_people(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_page_title(self):
        return words_of(self.action)

    def get_context_data(self, **kwargs):
        action, people = self.action, reverse("people:list")
        return super().get_context_data(**kwargs) | {
            "running": action.state in (State.RUNNING, State.UNDOING),
            "figures": bulk.figures(action),
            "why": WHY.get(action.error, ""),
            "may_undo": may_undo(self.request.user, action),
            "back": f"{people}?{searching.unseen(action.query)}" if action.query else people,
        }


def words_of(action):
    """ "Add a tag: Educator"."""
    name = action.target.get("name")
    return f"{action.get_kind_display()}: {name}" if name else action.get_kind_display()


def may_undo(user, action):
    return (
        action.state in (State.DONE, State.FAILED)
        and user.has_perm("coalition.change_bulkaction")
        and user.has_perm(PERMISSIONS[action.kind])
        and "undone_by" not in action.target
    )


class ActionPage(ActionScreen, TemplateView):
    """How far it has come, whom it changed, and the way back."""

    template_name = "coalition/people/bulk_action.html"


class ActionProgress(ActionPage):
    """The part of the page that renews itself while it runs."""

    template_name = "coalition/people/bulk_progress.html"


class UndoAction(ActionScreen, View):
    any_permission_required = None
    permission_required = "change"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        if not (request.user.has_perm(PERMISSIONS[self.action.kind])):
            raise PermissionDenied
        if bulk.undo(self.action, by=request.user):
            go_on(self.action)
        return redirect(self.url)


class WhatColumn(TitleColumn):
    def get_value(self, instance):
        return words_of(instance)


class StateColumn(Column):
    cell_template_name = "coalition/people/cell_bulk_state.html"


class ActionsIndex(Index):
    page_title = gettext_lazy("What was done to many")
    default_ordering = "-at"
    results_template_name = "coalition/people/bulk_index_results.html"
    any_permission_required = ANY

    @cached_property
    def columns(self):
        return [
            WhatColumn("what", label=_("What"), get_url=self.get_inspect_url, width="40%"),
            StateColumn("state", label=_("State")),
            NumberColumn("total", label=_("People")),
            Column("by", label=_("By")),
            DateColumn("at", label=_("When"), sort_key="at"),
        ]

    def dispatch(self, request, *args, **kwargs):
        if not accounts.sees_people(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_base_queryset(self):
        return BulkAction.objects.select_related("by")
