"""The door of the back office, in front of Wagtail's own: a password, and a code where one is owed."""

from django.urls import path

from coalition.views import signing_in

urlpatterns = [
    path("", signing_in.SignIn.as_view(), name="wagtailadmin_login"),
    path("code/", signing_in.code, name="sign_in_code"),
    path("set-up/", signing_in.set_up, name="sign_in_set_up"),
]
