"""Out: whoever acted or can be reached no more, between two steps and between freezing and leaving."""

from django.db import connection, transaction
from django.db.models import OuterRef, Q
from django.db.models.functions import Now

from campaigns import responding
from campaigns.models import Delivery, Enrolment, Step
from coalition.models import Address, Consent, Person

from .enrolling import reachable
from .holding import OVERLAP, in_hand
from .noting import SAID, TOLD, line
from .steps import all_messages, has_followed, step_before


@transaction.atomic
def take_out(series):
    """Out with whoever acted, or can be reached no more, before their next message leaves. Returns how many."""
    series = in_hand(series)
    if series is None:
        return 0
    on_the_way = series.enrolments.filter(state=Enrolment.State.ACTIVE).select_for_update(
        of=("self",), skip_locked=True
    )
    # Those about whom something is new, of very many perhaps; whoever is missed is asked again before a message leaves.
    lately = (series.looked_at or series.since) - OVERLAP
    stops = Consent.objects.filter(state=Address.Consent.WITHDRAWN, at__gte=lately).order_by().values("person")
    new = Q(due_at__lte=Now()) | Q(person__in=stops) | Q(person__binned_at__gte=lately)
    gone = on_the_way.filter(~reachable(series, OuterRef("person")) | Q(person__binned_at__isnull=False), new)
    number = finish(series, gone, Enrolment.State.LEFT)
    if series.stops_on_action:
        acted = on_the_way.filter(responding.somebody_did(since=lately), _acted(series))
        number += finish(series, acted, Enrolment.State.ACTED)
    return number


def _asked(series):
    """What the steps of a series ask for, with the message it follows on."""
    return responding.asked_by(*all_messages(series), *([series.message] if series.message else []))


def _acted(series):
    return responding.did(_asked(series), person=OuterRef("person"), since=OuterRef("began_at"))


FINISH = """
WITH chosen AS MATERIALIZED (%(chosen)s),
told AS (
    UPDATE campaigns_enrolment SET state = %%s, ended_at = now(), due_at = NULL
    WHERE id IN (SELECT id FROM chosen) AND state = 'active' RETURNING person_id
)
"""
# What waits for its hour is held back with them; of those who cannot be reached, the claim says why.
NOT_SENT = """,
held AS (
    UPDATE campaigns_delivery SET state = 'held', reason = 'acted', not_before = NULL, updated_at = now()
    WHERE message_id = ANY (%s) AND state = 'queued' AND (person_id IN (SELECT person_id FROM told)) IS TRUE
)
"""


def finish(series, enrolments, state):
    """The series is over for these people on the way, and their timeline says so. Returns how many."""
    acted = state == Enrolment.State.ACTED
    sql, params = enrolments.order_by().values("id").query.sql_with_params()
    messages = list(series.steps.order_by().values_list("message", flat=True))
    into = FINISH % {"chosen": sql} + (NOT_SENT if acted else "") + TOLD
    with connection.cursor() as cursor:
        cursor.execute(into, [*params, state.value, *([messages] if acted else []), *line(series, SAID[state])])
        return cursor.rowcount


def stopped(message, people):
    """Those among these people for whom a message of a series is no longer, asked again before it leaves.

    {person: reason}: they acted since they entered, or followed a link of the step before that was not to be followed.
    """
    step = Step.objects.filter(message=message).select_related("series__message").first()
    if step is None:
        return {}
    found = {}
    if step.condition == Step.Condition.NOT_FOLLOWED and (before := step_before(step)):
        followed = Person.objects.filter(has_followed(before), pk__in=people)
        found |= dict.fromkeys(followed.values_list("pk", flat=True), Delivery.Reason.FOLLOWED)
    if step.series.stops_on_action:
        acted = step.series.enrolments.filter(_acted(step.series), person__in=people)
        found |= dict.fromkeys(acted.values_list("person_id", flat=True), Delivery.Reason.ACTED)
    return found
