"""Public addresses of the coalition itself, under the language prefix."""

from django.urls import path

from coalition.views import preferences, signing

urlpatterns = [
    path("sign/<str:token>/", signing.sign, name="sign"),
    path("sign/<str:token>/recorded/", signing.recorded, name="sign_recorded"),
    path("sign/<str:token>/withdraw/", signing.withdraw, name="sign_withdraw"),
    path("sign/<str:token>/new-link/", signing.renew, name="sign_renew"),
    path("preferences/", preferences.link, name="preferences_link"),
    path("preferences/<str:token>/", preferences.page, name="preferences"),
    path("preferences/<str:token>/stop/", preferences.stop, name="preferences_stop"),
]
