"""Addresses that machines look for at the root, without a language."""

from django.urls import path

from cms import views

urlpatterns = [
    path("favicon.ico", views.icon),
    path("robots.txt", views.robots, name="robots"),
    path("sitemap.xml", views.sitemap, name="sitemap"),
]
