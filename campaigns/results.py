"""Read what became of a message: in few words for the page, by language, and person by person. Changes nothing."""

import time
from collections import Counter
from datetime import timedelta
from statistics import median

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns import charting, responding
from campaigns.models import Delivery, Message, Report, TrackingEvent
from coalition.models import Address, Consent, Person

State = Delivery.State
# What a reader wants to know of a delivery, in few words instead of eleven states.
LEFT_HERE = [State.SENT, State.DEFERRED, State.DELIVERED, State.COMPLAINED]
FAILED = [State.FAILED, State.REJECTED, State.BOUNCED]
ACTS_WITHIN = timedelta(days=7)
STOPS_WITHIN = timedelta(days=7)
SAMPLED_FOR = 30  # seconds over which the rate is taken
COUNTED_FOR = 10  # times as long as a count took, it stands
COUNTED_AT_MOST = 15  # seconds
COMPARED = ["delivered", "followed", "acted", "stopped", "complained", "bounced"]
MOVING = [Message.State.SENDING, Message.State.PAUSED, Message.State.RUNNING]
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
    """{pk: figures} of several messages, in two queries; of what was counted since it finished, as it was counted."""
    kept = Report.objects.filter(
        message__in=messages, counted_at__gt=F("message__finished_at"), figures__has_key="states"
    )
    counts = {
        pk: states for pk, states in kept.values_list("message", "figures__states") if not states.get(State.UNCERTAIN)
    }
    rest = {message.pk: {} for message in messages if message.pk not in counts or message.state in MOVING}
    rows = Delivery.objects.filter(message__in=list(rest)).order_by()
    for row in rows.values("message", "state").annotate(n=Count("*")):
        rest[row["message"]][row["state"]] = row["n"]
    return {pk: figures(by_state) for pk, by_state in (counts | rest).items()}


def standing(message):
    """How it stands just now, for a page that asks again and again.

    {"figures", "by_language": [{"language", "label", figures…}] of languages that somebody was meant to get,
    "held_back": [(reason, label, number)] most first, "rate": deliveries a second over the last half minute or None,
    "left_for": how long the rest takes at that rate or None}. However many watch a message of a million, a tenth of the
    time at most goes into counting it.
    """
    key = f"standing-{message.pk}"
    kept = cache.get(key) or {"samples": [], "at": 0.0, "took": 0.0}
    now = time.time()
    moved = kept["at"] and kept["state"] != message.state  # paused, cancelled: shown at once
    if moved or now - kept["at"] >= min(COUNTED_FOR * kept["took"], COUNTED_AT_MOST):
        kept = _counted(message, kept["samples"], now)
        cache.set(key, kept, SAMPLED_FOR * 4)
    rate = _rate(kept["samples"]) if message.state == Message.State.SENDING else None
    left = kept["figures"]["left"]
    return kept | {"rate": rate, "left_for": timedelta(seconds=round(left / rate)) if rate and left else None}


def _counted(message, samples, now):
    began = time.monotonic()
    by_state, by_language = Counter(), {}
    for row in message.deliveries.order_by().values("language", "state").annotate(n=Count("*")):
        by_state[row["state"]] += row["n"]
        by_language.setdefault(row["language"], {})[row["state"]] = row["n"]
    of_all = figures(by_state)
    samples = [sample for sample in samples if now - sample[0] < SAMPLED_FOR and sample[1] <= of_all["done"]]
    return {
        "state": message.state,
        "figures": of_all,
        "by_language": [
            {"language": language, "label": label, **figures(by_language[language])}
            for language, label in settings.LANGUAGES
            if language in by_language
        ],
        "held_back": held_back(message),
        "samples": [*samples, (now, of_all["done"])],
        "at": now,
        "took": time.monotonic() - began,
    }


def _rate(samples):
    (first, done), (last, done_since) = samples[0], samples[-1]
    return (done_since - done) / (last - first) if last > first and done_since > done else None


# One row for each delivery whose person acted: (delivery, at), the first time. Begun from the acts, for they are few.
ACTS = """
SELECT delivery, min(at) AS at FROM (
    SELECT d.id AS delivery, answer.at
    FROM campaigns_answer answer
    JOIN campaigns_delivery d ON d.message_id = answer.message_id AND d.person_id = answer.person_id
    WHERE answer.message_id = %(message)s
    UNION ALL
    SELECT event.delivery_id, event.at
    FROM campaigns_trackingevent event JOIN campaigns_delivery d ON d.id = event.delivery_id
    WHERE d.message_id = %(message)s AND event.kind = 'answered'
    UNION ALL
    SELECT d.id, act.at FROM (
        SELECT person_id, confirmed_at AS at FROM coalition_endorsement
        WHERE confirmed_at >= %(since)s AND withdrawn_at IS NULL
            AND (%(open)s OR round_id = ANY (%(rounds)s) OR publication_id = ANY (%(publications)s))
        UNION ALL
        SELECT signer_id, at FROM coalition_decision
        WHERE at >= %(since)s AND choice = 'sign'
            AND (%(open)s OR round_id = ANY (%(rounds)s) OR publication_id = ANY (%(publications)s))
        UNION ALL
        SELECT person_id, registered_at FROM campaigns_registration
        WHERE registered_at >= %(since)s AND state = 'registered' AND (%(open)s OR webinar_id = ANY (%(webinars)s))
    ) act
    JOIN campaigns_delivery d ON d.message_id = %(message)s AND d.person_id = act.person_id
    WHERE d.state = ANY (%(reached)s)
        AND act.at >= coalesce(d.sent_at, d.claimed_at, %(since)s)
        AND act.at < coalesce(d.sent_at, d.claimed_at, %(since)s) + %(within)s
) acts GROUP BY delivery
"""


def acts(message):
    """(sql, params by name) of the rows (delivery, at) of those who acted on a message, as `responding` says (rule E6).

    An answer to it counts. So does a signature or a registration that it asks for, or any where it asks for none of
    ours, within a week after it left for them.
    """
    asked = responding.asked_by(message)
    return ACTS, {
        "message": message.pk,
        "since": message.started_at or message.created_at,
        "open": not asked.names_something,
        "rounds": sorted(asked.rounds),
        "publications": sorted(asked.publications),
        "webinars": sorted(asked.webinars),
        "reached": [str(state) for state in LEFT_HERE],
        "within": ACTS_WITHIN,
    }


def acted(message):
    """The deliveries of those who acted; an event says it of who was erased since."""
    sql, params = acts(message)
    return message.deliveries.filter(pk__in=RawSQL(*_in_order(f"SELECT delivery FROM ({sql}) acted", params)))  # noqa: S608, S611


def _in_order(sql, params):
    """The same with its parameters in order: a piece of a query of Django's takes no names."""
    ordered = []

    class Ordered(dict):
        def __missing__(self, name):
            ordered.append(params[name])
            return "%s"

    return sql % Ordered(), ordered


def stopped(message):
    """Deliveries that left and whose person said stop on this channel within a week."""
    left = Coalesce(OuterRef("sent_at"), OuterRef("claimed_at"), OuterRef("message__started_at"))
    said = Consent.objects.filter(
        person=OuterRef("person"),
        address__channel=message.channel,
        state=Address.Consent.WITHDRAWN,
        at__gte=left,
        at__lt=left + STOPS_WITHIN,
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


def missed(person):
    """The lines of the ledger about what somebody did not get, the newest first."""
    lines = person.deliveries.filter(state__in=[State.HELD, *FAILED]).select_related("message").order_by("-pk")
    return lines.prefetch_related("message__included", "message__excluded")


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
    Delivery.Reason.CAPPED: _("Held back: this person had as many messages lately as the coalition allows."),
    Delivery.Reason.NOT_DRAWN: _("Held back: it went to a share of the audience only, and the lot fell to others."),
    Delivery.Reason.UNDER_AGE: _("Held back: this person is under 18."),
    Delivery.Reason.EXCLUDED: _("Held back: this person is in a segment that was left out."),
    Delivery.Reason.ACTED: _("Held back: this person had acted before their turn."),
    Delivery.Reason.FOLLOWED: _("Held back: it is for those who had followed no link of the message before it."),
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
# Anymail's reject reasons, where they say more than that it bounced.
BOUNCED_BECAUSE = {
    "invalid": _("Did not arrive: there is no such mailbox."),
    "timed_out": _("Did not arrive: the receiving side did not answer."),
    "blocked": _("Did not arrive: the receiving side shuts us out."),
    "spam": _("Did not arrive: the receiving side took it for spam."),
}
NOT_MEANT = _("Not in the audience: when sending started, this person was not among the people it was for.")
NOT_BEGUN = _("Nobody has it yet: sending has not begun.")


def why(delivery, message, waiting=None):
    """ "Why did she (not) get it?" in one sentence; None stands for a person without a line in the ledger.

    `waiting`: what `pacing.waiting` says of the message; None where something may leave now.
    """
    if delivery is None:
        return NOT_MEANT if message.started_at else NOT_BEGUN
    if delivery.state == State.HELD:
        return WHY_HELD.get(delivery.reason, delivery.get_state_display())
    if delivery.state == State.QUEUED:
        return _why_it_waits(delivery, message, waiting)
    if delivery.state == State.BOUNCED:
        return BOUNCED_BECAUSE.get(delivery.error, WHY[State.BOUNCED])
    return WHY[delivery.state]


def _why_it_waits(delivery, message, waiting):
    if message.state == Message.State.PAUSED:
        return _("Waits: sending is paused.")
    if not delivery.variant:
        return _("Waits until the test has decided which wording is sent.")
    if delivery.not_before and delivery.not_before > timezone.now():
        if delivery.error:
            return _("Was refused for now; it is tried again.")
        if message.channel == Address.Channel.PHONE:
            return _("Waits for a time of day at which texts are allowed.")
        if message.send_local:
            return _("Waits for its hour on this person's own clock.")
        return _("Waits for its time.")
    if waiting and waiting.why == "quiet_day":
        return _("Waits: today is a quiet day, on which nothing leaves.")
    if waiting:
        return _("Waits: as many have left as the pace allows just now.")
    return WHY[State.QUEUED]


# Compared with earlier ones


def compared(kept):
    """[(name, this share, median of the earlier ones, median of those of the same campaign)] from a report's figures.

    Shares in percent; None where there is nothing to compare with.
    """
    earlier = [row["total"] for row in kept["earlier"]]
    same = [row["total"] for row in kept["earlier"] if row["campaign"]]
    return [
        (name, charting.share(kept["total"], name), _median(earlier, name), _median(same, name)) for name in COMPARED
    ]


def _median(totals, name):
    return median(charting.share(total, name) or 0.0 for total in totals) if totals else None
