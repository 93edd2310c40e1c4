"""The back office's pages about texts that came in: who waits, the thread with a number, what staff do about it."""

import uuid

from django.core.exceptions import ValidationError
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django_filters import ChoiceFilter
from wagtail.admin import messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from campaigns import conversing, texting
from campaigns.forms.texts import ReplyForm, StopForm
from campaigns.models import Conversation, InboundText
from coalition import people
from coalition.models import Person
from coalition.tasks import send_notices
from coalition.views.screens import Index
from coalition.views.searching import PeopleSearch

ANY = ["add", "change", "delete", "view"]
TO_REVIEW = InboundText.objects.filter(conversation=OuterRef("pk"), review_by__isnull=False, reviewed_at=None)


# The list


class ConversationFilters(WagtailFilterSet):
    waiting = ChoiceFilter(
        label=gettext_lazy("Waiting for an answer"),
        choices=[("yes", gettext_lazy("Waiting")), ("no", gettext_lazy("Nothing to do"))],
        method="filter_waiting",
    )
    review = ChoiceFilter(
        label=gettext_lazy("May mean stop"),
        choices=[("yes", gettext_lazy("To be settled"))],
        method="filter_review",
    )

    class Meta:
        model = Conversation
        fields = ["waiting", "review", "language"]

    def filter_waiting(self, queryset, name, value):
        return queryset.filter(waiting_since__isnull=value == "no")

    def filter_review(self, queryset, name, value):
        return queryset.filter(Exists(TO_REVIEW))


class WhoColumn(TitleColumn):
    cell_template_name = "campaigns/conversations/parts/cell_who.html"


class LastColumn(Column):
    cell_template_name = "campaigns/conversations/parts/cell_last.html"


class StateColumn(Column):
    cell_template_name = "campaigns/conversations/parts/cell_state.html"


def who(conversation):
    return str(conversation.person or _("Unknown number"))


class ConversationsIndex(PeopleSearch, Index):
    page_title = gettext_lazy("Conversations")
    any_permission_required = ANY
    filterset_class = ConversationFilters
    columns = [
        WhoColumn(
            "who",
            label=gettext_lazy("Who"),
            accessor=who,
            get_url=lambda c: reverse("conversations:inspect", args=[c.pk]),
            width="26%",
        ),
        LastColumn("last_words", label=gettext_lazy("Their last text"), width="42%"),
        Column("get_language_display", label=gettext_lazy("Language"), sort_key="language"),
        StateColumn("waiting_since", label=gettext_lazy("State"), sort_key="waiting_since"),
    ]

    def get_base_queryset(self):
        last = InboundText.objects.filter(conversation=OuterRef("pk")).order_by("-at", "-pk")
        return Conversation.objects.select_related("person").annotate(
            last_words=Subquery(last.values("body")[:1]), to_review=Exists(TO_REVIEW)
        )

    def order_queryset(self, queryset):
        if self.is_explicitly_ordered:
            return super().order_queryset(queryset)
        return queryset.order_by(F("waiting_since").asc(nulls_last=True), "-last_at", "-pk")

    def search_queryset(self, queryset):
        if not self.is_searching:
            return queryset
        named = Person.objects.search(self.search_query)
        found = Q(person__in=named.values("pk"))
        digits = "".join(c for c in self.search_query if c.isdigit())
        if len(digits) >= 4:
            found |= Q(number__contains=digits)
        return queryset.filter(found)


# One conversation


def back_to(conversation):
    return redirect("conversations:inspect", conversation.pk)


class ConversationPage(generic.InspectView):
    """The thread, and beside it what is known of the number."""

    model = Conversation
    template_name = "campaigns/conversations/inspect.html"
    any_permission_required = ANY
    page_title = gettext_lazy("Conversation")
    reply_form = stop_form = None
    status = 200

    def get_object(self, queryset=None):
        return get_object_or_404(Conversation.objects.select_related("person", "asked", "keyword"), pk=self.pk)

    def get_fields(self):
        return []

    def get_page_subtitle(self):
        return who(self.object)

    def get_breadcrumbs_items(self):
        return [*super().get_breadcrumbs_items()[:-1], {"url": "", "label": who(self.object)}]

    def get_context_data(self, **kwargs):
        bubbles = conversing.thread(self.object)
        return super().get_context_data(**kwargs) | {
            "conversation": self.object,
            "header_title": who(self.object),
            "phone": people.display_phone(self.object.number),
            "bubbles": bubbles,
            "newest": max((b.source.pk for b in bubbles if not b.ours), default=0),
            "may_write": self.user_has_permission("change"),
            "why_not": conversing.why_not(self.object),
            "stopped": conversing.stopping.is_stopped(self.object.number),
            "reply_form": self.reply_form or ReplyForm(initial={"key": uuid.uuid4()}),
            "stop_form": self.stop_form or StopForm(),
            "holders": conversing.holders(self.object.number),
            "answers": conversing.answers(self.object)[:10],
        }

    def render_to_response(self, context, **kwargs):
        return super().render_to_response(context, status=self.status, **kwargs)


class Reply(ConversationPage):
    """Answer the person. Where nobody may write, the page says why and keeps what was written."""

    permission_required = "change"
    any_permission_required = None

    def get(self, request, *args, **kwargs):
        return back_to(self.object)

    def post(self, request, *args, **kwargs):
        form = ReplyForm(request.POST)
        if form.is_valid():
            try:
                conversing.reply(self.object, **form.cleaned_data, by=request.user)
            except ValidationError as error:
                form.add_error("words", error)
            else:
                send_notices.delay_on_commit()
                messages.success(request, _("Your answer is on its way."))
                return back_to(self.object)
        self.reply_form, self.status = form, 422
        return self.render_to_response(self.get_context_data())


class RecordStop(ConversationPage):
    """A stop heard by phone, by email or in person."""

    permission_required = "change"
    any_permission_required = None

    def get(self, request, *args, **kwargs):
        return back_to(self.object)

    def post(self, request, *args, **kwargs):
        form = StopForm(request.POST)
        if form.is_valid():
            conversing.record_stop(self.object, how=form.cleaned_data["how"], by=request.user)
            messages.success(request, _("This number is closed. It will get no more texts."))
            return back_to(self.object)
        self.stop_form, self.status = form, 422
        return self.render_to_response(self.get_context_data())


class Action(PermissionCheckedMixin, View):
    """One press of a button on the page of a conversation."""

    http_method_names = ["post"]
    permission_required = "change"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.conversation = get_object_or_404(Conversation, pk=kwargs["pk"])


class Done(Action):
    """Nothing is owed to this person."""

    def post(self, request, *args, **kwargs):
        seen = request.POST.get("seen", "")
        if conversing.mark_done(self.conversation, seen=int(seen) if seen.isdecimal() else 0):
            messages.success(request, _("Done. Nothing waits in this conversation."))
        else:
            messages.warning(request, _("A new text came in while you were reading. Please look at it first."))
        return back_to(self.conversation)


class Settle(Action):
    """Decide what an unclear text meant."""

    def post(self, request, *args, **kwargs):
        text = get_object_or_404(self.conversation.texts, pk=kwargs["text_pk"])
        was_stop = request.POST.get("was") == "stop"
        if not conversing.settle(text, was_stop=was_stop, by=request.user):
            messages.warning(request, _("Somebody has settled this text before you."))
        elif was_stop:
            messages.success(request, _("This number is closed. It will get no more texts."))
        else:
            messages.success(request, _("Noted: it did not mean stop."))
        return back_to(self.conversation)


class Count(Action):
    """What the answer being written costs (rule S8), while it is written."""

    def post(self, request, *args, **kwargs):
        words = request.POST.get("words", "")[:2000]
        if not words.strip():
            return HttpResponse("")
        return HttpResponse(cost(words))


def cost(words):
    """The number of segments in words, and the characters that make a text dearer."""
    counted = texting.segments_of(words)
    found = _("Texts it takes: %(segments)d.") % {"segments": counted.segments}
    if counted.costly:
        found += " " + _("These characters make it longer: %(characters)s") % {"characters": " ".join(counted.costly)}
    return found
