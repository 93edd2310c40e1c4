"""Imports in the back office: a path from the file to the report. Nothing of it is edited or deleted by hand."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import Import
from coalition.views.imports import following, listing, steps


class ImportViewSet(ModelViewSet):
    model = Import
    name = "imports"
    icon = "upload"
    menu_label = _("Imports")
    menu_order = 130
    add_to_admin_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    inspect_view_enabled = True
    form_fields = []
    list_per_page = 30
    index_view_class = listing.ImportsIndex
    add_view_class = steps.Upload
    inspect_view_class = following.ImportPage

    def get_common_view_kwargs(self, **kwargs):
        nothing = dict.fromkeys(("edit_url_name", "delete_url_name", "history_url_name", "usage_url_name"))
        return super().get_common_view_kwargs(**nothing, **kwargs)

    def get_index_view_kwargs(self, **kwargs):
        kwargs = super().get_index_view_kwargs(**kwargs)
        return {key: value for key, value in kwargs.items() if not key.endswith("template_name")}

    def get_add_view_kwargs(self, **kwargs):
        return {}

    def get_inspect_view_kwargs(self, **kwargs):
        return {}

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
