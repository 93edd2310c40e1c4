"""The steps before an import starts: the file, how it is written, its columns, a look ahead, the confirmation."""

from django.core.exceptions import ValidationError
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import importing, layouts, people, preparing, reading_files, reading_people, tasks
from coalition.forms.imports import DELIMITERS, ENCODINGS, ApplyForm, ImportForm, ReadingForm, RememberForm, UploadForm
from coalition.models import ImportedRow, Organization, SavedMapping

from .screens import BeforeStart, ChangeScreen, figures, reasons


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
            batch = preparing.upload(file, file.name, by=self.request.user)
        except reading_files.Unreadable as refused:
            form.add_error("file", str(refused))
            return self.form_invalid(form)
        log(instance=batch, action="coalition.upload")
        return redirect("imports:columns", batch.pk)


class Columns(BeforeStart, FormView):
    """Say what each column holds, and what may be done with the list."""

    form_class = ImportForm
    template_name = "coalition/imports/columns.html"
    step = gettext_lazy("Columns")

    @cached_property
    def table(self):
        """(header, first rows below it, first rows of the file as they stand)."""
        batch, way = self.batch, {"first_row": self.batch.first_row}
        with batch.file.open("rb") as file:
            header = reading_files.header(file, batch.encoding, batch.delimiter, **way)
            rows = reading_files.rows(file, batch.encoding, batch.delimiter, **way)
            samples = [row for row, _number in zip(rows, range(3), strict=False)]
            rows.close()
            beginning = reading_files.beginning(file, batch.encoding, batch.delimiter, around=batch.first_row)
        return header, samples, beginning

    def get_form_kwargs(self):
        header, samples, _beginning = self.table
        return super().get_form_kwargs() | {"batch": self.batch, "header": header, "samples": samples}

    def form_valid(self, form):
        importing.describe_columns(self.batch, mapping=form.mapping, options=form.options)
        return redirect("imports:preview", self.batch.pk)

    def get_context_data(self, **kwargs):
        batch, (header, samples, beginning) = self.batch, self.table
        columns = preparing.columns_of(batch.mapping)
        saved = SavedMapping.objects.all()
        return super().get_context_data(**kwargs) | {
            "reading": kwargs.get("reading") or ReadingForm(batch=batch, beginning=beginning),
            "beginning": [(number, [cell[:60] for cell in cells[:20]]) for number, cells in beginning],
            "letters": dict(ENCODINGS).get(batch.encoding, batch.encoding),
            "between": dict(DELIMITERS).get(batch.delimiter, batch.delimiter),
            "found": batch.options.get("file", {}),
            "about": batch.options.get("about", {}),
            "header": header,
            "samples": samples,
            "saved": [(mapping, mapping.columns == columns) for mapping in saved],
            "applied": batch.options.get("saved", ""),
        }


class Reading(Columns):
    """Read the file in another way than was found out: other letters, another row of names, another sheet."""

    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        form = ReadingForm(request.POST, batch=self.batch, beginning=self.table[2])
        if form.is_valid():
            try:
                preparing.reread(self.batch, **form.said)
            except reading_files.Unreadable as refused:
                form.add_error(None, str(refused))
            else:
                messages.success(request, _("The file was read again. Its columns are suggested anew."))
                return redirect("imports:columns", self.batch.pk)
        shown = ImportForm(batch=self.batch, header=self.table[0], samples=self.table[1])
        return self.render_to_response(self.get_context_data(form=shown, reading=form))


class Apply(BeforeStart, View):
    """Describe the columns as they were described before."""

    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        form = ApplyForm(request.POST)
        if form.is_valid():
            preparing.apply(self.batch, form.cleaned_data["saved"])
        else:
            messages.error(request, _("Choose which columns."))
        return redirect("imports:columns", self.batch.pk)


class Preview(BeforeStart, TemplateView):
    """What would happen, in numbers and samples. Nothing is written until it is confirmed."""

    template_name = "coalition/imports/preview.html"
    step = gettext_lazy("Preview")

    def get(self, request, *args, **kwargs):
        try:
            layouts.check_mapping(self.batch.mapping)
            importing.check_options(self.batch.mapping, self.batch.options)
        except ValidationError:
            return redirect("imports:columns", self.batch.pk)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        preview = importing.preview(self.batch)
        labels = layouts.fields() | _OTHER_CHANGES
        organization = self.batch.options.get("organization")
        return super().get_context_data(**kwargs) | {
            "preview": preview,
            "coming": preview.rows - preview.counts["refused"],
            "figures": figures(preview.counts),
            "reasons": reasons(preview.reasons),
            "new_tags": preview.new_tags,
            "options": self.batch.options,
            "organization": Organization.objects.filter(pk=organization).first() if organization else None,
            "remember": RememberForm(initial={"remember": self.batch.options.get("saved", "")}),
            "samples": [
                (label, [shown(result, labels) for result in preview.samples[outcome]])
                for outcome, label in ImportedRow.Outcome.choices
                if preview.samples[outcome]
            ],
        }


class Start(ChangeScreen, View):
    """Confirm the preview."""

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
            if name := request.POST.get("remember", "").strip():
                preparing.remember(self.batch, name, by=request.user)
            messages.success(request, _("The import is running. You can leave this page."))
        return redirect(self.url)


class Cancel(ChangeScreen, View):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        if importing.cancel(self.batch):
            log(instance=self.batch, action="coalition.cancel_import")
            messages.success(request, _("Cancelled. Whoever was in already stays in, and the report says who."))
        return redirect(self.url)


_OTHER_CHANGES = {
    "phone": gettext_lazy("Phone"),
    "organization": gettext_lazy("Organization"),
    "attended": gettext_lazy("Attended a webinar"),
    "stop": gettext_lazy("stays closed"),
    "yes": gettext_lazy("opened, with proof"),
    "fault": gettext_lazy("does not work"),
}


def shown(result, labels):
    """One row of the preview: its number, who, how to reach them, and what it changes or what is wrong."""
    row, details = result.row, result.row.details
    was, now = result.was, result.set
    pairs = [(labels.get(key, key), _listed(was.get(key)), _listed(now[key])) for key in now if key in details]
    for key, (old, new) in result.custom.items():
        pairs.append((labels.get(layouts.CUSTOM + key, key), _listed(old), _listed(new)))
    told = {*now, *(layouts.CUSTOM + key for key in result.custom)}
    changes = [name for name in dict.fromkeys(result.changes) if name not in told]
    if result.outcome == ImportedRow.Outcome.NEW:
        changes = [name for name in changes if name in ("stop", "yes", "fault", "attended")]
    tags = sorted(result.tags or ())
    return {
        "line": row.line,
        "name": details.get("name", ""),
        "addresses": [*row.emails, *map(people.display_phone, row.phones)],
        "place": " ".join(filter(None, [details.get("city"), details.get("state"), details.get("zip")])),
        "pairs": pairs if result.outcome != ImportedRow.Outcome.NEW else [],
        "changes": [
            f"{labels[name]}: {', '.join(tags)}" if name == "tags" and tags else labels.get(name, name)
            for name in changes
        ],
        "minutes": row.attended.minutes if row.attended else None,
        "why": [reading_people.REASONS[code] for code in row.notes],
    }


def _listed(value):
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
