"""Segments in the back office."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import Segment
from coalition.views import segments
from coalition.viewsets.rooms import Room


class SegmentViewSet(Room, ModelViewSet):
    model = Segment
    name = "segments"
    icon = "crosshairs"
    menu_label = _("Segments")
    menu_order = 120
    form_fields = ["name"]
    index_view_class = segments.SegmentsIndex
    add_view_class = segments.Builder
    edit_view_class = segments.EditSegment
    inspect_view_class = segments.SegmentPage
    search_fields = ["name"]
    own = ("index", "add", "edit", "inspect")
    without = ("delete", "usage")

    def get_urlpatterns(self):
        here = "inspect/<int:pk>/"
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("add/", self.add_view, name="add"),
            path("part/", self.construct_view(segments.Part), name="part"),
            path("finding/", self.construct_view(segments.Finding), name="finding"),
            path(here, self.inspect_view, name="inspect"),
            path(f"{here}edit/", self.edit_view, name="edit"),
            path(f"{here}count/", self.construct_view(segments.CountOfSegment), name="count"),
            path(f"{here}delete/", self.construct_view(segments.DeleteSegment), name="delete"),
            path("history/<int:pk>/", self.history_view, name="history"),
            path("history-results/<int:pk>/", self.history_results_view, name="history_results"),
        ]
