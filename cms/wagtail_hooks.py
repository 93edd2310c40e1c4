"""What the public site adds to Wagtail's admin: freezing a brief for signing."""

from django.conf import settings
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.widgets.button import Button

from cms.models import BriefPage
from cms.views import FreezeView
from coalition import languages


@hooks.register("register_admin_urls")
def admin_urls():
    return [path("briefs/<int:pk>/freeze/", FreezeView.as_view(), name="cms_freeze")]


def _freeze_button(page, user, **kwargs):
    if isinstance(page, BriefPage) and page.permissions_for_user(user).can_publish():
        yield Button(_("Freeze for signing"), reverse("cms_freeze", args=[page.pk]), icon_name="lock", priority=5)


@hooks.register("publication_text_buttons")
def publication_buttons(publication, user):
    """Where the text of a publication is written, for its page in the back office."""
    for page in BriefPage.objects.filter(publication=publication).select_related("locale").order_by("locale_id"):
        if page.permissions_for_user(user).can_edit():
            language = languages.own_name(page.locale.language_code)
            yield Button(
                _("Write the text (%(language)s)") % {"language": language},
                reverse("wagtailadmin_pages:edit", args=[page.pk]),
                icon_name="edit",
            )
    source = BriefPage.objects.filter(publication=publication, locale__language_code=settings.LANGUAGE_CODE).first()
    if source:
        yield from _freeze_button(source, user)


@hooks.register("register_page_header_buttons")
def header_button(page, user, view_name, next_url=None):
    return _freeze_button(page, user)


@hooks.register("register_page_listing_more_buttons")
def listing_button(page, user, next_url=None):
    return _freeze_button(page, user)
