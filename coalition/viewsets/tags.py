"""Tags and their groups in the back office: among the settings."""

from django.urls import path, re_path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import Tag
from coalition.views import tags


class TagViewSet(ModelViewSet):
    model = Tag
    name = "tags"
    icon = "tag"
    menu_label = _("Tags")
    menu_order = 30
    add_to_settings_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    form_fields = ["name", "group"]

    def get_urlpatterns(self):
        here, group = "<int:pk>/", "groups/<int:pk>/"
        return [
            path("", self.construct_view(tags.TagsIndex), name="index"),
            path("add/", self.construct_view(tags.AddTag), name="add"),
            path(here, self.construct_view(tags.EditTag), name="edit"),
            path(f"{here}merge/", self.construct_view(tags.MergeTag), name="merge"),
            path(f"{here}delete/", self.construct_view(tags.DeleteTag), name="delete"),
            path("groups/add/", self.construct_view(tags.AddGroup), name="add_group"),
            path(group, self.construct_view(tags.EditGroup), name="group"),
            path(f"{group}delete/", self.construct_view(tags.DeleteGroup), name="delete_group"),
            re_path(r"^groups/(?P<pk>\d+)/(?P<way>up|down)/$", self.construct_view(tags.MoveGroup), name="move_group"),
            path("history/<int:pk>/", self.history_view, name="history"),
            path("history-results/<int:pk>/", self.history_results_view, name="history_results"),
        ]
