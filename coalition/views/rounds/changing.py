"""Change what an open round says: its deadlines, its words, who may sign, how partners are reminded."""

from django.core.exceptions import ValidationError
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.admin import messages
from wagtail.log_actions import log

from coalition import signing_on, tasks
from coalition.forms.rounds import ChangeForm
from coalition.models import Organization
from coalition.views.rounds.page import RoundPage


class Change(RoundPage):
    any_permission_required = None
    permission_required = "change"
    template_name = "coalition/rounds/change.html"
    step = gettext_lazy("Change the round")

    def get(self, request, *args, **kwargs):
        if self.round.closed_at:
            return redirect(self.url)
        return self._show(ChangeForm(publication=self.round.publication, round_=self.round))

    def _show(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422 if form.errors else 200)

    def post(self, request, *args, **kwargs):
        form = ChangeForm(request.POST, publication=self.round.publication, round_=self.round)
        if not form.is_valid():
            return self._show(form)
        asked = list(Organization.objects.filter(invitations__round=self.round).distinct())
        if "propose" in request.POST and form.cleaned_data["official_deadline"]:
            form.propose(asked)
            return self._show(form)
        form.settle(asked)
        try:
            changed = signing_on.change_round(self.round, **form.terms(), by=request.user)
        except signing_on.RoundClosed:
            messages.error(request, _("The round was closed meanwhile, so nothing was changed."))
            return redirect(self.url)
        except ValidationError as error:
            form.refused(error)
            return self._show(form)
        tasks.send_notices.delay_on_commit()
        log(instance=self.round, action="coalition.change_round", data={"moved": changed.moved, "told": changed.told})
        messages.success(request, _("The round is changed. Partners see it so from now on."))
        self._say_told(changed)
        return redirect(self.url)

    def _say_told(self, changed):
        if number := changed.told:
            words = ngettext(
                "%(number)s person is told that the deadline has moved.",
                "%(number)s people are told that the deadline has moved.",
                number,
            )
            messages.success(self.request, words % {"number": number})
        if number := changed.told_before:
            words = ngettext(
                "%(number)s person was told of another deadline today already. They see the new one on their page.",
                "%(number)s people were told of another deadline today already. They see the new one on their page.",
                number,
            )
            messages.info(self.request, words % {"number": number})
