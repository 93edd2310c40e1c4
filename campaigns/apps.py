"""The app of what the coalition does: its criteria for segments, what it holds about people."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = _("Campaigns")

    def ready(self):
        from campaigns import criteria, holdings  # noqa: F401
