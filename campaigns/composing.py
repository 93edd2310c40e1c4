"""Write a message: one structure in every language, each language read and confirmed by somebody by name (rule L2).

A changed text loses its confirmation. Once sending has begun the words are fixed: what people got is what stands here.
"""

import json
import uuid
from hashlib import sha256

from anyascii import anyascii
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from campaigns import blocks, merge_fields, rendering, texting
from campaigns.models import Choice, Message, MessageContent
from campaigns.models.blocks import structure
from coalition import notices

SETS = {"included", "excluded"}
TEXT_FIELDS = ("sender", "subject", "preheader", "body", "blocks")
VARIANTS = "abcdef"
CODES = [code for code, _name in settings.LANGUAGES]


class Fixed(Exception):
    """The message is on its way or gone; its words cannot change any more."""


class Uneven(Exception):
    """The languages would not follow one structure."""


class Changed(Exception):
    """Somebody else changed the same words meanwhile. `parts`: "frame", "choices" or languages."""

    def __init__(self, parts):
        super().__init__(parts)
        self.parts = parts


def draft_of(message):
    """The message's row, locked, so that nobody can press Send between our reading and our writing. Raises Fixed."""
    row = Message.objects.select_for_update().get(pk=message.pk)
    if row.state != Message.State.DRAFT:
        raise Fixed
    return row


@transaction.atomic
def begin(*, channel, name, campaign, included=(), excluded=(), topic=None, by=None):
    """A new draft with an empty text in every language of the installation."""
    message = Message.objects.create(channel=channel, name=name, campaign=campaign, topic=topic, created_by=by)
    message.included.set(included)
    message.excluded.set(excluded)
    MessageContent.objects.bulk_create(
        MessageContent(message=message, language=language) for language, _name in settings.LANGUAGES
    )
    return message


@transaction.atomic
def write(message, *, contents, variant=MessageContent.FIRST, choices=None, by=None, seen=None, **details):
    """Keep what was written. Returns the languages whose confirmation fell because their text changed.

    `contents`: {language: {field: text, "blocks": [...], "reviewed": bool}}. A tick counts on a text that was not
    confirmed yet; a text that changes under a confirmation has to be read again, so its old tick falls. What a second
    reader said falls when anything changed that `as_read` looks at. `details`: fields of the message, its segments
    among them. `choices`: [{"pk", "label", "words", "reply"}] in order, or None to leave them. `seen`: what `standing`
    said when the writing began; what somebody else changed since and this writer did not stays theirs. Raises Fixed;
    Changed where both did; Uneven where languages differ in their blocks; blocks.Malformed.
    """
    row = draft_of(message)
    theirs = _changed_by_others(row, variant, seen or {}, contents, choices, details)
    contents = {language: words for language, words in contents.items() if language not in theirs}
    details = {} if "frame" in theirs else details
    choices = None if "choices" in theirs else choices
    read = as_read(row)
    if details:
        for field in details.keys() & SETS:
            getattr(row, field).set(details.pop(field))
        for field, value in details.items():
            setattr(row, field, value)
        row.save(update_fields=list(details))
    done = {language: _write_content(row, language, variant, words, by) for language, words in contents.items()}
    _even(row, variant)
    if choices is not None:
        _write_choices(row, choices)
    if as_read(row) != read:
        _ask_again(row, by)
    return [language for language, fell in done.items() if fell]


# Two who write at once

FRAME = ("name", "campaign", "included", "excluded", "share", "topic", "archived", "source")


def standing(message, variant=MessageContent.FIRST):
    """How each part of a message stands, in few letters: {"frame", "choices" and each language: a digest}."""
    contents = {content.language: content for content in message.contents.filter(variant=variant)}
    frame = {name: getattr(message, name) for name in FRAME} | _sets_of(message)
    return {
        "frame": _digest(_plain(frame)),
        "choices": _digest(_answers_of(message)),
        **{language: _digest([_texts(one), one.reviewed_at is not None]) for language, one in contents.items()},
    }


def _changed_by_others(row, variant, seen, contents, choices, details):
    """The parts that somebody else changed since they were `seen`, and this writer did not. Raises Changed."""
    stands = standing(row, variant)
    moved = {part for part in seen.keys() & stands.keys() if seen[part] != stands[part]}
    if not moved:
        return moved
    came = {"frame": _digest(_plain({name: getattr(row, name) for name in FRAME} | _sets_of(row) | details))}
    came["choices"] = stands["choices"] if choices is None else _digest(_answers(choices))
    for content in row.contents.filter(variant=variant, language__in=contents):
        words = contents[content.language]
        came[content.language] = _digest([_texts(content) | _kept(words), bool(words.get("reviewed"))])
    if both := sorted(part for part in moved & came.keys() if came[part] not in (seen[part], stands[part])):
        raise Changed(both)
    return moved


def _sets_of(row):
    return {name: getattr(row, name).all() for name in SETS}


def _plain(frame):
    """The frame's values as numbers and letters."""
    return {
        name: sorted(one.pk for one in value) if name in SETS else getattr(value, "pk", value)
        for name, value in frame.items()
    }


def _answers(choices):
    """Answers as plain values, alike whether they come in or were kept."""
    return [
        [
            choice["pk"],
            choice["words"],
            *(_in_each(choice[field], code) for field in ("label", "reply") for code in CODES),
        ]
        for choice in choices
    ]


def _answers_of(message):
    return _answers(message.choices.values("pk", "label", "words", "reply"))


def _in_each(said, code):
    said = getattr(said, "data", said)
    return (said.get(code) or "") if isinstance(said, dict) else said or ""


def _digest(value):
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:20]


def _kept(words):
    """The texts of one language as they are kept."""
    texts = {field: words[field] for field in TEXT_FIELDS if field in words}
    for field in ("sender", "subject", "preheader"):
        if field in texts:
            texts[field] = " ".join(texts[field].split())  # a line break in a header would begin another one
    if "blocks" in texts:
        texts["blocks"] = blocks.cleaned(texts["blocks"])
    return texts


def _write_content(message, language, variant, words, by):
    """Returns whether a confirmation fell."""
    content, _new = MessageContent.objects.get_or_create(message=message, language=language, variant=variant)
    texts = _kept(words)
    changed = any(getattr(content, field) != text for field, text in texts.items())
    confirmed = content.reviewed_at is not None
    if changed:
        for field, text in texts.items():
            setattr(content, field, text)
        content.reviewed_by = content.reviewed_at = None
        content.written_by = by
        content.save()
    if words.get("reviewed") and not confirmed and content.is_written:
        # After the text, so that the confirmation is never older than what it confirms.
        MessageContent.objects.filter(pk=content.pk).update(reviewed_by=by, reviewed_at=timezone.now())
    elif not words.get("reviewed") and confirmed:
        MessageContent.objects.filter(pk=content.pk).update(reviewed_by=None, reviewed_at=None)
    return changed and confirmed


def _even(message, variant):
    """Every language that has blocks follows the structure of the others. Raises Uneven."""
    found = message.contents.filter(variant=variant).exclude(blocks=[]).values_list("blocks", flat=True)
    first, *others = [structure(each) for each in found] or [[]]
    if any(other != first for other in others):
        raise Uneven


# What a second reader looks at

WHOM = ("included", "excluded", "share", "topic")


def last_change(message):
    """When its words changed last; None where it has none."""
    return message.contents.aggregate(last=Max("updated_at"))["last"]


def as_read(message):
    """How the words of every variant stand, whom they are for and which answers they ask for: a digest."""
    whom = {name: getattr(message, name) for name in WHOM} | _sets_of(message)
    return _digest([str(last_change(message)), _plain(whom), _answers_of(message)])


def _ask_again(message, by):
    """What a second reader said was said of something else; whoever changed it is not the one to read it."""
    changed = {"changed_by": by} if by else {}
    Message.objects.filter(pk=message.pk).update(approved_by=None, approved_at=None, **changed)


# Variants


def variants_of(message):
    """The letters of the wordings that there are, the first one among them even before anything is written."""
    return sorted({MessageContent.FIRST, *message.contents.values_list("variant", flat=True)})


@transaction.atomic
def add_variant(message, *, copy_of=MessageContent.FIRST, by=None):
    """One more wording to test: a copy of another, to be changed and confirmed. Returns its letter.

    Raises Fixed; ValueError when there are as many as can be.
    """
    row = draft_of(message)
    taken = set(row.contents.values_list("variant", flat=True))
    variant = next((letter for letter in VARIANTS if letter not in taken), None)
    if variant is None:
        raise ValueError("No room for one more variant")
    MessageContent.objects.bulk_create(
        MessageContent(message=row, variant=variant, language=content.language, written_by=by, **_texts(content))
        for content in row.contents.filter(variant=copy_of)
    )
    _ask_again(row, by)
    return variant


@transaction.atomic
def remove_variant(message, variant, *, by=None):
    """Drop a wording; the first one stays. Raises Fixed; ValueError for the first."""
    row = draft_of(message)
    if variant == MessageContent.FIRST:
        raise ValueError("The first variant stays")
    row.contents.filter(variant=variant).delete()
    _ask_again(row, by)


def _texts(content):
    return {field: getattr(content, field) for field in TEXT_FIELDS}


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
def waive(message, check, *, reason, by):
    """Let a message leave in spite of a check ("languages"): the reason and the name stay with it (rule L2).

    An empty reason takes the waiver back. Raises Fixed.
    """
    row = draft_of(message)
    if reason.strip():
        row.waivers.update_or_create(
            check_key=check, defaults={"reason": reason.strip(), "by": by, "at": timezone.now()}
        )
    else:
        row.waivers.filter(check_key=check).delete()
    return row


@transaction.atomic
def copy(message, *, name, by, template=False, campaign=None):
    """A new draft with the same words and answers, to be read and confirmed anew; or a template for later ones.

    It stands in the same campaign unless another is given. Whom it is for, how many of them, its tracking code and
    whether it is kept in the archive are the message's own: a template has none of these.
    """
    frame = {} if template else {name: getattr(message, name) for name in ("share", "source", "archived")}
    twin = Message.objects.create(
        channel=message.channel,
        name=name[:150],
        campaign=campaign or message.campaign,
        topic=message.topic,
        is_template=template,
        created_by=by,
        **frame,
    )
    if not template:
        twin.included.set(message.included.all())
        twin.excluded.set(message.excluded.all())
    MessageContent.objects.bulk_create(
        MessageContent(
            message=twin, variant=content.variant, language=content.language, written_by=by, **_texts(content)
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
    return notices.write_to_staff(
        "message_test",
        by,
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
    if merge_fields.unknown_fields(body):
        text = body
    else:
        text = rendering.render(MessageContent(message=message, language=language, body=body)).text
    count = texting.segments_of(text)
    cheaper = texting.segments_of("".join(anyascii(c) if c in count.costly else c for c in text))
    return {
        "text": text,
        "added": count.units != texting.segments_of(body).units,
        "count": count,
        "room": count.each * count.segments,
        "cheaper": cheaper,
        "saved": count.segments - cheaper.segments,
    }
