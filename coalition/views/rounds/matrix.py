"""Partners × publications on one page: paged in both directions, narrowed by both, each cell a way to its board."""

from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from coalition import matrix
from coalition.counting import STATES
from coalition.forms.matrix import MatrixForm
from coalition.views.rounds.board import TONES
from coalition.views.screens import ANY, Screen

ROWS, COLUMNS = 40, 10


class Matrix(Screen, TemplateView):
    template_name = "coalition/rounds/matrix.html"
    page_title = gettext_lazy("Partners × publications")
    any_permission_required = ANY
    header_icon = "table"

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs):
        form = MatrixForm(self.request.GET)
        asked = form.asked()
        undecided = asked.get("undecided", False)
        publications = matrix.publications(
            kind=asked.get("what", ""), year=asked.get("year"), topic=asked.get("topic"), undecided=undecided
        )
        partners = matrix.partners(
            words=asked.get("q", ""),
            scope=asked.get("scope", ""),
            region=asked.get("region"),
            kind=asked.get("kind", ""),
            undecided_on=publications if undecided else None,
        )
        across = Paginator(publications, COLUMNS).get_page(self.request.GET.get("c"))
        down = Paginator(partners, ROWS).get_page(self.request.GET.get("p"))
        across.object_list = list(across.object_list)
        kept = {name: self.request.GET[name] for name in asked}
        return super().get_context_data(**kwargs) | {
            "form": form,
            "narrowed": bool(asked),
            "columns": across,
            "page_obj": down,
            "rows": matrix.rows(down.object_list, across.object_list),
            # Paging one way stays where the other way is.
            "query": urlencode(kept | {"c": across.number}),
            "query_down": urlencode(kept | {"p": down.number}),
            "clear": reverse("rounds:matrix"),
            "legend": [(matrix.SIGNS[state], label, TONES.get(state, "")) for state, label in STATES.items()],
            "tones": TONES,
        }
