"""Tell on people's timelines which messages they got: when one is done, or while it runs in a series."""

from datetime import timedelta

from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from campaigns.models import Delivery
from coalition import timeline
from coalition.models import Address, Entry

State = Delivery.State
GOT_EMAIL = gettext_lazy("Got the email “%(name)s”")
GOT_TEXT = gettext_lazy("Got the text “%(name)s”")
REACHED = [State.SENT, State.DEFERRED, State.DELIVERED, State.COMPLAINED]

GOT = """
INSERT INTO coalition_entry (person_id, kind, text, link, at)
SELECT d.person_id, %(kind)s, %(text)s, %(link)s, coalesce(d.sent_at, d.updated_at)
FROM campaigns_delivery d
-- NOT IN is hashed, whatever the planner knows of a table that just grew: NOT EXISTS may look row by row.
WHERE d.message_id = %(message)s AND d.person_id IS NOT NULL AND d.state = ANY (%(reached)s)
    AND coalesce(d.sent_at, d.updated_at) >= %(since)s AND d.person_id NOT IN (
        SELECT e.person_id FROM coalition_entry e
        WHERE e.kind = %(kind)s AND e.at >= %(since)s AND e.link = %(link)s AND e.person_id IS NOT NULL)
"""


def got(message, since=None):
    """A line on the timeline of everybody who got it (`since` a moment: all), once, by one statement."""
    said = timeline.in_all_languages(
        GOT_EMAIL if message.channel == Address.Channel.EMAIL else GOT_TEXT, {"name": message.name}
    )
    # Our clock may go before the database's.
    since = since or (message.started_at or timezone.now()) - timedelta(days=1)
    values = {
        "kind": Entry.Kind.MESSAGE.value,
        "text": Entry._meta.get_field("text").get_prep_value(said),
        "link": link_of(message),
        "message": message.pk,
        "reached": [str(state) for state in REACHED],
        "since": since,
    }
    with connection.cursor() as cursor:
        cursor.execute(GOT, values)


def link_of(message):
    """The back-office page of a message."""
    return reverse("messages:inspect", args=[message.pk])
