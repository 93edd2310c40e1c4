"""Addresses before any language: the doorway, the links of our letters, and their picture."""

from django.urls import path

from campaigns.views import demo, following, opening

urlpatterns = [
    path("", demo.front, name="doorway"),
    path("l/<int:number>.<str:token>", following.follow, name="follow"),
    path("o/<str:token>.gif", opening.picture, name="picture"),
]
