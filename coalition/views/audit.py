"""The audit in the back office: who did what, to what, when, from where and why: read, filtered, taken as a file."""

import csv
from collections import defaultdict

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.http import StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView, View
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin

from coalition import accounts, audit, consent
from coalition.forms.audit import AuditForm
from coalition.models import AuditLine, BulkAction, Decision, Handover, Import, ImportedRow
from coalition.reading_people import REASONS
from coalition.views.searching import FindsPeople, unseen

PAGE = 50
FILE_ROWS = 100_000
# Where the record of a kind of subject is shown.
PAGES = {
    "coalition.person": "people:inspect",
    "coalition.organization": "organizations:inspect",
    "coalition.segment": "segments:inspect",
    "coalition.import": "imports:inspect",
    "coalition.user": "staff_sign_ins:member",
    "coalition.publication": "publications:inspect",
    "coalition.handover": "handovers:inspect",
    "coalition.topic": "topics:edit",
    "coalition.region": "regions:edit",
    "coalition.constituency": "constituencies:edit",
    "coalition.customfield": "fields:edit",
    "auth.group": "wagtailusers_groups:edit",
}


class MayRead(FindsPeople):
    typed = "words"  # of who did it, or of the reason

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm("coalition.view_auditline"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


def kind_of(label):
    """The kind of a subject in words: "person"."""
    try:
        return str(apps.get_model(label)._meta.verbose_name)
    except (LookupError, ValueError):
        return label


def subjects_of(lines):
    """{line's key: (words, address or "")} for the subjects of a page of lines, in one query a kind."""
    wanted = defaultdict(set)
    for line in lines:
        if line.subject and line.subject_id.isdecimal():
            wanted[line.subject].add(int(line.subject_id))
    held = {}
    for label, pks in wanted.items():
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            continue
        records = model._base_manager.filter(pk__in=pks)
        if "organization" in {field.name for field in model._meta.fields}:
            records = records.select_related("organization")  # which most of these are called by
        held |= {(label, str(record.pk)): record for record in records}
    found = {}
    for line in lines:
        if not line.subject:
            continue
        record, kind = held.get((line.subject, line.subject_id)), kind_of(line.subject)
        if record is None:
            found[line.pk] = (f"{kind} {line.subject_id}".strip(), "")
            continue
        try:
            address = reverse(PAGES[line.subject], args=[line.subject_id])
        except (KeyError, NoReverseMatch):
            address = ""
        found[line.pk] = (f"{kind}: {record}", address)
    return found


# What was done, where a line says it in a word of ours.
DID = {
    "added": gettext_lazy("added"),
    "changed": gettext_lazy("changed"),
    "deleted": gettext_lazy("deleted"),
    "removed": gettext_lazy("removed"),
    "retired": gettext_lazy("retired"),
    "offered again": gettext_lazy("offered again"),
    "enabled": gettext_lazy("switched on"),
    "disabled": gettext_lazy("switched off"),
    "email changed": gettext_lazy("email address changed"),
    "password changed": gettext_lazy("password changed"),
    "made superuser": gettext_lazy("made superuser"),
    "no superuser any more": gettext_lazy("no superuser any more"),
    "role added": gettext_lazy("role added"),
    "role changed": gettext_lazy("role changed"),
    "role deleted": gettext_lazy("role deleted"),
    "signed in": gettext_lazy("signed in"),
    "session ended": gettext_lazy("session ended"),
    "sessions ended": gettext_lazy("sessions ended"),
    "locked out": gettext_lazy("locked out after too many tries"),
    "unlocked": gettext_lazy("let in again"),
    "second factor on": gettext_lazy("second factor switched on"),
    "second factor off": gettext_lazy("second factor switched off"),
    "second factor reset": gettext_lazy("second factor reset by an administrator"),
    "recovery codes renewed": gettext_lazy("new recovery codes"),
    "recovery code used": gettext_lazy("a recovery code used"),
    "retention": gettext_lazy("how long people are kept"),
    "looked": gettext_lazy("looked at"),
    "authorization given": gettext_lazy("standing authorization given"),
    "authorization extended": gettext_lazy("standing authorization extended"),
    "authorization revoked": gettext_lazy("standing authorization revoked"),
    "shown": gettext_lazy("shown to the public"),
    "taken down": gettext_lazy("taken down"),
    "email granted": consent.GRANTED_BY_EMAIL,
    "phone granted": consent.GRANTED_BY_TEXT,
    "email withdrawn": consent.STOPPED_EMAIL,
    "phone withdrawn": consent.STOPPED_TEXT,
}


# What the details are called, and words that stand in them.
NAMES = {
    "about": gettext_lazy("about"),
    "accepted": gettext_lazy("accepted"),
    "automatic": gettext_lazy("automatic"),
    "choice": gettext_lazy("decision"),
    "columns": gettext_lazy("columns"),
    "fell_away": gettext_lazy("signatures that fell away"),
    "fields": gettext_lazy("fields"),
    "file": gettext_lazy("file"),
    "individual": gettext_lazy("individual"),
    "key": gettext_lazy("key"),
    "kind": gettext_lazy("kind"),
    "left": gettext_lazy("left"),
    "material": gettext_lazy("material"),
    "merge": gettext_lazy("merge"),
    "number": gettext_lazy("number"),
    "organization": gettext_lazy("organization number"),
    "papers": gettext_lazy("papers"),
    "people": gettext_lazy("people"),
    "reasons": gettext_lazy("reasons"),
    "removed": gettext_lazy("removed"),
    "rows": gettext_lazy("rows"),
    "signed": gettext_lazy("signatures"),
    "source": gettext_lazy("source"),
    "state": gettext_lazy("state"),
    "version": gettext_lazy("version"),
    "via": gettext_lazy("how it came"),
    "way": gettext_lazy("how"),
    "what": gettext_lazy("what"),
    "withdrawn": gettext_lazy("withdrawn"),
}
DETAILS = {
    "True": gettext_lazy("yes"),
    "False": gettext_lazy("no"),
    "person": gettext_lazy("person"),
    "organization": gettext_lazy("organization"),
    "constituencies": gettext_lazy("communities"),
    "audit": gettext_lazy("audit"),
    "self": gettext_lazy("said by themselves"),
    "staff": gettext_lazy("staff"),
    "signatures": gettext_lazy("signatures"),
    **{str(value): label for value, label in accounts.Role.choices},
}
WORDS = {
    "kind": dict(BulkAction.Kind.choices),
    "state": dict(Import.State.choices),
    "rows": dict(ImportedRow.Outcome.choices),
    "reasons": REASONS,
    "choice": dict(Decision.Choice.choices),
    "via": dict(Decision.Via.choices),
    "way": dict(Handover.Way.choices),
}


def details_of(line):
    """The details in words: names and numbers only, for no line holds more."""
    details = dict(line.details)
    did = details.pop("did", "")
    rest = [f"{NAMES.get(name, name)}: {_said(value, WORDS.get(name, {}))}" for name, value in details.items()]
    return " · ".join(filter(None, [str(DID.get(did, did)), *rest]))


def _said(value, words):
    def said(one):
        return str(words.get(one) or DETAILS.get(str(one), one))

    if isinstance(value, dict):
        return ", ".join(f"{said(key)} {number}" for key, number in value.items())
    if isinstance(value, list):  # a number in a list is that of a record, not how many there are
        return ", ".join(f"#{one}" if isinstance(one, int) else said(one) for one in value)
    return said(value)


class Audit(MayRead, WagtailAdminTemplateMixin, TemplateView):
    template_name = "coalition/audit/index.html"
    page_title = gettext_lazy("Audit")
    header_icon = "list-ul"

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def post(self, request, *args, **kwargs):
        query = self.query_of(request.POST)
        return redirect(f"{request.path}?{query}" if query else request.path)

    def query_of(self, asked):
        """What leads to the newest of the lines that are asked for."""
        kept = {name: asked[name] for name in AuditForm.base_fields if asked.get(name)}
        return unseen(urlencode(kept), self.typed)

    def get_context_data(self, **kwargs):
        form = AuditForm(self.asked or None)
        asked = form.cleaned_data if form.is_valid() else {}
        found = audit.find(**asked) if form.is_valid() or not form.is_bound else AuditLine.objects.none()
        # Pages are asked for by the line they begin after: the thousandth is as fast as the first.
        before = self.request.GET.get("before", "")
        page = audit.page(found, before=int(before) if before.isdecimal() and len(before) < 19 else None, size=PAGE)
        query = self.query_of(self.asked)
        subjects = subjects_of(page.lines)
        return super().get_context_data(**kwargs) | {
            "form": form,
            "lines": [(line, *subjects.get(line.pk, ("", "")), details_of(line)) for line in page.lines],
            "older": page.older,
            "is_first": not before,
            "query": query,
            "filtered": bool(query),
        }


class AuditFile(MayRead, View):
    """What is shown, as a CSV file; that it was taken out is a line of its own."""

    def get(self, request):
        form = AuditForm(self.asked)
        if not form.is_valid():
            raise PermissionDenied
        audit.record(audit.Action.EXPORT, AuditLine, details={"what": "audit"}, why=_("The audit as a file"))
        found = audit.find(**form.cleaned_data)[:FILE_ROWS]
        response = StreamingHttpResponse(self.rows(found), content_type="text/csv; charset=utf-8")
        day = timezone.localdate().isoformat()
        response.headers["Content-Disposition"] = f'attachment; filename="audit-{day}.csv"'
        return response

    def rows(self, found):
        writer = csv.writer(self)
        yield "\ufeff"
        yield writer.writerow(
            [_("When"), _("Who"), _("What"), _("About"), _("Number"), _("Details"), _("From where"), _("Why")]
        )
        for line in found.iterator(chunk_size=2000):
            at = timezone.localtime(line.at).strftime("%Y-%m-%d %H:%M:%S")
            row = [at, line.by_name, line.get_action_display(), line.subject, line.subject_id, details_of(line)]
            yield writer.writerow([_safe(cell) for cell in [*row, line.origin, line.why]])

    def write(self, row):
        return row


def _safe(cell):
    """No cell becomes a formula."""
    return f"'{cell}" if str(cell)[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
