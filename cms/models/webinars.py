"""Webinars as the public sees them: what, when on which clock, in which languages, and whether there is a seat left."""

from django.db import models
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel
from wagtail.fields import StreamField
from wagtail.models import PageManager, PageQuerySet

from campaigns.models import Registration, Webinar
from cms.blocks import TextBody

from .base import SitePage


class WebinarIndexPage(SitePage):
    """What comes, soonest first, and what has been."""

    introduction = models.TextField(_("introduction"), blank=True)

    content_panels = [*SitePage.content_panels, FieldPanel("introduction")]
    parent_page_types = ["cms.HomePage"]
    subpage_types = ["cms.WebinarPage"]
    template = "cms/webinars.html"

    class Meta:
        verbose_name = _("list of webinars")
        verbose_name_plural = _("lists of webinars")

    def get_context(self, request, *args, **kwargs):
        context = super().get_context(request, *args, **kwargs)
        pages = WebinarPage.objects.live().child_of(self)
        context.update(webinars=pages.upcoming(), past=pages.past()[:20])
        return context


class WebinarPageQuerySet(PageQuerySet):
    def with_seats(self):
        taken = Count("webinar__registrations", filter=Q(webinar__registrations__state=Registration.State.REGISTERED))
        return self.select_related("webinar").annotate(seats_taken=taken)

    def upcoming(self):
        """Soonest first, those that were cancelled among them: people who planned to come must see it."""
        return self.filter(webinar__ends_at__gt=timezone.now()).with_seats().order_by("webinar__starts_at", "pk")

    def past(self):
        return (
            self.filter(webinar__ends_at__lte=timezone.now(), webinar__cancelled_at=None)
            .with_seats()
            .order_by("-webinar__starts_at", "-pk")
        )


class WebinarPage(SitePage):
    """A webinar in one language. Times, seats and interpretation are the webinar's own."""

    webinar = models.ForeignKey(Webinar, models.PROTECT, related_name="pages")
    summary = models.TextField(_("summary"), max_length=400)
    host = models.CharField(_("who hosts it"), max_length=250, blank=True)
    body = StreamField(TextBody(), verbose_name=_("text"), blank=True)

    objects = PageManager.from_queryset(WebinarPageQuerySet)()

    content_panels = [
        *SitePage.content_panels,
        FieldPanel("webinar"),
        FieldPanel("summary"),
        FieldPanel("host"),
        FieldPanel("body"),
    ]
    parent_page_types = ["cms.WebinarIndexPage"]
    subpage_types = []
    template = "cms/webinar.html"

    class Meta:
        verbose_name = _("webinar page")
        verbose_name_plural = _("webinar pages")

    @property
    def seats_left(self):
        """None when there is no limit."""
        if self.webinar.capacity is None:
            return None
        taken = self.__dict__.get("seats_taken")
        return max(0, self.webinar.capacity - (self.webinar.seats_taken if taken is None else taken))

    @property
    def state(self):
        """One word for the template: cancelled, over, full or open."""
        if self.webinar.cancelled_at:
            return "cancelled"
        if self.webinar.is_over:
            return "over"
        return "full" if self.seats_left == 0 else "open"

    @property
    def details(self):
        """The languages and services of the webinar, each as words."""
        said = [
            self.webinar.get_language_display(),
            self.webinar.spanish_interpretation and _("Spanish interpretation"),
            self.webinar.asl_interpretation and _("ASL interpretation"),
            self.webinar.captions and _("Captions"),
        ]
        return [capfirst(words) for words in said if words]

    def get_context(self, request, *args, **kwargs):
        context = super().get_context(request, *args, **kwargs)
        context["back"] = self.get_parent()
        return context
