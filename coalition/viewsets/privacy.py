"""Privacy in the back office: how long people are kept stands among the settings; erasing hangs on a person's page."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.models import Installation
from coalition.views import privacy


class RetentionViewSet(ModelViewSet):
    model = Installation
    name = "retention"
    url_prefix = "retention"
    icon = "time"
    menu_label = _("How long people are kept")
    menu_order = 690
    add_to_settings_menu = True
    add_to_reference_index = False
    form_fields = []

    def get_urlpatterns(self):
        return [path("", privacy.Retention.as_view(), name="index")]


def erase_address():
    return path("people/erase/<int:pk>/", privacy.ErasePerson.as_view(), name="erase_person")
