"""The home page of each language, and pages of plain text (about, accessibility, privacy)."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.fields import StreamField

from cms.blocks import StepBlock, TextBody

from .base import SitePage
from .briefs import BriefIndexPage, BriefPage, with_stand_alone
from .webinars import WebinarIndexPage, WebinarPage


class HomePage(SitePage):
    """The newest brief, what is next, and how partners decide."""

    kicker = models.CharField(_("kicker"), max_length=80, blank=True, help_text=_("A few words above the headline."))
    headline = models.CharField(_("headline"), max_length=200, help_text=_("What you want, in one sentence."))
    introduction = models.TextField(_("introduction"), help_text=_("One or two sentences that say who you are."))
    webinars_text = models.TextField(_("under “What is next”"), blank=True)
    briefs_text = models.TextField(_("under “Briefs”"), blank=True)
    decide_title = models.CharField(_("title"), max_length=120, blank=True)
    decide_text = models.TextField(_("text"), blank=True)
    decide_steps = StreamField([("step", StepBlock())], verbose_name=_("steps"), blank=True)
    decide_page = models.ForeignKey(
        "wagtailcore.Page", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("read more at")
    )

    content_panels = [
        *SitePage.content_panels,
        FieldPanel("kicker"),
        FieldPanel("headline"),
        FieldPanel("introduction"),
        FieldPanel("webinars_text"),
        FieldPanel("briefs_text"),
        MultiFieldPanel(
            [
                FieldPanel("decide_title"),
                FieldPanel("decide_text"),
                FieldPanel("decide_steps"),
                FieldPanel("decide_page"),
            ],
            heading=_("How partners decide"),
        ),
    ]
    parent_page_types = ["wagtailcore.Page"]
    subpage_types = ["cms.BriefIndexPage", "cms.WebinarIndexPage", "cms.TextPage"]
    template = "cms/home.html"

    class Meta:
        verbose_name = _("home page")
        verbose_name_plural = _("home pages")

    def get_context(self, request, *args, **kwargs):
        context = super().get_context(request, *args, **kwargs)
        pages = BriefPage.objects.live().descendant_of(self).newest_first()[:4].with_covers(self.language)
        briefs = with_stand_alone(pages, self.language)[:4]
        context.update(
            newest=briefs[0] if briefs else None,
            briefs=briefs[1:],
            webinars=WebinarPage.objects.live().descendant_of(self).upcoming()[:3],
            brief_index=BriefIndexPage.objects.live().child_of(self).first(),
            webinar_index=WebinarIndexPage.objects.live().child_of(self).first(),
        )
        return context


class TextPage(SitePage):
    """A page of plain text."""

    introduction = models.TextField(_("introduction"), blank=True)
    body = StreamField(TextBody(), verbose_name=_("text"))
    in_footer = models.BooleanField(_("link in the footer"), default=False)

    content_panels = [*SitePage.content_panels, FieldPanel("introduction"), FieldPanel("body")]
    promote_panels = [*SitePage.promote_panels, FieldPanel("in_footer")]
    parent_page_types = ["cms.HomePage"]
    subpage_types = []
    template = "cms/text.html"

    class Meta:
        verbose_name = _("page of text")
        verbose_name_plural = _("pages of text")
