"""An import that was confirmed: how far it has come, what became of each row, and the way back."""

import time

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import importing, tasks
from coalition.forms.imports import UndoForm
from coalition.models import Organization
from coalition.reading_files import label_of
from coalition.spreadsheets import csv_stream

from .screens import ChangeScreen, ImportScreen, State, figures, reason_words, reasons

SHOWN = 50
BUSY = (State.RUNNING, State.UNDOING)


class ImportPage(ImportScreen, TemplateView):
    """How far an import has come, and what became of each row."""

    template_name = "coalition/imports/inspect.html"

    def get(self, request, *args, **kwargs):
        if self.batch.state == State.UPLOADED and self.user_has_permission("change"):
            return redirect("imports:columns", self.batch.pk)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        batch = self.batch
        counts, why = importing.report(batch)
        noted = batch.results.exclude(reason="").select_related("person")
        organization = batch.options.get("organization")
        return super().get_context_data(**kwargs) | {
            "figures": figures(counts),
            "reasons": reasons(why),
            "noted": [(row, reason_words(row.reason)) for row in noted[:SHOWN]],
            "noted_count": sum(why.values()) and noted.count(),
            "shown": SHOWN,
            "busy": batch.state in BUSY,
            "running": batch.state == State.RUNNING,
            "may_undo": importing.may_undo(batch) and self.user_has_permission("change"),
            "undo": undo_words(batch.undo) if batch.state == State.UNDONE else None,
            "options": batch.options,
            "organization": Organization.objects.filter(pk=organization).first() if organization else None,
            **self.pace(),
        }

    def pace(self):
        """How far the work is, how long it will take at the pace seen so far, and what the next look needs to know."""
        batch = self.batch
        done, total = batch.done, batch.rows
        if batch.state == State.UNDOING:
            done, total = batch.undo.get("done", 0), batch.undo.get("rows", 0)
        now = int(time.time())
        try:
            since, had = int(self.request.GET["since"]), int(self.request.GET["had"])
        except (KeyError, ValueError):
            since, had = now, done
        left = ""
        if now - since >= 2 and done > had and total > done:
            left = seconds_words((now - since) * (total - done) / (done - had))
        return {"pace_done": done, "pace_total": total, "since": since, "had": had, "left": left}


def seconds_words(seconds):
    """How long something still takes, as people say it."""
    if seconds < 60:
        return _("less than a minute left")
    minutes = round(seconds / 60)
    if minutes < 90:
        return ngettext("about %(number)d minute left", "about %(number)d minutes left", minutes) % {"number": minutes}
    hours = round(minutes / 60)
    return ngettext("about %(number)d hour left", "about %(number)d hours left", hours) % {"number": hours}


def undo_words(counts):
    """What an undo takes back, and whom it leaves with the reason why."""
    kept = counts.get("kept") or {}
    return counts | {
        "staying": sum(kept.values()),
        "why": [(importing.KEPT[code], kept[code]) for code in importing.KEPT if kept.get(code)],
    }


class Progress(ImportPage):
    """The part of the page that is fetched again and again while the import runs, or is undone."""

    template_name = "coalition/imports/progress.html"

    def get(self, request, *args, **kwargs):
        if self.batch.state not in BUSY:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return super().get(request, *args, **kwargs)


class Report(ImportScreen, View):
    """Every row with something wrong, as a file to correct and bring in again."""

    def get(self, request, *args, **kwargs):
        rows = self.batch.results.exclude(reason="").order_by("line")
        names = list(dict.fromkeys(name for row in rows[:1000] for name, _cell in row.data.get("row", ())))
        header = [_("Row"), _("What became of it"), _("What was wrong"), *map(label_of, names)]
        return csv_stream(f"import-{self.batch.pk}-rows-to-look-at.csv", header, self.lines(rows, names))

    @staticmethod
    def lines(rows, names):
        for row in rows.iterator(chunk_size=1000):
            cells = dict(row.data.get("row", ()))
            why = " ".join(map(str, reason_words(row.reason)))
            yield [row.line, row.get_outcome_display(), why, *(cells.get(name, "") for name in names)]


class Undo(ChangeScreen, TemplateView):
    """Take an import back: first what that means, then, once it is confirmed, the work itself."""

    template_name = "coalition/imports/undo.html"
    step = gettext_lazy("Undo")

    def dispatch(self, request, *args, **kwargs):
        if not importing.may_undo(self.batch) and self.user_has_permission("change"):
            return redirect(self.url)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "undo": undo_words(vars(importing.undo_preview(self.batch))),
            "form": UndoForm(),
        }

    def post(self, request, *args, **kwargs):
        if importing.undo(self.batch, by=request.user, why=request.POST.get("why", "").strip()):
            tasks.undo_import.delay_on_commit(self.batch.pk)
            log(instance=self.batch, action="coalition.undo_import")
            messages.success(request, _("The import is being undone. You can leave this page."))
        return redirect(self.url)
