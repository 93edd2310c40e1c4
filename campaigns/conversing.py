"""Staff answer a person: read the thread, write back where that is allowed, and settle what may have meant stop."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns import rendering, replies, stopping
from campaigns.models import Answer, Conversation, Delivery, InboundText
from coalition import notices, people, timeline
from coalition.models import Address, Consent, Entry, Notice, Person

PHONE = Address.Channel.PHONE
WROTE_LATELY = timedelta(hours=24)


@dataclass(frozen=True)
class Bubble:
    """One text of a thread. `ours`: from us to them; `state`: a Notice's or Delivery's; `source`: the row behind it."""

    at: datetime
    ours: bool
    words: str
    source: InboundText | Notice | Delivery
    state: str = ""
    tone: str = ""

    @property
    def by(self):
        return getattr(self.source, "by", None)

    @property
    def message(self):
        return self.source.message if isinstance(self.source, Delivery) else None

    @property
    def awaits_review(self):
        return isinstance(self.source, InboundText) and bool(self.source.review_by) and not self.source.reviewed_at


def holders(number):
    """Everybody on whose record this number stands."""
    return people.find(PHONE, number)


def thread(conversation, *, limit=200):
    """The texts between us and this number, oldest first: theirs, our notices and our messages, as bubbles."""
    number = conversation.number
    theirs = conversation.texts.order_by("-at", "-pk")[:limit]
    owed = Notice.objects.filter(channel=PHONE, value=number).select_related("by").order_by("-created_at")[:limit]
    # By person, because deliveries are found by person; their number may have moved to somebody else since.
    persons = Person.objects.filter(Q(addresses__value=number) | Q(conversations=conversation))
    sent = (
        Delivery.objects.filter(person__in=persons.values("pk"), value=number, message__channel=PHONE)
        .exclude(state__in=[Delivery.State.HELD, Delivery.State.QUEUED])
        .select_related("message", "person")
        .prefetch_related("message__contents", "person__addresses")
        .order_by("-pk")[:limit]
    )
    bubbles = [Bubble(text.at, False, text.body, text) for text in theirs]
    bubbles += [Bubble(n.sent_at or n.created_at, True, n.text, n, n.get_state_display(), _tone(n.state)) for n in owed]
    for delivery in sent:
        content = next((c for c in delivery.message.contents.all() if c.language == delivery.language), None)
        words = rendering.render(content, delivery.person).text if content else ""
        at = delivery.claimed_at or delivery.updated_at
        state = delivery.get_state_display()
        bubbles.append(Bubble(at, True, words, delivery, state, _tone(delivery.state)))
    bubbles.sort(key=lambda bubble: bubble.at)
    return bubbles[-limit:]


def _tone(state):
    return {"delivered": "good", "failed": "bad", "bounced": "bad", "rejected": "bad", "uncertain": "warn"}.get(
        state, ""
    )


def why_not(conversation):
    """Why nobody may write to this number now, in words for staff; None when they may (rules S1, S4)."""
    if not settings.TEXT_PROVIDER:
        return _("Texts are switched off in this installation.")
    if stopping.is_stopped(conversation.number):
        return _("This number said stop. Nobody may text it, unless they text START or join again.")
    addresses = list(Address.objects.at(PHONE, conversation.number))
    if addresses and all(address.fault for address in addresses):
        return _("This number cannot get texts.")
    if any(address.is_open for address in addresses):
        return None
    if conversation.texts.filter(at__gt=timezone.now() - WROTE_LATELY).exists():
        return None
    return _("They have not said yes to texts, and their last text is more than a day old.")


@transaction.atomic
def reply(conversation, *, words, key, by):
    """Owe the number what a staff member wrote. `key` comes with the form, so a double press writes once.

    Raises ValidationError where nobody may write.
    """
    conversation = Conversation.objects.select_for_update().get(pk=conversation.pk)
    if reason := why_not(conversation):
        raise ValidationError(reason, code="closed")
    before = Notice.objects.filter(key=f"reply:{key}").first()
    if before:
        return before
    now = timezone.now()
    notice = notices.write(
        "text_reply",
        channel=PHONE,
        value=conversation.number,
        language=conversation.language,
        person=conversation.person,
        key=f"reply:{key}",
        text=words,
        by=by,
    )
    conversation.waiting_since, conversation.last_at = None, now
    conversation.save(update_fields=["waiting_since", "last_at"])
    if conversation.person:
        link = replies.thread_link(conversation)
        timeline.note(conversation.person, Entry.Kind.REPLY, _("We answered by text"), link=link, by=by, at=now)
    return notice


def mark_done(conversation, *, seen):
    """Nothing is owed to this person. `seen`: the newest text that staff had read; a newer one keeps it waiting."""
    unseen = InboundText.objects.filter(conversation=conversation, pk__gt=seen)
    if unseen.exists():
        return False
    return bool(Conversation.objects.filter(pk=conversation.pk).update(waiting_since=None))


@transaction.atomic
def record_stop(conversation, *, how, by):
    """A stop heard by phone, by email or in person equals STOP (rule S6). `how`: where staff heard it."""
    stopping.stop(
        conversation.number, source=Consent.Source.STAFF, language=conversation.language, evidence=how[:200], by=by
    )
    _close(conversation, by)


@transaction.atomic
def settle(text, *, was_stop, by):
    """Decide what an unclear text meant. Returns False when somebody else has decided before."""
    open_one = InboundText.objects.filter(pk=text.pk, review_by__isnull=False, reviewed_at=None)
    if not open_one.update(reviewed_at=timezone.now(), reviewed_by=by):
        return False
    if was_stop:
        conversation = text.conversation
        stopping.stop(
            conversation.number, source=Consent.Source.REPLY, language=conversation.language, evidence=text.sid, by=by
        )
        InboundText.objects.filter(pk=text.pk).update(kind=InboundText.Kind.STOP)
        _close(conversation, by)
    return True


def _close(conversation, by):
    Conversation.objects.filter(pk=conversation.pk).update(waiting_since=None, keyword=None)
    conversation.texts.filter(review_by__isnull=False, reviewed_at=None).update(
        reviewed_at=timezone.now(), reviewed_by=by
    )


def answers(conversation):
    """What the people of this number answered, newest first."""
    persons = Person.objects.filter(addresses__channel=PHONE, addresses__value=conversation.number)
    return Answer.objects.filter(person__in=persons).select_related("message", "choice", "person").order_by("-at")
