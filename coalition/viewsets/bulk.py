"""What was done to many people at once, and lists of people put together by hand."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import BulkAction, PeopleList
from coalition.views.people import bulk, lists
from coalition.viewsets.rooms import Room


class BulkActionViewSet(Room, ModelViewSet):
    model = BulkAction
    name = "bulk"
    url_prefix = "many"  # Wagtail has pages of its own below "bulk"
    icon = "history"
    add_to_admin_menu = False
    form_fields = ["kind"]
    index_view_class = bulk.ActionsIndex
    own = ("index",)
    without = ("add", "edit", "delete", "usage")

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


class ListViewSet(Room, ModelViewSet):
    model = PeopleList
    name = "lists"
    icon = "list-ul"
    menu_label = _("Lists")
    menu_order = 125
    form_fields = ["name"]
    inspect_view_enabled = False
    list_per_page = 50
    index_view_class = lists.ListsIndex
    search_fields = ["name"]
    own = ("index",)
    without = ("delete", "usage")

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
