"""The audit in the back office: among the settings, for administrators."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import AuditLine
from coalition.views import audit


class AuditViewSet(ModelViewSet):
    model = AuditLine
    name = "audit"
    url_prefix = "audit"
    icon = "list-ul"
    menu_label = _("Audit")
    menu_order = 710
    add_to_settings_menu = True
    add_to_reference_index = False
    form_fields = []

    def get_urlpatterns(self):
        return [
            path("", audit.Audit.as_view(), name="index"),
            path("file/", audit.AuditFile.as_view(), name="file"),
        ]
