"""Open a round, and ask more partners in one: what they are asked, who is chosen, one look before it happens."""

import datetime

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from coalition import languages, signing_on, tasks
from coalition.forms.rounds import PartnersForm, RoundForm
from coalition.models import Organization, Publication
from coalition.views.rounds.choosing import Choosing, say_invited
from coalition.views.rounds.page import RoundPage


class Open(Choosing, PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """Open a round: the deadlines, the words, the partners; then one look at who will be asked."""

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
        return self._show(RoundForm(publication=self.publication), PartnersForm(user=request.user))

    def _show(self, form, partners_form, status=200):
        context = self.get_context_data(form=form, **self.choosing_context(partners_form))
        return self.render_to_response(context, status=status)

    def post(self, request, *args, **kwargs):
        form = RoundForm(request.POST, publication=self.publication)
        partners_form = PartnersForm(request.POST, user=request.user)
        if not all([form.is_valid(), partners_form.is_valid()]):
            return self._show(form, partners_form, status=422)
        if "propose" in request.POST and form.cleaned_data["official_deadline"]:
            form.propose(partners_form.partners())
            return self._show(form, partners_form)
        if "back" in request.POST:
            return self._show(form, partners_form)
        form.settle(partners_form.partners())
        if "confirmed" not in request.POST:
            return self._look(form, partners_form)
        try:
            round_ = signing_on.open_round(
                self.publication, **form.terms(), segment=partners_form.cleaned_data.get("segment"), by=request.user
            )
        except ValidationError as error:
            form.refused(error)
            return self._show(form, partners_form, status=422)
        invited = signing_on.invite(round_, partners_form.representatives(), by=request.user)
        tasks.send_notices.delay_on_commit()
        tasks.remind.delay_on_commit()
        log(instance=round_, action="coalition.open_round", data={"asked": len(invited.asked)})
        messages.success(request, _("The round is open."))
        say_invited(request, invited)
        return redirect("rounds:inspect", round_.pk)

    def _look(self, form, partners_form):
        self.template_name = "coalition/rounds/open_confirm.html"
        terms = form.terms()
        asked = self.asked_context(
            partners_form, deadline=terms["deadline"], scopes=terms["scopes"], by_text=terms["by_text"]
        )
        zone, scopes = terms["zone"], dict(Organization.Scope.choices)
        deadline, today = (languages.local(moment, zone).date() for moment in (terms["deadline"], timezone.now()))
        days = [deadline - datetime.timedelta(days=before) for before in terms["reminder_days"]]
        said = {
            "terms": terms,
            "scope_labels": [scopes[scope] for scope in terms["scopes"]],
            "reminders": [languages.format_date(day) for day in days if day >= today],
        }
        return self.render_to_response(self.get_context_data(form=form, **said, **asked))

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
        return self._show(PartnersForm(user=request.user, round_=self.round))

    def _show(self, partners_form, status=200):
        return self.render_to_response(self.get_context_data(**self.choosing_context(partners_form)), status=status)

    def post(self, request, *args, **kwargs):
        partners_form = PartnersForm(request.POST, user=request.user, round_=self.round, required=True)
        if "confirmed" in request.POST:
            # A second press finds those partners asked already, so they are no longer among the choices.
            partners_form.fields["organizations"].queryset = Organization.objects.partners()
        if not partners_form.is_valid():
            return self._show(partners_form, status=422)
        if "confirmed" not in request.POST:
            if "back" in request.POST:
                return self._show(partners_form)
            return self._look(partners_form)
        try:
            invited = signing_on.invite(self.round, partners_form.representatives(), by=request.user)
        except signing_on.RoundClosed:
            messages.error(request, _("The round is closed: nobody more can be asked."))
        else:
            tasks.send_notices.delay_on_commit()
            tasks.remind.delay_on_commit()
            log(instance=self.round, action="coalition.invite", data={"asked": len(invited.asked)})
            say_invited(request, invited)
        return redirect(self.url)

    def _look(self, partners_form):
        self.template_name = "coalition/rounds/invite_confirm.html"
        asked = self.asked_context(
            partners_form, deadline=self.round.deadline, scopes=self.round.scopes, by_text=self.round.by_text
        )
        return self.render_to_response(self.get_context_data(**asked))
