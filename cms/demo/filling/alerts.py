"""Emails and texts that left: through the real ledger, then what came back of each, told to the verbs that hear it."""

from contextlib import contextmanager
from datetime import time, timedelta

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from campaigns import (
    approving,
    breaking,
    linking,
    reporting,
    results,
    scheduling,
    sending,
    splitting,
    telling,
    tracking,
)
from campaigns.models import Click, Delivery, Link, Message, Pace, QuietDay, SplitTest, TrackingEvent
from coalition import consent, endorsing
from coalition.models import Address, Consent, Endorsement, Entry, Installation, Notice, SimulatedEmail, SimulatedText

from .publishing import letter_round
from .registrations import take_seat
from .words import both, editor, on_day, organizer, read

ZONE = "America/New_York"
PROVIDER = "Postmark"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1"
FORSAKEN = "@correo.example.net"  # where many have a mailbox that they left behind
State = Message.State


def fill_deliveries(rng):
    rows = read("messages")
    for row in [row for row in rows["email"] + rows["text"] if row["state"] in ("sent", "paused")]:
        message = Message.objects.get(name=row["name"])
        # The story's messages left in the morning, whenever the demo is filled.
        moment = on_day(-row["days_ago"], "10:30", ZONE)
        if message.state in (State.DRAFT, State.SENDING):
            send_now(message, row, moment, rng)
        if message.channel == Address.Channel.PHONE:
            message.deliveries.filter(state=Delivery.State.SENT).update(state=Delivery.State.DELIVERED)
        elif not TrackingEvent.objects.filter(delivery__message=message, provider=PROVIDER).exists():
            with transaction.atomic():
                hear(message, row["came_back"], rng)
                if row["state"] == "paused":
                    sending.pause(message)
                    because = breaking.figures(message).because
                    Message.objects.filter(pk=message.pk).update(paused_because=because)


# Leaving


def send_now(message, row, moment, rng):
    with in_daylight():
        leave(message, moment, limit=row.get("leaves"))
        if "test" not in row:
            return
        decided = moment + timedelta(hours=row["test"]["hours"], minutes=1)
        began = timezone.now()
        with transaction.atomic():
            try_wordings(message, row["test"], rng)
        SplitTest.objects.filter(message=message).update(decides_at=decided, decided_at=decided)
        leave(message, decided, began=began)
        others = message.deliveries.filter(state=Delivery.State.SENT, sent_at__gte=decided).order_by("pk")
        for delivery in rng.sample(list(others), row["test"]["seats_after"]):
            seat(message, delivery, decided + timedelta(hours=min(rng.lognormvariate(1.5, 1), 70)), rng)


@contextmanager
def in_daylight():
    """The demo may be filled at night: the story's texts left in daylight."""
    installation = Installation.get()
    quiet = {f: getattr(installation, f) for f in ("quiet_until", "quiet_from", "quiet_until_sunday")}
    Installation.objects.update(quiet_until=time(0), quiet_from=time(23, 59, 59), quiet_until_sunday=time(0))
    try:
        yield
    finally:
        Installation.objects.update(**quiet)


def leave(message, moment, *, began=None, limit=None):
    """Send what is due (at most `limit`) through the real ledger to the simulated channels, dated back to a moment."""
    began = began or timezone.now()
    if sending.start(message, by=organizer()):
        created = {"created_at": moment - timedelta(hours=20), "started_at": moment}
    else:
        created = {}
    while sending.send_next_batch(message, limit=limit) and not limit:
        pass
    sending.close_finished(message)
    ago = began - moment
    Message.objects.filter(pk=message.pk).update(finished_at=F("finished_at") - ago, active_at=moment, **created)
    message.deliveries.filter(updated_at__gte=began).update(
        updated_at=F("updated_at") - ago, claimed_at=F("claimed_at") - ago, sent_at=F("sent_at") - ago
    )
    for kept in (SimulatedEmail, SimulatedText):
        kept.objects.filter(at__gte=began).update(at=F("at") - ago)
    told = Entry.objects.filter(kind=Entry.Kind.MESSAGE, link=telling.link_of(message), at__gte=began)
    told.update(at=F("at") - ago)
    message.refresh_from_db()


def try_wordings(message, test, rng):
    """Some of those who got each wording take a seat; that decides the test."""
    for language, by_variant in test["seats"].items():
        for variant, number in by_variant.items():
            got = message.deliveries.filter(language=language, variant=variant, state=Delivery.State.SENT)
            for delivery in rng.sample(list(got.order_by("pk")), number):
                seat(message, delivery, delivery.sent_at + timedelta(hours=test["hours"]) * rng.uniform(0.05, 0.9), rng)
    SplitTest.objects.filter(message=message).update(decides_at=None)  # its hours have passed, as the story has it
    splitting.decide_due(message)


def seat(message, delivery, moment, rng):
    """Whoever got it follows its card and takes a seat."""
    follow(delivery, moment - timedelta(minutes=rng.uniform(2, 9)), rng)
    webinar = next(block["value"]["webinar"] for block in message.contents.first().blocks if block["type"] == "event")
    take_seat(webinar, delivery.person, moment, rng)


# What comes back


def hear(message, said, rng):
    """What a provider tells of each of those who got it, and what some of them do; spread over hours."""
    acted = set(results.acted(message).values_list("pk", flat=True))
    everyone = list(message.deliveries.filter(state=Delivery.State.SENT).select_related("person").order_by("pk"))
    rest = [delivery for delivery in everyone if delivery.pk not in acted]
    bounced = drawn(rng, rest, said["bounced"], often=lambda d: 5 if d.value.endswith(FORSAKEN) else 1)
    soft = drawn(rng, rest, said["soft"])
    complained = drawn(rng, rest, said["complained"])
    waiting = drawn(rng, rest, said.get("deferred", 0), often=lambda d: 5 if d.value.endswith(FORSAKEN) else 1)
    silent = drawn(rng, rest, said.get("silent", 0))
    gone = {delivery.pk for delivery in bounced + soft + waiting + silent}
    news = [news_of("bounced", d, seconds(rng), reason="invalid") for d in bounced]
    news += [news_of("bounced", d, seconds(rng), reason="other", soft=True) for d in soft]
    news += [news_of("deferred", d, seconds(rng)) for d in waiting]
    news += [news_of("delivered", d, seconds(rng)) for d in everyone if d.pk not in gone]
    news += [news_of("complained", d, hours(rng, d)) for d in complained]
    began = timezone.now()
    tracking.record_all(PROVIDER, news)
    for delivery in drawn(rng, rest, said["stopped"]):
        source = rng.choice([Consent.Source.ONE_CLICK, Consent.Source.PREFERENCES])
        at = delivery.sent_at + hours(rng, delivery)
        consent.withdraw(message.channel, delivery.value, source=source, language=delivery.language, at=at)
    signing = drawn(rng, rest, said["signed"])
    for delivery in signing:
        at = delivery.sent_at + hours(rng, delivery)
        follow(delivery, at, rng)
        sign_letter(delivery.person, delivery.value, at + timedelta(minutes=rng.uniform(2, 12)))
    for delivery in drawn(rng, rest, said["followed"], often=lambda d: 1.4 if d.language == "es" else 1):
        follow(delivery, delivery.sent_at + hours(rng, delivery), rng)
    for delivery in drawn(rng, rest, said["scanned"], often=lambda d: 9 if "@schools." in d.value else 1):
        follow(delivery, delivery.sent_at + timedelta(seconds=rng.uniform(3, 40)), rng, scanner=True)
    date_news(message, complained, began)


def drawn(rng, rows, number, often=lambda row: 1):
    """So many of the rows, by lot; they leave the list. `often`: how much likelier it falls on one."""
    chosen = sorted(rows, key=lambda row: rng.random() ** (1 / often(row)), reverse=True)[:number]
    taken = {row.pk for row in chosen}
    rows[:] = [row for row in rows if row.pk not in taken]
    return chosen


def seconds(rng):
    """How long a mailbox takes: most answer within a minute, a few within the hour."""
    return timedelta(seconds=min(rng.lognormvariate(3.6, 1.6), 7200))


def hours(rng, delivery):
    """When somebody reads it: half of them within three hours, the last ones after days."""
    until_now = (timezone.now() - delivery.sent_at) / timedelta(hours=1) - 0.5
    return timedelta(hours=min(rng.lognormvariate(1.1, 1.2), rng.uniform(0.6, 1) * until_now))


def news_of(kind, delivery, after, **said):
    """As a provider tells it: `after` it left."""
    at = delivery.sent_at + after
    return tracking.News(
        kind, event_id=f"demo-{delivery.pk}", ref=f"delivery-{delivery.pk}", recipient=delivery.value, at=at, **said
    )


def follow(delivery, moment, rng, *, scanner=False):
    """Somebody follows a link of it, or a mail filter the one that nobody sees."""
    links = list(Link.objects.filter(message=delivery.message_id, is_trap=scanner).order_by("pk"))
    own = [link for link in links if scanner or f"/{delivery.language}/" in link.url] or links
    link = rng.choice(own)
    linking.follow(link.pk, linking.token_for(delivery.pk), agent="" if scanner else PHONE)
    Click.objects.filter(delivery=delivery, link=link).update(at=moment)
    known = TrackingEvent.objects.filter(provider=linking.PROVIDER, event_id=str(delivery.pk))
    known.update(at=moment, received_at=moment)


def sign_letter(person, email, moment):
    """As a visitor signs the open letter: on the page, then by the link in the mailbox, which left long ago."""
    round_ = letter_round()
    version, language = round_.publication.current_version, person.language
    if Endorsement.objects.filter(publication=round_.publication, email=email).exists():
        return
    said = {"name": person.name, "email": email, "city": person.city, "language": language}
    endorsing.sign(round_, version=version, at=moment, **said)
    entered = Endorsement.objects.get(publication=round_.publication, email=email)
    endorsing.confirm(entered, version=version, language=language, at=moment)
    owed = Notice.objects.filter(value=email, kind__in=["endorsement", "endorsed"], state=Notice.State.QUEUED)
    owed.update(state=Notice.State.DELIVERED, created_at=moment, due_at=moment, sent_at=moment)


def date_news(message, complained, began):
    """It was told when it happened, not in the minute in which the demo was filled."""
    told = TrackingEvent.objects.filter(delivery__message=message, provider=PROVIDER)
    told.update(received_at=F("at") + timedelta(seconds=2))
    latest = TrackingEvent.objects.filter(delivery=OuterRef("pk")).order_by("-at").values("at")[:1]
    message.deliveries.filter(events__isnull=False).update(updated_at=Subquery(latest))
    # An address closed for good by this very message.
    closed = Address.objects.filter(fault_at__gte=began, channel=message.channel)
    closed.update(fault_at=Subquery(message.deliveries.filter(value=OuterRef("value")).values("updated_at")[:1]))
    for delivery in complained:
        at = told.get(delivery=delivery, kind="complained").at
        Consent.objects.filter(person=delivery.person, at__gte=began).update(at=at)
        Address.objects.filter(person=delivery.person, consent_at__gte=began).update(consent_at=at)
        Entry.objects.filter(person=delivery.person, at__gte=began).update(at=at)


# What is planned


def fill_calendar(rng):
    """A quiet day, a pace, a message with its time, and one that waits for its second reader."""
    rows = read("messages")
    for row in rows["quiet_day"]:
        day = on_day(row["days_ahead"], "12:00", ZONE).date()
        if not QuietDay.objects.exists():
            QuietDay.objects.create(day=day, name=both(row, "name"))
    for row in rows["pace"]:
        Pace.objects.get_or_create(provider="", domain=row["domain"], defaults={"a_minute": row["a_minute"]})
    for row in rows["email"]:
        message = Message.objects.get(name=row["name"])
        if row["state"] == "planned" and message.state == State.DRAFT:
            at = on_day(row["days_ahead"], row["at"], ZONE)
            scheduling.schedule(message, by=organizer(), at=at, local=True)
        if row["state"] == "read" and not message.approval_asked_at:
            approving.ask(message, of=organizer(), by=editor())
    # Counted first, so that those after it are compared with it; the worker counts them as soon as the demo runs.
    reporting.report(Message.objects.filter(channel=Address.Channel.EMAIL, state=State.SENT).earliest("started_at"))
