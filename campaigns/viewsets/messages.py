"""Messages in the back office: the list, and the path from writing to results."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from campaigns.forms.messages import BeginForm
from campaigns.models import Message
from campaigns.views import checking, message_list, messages, previewing, results, sending, splitting
from coalition.viewsets.rooms import Room


class MessageViewSet(Room, ModelViewSet):
    model = Message
    name = "messages"
    icon = "mail"
    menu_label = _("Messages")
    menu_order = 160
    search_fields = ["name"]
    index_view_class = message_list.MessagesIndex
    add_view_class = messages.Begin
    edit_view_class = messages.Compose
    delete_view_class = messages.Delete
    inspect_view_class = results.Results
    own = ("edit", "inspect")

    def get_form_class(self, for_update=False):
        return BeginForm

    def get_urlpatterns(self):
        return [
            *super().get_urlpatterns(),
            path("<int:pk>/segments/<slug:language>/", self.construct_view(previewing.Segments), name="segments"),
            path("<int:pk>/check/", self.construct_view(checking.Check), name="check"),
            path("<int:pk>/check/links/", self.construct_view(checking.Links), name="links"),
            path("<int:pk>/check/ask/", self.construct_view(checking.Ask), name="ask"),
            path("<int:pk>/check/answer/", self.construct_view(checking.Answer), name="answer"),
            path("<int:pk>/preview/", self.construct_view(previewing.Preview), name="preview"),
            path("<int:pk>/try/", self.construct_view(previewing.TryOut), name="try"),
            path("<int:pk>/waive/", self.construct_view(checking.Waive), name="waive"),
            path("<int:pk>/copy/", self.construct_view(messages.Copy), name="copy"),
            path("<int:pk>/test/", self.construct_view(splitting.Test), name="test"),
            path("<int:pk>/test/outcome/", self.construct_view(splitting.Outcome), name="outcome"),
            path("<int:pk>/test/add/", self.construct_view(splitting.AddVariant), name="add_variant"),
            path("<int:pk>/test/drop/", self.construct_view(splitting.Drop), name="drop_test"),
            path("<int:pk>/test/decide/", self.construct_view(splitting.Decide), name="decide"),
            path(
                "<int:pk>/test/<slug:variant>/remove/",
                self.construct_view(splitting.RemoveVariant),
                name="remove_variant",
            ),
            path("<int:pk>/send/", self.construct_view(sending.Send), name="send"),
            path("<int:pk>/countdown/", self.construct_view(sending.Countdown), name="countdown"),
            path("<int:pk>/undo/", self.construct_view(sending.Undo), name="undo"),
            path("<int:pk>/allow/", self.construct_view(sending.Allow), name="allow"),
            path("calendar/", self.construct_view(sending.Calendar), name="calendar"),
            path("<int:pk>/progress/", self.construct_view(results.Progress), name="progress"),
            path("<int:pk>/reported/", self.construct_view(results.Reported), name="reported"),
            path("<int:pk>/pause/", self.construct_view(results.Steer, act="pause"), name="pause"),
            path("<int:pk>/resume/", self.construct_view(results.Steer, act="resume"), name="resume"),
            path("<int:pk>/cancel/", self.construct_view(results.Cancel), name="cancel"),
            path("<int:pk>/ledger/", self.construct_view(results.Ledger), name="ledger"),
            path("<int:pk>/ledger/<int:delivery>/", self.construct_view(results.Settle), name="settle"),
            path("<int:pk>/uncertain/", self.construct_view(results.Settle), name="settle_all"),
            path("<int:pk>/refused/", self.construct_view(results.TryAgain), name="try_again"),
            path("<int:pk>/results.csv", self.construct_view(results.Figures), name="figures"),
            path("<int:pk>/ledger.csv", self.construct_view(results.Export), name="export"),
        ]
