"""Sign-ins of staff in the back office: among the settings, for administrators."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import SignIn
from coalition.views import staff


class StaffViewSet(ModelViewSet):
    model = SignIn
    name = "staff_sign_ins"
    url_prefix = "staff-sign-ins"
    icon = "lock"
    menu_label = _("Sign-ins of staff")
    menu_order = 700
    add_to_settings_menu = True
    add_to_reference_index = False
    form_fields = []

    def get_urlpatterns(self):
        here = "<int:pk>/"
        return [
            path("", staff.Staff.as_view(), name="index"),
            path(here, staff.StaffMember.as_view(), name="member"),
            path(f"{here}end/", staff.EndSessions.as_view(), name="end_all"),
            path(f"{here}end/<int:session>/", staff.EndSessions.as_view(), name="end"),
            path(f"{here}unlock/", staff.Unlock.as_view(), name="unlock"),
            path(f"{here}reset/", staff.ResetFactor.as_view(), name="reset"),
        ]


def own_addresses():
    """Addresses that belong to everybody on the staff."""
    here = "my-sign-in/"
    return [
        path(here, staff.Mine.as_view(), name="my_sign_in"),
        path(f"{here}end/", staff.EndMine.as_view(), name="my_sign_in_end_others"),
        path(f"{here}end/<int:pk>/", staff.EndMine.as_view(), name="my_sign_in_end"),
        path(f"{here}codes/", staff.RenewCodes.as_view(), name="my_sign_in_codes"),
        path(f"{here}switch-off/", staff.SwitchOff.as_view(), name="my_sign_in_switch_off"),
    ]
