"""The back office's pages about a message that was sent: live results, pause and cancel, and the ledger."""

from datetime import timedelta

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from wagtail.admin import messages
from wagtail.log_actions import log
from wagtail.models import ModelLogEntry

from campaigns import breaking, charting, pacing, reporting, results, sending, settling, splitting, tasks
from campaigns.forms.messages import LedgerForm
from campaigns.models import Delivery, Message, Report
from campaigns.models.blocks import plain
from campaigns.views.messages import MessagePage
from coalition.languages import format_lasting
from coalition.models import Address
from coalition.spreadsheets import csv_stream
from coalition.views import searching

REASONS_SHOWN = 10
LINES_A_PAGE = 50
ALPHABETICAL = 50_000  # lines at most: nobody leafs through more, and sorting a million takes a second
NOT_BEGUN = {Message.State.DRAFT: "messages:check", Message.State.SCHEDULED: "messages:send"}


class Results(MessagePage):
    """What became of it: live while it is sending, the same page without a script."""

    template_name = "campaigns/messages/results.html"
    step = "results"

    def get(self, request, *args, **kwargs):
        if self.message.state == Message.State.SCHEDULED and self.may("send"):
            return redirect("messages:send", self.message.pk)
        if self.message.state in NOT_BEGUN:
            return redirect(NOT_BEGUN[self.message.state], self.message.pk)
        return super().get(request, *args, **kwargs)

    @cached_property
    def report(self):
        return Report.objects.filter(message=self.message).first()

    @cached_property
    def awaited(self):
        return reporting.is_awaited(self.message, self.report)

    @property
    def known(self):
        """What a page shows that was sent now: when it was counted, and whether newer figures are awaited."""
        counted = self.report.counted_at.isoformat() if self.report else "-"
        return f"{counted} {self.awaited}"

    def standing(self):
        standing = results.standing(self.message)
        live = self.message.state == Message.State.SENDING
        left = standing["figures"]["left"]
        test_waits = splitting.waiting(self.message) if live and left else 0
        if test_waits:  # for hours, whatever the rate
            soon = left - test_waits
            rate = standing["rate"] if soon > 0 else None
            standing |= {"rate": rate, "left_for": rate and timedelta(seconds=round(soon / rate))}
        return standing | {
            "live": live,
            "left_for": standing["left_for"] and format_lasting(standing["left_for"]),
            "waiting": pacing.waiting(self.message) if live and left else None,
            "next_leave": sending.waiting_until(self.message) if live and left else None,
            "held_back": [
                (label, number, self.ledger_url(state=Delivery.State.HELD, reason=reason))
                for reason, label, number in standing["held_back"]
            ],
            "counted": self.report.figures["total"] if self.report else None,
            "breaker": breaking.figures(self.message) if self.message.paused_because in breaking.REASONS else None,
            "test_waits": test_waits,
            "answers": results.answers(self.message),
            "urls": {
                "held": self.ledger_url(state=Delivery.State.HELD),
                "uncertain": self.ledger_url(state=Delivery.State.UNCERTAIN),
            },
        }

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs) | self.standing()
        return context | {
            "said": tenths(context["figures"]),
            "report": self.report,
            "awaited": self.awaited,
            "known": self.known,
            **(self.reported() if self.report else {}),
            "contents": [
                (content, content.body or plain(content.blocks))
                for content in self.message.contents.order_by("language", "variant")
            ],
            "history": what_was_done(self.message),
        }

    def reported(self):
        """What the worker counted and drew, for the page."""
        kept, words = self.report.figures, charting.words()
        columns = columns_of(self.message, kept)
        charts = self.report.charts.get(get_language(), {})
        times, unit = kept["times"], kept["unit"]
        names = [name for name in charting.OVER_TIME if any(row[name] for row in times)]
        return {
            "columns": [words[name] for name in columns],
            "breakdowns": breakdowns(self.message, self.report),
            "times": {
                **OVER_TIME[unit],
                "since": charting.since(unit),
                "chart": mark_safe(charts.get("times", "")),  # noqa: S308
                "columns": [words[name] for name in names],
                "rows": [(when_of(row), [row[name] for name in names]) for row in times],
                "later": OVER_TIME[unit]["later"] if times and times[-1]["at"] == charting.BARS else "",
            },
            "earlier": {
                "chart": mark_safe(charts.get("earlier", "")),  # noqa: S308
                "number": len(kept["earlier"]),
                "rows": [(words[name], *shares) for name, *shares in results.compared(kept) if name in columns],
            },
            "asks_nothing": kept["open"],
            "scanned": kept["scanned"],
            "opened": kept["opened"],
        }

    def ledger_url(self, **wanted):
        return f"{self.url('ledger')}?{urlencode(wanted)}" if self.sees_ledger else ""


class Reported(Results):
    """The part of the results that the worker counts. Where it is known already, nothing is sent."""

    template_name = "campaigns/messages/parts/reported.html"

    def get(self, request, *args, **kwargs):
        known = request.GET.get("known", "")
        if known == self.known:
            return HttpResponse(status=204)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        first = self.request.GET.get("known", "").startswith("-")
        return super().get_context_data(**kwargs) | {"moving": True, "first": first and self.report is not None}


class Progress(Results):
    """The part of the results that moves. A reader of screens hears of it at every tenth, not at every turn."""

    template_name = "campaigns/messages/parts/progress.html"

    @cached_property
    def report(self):
        return Report.objects.filter(message=self.message).defer("charts").first()

    def get_context_data(self, **kwargs):
        context = MessagePage.get_context_data(self, **kwargs) | self.standing()
        said = tenths(context["figures"])
        return context | {"moving": True, "said": said, "tell": str(said) != self.request.GET.get("said")}


def tenths(figures):
    """How far it is, in percent, a tenth at a time."""
    return figures["done"] * 10 // figures["audience"] * 10 if figures["audience"] else 100


TITLES = {
    "language": gettext_lazy("By language"),
    "variant": gettext_lazy("By wording, within each language"),
    "segment": gettext_lazy("By segment"),
    "domain": gettext_lazy("By mailbox provider"),
    "source": gettext_lazy("By how people joined"),
}
OF = {
    "language": gettext_lazy("Language"),
    "variant": gettext_lazy("Wording"),
    "segment": gettext_lazy("Segment"),
    "domain": gettext_lazy("Mailbox provider"),
    "source": gettext_lazy("How they joined"),
}
NOTES = {
    "segment": gettext_lazy("People count in every segment of this message that they are in today."),
    "domain": gettext_lazy("The ten where most people have their mailbox, and all others together."),
    "source": gettext_lazy("How somebody first agreed to be written to on this channel."),
}


def breakdowns(message, report):
    """The parts of a report for the page: [{"name", "title", "note", "chart", "rows": [(label, numbers, shares)]}]."""
    labels = reporting.labels(message, report.figures)
    charts = report.charts.get(get_language(), {})
    columns = columns_of(message, report.figures)
    found = []
    for name, title in TITLES.items():
        rows = [
            (labels[name][key], [(counted[column], share_of(counted, column)) for column in columns])
            for key, counted in report.figures[name]
            if counted["meant"]
        ]
        if len(rows) > 1:
            found.append(
                {
                    "name": name,
                    "title": title,
                    "of": OF[name],
                    "note": NOTES.get(name, ""),
                    "chart": mark_safe(charts.get(name, "")),  # noqa: S308
                    "rows": rows,
                }
            )
    return found


OVER_TIME = {
    "hour": {
        "title": gettext_lazy("Hour by hour"),
        "of": gettext_lazy("Hour"),
        "by": gettext_lazy("By hour since the start"),
        "later": gettext_lazy("The last bar holds everything that came after the first 72 hours."),
    },
    "day": {
        "title": gettext_lazy("Day by day"),
        "of": gettext_lazy("Day"),
        "by": gettext_lazy("By day since the start"),
        "later": gettext_lazy("The last bar holds everything that came after the first 72 days."),
    },
    "week": {
        "title": gettext_lazy("Week by week"),
        "of": gettext_lazy("Week"),
        "by": gettext_lazy("By week since the start"),
        "later": gettext_lazy("The last bar holds everything that came after the first 72 weeks."),
    },
}
# What a file says where the page has a sentence of its own.
PROGRAMS = gettext_lazy("by mail programs, often without their reader")


def when_of(row):
    """What a line of the times is called."""
    return _("later") if row["at"] == charting.BARS else row["at"]


COLUMNS = charting.OVER_TIME
UNKNOWN_OF_TEXTS = {"followed", "complained"}  # nobody follows the link of a text through us


def columns_of(message, figures):
    """What a table of figures holds. Some providers tell of no arrivals: nought would be untrue."""
    unknown = set() if message.channel == Address.Channel.EMAIL else UNKNOWN_OF_TEXTS
    unknown = unknown if figures["total"]["delivered"] else unknown | {"delivered"}
    return [name for name in COLUMNS if name not in unknown]


def share_of(counted, name):
    return None if name == "sent" else charting.share(counted, name)


DONE = [
    *["campaigns.ask_approval", "campaigns.approve", "campaigns.send_back", "campaigns.waive"],
    *["campaigns.send", "campaigns.pause", "campaigns.resume", "campaigns.cancel", "campaigns.settle"],
]


def what_was_done(message):
    """The newest things that somebody did with a message besides writing it, as (what, who, when)."""
    lines = ModelLogEntry.objects.for_instance(message).filter(action__in=DONE).select_related("user")
    return [(line.message, line.user_display_name, line.timestamp) for line in lines.order_by("-timestamp")[:8]]


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
        if verb(self.message):
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


def query_of(wanted):
    """What leads to the wanted lines: {name: value} of a LedgerForm, urlencoded without anybody's name."""
    return searching.unseen(urlencode({name: value for name, value in wanted.items() if value}))


class Ledger(searching.FindsPeople, MessagePage):
    """Person by person: who got it, who did not, and why."""

    template_name = "campaigns/messages/ledger.html"
    step = "results"

    def dispatch(self, request, *args, **kwargs):
        if not self.sees_ledger:
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        query = query_of(LedgerForm(request.POST).wanted())
        return redirect(f"{self.url('ledger')}?{query}" if query else self.url("ledger"))

    def wanted(self):
        form = LedgerForm(self.asked)
        return form, form.wanted()

    def get_context_data(self, **kwargs):
        form, wanted = self.wanted()
        lines = results.ledger(self.message, **wanted)
        pages = Paginator(lines, LINES_A_PAGE)
        if pages.count > ALPHABETICAL:
            pages.object_list = lines.order_by("state", "language", "pk")  # as an index of the message has them
        page = pages.get_page(self.request.GET.get("p"))
        waiting = self.waiting()
        lines = [(line, results.why(line, self.message, waiting)) for line in page.object_list]
        absent = results.absent(self.message, wanted["q"]) if wanted["q"] and page.number == 1 else []
        return super().get_context_data(**kwargs) | {
            "form": form,
            "filtered": any(wanted.values()),
            "query": query_of(wanted),
            "page_obj": page,
            "lines": lines,
            "absent": [(person, results.why(None, self.message)) for person in absent],
            "UNCERTAIN": Delivery.State.UNCERTAIN,
            "uncertain": wanted["state"] == Delivery.State.UNCERTAIN and page.paginator.count,
            "refused": wanted["state"] == Delivery.State.FAILED and settling.may_try_again(self.message),
        }

    def waiting(self):
        return pacing.waiting(self.message) if self.message.state == Message.State.SENDING else None


class Settle(Ledger):
    """Somebody knows what became of an uncertain delivery, or of all: arrived, or to be sent again. Asked first."""

    template_name = "campaigns/messages/settle.html"
    permission_required = "send"
    any_permission_required = None

    @cached_property
    def line(self):
        if "delivery" not in self.kwargs:
            return None
        lines = self.message.deliveries.select_related("person")
        return get_object_or_404(lines, pk=self.kwargs["delivery"])

    @property
    def uncertain(self):
        return self.message.deliveries.filter(state=Delivery.State.UNCERTAIN)

    def get_context_data(self, **kwargs):
        number = self.uncertain.count()
        known = self.line.events.order_by("at") if self.line else []
        return MessagePage.get_context_data(self, **kwargs) | {
            "line": self.line,
            "number": number,
            "known": known,
            "back": self.back,
            "undecided": number > 0 if self.line is None else self.line.state == Delivery.State.UNCERTAIN,
        }

    @property
    def back(self):
        return f"{self.url('ledger')}?{urlencode({'state': Delivery.State.UNCERTAIN})}"

    def post(self, request, *args, **kwargs):
        resend = request.POST.get("what") == "resend"
        if self.line:
            number = int(settling.settle(self.line, resend=resend, by=request.user))
        elif request.POST.get("number") != str(self.uncertain.count()):
            messages.warning(request, _("The number changed while you were reading. Please look at it again."))
            return self.render_to_response(self.get_context_data(), status=409)
        else:
            number = settling.settle_all(self.message, resend=resend, by=request.user)
        if not number:
            messages.info(request, _("This one is settled already.") if self.line else _("All are settled already."))
            return redirect(self.back)
        if resend:
            tasks.send_message.delay_on_commit(self.message.pk)
        about = {"delivery": self.line.pk} if self.line else {"number": number}
        log(instance=self.message, action="campaigns.settle", data=about | {"resend": resend})
        messages.success(request, self.done(number, resend))
        return redirect(self.back)

    def done(self, number, resend):
        if self.line:
            return _("It is sent again.") if resend else _("Noted: it arrived.")
        if resend:
            said = ngettext("%(number)s delivery is sent again.", "%(number)s deliveries are sent again.", number)
        else:
            said = ngettext("Noted: %(number)s arrived.", "Noted: %(number)s arrived.", number)
        return said % {"number": intcomma(number)}


class TryAgain(Ledger):
    """What was refused at the door is handed over once more. Asked first, with how many it is."""

    template_name = "campaigns/messages/try_again.html"
    permission_required = "send"
    any_permission_required = None

    def get_context_data(self, **kwargs):
        refused = settling.refused(self.message)
        reasons = refused.values_list("error").annotate(number=Count("pk")).order_by("-number")[:REASONS_SHOWN]
        return MessagePage.get_context_data(self, **kwargs) | {
            "number": refused.count() if settling.may_try_again(self.message) else 0,
            "reasons": reasons,
            "back": self.back,
        }

    @property
    def back(self):
        return f"{self.url('ledger')}?{urlencode({'state': Delivery.State.FAILED})}"

    def post(self, request, *args, **kwargs):
        if request.POST.get("number") != str(settling.refused(self.message).count()):
            messages.warning(request, _("The number changed while you were reading. Please look at it again."))
            return self.render_to_response(self.get_context_data(), status=409)
        number = settling.try_again(self.message, by=request.user)
        if not number:
            messages.info(request, _("There is nothing to send again."))
            return redirect(self.back)
        tasks.send_message.delay_on_commit(self.message.pk)
        log(instance=self.message, action="campaigns.settle", data={"number": number, "refused": True})
        said = ngettext("%(number)s delivery is sent again.", "%(number)s deliveries are sent again.", number)
        messages.success(request, said % {"number": intcomma(number)})
        return redirect("messages:inspect", self.message.pk)


class Figures(Results):
    """The figures as they were counted last, in one table for a spreadsheet."""

    def get(self, request, *args, **kwargs):
        if self.report is None:
            messages.info(request, _("The figures are not counted yet; come back in a minute."))
            return redirect("messages:inspect", self.message.pk)
        log(instance=self.message, action="campaigns.export", data={"figures": True})
        words = charting.words()
        names = reporting.NAMES
        called = {"meant": _("People it was meant for"), "held": _("Held back"), "uncertain": _("Uncertain")} | words
        header = [_("By"), _("Group"), *(called[name] for name in names)]
        return csv_stream(f"message-{self.message.pk}-results.csv", header, self.rows(names))

    def rows(self, names):
        kept = self.report.figures
        labels = reporting.labels(self.message, kept)
        yield [_("All"), self.message.name, *(kept["total"][name] for name in names)]
        for kind, title in TITLES.items():
            for key, counted in kept[kind]:
                yield [title, labels[kind][key], *(counted[name] for name in names)]
        for row in kept["times"]:
            yield [OVER_TIME[kept["unit"]]["by"], when_of(row), *(row.get(name, "") for name in names)]
        for row in kept["earlier"]:
            yield [_("Earlier message"), row["name"], *(row["total"][name] for name in names)]
        if kept["opened"]:
            yield [_("Emails that loaded their pictures"), PROGRAMS, kept["opened"]]


class Export(Ledger):
    """The ledger, or the part of it that is shown, as a file."""

    http_method_names = ["get", "head", "options"]

    def get(self, request, *args, **kwargs):
        _form, wanted = self.wanted()
        lines = results.ledger(self.message, **wanted).order_by("pk")
        self.waits = self.waiting()
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
            results.why(line, self.message, self.waits),
            timezone.localtime(line.updated_at).strftime("%Y-%m-%d %H:%M"),
        ]
