"""Sign-on rounds in the back office: opened from a publication, led from the board."""

from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import Round
from coalition.views.rounds import acting, board, changing, letters, listing, matrix, opening, remarks
from coalition.viewsets.rooms import Room


class RoundViewSet(Room, ModelViewSet):
    model = Round
    name = "rounds"
    icon = "clipboard-list"
    menu_label = _("Sign-on rounds")
    menu_order = 150
    form_fields = ["deadline"]
    index_view_class = listing.RoundsIndex
    search_fields = ["publication__title", "publication__bill"]
    without = ("add", "edit", "delete", "history", "usage")

    def get_urlpatterns(self):
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("inspect/<int:pk>/", self.construct_view(board.Board), name="inspect"),
            path("inspect/<int:pk>/forecast/", self.construct_view(board.Forecast), name="forecast"),
            path("inspect/<int:pk>/numbers/", self.construct_view(board.Numbers), name="numbers"),
            path("matrix/", self.construct_view(matrix.Matrix), name="matrix"),
            path("<int:pk>/letter/", self.construct_view(letters.RecordLetter), name="letter"),
            path("<int:pk>/letter/<int:decision>/", self.construct_view(letters.Proof), name="proof"),
            path("open/<int:publication>/", self.construct_view(opening.Open), name="open"),
            path("<int:pk>/invite/", self.construct_view(opening.Invite), name="invite"),
            path("<int:pk>/change/", self.construct_view(changing.Change), name="change"),
            path("<int:pk>/questions/", self.construct_view(remarks.Remarks), name="remarks"),
            path("<int:pk>/questions/<int:remark>/", self.construct_view(remarks.Reply), name="reply"),
            path("<int:pk>/close/", self.construct_view(acting.Close), name="close"),
            path("<int:pk>/remind/", self.construct_view(acting.Remind), name="remind_all"),
            path("<int:pk>/remind/chosen/", self.construct_view(acting.RemindChosen), name="remind_chosen"),
            path("<int:pk>/remind/<int:organization>/", self.construct_view(acting.RemindOne), name="remind"),
            path("<int:pk>/link/<int:invitation>/", self.construct_view(acting.SendLink), name="send_link"),
            path(
                "<int:pk>/late/<int:decision>/accept/",
                self.construct_view(acting.Settle, accepted=True),
                name="accept",
            ),
            path("<int:pk>/late/<int:decision>/leave-out/", self.construct_view(acting.Settle), name="set_aside"),
        ]

    def register_admin_url_finder(self):
        """Nothing to find: a round has no edit form of its own."""


class MatrixMenuItem(MenuItem):
    def __init__(self):
        super().__init__(_("Who signed what"), reverse("rounds:matrix"), name="matrix", icon_name="table", order=160)

    def is_shown(self, request):
        return request.user.has_perm("coalition.view_round")
