"""Webinars in the back office: the list, the form, who comes and what they need."""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from campaigns.forms.webinars import WebinarForm
from campaigns.models import Registration, Webinar
from campaigns.views import webinars
from coalition.viewsets.rooms import Room


class WebinarViewSet(Room, ModelViewSet):
    model = Webinar
    name = "webinars"
    icon = "calendar-alt"
    menu_label = _("Webinars")
    menu_order = 180
    search_fields = ["title"]
    index_view_class = webinars.WebinarsIndex
    add_view_class = webinars.Plan
    edit_view_class = webinars.Edit
    delete_view_class = webinars.Delete
    inspect_view_class = webinars.WebinarDetail
    own = ("inspect",)

    def get_form_class(self, for_update=False):
        return WebinarForm

    def get_permissions_to_register(self):
        """Registrations have a screen here and nowhere else, so their permissions are given here too."""
        return super().get_permissions_to_register() | Permission.objects.filter(
            content_type=ContentType.objects.get_for_model(Registration), codename__regex="^(view|change)_"
        )

    def get_urlpatterns(self):
        return [
            *super().get_urlpatterns(),
            path("<int:pk>/registrations.csv", self.construct_view(webinars.Export), name="export"),
            path("<int:pk>/call-off/", self.construct_view(webinars.CallOff), name="call_off"),
            path("<int:pk>/answer/", self.construct_view(webinars.AnswerAll), name="answer_all"),
            path("<int:pk>/registrations/<int:registration>/", self.construct_view(webinars.Answer), name="answer"),
            path(
                "<int:pk>/registrations/<int:registration>/cancel/",
                self.construct_view(webinars.CancelRegistration),
                name="cancel_registration",
            ),
        ]
