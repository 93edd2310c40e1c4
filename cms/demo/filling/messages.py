"""Messages that were sent, what people answered, and who will come to the webinars."""

from datetime import time, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from campaigns import receiving, registering, sending
from campaigns.models import (
    Answer,
    Choice,
    Conversation,
    Delivery,
    InboundText,
    Keyword,
    Message,
    MessageContent,
    Registration,
    ReplyTemplate,
    Webinar,
)
from coalition.models import Entry, Installation, Notice, Person, SimulatedEmail, SimulatedText, Topic

from .publishing import campaign
from .words import both, on_day, organizer, read


def fill_messages(rng):
    if Message.objects.exists():
        return
    rows = read("messages")
    for row in rows["reply_template"]:
        ReplyTemplate.objects.get_or_create(kind=row["kind"], defaults={"text": both(row, "text")})
    for row in rows["keyword"]:
        Keyword.objects.get_or_create(word=row["word"], defaults={"language": row["language"], "campaign": campaign()})
    for row in rows["email"]:
        message = Message.objects.create(
            channel="email",
            name=row["name"],
            campaign=campaign(),
            topic=Topic.objects.filter(slug=row.get("topic", "")).first(),
            created_by=organizer(),
        )
        for code in ("en", "es"):
            words = row[code]
            MessageContent.objects.create(
                message=message,
                language=code,
                subject=words["subject"],
                preheader=words["preheader"],
                body="\n\n".join(words["body"]),
                action_label=words["action_label"],
                action_url=words["action_path"],
                reviewed_by=organizer(),
                reviewed_at=timezone.now(),
            )
    for row in rows["text"]:
        message = Message.objects.create(channel="phone", name=row["name"], campaign=campaign(), created_by=organizer())
        for code in ("en", "es"):
            MessageContent.objects.create(
                message=message,
                language=code,
                body=row[f"body_{code}"],
                reviewed_by=organizer(),
                reviewed_at=timezone.now(),
            )
        for position, choice in enumerate(row["choices"]):
            Choice.objects.create(
                message=message,
                label=both(choice, "label"),
                words=", ".join(choice["words"]),
                reply=both(choice, "reply"),
                position=position,
            )


def fill_deliveries(rng):
    rows = read("messages")
    for row in [r for r in rows["email"] if r["state"] == "sent"] + rows["text"]:
        message = Message.objects.filter(name=row["name"]).exclude(state=Message.State.SENT).first()
        if message:
            send_now(message, row["days_ago"])


def send_now(message, days_ago):
    """Send through the real ledger to the simulated channels, then date it back to when the story says."""
    installation = Installation.get()
    quiet = {f: getattr(installation, f) for f in ("quiet_until", "quiet_from", "quiet_until_sunday")}
    # The demo may be filled at night: the story's texts left in daylight.
    Installation.objects.update(quiet_until=time(0), quiet_from=time(23, 59, 59), quiet_until_sunday=time(0))
    began = timezone.now()
    try:
        sending.start(message, by=organizer())
        while sending.send_next_batch(message):
            pass
        sending.close_finished(message)
    finally:
        Installation.objects.update(**quiet)
    # The story's messages left in the morning, whenever the demo is filled.
    ago = timezone.now() - on_day(-days_ago, "10:30", "America/New_York")
    Message.objects.filter(pk=message.pk).update(
        created_at=timezone.now() - ago - timedelta(hours=20),
        started_at=timezone.now() - ago,
        finished_at=timezone.now() - ago + timedelta(minutes=2),
    )
    Delivery.objects.filter(message=message).update(updated_at=F("updated_at") - ago, claimed_at=F("claimed_at") - ago)
    for kept in (SimulatedEmail, SimulatedText):
        kept.objects.filter(at__gte=began).update(at=F("at") - ago)
    just_told = Entry.objects.filter(kind=Entry.Kind.MESSAGE, at__gt=timezone.now() - timedelta(hours=1))
    just_told.update(at=F("at") - ago)
    Delivery.objects.filter(message=message, state=Delivery.State.SENT).update(state=Delivery.State.DELIVERED)


def fill_replies(rng):
    message = Message.objects.filter(channel="phone", state=Message.State.SENT).first()
    if message is None or message.answers.exists():
        return
    got = list(message.deliveries.filter(state=Delivery.State.DELIVERED).select_related("person").order_by("pk"))
    rng.shuffle(got)
    by_language = {code: iter([d for d in got if d.language == code]) for code in ("en", "es")}
    rows = read("replies")["reply"]
    # Many say the same one word; whoever says more says it once.
    short = [row for row in rows if row["kind"] == "answer" and len(row["body"]) < 8]
    several = [(row, turn) for turn in range(9) for row in short] + [(row, 0) for row in rows if row not in short]
    for number, (row, _turn) in enumerate(several):
        delivery = next(by_language[row["language"]], None)
        if delivery is not None:
            began = timezone.now()
            sid = f"SMdemo{number:028d}"
            on_phone = {"number": delivery.value, "ours": settings.TWILIO_FROM}
            SimulatedText.objects.create(sid=sid, incoming=True, body=row["body"], **on_phone)
            text = receiving.receive(sid=sid, number=delivery.value, body=row["body"])
            moment = timezone.now() - timedelta(hours=rng.randrange(1, 66), minutes=rng.randrange(60))
            # The reply left and arrived long ago: nothing of it is owed when the demo starts.
            owed = Notice.objects.filter(key=f"text:{sid}")
            for notice in owed:
                SimulatedText.objects.create(sid=f"SMreply{number:027d}", body=notice.text, **on_phone)
            owed.update(state=Notice.State.DELIVERED, sent_at=moment, provider_id=f"SMreply{number:027d}")
            SimulatedText.objects.filter(number=delivery.value, at__gte=began).update(at=moment)
            InboundText.objects.filter(pk=text.pk).update(at=moment)
            Conversation.objects.filter(pk=text.conversation_id).update(last_at=moment)
            Conversation.objects.filter(pk=text.conversation_id, waiting_since__isnull=False).update(
                waiting_since=moment
            )
            Answer.objects.filter(text=text).update(at=moment)
            Notice.objects.filter(value=delivery.value, created_at__gte=text.at).update(
                created_at=moment, due_at=moment
            )
            Entry.objects.filter(person=delivery.person, at__gte=text.at).update(at=moment)


def fill_registrations(rng):
    if Registration.objects.exists():
        return
    for webinar, count in zip(Webinar.objects.order_by("starts_at"), (124, 37), strict=False):
        chosen = Person.objects.filter(addresses__channel="email", name__gt="").order_by("pk").distinct()[100:3000]
        for person in rng.sample(list(chosen), count):
            spanish = person.language == "es" and webinar.spanish_interpretation
            registering.register(
                webinar,
                name=person.name,
                email=person.addresses.get(channel="email").value,
                language=person.language,
                interpretation="es" if spanish and rng.random() < 0.8 else "",
                captions=rng.random() < 0.12,
            )
        asked = webinar.registrations.filter(interpretation_state=Registration.Access.ASKED).order_by("pk")
        for registration in asked[: len(asked) // 2]:
            registering.answer_request(registration, Registration.Access.CONFIRMED, kind="interpretation")
        for registration in webinar.registrations.order_by("pk"):
            then = timezone.now() - timedelta(hours=rng.randrange(5, 260), minutes=rng.randrange(60))
            Registration.objects.filter(pk=registration.pk).update(registered_at=then)
            about = Entry.objects.filter(person=registration.person_id, kind=Entry.Kind.REGISTRATION)
            about.update(at=then)
