"""The list of sign-on rounds."""

import json

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django_filters import ChoiceFilter
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn

from coalition import counting
from coalition.models import Round
from coalition.views.screens import Index


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
            round_.answered = counting.Board(round_).tally()[0].decided
        page.object_list = rows
        return paginator, page, rows, more
