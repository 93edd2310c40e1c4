"""Where mail programs post a one-click unsubscribe (RFC 8058): no language prefix, no cookie."""

from django.urls import path

from campaigns.views import unsubscribing

urlpatterns = [
    path("<str:token>/", unsubscribing.one_click, name="one_click"),
]
