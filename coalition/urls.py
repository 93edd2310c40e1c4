"""Every address of the site. Upper apps are named by string only."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.conf.urls.static import static
from django.http import Http404
from django.urls import include, path, re_path
from django.views.defaults import page_not_found
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.documents import urls as wagtaildocs_urls

from coalition.views import health, logos

urlpatterns = [
    path("", include("campaigns.front_urls")),
    path("", include("cms.root_urls")),
    path("healthz", health.healthz, name="healthz"),
    path("logos/<int:pk>-<slug:mark>.png", logos.logo, name="logo"),
    # The localize editor's list of snippets asks for no permission, and people are kept as snippets.
    re_path(r"^admin/localize/api/snippets/(?:coalition|campaigns)/", page_not_found, {"exception": Http404()}),
    path("admin/login/", include("coalition.sign_in_urls")),
    path("admin/", include(wagtailadmin_urls)),
    path("documents/", include(wagtaildocs_urls)),
    path("webhooks/", include("campaigns.webhook_urls")),
    path("u/", include("campaigns.unsubscribe_urls")),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
urlpatterns += i18n_patterns(
    path("demo/", include("campaigns.demo_urls")),
    path("", include("coalition.public_urls")),
    path("", include("campaigns.urls")),
    path("", include("cms.urls")),
)
