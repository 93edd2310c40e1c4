"""Imports in the back office: a path from the file to the report. Nothing of it is edited or deleted by hand."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import Import
from coalition.views.imports import following, listing, steps
from coalition.viewsets.rooms import Room


class ImportViewSet(Room, ModelViewSet):
    model = Import
    name = "imports"
    icon = "upload"
    menu_label = _("Imports")
    menu_order = 130
    form_fields = []
    index_view_class = listing.ImportsIndex
    add_view_class = steps.Upload
    inspect_view_class = following.ImportPage
    own = ("index", "add", "inspect")
    without = ("edit", "delete", "history", "usage")

    def get_urlpatterns(self):
        about_one = {
            "columns": steps.Columns,
            "reading": steps.Reading,
            "apply": steps.Apply,
            "preview": steps.Preview,
            "start": steps.Start,
            "cancel": steps.Cancel,
            "progress": following.Progress,
            "report": following.Report,
            "undo": following.Undo,
        }
        here = "inspect/<int:pk>/"
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("add/", self.add_view, name="add"),
            path("saved/", self.construct_view(listing.Saved), name="saved"),
            path(here, self.inspect_view, name="inspect"),
            *(path(f"{here}{name}/", self.construct_view(view), name=name) for name, view in about_one.items()),
        ]

    def register_admin_url_finder(self):
        """There is no edit page to find."""
