"""A text comes in: kept once, threaded, understood, and answered at most once, all in one transaction.

Stop before everything (rule S3); then help, start, a join word, the yes to one, the answer to our latest question.
Whatever is left waits for a person. Replies are notices, written with the text they answer: they stand in the thread,
leave once even when the carrier repeats itself, are tried again, and their delivery is known; TwiML has none of that.
"""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns import joining, keywords, replies, stopping
from campaigns.keywords import Reading, Sense
from campaigns.models import Answer, Conversation, Delivery, InboundText, Keyword, Message
from coalition import notices, people, timeline
from coalition.models import Address, Consent, Entry

PHONE = Address.Channel.PHONE
Kind = InboundText.Kind
QUESTION_STAYS_OPEN = timedelta(days=14)
REVIEW_WITHIN = 10  # business days; 47 CFR 64.1200(a)(10), in force since 2025-04-11
# A question may be answered as soon as it was handed over; the carrier's news may come later than the answer.
HANDED_OVER = (
    Delivery.State.SENDING,
    Delivery.State.UNCERTAIN,
    Delivery.State.SENT,
    Delivery.State.DEFERRED,
    Delivery.State.DELIVERED,
)


@transaction.atomic
def receive(*, sid, number, body, carrier_answered=""):
    """Take in one text. Returns its row, or None when it was here before.

    `number` is the sender's, as E.164. `carrier_answered`: "STOP", "HELP" or "START" where the carrier has understood
    the text and answered it already (Twilio's OptOutType), so that we say nothing (rule S5).
    """
    if InboundText.objects.filter(sid=sid).exists():
        return None
    reading = keywords.read(body)
    if carrier_answered:
        reading = Reading(Sense(carrier_answered.lower()), reading.language)
    conversation = _conversation(number, reading.language)
    try:
        with transaction.atomic():
            text = InboundText.objects.create(
                sid=sid, conversation=conversation, body=body, kind=Kind.OTHER, at=timezone.now()
            )
    except IntegrityError:
        return None
    # Who can write can be written to: a landline would not have answered (rule S9). A stop stays a stop.
    Address.objects.at(PHONE, number).filter(fault=Address.Fault.UNABLE).update(fault=Address.Fault.NONE, fault_at=None)
    kind, waits = _understand(conversation, text, reading, answered=bool(carrier_answered))
    text.kind = kind
    if reading.sense == Sense.UNCLEAR:
        text.review_by = review_day(timezone.localdate())
    text.save(update_fields=["kind", "review_by"])
    conversation.last_at = text.at
    if waits:
        conversation.waiting_since = conversation.waiting_since or text.at
        if conversation.person:
            link = replies.thread_link(conversation)
            timeline.note(conversation.person, Entry.Kind.REPLY, _("Sent us a text"), link=link, at=text.at)
    conversation.save(update_fields=["last_at", "waiting_since"])
    return text


def _conversation(number, language):
    """The conversation with this number, locked: texts of one number are taken in one after the other."""
    person = people.find(PHONE, number).first()
    Conversation.objects.get_or_create(
        number=number,
        defaults={
            "person": person,
            "language": person.language if person else language or "en",
            "last_at": timezone.now(),
        },
    )
    conversation = Conversation.objects.select_for_update().get(number=number)
    if person and (conversation.person is None or conversation.person.binned_at):
        conversation.person = person
        conversation.save(update_fields=["person"])
    return conversation


def _understand(conversation, text, reading, *, answered):
    """Do what the text asks. Returns its kind, and whether a person has to read it."""
    if reading.sense == Sense.STOP:
        _stop(conversation, text, answered=answered)
        return Kind.STOP, False
    if reading.sense == Sense.HELP:
        if not answered:
            replies.owe(replies.Kind.HELP, conversation=conversation, text=text, language=reading.language)
        return Kind.HELP, False
    try:
        if reading.sense == Sense.START:
            joining.come_back(conversation, text)
            return Kind.START, False
        if keyword := next(
            (k for k in Keyword.objects.filter(active=True) if keywords.is_word(text.body, k.word)), None
        ):
            joining.ask(conversation, text, keyword=keyword)
            return Kind.JOIN, False
    except ValidationError:  # a number that the carrier knows and the numbering plan does not: a person has to look
        return Kind.OTHER, True
    if keywords.is_yes(text.body) and joining.confirm(conversation, text):
        return Kind.CONFIRM, False
    says_more = _answer(conversation, text)
    if says_more is not None:
        return Kind.ANSWER, says_more or reading.sense == Sense.UNCLEAR
    return Kind.UNCLEAR_STOP if reading.sense == Sense.UNCLEAR else Kind.OTHER, True


def _stop(conversation, text, *, answered):
    first = stopping.stop(
        conversation.number, source=Consent.Source.REPLY, language=conversation.language, evidence=text.sid
    )
    conversation.keyword = conversation.waiting_since = None
    conversation.save(update_fields=["keyword", "waiting_since"])
    # What may have meant stop before is settled by this one.
    conversation.texts.filter(review_by__isnull=False, reviewed_at=None).update(reviewed_at=text.at)
    if first and not answered:
        replies.owe(replies.Kind.STOPPED, conversation=conversation, text=text)


def open_question(number):
    """The delivery of our latest text to this number that asked for an answer, or None."""
    since = timezone.now() - QUESTION_STAYS_OPEN
    asking = Message.objects.filter(channel=PHONE, started_at__gte=since, choices__isnull=False).distinct()
    asked = Delivery.objects.filter(message__in=asking, value=number, state__in=HANDED_OVER)
    return asked.select_related("message", "person").order_by("-message__started_at", "-pk").first()


def _answer(conversation, text):
    """Record the answer to our latest question. Returns whether the text says more than it; None when it is none."""
    delivery = open_question(conversation.number)
    if delivery is None:
        return None
    choices = {choice.pk: choice for choice in delivery.message.choices.all()}
    found = keywords.answer(text.body, [(choice.pk, choice.words) for choice in choices.values()])
    if found is None:
        return None
    pk, says_more = found
    choice = choices[pk]
    before = Answer.objects.filter(message=delivery.message, person=delivery.person).first()
    Answer.objects.update_or_create(
        message=delivery.message,
        person=delivery.person,
        defaults={"choice": choice, "text": text, "at": text.at},
    )
    if before is None or before.choice_id != choice.pk:
        timeline.note(
            delivery.person,
            Entry.Kind.ANSWER,
            _("Answered “%(answer)s” to “%(message)s”"),
            {"answer": choice.label, "message": delivery.message},
            link=replies.thread_link(conversation),
            at=text.at,
        )
    conversation.asked = delivery.message
    conversation.save(update_fields=["asked"])
    if words := choice.reply.localize(delivery.language) if choice.reply else "":
        notices.write(
            "text_answer",
            channel=PHONE,
            value=conversation.number,
            language=delivery.language,
            person=delivery.person,
            key=f"text:{text.sid}",
            text=words,
        )
    return says_more


def review_day(start):
    """The day by which an unclear wish to stop is settled. Holidays are not skipped, so that it is never late."""
    day, left = start, REVIEW_WITHIN
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return day
