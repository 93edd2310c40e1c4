"""What campaigns add to Wagtail's admin: their screens, and what is written into its log."""

from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from campaigns.views import missing
from campaigns.viewsets import home
from campaigns.viewsets.campaigns import CampaignViewSet
from campaigns.viewsets.conversations import ConversationViewSet
from campaigns.viewsets.messages import MessageViewSet
from campaigns.viewsets.pacing import PaceViewSet, QuietDayViewSet, WarmUpViewSet
from campaigns.viewsets.series import SeriesViewSet
from campaigns.viewsets.text_programme import KeywordViewSet, ReplyTemplateViewSet
from campaigns.viewsets.webinars import WebinarViewSet
from coalition.views.people.person import PANELS_HOOK


@hooks.register("register_admin_viewset")
def viewsets():
    return [
        CampaignViewSet(),
        MessageViewSet(),
        SeriesViewSet(),
        ConversationViewSet(),
        WebinarViewSet(),
        KeywordViewSet(),
        ReplyTemplateViewSet(),
        QuietDayViewSet(),
        PaceViewSet(),
        WarmUpViewSet(),
    ]


@hooks.register("construct_homepage_panels")
def what_waits(request, panels):
    kinds = (home.ApprovalsPanel, home.TextsPanel, home.UncertainPanel, home.MessagesPanel, home.WebinarsPanel)
    panels += [kind(request) for kind in kinds]


@hooks.register(PANELS_HOOK)
def what_somebody_did_not_get(person, user):
    return missing.panels(person, user)


@hooks.register("register_log_actions")
def log_actions(actions):
    actions.register_action("campaigns.waive", _("Waive"), _("A check waived, or the waiver taken back"))
    actions.register_action("campaigns.ask_approval", _("Ask for approval"), _("A colleague asked to read it"))
    actions.register_action("campaigns.approve", _("Approve"), _("Approved by a second reader"))
    actions.register_action("campaigns.send_back", _("Send back"), _("Sent back by a second reader"))
    actions.register_action("campaigns.send", _("Send"), _("Sending started"))
    actions.register_action("campaigns.schedule", _("Plan"), _("Sending planned"))
    actions.register_action("campaigns.undo", _("Undo"), _("Sending undone before it began"))
    actions.register_action("campaigns.pause", _("Pause"), _("Sending paused"))
    actions.register_action("campaigns.resume", _("Go on sending"), _("Sending went on"))
    actions.register_action("campaigns.cancel", _("Cancel"), _("Sending cancelled"))
    actions.register_action("campaigns.settle", _("Settle"), _("Uncertain delivery settled"))
    actions.register_action("campaigns.export", _("Export"), _("Ledger exported"))
    actions.register_action("campaigns.answer", _("Answer"), _("Request answered"))
    actions.register_action("campaigns.call_off", _("Call off"), _("Webinar called off"))
    actions.register_action("campaigns.cancel_registration", _("Cancel"), _("Registration cancelled"))
    actions.register_action("campaigns.export_registrations", _("Export"), _("Registrations exported"))
