"""Open a round, and ask more partners in one: what they are asked, who is chosen, one look before it happens."""

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import languages, signing_on, tasks
from coalition.forms.rounds import PartnersForm, RoundForm
from coalition.models import Decision, Organization, Publication, Representative
from coalition.views.rounds.page import RoundPage


class Choosing:
    """The table of partners to choose from, for opening a round and for inviting more."""

    def partners(self, form, chosen=()):
        """[(organization, [who may sign], whether it is chosen, the version it signed before or None)]."""
        organizations = list(form.fields["organizations"].queryset)
        speakers = {}
        for representative in (
            Representative.objects.filter(organization__in=organizations, may_sign=True, person__binned_at=None)
            .select_related("person")
            .prefetch_related("person__addresses")
        ):
            speakers.setdefault(representative.organization_id, []).append(representative)
        signed = {
            decision.organization_id: decision.version
            for decision in Decision.objects.live()
            .filter(publication=self.publication, choice=Decision.Choice.SIGN)
            .select_related("version")
        }
        rows = [(o, speakers.get(o.pk, []), str(o.pk) in chosen, signed.get(o.pk)) for o in organizations]
        return sorted(rows, key=lambda row: languages.sort_key(row[0].name))

    def choosing_context(self, partners_form):
        chosen = set(partners_form.data.getlist("organizations")) if partners_form.is_bound else set()
        return {
            "partners_form": partners_form,
            "partners": self.partners(partners_form, chosen),
            "scopes": Organization.Scope.choices,
            "kinds": Organization.Kind.choices,
        }

    def asked_context(self, partners_form):
        """Who would be asked, and who cannot be reached, for the last look before it happens."""
        speakers = list(
            partners_form.representatives()
            .select_related("person", "organization")
            .prefetch_related("person__addresses")
        )
        reached = [r for r in speakers if signing_on.reachable(r.person)]
        spoken_for = {r.organization_id for r in speakers}
        return {
            "reached": reached,
            "reached_organizations": len({r.organization_id for r in reached}),
            "unreachable": [r for r in speakers if r not in reached],
            "silent": [o for o in partners_form.cleaned_data["organizations"] if o.pk not in spoken_for],
            "chosen": partners_form.cleaned_data["organizations"],
        }


def say_invited(request, invited):
    """Tell the organizer what became of the invitations."""
    number = len(invited.asked)
    if number:
        messages.success(
            request,
            ngettext("%(number)s invitation is on its way.", "%(number)s invitations are on their way.", number)
            % {"number": number},
        )
    if invited.unreachable:
        names = languages.join_list(f"{r.person} ({r.organization})" for r in invited.unreachable)
        messages.warning(request, _("No email reaches %(names)s, so they were not asked.") % {"names": names})


class Open(Choosing, PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """Open a round: the deadline, the words, the partners; then one look at who will be asked."""

    permission_required = "add"
    template_name = "coalition/rounds/open.html"
    header_icon = "clipboard-list"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.publication = get_object_or_404(Publication, pk=kwargs["publication"])

    def get_page_title(self):
        return _("Open a round")

    def get_breadcrumbs_items(self):
        inspect = reverse("publications:inspect", args=[self.publication.pk])
        return [
            *self.breadcrumbs_items,
            {"url": reverse("publications:index"), "label": _("Publications")},
            {"url": inspect, "label": str(self.publication)},
            {"url": "", "label": _("Open a round")},
        ]

    def dispatch(self, request, *args, **kwargs):
        problem = self.user_has_permission("add") and self._problem()
        if problem:
            messages.error(request, problem)
            return redirect("publications:inspect", self.publication.pk)
        return super().dispatch(request, *args, **kwargs)

    def _problem(self):
        if self.publication.current_version is None:
            return _("Freeze the text first: partners sign a frozen version.")
        if self.publication.rounds.filter(closed_at=None).exists():
            return _("A round is already open for this publication. Close it first.")
        return ""

    def get(self, request, *args, **kwargs):
        return self._show(RoundForm(), PartnersForm())

    def _show(self, form, partners_form, status=200):
        context = self.get_context_data(form=form, **self.choosing_context(partners_form))
        return self.render_to_response(context, status=status)

    def post(self, request, *args, **kwargs):
        form, partners_form = RoundForm(request.POST), PartnersForm(request.POST)
        if not all([form.is_valid(), partners_form.is_valid()]):
            return self._show(form, partners_form, status=422)
        if "confirmed" not in request.POST:
            if "back" in request.POST:
                return self._show(form, partners_form)
            self.template_name = "coalition/rounds/open_confirm.html"
            return self.render_to_response(self.get_context_data(form=form, **self.asked_context(partners_form)))
        said = form.cleaned_data
        try:
            round_ = signing_on.open_round(
                self.publication,
                deadline=said["deadline"],
                zone=said["zone"],
                addressee=said["addressee"],
                message=said["message"],
                by=request.user,
            )
        except ValidationError as error:
            form.add_error(None, list(error.messages))
            return self._show(form, partners_form, status=422)
        invited = signing_on.invite(round_, partners_form.representatives(), by=request.user)
        tasks.send_notices.delay_on_commit()
        log(instance=round_, action="coalition.open_round", data={"asked": len(invited.asked)})
        messages.success(request, _("The round is open."))
        say_invited(request, invited)
        return redirect("rounds:inspect", round_.pk)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "publication": self.publication,
            "version": self.publication.current_version,
        }


class Invite(Choosing, RoundPage):
    """Ask more partners in an open round."""

    any_permission_required = None
    permission_required = "change"
    template_name = "coalition/rounds/invite.html"
    step = gettext_lazy("Invite partners")

    @property
    def publication(self):
        return self.round.publication

    def dispatch(self, request, *args, **kwargs):
        if self.round.closed_at and self.user_has_permission("change"):
            messages.error(request, _("The round is closed: nobody more can be asked."))
            return redirect(self.url)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request, *args, **kwargs):
        return self._show(PartnersForm(round_=self.round))

    def _show(self, partners_form, status=200):
        return self.render_to_response(self.get_context_data(**self.choosing_context(partners_form)), status=status)

    def post(self, request, *args, **kwargs):
        partners_form = PartnersForm(request.POST, round_=self.round, required=True)
        if "confirmed" in request.POST:
            # A second press finds those partners asked already, so they are no longer among the choices.
            partners_form.fields["organizations"].queryset = Organization.objects.partners()
        if not partners_form.is_valid():
            return self._show(partners_form, status=422)
        if "confirmed" not in request.POST:
            if "back" in request.POST:
                return self._show(partners_form)
            self.template_name = "coalition/rounds/invite_confirm.html"
            return self.render_to_response(self.get_context_data(**self.asked_context(partners_form)))
        try:
            invited = signing_on.invite(self.round, partners_form.representatives(), by=request.user)
        except signing_on.RoundClosed:
            messages.error(request, _("The round is closed: nobody more can be asked."))
        else:
            tasks.send_notices.delay_on_commit()
            log(instance=self.round, action="coalition.invite", data={"asked": len(invited.asked)})
            say_invited(request, invited)
        return redirect(self.url)
