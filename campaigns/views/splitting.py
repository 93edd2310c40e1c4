"""The back office's pages about testing one wording against another: set it up, watch it, decide it."""

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from wagtail.admin import messages
from wagtail.log_actions import log

from campaigns import charting, composing, reporting, splitting, tasks
from campaigns.forms.splitting import DecisionForm, SplitTestForm
from campaigns.models import Message, Report, SplitTest
from campaigns.views.messages import MessagePage

WHY = {
    "clear": gettext_lazy("Ahead, and by more than chance would bring about in one of twenty tests."),
    "chance": gettext_lazy("Ahead, but a difference like this comes about by chance often: read little into it."),
    "tie": gettext_lazy("As many acted: the first wording stands."),
    "few": gettext_lazy("Too few acted to read anything out of it: the first wording stands."),
    "hand": gettext_lazy("Decided by hand."),
    "stopped": gettext_lazy("The test was stopped: the first wording stands."),
}


class Test(MessagePage):
    """One page for the whole life of a test: before it, while it runs, after it."""

    template_name = "campaigns/messages/test.html"
    step = "write"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.test = SplitTest.objects.filter(message=self.message).select_related("decided_by").first()
        self.languages = splitting.tested(self.message)
        self.report = Report.objects.filter(message=self.message).first()
        if not self.is_draft:
            self.step = "results"

    def get(self, request, *args, **kwargs):
        if self.series or (not self.is_draft and self.test is None):
            raise Http404
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        names = dict(settings.LANGUAGES)
        is_open = self.is_open
        open_languages = {
            language: variants
            for language, variants in self.languages.items()
            if self.test and language not in self.test.winners
        }
        return super().get_context_data(**kwargs) | {
            "test": self.test,
            "unsent": self.unsent,
            "is_open": is_open,
            "wordings": self.wordings(),
            "form": kwargs.get("form") or SplitTestForm(instance=self.test),
            "decision": DecisionForm(languages=open_languages, names=names) if is_open else None,
            "results": self.results,
            "report": self.report,
            "awaited": self.awaited,
            "known": self.known if self.test else "",
            "waiting": splitting.waiting(self.message) if is_open else 0,
            "may_test": self.may("change") and self.is_draft,
            "may_add": len(composing.variants_of(self.message)) < len(composing.VARIANTS),
        }

    def wordings(self):
        """[(letter, [content of each language])]."""
        found = {}
        for content in self.message.contents.order_by("variant", "language"):
            found.setdefault(content.variant, []).append(content)
        return list(found.items())

    @cached_property
    def unsent(self):
        return self.message.state in (Message.State.DRAFT, Message.State.SCHEDULED)

    @property
    def is_open(self):
        ended = self.unsent or self.message.state == Message.State.CANCELLED
        return bool(self.test and not self.test.decided_at and not ended)

    @property
    def awaited(self):
        """Whether it moves by itself: it runs, or what it ended in is not drawn yet."""
        runs = self.is_open and self.message.state in splitting.RUNS
        drawn = all(row["chart"] for row in self.results)
        return runs or (not drawn and (self.is_behind or reporting.is_awaited(self.message, self.report)))

    @property
    def is_behind(self):
        """Whether it was decided since it was counted last."""
        return bool(self.test.decided_at and self.report and self.report.counted_at < self.test.decided_at)

    @property
    def known(self):
        """What a page shows that was sent now: when it was counted, what is decided, whether it moves."""
        counted = self.report.counted_at.isoformat() if self.report else "-"
        return f"{counted} {len(self.test.winners)} {self.awaited}"

    @cached_property
    def results(self):
        return [] if self.unsent else list(self.by_language(dict(settings.LANGUAGES)))

    def by_language(self, names):
        """What a test shows of each language: while it runs as it stands now, afterwards as it was decided."""
        counted = self.report.figures.get("test") if self.report else None
        drawn = self.report.charts.get(get_language(), {}) if self.report else {}
        for language, said in splitting.outcome(self.message, counted).items():
            same = counted and counted.get(language) == said  # decided since: the chart follows within minutes
            yield {
                "language": language,
                "label": names[language],
                "decided": said["decided"],
                "winner": said["winner"] if said["decided"] else None,
                "ahead": said["winner"] if said["why"] in ("clear", "chance") else None,
                "why": WHY[said["why"]],
                "chance": by_chance(said["p"]),
                "chart": mark_safe(drawn.get(f"test-{language}", "")) if same else "",  # noqa: S308
                "rows": [
                    {
                        "letter": letter,
                        **row,
                        "share": share_of(row["acted"], row["got"]),
                        "likely": charting.likely(row["acted"], row["got"]),
                        "stopped_share": share_of(row["stopped"], row["got"]),
                    }
                    for letter, row in said["variants"].items()
                ],
            }

    def post(self, request, *args, **kwargs):
        if not self.may("change"):
            raise PermissionDenied
        form = SplitTestForm(request.POST, instance=self.test)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        try:
            splitting.set_up(self.message, **form.cleaned_data)
        except ValidationError as refused:
            messages.error(request, " ".join(refused.messages))
        else:
            log(instance=self.message, action="wagtail.edit", content_changed=True)
            messages.success(request, _("The wordings are tested when the message is sent."))
        return redirect(self.url("test"))


class Outcome(Test):
    """The part of it that the worker counts and draws. Where it is known already, nothing is sent."""

    template_name = "campaigns/messages/parts/outcome.html"

    def get(self, request, *args, **kwargs):
        if self.test is None or self.unsent:
            raise Http404
        if request.GET.get("known") == self.known:
            return HttpResponse(status=204)
        return super().get(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        raise Http404


def share_of(number, got):
    return 100 * number / got if got else 0.0


def by_chance(p):
    """How sure a difference is, in words; empty where none was looked at."""
    if p is None:
        return ""
    number = round(100 * p)
    if not number:
        return _("Of 100 tests of wordings that are equally good, fewer than one would show a difference as large.")
    said = ngettext(
        "Of 100 tests of wordings that are equally good, about %(number)s would show a difference as large.",
        "Of 100 tests of wordings that are equally good, about %(number)s would show a difference as large.",
        number,
    )
    return said % {"number": number}


class Press(MessagePage):
    """A button of the test's page: one verb, said back in one sentence."""

    def get(self, request, *args, **kwargs):
        raise Http404

    def done(self, words, **data):
        log(instance=self.message, action="wagtail.edit", content_changed=True, data=data)
        messages.success(self.request, words)


class AddVariant(Press):
    any_permission_required = None
    permission_required = "change"

    def post(self, request, *args, **kwargs):
        try:
            letter = composing.add_variant(self.message, by=request.user)
        except (composing.Fixed, ValueError):
            messages.error(request, _("There is no room for another wording, or sending has begun."))
            return redirect(self.url("test"))
        self.done(
            _("Wording %(letter)s is a copy of the first: change what you want to test.") % {"letter": letter.upper()}
        )
        return redirect(f"{self.url('edit')}?variant={letter}")


class RemoveVariant(Press):
    any_permission_required = None
    permission_required = "change"

    def post(self, request, pk, variant):
        try:
            splitting.remove_variant(self.message, variant, by=request.user)
        except (composing.Fixed, ValueError):
            messages.error(request, _("Sending has begun meanwhile, so nothing was changed."))
            return redirect(self.url("test"))
        self.done(_("Wording %(letter)s is gone.") % {"letter": variant.upper()})
        return redirect(self.url("test"))


class Drop(Press):
    any_permission_required = None
    permission_required = "change"

    def post(self, request, *args, **kwargs):
        if splitting.drop(self.message):
            self.done(_("No test: everybody gets the first wording."))
        return redirect(self.url("test"))


class Decide(Press):
    """By hand, language by language, or all of it at once by the first wording."""

    any_permission_required = None
    permission_required = "send"

    def post(self, request, *args, **kwargs):
        waited = splitting.waiting(self.message)
        stopped = "stop" in request.POST
        if stopped:
            decided = splitting.decide(self.message, why="stopped", by=request.user)
        else:
            languages = splitting.tested(self.message)
            form = DecisionForm(request.POST, languages=languages, names=dict(settings.LANGUAGES))
            chosen = {k: v for k, v in form.cleaned_data.items() if v} if form.is_valid() else {}
            if not chosen:
                messages.info(request, _("Choose a wording for at least one language."))
                return redirect(self.url("test"))
            decided = splitting.decide(self.message, winners=chosen, by=request.user)
        if decided:
            tasks.send_message.delay_on_commit(self.message.pk)
            said = _("Decided: those who waited get it now.") if waited else WHY["stopped" if stopped else "hand"]
            self.done(said, winners=decided)
        elif self.message.state == Message.State.CANCELLED:
            messages.info(request, _("The test ended with the message."))
        else:
            messages.info(request, _("It was decided already."))
        return redirect(self.url("test"))
