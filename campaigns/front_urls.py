"""The bare address of the site, before any language."""

from django.urls import path

from campaigns.views import demo

urlpatterns = [path("", demo.front, name="doorway")]
