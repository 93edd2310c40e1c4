"""What the coalition adds to Wagtail's admin: its look, its menu, its screens."""

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from coalition.viewsets.publications import PublicationViewSet
from coalition.viewsets.rounds import RoundViewSet


@hooks.register("insert_global_admin_css")
def backoffice_look():
    return format_html('<link rel="stylesheet" href="{}">', static("coalition/backoffice.css"))


@hooks.register("register_admin_viewset")
def sign_on_viewsets():
    return [PublicationViewSet(), RoundViewSet()]


@hooks.register("register_log_actions")
def sign_on_log_actions(actions):
    actions.register_action("coalition.open_round", _("Open"), _("Round opened"))
    actions.register_action("coalition.invite", _("Invite"), _("Partners invited"))
    actions.register_action("coalition.remind", _("Remind"), _("Partners reminded"))
    actions.register_action("coalition.move_deadline", _("Change the deadline"), _("Deadline changed"))
    actions.register_action("coalition.settle", _("Settle"), _("Late signature settled"))
    actions.register_action("coalition.close_round", _("Close"), _("Round closed"))
