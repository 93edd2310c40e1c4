"""Organizations in the back office."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.forms.organizations import OrganizationForm
from coalition.models import Organization
from coalition.views import organizations


class OrganizationViewSet(ModelViewSet):
    model = Organization
    name = "organizations"
    icon = "group"
    menu_label = _("Organizations")
    menu_order = 110
    add_to_admin_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    inspect_view_enabled = True
    list_per_page = 50
    index_view_class = organizations.OrganizationsIndex
    add_view_class = organizations.AddOrganization
    edit_view_class = organizations.EditOrganization
    inspect_view_class = organizations.OrganizationPage

    def get_form_class(self, for_update=False):
        return OrganizationForm

    def get_common_view_kwargs(self, **kwargs):
        return super().get_common_view_kwargs(delete_url_name=None, usage_url_name=None, **kwargs)

    def get_index_view_kwargs(self, **kwargs):
        kwargs = super().get_index_view_kwargs(**kwargs)
        return {key: value for key, value in kwargs.items() if not key.endswith("template_name")}

    def get_add_view_kwargs(self, **kwargs):
        return {}

    def get_edit_view_kwargs(self, **kwargs):
        return {}

    def get_inspect_view_kwargs(self, **kwargs):
        return {}

    def get_urlpatterns(self):
        here = "inspect/<int:pk>/"
        add, edit, remove = (
            self.construct_view(view)
            for view in (
                organizations.AddRepresentative,
                organizations.EditRepresentative,
                organizations.RemoveRepresentative,
            )
        )
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("add/", self.add_view, name="add"),
            path(here, self.inspect_view, name="inspect"),
            path(f"{here}edit/", self.edit_view, name="edit"),
            path(f"{here}note/", self.construct_view(organizations.AddNote), name="note"),
            path(f"{here}representatives/add/", add, name="add_representative"),
            path(f"{here}representatives/<int:representative_pk>/", edit, name="representative"),
            path(f"{here}representatives/<int:representative_pk>/remove/", remove, name="remove"),
            path("history/<int:pk>/", self.history_view, name="history"),
            path("history-results/<int:pk>/", self.history_results_view, name="history_results"),
        ]
