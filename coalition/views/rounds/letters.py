"""A decision that arrived by letter: staff enter it with the scan, and only staff get the scan back."""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import tasks
from coalition.forms.letters import LetterForm
from coalition.models import Decision
from coalition.views.organizations.papers import serve
from coalition.views.rounds.page import RoundPage


class RecordLetter(RoundPage):
    """Enter what a letter says."""

    any_permission_required = None
    permission_required = "change"
    template_name = "coalition/rounds/letter.html"
    step = gettext_lazy("Record a letter")

    def dispatch(self, request, *args, **kwargs):
        if not request.user.has_perm("coalition.add_decision"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request, *args, **kwargs):
        return self._show(LetterForm(round_=self.round, initial={"organization": request.GET.get("partner", "")}))

    def _show(self, form, status=200):
        return self.render_to_response(self.get_context_data(form=form), status=status)

    def post(self, request, *args, **kwargs):
        form = LetterForm(request.POST, request.FILES, round_=self.round)
        decision = form.keep(request.user) if form.is_valid() else None
        if decision is None:
            return self._show(form, status=422)
        tasks.send_notices.delay_on_commit()
        tasks.draw_chart.delay_on_commit(self.round.pk)
        log(instance=self.round, action="coalition.record_letter", data={"decision": decision.pk})
        if decision.late and decision.accepted is None and decision.choice == Decision.Choice.SIGN:
            messages.warning(request, _("Recorded. It came after the deadline, so it waits until you accept it."))
        else:
            messages.success(request, _("Recorded. The partner is told by email."))
        return redirect(f"{self.url}?partner={decision.organization_id}#partners")


class Proof(RoundPage):
    """The scanned letter, to look at elsewhere: it is downloaded, never shown inside the back office."""

    http_method_names = ["get"]

    def get(self, request, *args, **kwargs):
        if not (request.user.has_perm("coalition.view_decision") and request.user.has_perm("coalition.view_person")):
            raise PermissionDenied
        decision = get_object_or_404(
            Decision.objects.select_related("organization"), pk=kwargs["decision"], round=self.round
        )
        if not decision.proof:
            raise Http404
        return serve(decision.proof, slugify(f"{decision.organization} letter")[:80] or "letter", as_attachment=True)
