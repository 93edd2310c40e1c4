"""Conversations in the back office: read, answered and settled; never written or deleted by hand."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from campaigns.models import Conversation
from campaigns.views import conversations
from coalition.viewsets.rooms import Room


class ConversationViewSet(Room, ModelViewSet):
    model = Conversation
    name = "conversations"
    icon = "comment"
    menu_label = _("Conversations")
    menu_order = 170
    form_fields = []
    index_view_class = conversations.ConversationsIndex
    inspect_view_class = conversations.ConversationPage
    own = ("inspect",)
    without = ("add", "edit", "delete", "history", "usage")

    def get_urlpatterns(self):
        act = {
            "reply": conversations.Reply,
            "stop": conversations.RecordStop,
            "done": conversations.Done,
            "count": conversations.Count,
        }
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("inspect/<int:pk>/", self.inspect_view, name="inspect"),
            path("inspect/<int:pk>/settle/<int:text_pk>/", self.construct_view(conversations.Settle), name="settle"),
            *(path(f"inspect/<int:pk>/{name}/", self.construct_view(view), name=name) for name, view in act.items()),
        ]

    def register_admin_url_finder(self):
        """There is no edit page to find."""
