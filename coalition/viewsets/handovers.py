"""Delivery records in the back office: entered from a publication or a round, and never changed."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import Handover
from coalition.views import handovers


class HandoverViewSet(ModelViewSet):
    model = Handover
    name = "handovers"
    icon = "mail"
    menu_label = _("Delivery records")
    menu_order = 170
    add_to_admin_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    form_fields = []

    def get_urlpatterns(self):
        return [
            path("", self.construct_view(handovers.Handovers), name="index"),
            path("record/<int:version>/", self.construct_view(handovers.RecordHandover), name="record"),
            path("<int:pk>/", self.construct_view(handovers.HandoverPage), name="inspect"),
            path("<int:pk>/papers/", self.construct_view(handovers.HandoverPapers), name="papers"),
            path("<int:pk>/papers/<int:paper>/", self.construct_view(handovers.Paper), name="paper"),
        ]

    def register_admin_url_finder(self):
        """There is no edit page to find: a delivery record stands as it is."""
