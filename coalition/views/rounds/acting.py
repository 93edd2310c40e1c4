"""What an organizer does to an open round: move the deadline, remind, send a link, settle a late answer, close."""

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import counting, signing_on, tasks
from coalition.counting import State
from coalition.forms.rounds import DeadlineForm
from coalition.models import Decision, Invitation
from coalition.views.rounds.page import RoundAct, RoundPage


class ChangeDeadline(RoundPage):
    """A later or earlier deadline, while the round is open."""

    any_permission_required = None
    permission_required = "change"
    template_name = "coalition/rounds/deadline.html"
    step = gettext_lazy("Change the deadline")

    def get(self, request, *args, form=None, **kwargs):
        if self.round.closed_at:
            return redirect(self.url)
        form = form or DeadlineForm(round_=self.round)
        return self.render_to_response(self.get_context_data(form=form), status=422 if form.errors else 200)

    def post(self, request, *args, **kwargs):
        form = DeadlineForm(request.POST, round_=self.round)
        if form.is_valid():
            try:
                signing_on.move_deadline(
                    self.round, deadline=form.cleaned_data["deadline"], zone=form.cleaned_data["zone"]
                )
            except signing_on.RoundClosed:
                messages.error(request, _("The round was closed meanwhile, so nothing was changed."))
            except ValidationError as error:
                form.add_error(None, list(error.messages))
                return self.get(request, form=form)
            else:
                log(
                    instance=self.round,
                    action="coalition.move_deadline",
                    data={"deadline": str(form.cleaned_data["deadline"])},
                )
                messages.success(request, _("The deadline is changed. Partners see the new one from now on."))
            return redirect(self.url)
        return self.get(request, form=form)


def say_reminded(request, number):
    if number:
        messages.success(
            request,
            ngettext("%(number)s reminder is on its way.", "%(number)s reminders are on their way.", number)
            % {"number": number},
        )
    else:
        messages.info(request, _("Nobody was reminded: they had a reminder today, or no email reaches them."))


class RemindAll(RoundAct):
    def act(self, request):
        number = signing_on.remind_undecided(self.round, by=request.user)
        tasks.send_notices.delay_on_commit()
        log(instance=self.round, action="coalition.remind", data={"reminded": number})
        say_reminded(request, number)


class RemindOne(RoundAct):
    def act(self, request):
        organization = self.kwargs["organization"]
        theirs = [i for i in signing_on.undecided(self.round) if i.organization_id == organization]
        number = signing_on.remind(self.round, theirs, by=request.user)
        tasks.send_notices.delay_on_commit()
        say_reminded(request, number)


class SendLink(RoundAct):
    """The personal link again, to the address on record: staff never hold it in their hands."""

    def act(self, request):
        invitation = get_object_or_404(
            Invitation.objects.filter(round=self.round, revoked_at=None).select_related(
                "round__publication", "organization", "representative__person"
            ),
            pk=self.kwargs["invitation"],
        )
        notice = signing_on.send_link(invitation)
        if notice is None:
            messages.error(request, _("No email reaches this person."))
        else:
            tasks.send_notices.delay_on_commit()
            messages.success(request, _("The link is on its way."))


class Settle(RoundAct):
    """Accept a late signature, or leave it out (G3)."""

    accepted = False

    def act(self, request):
        decision = get_object_or_404(Decision, pk=self.kwargs["decision"], round=self.round)
        settle = signing_on.accept if self.accepted else signing_on.set_aside
        if not settle(decision, by=request.user):
            messages.info(request, _("This answer no longer waits: it was settled, or the partner answered again."))
            return
        tasks.send_notices.delay_on_commit()
        log(instance=self.round, action="coalition.settle", data={"decision": decision.pk, "accepted": self.accepted})
        messages.success(
            request,
            _("Accepted: the name stands on the public list.")
            if self.accepted
            else _("Left out. The partner is told."),
        )


class Close(RoundPage):
    """Close a round, after one look at what that means."""

    any_permission_required = None
    permission_required = "change"
    template_name = "coalition/rounds/close.html"
    step = gettext_lazy("Close the round")

    def get(self, request, *args, **kwargs):
        return redirect(self.url) if self.round.closed_at else super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        lines = counting.board(self.round)
        return super().get_context_data(**kwargs) | {
            "asked": len(lines),
            "undecided": sum(not line.state.decided for line in lines),
            "waiting": sum(line.state == State.LATE for line in lines),
        }

    def post(self, request, *args, **kwargs):
        if signing_on.close_round(self.round):
            log(instance=self.round, action="coalition.close_round")
            messages.success(request, _("The round is closed. Partners can still withdraw."))
        return redirect(self.url)
