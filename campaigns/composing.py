"""Write a message: one structure in every language, each language read and confirmed by somebody by name (rule L2).

A changed text loses its confirmation. Once sending has begun the words are fixed: what people got is what stands here.
"""

import uuid

from anyascii import anyascii
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from campaigns import rendering
from campaigns.models import Choice, Message, MessageContent
from coalition import notices
from coalition.models import Address

TEXT_FIELDS = ("subject", "preheader", "body", "action_label", "action_url")


class Fixed(Exception):
    """The message is on its way or gone; its words cannot change any more."""


def _draft_of(message):
    """The message's row, locked, so that nobody can press Send between our reading and our writing. Raises Fixed."""
    row = Message.objects.select_for_update().get(pk=message.pk)
    if row.state != Message.State.DRAFT:
        raise Fixed
    return row


@transaction.atomic
def begin(*, channel, name, campaign, segment=None, topic=None, by=None):
    """A new draft with an empty text in every language of the installation."""
    message = Message.objects.create(
        channel=channel, name=name, campaign=campaign, segment=segment, topic=topic, created_by=by
    )
    MessageContent.objects.bulk_create(
        MessageContent(message=message, language=language) for language, _name in settings.LANGUAGES
    )
    return message


@transaction.atomic
def write(message, *, contents, choices=None, by=None, **details):
    """Keep what was written. Returns the languages whose confirmation fell because their text changed.

    `contents`: {language: {field: text, "reviewed": bool}}. A tick counts on a text that was not confirmed yet; a text
    that changes under a confirmation has to be read again, so its old tick falls. `details`: name, campaign, segment,
    topic. `choices`: [{"pk", "label", "words", "reply"}] in order, or None to leave them. Raises Fixed.
    """
    row = _draft_of(message)
    if details:
        for field, value in details.items():
            setattr(row, field, value)
        row.save(update_fields=list(details))
    fallen = [language for language, words in contents.items() if _write_content(row, language, words, by)]
    if choices is not None:
        _write_choices(row, choices)
    return fallen


def _write_content(message, language, words, by):
    """Returns True when a confirmation fell."""
    content, _new = MessageContent.objects.get_or_create(message=message, language=language)
    texts = {field: words[field] for field in TEXT_FIELDS if field in words}
    changed = any(getattr(content, field) != text for field, text in texts.items())
    confirmed = content.reviewed_at is not None
    if changed:
        for field, text in texts.items():
            setattr(content, field, text)
        content.reviewed_by = content.reviewed_at = None
        content.save()
    if words.get("reviewed") and not confirmed and content.body:
        # After the text, so that the confirmation is never older than what it confirms.
        MessageContent.objects.filter(pk=content.pk).update(reviewed_by=by, reviewed_at=timezone.now())
    elif not words.get("reviewed") and confirmed:
        MessageContent.objects.filter(pk=content.pk).update(reviewed_by=None, reviewed_at=None)
    return changed and confirmed


def _write_choices(message, choices):
    kept = []
    for position, choice in enumerate(choices):
        values = {"label": choice["label"], "words": choice["words"], "reply": choice["reply"], "position": position}
        if choice.get("pk"):
            message.choices.filter(pk=choice["pk"]).update(**values)
            kept.append(choice["pk"])
        else:
            kept.append(Choice.objects.create(message=message, **values).pk)
    message.choices.exclude(pk__in=kept).delete()


@transaction.atomic
def waive(message, *, reason, by):
    """Let a message leave although a language is missing or unread: the reason and the name stay with it (rule L2).

    An empty reason takes the waiver back. Raises Fixed.
    """
    row = _draft_of(message)
    row.waiver, row.waived_by = reason.strip(), by if reason.strip() else None
    row.save(update_fields=["waiver", "waived_by"])
    return row


@transaction.atomic
def copy(message, *, name, by):
    """A new draft with the same words and answers, to be read and confirmed anew."""
    twin = Message.objects.create(
        channel=message.channel,
        name=name[:150],
        campaign=message.campaign,
        segment=message.segment,
        topic=message.topic,
        created_by=by,
    )
    MessageContent.objects.bulk_create(
        MessageContent(
            message=twin, language=content.language, **{field: getattr(content, field) for field in TEXT_FIELDS}
        )
        for content in message.contents.all()
    )
    Choice.objects.bulk_create(
        Choice(message=twin, label=c.label, words=c.words, reply=c.reply, position=c.position)
        for c in message.choices.all()
    )
    return twin


def try_out(message, rendered, *, language, by):
    """Owe the signed-in member of staff one copy of what a person would get, marked as a test. Returns the notice."""
    return notices.write(
        "message_test",
        channel=Address.Channel.EMAIL,
        value=by.email,
        language=language,
        key=f"message-test-{message.pk}-{uuid.uuid4().hex[:12]}",
        context={"message": message, "rendered": rendered},
        by=by,
    )


def cost_of(message, language, body):
    """What a text costs as it leaves, with our name, the way to stop and merge fields at their longest (rule S8).

    {"text": what leaves, "added": whether that is more than was written, "count": its segments, "room": characters that
    fit into as many segments, "cheaper": the segments without the characters that cost, "saved": how many fewer these
    are}. It offers; the writer decides.
    """
    if not body.strip():
        return {"text": ""}
    if rendering.unknown_fields(body):
        text = body
    else:
        text = rendering.render(MessageContent(message=message, language=language, body=body)).text
    count = rendering.segments_of(text)
    cheaper = rendering.segments_of("".join(anyascii(c) if c in count.costly else c for c in text))
    return {
        "text": text,
        "added": count.units != rendering.segments_of(body).units,
        "count": count,
        "room": count.each * count.segments,
        "cheaper": cheaper,
        "saved": count.segments - cheaper.segments,
    }
