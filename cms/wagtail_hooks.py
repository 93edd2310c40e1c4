"""What the public site adds to Wagtail's admin: freezing a brief for signing."""

from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.widgets.button import Button

from cms.models import BriefPage
from cms.views import FreezeView


@hooks.register("register_admin_urls")
def admin_urls():
    return [path("briefs/<int:pk>/freeze/", FreezeView.as_view(), name="cms_freeze")]


def _freeze_button(page, user, **kwargs):
    if isinstance(page, BriefPage) and page.permissions_for_user(user).can_publish():
        yield Button(_("Freeze for signing"), reverse("cms_freeze", args=[page.pk]), icon_name="lock", priority=5)


@hooks.register("register_page_header_buttons")
def header_button(page, user, view_name, next_url=None):
    return _freeze_button(page, user)


@hooks.register("register_page_listing_more_buttons")
def listing_button(page, user, next_url=None):
    return _freeze_button(page, user)
