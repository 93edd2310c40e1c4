"""The demo's rooms, under the language prefix. Outside the demo each of them is a 404."""

from django.urls import path

from campaigns.views import demo

app_name = "demo"
urlpatterns = [
    path("enter/<slug:role>/", demo.enter, name="enter"),
    path("phone/", demo.phones, name="phones"),
    path("phone/<str:token>/", demo.phone, name="phone"),
    path("phone/<str:token>/thread/", demo.phone_thread, name="phone_thread"),
    path("outbox/", demo.outbox, name="outbox"),
    path("outbox/<int:pk>/", demo.email, name="email"),
    path("outbox/<int:pk>/html/", demo.email_html, name="email_html"),
    path("outbox/<int:pk>/attachments/<int:number>/", demo.email_attachment, name="email_attachment"),
    path("outbox/<int:pk>/act/<slug:act>/", demo.email_act, name="email_act"),
]
