"""Campaigns in the back office."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from campaigns.forms.campaigns import CampaignForm
from campaigns.models import Campaign
from campaigns.views import campaigns
from coalition.viewsets.rooms import Room


class CampaignViewSet(Room, ModelViewSet):
    model = Campaign
    name = "campaigns"
    url_namespace = "backoffice_campaigns"  # "campaigns" are the public addresses
    icon = "thumbtack"
    menu_label = _("Campaigns")
    menu_order = 155
    search_fields = ["name", "bill"]
    index_view_class = campaigns.CampaignsIndex
    inspect_view_class = campaigns.CampaignPage
    delete_view_class = campaigns.Delete
    own = ("inspect",)

    def get_form_class(self, for_update=False):
        return CampaignForm
