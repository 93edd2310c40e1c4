"""Series in the back office: the list, the ladder, its steps."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from campaigns.forms.series import SeriesForm
from campaigns.models import Series
from campaigns.views import series
from coalition.viewsets.rooms import Room


class SeriesViewSet(Room, ModelViewSet):
    model = Series
    name = "series"
    icon = "list-ol"
    menu_label = _("Series")
    menu_order = 162
    search_fields = ["name"]
    index_view_class = series.SeriesIndex
    add_view_class = series.Begin
    edit_view_class = series.Edit
    delete_view_class = series.Delete
    inspect_view_class = series.SeriesPage
    own = ("edit", "inspect")

    def get_form_class(self, for_update=False):
        return SeriesForm

    def get_urlpatterns(self):
        def step(action, view, **kwargs):
            return path(
                f"<int:pk>/steps/<int:step>/{action}/", self.construct_view(view, **kwargs), name=f"step_{action}"
            )

        return [
            *super().get_urlpatterns(),
            path("<int:pk>/begin/", self.construct_view(series.Steer, act="begin"), name="begin"),
            path("<int:pk>/pause/", self.construct_view(series.Steer, act="pause"), name="pause"),
            path("<int:pk>/resume/", self.construct_view(series.Steer, act="resume"), name="resume"),
            path("<int:pk>/end/", self.construct_view(series.Steer, act="end"), name="end"),
            path("<int:pk>/people/", self.construct_view(series.People), name="people"),
            path("<int:pk>/steps/add/", self.construct_view(series.AddStep), name="step_add"),
            step("change", series.EditStep),
            step("up", series.MoveStep, places=-1),
            step("down", series.MoveStep, places=1),
            step("remove", series.RemoveStep),
            step("rewrite", series.RewriteStep),
        ]
