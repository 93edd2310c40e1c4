"""Settings of the text programme in the back office."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import BooleanColumn
from wagtail.admin.viewsets.model import ModelViewSet

from campaigns.forms.text_programme import KeywordForm, ReplyTemplateForm
from campaigns.models import Keyword, ReplyTemplate


class KeywordViewSet(ModelViewSet):
    model = Keyword
    name = "keywords"
    icon = "comment"
    menu_label = _("Join words")
    menu_order = 900
    add_to_settings_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    list_display = ["word", "language", "tag", BooleanColumn("active", label=_("Active"))]

    def get_form_class(self, for_update=False):
        return KeywordForm


class ReplyTemplateViewSet(ModelViewSet):
    model = ReplyTemplate
    name = "replies"
    icon = "comment"
    menu_label = _("Automatic replies")
    menu_order = 910
    add_to_settings_menu = True
    add_to_reference_index = False
    copy_view_enabled = False
    list_display = ["__str__", "text"]

    def get_form_class(self, for_update=False):
        return ReplyTemplateForm
