"""The one page about the installation itself: what it says of itself, and its thresholds."""

from django.db import transaction
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import audit
from coalition.forms.installation import InstallationForm
from coalition.models import Installation


class EditInstallation(PermissionCheckedMixin, WagtailAdminTemplateMixin, FormView):
    form_class = InstallationForm
    template_name = "coalition/installation/edit.html"
    permission_required = "change"
    page_title = gettext_lazy("Coalition settings")
    header_icon = "cogs"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Installation.get()}

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    @transaction.atomic
    def form_valid(self, form):
        installation = form.save()
        log(instance=installation, action="wagtail.edit")
        if form.changed_data:
            audit.record(audit.Action.SETTING, installation, details={"did": "changed", "what": form.changed_data})
        messages.success(self.request, _("What changed is kept."))
        return redirect("coalition_settings:index")
