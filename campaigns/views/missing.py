"""On a person's own page: the messages that did not reach them, and why; those they got stand on the timeline."""

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from campaigns import audience, results
from campaigns.forms.messages import LedgerForm
from campaigns.views.messages import SEES_LEDGER
from coalition import languages
from coalition.views import searching

SHOWN = 5
LOOKED_AT = 20  # the newest, among which some may not be shown to everybody


def panels(person, user):
    """The panel of a person for a user: see `coalition.views.people.person.PANELS_HOOK`."""
    if not user.has_perm(SEES_LEDGER):
        return []
    lines = []
    for delivery in results.missed(person)[:LOOKED_AT]:
        if audience.may_list(user, delivery.message):
            lines.append(
                {
                    "words": delivery.message.name,
                    "url": _answer(delivery, person),
                    "note": f"{results.why(delivery, delivery.message)} {_day(delivery)}",
                }
            )
        if len(lines) == SHOWN:
            break
    panel = {"name": "missed", "title": _("Messages they did not get"), "lines": lines}
    return [panel] if lines else []


def _day(delivery):
    return languages.format_date(timezone.localdate(delivery.updated_at))


def _answer(delivery, person):
    """The line of the ledger, found by the address or the name: neither stands readable in the link."""
    words = delivery.value or person.name
    query = {"state": delivery.state}
    if len(words) <= LedgerForm.base_fields["q"].max_length:
        query |= {searching.PARAMETER: searching.hidden(words)} if words else {}
    return f"{reverse('messages:ledger', args=[delivery.message_id])}?{urlencode(query)}"
