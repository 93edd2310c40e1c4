"""Files of people brought in from elsewhere, with what became of each row."""

from django.conf import settings
from django.core.files.storage import storages
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .people import Person


def private_storage():
    return storages["private"]


class Import(models.Model):
    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Uploaded")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    name = models.CharField(_("file name"), max_length=200)
    file = models.FileField(_("file"), storage=private_storage, upload_to="imports/%Y/%m")
    layout = models.CharField(_("layout"), max_length=40, blank=True)
    encoding = models.CharField(_("encoding"), max_length=20, blank=True)
    delimiter = models.CharField(_("delimiter"), max_length=4, blank=True)
    sheet = models.CharField(_("sheet"), max_length=100, blank=True, help_text=_("Of a workbook."))
    first_row = models.PositiveIntegerField(_("row of the column names"), default=1)
    mapping = models.JSONField(_("columns"), default=dict, help_text=_("{column header: field}"))
    options = models.JSONField(_("options"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.UPLOADED)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    done = models.PositiveIntegerField(_("rows done"), default=0)
    error = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("uploaded"), auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    undo = models.JSONField(default=dict, blank=True)  # how far an undo is: {"below": line, "rows": …, "removed": …}
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-created_at", "-pk"]

    def __str__(self):
        return self.name


class SavedMapping(models.Model):
    """How the columns of a kind of file were mapped, offered again when a file with the same names comes in."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    columns = models.JSONField(default=list)  # folded column names, sorted
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("saved columns")
        verbose_name_plural = _("saved columns")
        ordering = ["name"]

    def __str__(self):
        return self.name


class ImportedRow(models.Model):
    """What became of one row of a file. Unique per line, so that a killed worker's chunk never counts twice."""

    class Outcome(models.TextChoices):
        NEW = "new", pgettext_lazy("row of a file", "New")
        CHANGED = "changed", pgettext_lazy("row of a file", "Changed")
        UNCHANGED = "unchanged", _("Unchanged")
        DUPLICATE = "duplicate", _("Repeated in the file")
        REFUSED = "refused", pgettext_lazy("row of a file", "Refused")

    batch = models.ForeignKey(Import, models.CASCADE, related_name="results", db_index=False)
    line = models.PositiveIntegerField(_("line"))
    outcome = models.CharField(_("outcome"), max_length=9, choices=Outcome)
    reason = models.CharField(_("reason"), max_length=120, blank=True)  # codes of coalition.importing, with commas
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="imported_rows")
    # row: [column, cell] of a row with something wrong. Of somebody who was known before, so that it can be undone:
    # was and set (fields), addresses (ids), tags (ids), external, organization (id), custom; at, when it was written
    data = models.JSONField(default=dict, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["batch", "line"]
        constraints = [models.UniqueConstraint(fields=["batch", "line"], name="imported_line_once")]
        indexes = [models.Index(fields=["batch", "outcome", "line"], name="imported_outcome")]

    def __str__(self):
        return f"{self.line}: {self.get_outcome_display()}"
