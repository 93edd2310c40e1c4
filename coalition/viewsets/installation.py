"""The installation in the back office: one row, so one page."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.forms.installation import InstallationForm
from coalition.models import Installation
from coalition.views.installation import EditInstallation


class InstallationViewSet(ModelViewSet):
    model = Installation
    name = "coalition_settings"
    url_prefix = "coalition-settings"
    icon = "cogs"
    menu_label = _("Coalition settings")
    menu_order = 10
    add_to_settings_menu = True
    add_to_reference_index = False

    def get_form_class(self, for_update=False):
        return InstallationForm

    def get_urlpatterns(self):
        return [path("", self.construct_view(EditInstallation), name="index")]
