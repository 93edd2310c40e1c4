"""Exports in the back office: a file leaves from a list; the record of files stands among the reports."""

from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.model import ModelViewSet

from coalition import accounts
from coalition.models import Export
from coalition.views import exports


class ExportViewSet(ModelViewSet):
    model = Export
    name = "exports"
    icon = "download"
    add_to_admin_menu = False
    add_to_reference_index = False
    copy_view_enabled = False
    form_fields = []

    def get_urlpatterns(self):
        return [
            path("", self.construct_view(exports.Exports), name="index"),
            path("people/", self.construct_view(exports.ExportPeople), name="people"),
            path("organizations/", self.construct_view(exports.ExportOrganizations), name="organizations"),
            path("signatures/<int:version>/", self.construct_view(exports.ExportSignatures), name="signatures"),
        ]

    def register_admin_url_finder(self):
        """There is no edit page to find."""


class ExportsMenuItem(MenuItem):
    def __init__(self):
        super().__init__(_("Exports"), reverse("exports:index"), name="exports", icon_name="download", order=300)

    def is_shown(self, request):
        return request.user.has_perm("coalition.view_export") and accounts.sees_people(request.user)
