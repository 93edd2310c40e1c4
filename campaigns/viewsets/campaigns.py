"""Campaigns in the back office."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from campaigns.forms.campaigns import CampaignForm
from campaigns.models import Campaign
from campaigns.views import campaigns


class CampaignViewSet(ModelViewSet):
    model = Campaign
    name = "campaigns"
    url_namespace = "backoffice_campaigns"  # "campaigns" are the public addresses
    icon = "thumbtack"
    menu_label = _("Campaigns")
    menu_order = 155
    add_to_admin_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    inspect_view_enabled = True
    list_per_page = 30
    index_view_class = campaigns.CampaignsIndex
    inspect_view_class = campaigns.CampaignPage
    delete_view_class = campaigns.Delete

    def get_form_class(self, for_update=False):
        return CampaignForm

    def get_index_view_kwargs(self, **kwargs):
        return super().get_index_view_kwargs(search_fields=["name", "bill"], **kwargs)

    def get_inspect_view_kwargs(self, **kwargs):
        return {}
