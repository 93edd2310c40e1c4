"""The back office's pages about a message that was sent: live results, pause and cancel, and the ledger."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from wagtail.admin import messages
from wagtail.log_actions import log

from campaigns import results, sending, tasks
from campaigns.forms.messages import LedgerForm
from campaigns.models import Delivery, Message
from campaigns.views.messages import MessagePage
from coalition.spreadsheets import csv_stream

LINES_A_PAGE = 50


class Results(MessagePage):
    """What became of it: live while it is sending, the same page without a script."""

    template_name = "campaigns/messages/results.html"
    step = "results"

    def get(self, request, *args, **kwargs):
        if self.is_draft:
            return redirect("messages:check", self.message.pk)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        by_language = results.by_language(self.message)
        return context | {
            "figures": results.figures_of([self.message])[self.message.pk],
            "by_language": by_language,
            "acted": sum(row["acted"] for row in by_language),
            "held_back": [
                (label, number, self.ledger_url(state=Delivery.State.HELD, reason=reason))
                for reason, label, number in results.held_back(self.message)
            ],
            "answers": results.answers(self.message),
            "contents": self.message.contents.exclude(body="").order_by("language"),
            "waiting": sending.waiting_until(self.message),
            "live": self.message.state == Message.State.SENDING,
            "urls": {
                "held": self.ledger_url(state=Delivery.State.HELD),
                "uncertain": self.ledger_url(state=Delivery.State.UNCERTAIN),
            },
        }

    def ledger_url(self, **wanted):
        return f"{self.url('ledger')}?{urlencode(wanted)}" if self.sees_ledger else ""


class Progress(Results):
    """The part of the results that moves."""

    template_name = "campaigns/messages/parts/progress.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"moving": True}


class Steer(MessagePage):
    """Pause, go on, cancel: one verb each, said back in one sentence."""

    any_permission_required = None
    permission_required = "send"
    act = None

    def post(self, request, *args, **kwargs):
        verb, done, idle = {
            "pause": (sending.pause, _("Paused. What is in hand just now still leaves."), _("It is not sending.")),
            "resume": (sending.resume, _("Sending goes on."), _("It is not paused.")),
            "cancel": (sending.cancel, _("Cancelled. Nobody else gets it."), _("It is finished already.")),
        }[self.act]
        if verb(self.message, by=request.user):
            if self.act == "resume":
                tasks.send_message.delay_on_commit(self.message.pk)
            log(instance=self.message, action=f"campaigns.{self.act}")
            messages.success(request, done)
        else:
            messages.info(request, idle)
        return redirect("messages:inspect", self.message.pk)


class Cancel(Steer):
    """Asks first, with the number of people who would not get it."""

    template_name = "campaigns/messages/cancel.html"
    act = "cancel"
    step = "results"

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"figures": results.figures_of([self.message])[self.message.pk]}


# The ledger


class Ledger(MessagePage):
    """Person by person: who got it, who did not, and why."""

    template_name = "campaigns/messages/ledger.html"
    step = "results"

    def dispatch(self, request, *args, **kwargs):
        if not self.sees_ledger:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def wanted(self):
        form = LedgerForm(self.request.GET)
        form.is_valid()
        return form, {name: form.cleaned_data.get(name, "") for name in form.fields}

    def get_context_data(self, **kwargs):
        form, wanted = self.wanted()
        page = Paginator(results.ledger(self.message, **wanted), LINES_A_PAGE).get_page(self.request.GET.get("p"))
        lines = [(line, results.why(line)) for line in page.object_list]
        absent = results.absent(self.message, wanted["q"]) if wanted["q"] and page.number == 1 else []
        return super().get_context_data(**kwargs) | {
            "form": form,
            "filtered": any(wanted.values()),
            "query": urlencode({name: value for name, value in wanted.items() if value}),
            "page_obj": page,
            "lines": lines,
            "absent": [(person, results.why(None)) for person in absent],
            "UNCERTAIN": Delivery.State.UNCERTAIN,
        }


class Settle(MessagePage):
    """Somebody knows what became of an uncertain delivery: it arrived, or it may be sent again."""

    any_permission_required = None
    permission_required = "send"

    def post(self, request, pk, delivery):
        line = get_object_or_404(self.message.deliveries, pk=delivery)
        resend = request.POST.get("what") == "resend"
        if sending.settle(line, resend=resend, by=request.user):
            if resend:
                tasks.send_message.delay_on_commit(self.message.pk)
            log(instance=self.message, action="campaigns.settle", data={"delivery": line.pk, "resend": resend})
            messages.success(request, _("It is sent again.") if resend else _("Noted: it arrived."))
        else:
            messages.info(request, _("This one is settled already."))
        return redirect(f"{self.url('ledger')}?{urlencode({'state': Delivery.State.UNCERTAIN})}")


class Export(Ledger):
    """The ledger, or the part of it that is shown, as a file."""

    def get(self, request, *args, **kwargs):
        _form, wanted = self.wanted()
        lines = results.ledger(self.message, **wanted).order_by("pk")
        log(instance=self.message, action="campaigns.export", data={"lines": lines.count()})
        header = [_("Name"), _("Address"), _("Language"), _("State"), _("Reason"), _("Why"), _("Changed")]
        rows = (self.row(line) for line in lines.iterator(chunk_size=2000))
        return csv_stream(f"message-{self.message.pk}.csv", header, rows)

    def row(self, line):
        return [
            line.whose,
            line.value,
            line.get_language_display(),
            line.get_state_display(),
            line.get_reason_display(),
            results.why(line),
            timezone.localtime(line.updated_at).strftime("%Y-%m-%d %H:%M"),
        ]
