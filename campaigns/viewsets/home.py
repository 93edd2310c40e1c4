"""What campaigns put on the back office's first page."""

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Min, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

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
        counts = dict(uncertain.values_list("message").annotate(number=Count("pk"))[:SHOWN])
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
            for message, n in ((m, counts[m.pk]) for m in Message.objects.filter(pk__in=counts))
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
        open_ = Message.objects.filter(state__in=[state.SENDING, state.PAUSED, state.DRAFT]).annotate(
            total=Count("deliveries", ~Q(deliveries__state=Delivery.State.HELD)),
            left=Count("deliveries", Q(deliveries__state__in=[Delivery.State.QUEUED, Delivery.State.SENDING])),
        )
        rank = {state.SENDING: 0, state.PAUSED: 1, state.DRAFT: 2}
        tones = {state.SENDING: "", state.PAUSED: "warn", state.DRAFT: ""}
        return [
            {
                "words": message.name,
                "url": reverse("messages:inspect", args=[message.pk]),
                "note": f"{message.get_channel_display()} · {message.get_state_display()}",
                "tone": tones[message.state],
                "done": message.total - message.left,
                "total": message.total,
            }
            for message in sorted(open_[:20], key=lambda m: rank[m.state])[:SHOWN]
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
