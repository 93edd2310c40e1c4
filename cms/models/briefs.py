"""Briefs: written here, frozen for signing, and from then on shown exactly as they were frozen.

The public page of a brief shows its publication's newest frozen version. What an editor writes afterwards stays a draft
until it is frozen as the next version.
"""

from django.db import models
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.contrib.routable_page.models import RoutablePageMixin, path
from wagtail.fields import StreamField
from wagtail.models import PageManager, PageQuerySet
from wagtail_localize.fields import SynchronizedField, TranslatableField

from cms.blocks import BriefBody
from coalition import reading
from coalition.forms.endorsing import form_of
from coalition.models import Publication, VersionText

from .base import SitePage


def with_stand_alone(pages, language):
    """Pages of briefs and the publications that stand alone, newest first."""
    return sorted([*pages, *reading.newest_stand_alone(language)], key=lambda each: each.date, reverse=True)


class BriefIndexPage(SitePage):
    """All briefs, newest first, and what the coalition published without a page of its own."""

    introduction = models.TextField(_("introduction"), blank=True)

    content_panels = [*SitePage.content_panels, FieldPanel("introduction")]
    parent_page_types = ["cms.HomePage"]
    subpage_types = ["cms.BriefPage"]
    template = "cms/briefs.html"

    class Meta:
        verbose_name = _("list of briefs")
        verbose_name_plural = _("lists of briefs")

    def get_context(self, request, *args, **kwargs):
        context = super().get_context(request, *args, **kwargs)
        pages = BriefPage.objects.live().child_of(self).newest_first().with_covers(self.language)
        context["briefs"] = with_stand_alone(pages, self.language)
        return context


class BriefPageQuerySet(PageQuerySet):
    def newest_first(self):
        return self.order_by("-date", "-pk")

    def with_covers(self, language):
        """The pages as a list, each with `cover`: the VersionText that `language` reads now, or None (one query)."""
        pages = list(self)
        texts = (
            VersionText.objects.filter(
                language=language, version__publication__in=[p.publication_id for p in pages if p.publication_id]
            )
            .select_related("version")
            .defer("html", "canonical")
            .order_by("version__publication_id", "-version__number")
            .distinct("version__publication_id")
        )
        covers = {text.version.publication_id: text for text in texts}
        for page in pages:
            page.cover = covers.get(page.publication_id)
        return pages


class BriefPage(RoutablePageMixin, SitePage):
    """A brief in one language. Its translations share one publication, and so one hash and one quilt."""

    kind = models.CharField(_("kind"), max_length=10, choices=Publication.Kind, default=Publication.Kind.BRIEF)
    kicker = models.CharField(_("kicker"), max_length=60, blank=True, help_text=_("A word or two above the title."))
    summary = models.TextField(_("summary"), max_length=600)
    date = models.DateField(_("date"), default=timezone.localdate)
    bill = models.CharField(_("bill or docket"), max_length=60, blank=True)
    body = StreamField(BriefBody(), verbose_name=_("text"))
    publication = models.ForeignKey(
        Publication, models.SET_NULL, null=True, blank=True, editable=False, related_name="pages"
    )

    objects = PageManager.from_queryset(BriefPageQuerySet)()

    content_panels = [
        *SitePage.content_panels,
        FieldPanel("kicker"),
        FieldPanel("summary"),
        MultiFieldPanel(
            [FieldPanel("date"), FieldPanel("kind"), FieldPanel("bill")], heading=_("About the publication")
        ),
        FieldPanel("body"),
    ]
    override_translatable_fields = [SynchronizedField("bill"), TranslatableField("slug")]
    parent_page_types = ["cms.BriefIndexPage"]
    subpage_types = []
    template = "cms/brief.html"

    class Meta:
        verbose_name = _("brief")
        verbose_name_plural = _("briefs")

    # A copy is another brief, with a text of its own to freeze.
    exclude_fields_in_copy = ["publication"]

    def with_content_json(self, content):
        # The publication belongs to the page: a revision written before the first freezing must not take it away.
        page = super().with_content_json(content)
        page.publication_id = BriefPage.objects.filter(pk=self.pk).values_list("publication", flat=True).first()
        return page

    @path("")
    def current(self, request):
        return self.render(request)

    @path("versions/<int:number>/")
    def earlier(self, request, number):
        """A version as it was signed; the newest one lives at the page's own address."""
        found = self.publication_id and reading.of(self.publication, self.language, number)
        if not found:
            raise Http404
        return self.render(request, context_overrides=self.shown(found))

    def shown(self, found):
        """What the template needs to show one frozen version."""
        return {"reading": found, "version": found.version, "text": found.text, "form": form_of(found)}

    def get_context(self, request, *args, **kwargs):
        context = super().get_context(request, *args, **kwargs)
        context["back"] = self.get_parent()
        if self.publication_id is None or getattr(request, "is_preview", False):
            return context
        if found := reading.of(self.publication, self.language):
            context.update(self.shown(found))
        return context
