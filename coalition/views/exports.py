"""Exports in the back office: choose columns, say why, take the file; and the record of every file that left."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext_lazy
from django.views.generic import FormView, TemplateView

from coalition import accounts, exporting, papers, resources, roll, saved_views, spreadsheets
from coalition.forms import finding
from coalition.forms.exports import ExportForm, SignaturesForm
from coalition.models import Export, Version
from coalition.views.organizations.listing import OrganizationsIndex
from coalition.views.people.listing import ORDERS
from coalition.views.screens import Screen
from coalition.views.searching import FindsPeople, unseen

Subject = Export.Subject
EXPORTS_A_PAGE = 30


def address(subject, query):
    """The list that a file is taken from, as it is today; words that find people stand hidden in its address."""
    if subject == Subject.SIGNATURES:
        return reverse("exports:signatures", args=[QueryDict(query)["version"]])
    if subject == Subject.PEOPLE:
        home, query = reverse("people:list"), unseen(query)
    else:
        home = reverse("organizations:index")
    return f"{home}?{query}" if query else home


class ExportScreen(Screen, FormView):
    """What the list's address finds, as a file. Nothing leaves without columns, a reason, and a line on record."""

    form_class = ExportForm
    template_name = "coalition/exports/export.html"
    permission_required = "add"
    header_icon = "download"
    subject = None

    def dispatch(self, request, *args, **kwargs):
        if not self.may_see():
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def may_see(self):
        raise NotImplementedError

    def found(self):
        """Whom the address finds, in its order."""
        raise NotImplementedError

    @property
    def asked(self):
        return self.request.GET

    @cached_property
    def resource(self):
        return resources.resource_of(self.subject, with_people=accounts.sees_people(self.request.user))

    @cached_property
    def number(self):
        return self.found().order_by().count()

    @cached_property
    def question(self):
        asked = saved_views.question(self.asked.urlencode())
        chosen = [("pk", pk) for pk in self.request.GET.getlist("pk")[: finding.AT_MOST]]
        return "&".join(filter(None, [asked, urlencode(chosen)]))

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"columns": self.resource.columns, "count": lambda: self.number}

    def get_initial(self):
        last = exporting.last_of(self.request.user, self.subject)
        columns = self.resource.columns
        known = [key for key in last.columns if key in columns] if last else []
        proposed = [key for key, column in columns.items() if column.proposed]
        return {"columns": known or proposed, "kind": last.kind if last else "csv"}

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "number": self.number,
            "back": address(self.subject, self.question),
            "subject": self.subject,
            "narrowed": bool(self.question),
            "remembered": exporting.last_of(self.request.user, self.subject) is not None,
        }

    def form_valid(self, form):
        kind = form.cleaned_data["kind"]
        export = exporting.begin(
            self.subject,
            kind=kind,
            columns=form.cleaned_data["columns"],
            query=self.question,
            reason=form.cleaned_data["reason"],
            by=self.request.user,
        )
        title = capfirst(str(self.subject.label))
        name = f"{slugify(title)}-{timezone.localdate():%Y-%m-%d}.{kind}"
        header = self.resource.get_export_headers(selected_fields=export.columns)
        rows = exporting.counted(export, self.resource.export_rows(self.found(), export.columns))
        if kind == "xlsx":
            return spreadsheets.xlsx_response(name, title, header, rows)
        return spreadsheets.csv_stream(name, header, rows)


class ExportPeople(FindsPeople, ExportScreen):
    page_title = gettext_lazy("Export people")
    subject = Subject.PEOPLE
    listing = ("people:list", gettext_lazy("People"))

    def may_see(self):
        return accounts.sees_people(self.request.user)

    def found(self):
        people = finding.found(self.asked, self.request).present()
        return people.order_by(*ORDERS.get(self.request.GET.get("ordering"), ORDERS["-created_at"]))


class ExportOrganizations(ExportScreen):
    page_title = gettext_lazy("Export organizations")
    subject = Subject.ORGANIZATIONS
    listing = ("organizations:index", gettext_lazy("Organizations"))
    index_kwargs = {}

    def may_see(self):
        return self.request.user.has_perm("coalition.view_organization")

    def found(self):
        index = OrganizationsIndex(**self.index_kwargs)
        index.setup(self.request)
        found = index.get_queryset()
        if "pk" in self.request.GET:
            chosen = self.request.GET.getlist("pk")[: finding.AT_MOST]
            found = found.filter(pk__in=[int(pk) for pk in chosen if pk.isascii() and pk.isdigit() and len(pk) < 19])
        return found


class ExportSignatures(ExportScreen):
    """Who stands under a version, for the press or for the addressee. The same rule: columns, a reason, on record."""

    form_class = SignaturesForm
    template_name = "coalition/exports/signatures.html"
    page_title = gettext_lazy("Names of who signed")
    subject = Subject.SIGNATURES
    listing = ("publications:index", gettext_lazy("Publications"))

    def may_see(self):
        return self.request.user.has_perm("coalition.view_publication")

    @cached_property
    def version(self):
        versions = Version.objects.select_related("publication").prefetch_related("texts")
        return get_object_or_404(versions, pk=self.kwargs["version"])

    @property
    def audience(self):
        return "press" if self.request.GET.get("for") == "press" else "addressee"

    @cached_property
    def resource(self):
        return resources.SignatureResource(names_signers=self.version.publication.prints_signers)

    @cached_property
    def rows(self):
        return self.resource.rows_of(roll.of(self.version))

    @property
    def number(self):
        return len(self.rows)

    @property
    def question(self):
        return urlencode({"version": self.version.pk, "for": self.audience})

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"pdf": self.audience == "press" and papers.available()}

    def get_initial(self):
        columns = self.resource.columns
        chosen = [key for key, column in columns.items() if column.proposed or self.audience == "addressee"]
        return {"columns": chosen, "kind": "csv"}

    def get_context_data(self, **kwargs):
        context = super(ExportScreen, self).get_context_data(**kwargs)
        return context | {
            "number": self.number,
            "version": self.version,
            "publication": self.version.publication,
            "audience": self.audience,
            "back": reverse("publications:inspect", args=[self.version.publication_id]),
        }

    def form_valid(self, form):
        kind, _dash, language = form.cleaned_data["kind"].partition("-")
        columns = ["scope", f"name_{language}"] if language else form.cleaned_data["columns"]
        pdf = papers.names_pdf(self.version, language) if language else None
        export = exporting.begin(
            self.subject,
            kind=kind,
            columns=columns,
            query=self.question,
            reason=form.cleaned_data["reason"],
            by=self.request.user,
        )
        name = f"signatures-{self.version.code}.{kind}"
        rows = exporting.counted(export, self.resource.export_rows(self.rows, columns))
        if pdf:
            for _row in rows:  # their number is on record, as with every other kind of file
                pass
            return HttpResponse(
                pdf,
                content_type="application/pdf",
                headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
            )
        header = self.resource.get_export_headers(selected_fields=columns)
        if kind == "xlsx":
            return spreadsheets.xlsx_response(name, str(self.page_title), header, rows)
        return spreadsheets.csv_stream(name, header, rows)


class Exports(Screen, TemplateView):
    """Every file that left: what, who, why, how many rows."""

    template_name = "coalition/exports/index.html"
    page_title = gettext_lazy("Exports")
    permission_required = "view"
    header_icon = "download"

    def dispatch(self, request, *args, **kwargs):
        if not accounts.sees_people(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs):
        found = Export.objects.select_related("by")
        what = self.request.GET.get("what", "")
        if what in Subject.values:
            found = found.filter(subject=what)
        page = Paginator(found, EXPORTS_A_PAGE).get_page(self.request.GET.get("p"))
        labels = {subject: resources.resource_of(subject, with_people=True).columns for subject in Subject}
        for export in page:
            held = labels[Subject(export.subject)]
            export.labels = [capfirst(str(held[key].column_name)) if key in held else key for key in export.columns]
            export.list_url = address(export.subject, export.query)
        return super().get_context_data(**kwargs) | {
            "page_obj": page,
            "what": what,
            "subjects": Subject.choices,
            "query": urlencode({"what": what}) if what else "",
        }
