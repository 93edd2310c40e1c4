"""Organizations in the back office, and the words an administrator keeps for them: regions and constituencies."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.forms.organizations import OrganizationForm
from coalition.models import Organization
from coalition.views.organizations import (
    board,
    deciding,
    editing,
    listing,
    members,
    merges,
    page,
    papers,
    representatives,
)
from coalition.viewsets.rooms import Room


class OrganizationViewSet(Room, ModelViewSet):
    model = Organization
    name = "organizations"
    icon = "group"
    menu_label = _("Organizations")
    menu_order = 110
    list_per_page = 50
    index_view_class = listing.OrganizationsIndex
    add_view_class = editing.AddOrganization
    edit_view_class = editing.EditOrganization
    inspect_view_class = page.OrganizationPage
    own = ("index", "add", "edit", "inspect")
    without = ("delete", "usage")

    def get_form_class(self, for_update=False):
        return OrganizationForm

    def get_urlpatterns(self):
        here = "inspect/<int:pk>/"
        speaks, belongs = f"{here}representatives/", f"{here}members/"
        agreement = f"{here}agreements/<int:agreement_pk>/"
        views = [
            ("board/", board.Board, "board"),
            ("bin/", listing.Binned, "binned"),
            (f"{here}same/", merges.FindSame, "same"),
            (f"{here}same/<int:other_pk>/", merges.Compare, "compare"),
            ("merges/<int:pk>/", merges.Merged, "merged"),
            ("merges/<int:pk>/undo/", merges.Undo, "undo_merge"),
            (f"{here}note/", page.AddNote, "note"),
            (f"{here}bin/", editing.BinOrganization, "bin"),
            (f"{here}restore/", editing.RestoreOrganization, "restore"),
            (f"{here}move/", board.MoveOrganization, "move"),
            (f"{here}move/undo/", board.UndoMove, "undo_move"),
            (f"{speaks}add/", representatives.AddRepresentative, "add_representative"),
            (f"{speaks}<int:representative_pk>/", representatives.EditRepresentative, "representative"),
            (f"{speaks}<int:representative_pk>/remove/", representatives.RemoveRepresentative, "remove"),
            (f"{speaks}<int:representative_pk>/move/", deciding.MoveRepresentative, "move_representative"),
            (f"{speaks}changes/<int:change_pk>/", deciding.SettleRoleChange, "role_change"),
            (f"{here}policy/", deciding.EditPolicy, "policy"),
            (f"{here}authorizations/<int:authorization_pk>/", deciding.Authorization, "authorization"),
            (belongs, members.Members, "members"),
            (f"{belongs}add/", members.AddMember, "add_member"),
            (f"{belongs}<int:membership_pk>/", members.EditMember, "member"),
            (f"{belongs}<int:membership_pk>/remove/", members.RemoveMember, "remove_member"),
            (f"{here}agreements/add/", papers.AddAgreement, "add_agreement"),
            (agreement, papers.EditAgreement, "agreement"),
            (f"{agreement}remove/", papers.RemoveAgreement, "remove_agreement"),
            (f"{agreement}file/", papers.AgreementFile, "agreement_file"),
            (f"{here}logo/", papers.EditLogo, "logo"),
            (f"{here}logo/remove/", papers.RemoveLogo, "remove_logo"),
            (f"{here}logo/file/", papers.LogoFile, "logo_file"),
        ]
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("add/", self.add_view, name="add"),
            path(here, self.inspect_view, name="inspect"),
            path(f"{here}edit/", self.edit_view, name="edit"),
            *(path(route, self.construct_view(view), name=name) for route, view, name in views),
            path("history/<int:pk>/", self.history_view, name="history"),
            path("history-results/<int:pk>/", self.history_results_view, name="history_results"),
        ]
