"""The back office's pages about publications: their frozen versions, and who signed what."""

import json

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, Subquery
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _
from django_filters import ChoiceFilter
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic

from coalition import counting
from coalition.models import Decision, Publication, Round, Version
from coalition.views.screens import Index


class PublicationFilters(WagtailFilterSet):
    round = ChoiceFilter(
        label=gettext_lazy("Round"),
        method="by_round",
        choices=[
            ("open", gettext_lazy("A round is open")),
            ("closed", gettext_lazy("Only closed rounds")),
            ("none", gettext_lazy("Nobody was asked yet")),
        ],
    )

    class Meta:
        model = Publication
        fields = ["kind", "round"]

    def by_round(self, queryset, name, value):
        rounds = Round.objects.filter(publication=OuterRef("pk"))
        if value == "open":
            return queryset.filter(Exists(rounds.filter(closed_at=None)))
        if value == "closed":
            return queryset.filter(Exists(rounds)).exclude(Exists(rounds.filter(closed_at=None)))
        return queryset.exclude(Exists(rounds))


class QuiltColumn(TitleColumn):
    cell_template_name = "coalition/publications/cell_title.html"


class VersionColumn(Column):
    cell_template_name = "coalition/publications/cell_version.html"


class RoundColumn(Column):
    cell_template_name = "coalition/publications/cell_round.html"


class PublicationsIndex(Index):
    page_title = gettext_lazy("Publications")
    filterset_class = PublicationFilters
    search_fields = ["title", "bill"]
    default_ordering = "-created_at"

    @cached_property
    def columns(self):
        return [
            QuiltColumn("title", label=_("Title"), accessor=str, get_url=self.get_inspect_url, width="45%"),
            Column("get_kind_display", label=_("Kind"), sort_key="kind"),
            VersionColumn("newest", label=_("Frozen text")),
            Column("signed", label=pgettext("several", "Signed")),
            RoundColumn("current_round", label=_("Round")),
        ]

    def get_base_queryset(self):
        newest = Version.objects.filter(publication=OuterRef("pk")).order_by("-number")
        return Publication.objects.annotate(newest_number=Subquery(newest.values("number")[:1])).prefetch_related(
            Prefetch("versions", Version.objects.order_by("-number"), "newest_first"),
            Prefetch("rounds", Round.objects.order_by("-opened_at"), "rounds_newest_first"),
            Prefetch(
                "decisions",
                Decision.objects.live().filter(choice=Decision.Choice.SIGN).only("publication_id", "version_id"),
                "signatures",
            ),
        )

    def search_queryset(self, queryset):
        if not self.is_searching:
            return queryset
        # Titles are kept as JSON, where an accented letter is an escape.
        words = self.search_query.strip()
        kept = json.dumps(words)[1:-1]
        return queryset.filter(Q(title__icontains=words) | Q(title__icontains=kept) | Q(bill__icontains=words))

    def paginate_queryset(self, queryset, page_size):
        paginator, page, rows, more = super().paginate_queryset(queryset, page_size)
        rows = list(rows)
        for publication in rows:
            newest = publication.newest_first
            publication.newest = newest[0] if newest else None
            last_material = next((i for i, version in enumerate(newest) if version.material), 0)
            chain = {version.pk for version in newest[: last_material + 1]}
            publication.signed = sum(decision.version_id in chain for decision in publication.signatures)
            publication.current_round = next(iter(publication.rounds_newest_first), None)
        page.object_list = rows
        return paginator, page, rows, more


class PublicationPage(generic.InspectView):
    """One publication: the text as it is frozen now, who signed it, and what came before."""

    template_name = "coalition/publications/inspect.html"

    def get_page_title(self):
        return str(self.object)

    def get_page_subtitle(self):
        return ""

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("publications:index"), "label": _("Publications")},
            {"url": "", "label": str(self.object)},
        ]

    def get_context_data(self, **kwargs):
        publication, language = self.object, get_language()
        versions = list(publication.versions.select_related("frozen_by").prefetch_related("texts").order_by("-number"))
        for version in versions:
            version.publication = publication
            version.signatures = sum(len(names) for _scope, names in counting.signatories(version, language))
        rounds = list(
            publication.rounds.select_related("opened_by").annotate(
                asked=Count("invitations__organization", distinct=True)
            )
        )
        version = versions[0] if versions else None
        signed = counting.signatories(version, language) if version else []
        standings = counting.standings(publication).values() if version else []
        return super().get_context_data(**kwargs) | {
            "publication": publication,
            "version": version,
            "texts": sorted(version.texts.all(), key=lambda text: text.language) if version else [],
            "versions": versions,
            "rounds": rounds,
            "signed": signed,
            "signed_count": sum(len(names) for _scope, names in signed),
            "supporters": counting.supporters_count(version) if version else 0,
            "fell_away": sum(
                not where.decided and where.live is not None and where.live.choice == Decision.Choice.SIGN
                for where in standings
            ),
            "open_round": next((round_ for round_ in rounds if round_.closed_at is None), None),
            "public_url": publication.public_url.localize(language) if publication.public_url else "",
            "may_open": self.request.user.has_perm("coalition.add_round"),
        }
