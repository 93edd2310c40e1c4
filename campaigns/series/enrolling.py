"""In: whoever did what begins a series since the last look, can be reached and is meant. Once, whatever they do."""

from datetime import timedelta

from django.db import connection, transaction
from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, Min, OuterRef
from django.utils import timezone

from campaigns import audience, responding, results
from campaigns.models import Message, Registration, Series
from coalition import segments
from coalition.models import Address, Consent, Decision, Endorsement, Person

from .holding import OVERLAP, in_hand
from .noting import ENTERED, TOLD, line

Trigger = Series.Trigger


def _triggered(series, since, now):
    """Who did what begins a series between two moments: {"person", "at": when first}."""
    match series.trigger:
        case Trigger.JOINED:
            # A list that is read in says yes for people who joined long ago, elsewhere.
            said_yes = Consent.objects.filter(state=Address.Consent.GRANTED)
            before = said_yes.filter(person=OuterRef("person"), at__lt=since)
            rows = said_yes.filter(~Exists(before), at__gte=since, at__lte=now)
            rows = rows.exclude(source=Consent.Source.IMPORT).order_by().values("person").annotate(first=Min("at"))
            return [rows.values_list("person", "first")]
        case Trigger.SIGNED:
            signed = Decision.objects.filter(choice=Decision.Choice.SIGN, at__gte=since, at__lte=now)
            endorsed = Endorsement.objects.filter(confirmed_at__gte=since, confirmed_at__lte=now, withdrawn_at=None)
            if series.round_id:
                signed, endorsed = signed.filter(round=series.round_id), endorsed.filter(round=series.round_id)
            return [
                signed.exclude(signer=None)
                .order_by()
                .values("signer")
                .annotate(first=Min("at"))
                .values_list("signer", "first"),
                endorsed.exclude(person=None)
                .order_by()
                .values("person")
                .annotate(first=Min("confirmed_at"))
                .values_list("person", "first"),
            ]
        case Trigger.REGISTERED:
            seats = Registration.objects.filter(
                state=Registration.State.REGISTERED, registered_at__gte=since, registered_at__lte=now
            )
            seats = seats.filter(webinar=series.webinar_id) if series.webinar_id else seats
            seats = seats.exclude(person=None).order_by().values("person")
            return [seats.annotate(first=Min("registered_at")).values_list("person", "first")]
        case Trigger.NOT_ACTED:
            wait = timedelta(days=series.after_days)
            acted = responding.did(
                responding.asked_by(series.message), person=OuterRef("person"), since=OuterRef("sent_at")
            )
            got = series.message.deliveries.filter(
                ~acted, state__in=results.LEFT_HERE, sent_at__gte=since - wait, sent_at__lte=now - wait
            )
            moment = ExpressionWrapper(F("sent_at") + wait, output_field=DateTimeField())
            got = got.exclude(person=None).order_by().values("person")
            return [got.annotate(first=Min(moment)).values_list("person", "first")]


def channels_of(series):
    """The channels its steps use."""
    return list(Message.objects.filter(step__series=series).order_by().values_list("channel", flat=True).distinct())


def reachable(series, person):
    open_ = Address.objects.open().filter(person=person, primary=True, channel__in=channels_of(series))
    return Exists(open_)


ENROL = """
WITH told AS (
    INSERT INTO campaigns_enrolment (series_id, person_id, position, state, began_at, due_at)
    SELECT %%s, person, 0, 'active', at, at + %%s * interval '1 hour'
    FROM (%(found)s) AS found(person, at) WHERE person IN (%(meant)s)
    ON CONFLICT DO NOTHING RETURNING person_id
)
"""


@transaction.atomic
def enrol(series):
    """Take in whoever did what begins a series since the last look, can be reached and is meant. Returns how many.

    Who was in it once does not come in again, whatever they do: one row a person.
    """
    series = in_hand(series)
    if series is None:
        return 0
    first = series.steps.first()
    now = timezone.now()
    since = max(series.since, series.looked_at - OVERLAP) if series.looked_at else series.since
    people = segments.people(series.segment) if series.segment_id else Person.objects.present()
    people = people.filter(reachable(series, OuterRef("pk"))).order_by().values("pk")
    meant, meant_params = segments.sql_of(people)
    entered = 0
    with connection.cursor() as cursor:
        cursor.execute(audience.ROOM)
        for found in _triggered(series, since, now):
            sql, params = found.query.sql_with_params()
            into = ENROL % {"found": sql, "meant": meant}
            asked = [series.pk, first.wait_hours, *params, *meant_params, *line(series, ENTERED)]
            cursor.execute(into + TOLD, asked)
            entered += cursor.rowcount
    return entered
