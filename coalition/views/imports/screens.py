"""What the pages about one import share."""

from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import npgettext
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from coalition import layouts, reading_people
from coalition.models import Import, ImportedRow

State = Import.State


class ImportScreen(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    """A page about one import."""

    any_permission_required = ["add", "change", "delete", "view"]
    header_icon = "upload"
    step = ""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.batch = get_object_or_404(Import.objects.select_related("created_by", "undone_by"), pk=kwargs["pk"])

    @property
    def url(self):
        return reverse("imports:inspect", args=[self.batch.pk])

    def get_page_title(self):
        return self.step or self.batch.name

    def get_breadcrumbs_items(self):
        here = [{"url": self.url, "label": self.batch.name}, {"url": "", "label": self.step}]
        if not self.step:
            here = [{"url": "", "label": self.batch.name}]
        return [*self.breadcrumbs_items, {"url": reverse("imports:index"), "label": _("Imports")}, *here]

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "batch": self.batch,
            "url": self.url,
            "layout": layouts.LAYOUTS.get(self.batch.layout, {}).get("name", ""),
            "may_change": self.user_has_permission("change"),
        }


class ChangeScreen(ImportScreen):
    """A page, or a button, for whoever may bring people in."""

    any_permission_required = None
    permission_required = "change"


class BeforeStart(ChangeScreen):
    """A step that makes sense only until the import is confirmed."""

    def dispatch(self, request, *args, **kwargs):
        if self.batch.state != State.UPLOADED and self.user_has_permission("change"):
            return redirect(self.url)
        return super().dispatch(request, *args, **kwargs)


def figures(counts):
    """(label, rows, tone) of each outcome, for the figures on top."""
    tones = {"new": "good", "changed": "good", "refused": "bad" if counts["refused"] else ""}
    said = {
        "new": npgettext("rows of a file", "New", "New", counts["new"]),
        "changed": npgettext("rows of a file", "Changed", "Changed", counts["changed"]),
        "duplicate": npgettext("rows of a file", "Repeated in the file", "Repeated in the file", counts["duplicate"]),
        "refused": npgettext("rows of a file", "Refused", "Refused", counts["refused"]),
    }
    return [
        (said.get(outcome, label), counts[outcome], tones.get(outcome, ""))
        for outcome, label in ImportedRow.Outcome.choices
    ]


def reasons(counts):
    return [(reading_people.REASONS[code], rows) for code, rows in counts.items()]


def reason_words(codes):
    return [reading_people.REASONS[code] for code in codes.split(",") if code in reading_people.REASONS]
