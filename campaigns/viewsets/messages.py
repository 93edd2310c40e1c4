"""Messages in the back office: the list, and the path from writing to results."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from campaigns.forms.messages import BeginForm
from campaigns.models import Message
from campaigns.views import messages, results


class MessageViewSet(ModelViewSet):
    model = Message
    name = "messages"
    icon = "mail"
    menu_label = _("Messages")
    menu_order = 160
    add_to_admin_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    inspect_view_enabled = True
    list_per_page = 30
    index_view_class = messages.MessagesIndex
    add_view_class = messages.Begin
    edit_view_class = messages.Compose
    delete_view_class = messages.Delete
    inspect_view_class = results.Results

    def get_form_class(self, for_update=False):
        return BeginForm

    def get_add_view_kwargs(self, **kwargs):
        return super().get_add_view_kwargs(template_name=messages.Begin.template_name, **kwargs)

    def get_edit_view_kwargs(self, **kwargs):
        return {}

    def get_inspect_view_kwargs(self, **kwargs):
        return {}

    def get_index_view_kwargs(self, **kwargs):
        return super().get_index_view_kwargs(search_fields=["name"], **kwargs)

    def get_urlpatterns(self):
        return [
            *super().get_urlpatterns(),
            path("<int:pk>/segments/<slug:language>/", self.construct_view(messages.Segments), name="segments"),
            path("<int:pk>/check/", self.construct_view(messages.Check), name="check"),
            path("<int:pk>/preview/", self.construct_view(messages.Preview), name="preview"),
            path("<int:pk>/try/", self.construct_view(messages.TryOut), name="try"),
            path("<int:pk>/waive/", self.construct_view(messages.Waive), name="waive"),
            path("<int:pk>/copy/", self.construct_view(messages.Copy), name="copy"),
            path("<int:pk>/send/", self.construct_view(messages.Send), name="send"),
            path("<int:pk>/progress/", self.construct_view(results.Progress), name="progress"),
            path("<int:pk>/pause/", self.construct_view(results.Steer, act="pause"), name="pause"),
            path("<int:pk>/resume/", self.construct_view(results.Steer, act="resume"), name="resume"),
            path("<int:pk>/cancel/", self.construct_view(results.Cancel), name="cancel"),
            path("<int:pk>/ledger/", self.construct_view(results.Ledger), name="ledger"),
            path("<int:pk>/ledger/<int:delivery>/", self.construct_view(results.Settle), name="settle"),
            path("<int:pk>/ledger.csv", self.construct_view(results.Export), name="export"),
        ]
