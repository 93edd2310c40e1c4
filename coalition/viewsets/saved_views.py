"""Saved views of the lists: pages to keep, change and delete one; the lists themselves show them."""

from django.urls import path
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import SavedView
from coalition.views import saved_views


class SavedViewViewSet(ModelViewSet):
    model = SavedView
    name = "saved_views"
    url_prefix = "views"
    icon = "view"
    add_to_reference_index = False
    form_fields = ["name"]

    def get_common_view_kwargs(self, **kwargs):
        return {"permission_policy": self.permission_policy}

    def get_urlpatterns(self):
        return [
            path("add/", self.construct_view(saved_views.SaveView), name="add"),
            path("<int:pk>/", self.construct_view(saved_views.ChangeView), name="change"),
            path("<int:pk>/delete/", self.construct_view(saved_views.DeleteView), name="delete"),
        ]

    def register_admin_url_finder(self):
        """There is no page of one view to find: it is a tab of its list."""
