"""What campaigns put on the back office's first page."""

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Case, Count, Exists, Min, OuterRef, Q, When
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns import approving, results
from campaigns.models import Conversation, Delivery, InboundText, Message, Registration, Webinar
from coalition import languages
from coalition.viewsets.home import SHOWN, Panel


class TextsPanel(Panel):
    """People who wait for an answer, and wishes to stop that nobody has settled yet (rule S3)."""

    name = "texts"
    order = 110
    title = gettext_lazy("Texts")
    icon = "comment"
    all_url_name = "conversations:index"
    permission = "campaigns.view_conversation"

    @cached_property
    def lines(self):
        return [line for line in (self.unclear(), self.waiting()) if line]

    def unclear(self):
        open_ = InboundText.objects.filter(review_by__isnull=False, reviewed_at=None)
        found = open_.aggregate(number=Count("pk"), first=Min("review_by"))
        if not found["number"]:
            return None
        left = (found["first"] - timezone.localdate()).days
        return {
            "words": ngettext("%(number)d text may mean stop", "%(number)d texts may mean stop", found["number"])
            % {"number": found["number"]},
            "url": reverse("conversations:index") + "?review=yes",
            "note": _("Settle the first by %(day)s") % {"day": languages.format_date(found["first"])},
            "tone": "bad" if left <= 2 else "warn",
        }

    def waiting(self):
        found = Conversation.objects.filter(waiting_since__isnull=False).aggregate(
            number=Count("pk"), first=Min("waiting_since")
        )
        if not found["number"]:
            return None
        return {
            "words": ngettext(
                "%(number)d person waits for an answer", "%(number)d people wait for an answer", found["number"]
            )
            % {"number": found["number"]},
            "url": reverse("conversations:index") + "?waiting=yes",
            "note": _("The first has waited for %(time)s") % {"time": timesince(found["first"], depth=1)},
            "tone": "",
        }


class ApprovalsPanel(Panel):
    """Messages that wait for this user to read them."""

    name = "approvals"
    order = 105
    title = gettext_lazy("You are asked to read")
    icon = "glasses"
    permission = "campaigns.view_message"

    @cached_property
    def lines(self):
        asked = Message.objects.filter(approving.waiting(), approval_asked_of=self.request.user)
        return [
            {
                "words": message.name,
                "url": reverse("messages:check", args=[message.pk]),
                "note": languages.format_date(timezone.localdate(message.approval_asked_at)),
                "tone": "warn",
            }
            for message in asked.order_by("approval_asked_at")[:SHOWN]
        ]


class UncertainPanel(Panel):
    """Deliveries that may or may not have left: no machine sends them again."""

    name = "uncertain"
    order = 115
    title = gettext_lazy("Uncertain deliveries")
    icon = "warning"
    permission = "campaigns.view_delivery"

    @cached_property
    def lines(self):
        uncertain = Delivery.objects.filter(state=Delivery.State.UNCERTAIN).order_by()
        # Message by message, by their index: of all deliveries together it would read every one.
        some = Message.objects.filter(Exists(uncertain.filter(message=OuterRef("pk")))).order_by("-started_at")
        found = list(some[:SHOWN])
        counts = dict(uncertain.filter(message__in=found).values_list("message").annotate(number=Count("*")))
        return [
            {
                "words": message.name,
                "url": reverse("messages:inspect", args=[message.pk]),
                "note": ngettext(
                    "%(number)s delivery may have left: settle it",
                    "%(number)s deliveries may have left: settle them",
                    n,
                )
                % {"number": intcomma(n)},
                "tone": "warn",
            }
            for message, n in ((m, counts[m.pk]) for m in found if m.pk in counts)
        ]


class MessagesPanel(Panel):
    """Messages on their way, paused, or still being written."""

    name = "messages"
    order = 120
    title = gettext_lazy("Messages")
    icon = "mail"
    all_url_name = "messages:index"
    permission = "campaigns.view_message"

    @cached_property
    def lines(self):
        state = Message.State
        shown = [state.SENDING, state.PAUSED, state.SCHEDULED, state.DRAFT]
        rank = Case(*(When(state=one, then=place) for place, one in enumerate(shown)), default=len(shown))
        open_ = Message.objects.filter(state__in=shown, is_template=False)
        found = list(open_.order_by(rank, "-created_at")[:SHOWN])
        figures = results.figures_of([message for message in found if message.started_at])
        tones = {state.PAUSED: "warn"}
        return [
            {
                "words": message.name,
                "url": reverse("messages:inspect", args=[message.pk]),
                "note": f"{message.get_channel_display()} · {message.get_state_display()}",
                "tone": tones.get(message.state, ""),
                "done": figures[message.pk]["done"] if message.pk in figures else 0,
                "total": figures[message.pk]["audience"] if message.pk in figures else 0,
            }
            for message in found
        ]


class WebinarsPanel(Panel):
    """The next webinars, with their seats and what people asked for and wait to hear about (rule W2)."""

    name = "webinars"
    order = 140
    title = gettext_lazy("Webinars")
    icon = "calendar-alt"
    all_url_name = "webinars:index"
    permission = "campaigns.view_webinar"

    @cached_property
    def lines(self):
        live = Q(registrations__state=Registration.State.REGISTERED)
        asked = Registration.Access.ASKED
        requests = (
            Q(registrations__interpretation_state=asked)
            | Q(registrations__captions_state=asked)
            | Q(registrations__access_state=asked)
        )
        coming = Webinar.objects.filter(ends_at__gt=timezone.now(), cancelled_at=None).order_by("starts_at")
        coming = coming.annotate(seats=Count("registrations", live), asked=Count("registrations", live & requests))
        return [self.line(webinar) for webinar in coming[:SHOWN]]

    def line(self, webinar):
        taken = ngettext("%(number)s person registered", "%(number)s people registered", webinar.seats)
        notes = [languages.format_when(webinar.starts_at, webinar.zone), taken % {"number": intcomma(webinar.seats)}]
        if webinar.asked:
            waits = ngettext("%(number)d request to confirm", "%(number)d requests to confirm", webinar.asked)
            notes.append(waits % {"number": webinar.asked})
        return {
            "words": str(webinar),
            "url": reverse("webinars:inspect", args=[webinar.pk]),
            "note": " · ".join(notes),
            "tone": "warn" if webinar.asked or webinar.seats == webinar.capacity else "",
            "done": webinar.seats,
            "total": webinar.capacity or 0,
        }
