"""What an organizer does to an open round: remind, send a link, settle a late answer, close."""

from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import counting, signing_on, tasks
from coalition.counting import State
from coalition.models import Decision, Invitation
from coalition.signing_on.reminding import Why
from coalition.views.rounds.page import RoundAct, RoundPage


def say_reminded(request, reminded):
    """Tell the organizer how many reminders leave, and why the others do not."""
    if number := reminded.number:
        messages.success(
            request,
            ngettext("%(number)s reminder is on its way.", "%(number)s reminders are on their way.", number)
            % {"number": number},
        )
    for why, number in reminded.reasons:
        messages.info(request, left_out_words(why, number))
    if not reminded.number and not reminded.left_out:
        messages.info(request, _("Nobody was reminded: everybody chosen has answered."))


def left_out_words(why, number):
    """How many partners are not reminded for one reason."""
    said = {
        Why.QUIET: ngettext(
            "%(number)s partner is not reminded: this is the quiet period of the round.",
            "%(number)s partners are not reminded: this is the quiet period of the round.",
            number,
        ),
        Why.TIME: ngettext(
            "%(number)s partner is left alone: it asked for time.",
            "%(number)s partners are left alone: they asked for time.",
            number,
        ),
        Why.HELD: ngettext(
            "%(number)s partner waits for a new month: its limit of emails is used up.",
            "%(number)s partners wait for a new month: their limit of emails is used up.",
            number,
        ),
        Why.QUEUED: ngettext(
            "%(number)s partner is about to be asked: its invitation leaves soon.",
            "%(number)s partners are about to be asked: their invitations leave soon.",
            number,
        ),
        Why.TODAY: ngettext(
            "%(number)s partner had a reminder today already.",
            "%(number)s partners had a reminder today already.",
            number,
        ),
        Why.LIMIT: ngettext(
            "%(number)s partner is not reminded: its limit of emails a month is used up.",
            "%(number)s partners are not reminded: their limit of emails a month is used up.",
            number,
        ),
        Why.UNREACHABLE: ngettext(
            "%(number)s partner is not reminded: no email reaches it.",
            "%(number)s partners are not reminded: no email reaches them.",
            number,
        ),
    }
    return said[why] % {"number": number}


class Remind(RoundAct):
    """Remind some of those who owe an answer; how many, and why not the others, is said."""

    def chosen(self, request, undecided):
        """Which of these invitations are reminded."""
        return undecided

    def act(self, request):
        reminded = signing_on.remind(
            self.round, self.chosen(request, signing_on.undecided(self.round)), by=request.user
        )
        tasks.send_notices.delay_on_commit()
        log(instance=self.round, action="coalition.remind", data={"reminded": reminded.number})
        say_reminded(request, reminded)


class RemindOne(Remind):
    def chosen(self, request, undecided):
        return [i for i in undecided if i.organization_id == self.kwargs["organization"]]


class RemindChosen(Remind):
    """Those ticked on the board: `organizations` holds their keys."""

    def chosen(self, request, undecided):
        ticked = set(request.POST.getlist("organizations"))
        return [i for i in undecided if str(i.organization_id) in ticked]

    def act(self, request):
        if request.POST.getlist("organizations"):
            super().act(request)
        else:
            messages.error(request, _("Choose at least one partner."))


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
        tally, _scopes = counting.Board(self.round).tally()
        return super().get_context_data(**kwargs) | {
            "asked": tally.asked,
            "undecided": tally.undecided,
            "waiting": tally.states[State.LATE],
        }

    def post(self, request, *args, **kwargs):
        if signing_on.close_round(self.round):
            log(instance=self.round, action="coalition.close_round")
            messages.success(request, _("The round is closed. Partners can still withdraw."))
        return redirect(self.url)
