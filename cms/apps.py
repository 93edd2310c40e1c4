"""The app of the public site, and its ears for pages that appear, move or go."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CmsConfig(AppConfig):
    name = "cms"
    verbose_name = _("Public site")

    def ready(self):
        from cms import receivers  # noqa: F401
