"""The board of one round: every partner asked, where it stands, and what is to be expected; its numbers as a file."""

from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _

from coalition import charts, counting, forecasting, spreadsheets
from coalition.counting import STATES, State
from coalition.signing_on.reminding import left_alone
from coalition.views.rounds.page import RoundPage

LINES_A_PAGE = 40
WAITING_SHOWN = 20  # late signatures on top; the filter shows them all
TONES = {
    State.SIGN: "good",
    State.SUPPORT: "good",
    State.LATE: "warn",
    State.AGAIN: "warn",
    State.TIME: "busy",
    State.DECLINE: "bad",
    State.WITHDRAW: "bad",
    State.SEEN: "busy",
}
FORECASTS = {
    forecasting.Kind.LATE: gettext_lazy("Likely late"),
    forecasting.Kind.ON_TIME: gettext_lazy("Likely in time"),
    forecasting.Kind.NEW: gettext_lazy("No forecast"),
}


class WithBoard:
    """A page that asks the board of its round."""

    @cached_property
    def board(self):
        return counting.Board(self.round)


class Board(WithBoard, RoundPage):
    """Every partner asked, and where it stands."""

    template_name = "coalition/rounds/inspect.html"

    def get_context_data(self, **kwargs):
        whole, scopes = self.board.tally()
        asked = {name: self.request.GET.get(name, "").strip() for name in ("state", "q", "partner")}
        page = Paginator(self._shown(**asked), LINES_A_PAGE).get_page(self.request.GET.get("p"))
        page.object_list = self._lines(page.object_list)
        waiting = self.board.partners().filter(stands=State.LATE) if whole.states[State.LATE] else []
        is_open = self.round.closed_at is None
        context = super().get_context_data(**kwargs)
        context |= self._allowed(is_open, **context)
        return (
            context
            | {
                "page_obj": page,
                "shown_count": page.paginator.count,
                "query": urlencode({key: value for key, value in asked.items() if value}),
                "words": asked["q"],
                "state": asked["state"],
                "partner": asked["partner"],
                "filters": self._filters(whole),
                "whole": whole,
                "asked": whole.asked,
                "opened": whole.opened,
                "decided": whole.decided,
                "undecided": whole.undecided,
                "counts": {each.value: whole.states[each] for each in State},
                "declined": sum(whole.states[each] for each in (State.DECLINE, State.ABSTAIN, State.WITHDRAW)),
                "scopes": scopes,
                "regions": self.board.tally_by_region(),
                "waiting": self.board.lines(waiting[:WAITING_SHOWN]) if waiting else [],
                "waiting_count": whole.states[State.LATE],
                "reminded": self.board.to_remind().count() if is_open and whole.undecided else 0,
                "tones": TONES,
                "is_late": is_open and not self.round.is_open,
                # Drawn by the worker from our own numbers and words.
                "chart": mark_safe(self.round.charts.get(get_language(), "")),  # noqa: S308
                "numbers": charts.numbers(self.round) if whole.asked else [],
                "handovers": self.round.publication.handovers.all()[:5],
            }
        )

    def _allowed(self, is_open, *, may_change, sees_people, **context):
        """What this reader may do from here."""
        user = self.request.user
        return {
            "may_remind": may_change and is_open,
            "may_record": may_change and user.has_perm("coalition.add_decision"),
            "may_see_proof": sees_people and user.has_perm("coalition.view_decision"),
            "may_export": user.has_perm("coalition.add_export"),
            "may_hand_over": user.has_perm("coalition.add_handover"),
        }

    def _lines(self, partners):
        """The lines of a page; where an answer is owed, with what to expect and why no reminder leaves now."""
        lines = self.board.lines(partners)
        owed = [] if self.round.closed_at else [line for line in lines if not line.state.decided]
        if owed:
            forecasts = forecasting.of_lines(self.round, owed)
            sent = [invitation for line in owed for invitation in line.reminded]
            prefetch_related_objects(sent, "representative__person__addresses")
            alone = left_alone(self.round, sent)
            for line in owed:
                line.forecast = forecasts[line.organization.pk]
                line.left_alone = alone.get(line.organization.pk)
        return lines

    def _shown(self, *, state, q, partner):
        found = self.board.partners()
        if partner.isascii() and partner.isdigit():
            found = found.filter(pk=min(int(partner), 2**63 - 1))
        if q:
            found = found.search(q)
        if state == "undecided":
            return found.filter(has_decided=False)
        return found.filter(stands=state) if state else found

    def _filters(self, whole):
        """[(value, words, how many)] for the links above the table."""
        found = [("", _("All"), whole.asked), ("undecided", _("No answer yet"), whole.undecided)]
        return found + [(each.value, label, whole.states[each]) for each, label in STATES.items() if whole.states[each]]


class Numbers(RoundPage):
    """The numbers of the chart as a file. No organization is named, so no reason is asked."""

    http_method_names = ["get"]

    def get(self, request, *args, **kwargs):
        rows = ((day.day.isoformat(), day.answered, day.signed) for day in charts.progress(self.round))
        header = [_("Day"), _("Answered"), pgettext("several", "Signed")]
        return spreadsheets.csv_response(f"round-{self.round.pk}-progress.csv", header, rows)


class Forecast(WithBoard, RoundPage):
    """Who is likely to be late, and how many signatures are to be expected at the deadline; each with its reason."""

    template_name = "coalition/rounds/forecast.html"
    step = gettext_lazy("Forecast")

    def dispatch(self, request, *args, **kwargs):
        if self.round.closed_at and self.user_has_any_permission(self.any_permission_required):
            return redirect(self.url)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        kinds = {"late": forecasting.Kind.LATE, "on_time": forecasting.Kind.ON_TIME, "new": forecasting.Kind.NEW}
        chosen = kinds.get(self.request.GET.get("kind", ""))
        whole, _scopes = self.board.tally()
        expected = forecasting.of(self.round, self.board)
        shown = [each for each in expected.partners if chosen in (None, each.forecast.kind)]
        labels = [("", _("All"), len(expected.partners))]
        labels += [(kind, FORECASTS[kind], expected.counts[kind]) for kind in kinds.values()]
        return super().get_context_data(**kwargs) | {
            "page_obj": Paginator(shown, LINES_A_PAGE).get_page(self.request.GET.get("p")),
            "kind": chosen or "",
            "query": urlencode({"kind": chosen}) if chosen else "",
            "filters": labels,
            "signed": whole.states[State.SIGN],
            "expected": whole.states[State.SIGN] + expected.more,
            "counts": {kind.value: expected.counts[kind] for kind in kinds.values()},
            "tones": {forecasting.Kind.LATE: "warn", forecasting.Kind.ON_TIME: "good"},
            "labels": FORECASTS,
        }
