"""One publication: its text as it is frozen now, who signed it, what came before, and what to do next."""

from django.conf import settings
from django.db.models import Count
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext_lazy
from django.views.generic import TemplateView
from wagtail import hooks

from coalition import counting, languages, publishing, roll
from coalition.models import Decision, Publication
from coalition.views.screens import RecordScreen

TEXTS_HOOK = "publication_text_buttons"  # the cms: where the text of a publication with a page is written


class PublicationScreen(RecordScreen):
    """A page about one publication."""

    listing = ("publications:index", gettext_lazy("Publications"))
    subject = "publication"
    home = "publications:inspect"
    header_icon = "doc-full-inverse"

    def records(self):
        return Publication.objects.all()

    @cached_property
    def version(self):
        """The newest frozen version, with its texts, or None."""
        version = self.record.versions.prefetch_related("texts").order_by("-number").first()
        if version:
            version.publication = self.record
        return version

    @property
    def may_freeze(self):
        return self.record.stand_alone and self.request.user.has_perm("coalition.add_version")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"version": self.version, "may_freeze": self.may_freeze}


class PublicationPage(PublicationScreen, TemplateView):
    template_name = "coalition/publications/inspect.html"

    def get_context_data(self, **kwargs):
        publication, version, language = self.record, self.version, get_language()
        counts = roll.counts(publication)
        versions = list(publication.versions.select_related("frozen_by").order_by("-number"))
        for each in versions:
            each.signatures = counts[each.pk]
        rounds = list(
            publication.rounds.select_related("opened_by").annotate(
                asked=Count("invitations__organization", distinct=True)
            )
        )
        called = roll.of(version, language) if version else None
        standings = counting.standings(publication).values() if version else []
        return super().get_context_data(**kwargs) | {
            "texts": sorted(version.texts.all(), key=lambda text: text.language) if version else [],
            "versions": versions,
            "rounds": rounds,
            "roll": called,
            "fell_away": sum(
                not where.decided and where.live is not None and where.live.choice == Decision.Choice.SIGN
                for where in standings
            ),
            "open_round": next((round_ for round_ in rounds if round_.closed_at is None), None),
            "public_url": publication.public_url.localize(language) if publication.public_url else "",
            "may_open": self.request.user.has_perm("coalition.add_round"),
            "topics": publication.topics.all(),
            "text_buttons": self.text_buttons(),
            **self.draft(),
        }

    def text_buttons(self):
        """Where the text of a publication with a page is written: buttons that the public site gives."""
        return [
            button
            for give in hooks.get_hooks(TEXTS_HOOK)
            for button in give(publication=self.record, user=self.request.user)
        ]

    def draft(self):
        """How far a text without a page is: what is unfinished, and whether it differs from what is frozen."""
        publication = self.record
        if not publication.stand_alone:
            return {}
        texts = publishing.texts_of(publication)
        absent = publishing.unfinished(texts, publication.authoritative_language)
        return {
            "unfinished": languages.join_list(languages.name_in_text(code) for code in absent),
            "changed": self.version is None or publishing.digest_of(texts) != self.version.digest,
            "drafts": [(code, name, texts.get(code)) for code, name in settings.LANGUAGES],
        }


class VersionPage(PublicationScreen, TemplateView):
    """One version as it was frozen: its text in every language, and who stands under it."""

    template_name = "coalition/publications/version.html"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.chosen = get_object_or_404(
            self.record.versions.select_related("frozen_by").prefetch_related("texts"), number=kwargs["number"]
        )
        self.chosen.publication = self.record
        self.step = str(self.chosen)

    def get_context_data(self, **kwargs):
        numbers = sorted(self.record.versions.values_list("number", flat=True))
        earlier = [number for number in numbers if number < self.chosen.number]
        return super().get_context_data(**kwargs) | {
            "chosen": self.chosen,
            "texts": sorted(self.chosen.texts.all(), key=lambda text: text.language),
            "roll": roll.of(self.chosen),
            "newest": self.version,
            "before": earlier[-1] if earlier else None,
            "compare_url": reverse("publications:compare", args=[self.record.pk]),
        }
