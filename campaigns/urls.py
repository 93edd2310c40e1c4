"""Public addresses of campaigns, under the language prefix."""

from django.urls import include, path
from django.utils.translation import gettext_lazy as _

from campaigns.views import archiving, registrations, subscribing

app_name = "campaigns"
register = [
    path("", registrations.register, name="register"),
    path("done/", registrations.registered, name="registered"),
]
registration = [
    path("", registrations.registration, name="registration"),
    path("webinar.ics", registrations.registration_calendar, name="registration_calendar"),
    path(_("change/"), registrations.change, name="registration_change"),
    path(_("cancel/"), registrations.cancel, name="registration_cancel"),
    path("again/", registrations.register_again, name="registration_again"),
    path("news/", registrations.confirm_news, name="registration_news"),
]
urlpatterns = [
    path(_("register/<uuid:uid>/"), include(register)),
    path(_("registration/<str:nonce>/"), include(registration)),
    path("webinar/<uuid:uid>.ics", registrations.calendar, name="calendar"),
    path(_("alerts/"), archiving.alerts, name="alerts"),
    path(_("alerts/<int:pk>/"), archiving.alert, name="alert"),
    path(_("get-updates/"), subscribing.subscribe, name="subscribe"),
    path(_("get-updates/sent/"), subscribing.subscribed, name="subscribed"),
    path(_("get-updates/<str:token>/"), subscribing.confirm_subscription, name="confirm_subscription"),
]
