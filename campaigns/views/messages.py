"""The back office's pages about messages: the list, and the path of one from writing over checking to sending."""

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.generic import TemplateView
from django_filters import ChoiceFilter, ModelChoiceFilter
from wagtail.admin import messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.log_actions import log

from campaigns import composing, rendering, results, sending, tasks
from campaigns.forms.messages import (
    BeginForm,
    ContentForm,
    FrameForm,
    PreviewForm,
    WaiverForm,
    choices_formset,
)
from campaigns.models import Campaign, Message, MessageContent
from coalition import segments
from coalition.accounts import sees_people
from coalition.languages import name_in_text
from coalition.models import Address, Installation, Person, Segment
from coalition.tasks import send_notices
from coalition.views.screens import Index

CHANNELS = {Address.Channel.EMAIL: gettext_lazy("Email"), Address.Channel.PHONE: pgettext_lazy("channel", "Text")}
ANY = ["add", "change", "delete", "view", "send"]
WRITES_WORDS = "campaigns.change_messagecontent"
SEES_LEDGER = "campaigns.view_delivery"
TONES = {
    Message.State.DRAFT: "",
    Message.State.SENDING: "busy",
    Message.State.PAUSED: "warn",
    Message.State.SENT: "good",
    Message.State.CANCELLED: "bad",
}
TWIN_FIELDS = ("name", "given_name", "family_name", "language", "city", "state", "zip", "custom")
WIDE = "msg-wide"  # columns that a phone has no room for


# The list


class MessageFilters(WagtailFilterSet):
    channel = ChoiceFilter(label=gettext_lazy("Sent by"), choices=list(CHANNELS.items()))
    campaign = ModelChoiceFilter(label=gettext_lazy("Campaign"), queryset=Campaign.objects.all())

    class Meta:
        model = Message
        fields = ["state", "channel", "campaign"]


class StateColumn(Column):
    cell_template_name = "campaigns/messages/parts/cell_state.html"

    class Media:
        css = {"all": ["campaigns/messages.css"]}

    def get_cell_context_data(self, instance, parent_context):
        return super().get_cell_context_data(instance, parent_context) | {"tone": TONES[instance.state]}


class PeopleColumn(Column):
    cell_template_name = "campaigns/messages/parts/cell_people.html"


def channel_of(message):
    return CHANNELS[message.channel]


def written_languages(message):
    return ", ".join(content.get_language_display() for content in message.written)


class MessagesIndex(Index):
    page_title = gettext_lazy("Messages")
    add_item_label = gettext_lazy("Write a message")
    any_permission_required = ANY
    filterset_class = MessageFilters
    search_fields = ["name"]
    default_ordering = "-created_at"

    @cached_property
    def columns(self):
        return [
            self._get_title_column("name", TitleColumn, width="32%"),
            StateColumn("get_state_display", label=_("State"), sort_key="state"),
            Column("sent_by", label=_("Sent by"), accessor=channel_of, sort_key="channel", classname=WIDE),
            Column("campaign", label=_("Campaign"), classname=WIDE),
            Column("languages", label=_("Languages"), accessor=written_languages, classname=WIDE),
            PeopleColumn("figures", label=_("People")),
        ]

    def get_base_queryset(self):
        written = Prefetch("contents", MessageContent.objects.exclude(body="").order_by("language"), "written")
        return Message.objects.select_related("campaign").prefetch_related(written)

    def search_queryset(self, queryset):
        if not self.is_searching:
            return queryset
        words = MessageContent.objects.filter(message=OuterRef("pk")).filter(
            Q(subject__icontains=self.search_query) | Q(body__icontains=self.search_query)
        )
        return queryset.filter(Q(name__icontains=self.search_query) | Exists(words))

    def paginate_queryset(self, queryset, page_size):
        paginator, page, rows, more = super().paginate_queryset(queryset, page_size)
        rows = list(rows)
        figures = results.figures_of(rows)
        for message in rows:
            message.figures = figures[message.pk]
        page.object_list = rows
        return paginator, page, rows, more

    def get_edit_url(self, instance):
        return super().get_edit_url(instance) if instance.state == Message.State.DRAFT else None

    def get_delete_url(self, instance):
        return super().get_delete_url(instance) if instance.state == Message.State.DRAFT else None


# Writing


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
        return {"campaign": self.request.GET.get("campaign"), "channel": Address.Channel.EMAIL}

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"no_campaign": not Campaign.objects.exists()}

    def get_form(self, form_class=None):
        form = super().get_form(form_class)
        form.fields["segment"].queryset = offered_segments(self.request.user)
        return form

    def save_instance(self):
        message = composing.begin(**self.form.cleaned_data, by=self.request.user)
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
            Message.objects.select_related("campaign", "segment", "topic", "started_by", "waived_by"), pk=kwargs["pk"]
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
        return user.has_perm(SEES_LEDGER) and segments.may_list(user, self.message.segment)

    def get_page_title(self):
        return self.message.name

    def get_breadcrumbs_items(self):
        items = [{"url": reverse("messages:index"), "label": _("Messages")}, {"url": "", "label": self.message.name}]
        return self.breadcrumbs_items + items

    def steps(self):
        """[(name, label, url or None)] of the path a message goes; what is not open yet has no address."""
        draft = self.is_draft
        return [
            ("write", _("Write"), self.url("edit") if draft and self.may_write else None),
            ("check", _("Check"), self.url("check")),
            ("send", _("Send"), self.url("send") if draft and self.may("send") else None),
            ("results", _("Results"), None if draft else self.url("inspect")),
        ]

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "message": self.message,
            "is_draft": self.is_draft,
            "by_email": self.message.channel == Address.Channel.EMAIL,
            "channel_label": CHANNELS[self.message.channel],
            "state_tone": TONES[self.message.state],
            "step": self.step,
            "steps": self.steps(),
            "may_write": self.may_write,
            "may_copy": self.may("add"),
            "may_send": self.may("send"),
            "sees_people": sees_people(self.request.user),
            "sees_ledger": self.sees_ledger,
        }


class Compose(MessagePage):
    """Every language side by side, under one form. Who translates changes the words and not the frame."""

    any_permission_required = ANY
    template_name = "campaigns/messages/compose.html"
    step = "write"

    def dispatch(self, request, *args, **kwargs):
        if not self.may_write:
            raise PermissionDenied
        if not self.is_draft:
            messages.info(request, _("This message is on its way: its words are fixed. Copy it to change them."))
            return redirect("messages:inspect", self.message.pk)
        return super().dispatch(request, *args, **kwargs)

    def forms(self, data=None):
        known = {content.language: content for content in self.message.contents.select_related("reviewed_by")}
        by_text = self.message.channel == Address.Channel.PHONE
        self.frame = FrameForm(data, instance=self.message)
        self.frame.fields["segment"].queryset = offered_segments(self.request.user, self.message.segment_id)
        if not self.may("change"):
            for field in self.frame.fields.values():
                field.disabled = True
        self.contents = [
            ContentForm(
                data,
                instance=known.get(language) or MessageContent(message=self.message, language=language),
                channel=self.message.channel,
                prefix=language,
            )
            for language, _name in settings.LANGUAGES
        ]
        self.choices = choices_formset(self.message, data) if by_text else None
        return [self.frame, *self.contents, *([self.choices] if by_text else [])]

    def get(self, request, *args, **kwargs):
        self.forms()
        return super().get(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        before = self.message.name
        wrong = [form for form in self.forms(request.POST) if not form.is_valid()]  # every form: all is said at once
        if wrong:
            self.message.name = before  # the heading keeps the name that is stored
            return self.render_to_response(self.get_context_data(), status=422)
        try:
            fallen = composing.write(
                self.message,
                contents={form.language: form.cleaned_data for form in self.contents},
                choices=self.choices.choices() if self.choices else None,
                by=request.user,
                **self.frame.cleaned_data,
            )
        except composing.Fixed:
            messages.error(request, _("Sending has begun meanwhile, so nothing was changed."))
            return redirect("messages:inspect", self.message.pk)
        log(instance=self.message, action="wagtail.edit", content_changed=True)
        messages.success(request, _("Saved."))
        for language in fallen:
            messages.warning(
                request,
                _("The %(language)s text changed, so it has to be read and confirmed again.")
                % {"language": name_in_text(language)},
            )
        return redirect(self.url("check" if "check" in request.POST else "edit"))

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {
            "frame": self.frame,
            "contents": [(form, self.meter(form)) for form in self.contents],
            "choices": self.choices,
            "errors": errors_of([self.frame, *self.contents, *(self.choices or [])]),
            "merge_fields": rendering.offered(),
        }

    def meter(self, form):
        if self.message.channel == Address.Channel.EMAIL:
            return None
        return composing.cost_of(self.message, form.language, form["body"].value() or "")


def offered_segments(user, held=None):
    """Segments to send to: those whose people this user may be shown, and the one that was chosen before."""
    return (segments.listable(user) | Segment.objects.filter(pk=held)).order_by("name")


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


class Segments(MessagePage):
    """The line under a text, counted again while somebody types."""

    def post(self, request, pk, language):
        if language not in dict(settings.LANGUAGES):
            raise Http404
        cost = composing.cost_of(self.message, language, request.POST.get(f"{language}-body", ""))
        return render(request, "campaigns/messages/parts/meter.html", {"meter": cost, "language": language})


# Checking


class Check(MessagePage):
    """What each person would get, how many would, and what stands in the way."""

    template_name = "campaigns/messages/check.html"
    step = "check"

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        shown = Shown(self.message, self.request)
        context |= {"shown": shown, "preview_url": f"{self.url('preview')}?{shown.query}"}
        if shown.rendered and not context["by_email"]:
            context["cost"] = composing.cost_of(self.message, shown.language, shown.content.body)
        elif shown.rendered:
            context["headers"] = [
                ("From", settings.DEFAULT_FROM_EMAIL),
                ("To", shown.to),
                ("Subject", shown.rendered.subject),
                *shown.rendered.headers.items(),
            ]
        if self.is_draft:
            context |= {
                "problems": sending.problems(self.message),
                "quiet_now": self.quiet_now(),
                "estimate": sending.estimate(self.message),
                "waivable": waivable(self.message),
                "waiver_form": WaiverForm(initial={"reason": self.message.waiver}),
            }
        return context

    def quiet_now(self):
        """The hours in which texts may leave, when it is outside them here just now (rule S7); else None."""
        if self.message.channel == Address.Channel.EMAIL:
            return None
        rules, now = Installation.get(), timezone.localtime()
        opens = rules.quiet_until_sunday if now.weekday() == 6 else rules.quiet_until
        return None if opens <= now.time() < rules.quiet_from else {"from": opens, "to": rules.quiet_from}


def waivable(message):
    """Languages whose text is missing or unread: what a waiver with a name and a reason can let pass (rule L2)."""
    ready = {content.language for content in message.contents.all() if content.body and content.reviewed_at}
    return [label for language, label in settings.LANGUAGES if language not in ready]


class Shown:
    """The message as one person would get it: a person of the audience, or a sample of each language.

    Whoever may not see people gets an invented reader.
    """

    def __init__(self, message, request):
        self.message = message
        self.sees_people = segments.may_list(request.user, message.segment)
        form = PreviewForm(request.GET)
        form.is_valid()
        self.q = form.cleaned_data.get("q", "") if self.sees_people else ""
        self.audience = segments.people(message.segment)
        wanted = form.cleaned_data.get("language") or request.LANGUAGE_CODE
        self.chosen = None
        if self.sees_people and (pk := form.cleaned_data.get("person")):
            self.chosen = get_object_or_404(self.audience, pk=pk)
        self.language = self.chosen.language if self.chosen else wanted
        self.person = self.chosen or self.sample()

    def sample(self):
        if self.sees_people and (found := self.audience.filter(language=self.language).order_by("pk").first()):
            return found
        return Person(name="Ana Ejemplo", given_name="Ana", family_name="Ejemplo", language=self.language)

    @cached_property
    def found(self):
        return list(self.audience.search(self.q).order_by("search")[:8]) if self.q else []

    @property
    def query(self):
        return urlencode({"person": self.person.pk} if self.person.pk else {"language": self.language})

    @cached_property
    def content(self):
        return self.message.contents.filter(language=self.language).exclude(body="").first()

    @cached_property
    def rendered(self):
        return rendering.render(self.content, self.person) if self.content else None

    @cached_property
    def to(self):
        address = self.person.primary(self.message.channel) if self.person.pk else None
        return address.value if address else "name@example.org"

    @cached_property
    def languages(self):
        """[(language, label, is it the one shown)] for the links to a sample of each."""
        return [
            (language, label, language == self.language and not self.chosen) for language, label in settings.LANGUAGES
        ]


class Preview(MessagePage):
    """The email alone, for the frame of the check page: nothing in it may run, load or leave."""

    def get(self, request, *args, **kwargs):
        shown = Shown(self.message, request)
        html = shown.rendered.html if shown.rendered else ""
        response = HttpResponse(html)
        response["Content-Security-Policy"] = (
            "default-src 'none'; img-src 'self' https: data:; style-src 'unsafe-inline'; sandbox"
        )
        return response


class TryOut(MessagePage):
    """A test of what is shown, to the mailbox of whoever asks."""

    def post(self, request, *args, **kwargs):
        if not (self.may_write or self.may("send")):
            raise PermissionDenied
        shown = Shown(self.message, request)
        if not shown.rendered:
            messages.error(request, _("There is no text in this language yet."))
        else:
            # An invented twin: a test must not carry the links that open somebody's own page.
            twin = Person(**{field: getattr(shown.person, field) for field in TWIN_FIELDS})
            rendered = rendering.render(shown.content, twin)
            composing.try_out(self.message, rendered, language=shown.language, by=request.user)
            send_notices.delay_on_commit()
            messages.success(request, _("A test is on its way to %(email)s.") % {"email": request.user.email})
        return redirect(f"{self.url('check')}?{shown.query}")


class Waive(MessagePage):
    any_permission_required = None
    permission_required = "send"

    def post(self, request, *args, **kwargs):
        form = WaiverForm(request.POST)
        if form.is_valid():
            try:
                composing.waive(self.message, reason=form.cleaned_data["reason"], by=request.user)
            except composing.Fixed:
                messages.error(request, _("Sending has begun meanwhile, so nothing was changed."))
            else:
                log(instance=self.message, action="wagtail.edit", content_changed=False)
        return redirect("messages:check", self.message.pk)


class Copy(MessagePage):
    """A new draft with the same words."""

    any_permission_required = None
    permission_required = "add"

    def post(self, request, *args, **kwargs):
        name = _("Copy of %(name)s") % {"name": self.message.name}
        twin = composing.copy(self.message, name=name, by=request.user)
        log(instance=twin, action="wagtail.create", content_changed=True)
        messages.success(request, _("Copied. Read it again before you send it."))
        return redirect("messages:edit", twin.pk)


class Delete(generic.DeleteView):
    """Only a draft can go; what was sent stays on the record."""

    queryset = Message.objects.filter(state=Message.State.DRAFT)

    @transaction.atomic
    def delete_action(self):
        draft = get_object_or_404(self.get_queryset().select_for_update(), pk=self.object.pk)
        log(instance=draft, action="wagtail.delete")
        draft.delete()


# Sending


class Send(MessagePage):
    """The last look: exactly how many, in which languages, with which words."""

    any_permission_required = None
    permission_required = "send"
    template_name = "campaigns/messages/send.html"
    step = "send"

    def get(self, request, *args, **kwargs):
        if not self.is_draft:
            return redirect("messages:inspect", self.message.pk)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        estimate = kwargs.get("estimate") or sending.estimate(self.message)
        contents = {content.language: content for content in self.message.contents.all()}
        return super().get_context_data(**kwargs) | {
            "problems": sending.problems(self.message),
            "estimate": estimate,
            "languages": [(row, contents.get(row["language"])) for row in estimate["languages"]],
            "button": ngettext("Send to %(number)s person now", "Send to %(number)s people now", estimate["total"])
            % {"number": intcomma(estimate["total"])},
        }

    def post(self, request, *args, **kwargs):
        estimate = sending.estimate(self.message) if self.is_draft else None
        if estimate and request.POST.get("total") != str(estimate["total"]):
            # Somebody joined or left between the page and the press: nobody sends to a number they did not see.
            messages.warning(
                request, _("The number of people changed while you were reading. Please look at it again.")
            )
            return self.render_to_response(self.get_context_data(estimate=estimate), status=409)
        try:
            started = sending.start(self.message, by=request.user)
        except ValidationError:
            self.message.refresh_from_db()
            return self.render_to_response(self.get_context_data(estimate=estimate), status=409)
        if started:
            tasks.send_message.delay_on_commit(self.message.pk)
            log(instance=self.message, action="campaigns.send")
            messages.success(request, _("Sending now. You can close this page; it goes on."))
        else:
            messages.info(request, _("This message is already on its way. Nothing was sent twice."))
        return redirect("messages:inspect", self.message.pk)
