"""Conversations in the back office: read, answered and settled; never written or deleted by hand."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from campaigns.models import Conversation
from campaigns.views import conversations


class ConversationViewSet(ModelViewSet):
    model = Conversation
    name = "conversations"
    icon = "comment"
    menu_label = _("Conversations")
    menu_order = 170
    add_to_admin_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    inspect_view_enabled = True
    form_fields = []
    list_per_page = 30
    index_view_class = conversations.ConversationsIndex
    inspect_view_class = conversations.ConversationPage

    def get_common_view_kwargs(self, **kwargs):
        nothing = dict.fromkeys(
            ("add_url_name", "edit_url_name", "delete_url_name", "history_url_name", "usage_url_name")
        )
        return super().get_common_view_kwargs(**nothing, **kwargs)

    def get_inspect_view_kwargs(self, **kwargs):
        return {}

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
