"""The app of who is in the coalition: its checks, and its roles after every migration."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CoalitionConfig(AppConfig):
    name = "coalition"
    verbose_name = _("Coalition")

    def ready(self):
        from coalition import checks, custom_criteria, receivers  # noqa: F401

        post_migrate.connect(_ensure_roles, dispatch_uid="coalition.accounts.ensure_roles")


def _ensure_roles(sender, **kwargs):
    """After the last app, when every permission and the root page exist."""
    if sender == [app for app in apps.get_app_configs() if app.models_module][-1]:
        from coalition import accounts, audit

        with audit.acting(origin="migrate"):
            accounts.ensure_roles()
