"""What the coalition adds to Wagtail's admin: its look, its menu, its screens."""

from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from wagtail import hooks

from coalition.viewsets import home
from coalition.viewsets.audit import AuditViewSet
from coalition.viewsets.bulk import BulkActionViewSet, ListViewSet
from coalition.viewsets.duplicates import DuplicatesViewSet
from coalition.viewsets.exports import ExportsMenuItem, ExportViewSet
from coalition.viewsets.fields import FieldViewSet
from coalition.viewsets.follow_ups import FollowUpViewSet
from coalition.viewsets.handovers import HandoverViewSet
from coalition.viewsets.imports import ImportViewSet
from coalition.viewsets.installation import InstallationViewSet
from coalition.viewsets.organizations import OrganizationViewSet
from coalition.viewsets.people import PersonViewSet
from coalition.viewsets.privacy import RetentionViewSet, erase_address
from coalition.viewsets.publications import PublicationViewSet
from coalition.viewsets.rounds import MatrixMenuItem, RoundViewSet
from coalition.viewsets.saved_views import SavedViewViewSet
from coalition.viewsets.segments import SegmentViewSet
from coalition.viewsets.staff import StaffViewSet, own_addresses
from coalition.viewsets.tags import TagViewSet
from coalition.viewsets.vocabulary import ConstituencyViewSet, RegionViewSet, TopicViewSet

# Words of Wagtail's own that it does not say in every language, or says otherwise than we do: collected with ours.
BORROWED = [
    gettext_noop("Search…"),
    gettext_noop("Settings"),
    gettext_noop("Error 404"),
    gettext_noop("Error 404: Page not found"),
    gettext_noop("The requested page could not be found."),
    gettext_noop("Go to Wagtail admin"),
    gettext_noop("Sorry, you do not have permission to access this area."),
    gettext_noop("Exploring"),
    gettext_noop("Filter by"),
    gettext_noop("%(time_period)s ago"),
    gettext_noop("%(start_index)s-%(end_index)s of %(items_count)s %(model_name)s"),
]


@hooks.register("insert_global_admin_css")
def backoffice_look():
    return format_html('<link rel="stylesheet" href="{}">', static("coalition/backoffice.css"))


@hooks.register("register_admin_viewset")
def people_viewsets():
    return [PersonViewSet(), OrganizationViewSet(), SegmentViewSet(), ImportViewSet(), InstallationViewSet()]


@hooks.register("register_admin_viewset")
def work_viewsets():
    return [FollowUpViewSet(), BulkActionViewSet(), ListViewSet(), SavedViewViewSet()]


@hooks.register("insert_global_admin_js")
def many_at_once():
    return format_html('<script src="{}" defer></script>', static("coalition/many.js"))


@hooks.register("register_admin_viewset")
def vocabulary_viewsets():
    return [RegionViewSet(), ConstituencyViewSet(), TopicViewSet()]


@hooks.register("register_admin_viewset")
def duplicates_viewsets():
    return [DuplicatesViewSet()]


@hooks.register("register_admin_viewset")
def exports_viewsets():
    return [ExportViewSet()]


@hooks.register("register_reports_menu_item")
def exports_menu_item():
    return ExportsMenuItem()


@hooks.register("construct_homepage_panels")
def who_may_be_one(request, panels):
    panels.append(home.DuplicatesPanel(request))


@hooks.register("construct_homepage_panels")
def what_is_due(request, panels):
    panels.append(home.FollowUpsPanel(request))


@hooks.register("construct_homepage_panels")
def what_waits(request, panels):
    panels += [home.RoundsPanel(request), home.RemarksPanel(request), home.ImportsPanel(request)]


@hooks.register("construct_homepage_panels")
def what_partners_ask(request, panels):
    panels.append(home.SpeakersPanel(request))


@hooks.register("construct_homepage_panels")
def what_ends(request, panels):
    panels.append(home.AgreementsPanel(request))


@hooks.register("construct_homepage_panels", order=1000)
def arrange_home(request, panels):
    home.arrange(request, panels)


@hooks.register("construct_homepage_summary_items")
def no_page_counts(request, items):
    items.clear()


@hooks.register("register_log_actions")
def people_log_actions(actions):
    actions.register_action("coalition.bin", _("Move to the bin"), _("Moved to the bin"))
    actions.register_action("coalition.restore", _("Take out of the bin"), _("Taken out of the bin"))
    actions.register_action("coalition.stop", _("Record a stop"), _("Stop recorded"))
    actions.register_action("coalition.upload", _("Upload"), _("File uploaded"))
    actions.register_action("coalition.import", _("Import"), _("Import started"))
    actions.register_action("coalition.cancel_import", _("Cancel"), _("Import cancelled"))
    actions.register_action("coalition.undo_import", _("Undo"), _("Import undone"))
    actions.register_action("coalition.export", _("Export"), _("People exported"))
    actions.register_action("coalition.add_representative", _("Add a representative"), _("Representative added"))
    actions.register_action(
        "coalition.change_representative", _("Change a representative"), _("Representative changed")
    )
    actions.register_action(
        "coalition.remove_representative", _("Remove a representative"), _("Representative removed")
    )
    actions.register_action("coalition.move_organization", _("Move"), _("Partnership moved"))
    actions.register_action("coalition.keep_agreement", _("Keep an agreement"), _("Agreement kept"))
    actions.register_action("coalition.remove_agreement", _("Remove an agreement"), _("Agreement removed"))
    actions.register_action("coalition.keep_logo", _("Keep the logo"), _("Logo kept"))
    actions.register_action("coalition.remove_logo", _("Remove the logo"), _("Logo removed"))
    actions.register_action("coalition.keep_policy", _("Record how it decides"), _("How it decides recorded"))
    actions.register_action("coalition.revoke_authorization", _("Revoke an authorization"), _("Authorization revoked"))
    actions.register_action("coalition.settle_role_change", _("Settle who speaks"), _("Who speaks settled"))


@hooks.register("register_admin_viewset")
def words_of_our_own_viewsets():
    return [FieldViewSet(), TagViewSet()]


@hooks.register("register_admin_viewset")
def sign_on_viewsets():
    return [PublicationViewSet(), RoundViewSet(), HandoverViewSet()]


@hooks.register("register_admin_menu_item")
def matrix_menu_item():
    return MatrixMenuItem()


@hooks.register("register_log_actions")
def sign_on_log_actions(actions):
    actions.register_action("coalition.open_round", _("Open"), _("Round opened"))
    actions.register_action("coalition.invite", _("Invite"), _("Partners invited"))
    actions.register_action("coalition.remind", _("Remind"), _("Partners reminded"))
    actions.register_action("coalition.move_deadline", _("Change the deadline"), _("Deadline changed"))
    actions.register_action("coalition.change_round", _("Change the round"), _("Round changed"))
    actions.register_action("coalition.settle", _("Settle"), _("Late signature settled"))
    actions.register_action("coalition.reply", _("Reply"), _("Partner answered"))
    actions.register_action("coalition.record_letter", _("Record a letter"), _("Letter recorded"))
    actions.register_action("coalition.hand_over", _("Record a delivery"), _("Delivery recorded"))
    actions.register_action("coalition.close_round", _("Close"), _("Round closed"))


@hooks.register("register_admin_viewset")
def staff_viewsets():
    return [RetentionViewSet(), StaffViewSet(), AuditViewSet()]


@hooks.register("register_admin_urls")
def staff_addresses():
    return [*own_addresses(), erase_address()]


@hooks.register("register_account_menu_item")
def my_sign_in(request):
    return {
        "url": reverse("my_sign_in"),
        "label": _("My sign-in"),
        "help_text": _("Your second factor, and where you are signed in."),
    }
