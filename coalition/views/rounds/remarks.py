"""What partners ask and propose in a round: what waits first; answered in place, proposals under their passage."""

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import talking, tasks
from coalition.forms.talking import ReplyForm
from coalition.models import Organization, Remark

from .page import RoundPage

Kind, State = Remark.Kind, Remark.State
A_PAGE = 20
STATES = {
    Kind.QUESTION: [
        (State.OPEN, gettext_lazy("Waits for an answer")),
        (State.TAKEN, pgettext_lazy("a question", "Answered")),
    ],
    Kind.PROPOSAL: [
        (State.OPEN, gettext_lazy("Waits for an answer")),
        (State.TAKEN, gettext_lazy("Taken up")),
        (State.DECLINED, gettext_lazy("Not taken up")),
    ],
}


class Remarks(RoundPage):
    """The threads of a round: its questions, or its proposals passage by passage."""

    template_name = "coalition/rounds/remarks.html"
    step = gettext_lazy("Questions and proposals")

    def get(self, request, *args, form=None, **kwargs):
        return self.render_to_response(self.get_context_data(form=form), status=422 if form else 200)

    @property
    def asked(self):
        """What the reader wants to see: {"kind", "state", "partner", "q"}, only what makes sense."""
        given = {name: self.request.GET.get(name, "").strip() for name in ("kind", "state", "partner", "q")}
        kind = Kind.PROPOSAL if given["kind"] == Kind.PROPOSAL else Kind.QUESTION
        state = given["state"] if given["state"] in dict(STATES[kind]) else ""
        partner = given["partner"] if given["partner"].isascii() and given["partner"].isdigit() else ""
        return {"kind": str(kind), "state": state, "partner": partner, "q": given["q"].replace("\x00", "")}

    def get_context_data(self, form=None, **kwargs):
        asked, counts = self.asked, talking.counts(self.round)
        kind, partner = asked["kind"], asked["partner"][:9]
        found = talking.of_round(self.round, kind=kind, state=asked["state"], partner=partner, words=asked["q"])
        context = super().get_context_data(**kwargs)
        if kind == Kind.PROPOSAL and context["version"]:
            passages = talking.by_passage(found, context["version"])
            found = sorted(passages, key=lambda passage: all(each.state != State.OPEN for each in passage.proposals))
        page = Paginator(found, A_PAGE).get_page(self.request.GET.get("p"))
        page.object_list = list(page.object_list)
        shown = [remark for each in page.object_list for remark in getattr(each, "proposals", [each])]
        for remark in shown:
            remark.form = form if form and form.remark == remark else ReplyForm.to(remark)
        kept = {name: value for name, value in asked.items() if value}
        return (
            context
            | asked
            | {
                "page_obj": page,
                "query": urlencode(kept),
                "partner_name": Organization.objects.filter(pk=partner).first() if partner else None,
                "tabs": [(each, label, counts.get((each, State.OPEN), 0)) for each, label in self.tabs()],
                "states": [(value, label, counts.get((kind, value), 0)) for value, label in STATES[kind]],
                "total": sum(number for (each, _state), number in counts.items() if each == kind),
                "proposals": kind == Kind.PROPOSAL,
                "form": form,
            }
        )

    def tabs(self):
        return [(Kind.QUESTION, _("Questions")), (Kind.PROPOSAL, _("Proposed edits"))]


class Reply(Remarks):
    """Answer a question, or settle a proposal; what was written comes back where something is wrong with it."""

    any_permission_required = None
    permission_required = "change"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        remarks = Remark.objects.filter(round=self.round, about=None)
        remark = get_object_or_404(remarks, pk=kwargs["remark"])
        form = ReplyForm.to(remark, request.POST)
        if form.is_valid():
            try:
                reply = form.reply(by=request.user)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                tasks.send_notices.delay_on_commit()
                log(instance=self.round, action="coalition.reply", data={"remark": remark.pk, "state": reply.state})
                messages.success(request, _("The partner is told."))
                return redirect(f"{reverse('rounds:remarks', args=[self.round.pk])}?{self.kept}#remark-{remark.pk}")
        return self.get(request, form=form)

    @property
    def kept(self):
        return urlencode({name: value for name, value in self.asked.items() if value})
