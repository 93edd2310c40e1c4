"""Read what became of a message: in few words for the page, by language, and person by person. Changes nothing."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Answer, Delivery, TrackingEvent
from coalition.models import Address, Consent, Person

State = Delivery.State
# What a reader wants to know of a delivery, in few words instead of eleven states.
LEFT_HERE = [State.SENT, State.DEFERRED, State.DELIVERED, State.COMPLAINED]
FAILED = [State.FAILED, State.REJECTED, State.BOUNCED]
STOPS_WITHIN = timedelta(days=7)
IN_HAND = [State.QUEUED, State.SENDING]


def figures(counts):
    """By state to sums: "total", "audience", "held", "left", "done", "sent", "delivered", "failed", "uncertain".

    `audience` is everybody the message was meant to reach when it started, `left` those still to come.
    """
    total = sum(counts.values())
    held = counts.get(State.HELD, 0)
    left = sum(counts.get(state, 0) for state in IN_HAND)
    return {
        "total": total,
        "audience": total - held,
        "held": held,
        "left": left,
        "done": total - held - left,
        "sent": sum(counts.get(state, 0) for state in LEFT_HERE),
        "delivered": counts.get(State.DELIVERED, 0) + counts.get(State.COMPLAINED, 0),
        "failed": sum(counts.get(state, 0) for state in FAILED),
        "uncertain": counts.get(State.UNCERTAIN, 0),
    }


def figures_of(messages):
    """{pk: figures} of several messages, in one query."""
    counts = {message.pk: {} for message in messages}
    rows = Delivery.objects.filter(message__in=list(counts)).values("message", "state").annotate(n=Count("pk"))
    for row in rows:
        counts[row["message"]][row["state"]] = row["n"]
    return {pk: figures(by_state) for pk, by_state in counts.items()}


def by_language(message):
    """[{"language", "label", figures…, "acted", "stopped"}] in order, for languages that somebody was meant to get.

    The last two also as "acted_share" and "stopped_share", in percent of those who got it.
    """
    counts, did, left = {}, {}, {}
    for row in message.deliveries.values("language", "state").annotate(n=Count("pk")):
        counts.setdefault(row["language"], {})[row["state"]] = row["n"]
    for row in acted(message).values("language").annotate(n=Count("pk")):
        did[row["language"]] = row["n"]
    for row in stopped(message).values("language").annotate(n=Count("pk")):
        left[row["language"]] = row["n"]
    rows = []
    for language, label in settings.LANGUAGES:
        if language in counts:
            row = {"language": language, "label": label, **figures(counts[language])}
            for name, numbers in (("acted", did), ("stopped", left)):
                row[name] = numbers.get(language, 0)
                row[f"{name}_share"] = 100 * row[name] / row["sent"] if row["sent"] else 0.0
            rows.append(row)
    return rows


def acted(message):
    """Deliveries whose person answered (an event says it of who was erased since); for emails, who followed a link."""
    answered = Answer.objects.filter(message=message).values("person")
    followed = TrackingEvent.objects.filter(delivery__message=message, kind__in=["clicked", "answered"])
    return message.deliveries.filter(Q(person__in=answered) | Q(pk__in=followed.values("delivery")))


def stopped(message):
    """Deliveries that left and whose person said stop on this channel within a week."""
    if message.started_at is None:
        return message.deliveries.none()
    said = Consent.objects.filter(
        person=OuterRef("person"),
        address__channel=message.channel,
        state=Address.Consent.WITHDRAWN,
        at__range=(message.started_at, message.started_at + STOPS_WITHIN),
    )
    erased = TrackingEvent.objects.filter(delivery=OuterRef("pk"), kind="stopped")
    return message.deliveries.filter(Exists(said) | Exists(erased), state__in=LEFT_HERE)


def held_back(message):
    """[(reason, label, number)], most first."""
    rows = message.deliveries.filter(state=State.HELD).values("reason").annotate(n=Count("pk")).order_by("-n", "reason")
    return [(row["reason"], Delivery.Reason(row["reason"]).label, row["n"]) for row in rows]


def answers(message):
    """[(choice, number)] in the order they are asked."""
    return [(choice, choice.n) for choice in message.choices.annotate(n=Count("answers"))]


def absent(message, q, limit=5):
    """People who match a search and have no line in the ledger."""
    got = message.deliveries.filter(person=OuterRef("pk"))
    return Person.objects.present().search(q).filter(~Exists(got)).order_by("search")[:limit]


def ledger(message, *, q="", state="", reason="", language=""):
    """The lines of the ledger that match, for a list or a file."""
    lines = message.deliveries.select_related("person").order_by("person__search", "pk")
    for field, value in (("state", state), ("reason", reason), ("language", language)):
        if value:
            lines = lines.filter(**{field: value})
    if q:
        lines = lines.filter(Q(person__in=Person.objects.search(q).values("pk")) | Q(value=q.strip().lower()))
    return lines


WHY_HELD = {
    Delivery.Reason.NO_ADDRESS: _("Held back: we know no address for this channel."),
    Delivery.Reason.NO_CONSENT: _("Held back: this address never said yes."),
    Delivery.Reason.UNSUBSCRIBED: _("Held back: this address said stop."),
    Delivery.Reason.CLOSED: _("Held back: the address does not work."),
    Delivery.Reason.DUPLICATE: _("Held back: somebody with the same address got it."),
    Delivery.Reason.NO_LANGUAGE: _("Held back: the message is not written in their language."),
    Delivery.Reason.CANCELLED: _("Held back: sending was cancelled before their turn."),
    Delivery.Reason.MUTED: _("Held back: this person muted the topic."),
    Delivery.Reason.REMOVED: _("Held back: this person was taken off the list meanwhile."),
    Delivery.Reason.QUIET: _("Held back: no allowed time of day came before sending ended."),
}
WHY = {
    State.QUEUED: _("Waits for its turn."),
    State.SENDING: _("Is being handed over just now."),
    State.UNCERTAIN: _("May have arrived: the connection broke before the answer. Nothing is sent twice by itself."),
    State.SENT: _("Handed over; no news of its arrival yet."),
    State.DEFERRED: _("Handed over; the receiving side asked to wait."),
    State.DELIVERED: _("Arrived."),
    State.FAILED: _("Did not leave: it was refused when we handed it over."),
    State.REJECTED: _("Did not arrive: the provider refused it."),
    State.BOUNCED: _("Did not arrive: it bounced."),
    State.COMPLAINED: _("Arrived, and was marked as spam."),
}
NOT_MEANT = _("Not in the audience: when sending started, this person was not among the people it was for.")


def why(delivery):
    """ "Why did she (not) get it?" in one sentence; None stands for a person without a line in the ledger."""
    if delivery is None:
        return NOT_MEANT
    if delivery.state == State.HELD:
        return WHY_HELD.get(delivery.reason, delivery.get_state_display())
    if delivery.state == State.QUEUED and delivery.not_before:
        return _("Waits for a time of day at which texts are allowed.")
    return WHY[delivery.state]
