"""Doors of the public site that are not pages, and the editors' door to freezing."""

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.generic import FormView
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin

from cms import freezing, navigation
from cms.models import BriefPage
from coalition.models import Installation
from coalition.quilt import quilt_svg
from coalition.views.publications.freezing import FreezingMixin


@require_safe
@cache_control(public=True, max_age=86400)
def icon(request):
    """The installation's own small quilt, for the browser's tab."""
    return HttpResponse(quilt_svg(Installation.get().digest, 3, 3), content_type="image/svg+xml")


@require_safe
@cache_control(public=True, max_age=86400)
def robots(request):
    """What search engines may read: everything public, and none of the personal pages."""
    lines = ["User-agent: *", "Disallow: /admin/", f"Sitemap: {settings.PUBLIC_URL}{reverse('sitemap')}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=3600)
def sitemap(request):
    """Every published page, each naming its translations and itself (L1)."""
    return render(request, "cms/sitemap.xml", {"pages": navigation.sitemap()}, content_type="application/xml")


class FreezeView(FreezingMixin, WagtailAdminTemplateMixin, FormView):
    """Freeze the text of a page and its translations, drafts included."""

    def dispatch(self, request, *args, **kwargs):
        if not self.page.permissions_for_user(request.user).can_publish():
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def page(self):
        return get_object_or_404(BriefPage.objects.select_related("publication"), pk=self.kwargs["pk"])

    @cached_property
    def version(self):
        publication = self.page.publication
        version = publication and publication.versions.prefetch_related("texts").order_by("-number").first()
        if version:
            version.publication = publication
        return version

    @cached_property
    def texts(self):
        return freezing.texts_of(self.page)

    @cached_property
    def missing(self):
        absent = freezing.missing(self.page, self.texts)
        return freezing.why_not(absent) if absent else ""

    @property
    def edit_url(self):
        return reverse("wagtailadmin_pages:edit", args=[self.page.pk])

    def freeze(self, form):
        return freezing.freeze(self.page, by=self.request.user, **form.judged())

    def get_page_title(self):
        return _("Freeze for signing")

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": self.edit_url, "label": self.page.get_admin_display_title()},
            {"url": "", "label": self.get_page_title()},
        ]

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"subject": self.page.draft_title}
