"""Public addresses of campaigns, under the language prefix."""

from django.urls import path
from django.utils.translation import gettext_lazy as _

from campaigns.views import subscribing

app_name = "campaigns"
urlpatterns = [
    path(_("get-updates/"), subscribing.subscribe, name="subscribe"),
    path(_("get-updates/sent/"), subscribing.subscribed, name="subscribed"),
    path(_("get-updates/<str:token>/"), subscribing.confirm_subscription, name="confirm_subscription"),
]
