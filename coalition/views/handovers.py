"""Delivery records: enter that a signed text was handed over, see who stood under it then, take the papers."""

from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.generic import FormView, TemplateView
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import languages, roll, tasks
from coalition.forms.handovers import HandoverForm
from coalition.models import Handover, HandoverPaper, Organization, Version
from coalition.views.organizations.papers import serve
from coalition.views.screens import RecordScreen, Screen

A_PAGE = 30


class Handovers(Screen, TemplateView):
    """Every delivery, the newest first."""

    template_name = "coalition/handovers/index.html"
    page_title = gettext_lazy("Delivery records")
    any_permission_required = ["add", "change", "delete", "view"]
    header_icon = "mail"

    def get_breadcrumbs_items(self):
        return [*self.breadcrumbs_items, {"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs):
        found = Handover.objects.select_related("publication", "version", "by")
        page = Paginator(found, A_PAGE).get_page(self.request.GET.get("p"))
        return super().get_context_data(**kwargs) | {"page_obj": page}


class RecordHandover(Screen, FormView):
    """Enter how, when and to whom a version was handed over."""

    form_class = HandoverForm
    template_name = "coalition/handovers/record.html"
    permission_required = "add"
    page_title = gettext_lazy("Record a delivery")
    header_icon = "mail"

    @cached_property
    def version(self):
        versions = Version.objects.select_related("publication").prefetch_related("texts")
        return get_object_or_404(versions, pk=self.kwargs["version"])

    @cached_property
    def round(self):
        return self.version.publication.rounds.order_by("-opened_at").first()

    def get_breadcrumbs_items(self):
        publication = self.version.publication
        return [
            *self.breadcrumbs_items,
            {"url": reverse("publications:index"), "label": _("Publications")},
            {"url": reverse("publications:inspect", args=[publication.pk]), "label": str(publication)},
            {"url": "", "label": self.page_title},
        ]

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"version": self.version, "round_": self.round}

    def form_valid(self, form):
        handover = form.keep(self.request.user)
        if handover is None:
            return self.form_invalid(form)
        tasks.finish_handover.delay_on_commit(handover.pk)
        log(instance=handover.publication, action="coalition.hand_over", data={"handover": handover.pk})
        messages.success(self.request, _("The delivery is on record, with who stood under the text."))
        return redirect("handovers:inspect", handover.pk)

    def form_invalid(self, form):
        response = super().form_invalid(form)
        response.status_code = 422
        return response

    def get_context_data(self, **kwargs):
        signed = roll.of(self.version, get_language())
        newest = self.version.publication.current_version
        return super().get_context_data(**kwargs) | {
            "version": self.version,
            "publication": self.version.publication,
            "signed": signed,
            "newest": newest if newest.pk != self.version.pk else None,
            "back": reverse("publications:inspect", args=[self.version.publication_id]),
        }


class HandoverPage(RecordScreen, TemplateView):
    """One delivery: how, when, to whom, who stood under the text then, and the papers byte for byte."""

    template_name = "coalition/handovers/inspect.html"
    listing = ("handovers:index", gettext_lazy("Delivery records"))
    subject = "handover"
    home = "handovers:inspect"
    header_icon = "mail"

    def records(self):
        return Handover.objects.select_related("publication", "version", "by")

    def get_page_title(self):
        return str(self.record.publication)

    def get_context_data(self, **kwargs):
        language = get_language()
        names = {}
        for each in self.record.signatories:
            kept = each["names"]
            names.setdefault(each["scope"], []).append(kept.get(language) or next(iter(kept.values())))
        return super().get_context_data(**kwargs) | {
            "publication": self.record.publication,
            "version": self.record.version,
            "signed": [
                (scope.label, sorted(names[scope], key=languages.sort_key))
                for scope in Organization.Scope
                if scope in names
            ],
            **_papers(self.request, self.record),
        }


class HandoverPapers(RecordScreen, TemplateView):
    """The part of that page which fills while the papers are drawn: it asks again until all are there."""

    template_name = "coalition/handovers/papers.html"
    listing = HandoverPage.listing
    subject = "handover"
    home = "handovers:inspect"

    def records(self):
        return Handover.objects.select_related("version")

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | _papers(self.request, self.record)


def _papers(request, handover):
    return {
        "papers": handover.papers.order_by("language"),
        "may_see_papers": request.user.has_perm("coalition.view_handoverpaper"),
    }


class Paper(RecordScreen, TemplateView):
    """A paper as it was handed over: the very bytes, downloaded and never shown inside the back office."""

    http_method_names = ["get"]
    home = "handovers:inspect"
    subject = "handover"

    def records(self):
        return Handover.objects.select_related("version")

    def get(self, request, *args, **kwargs):
        if not request.user.has_perm("coalition.view_handoverpaper"):
            raise Http404
        paper = get_object_or_404(HandoverPaper, handover=self.record, pk=kwargs["paper"])
        version = self.record.version
        name = f"publication-{version.publication_id}-v{version.number}-{paper.language}-{paper.digest[:8]}"
        return serve(paper.file, name, as_attachment=True)
