"""The list of publications, with what each waits for."""

import json

from django.conf import settings
from django.db.models import CharField, Exists, OuterRef, Prefetch, Q, Subquery, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django_filters import ChoiceFilter, ModelChoiceFilter
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn

from coalition import languages
from coalition.models import Decision, Publication, Round, Topic, Version, VersionText
from coalition.views.screens import ANY, Index

NEWEST = Version.objects.filter(publication=OuterRef("pk")).order_by("-number")
PARTS = ("title", "summary", "html")


def _with_drafts(publications):
    """The queryset with what drafts say, without reading the drafts: the titles and texts there are, what changed."""
    said = {}
    for code, _name in settings.LANGUAGES:
        for part in PARTS:
            said[f"{part}_{code}"] = Coalesce(KT(f"draft__{code}__{part}"), Value(""), output_field=CharField())
        said[f"written_{code}"] = ~Q(**{f"title_{code}": ""}) & ~Q(**{f"html_{code}": ""})
    publications = publications.alias(**{name: value for name, value in said.items() if "written" not in name})
    publications = publications.annotate(**{name: value for name, value in said.items() if "written" in name})
    differs = Q()
    for code, _name in settings.LANGUAGES:
        same = {part: OuterRef(f"{part}_{code}") for part in PARTS}
        differs |= ~Exists(VersionText.objects.filter(version=OuterRef("newest_pk"), language=code, **same))
    return publications.annotate(differs=differs)


class PublicationFilters(WagtailFilterSet):
    topic = ModelChoiceFilter(label=gettext_lazy("Topic"), queryset=Topic.objects.all(), field_name="topics")
    text = ChoiceFilter(
        label=gettext_lazy("Text"),
        method="by_text",
        choices=[
            ("draft", gettext_lazy("Not frozen yet")),
            ("changed", gettext_lazy("Changed since it was frozen")),
            ("frozen", gettext_lazy("Frozen")),
        ],
    )
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
        fields = ["kind", "topic", "text", "round"]

    def by_text(self, queryset, name, value):
        if value == "draft":
            return queryset.filter(newest_pk=None)
        if value == "changed":
            return queryset.filter(newest_pk__isnull=False, stand_alone=True, differs=True)
        return queryset.filter(newest_pk__isnull=False)

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


class SignedColumn(Column):
    cell_template_name = "coalition/publications/cell_signed.html"


class NextColumn(Column):
    cell_template_name = "coalition/publications/cell_next.html"


class PublicationsIndex(Index):
    page_title = gettext_lazy("Publications")
    add_item_label = gettext_lazy("Write a publication")
    any_permission_required = ANY
    filterset_class = PublicationFilters
    search_fields = ["title", "bill"]
    default_ordering = "-created_at"

    @cached_property
    def columns(self):
        return [
            QuiltColumn("title", label=_("Title"), accessor=str, get_url=self.get_inspect_url, width="36%"),
            Column("get_kind_display", label=_("Kind"), sort_key="kind"),
            VersionColumn("newest", label=_("Frozen text")),
            SignedColumn("signed", label=pgettext("several", "Signed")),
            RoundColumn("current_round", label=_("Round")),
            NextColumn("next", label=_("What to do next")),
        ]

    def get_base_queryset(self):
        found = Publication.objects.annotate(newest_pk=Subquery(NEWEST.values("pk")[:1]))
        found = _with_drafts(found).defer("draft")
        return found.prefetch_related(
            Prefetch("versions", Version.objects.order_by("-number"), "newest_first"),
            Prefetch("rounds", Round.objects.order_by("-opened_at"), "rounds_newest_first"),
            Prefetch(
                "decisions",
                Decision.objects.live()
                .filter(choice=Decision.Choice.SIGN)
                .only("publication_id", "version_id", "organization_id"),
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
            publication.fell_away = len(publication.signatures) - publication.signed
            publication.current_round = next(iter(publication.rounds_newest_first), None)
            publication.next = next_step(publication, self.request.user)
        page.object_list = rows
        return paginator, page, rows, more


def next_step(publication, user):
    """What an organizer does next with a row of the list: (words, address or ""), or None where nothing waits."""
    here = reverse("publications:inspect", args=[publication.pk])
    round_ = publication.current_round
    is_open = round_ is not None and round_.closed_at is None
    if publication.stand_alone and (publication.newest is None or publication.differs):
        missing = [
            languages.name_in_text(code)
            for code, _name in settings.LANGUAGES
            if not getattr(publication, f"written_{code}")
        ]
        if missing:
            words = _("Finish the text in %(languages)s") % {"languages": languages.join_list(missing)}
            return words, _if(user, "change_publication", reverse("publications:write", args=[publication.pk]))
        words = _("Freeze the changes") if publication.newest else _("Freeze it")
        return words, _if(user, "add_version", reverse("publications:freeze", args=[publication.pk]))
    if publication.newest is None:
        return _("Freeze it on its page"), here
    if publication.fell_away and not is_open:
        words = ngettext(
            "Ask %(number)s organization again", "Ask %(number)s organizations again", publication.fell_away
        ) % {"number": publication.fell_away}
        return words, _if(user, "add_round", reverse("rounds:open", args=[publication.pk]))
    if round_ is None:
        return _("Open a round"), _if(user, "add_round", reverse("rounds:open", args=[publication.pk]))
    if is_open and round_.deadline < timezone.now():
        return _("Close the round"), _if(user, "view_round", reverse("rounds:inspect", args=[round_.pk]))
    if is_open:
        return _("Follow the answers"), _if(user, "view_round", reverse("rounds:inspect", args=[round_.pk]))
    return None


def _if(user, permission, address):
    return address if user.has_perm(f"coalition.{permission}") else ""
