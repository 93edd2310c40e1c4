"""Where providers knock: no language prefix, no session."""

from django.urls import include, path

urlpatterns = [
    path("anymail/", include("anymail.urls")),
]
