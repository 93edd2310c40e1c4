"""Follow-ups: one's own page of them, and what is done with one."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import FollowUp
from coalition.views import follow_ups


class FollowUpViewSet(ModelViewSet):
    model = FollowUp
    name = "follow_ups"
    url_prefix = "follow-ups"
    icon = "calendar-check"
    menu_label = _("Follow-ups")
    menu_order = 105
    add_to_admin_menu = True
    add_to_reference_index = False
    form_fields = ["text"]

    def page(self, view):
        return view.as_view(permission_policy=self.permission_policy)

    def get_urlpatterns(self):
        return [
            path("", self.page(follow_ups.FollowUps), name="index"),
            path("add/", self.page(follow_ups.AddFollowUp), name="add"),
            path("<int:pk>/", self.page(follow_ups.ChangeFollowUp), name="change"),
            path("<int:pk>/done/", self.page(follow_ups.FollowUpDone), name="done"),
            path("<int:pk>/reopen/", self.page(follow_ups.ReopenFollowUp), name="reopen"),
            path("<int:pk>/delete/", self.page(follow_ups.DeleteFollowUp), name="delete"),
        ]

    def register_admin_url_finder(self):
        """A follow-up is found on the page of whom it is about."""
