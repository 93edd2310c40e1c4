"""The public site: Wagtail serves every page below the language prefix."""

from django.urls import include, path
from wagtail import urls as wagtail_urls

from cms import views

urlpatterns = [
    path("icon.svg", views.icon, name="icon"),
    path("", include(wagtail_urls)),
]
