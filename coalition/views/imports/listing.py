"""Every import there was, and the columns that were described before."""

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.ui.tables import Column, DateColumn, NumberColumn, TitleColumn
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.widgets import HeaderButton

from coalition import preparing
from coalition.models import Import, SavedMapping
from coalition.views.screens import Index


class StateColumn(Column):
    cell_template_name = "coalition/imports/cell_state.html"


class ImportsIndex(Index):
    page_title = gettext_lazy("Imports")
    add_item_label = gettext_lazy("Import people")
    default_ordering = "-created_at"
    results_template_name = "coalition/imports/index_results.html"

    @cached_property
    def columns(self):
        return [
            TitleColumn("name", label=_("File"), get_url=self.get_inspect_url, width="40%"),
            StateColumn("state", label=_("State")),
            NumberColumn("rows", label=_("Rows")),
            Column("created_by", label=_("By")),
            DateColumn("created_at", label=_("Uploaded"), sort_key="created_at"),
        ]

    def get_base_queryset(self):
        return Import.objects.select_related("created_by")

    @cached_property
    def header_buttons(self):
        buttons = super().header_buttons
        if self.permission_policy.user_has_permission(self.request.user, "change"):
            buttons.append(HeaderButton(_("Saved columns"), url=reverse("imports:saved"), icon_name="list-ul"))
        return buttons


class Saved(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """Columns that were described before: give them another name, or throw them away."""

    permission_required = "change"
    template_name = "coalition/imports/saved.html"
    page_title = gettext_lazy("Saved columns")
    header_icon = "list-ul"

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("imports:index"), "label": _("Imports")},
            {"url": "", "label": self.page_title},
        ]

    def get_context_data(self, **kwargs):
        saved = SavedMapping.objects.select_related("created_by")
        return super().get_context_data(**kwargs) | {"saved": saved, "wrong": getattr(self, "wrong", {})}

    def post(self, request, *args, **kwargs):
        given = request.POST.get("saved", "")
        saved = get_object_or_404(SavedMapping, pk=int(given) if given.isascii() and given.isdigit() else 0)
        if "forget" in request.POST:
            preparing.forget(saved)
            messages.success(request, _("“%(name)s” is gone. Imports that used it stay as they are.") % {"name": saved})
            return redirect("imports:saved")
        try:
            preparing.rename(saved, request.POST.get("name", ""))
        except ValidationError as refused:
            self.wrong = {saved.pk: " ".join(refused.messages)}
            return self.get(request, *args, **kwargs)
        messages.success(request, _("Renamed."))
        return redirect("imports:saved")
