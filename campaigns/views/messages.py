"""The back office's pages about a message: what they have in common, and where it is begun, written and copied."""

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from campaigns import audience, composing, merge_fields
from campaigns.forms.letters import LetterForm
from campaigns.forms.messages import BeginForm, ContentForm, choices_formset
from campaigns.forms.sending import FrameForm
from campaigns.models import Campaign, Message, MessageContent, Series
from campaigns.models.blocks import is_written
from coalition import segments
from coalition.accounts import sees_people
from coalition.languages import name_in_text
from coalition.models import Address, Segment

CHANNELS = {Address.Channel.EMAIL: gettext_lazy("Email"), Address.Channel.PHONE: pgettext_lazy("channel", "Text")}
ANY = ["add", "change", "delete", "view", "send"]
WRITES_WORDS = "campaigns.change_messagecontent"
SEES_LEDGER = "campaigns.view_delivery"
SEEN = "seen-"  # before the name of a part of a message, where a page says how it stood when the writing began
TONES = {
    Message.State.DRAFT: "",
    Message.State.SCHEDULED: "busy",
    Message.State.RUNNING: "busy",
    Message.State.SENDING: "busy",
    Message.State.PAUSED: "warn",
    Message.State.SENT: "good",
    Message.State.CANCELLED: "bad",
}


class Begin(generic.CreateView):
    """The frame of a new message; writing it comes next."""

    page_title = gettext_lazy("Write a message")
    template_name = "campaigns/messages/begin.html"
    form_class = BeginForm
    success_message = None

    def get_page_subtitle(self):
        return ""  # "Write a message: Message" says it twice

    def get_breadcrumbs_items(self):
        items = [{"url": reverse("messages:index"), "label": _("Messages")}, {"url": "", "label": self.page_title}]
        return self.breadcrumbs_items + items

    def get_initial(self):
        asked = self.request.GET.get("from", "")
        start = Message.objects.filter(pk=asked).first() if asked.isdecimal() and len(asked) < 19 else None
        return {
            "campaign": self.request.GET.get("campaign"),
            "channel": start.channel if start else Address.Channel.EMAIL,
            "start_from": start,
        }

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"no_campaign": not Campaign.objects.exists()}

    def save_instance(self):
        frame = self.form.cleaned_data
        start, by = frame.pop("start_from"), self.request.user
        if start:
            message = composing.copy(start, name=frame["name"], campaign=frame["campaign"], by=by)
        else:
            message = composing.begin(**frame, by=by)
        log(instance=message, action="wagtail.create", content_changed=True)
        return message

    def get_success_url(self):
        return reverse("messages:edit", args=[self.object.pk])


class MessagePage(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """A page about one message, with the steps from writing to results on top."""

    any_permission_required = ANY
    header_icon = "mail"
    step = ""
    step_title = ""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.message = get_object_or_404(
            Message.objects.select_related("campaign", "topic", "started_by"), pk=kwargs["pk"]
        )

    def url(self, name, *args):
        return reverse(f"messages:{name}", args=[self.message.pk, *args])

    @property
    def is_draft(self):
        return self.message.state == Message.State.DRAFT

    @property
    def may_write(self):
        return self.may("change") or self.request.user.has_perm(WRITES_WORDS)

    def may(self, action):
        return self.user_has_permission(action)

    @cached_property
    def sees_ledger(self):
        """Whether who got it may be shown: not where the audience itself says something that few may know."""
        user = self.request.user
        return user.has_perm(SEES_LEDGER) and audience.may_list(user, self.message)

    def get_page_title(self):
        return self.message.name

    def get_breadcrumbs_items(self):
        items = [{"url": reverse("messages:index"), "label": _("Messages")}, {"url": "", "label": self.message.name}]
        return self.breadcrumbs_items + items

    @cached_property
    def series(self):
        """The series that sends it, where one does."""
        return Series.objects.filter(steps__message=self.message).first()

    def steps(self):
        """[(name, label, url or None)] of the path a message goes; what is not open yet has no address."""
        draft = self.is_draft
        unsent = draft or self.message.state == Message.State.SCHEDULED
        if self.message.is_template:
            return [
                ("write", _("Write"), self.url("edit") if self.may_write else None),
                ("check", _("Check"), self.url("check")),
            ]
        return [
            ("write", _("Write"), self.url("edit") if draft and self.may_write else None),
            ("check", _("Check"), self.url("check")),
            ("send", _("Send"), self.url("send") if unsent and self.may("send") and not self.series else None),
            ("results", _("Results"), None if unsent else self.url("inspect")),
        ]

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "message": self.message,
            "is_draft": self.is_draft,
            "by_email": self.message.channel == Address.Channel.EMAIL,
            "channel_label": CHANNELS[self.message.channel],
            "state_tone": TONES[self.message.state],
            "series": self.series,
            "step": self.step,
            "steps": self.steps(),
            "may_write": self.may_write,
            "may_copy": self.may("add"),
            "may_send": self.may("send"),
            "sees_people": sees_people(self.request.user),
            "sees_ledger": self.sees_ledger,
        }


class Press(MessagePage):
    """A button's address. Who only comes there, having signed in anew, is led to the page that the button stands on."""

    on = "check"

    def get(self, request, *args, **kwargs):
        return redirect(self.url(self.on))


class Compose(MessagePage):
    """Every language side by side, under one form. Who translates changes the words and not the frame."""

    any_permission_required = ANY
    template_name = "campaigns/messages/compose.html"
    step = "write"
    meanwhile = ()  # what somebody else changed while this was written

    def dispatch(self, request, *args, **kwargs):
        if not self.may_write:
            raise PermissionDenied
        if not self.is_draft:
            messages.info(request, _("This message is on its way: its words are fixed. Copy it to change them."))
            return redirect("messages:inspect", self.message.pk)
        return super().dispatch(request, *args, **kwargs)

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.variants = composing.variants_of(self.message)
        self.variant = request.GET.get("variant", MessageContent.FIRST)
        if self.variant not in self.variants:
            raise Http404

    def forms(self, data=None):
        contents = self.message.contents.filter(variant=self.variant).select_related("reviewed_by")
        known = {content.language: content for content in contents}
        by_text = self.message.channel == Address.Channel.PHONE
        self.frame = FrameForm(data, instance=self.message)
        offer_segments(self.frame, self.request.user)
        if not self.may("change"):
            for field in self.frame.fields.values():
                field.disabled = True
        self.contents = [
            ContentForm(
                data,
                instance=known.get(language)
                or MessageContent(message=self.message, language=language, variant=self.variant),
                channel=self.message.channel,
                prefix=language,
            )
            for language, _name in settings.LANGUAGES
        ]
        self.choices = choices_formset(self.message, data) if by_text else None
        self.letter = None if by_text else LetterForm(data, contents=[form.instance for form in self.contents])
        return [self.frame, *self.contents, self.choices if by_text else self.letter]

    def get(self, request, *args, **kwargs):
        self.seen = composing.standing(self.message, self.variant)
        self.forms()
        return super().get(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        self.seen = {name.removeprefix(SEEN): said for name, said in request.POST.items() if name.startswith(SEEN)}
        before = self.message.name
        wrong = [form for form in self.forms(request.POST) if not form.is_valid()]  # every form: all is said at once
        if not wrong and self.letter:
            wrong = self.unwritten()
        if wrong:
            self.message.name = before  # the heading keeps the name that is stored
            return self.render_to_response(self.get_context_data(), status=422)
        try:
            fallen = composing.write(
                self.message,
                contents={form.language: form.cleaned_data | self.blocks_in(form.language) for form in self.contents},
                variant=self.variant,
                choices=self.choices.choices() if self.choices else None,
                by=request.user,
                seen=self.seen,
                **self.frame.cleaned_data,
            )
        except composing.Fixed:
            messages.error(request, _("Sending has begun meanwhile, so nothing was changed."))
            return redirect("messages:inspect", self.message.pk)
        except composing.Changed as changed:
            self.message.refresh_from_db()
            return self.ask_again(changed.parts)
        log(instance=self.message, action="wagtail.edit", content_changed=True)
        messages.success(request, _("Saved."))
        for language in fallen:
            messages.warning(
                request,
                _("The %(language)s text changed, so it has to be read and confirmed again.")
                % {"language": name_in_text(language)},
            )
        query = "" if self.variant == MessageContent.FIRST else f"?variant={self.variant}"
        return redirect(self.url("check" if "check" in request.POST else "edit") + query)

    def ask_again(self, parts):
        """What was written comes back, unsaved: whoever saves it now knows that it replaces somebody else's."""
        self.meanwhile = self.named(parts)
        stands = composing.standing(self.message, self.variant)
        self.seen |= {part: stands[part] for part in parts}
        return self.render_to_response(self.get_context_data(), status=409)

    def named(self, parts):
        """[(what was changed, by whom where that is known)]."""
        names = {"frame": _("Its name, or whom it is for"), "choices": _("Answers you ask for")}
        written = self.message.contents.filter(variant=self.variant).select_related("written_by")
        writers = {content.language: content.written_by for content in written}
        return [(names.get(part) or language_name(part), writers.get(part)) for part in parts]

    def blocks_in(self, language):
        return {"blocks": self.letter.blocks_in(language)} if self.letter else {}

    def unwritten(self):
        """The languages that were confirmed without a word in them."""
        wrong = [
            form
            for form in self.contents
            if form.cleaned_data["reviewed"] and not is_written(self.letter.blocks_in(form.language))
        ]
        for form in wrong:
            form.add_error("reviewed", _("There is no text to confirm yet."))
        return wrong

    def get_context_data(self, **kwargs):
        errors = errors_of([self.frame, *self.contents, *(self.choices or [])])
        return super().get_context_data(**kwargs) | {
            "frame": self.frame,
            "contents": [(form, self.meter(form)) for form in self.contents],
            "choices": self.choices,
            "letter": self.letter,
            "media": self.letter.media if self.letter else "",
            "variant": self.variant,
            "variants": [(letter, letter == self.variant) for letter in self.variants],
            "errors": errors + (self.letter.problems() if self.letter else []),
            "seen": [(SEEN + part, said) for part, said in self.seen.items()],
            "meanwhile": self.meanwhile,
            "merge_fields": merge_fields.offered(),
        }

    def meter(self, form):
        if self.message.channel == Address.Channel.EMAIL:
            return None
        return composing.cost_of(self.message, form.language, form["body"].value() or "")


def offer_segments(form, user):
    """Offer the segments whose people this user may be shown, and those that were chosen before."""
    for name in ("included", "excluded"):
        held = getattr(form.instance, name).values("pk") if form.instance.pk else []
        form.fields[name].queryset = Segment.objects.filter(
            Q(pk__in=segments.listable(user).values("pk")) | Q(pk__in=held)
        ).order_by("name")


def language_name(language):
    return dict(settings.LANGUAGES).get(language, language)


def errors_of(forms):
    """[(id of the field, its label, what to do)] for the summary on top."""
    found = []
    for form in forms:
        group = f"{language_name(form.language)}: " if hasattr(form, "language") else ""
        for error in form.non_field_errors():
            found.append(("", "", error))
        for field in form:
            found += [(field.id_for_label, f"{group}{field.label}", error) for error in field.errors]
    return found


class Copy(Press):
    """A new draft with the same words, or a template to begin later ones with."""

    any_permission_required = None
    permission_required = "add"

    def post(self, request, *args, **kwargs):
        template = "template" in request.POST
        name = self.message.name if template else _("Copy of %(name)s") % {"name": self.message.name}
        twin = composing.copy(self.message, name=name, template=template, by=request.user)
        log(instance=twin, action="wagtail.create", content_changed=True)
        if template:
            messages.success(request, _("This is the template now. Whoever writes a message can begin with it."))
        else:
            messages.success(request, _("Copied. Read it again before you send it."))
        return redirect("messages:edit", twin.pk)


class Delete(generic.DeleteView):
    """Only a draft can go; what was sent stays on the record."""

    queryset = Message.objects.filter(state=Message.State.DRAFT, step=None)  # a series removes its own

    @transaction.atomic
    def delete_action(self):
        draft = get_object_or_404(self.get_queryset().select_for_update(of=("self",)), pk=self.object.pk)
        log(instance=draft, action="wagtail.delete")
        draft.delete()
