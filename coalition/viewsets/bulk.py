"""What was done to many people at once, and lists of people put together by hand."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import BulkAction, PeopleList
from coalition.views.people import bulk, lists


class BulkActionViewSet(ModelViewSet):
    model = BulkAction
    name = "bulk"
    url_prefix = "many"  # Wagtail has pages of its own below "bulk"
    icon = "history"
    add_to_reference_index = False
    form_fields = ["kind"]
    inspect_view_enabled = True
    list_per_page = 30
    index_view_class = bulk.ActionsIndex

    def get_common_view_kwargs(self, **kwargs):
        return super().get_common_view_kwargs(delete_url_name=None, usage_url_name=None, add_url_name=None, **kwargs)

    def get_index_view_kwargs(self, **kwargs):
        kwargs = super().get_index_view_kwargs(**kwargs)
        return {key: value for key, value in kwargs.items() if not key.endswith("template_name")} | {
            "add_url_name": None,
            "edit_url_name": None,
            "header_icon": self.icon,
        }

    def page(self, view):
        return view.as_view(permission_policy=self.permission_policy)

    def get_urlpatterns(self):
        here = "inspect/<int:pk>/"
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("add/", self.page(bulk.Begin), name="add"),
            path(here, self.page(bulk.ActionPage), name="inspect"),
            path(f"{here}progress/", self.page(bulk.ActionProgress), name="progress"),
            path(f"{here}undo/", self.page(bulk.UndoAction), name="undo"),
        ]

    def register_admin_url_finder(self):
        """There is no edit page to find."""


class ListViewSet(ModelViewSet):
    model = PeopleList
    name = "lists"
    icon = "list-ul"
    menu_label = _("Lists")
    menu_order = 125
    add_to_admin_menu = True
    add_to_reference_index = False
    form_fields = ["name"]
    list_per_page = 50
    index_view_class = lists.ListsIndex

    def get_common_view_kwargs(self, **kwargs):
        return super().get_common_view_kwargs(delete_url_name=None, usage_url_name=None, **kwargs)

    def get_index_view_kwargs(self, **kwargs):
        kwargs = super().get_index_view_kwargs(search_fields=["name"], **kwargs)
        return {key: value for key, value in kwargs.items() if not key.endswith("template_name")}

    def page(self, view):
        return view.as_view(permission_policy=self.permission_policy)

    def get_urlpatterns(self):
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("add/", self.page(lists.AddList), name="add"),
            path("<int:pk>/", self.page(lists.RenameList), name="edit"),
            path("<int:pk>/delete/", self.page(lists.DeleteList), name="delete"),
        ]
