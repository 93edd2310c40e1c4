"""Quiet days, paces and warm-ups in the settings of the back office."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column
from wagtail.admin.viewsets.model import ModelViewSet

from campaigns.forms.pacing import PaceForm, QuietDayForm, WarmUpForm
from campaigns.models import Pace, QuietDay, WarmUp
from coalition.templatetags.coalition import date_words, number


class Setting(ModelViewSet):
    form_class = None
    add_to_settings_menu = True
    add_to_reference_index = False
    copy_view_enabled = False

    def get_form_class(self, for_update=False):
        return self.form_class


class QuietDayViewSet(Setting):
    model = QuietDay
    form_class = QuietDayForm
    name = "quiet_days"
    url_prefix = "quiet-days"
    icon = "calendar-alt"
    menu_label = _("Quiet days")
    menu_order = 920
    ordering = ["-day"]
    list_display = [Column("day", label=_("Day"), accessor=lambda row: date_words(row.day)), "name"]

    def get_index_view_kwargs(self, **kwargs):
        return super().get_index_view_kwargs(search_fields=None, **kwargs)


def _most(value):
    return "—" if value is None else number(value)


class PaceViewSet(Setting):
    model = Pace
    form_class = PaceForm
    name = "paces"
    icon = "time"
    menu_label = _("Paces of email")
    menu_order = 930
    list_display = [
        Column("provider", label=_("Provider"), accessor=lambda row: row.provider or _("Whichever sends")),
        Column("domain", label=_("Recipients' domain"), accessor=lambda row: row.domain or _("All together")),
        Column("a_minute", label=_("A minute"), accessor=lambda row: _most(row.a_minute)),
        Column("a_day", label=_("A day"), accessor=lambda row: _most(row.a_day)),
    ]


class WarmUpViewSet(Setting):
    model = WarmUp
    form_class = WarmUpForm
    name = "warm_ups"
    url_prefix = "warm-ups"
    icon = "arrow-up"
    menu_label = _("Warm-ups of domains")
    menu_order = 940
    list_display = [
        "domain",
        Column("began_on", label=_("First day"), accessor=lambda row: date_words(row.began_on)),
        "steps",
    ]
