"""Settle what is left open at the end: uncertain deliveries go again or count as arrived, refused ones go again.

A person decides, each time.
"""

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy

from campaigns import telling
from campaigns.models import Delivery, Message
from coalition import timeline
from coalition.models import Entry

RESENT = gettext_lazy("“%(name)s” is sent again: nobody knew whether it had arrived")
SETTLED = gettext_lazy("“%(name)s” counts as arrived")
TRIED_AGAIN = gettext_lazy("“%(name)s” is sent again: it had been refused when it was handed over")
OPEN = [Message.State.SENDING, Message.State.PAUSED, Message.State.SENT]


@transaction.atomic
def settle(delivery, *, resend, by=None):
    """Send an uncertain delivery again, or let it count as arrived. False when it was settled before."""
    return bool(_settle(delivery.message, resend=resend, by=by, delivery=delivery))


@transaction.atomic
def settle_all(message, *, resend, by=None):
    """Settle all of them in one statement. Returns how many there were."""
    return _settle(message, resend=resend, by=by)


SETTLE = """
UPDATE campaigns_delivery SET
    state = CASE WHEN %(resend)s THEN 'queued' ELSE 'sent' END,
    claimed_at = CASE WHEN %(resend)s THEN NULL ELSE claimed_at END,
    sent_at = CASE WHEN %(resend)s THEN NULL ELSE coalesce(sent_at, claimed_at, now()) END,
    attempts = CASE WHEN %(resend)s THEN 0 ELSE attempts END,
    not_before = NULL, error = '', updated_at = now()
WHERE message_id = %(message)s AND state = 'uncertain' AND (%(delivery)s::bigint IS NULL OR id = %(delivery)s)
RETURNING person_id
"""


def _settle(message, *, resend, by, delivery=None):
    Message.objects.select_for_update().get(pk=message.pk)  # it cannot close meanwhile
    asked = {"resend": resend, "message": message.pk, "delivery": delivery and delivery.pk}
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, asked)
        people = [person for (person,) in cursor.fetchall()]
    if people and resend:
        _open_again(message)
    _note(message, people, RESENT if resend else SETTLED, by)
    return len(people)


def refused(message):
    """Deliveries that surely stayed, for a reason that may be gone: whoever refused said nothing of the mailbox."""
    return message.deliveries.filter(state=Delivery.State.FAILED)


def may_try_again(message):
    """Whether what was refused can be handed over once more: what was called off stays so, a series goes by itself."""
    return message.state in OPEN and not hasattr(message, "step")


@transaction.atomic
def try_again(message, *, by=None):
    """Hand over once more what was refused, once its cause is mended. Returns how many there were.

    Each is judged anew on its way, as every delivery is: who said stop since does not get it.
    """
    locked = Message.objects.select_for_update().get(pk=message.pk)  # it cannot close meanwhile
    if not may_try_again(locked):
        return 0
    people = list(refused(locked).values_list("person", flat=True))
    refused(locked).update(
        state=Delivery.State.QUEUED, claimed_at=None, not_before=None, attempts=0, error="", updated_at=Now()
    )
    if people:
        _open_again(locked)
    _note(locked, people, TRIED_AGAIN, by)
    return len(people)


def _open_again(message):
    """A finished message sends once more; a paused one goes on only when somebody says so."""
    Message.objects.filter(pk=message.pk, state__in=[Message.State.SENT, Message.State.CANCELLED]).update(
        state=Message.State.SENDING, finished_at=None, active_at=None
    )


def _note(message, people, said, by):
    now = timezone.now()
    timeline.note_many(
        [(person, now) for person in people if person],
        Entry.Kind.EDIT,
        said,
        {"name": message.name},
        link=telling.link_of(message),
        by=by,
    )
