"""The page on which a message is checked: what stops it, what could be better, who may answer for it, how it looks."""

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin import messages
from wagtail.log_actions import log

from campaigns import answering, approving, audience, checking, composing, tasks
from campaigns.forms.checking import AnswerForm, AskForm, WaiverForm
from campaigns.forms.messages import PreviewForm
from campaigns.models import Message, MessageContent
from campaigns.views.messages import MessagePage, Press
from campaigns.views.previewing import Shown
from campaigns.views.results import what_was_done
from coalition.models import Address, Installation
from coalition.tasks import send_notices
from coalition.views import searching

FIELDS = ("subject", "preheader", "sender", "body", "reviewed")


class Looks(MessagePage):
    """What was looked at, and how it stands."""

    step = "check"

    @property
    def has_not_left(self):
        return self.message.state in (Message.State.DRAFT, Message.State.SCHEDULED)

    def standing(self):
        """The context of the result and of each check; links that nobody asked lately are asked."""
        subject = checking.Subject(self.message)
        if answering.want(subject.askable):
            tasks.check_links.delay_on_commit()
        found = checking.checks(self.message, subject)
        return {
            "checks": [self.row(check) for check in found if check.level != checking.FINE],
            "fine": [check for check in found if check.level == checking.FINE],
            "problems": [str(r) for check in found if check.level == checking.STOPS for r in check.reasons],
            "stopping": sum(check.level == checking.STOPS for check in found),
            "warning": sum(check.level == checking.WARNS for check in found),
        }

    def row(self, check):
        """A check, its reasons with where each is mended, and the form that waives it."""
        form = None
        if check.waivable and self.is_draft and self.may("send"):
            initial = {"check": check.key, "reason": check.waiver.reason if check.waiver else ""}
            form = WaiverForm(initial=initial, auto_id=f"id_{check.key}-%s")
        return {
            "check": check,
            "reasons": [(reason, self.mended_at(check, reason)) for reason in check.reasons],
            "waiver_form": form,
        }

    def mended_at(self, check, reason):
        """Where what a reason names is mended; empty where this user cannot."""
        if check.key == "address":
            allowed = self.request.user.has_perm("coalition.change_installation")
            return reverse("coalition_settings:index") if allowed and not reason.language else ""
        if not (self.is_draft and self.may_write):
            return ""
        if check.key == "audience":
            return self.url("edit") + "#id_included"
        if not reason.language:
            return ""
        query = "" if reason.variant == MessageContent.FIRST else f"?variant={reason.variant}"
        if reason.place and reason.place not in FIELDS:
            return f"{self.url('edit')}{query}#block-{reason.place}-section"
        first = "subject" if self.message.channel == Address.Channel.EMAIL else "body"
        return f"{self.url('edit')}{query}#id_{reason.language}-{reason.place or first}"


class Check(Looks):
    """What stands in the way, how many would get it, what each of them would see, and what a second reader says."""

    template_name = "campaigns/messages/check.html"

    def post(self, request, *args, **kwargs):
        """Find a person of the audience."""
        form = PreviewForm(request.POST)
        words = form.cleaned_data["q"] if form.is_valid() else ""
        query = f"?{urlencode({searching.PARAMETER: searching.hidden(words)})}" if words else ""
        return redirect(f"{self.url('check')}{query}#preview")

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        shown = Shown(self.message, self.request)
        context |= {"shown": shown, "preview_url": f"{self.url('preview')}?{shown.query}"}
        if shown.rendered and not context["by_email"]:
            context["cost"] = composing.cost_of(self.message, shown.language, shown.content.body)
        elif shown.rendered:
            context["headers"] = [
                ("From", settings.DEFAULT_FROM_EMAIL),
                *([("Reply-To", settings.EMAIL_REPLY_TO)] if settings.EMAIL_REPLY_TO else []),
                ("To", shown.to),
                ("Subject", shown.rendered.subject),
                *shown.rendered.headers.items(),
            ]
        if self.has_not_left:
            context |= self.standing() | self.approval(kwargs.get("answer_form"))
            context |= {"quiet_now": self.quiet_now(), "estimate": audience.estimate(self.message)}
            context["history"] = what_was_done(self.message)
        return context | {"has_not_left": self.has_not_left}

    def approval(self, answer_form):
        """How the second pair of eyes stands, and the forms that this user may fill in."""
        stands, user, forms = approving.standing(self.message), self.request.user, {}
        if self.is_draft and stands.state != "approved" and may_answer(self):
            initial = {"seen": composing.as_read(self.message)}
            forms["answer_form"] = answer_form or AnswerForm(initial=initial, auto_id="id_answer-%s")
        if self.is_draft and (self.may_write or self.may("send")):
            forms["ask_form"] = AskForm(message=self.message, auto_id="id_ask-%s")
        return {
            "approval": stands,
            "asked_of_me": stands.state == "asked" and stands.by == user and "answer_form" in forms,
            **forms,
        }

    def quiet_now(self):
        """The hours in which texts may leave, when it is outside them here just now (rule S7); else None."""
        if self.message.channel == Address.Channel.EMAIL:
            return None
        rules, now = Installation.get(), timezone.localtime()
        opens = rules.quiet_until_sunday if now.weekday() == 6 else rules.quiet_until
        return None if opens <= now.time() < rules.quiet_from else {"from": opens, "to": rules.quiet_from}


def may_answer(page):
    """Whether this user may be the second reader: somebody who may change or send messages, and not who wrote last."""
    return (page.may("send") or page.may("change")) and approving.last_writer(page.message) != page.request.user


class Links(Looks):
    """The check of the links alone while they are being asked; a POST asks all of them again."""

    def get(self, request, *args, **kwargs):
        context = self.get_context_data() | self.standing() | {"moving": True}
        found = [row for row in context["checks"] if row["check"].key == "links"]
        context |= {"row": found[0] if found else None, "well": [c for c in context["fine"] if c.key == "links"]}
        return render(request, "campaigns/messages/parts/links.html", context)

    def post(self, request, *args, **kwargs):
        if self.has_not_left:
            answering.want(checking.Subject(self.message).askable, again=True)
            tasks.check_links.delay_on_commit()
        return redirect(self.url("check") + "#check-links")


class Waive(Press):
    """Let a message leave in spite of a check, with a name and a reason."""

    any_permission_required = None
    permission_required = "send"
    form_class = WaiverForm
    too_late = gettext_lazy("Sending has begun meanwhile, so nothing was changed.")

    def post(self, request, *args, **kwargs):
        form = self.form_class(request.POST)
        if form.is_valid():
            check, reason = form.cleaned_data["check"], form.cleaned_data["reason"]
            try:
                composing.waive(self.message, check, reason=reason, by=request.user)
            except composing.Fixed:
                messages.error(request, self.too_late)
            else:
                log(instance=self.message, action="campaigns.waive", data={"check": check, "reason": reason})
        return redirect(self.url(self.on))


class Ask(Press):
    """Ask a colleague to read it."""

    def post(self, request, *args, **kwargs):
        if not (self.may_write or self.may("send")):
            raise PermissionDenied
        form = AskForm(request.POST, message=self.message)
        if not form.is_valid():
            messages.error(request, _("Choose a colleague who did not write it last."))
            return redirect(self.url("check") + "#approval")
        reader = form.cleaned_data["reader"]
        try:
            approving.ask(self.message, of=reader, by=request.user)
        except composing.Fixed:
            messages.error(request, _("Sending has begun meanwhile, so nothing was changed."))
        except approving.OwnWords:
            messages.error(request, _("Choose a colleague who did not write it last."))
        else:
            send_notices.delay_on_commit()
            log(instance=self.message, action="campaigns.ask_approval", data={"of": str(reader)})
            messages.success(request, _("%(name)s gets an email with the link to this page.") % {"name": reader})
        return redirect(self.url("check"))


class Answer(Check):
    """A second reader approves it, or sends it back with a note."""

    def get(self, request, *args, **kwargs):
        return redirect(self.url("check"))

    def post(self, request, *args, **kwargs):
        if not may_answer(self):
            raise PermissionDenied
        form = AnswerForm(request.POST, auto_id="id_answer-%s")
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(answer_form=form), status=422)
        approves = form.cleaned_data["does"] == "approve"
        answer = approving.approve if approves else approving.send_back
        try:
            answer(self.message, by=request.user, note=form.cleaned_data["note"], seen=form.cleaned_data["seen"])
        except composing.Fixed:
            messages.error(request, _("Sending has begun meanwhile, so nothing was changed."))
        except (approving.Changed, approving.OwnWords):
            messages.warning(request, _("It changed while you were reading. Please look at it again."))
        else:
            send_notices.delay_on_commit()
            action = "campaigns.approve" if approves else "campaigns.send_back"
            log(instance=self.message, action=action, data={"note": form.cleaned_data["note"]})
            messages.success(request, _("Approved. It can be sent.") if approves else _("Sent back with your note."))
        return redirect(self.url("check"))
