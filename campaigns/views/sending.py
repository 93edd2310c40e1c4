"""The back office's pages about when a message leaves: the last look, what was planned, and the calendar."""

import calendar as months
from datetime import date, timedelta
from hashlib import sha256

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from campaigns import audience, checking, pacing, planning, scheduling, tasks
from campaigns.forms.sending import AllowForm, CalendarForm, WhenForm
from campaigns.models import Delivery, Message, MessageContent
from campaigns.views.checking import Waive
from campaigns.views.messages import ANY, MessagePage, Press, errors_of
from coalition.languages import format_when
from coalition.models import Address, Installation

COUNTDOWN = timedelta(minutes=2)  # before it leaves, in which the page counts the seconds


class SendingPage(MessagePage):
    """Whoever may send."""

    any_permission_required = None
    permission_required = "send"
    step = "send"

    @property
    def is_planned(self):
        return self.message.state == Message.State.SCHEDULED

    def here(self):
        return redirect(self.url("send"))


class Send(SendingPage):
    """The last look: exactly how many, in which languages, when, and what speaks against it. Then: what was planned."""

    @property
    def template_name(self):
        return f"campaigns/messages/{'planned' if self.is_planned else 'send'}.html"

    def get(self, request, *args, **kwargs):
        if not (self.is_draft or self.is_planned):
            return redirect("messages:inspect", self.message.pk)
        return super().get(request, *args, **kwargs)

    # What the pages show

    def get_context_data(self, **kwargs):
        kwargs.setdefault("form", WhenForm(initial=self.initial()))
        estimate = kwargs.pop("estimate", None) or audience.estimate(self.message)
        first = self.message.contents.filter(variant=MessageContent.FIRST)
        contents = {content.language: content for content in first}
        at = kwargs.pop("at", None) or self.moment()
        conflicts = planning.conflicts(self.message, at)
        context = super().get_context_data(**kwargs) | {
            "zone": pacing.zone(),
            "now_there": timezone.now(),
            "at": at,
            "estimate": estimate,
            "languages": [(row, contents.get(row["language"])) for row in estimate["languages"]],
            "conflicts": conflicts,
            "conflicts_are_news": self.request.method == "POST" and bool(conflicts),
            "seen": seen(conflicts),
            "finishes": pacing.finishes(self.message, estimate["total"], at),
            "waivers": list(self.message.waivers_in_force()),
            "allowed": self.allowed(estimate, conflicts),
            "approval": self.message.approved_by if self.message.approved_at else None,
            "hold": scheduling.hold().seconds,
            "cap": self.cap(),
            "errors": errors_of([kwargs["form"]]) if kwargs["form"].is_bound else [],
        }
        if self.is_planned:
            return context | self.planned()
        total = estimate["total"]
        number = {"number": intcomma(total)}
        return context | {
            "problems": checking.problems(self.message),
            "button": ngettext("Send to %(number)s person now", "Send to %(number)s people now", total) % number,
            "plan_button": ngettext("Plan for %(number)s person", "Plan for %(number)s people", total) % number,
        }

    def initial(self):
        at = self.message.send_at
        if at is None or at <= timezone.now():
            return {}
        local = timezone.localtime(at, pacing.zone())
        return {"day": local.date(), "time": local.time(), "local": self.message.send_local}

    def moment(self):
        return planning.leaves_at(self.message) if self.is_planned else timezone.now() + scheduling.hold()

    def cap(self):
        """The settings that hold the most emails to one person; None where there is no cap for this message."""
        rules = Installation.get()
        by_email = self.message.channel == Address.Channel.EMAIL
        return rules if by_email and rules.emails_at_most is not None and not self.message.waived("cap") else None

    def allowed(self, estimate, conflicts):
        """[(check, why one would allow it, form, waiver)] of what may be let pass by name."""
        waivers = {check: self.message.waived(check) for check in ("cap", "quiet_day")}
        capped = next((row["people"] for row in estimate["held"] if row["reason"] == Delivery.Reason.CAPPED), 0)
        words = {}
        if capped or waivers["cap"]:
            most, days = Installation.get().emails_at_most, Installation.get().emails_in_days
            words["cap"] = _("More than %(most)s emails to one person within %(days)s days") % {
                "most": "—" if most is None else most,
                "days": days,
            }
        if any(conflict.kind == "quiet_day" for conflict in conflicts) or waivers["quiet_day"]:
            words["quiet_day"] = _("Leaving on a quiet day")
        return [
            (check, said, AllowForm(initial={"check": check}, auto_id=f"allow_{check}_%s"), waivers[check])
            for check, said in words.items()
            if self.is_draft or waivers[check]
        ]

    def planned(self):
        moments = audience.moments(self.message) if self.message.send_local else []
        return {
            "early": sum(people for moment, people in moments if moment < self.message.scheduled_at),
            "first": moments[0][0] if len(moments) > 1 else None,
            "last": moments[-1][0] if len(moments) > 1 else None,
        } | remaining(self.message)

    # What comes in

    def post(self, request, *args, **kwargs):
        if self.is_planned and "total" in request.POST:
            # Pressed twice, or on a page from before it was planned: what is planned is moved on its own page.
            messages.info(request, _("This message is planned already. Nothing was changed."))
            return self.here()
        later = request.POST.get("when") == "at"
        form = WhenForm(request.POST) if later else WhenForm()
        if later and not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        at, local = (form.cleaned_data["at"], form.cleaned_data["local"]) if later else (None, False)
        if self.is_planned:
            return self.move(form, at, local)
        return self.send(form, at, local)

    def look_again(self, status=409, **kwargs):
        return self.render_to_response(self.get_context_data(**kwargs), status=status)

    def is_news(self, at):
        """Whether something speaks against the moment that was not on the page."""
        conflicts = planning.conflicts(self.message, at or self.moment())
        return bool(conflicts) and seen(conflicts) != self.request.POST.get("seen", "")

    def send(self, form, at, local):
        request = self.request
        estimate = audience.estimate(self.message) if self.is_draft else None
        if estimate and request.POST.get("total") != str(estimate["total"]):
            # Somebody joined or left between the page and the press: nobody sends to a number they did not see.
            messages.warning(
                request, _("The number of people changed while you were reading. Please look at it again.")
            )
            return self.look_again(form=form, estimate=estimate, at=at)
        if estimate and self.is_news(at):
            messages.warning(request, _("There is a conflict with this time. Press again to keep it."))
            return self.look_again(form=form, estimate=estimate, at=at)
        try:
            planned = scheduling.schedule(self.message, by=request.user, at=at, local=local)
        except ValidationError:
            self.message.refresh_from_db()
            return self.look_again(form=form, estimate=estimate)
        if not planned:
            messages.info(request, _("This message is already on its way. Nothing was sent twice."))
            return redirect("messages:inspect", self.message.pk)
        log(instance=self.message, action="campaigns.schedule" if at else "campaigns.send")
        return self.set_off()

    def move(self, form, at, local):
        if self.is_news(at):
            messages.warning(self.request, _("There is a conflict with this time. Press again to keep it."))
            return self.look_again(form=form, at=at)
        if scheduling.move(self.message, by=self.request.user, at=at, local=local):
            log(instance=self.message, action="campaigns.schedule")
            return self.set_off()
        messages.info(self.request, _("It has begun meanwhile, so nothing was changed."))
        return redirect("messages:inspect", self.message.pk)

    def set_off(self):
        """Begin what is due at once; the rest is for the queue, in time, and for beat where the queue forgets it."""
        wait = (self.message.due_at - timezone.now()).total_seconds()
        if wait <= 0:
            for pk in scheduling.start_due():
                tasks.send_message.delay_on_commit(pk)
            self.message.refresh_from_db()
        elif wait < COUNTDOWN.total_seconds():
            tasks.start_due.apply_async_on_commit(countdown=wait + 1)
        if self.is_planned:
            if not self.message.send_at:
                return self.here()
            when = format_when(planning.leaves_at(self.message), pacing.zone(), get_language())
            messages.success(self.request, _("Planned: %(when)s.") % {"when": when})
            return self.here()
        messages.success(self.request, _("Sending now. You can close this page; it goes on."))
        return redirect("messages:inspect", self.message.pk)


def seen(conflicts):
    """What stands on the page, in few letters: a press says what its reader saw."""
    return (
        sha256("|".join(sorted(conflict.key for conflict in conflicts)).encode()).hexdigest()[:16] if conflicts else ""
    )


def remaining(message):
    """{"seconds": how many are left, where the page counts them; "live": how often it asks, in seconds}."""
    left = message.due_at - timezone.now()
    counts = left <= COUNTDOWN
    return {"seconds": max(0, round(left.total_seconds())) if counts else None, "live": 1 if counts else 15}


STOP_ASKING = 286  # htmx: show this, and ask no more


class Countdown(SendingPage):
    """The part of the page that counts; the results once sending has begun."""

    template_name = "campaigns/messages/parts/countdown.html"

    def get(self, request, *args, **kwargs):
        if self.is_draft:  # undone: whoever pressed is on their way already, and must not be led elsewhere
            return self.render_to_response({"message": self.message, "undone": True}, status=STOP_ASKING)
        if not self.is_planned:
            response = HttpResponse()
            response["HX-Redirect"] = self.url("send")
            return response
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"zone": pacing.zone()} | remaining(self.message)


class Undo(SendingPage, Press):
    """Back to a draft, where it is not too late."""

    on = "send"

    def post(self, request, *args, **kwargs):
        if scheduling.undo(self.message):
            log(instance=self.message, action="campaigns.undo")
            messages.success(request, _("Undone: nobody got it. It is a draft again."))
            return redirect("messages:check", self.message.pk)
        messages.info(request, _("It is too late to undo: sending has begun. You can pause or cancel it."))
        return redirect("messages:inspect", self.message.pk)


class Allow(Waive):
    """Let a message leave in spite of the cap or a quiet day, with a name and a reason."""

    on = "send"
    form_class = AllowForm
    too_late = gettext_lazy("It is planned already: undo it first.")


class Calendar(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """What leaves and happens on which day: a month, or a list of what is to come."""

    any_permission_required = ANY
    template_name = "campaigns/messages/calendar.html"
    page_title = gettext_lazy("Sending calendar")
    header_icon = "calendar-alt"

    def get_breadcrumbs_items(self):
        items = [{"url": reverse("messages:index"), "label": _("Messages")}, {"url": "", "label": self.page_title}]
        return self.breadcrumbs_items + items

    def get_context_data(self, **kwargs):
        form = CalendarForm(self.request.GET)
        form.is_valid()
        today = timezone.localdate(None, pacing.zone())
        first = (form.cleaned_data.get("month") or today).replace(day=1)
        show = form.cleaned_data.get("show") or "month"
        weeks = months.Calendar(firstweekday=6).monthdatescalendar(first.year, first.month)
        last = date(first.year, first.month, months.monthrange(first.year, first.month)[1])
        begins, ends = (weeks[0][0], weeks[-1][-1]) if show == "month" else (first, last)
        by_day = {}
        for event in planning.calendar(begins, ends, user=self.request.user):
            by_day.setdefault(event.day, []).append(event)
        return super().get_context_data(**kwargs) | {
            "zone": pacing.zone(),
            "now_there": timezone.now(),
            "show": show,
            "first": first,
            "today": today,
            "earlier": (first - timedelta(days=1)).replace(day=1),
            "later": last + timedelta(days=1),
            "weeks": [[(day, day.month == first.month, by_day.get(day, [])) for day in week] for week in weeks],
            "weekdays": weeks[0],
            "days": sorted((day, events) for day, events in by_day.items() if first <= day <= last),
        }
