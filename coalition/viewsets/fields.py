"""The coalition's own fields in the back office: among the settings."""

from django.urls import path, re_path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.forms.defining import FieldForm
from coalition.models import CustomField
from coalition.views import fields


class FieldViewSet(ModelViewSet):
    model = CustomField
    name = "fields"
    icon = "form"
    menu_label = _("Fields")
    menu_order = 20
    add_to_settings_menu = True
    add_to_reference_index = False
    copy_view_enabled = False

    def get_form_class(self, for_update=False):
        return FieldForm

    def get_urlpatterns(self):
        here = "<int:pk>/"
        return [
            path("", self.construct_view(fields.FieldsIndex), name="index"),
            path("add/", self.construct_view(fields.AddField), name="add"),
            path(here, self.construct_view(fields.EditField), name="edit"),
            path(f"{here}count/", self.construct_view(fields.FieldCount), name="count"),
            path(f"{here}retire/", self.construct_view(fields.RetireField), name="retire"),
            path(f"{here}bring-back/", self.construct_view(fields.BringBackField), name="bring_back"),
            re_path(r"^(?P<pk>\d+)/(?P<way>up|down)/$", self.construct_view(fields.MoveField), name="move"),
            path(f"{here}delete/", self.construct_view(fields.DeleteField), name="delete"),
            path("history/<int:pk>/", self.history_view, name="history"),
            path("history-results/<int:pk>/", self.history_results_view, name="history_results"),
        ]
