"""Addresses of a partner's desk, below `desk/`."""

from django.urls import path

from coalition.views import desk

urlpatterns = [
    path("<str:token>/", desk.home, name="desk"),
    path("<str:token>/decisions/", desk.history, name="desk_history"),
    path("<str:token>/prove/", desk.prove, name="desk_prove"),
]
