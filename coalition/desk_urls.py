"""Addresses of a partner's desk, below `desk/`."""

from django.urls import path

from coalition.views import desk, signing, ways_in

urlpatterns = [
    path("", ways_in.way_in, name="desk_way_in"),
    path("<str:token>/", desk.home, name="desk"),
    path("<str:token>/texts/<int:pk>/", desk.text, name="desk_text"),
    path("<str:token>/decisions/", desk.history, name="desk_history"),
    path("<str:token>/decisions/<int:pk>/certificate/", signing.desk_certificate, name="desk_certificate"),
    path("<str:token>/prove/", ways_in.prove, name="desk_prove"),
    path("<str:token>/device.svg", ways_in.device, name="desk_device"),
    path("<str:token>/new-link/", ways_in.renew, name="desk_renew"),
    path("<str:token>/close-links/", ways_in.make_useless, name="desk_make_useless"),
]
