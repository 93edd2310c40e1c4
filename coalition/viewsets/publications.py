"""Publications in the back office: written here or as a page, frozen, compared, shown."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import Publication
from coalition.views.publications import comparing, freezing, listing, page, showing, writing
from coalition.viewsets.rooms import Room


class PublicationViewSet(Room, ModelViewSet):
    model = Publication
    name = "publications"
    icon = "doc-full-inverse"
    menu_label = _("Publications")
    menu_order = 140
    form_fields = ["kind", "bill"]
    index_view_class = listing.PublicationsIndex
    add_view_class = writing.AddPublication
    inspect_view_class = page.PublicationPage
    search_fields = ["title", "bill"]
    own = ("add", "inspect")
    without = ("edit", "delete", "history", "usage")

    def get_urlpatterns(self):
        here = "inspect/<int:pk>/"
        views = [
            ("write/", writing.WritePublication, "write"),
            ("settings/", writing.EditSettings, "settings"),
            ("preview/", writing.PreviewPublication, "preview"),
            ("freeze/", freezing.FreezePublication, "freeze"),
            ("compare/", comparing.ComparePublication, "compare"),
            ("versions/<int:number>/", page.VersionPage, "version"),
            ("show/", showing.ShowPublication, "show"),
            ("take-down/", showing.TakeDownPublication, "take_down"),
        ]
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("add/", self.add_view, name="add"),
            path(here, self.inspect_view, name="inspect"),
            *(path(f"{here}{route}", self.construct_view(view), name=name) for route, view, name in views),
        ]

    def register_admin_url_finder(self):
        """Nothing to find: a publication is not edited by Wagtail's own form."""
