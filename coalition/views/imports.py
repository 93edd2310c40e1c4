"""The back office's pages about imports: a file, its columns, a look ahead, the confirmation, the report."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages
from wagtail.admin.ui.tables import Column, DateColumn, NumberColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import importing, reading_files, reading_people, tasks
from coalition.forms.imports import ImportForm, UploadForm
from coalition.models import Import, ImportedRow
from coalition.spreadsheets import csv_response

SHOWN = 50
State = Import.State


class StateColumn(Column):
    cell_template_name = "coalition/imports/cell_state.html"


class ImportsIndex(generic.IndexView):
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


class Upload(PermissionCheckedMixin, WagtailAdminTemplateMixin, FormView):
    permission_required = "add"
    form_class = UploadForm
    template_name = "coalition/imports/upload.html"
    page_title = gettext_lazy("Import people")
    header_icon = "upload"

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("imports:index"), "label": _("Imports")},
            {"url": "", "label": self.page_title},
        ]

    def form_valid(self, form):
        file = form.cleaned_data["file"]
        try:
            batch = importing.upload(file, file.name, by=self.request.user)
        except reading_files.Unreadable as refused:
            form.add_error("file", str(refused))
            return self.form_invalid(form)
        log(instance=batch, action="coalition.upload")
        return redirect("imports:columns", batch.pk)


class ImportScreen(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    """A page about one import."""

    any_permission_required = ["add", "change", "delete", "view"]
    header_icon = "upload"
    step = ""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.batch = get_object_or_404(Import.objects.select_related("created_by"), pk=kwargs["pk"])

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
            "layout": reading_people.LAYOUTS.get(self.batch.layout, {}).get("name", ""),
            "may_change": self.user_has_permission("change"),
        }


class BeforeStart(ImportScreen):
    """A step that makes sense only until the import is confirmed."""

    any_permission_required = None
    permission_required = "change"

    def dispatch(self, request, *args, **kwargs):
        if self.batch.state != State.UPLOADED:
            return redirect(self.url)
        return super().dispatch(request, *args, **kwargs)


class Columns(BeforeStart, FormView):
    """Say what each column holds, and what may be done with the list."""

    form_class = ImportForm
    template_name = "coalition/imports/columns.html"
    step = gettext_lazy("Columns")

    def get_form_kwargs(self):
        batch = self.batch
        with batch.file.open("rb") as file:
            header = reading_files.header(file, batch.encoding, batch.delimiter)
            rows = reading_files.rows(file, batch.encoding, batch.delimiter)
            samples = [row for row, _number in zip(rows, range(3), strict=False)]
            rows.close()
        return super().get_form_kwargs() | {"batch": batch, "header": header, "samples": samples}

    def form_valid(self, form):
        importing.describe_columns(self.batch, mapping=form.mapping, options=form.options)
        return redirect("imports:preview", self.batch.pk)


class Preview(BeforeStart, TemplateView):
    """What would happen, in numbers and samples. Nothing is written until it is confirmed."""

    template_name = "coalition/imports/preview.html"
    step = gettext_lazy("Preview")

    def get(self, request, *args, **kwargs):
        try:
            reading_people.check_mapping(self.batch.mapping)
            importing.check_options(self.batch.mapping, self.batch.options)
        except ValidationError:
            return redirect("imports:columns", self.batch.pk)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        preview = importing.preview(self.batch)
        coming = preview.rows - preview.counts["refused"]
        return super().get_context_data(**kwargs) | {
            "preview": preview,
            "coming": coming,
            "figures": figures(preview.counts),
            "reasons": reasons(preview.reasons),
            "samples": [
                (label, [shown(result) for result in preview.samples[outcome]])
                for outcome, label in ImportedRow.Outcome.choices
                if preview.samples[outcome]
            ],
        }


class Start(ImportScreen, View):
    """Confirm the preview."""

    any_permission_required = None
    permission_required = "change"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        try:
            started = importing.start(self.batch)
        except ValidationError as refused:
            messages.error(request, " ".join(refused.messages))
            return redirect("imports:columns", self.batch.pk)
        if started:
            tasks.import_people.delay_on_commit(self.batch.pk)
            log(instance=self.batch, action="coalition.import")
            messages.success(request, _("The import is running. You can leave this page."))
        return redirect(self.url)


class Cancel(ImportScreen, View):
    any_permission_required = None
    permission_required = "change"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        if importing.cancel(self.batch):
            log(instance=self.batch, action="coalition.cancel_import")
            messages.success(request, _("Cancelled. Whoever was in already stays in, and the report says who."))
        return redirect(self.url)


class ImportPage(ImportScreen, TemplateView):
    """How far an import has come, and what became of each row."""

    template_name = "coalition/imports/inspect.html"

    def get(self, request, *args, **kwargs):
        if self.batch.state == State.UPLOADED and self.user_has_permission("change"):
            return redirect("imports:columns", self.batch.pk)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        counts, why = importing.report(self.batch)
        noted = self.batch.results.exclude(reason="").select_related("person")
        return super().get_context_data(**kwargs) | {
            "figures": figures(counts),
            "reasons": reasons(why),
            "noted": [(row, reason_words(row.reason)) for row in noted[:SHOWN]],
            "noted_count": sum(why.values()) and noted.count(),
            "shown": SHOWN,
            "running": self.batch.state == State.RUNNING,
            "options": self.batch.options,
        }


class Progress(ImportPage):
    """The part of the page that is fetched again and again while the import runs."""

    template_name = "coalition/imports/progress.html"

    def get(self, request, *args, **kwargs):
        if self.batch.state != State.RUNNING:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return super().get(request, *args, **kwargs)


class Report(ImportScreen, View):
    """Every row with something wrong, as a file to correct and bring in again."""

    def get(self, request, *args, **kwargs):
        rows = self.batch.results.exclude(reason="").order_by("line")
        names = list(dict.fromkeys(name for row in rows[:1000] for name, _cell in row.data["row"]))
        header = [_("Row"), _("What became of it"), _("What was wrong"), *names]
        lines = (
            [row.line, row.get_outcome_display(), " ".join(map(str, reason_words(row.reason)))]
            + [dict(row.data["row"]).get(name, "") for name in names]
            for row in rows.iterator(chunk_size=1000)
        )
        return csv_response(f"import-{self.batch.pk}-rows-to-look-at.csv", header, lines)


def figures(counts):
    """(label, rows, tone) of each outcome, for the figures on top."""
    tones = {"new": "good", "changed": "good", "refused": "bad" if counts["refused"] else ""}
    return [(label, counts[outcome], tones.get(outcome, "")) for outcome, label in ImportedRow.Outcome.choices]


def reasons(counts):
    return [(reading_people.REASONS[code], rows) for code, rows in counts.items()]


def reason_words(codes):
    return [reading_people.REASONS[code] for code in codes.split(",") if code in reading_people.REASONS]


def shown(result):
    """One row of the preview: its number, who, how to reach them, and what it changes or what is wrong."""
    details = result.row.details
    labels = reading_people.FIELDS | {
        "phone": _("Phone"),
        "stop": _("stays closed"),
        "yes": _("opened, with proof"),
        "fault": _("does not work"),
    }
    changes = dict.fromkeys(result.changes)
    if result.outcome == ImportedRow.Outcome.NEW:
        changes = [name for name in changes if name in ("stop", "yes", "fault")]
    return {
        "line": result.row.line,
        "name": details.get("name", ""),
        "addresses": [value for _channel, value in result.row.addresses],
        "place": " ".join(filter(None, [details.get("city"), details.get("state"), details.get("zip")])),
        "changes": [labels[name] for name in changes],
        "why": [reading_people.REASONS[code] for code in result.row.notes],
    }
