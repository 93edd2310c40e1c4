"""The board of one round: every partner asked, and where it stands."""

from collections import Counter

from django.core.paginator import Paginator
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from coalition import counting
from coalition.counting import STATES, State
from coalition.models import fold
from coalition.views.rounds.page import RoundPage

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
