"""Duplicates in the back office: the queue, the merge, and the list of what was merged."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import Lookalike
from coalition.views import duplicates, merges


class DuplicatesViewSet(ModelViewSet):
    model = Lookalike
    name = "duplicates"
    icon = "group"
    menu_label = _("Duplicates")
    menu_order = 135
    add_to_admin_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    form_fields = []

    def get_urlpatterns(self):
        views = {
            "": (duplicates.Queue, "index"),
            "search/": (duplicates.Search, "search"),
            "search/progress/": (duplicates.Progress, "progress"),
            "rule/": (duplicates.Rule, "rule"),
            "compare/": (merges.Compare, "compare"),
            "compare/find/": (merges.Find, "find"),
            "compare/preview/": (merges.Preview, "preview"),
            "merges/": (merges.Merges, "merges"),
            "merges/<int:pk>/": (merges.MergePage, "merged"),
            "merges/<int:pk>/undo/": (merges.Undo, "undo"),
        }
        return [
            *(path(route, self.construct_view(view), name=name) for route, (view, name) in views.items()),
            path("<int:pk>/apart/", self.construct_view(duplicates.Decide), name="apart"),
            path("<int:pk>/again/", self.construct_view(duplicates.Decide, again=True), name="again"),
        ]

    def register_admin_url_finder(self):
        """There is no edit page to find."""
