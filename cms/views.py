"""Doors of the public site that are not pages, and the editors' door to freezing."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.generic import FormView
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin

from cms import freezing, navigation
from cms.forms import FreezeForm
from cms.models import BriefPage
from coalition.models import Installation
from coalition.quilt import quilt_svg
from coalition.tasks import send_notices


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


class FreezeView(WagtailAdminTemplateMixin, FormView):
    """Show what would be frozen in each language and what differs from the newest version; freeze it."""

    form_class = FreezeForm
    template_name = "cms/admin/freeze.html"
    header_icon = "lock"

    def dispatch(self, request, *args, **kwargs):
        if not self.page.permissions_for_user(request.user).can_publish():
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def page(self):
        return get_object_or_404(BriefPage.objects.select_related("publication"), pk=self.kwargs["pk"])

    @cached_property
    def version(self):
        return self.page.publication and self.page.publication.current_version

    @cached_property
    def texts(self):
        return freezing.texts_of(self.page)

    @cached_property
    def missing(self):
        return freezing.missing(self.page, self.texts)

    def get_page_title(self):
        return _("Freeze for signing")

    def get_breadcrumbs_items(self):
        return [
            {"url": reverse("wagtailadmin_home"), "label": _("Home")},
            {
                "url": reverse("wagtailadmin_pages:edit", args=[self.page.pk]),
                "label": self.page.get_admin_display_title(),
            },
            {"url": "", "label": self.get_page_title()},
        ]

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "first": self.version is None}

    def get_context_data(self, **kwargs):
        compared = freezing.compare(self.page, self.texts)
        return super().get_context_data(
            page=self.page,
            version=self.version,
            next_number=self.version.number + 1 if self.version else 1,
            texts=[(code, text, compared and compared[code]) for code, text in sorted(self.texts.items())],
            changed=compared is None or any(s.rows for stretches in compared.values() for s in stretches),
            missing=freezing.why_not(self.missing) if self.missing else "",
            **kwargs,
        )

    def form_valid(self, form):
        try:
            version = freezing.freeze(
                self.page, by=self.request.user, material=form.material, note=form.cleaned_data.get("note", "")
            )
        except ValidationError as why_not:
            form.add_error(None, why_not)
            return self.form_invalid(form)
        send_notices.delay_on_commit()
        messages.success(
            self.request,
            _("“%(title)s” is frozen as version %(number)s.") % {"title": self.page.title, "number": version.number},
        )
        return redirect("publications:inspect", version.publication_id)
