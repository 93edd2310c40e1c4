"""The words of messages, and what people answered by text."""

import io
from datetime import timedelta

from django.conf import settings
from django.core.files.images import ImageFile
from django.utils import timezone
from wagtail.images import get_image_model

from campaigns import blocks, receiving
from campaigns.forms import letters
from campaigns.models import (
    Answer,
    Choice,
    Conversation,
    Delivery,
    InboundText,
    Keyword,
    Message,
    MessageContent,
    ReplyTemplate,
    SplitTest,
    Webinar,
)
from campaigns.models.blocks import TYPES
from coalition import rasterising, reading, segments
from coalition.models import Entry, Notice, Segment, SimulatedText, Topic

from .publishing import campaign, letter_round, publication_of
from .words import both, editor, organizer, read
from .work import numbered


def fill_messages(rng):
    if Message.objects.exists():
        return
    rows = read("messages")
    for row in rows["reply_template"]:
        ReplyTemplate.objects.get_or_create(kind=row["kind"], defaults={"text": both(row, "text")})
    for row in rows["keyword"]:
        Keyword.objects.get_or_create(word=row["word"], defaults={"language": row["language"], "campaign": campaign()})
    for row in rows["segment"]:
        tree = numbered(row["criteria"])
        segments.keep(Segment(), name=row["name"], description=row["description"], tree=tree, by=organizer())
    for row in rows["email"]:
        write_email(row)
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


def write_email(row):
    by = editor() if row["state"] == "read" else organizer()
    message = Message.objects.create(
        channel="email",
        name=row["name"],
        campaign=campaign(),
        topic=Topic.objects.filter(slug=row.get("topic", "")).first(),
        created_by=by,
        share=row.get("share", 100),
        archived=row.get("archived", False),
        is_template=row["state"] == "template",
    )
    message.included.set(Segment.objects.filter(name__in=row.get("to", [])))
    shared = [shared_part(block) for block in row["blocks"]]
    wordings = {"a": row, "b": row["test"]} if "test" in row else {"a": row}
    for code in ("en", "es"):
        for variant, words in wordings.items():
            MessageContent.objects.create(
                message=message,
                variant=variant,
                language=code,
                subject=words[f"subject_{code}"],
                preheader=row.get(f"preheader_{code}", ""),
                blocks=blocks_of(row, code, shared),
                written_by=by,
                reviewed_by=None if message.is_template else by,
                reviewed_at=None if message.is_template else timezone.now(),
            )
    if "test" in row:
        SplitTest.objects.create(message=message, share=row["test"]["share"], hours=row["test"]["hours"])


def blocks_of(row, language, shared):
    """The blocks of an email in a language, as they are kept."""
    found = []
    for number, (block, part) in enumerate(zip(row["blocks"], shared, strict=True), start=1):
        own = {name: block.get(f"{name}_{language}", "") for name in TYPES[block["type"]].keys() - part}
        found.append({"id": f"b{number}", "type": block["type"], "value": part | own})
    return blocks.cleaned(found)


def shared_part(block):
    """What all languages of a block share: the record of a card, the picture and its size."""
    match block:
        case {"brief": slug}:
            return {"publication": publication_of(slug).pk}
        case {"webinar": slug}:
            titles = next(row["title_en"] for row in read("webinars")["webinar"] if row["slug_en"] == slug)
            found = (webinar for webinar in Webinar.objects.all() if webinar.title.localize("en") == titles)
            return {"webinar": next(found).pk}
        case {"quilt": slug}:
            return letters.picture_of(quilt_of(slug))
        case {"letter": True}:
            return {"round": letter_round().pk}
        case {"type": "action"}:
            return {"round": None}
    return {}


def quilt_of(slug):
    """The quilt of a publication as a picture of the library; None where nothing can draw it."""
    publication = publication_of(slug)
    try:
        png = reading.picture(publication.current_version)
    except rasterising.Failed:
        return None
    file = ImageFile(io.BytesIO(png), name=f"{slug}.png")
    width, height = reading.SHARED
    return get_image_model().objects.create(title=str(publication), file=file, width=width, height=height)


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
