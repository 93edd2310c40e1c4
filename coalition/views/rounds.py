"""The back office's pages about sign-on rounds: open one, see where every partner stands, and do what comes next."""

import json
from collections import Counter

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views import View
from django.views.generic import TemplateView
from django_filters import ChoiceFilter
from wagtail.admin import messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import counting, languages, signing_on, tasks
from coalition.counting import STATES, State
from coalition.forms.rounds import DeadlineForm, PartnersForm, RoundForm
from coalition.models import Decision, Invitation, Organization, Publication, Representative, Round, fold
from coalition.views.screens import Index

LINES_A_PAGE = 50
TONES = {
    State.SIGN: "good",
    State.SUPPORT: "good",
    State.LATE: "warn",
    State.AGAIN: "warn",
    State.DECLINE: "bad",
    State.WITHDRAW: "bad",
    State.SEEN: "busy",
}


# The list


class RoundFilters(WagtailFilterSet):
    state = ChoiceFilter(
        label=gettext_lazy("State"),
        method="by_state",
        choices=[
            ("open", pgettext_lazy("round", "Open")),
            ("late", gettext_lazy("Deadline passed, not closed")),
            ("closed", gettext_lazy("Closed")),
        ],
    )

    class Meta:
        model = Round
        fields = ["state"]

    def by_state(self, queryset, name, value):
        if value == "closed":
            return queryset.exclude(closed_at=None)
        now = timezone.now()
        return queryset.filter(closed_at=None, **({"deadline__gt": now} if value == "open" else {"deadline__lte": now}))


class StateColumn(Column):
    cell_template_name = "coalition/rounds/cell_state.html"


class DeadlineColumn(Column):
    cell_template_name = "coalition/rounds/cell_deadline.html"


class AnsweredColumn(Column):
    cell_template_name = "coalition/rounds/cell_answered.html"


class RoundsIndex(Index):
    page_title = gettext_lazy("Sign-on rounds")
    filterset_class = RoundFilters
    search_fields = ["publication__title", "publication__bill"]
    default_ordering = "-opened_at"

    @cached_property
    def columns(self):
        return [
            TitleColumn("publication", label=_("Publication"), accessor=str, get_url=self.get_inspect_url, width="45%"),
            StateColumn("state", label=_("State")),
            DeadlineColumn("deadline", label=_("Deadline"), sort_key="deadline"),
            AnsweredColumn("answered", label=_("Answered")),
        ]

    def search_queryset(self, queryset):
        if not self.is_searching:
            return queryset
        # Titles are kept as JSON, where an accented letter is an escape.
        words = self.search_query.strip()
        found = Q(publication__title__icontains=words) | Q(publication__title__icontains=json.dumps(words)[1:-1])
        return queryset.filter(found | Q(publication__bill__icontains=words))

    def get_base_queryset(self):
        return Round.objects.select_related("publication").annotate(
            asked=Count("invitations__organization", distinct=True),
        )

    def paginate_queryset(self, queryset, page_size):
        paginator, page, rows, more = super().paginate_queryset(queryset, page_size)
        rows = list(rows)
        for round_ in rows:
            round_.answered = sum(line.state.decided for line in counting.board(round_))
        page.object_list = rows
        return paginator, page, rows, more


# One round


class RoundPage(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """A page about one round."""

    any_permission_required = ["add", "change", "delete", "view"]
    header_icon = "clipboard-list"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.round = get_object_or_404(Round.objects.select_related("publication", "opened_by"), pk=kwargs["pk"])

    @property
    def url(self):
        return reverse("rounds:inspect", args=[self.round.pk])

    def get_page_title(self):
        return str(self.round.publication)

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("rounds:index"), "label": _("Sign-on rounds")},
            {"url": self.url, "label": str(self.round.publication)},
            *([{"url": "", "label": self.step}] if self.step else []),
        ]

    step = ""

    def get_context_data(self, **kwargs):
        version = self.round.publication.current_version
        return super().get_context_data(**kwargs) | {
            "round": self.round,
            "publication": self.round.publication,
            "version": version,
            "may_change": self.user_has_permission("change"),
            "sees_people": self.request.user.has_perm("coalition.view_person"),
            "board_url": self.url,
        }


class Board(RoundPage):
    """Every partner asked, and where it stands."""

    template_name = "coalition/rounds/inspect.html"

    def get_context_data(self, **kwargs):
        lines = counting.board(self.round)
        counts = Counter(line.state for line in lines)
        state, words = self.request.GET.get("state", ""), self.request.GET.get("q", "").strip()
        shown = [line for line in lines if self._wanted(line, state) and fold(words) in line.organization.search]
        asked, decided = len(lines), sum(line.state.decided for line in lines)
        page = Paginator(shown, LINES_A_PAGE).get_page(self.request.GET.get("p"))
        return super().get_context_data(**kwargs) | {
            "page_obj": page,
            "shown_count": len(shown),
            "query": urlencode({key: value for key, value in (("state", state), ("q", words)) if value}),
            "words": words,
            "state": state,
            "filters": self._filters(counts, asked, decided),
            "asked": asked,
            "opened": sum(any(i.seen_at for i in line.invitations) or line.state.decided for line in lines),
            "decided": decided,
            "undecided": asked - decided,
            "counts": {each.value: counts[each] for each in State},
            "declined": counts[State.DECLINE] + counts[State.ABSTAIN] + counts[State.WITHDRAW],
            "waiting": [line for line in lines if line.state == State.LATE],
            "reminded": sum(line.can_be_reminded for line in lines),
            "tones": TONES,
            "is_late": self.round.closed_at is None and not self.round.is_open,
        }

    def _wanted(self, line, state):
        if state == "undecided":
            return not line.state.decided
        return not state or line.state == state

    def _filters(self, counts, asked, decided):
        """[(value, words, how many)] for the links above the table."""
        found = [("", _("All"), asked), ("undecided", _("No answer yet"), asked - decided)]
        return found + [(each.value, label, counts[each]) for each, label in STATES.items() if counts[each]]


class ChangeDeadline(RoundPage):
    """A later or earlier deadline, while the round is open."""

    any_permission_required = None
    permission_required = "change"
    template_name = "coalition/rounds/deadline.html"
    step = gettext_lazy("Change the deadline")

    def get(self, request, *args, form=None, **kwargs):
        if self.round.closed_at:
            return redirect(self.url)
        form = form or DeadlineForm(round_=self.round)
        return self.render_to_response(self.get_context_data(form=form), status=422 if form.errors else 200)

    def post(self, request, *args, **kwargs):
        form = DeadlineForm(request.POST, round_=self.round)
        if form.is_valid():
            try:
                signing_on.move_deadline(
                    self.round, deadline=form.cleaned_data["deadline"], zone=form.cleaned_data["zone"]
                )
            except signing_on.RoundClosed:
                messages.error(request, _("The round was closed meanwhile, so nothing was changed."))
            except ValidationError as error:
                form.add_error(None, list(error.messages))
                return self.get(request, form=form)
            else:
                log(
                    instance=self.round,
                    action="coalition.move_deadline",
                    data={"deadline": str(form.cleaned_data["deadline"])},
                )
                messages.success(request, _("The deadline is changed. Partners see the new one from now on."))
            return redirect(self.url)
        return self.get(request, form=form)


class Choosing:
    """The table of partners to choose from, for opening a round and for inviting more."""

    def partners(self, form, chosen=()):
        """[(organization, [who may sign], whether it is chosen, the version it signed before or None)]."""
        organizations = list(form.fields["organizations"].queryset)
        speakers = {}
        for representative in (
            Representative.objects.filter(organization__in=organizations, may_sign=True, person__binned_at=None)
            .select_related("person")
            .prefetch_related("person__addresses")
        ):
            speakers.setdefault(representative.organization_id, []).append(representative)
        signed = {
            decision.organization_id: decision.version
            for decision in Decision.objects.live()
            .filter(publication=self.publication, choice=Decision.Choice.SIGN)
            .select_related("version")
        }
        rows = [(o, speakers.get(o.pk, []), str(o.pk) in chosen, signed.get(o.pk)) for o in organizations]
        return sorted(rows, key=lambda row: languages.sort_key(row[0].name))

    def choosing_context(self, partners_form):
        chosen = set(partners_form.data.getlist("organizations")) if partners_form.is_bound else set()
        return {
            "partners_form": partners_form,
            "partners": self.partners(partners_form, chosen),
            "scopes": Organization.Scope.choices,
            "kinds": Organization.Kind.choices,
        }

    def asked_context(self, partners_form):
        """Who would be asked, and who cannot be reached, for the last look before it happens."""
        speakers = list(
            partners_form.representatives()
            .select_related("person", "organization")
            .prefetch_related("person__addresses")
        )
        reached = [r for r in speakers if signing_on.reachable(r.person)]
        spoken_for = {r.organization_id for r in speakers}
        return {
            "reached": reached,
            "reached_organizations": len({r.organization_id for r in reached}),
            "unreachable": [r for r in speakers if r not in reached],
            "silent": [o for o in partners_form.cleaned_data["organizations"] if o.pk not in spoken_for],
            "chosen": partners_form.cleaned_data["organizations"],
        }


def say_invited(request, invited):
    """Tell the organizer what became of the invitations."""
    number = len(invited.asked)
    if number:
        messages.success(
            request,
            ngettext("%(number)s invitation is on its way.", "%(number)s invitations are on their way.", number)
            % {"number": number},
        )
    if invited.unreachable:
        names = languages.join_list(f"{r.person} ({r.organization})" for r in invited.unreachable)
        messages.warning(request, _("No email reaches %(names)s, so they were not asked.") % {"names": names})


class Open(Choosing, PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """Open a round: the deadline, the words, the partners; then one look at who will be asked."""

    permission_required = "add"
    template_name = "coalition/rounds/open.html"
    header_icon = "clipboard-list"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.publication = get_object_or_404(Publication, pk=kwargs["publication"])

    def get_page_title(self):
        return _("Open a round")

    def get_breadcrumbs_items(self):
        inspect = reverse("publications:inspect", args=[self.publication.pk])
        return [
            *self.breadcrumbs_items,
            {"url": reverse("publications:index"), "label": _("Publications")},
            {"url": inspect, "label": str(self.publication)},
            {"url": "", "label": _("Open a round")},
        ]

    def dispatch(self, request, *args, **kwargs):
        problem = self.user_has_permission("add") and self._problem()
        if problem:
            messages.error(request, problem)
            return redirect("publications:inspect", self.publication.pk)
        return super().dispatch(request, *args, **kwargs)

    def _problem(self):
        if self.publication.current_version is None:
            return _("Freeze the text first: partners sign a frozen version.")
        if self.publication.rounds.filter(closed_at=None).exists():
            return _("A round is already open for this publication. Close it first.")
        return ""

    def get(self, request, *args, **kwargs):
        return self._show(RoundForm(), PartnersForm())

    def _show(self, form, partners_form, status=200):
        context = self.get_context_data(form=form, **self.choosing_context(partners_form))
        return self.render_to_response(context, status=status)

    def post(self, request, *args, **kwargs):
        form, partners_form = RoundForm(request.POST), PartnersForm(request.POST)
        if not all([form.is_valid(), partners_form.is_valid()]):
            return self._show(form, partners_form, status=422)
        if "confirmed" not in request.POST:
            if "back" in request.POST:
                return self._show(form, partners_form)
            self.template_name = "coalition/rounds/open_confirm.html"
            return self.render_to_response(self.get_context_data(form=form, **self.asked_context(partners_form)))
        said = form.cleaned_data
        try:
            round_ = signing_on.open_round(
                self.publication,
                deadline=said["deadline"],
                zone=said["zone"],
                addressee=said["addressee"],
                message=said["message"],
                by=request.user,
            )
        except ValidationError as error:
            form.add_error(None, list(error.messages))
            return self._show(form, partners_form, status=422)
        invited = signing_on.invite(round_, partners_form.representatives(), by=request.user)
        tasks.send_notices.delay_on_commit()
        log(instance=round_, action="coalition.open_round", data={"asked": len(invited.asked)})
        messages.success(request, _("The round is open."))
        say_invited(request, invited)
        return redirect("rounds:inspect", round_.pk)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "publication": self.publication,
            "version": self.publication.current_version,
        }


class Invite(Choosing, RoundPage):
    """Ask more partners in an open round."""

    any_permission_required = None
    permission_required = "change"
    template_name = "coalition/rounds/invite.html"
    step = gettext_lazy("Invite partners")

    @property
    def publication(self):
        return self.round.publication

    def dispatch(self, request, *args, **kwargs):
        if self.round.closed_at and self.user_has_permission("change"):
            messages.error(request, _("The round is closed: nobody more can be asked."))
            return redirect(self.url)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request, *args, **kwargs):
        return self._show(PartnersForm(round_=self.round))

    def _show(self, partners_form, status=200):
        return self.render_to_response(self.get_context_data(**self.choosing_context(partners_form)), status=status)

    def post(self, request, *args, **kwargs):
        partners_form = PartnersForm(request.POST, round_=self.round, required=True)
        if "confirmed" in request.POST:
            # A second press finds those partners asked already, so they are no longer among the choices.
            partners_form.fields["organizations"].queryset = Organization.objects.partners()
        if not partners_form.is_valid():
            return self._show(partners_form, status=422)
        if "confirmed" not in request.POST:
            if "back" in request.POST:
                return self._show(partners_form)
            self.template_name = "coalition/rounds/invite_confirm.html"
            return self.render_to_response(self.get_context_data(**self.asked_context(partners_form)))
        try:
            invited = signing_on.invite(self.round, partners_form.representatives(), by=request.user)
        except signing_on.RoundClosed:
            messages.error(request, _("The round is closed: nobody more can be asked."))
        else:
            tasks.send_notices.delay_on_commit()
            log(instance=self.round, action="coalition.invite", data={"asked": len(invited.asked)})
            say_invited(request, invited)
        return redirect(self.url)


class RoundAct(PermissionCheckedMixin, View):
    """A button on the board."""

    permission_required = "change"
    http_method_names = ["post"]

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.round = get_object_or_404(Round.objects.select_related("publication"), pk=kwargs["pk"])

    def post(self, request, *args, **kwargs):
        try:
            self.act(request)
        except signing_on.RoundClosed:
            messages.error(request, _("The round is closed: no more answers are taken."))
        back = request.POST.get("back", "")
        return redirect(reverse("rounds:inspect", args=[self.round.pk]) + (f"?{back}" if back else ""))


def say_reminded(request, number):
    if number:
        messages.success(
            request,
            ngettext("%(number)s reminder is on its way.", "%(number)s reminders are on their way.", number)
            % {"number": number},
        )
    else:
        messages.info(request, _("Nobody was reminded: they had a reminder today, or no email reaches them."))


class RemindAll(RoundAct):
    def act(self, request):
        number = signing_on.remind_undecided(self.round, by=request.user)
        tasks.send_notices.delay_on_commit()
        log(instance=self.round, action="coalition.remind", data={"reminded": number})
        say_reminded(request, number)


class RemindOne(RoundAct):
    def act(self, request):
        organization = self.kwargs["organization"]
        theirs = [i for i in signing_on.undecided(self.round) if i.organization_id == organization]
        number = signing_on.remind(self.round, theirs, by=request.user)
        tasks.send_notices.delay_on_commit()
        say_reminded(request, number)


class SendLink(RoundAct):
    """The personal link again, to the address on record: staff never hold it in their hands."""

    def act(self, request):
        invitation = get_object_or_404(
            Invitation.objects.filter(round=self.round, revoked_at=None).select_related(
                "round__publication", "organization", "representative__person"
            ),
            pk=self.kwargs["invitation"],
        )
        notice = signing_on.send_link(invitation)
        if notice is None:
            messages.error(request, _("No email reaches this person."))
        else:
            tasks.send_notices.delay_on_commit()
            messages.success(request, _("The link is on its way."))


class Settle(RoundAct):
    """Accept a late signature, or leave it out (G3)."""

    accepted = False

    def act(self, request):
        decision = get_object_or_404(Decision, pk=self.kwargs["decision"], round=self.round)
        settle = signing_on.accept if self.accepted else signing_on.set_aside
        if not settle(decision, by=request.user):
            messages.info(request, _("This answer no longer waits: it was settled, or the partner answered again."))
            return
        tasks.send_notices.delay_on_commit()
        log(instance=self.round, action="coalition.settle", data={"decision": decision.pk, "accepted": self.accepted})
        messages.success(
            request,
            _("Accepted: the name stands on the public list.")
            if self.accepted
            else _("Left out. The partner is told."),
        )


class Close(RoundPage):
    """Close a round, after one look at what that means."""

    any_permission_required = None
    permission_required = "change"
    template_name = "coalition/rounds/close.html"
    step = gettext_lazy("Close the round")

    def get(self, request, *args, **kwargs):
        return redirect(self.url) if self.round.closed_at else super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        lines = counting.board(self.round)
        return super().get_context_data(**kwargs) | {
            "asked": len(lines),
            "undecided": sum(not line.state.decided for line in lines),
            "waiting": sum(line.state == State.LATE for line in lines),
        }

    def post(self, request, *args, **kwargs):
        if signing_on.close_round(self.round):
            log(instance=self.round, action="coalition.close_round")
            messages.success(request, _("The round is closed. Partners can still withdraw."))
        return redirect(self.url)
