"""Publications in the back office. Their texts are written as pages and frozen there."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import Publication
from coalition.views import publications


class PublicationViewSet(ModelViewSet):
    model = Publication
    name = "publications"
    icon = "doc-full-inverse"
    menu_label = _("Publications")
    menu_order = 140
    add_to_admin_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    inspect_view_enabled = True
    list_per_page = 30
    form_fields = ["kind", "bill"]
    index_view_class = publications.PublicationsIndex
    inspect_view_class = publications.PublicationPage

    def get_common_view_kwargs(self, **kwargs):
        return super().get_common_view_kwargs(
            **{
                **dict.fromkeys(
                    ("add_url_name", "edit_url_name", "delete_url_name", "history_url_name", "usage_url_name")
                ),
                **kwargs,
            }
        )

    def get_index_view_kwargs(self, **kwargs):
        return super().get_index_view_kwargs(search_fields=["title", "bill"], **kwargs)

    def get_inspect_view_kwargs(self, **kwargs):
        return {}

    def get_urlpatterns(self):
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("inspect/<int:pk>/", self.inspect_view, name="inspect"),
        ]

    def register_admin_url_finder(self):
        """Nothing to find: a publication has no form of its own."""
