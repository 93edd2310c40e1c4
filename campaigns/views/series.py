"""The back office's pages about series: build one, begin it, see how far people are, pause it, end it."""

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.log_actions import log

from campaigns import breaking, tasks
from campaigns.forms.series import SeriesForm, StepForm
from campaigns.models import Campaign, Enrolment, Message, MessageContent, Series, Step
from campaigns.series import building, counting, steering
from coalition import segments
from coalition.accounts import sees_people
from coalition.views.screens import ANY, Index, RecordScreen, counted

State = Series.State
SENDS = "campaigns.send_message"
Trigger = Series.Trigger
TONES = {State.DRAFT: "", State.RUNNING: "busy", State.PAUSED: "warn", State.ENDED: "good"}
PEOPLE_A_PAGE = 50


def trigger_words(one):
    """What begins a series, in one sentence."""
    match one.trigger:
        case Trigger.JOINED:
            return _("Begins when somebody joins")
        case Trigger.SIGNED if one.round:
            return _("Begins when somebody signs “%(title)s”") % {"title": one.round}
        case Trigger.SIGNED:
            return _("Begins when somebody signs any publication")
        case Trigger.REGISTERED if one.webinar:
            return _("Begins when somebody registers for “%(title)s”") % {"title": one.webinar}
        case Trigger.REGISTERED:
            return _("Begins when somebody registers for any webinar")
        case Trigger.NOT_ACTED:
            return ngettext(
                "Begins when somebody got “%(message)s” and did not act within %(days)d day",
                "Begins when somebody got “%(message)s” and did not act within %(days)d days",
                one.after_days,
            ) % {"message": one.message or "—", "days": one.after_days}


def steps_words(one):
    return ngettext("%(number)s step", "%(number)s steps", one.step_count) % {"number": one.step_count}


def people_words(one):
    """In words, for on a phone a column stands without its head."""
    if not one.on_the_way + one.acted:
        return "—"
    numbers = {"on_the_way": intcomma(one.on_the_way), "acted": intcomma(one.acted)}
    return _("%(on_the_way)s on the way, %(acted)s acted") % numbers


class StateColumn(Column):
    cell_template_name = "campaigns/messages/parts/cell_state.html"

    class Media:
        css = {"all": ["campaigns/messages.css"]}

    def get_cell_context_data(self, instance, parent_context):
        return super().get_cell_context_data(instance, parent_context) | {"tone": TONES[instance.state]}


class SeriesIndex(Index):
    page_title = gettext_lazy("Series")
    add_item_label = gettext_lazy("Begin a series")
    default_ordering = "-created_at"

    @cached_property
    def columns(self):
        return [
            self._get_title_column("name", TitleColumn, width="36%"),
            StateColumn("get_state_display", label=_("State"), sort_key="state"),
            Column("trigger", label=_("What begins it"), accessor=trigger_words, classname="msg-wide"),
            Column("step_count", label=_("Steps"), accessor=steps_words),
            Column("people", label=_("People"), accessor=people_words),
        ]

    def _get_title_column(self, field_name, column_class=TitleColumn, **kwargs):
        return self._get_title_column_class(column_class)(
            "name", label=_("Name"), get_url=self.get_inspect_url, **kwargs
        )

    def get_base_queryset(self):
        return Series.objects.select_related("round__publication", "webinar", "message").annotate(
            step_count=counted(Step.objects, "series"),
            on_the_way=counted(Enrolment.objects.filter(state=Enrolment.State.ACTIVE), "series"),
            acted=counted(Enrolment.objects.filter(state=Enrolment.State.ACTED), "series"),
        )

    def get_edit_url(self, instance):
        return super().get_edit_url(instance) if instance.state == State.DRAFT else None

    def get_delete_url(self, instance):
        return super().get_delete_url(instance) if instance.state == State.DRAFT else None


class FrameMixin:
    """The form of what begins a series."""

    template_name = "campaigns/series/edit.html"
    success_message = None

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": self.request.user}

    def get_success_url(self):
        return reverse("series:inspect", args=[self.object.pk])

    def get_success_buttons(self):
        return []


class Begin(FrameMixin, generic.CreateView):
    page_title = gettext_lazy("Begin a series")

    def get_page_subtitle(self):
        return ""

    def get_breadcrumbs_items(self):
        items = [{"url": reverse("series:index"), "label": _("Series")}, {"url": "", "label": self.page_title}]
        return self.breadcrumbs_items + items

    def get_initial(self):
        return {"campaign": self.request.GET.get("campaign")}

    def save_instance(self):
        one = building.begin(**self.form.cleaned_data, by=self.request.user)
        log(instance=one, action="wagtail.create", content_changed=True)
        return one

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "no_campaign": not Campaign.objects.exists(),
            "button": _("Go on to its steps"),
            "back": reverse("series:index"),
        }


class SeriesScreen(RecordScreen):
    """A page about one series."""

    listing = ("series:index", gettext_lazy("Series"))
    subject, home = "series", "series:inspect"
    header_icon = "list-ol"

    def records(self):
        return Series.objects.select_related("campaign", "segment", "round__publication", "webinar", "message")

    @property
    def may_send(self):
        return self.request.user.has_perm(SENDS)

    @property
    def may_build(self):
        return self.user_has_permission("change")

    @cached_property
    def sees_people(self):
        """Whether who is in it may be shown: not where its segment says of people what few may know."""
        user, segment = self.request.user, self.series.segment
        return sees_people(user) and (segments.may_list(user, segment) if segment else segments.may_list(user))

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "state_tone": TONES[self.series.state],
            "trigger_words": trigger_words(self.series),
            "is_draft": self.series.state == State.DRAFT,
            "is_running": self.series.state == State.RUNNING,
            "is_paused": self.series.state == State.PAUSED,
            "may_build": self.may_build,
            "may_send": self.may_send,
            "may_delete": self.user_has_permission("delete"),
            "sees_people": self.sees_people,
        }


class BuildScreen(SeriesScreen):
    """A page or a press that changes how a series is built."""

    any_permission_required = None
    permission_required = "change"
    why_fixed = gettext_lazy("It is running: pause it first. Nothing was changed.")

    def fixed(self):
        messages.error(self.request, self.why_fixed)
        return redirect(self.url)


class Edit(BuildScreen, FormView):
    """What begins a draft. What runs keeps it."""

    template_name = "campaigns/series/edit.html"
    form_class = SeriesForm
    step = gettext_lazy("Change what begins it")
    why_fixed = gettext_lazy("It has begun: what begins it stays as it is. Begin another series instead.")

    def dispatch(self, request, *args, **kwargs):
        if self.series.state != State.DRAFT:
            return self.fixed()
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": self.request.user, "instance": self.series}

    def form_valid(self, form):
        try:
            building.change(self.series, **form.cleaned_data)
        except building.Fixed:
            return self.fixed()
        log(instance=self.series, action="wagtail.edit", content_changed=form.has_changed())
        messages.success(self.request, _("Saved."))
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": _("Save"), "back": self.url}


class SeriesPage(SeriesScreen, TemplateView):
    """The series as a ladder, with how many people stand at each rung; before it begins, what is missing."""

    template_name = "campaigns/series/inspect.html"

    def get_context_data(self, **kwargs):
        rungs, states = counting.ladder(self.series)
        words = {}
        for content in self._contents(rungs):
            words.setdefault(content.message_id, []).append(content)
        most = max([rung["sent"] for rung in rungs], default=0)
        wanting = {}
        if self.series.state in (State.DRAFT, State.PAUSED):
            for step, problem in building.missing(self.series):
                wanting.setdefault(step.pk if step else None, []).append(problem)
        for rung in rungs:
            rung["contents"] = words.get(rung["step"].message_id, [])
            rung["problems"] = wanting.get(rung["step"].pk, [])
            rung["is_new"] = rung["step"].message.state == Message.State.DRAFT
            rung["most"] = most
        of_steps = [rung["step"].message for rung in rungs] if self.series.state == State.PAUSED else []
        stopped = next((message for message in of_steps if message.paused_because), None)
        return super().get_context_data(**kwargs) | {
            "rungs": rungs,
            "problems": wanting.get(None, []),
            "is_ready": not wanting,
            "stopped": stopped,
            "seen": breaking.figures(stopped) if stopped else None,
            "totals": {state.value: states.get(state, 0) for state in Enrolment.State},
            "entered": sum(states.values()),
        }

    def _contents(self, rungs):
        from_steps = [rung["step"].message_id for rung in rungs]
        return MessageContent.objects.filter(message__in=from_steps, variant=MessageContent.FIRST).order_by("language")


class StepScreen(BuildScreen):
    """A page or a press about one step of a series."""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.rung = get_object_or_404(self.series.steps.select_related("message", "series"), pk=kwargs["step"])


class AddStep(BuildScreen, FormView):
    template_name = "campaigns/series/step.html"
    form_class = StepForm
    step = gettext_lazy("Add a step")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"first": not self.series.steps.exists()}

    def form_valid(self, form):
        try:
            added = building.add_step(self.series, **form.cleaned_data, by=self.request.user)
        except building.Fixed:
            return self.fixed()
        log(instance=self.series, action="wagtail.edit", content_changed=True)
        messages.success(self.request, _("The step is there. Now write its message."))
        return redirect("messages:edit", added.message_id)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": _("Add it and write its message")}


class EditStep(StepScreen, FormView):
    template_name = "campaigns/series/step.html"
    form_class = StepForm
    step = gettext_lazy("Change when it comes")

    def get_form_kwargs(self):
        first = self.series.steps.order_by("position").first()
        return super().get_form_kwargs() | {"step": self.rung, "first": first.pk == self.rung.pk}

    def form_valid(self, form):
        try:
            building.change_step(self.rung, **form.cleaned_data)
        except building.Fixed:
            return self.fixed()
        log(instance=self.series, action="wagtail.edit", content_changed=True)
        messages.success(self.request, _("Saved."))
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"button": _("Save")}


class MoveStep(StepScreen, TemplateView):
    """One place up or down, by a button: no dragging is needed."""

    places = 0

    def post(self, request, *args, **kwargs):
        try:
            moved = building.move_step(self.rung, self.places)
        except building.Fixed:
            return self.fixed()
        if moved:
            log(instance=self.series, action="wagtail.edit", content_changed=True)
        return redirect(f"{self.url}#step-{self.rung.pk}")

    def get(self, request, *args, **kwargs):
        raise Http404


class RemoveStep(StepScreen, TemplateView):
    """Asks once: the words of its message go with it."""

    template_name = "campaigns/series/remove.html"
    step = gettext_lazy("Remove this step?")

    def post(self, request, *args, **kwargs):
        try:
            building.remove_step(self.rung)
        except building.Fixed:
            return self.fixed()
        log(instance=self.series, action="wagtail.edit", content_changed=True)
        messages.success(request, _("The step is gone."))
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"rung": self.rung}


class RewriteStep(StepScreen, TemplateView):
    """New words for a step of a paused series."""

    def post(self, request, *args, **kwargs):
        try:
            twin = building.rewrite_step(self.rung, by=request.user)
        except building.Fixed:
            return self.fixed()
        log(instance=self.series, action="wagtail.edit", content_changed=True)
        messages.success(request, _("Write the new words and confirm them. What people got already stays as it was."))
        return redirect("messages:edit", twin.pk)

    def get(self, request, *args, **kwargs):
        raise Http404


class Steer(SeriesScreen, TemplateView):
    """Begin, pause, go on, end: one verb each, said back in one sentence."""

    any_permission_required = ANY
    template_name = "campaigns/series/end.html"
    act = None

    def dispatch(self, request, *args, **kwargs):
        if not self.may_send:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request, *args, **kwargs):
        if self.act != "end":
            raise Http404
        return super().get(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        user = request.user
        verb, done, idle = {
            "begin": (
                lambda: steering.start(self.series, by=user),
                _("The series has begun: people enter it from now on."),
                _("It has begun already."),
            ),
            "pause": (
                lambda: steering.pause(self.series),
                _("Paused. What is in hand just now still leaves."),
                _("It is not running."),
            ),
            "resume": (lambda: steering.resume(self.series, by=user), _("The series goes on."), _("It is not paused.")),
            "end": (
                lambda: steering.end(self.series, by=user),
                _("Ended. Nobody gets another message of it."),
                _("It is not running."),
            ),
        }[self.act]
        try:
            if verb():
                log(instance=self.series, action=f"campaigns.{SAID.get(self.act, self.act)}")
                tasks.look_after_series.delay_on_commit()
                messages.success(request, done)
            else:
                messages.info(request, idle)
        except ValidationError:
            messages.error(request, _("Something is still missing; it stands beside each step. Nothing has begun."))
        return redirect(self.url)

    def get_context_data(self, **kwargs):
        on_the_way = self.series.enrolments.filter(state=Enrolment.State.ACTIVE).count()
        return super().get_context_data(**kwargs) | {"on_the_way": on_the_way}


SAID = {"begin": "send", "end": "cancel"}  # as the log of the site calls them


class People(SeriesScreen, TemplateView):
    """Who is in it, and where they stand."""

    template_name = "campaigns/series/people.html"
    step = gettext_lazy("People in this series")

    def dispatch(self, request, *args, **kwargs):
        if not self.sees_people:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        state = self.request.GET.get("state", "")
        state = state if state in Enrolment.State.values else ""
        found = self.series.enrolments.select_related("person").order_by("-began_at", "-pk")
        found = found.filter(state=state) if state else found
        return super().get_context_data(**kwargs) | {
            "state": state,
            "states": Enrolment.State.choices,
            "step_count": self.series.steps.count(),
            "query": f"state={state}" if state else "",
            "page_obj": Paginator(found, PEOPLE_A_PAGE).get_page(self.request.GET.get("p")),
        }


class Delete(generic.DeleteView):
    """Only a draft can go, with its messages; what has begun stays on the record."""

    queryset = Series.objects.filter(state=State.DRAFT)

    @transaction.atomic
    def delete_action(self):
        log(instance=self.object, action="wagtail.delete")
        building.discard(self.object)

    def form_valid(self, form):
        try:
            return super().form_valid(form)
        except building.Fixed:
            messages.error(self.request, _("It has begun meanwhile, so nothing was changed."))
            return redirect("series:inspect", self.object.pk)
