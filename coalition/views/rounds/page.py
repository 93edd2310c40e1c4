"""What every page and every button about one round begins with."""

from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from coalition import signing_on
from coalition.models import Round


class RoundPage(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """A page about one round."""

    any_permission_required = ["add", "change", "delete", "view"]
    header_icon = "clipboard-list"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.round = get_object_or_404(Round.objects.select_related("publication", "opened_by"), pk=kwargs["pk"])

    @property
    def url(self):
        return reverse("rounds:inspect", args=[self.round.pk])

    def get_page_title(self):
        return str(self.round.publication)

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("rounds:index"), "label": _("Sign-on rounds")},
            {"url": self.url, "label": str(self.round.publication)},
            *([{"url": "", "label": self.step}] if self.step else []),
        ]

    step = ""

    def get_context_data(self, **kwargs):
        version = self.round.publication.current_version
        return super().get_context_data(**kwargs) | {
            "round": self.round,
            "publication": self.round.publication,
            "version": version,
            "may_change": self.user_has_permission("change"),
            "sees_people": self.request.user.has_perm("coalition.view_person"),
            "board_url": self.url,
        }


class RoundAct(PermissionCheckedMixin, View):
    """A button on the board."""

    permission_required = "change"
    http_method_names = ["post"]

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.round = get_object_or_404(Round.objects.select_related("publication"), pk=kwargs["pk"])

    def post(self, request, *args, **kwargs):
        try:
            self.act(request)
        except signing_on.RoundClosed:
            messages.error(request, _("The round is closed: no more answers are taken."))
        back = request.POST.get("back", "")
        return redirect(reverse("rounds:inspect", args=[self.round.pk]) + (f"?{back}" if back else ""))
