"""Whom a message is for: judged person by person, estimated while it is written, frozen into the ledger once.

The audience is one query: who is in it, and of each person whether they get it or the reason why not. What a message
does not use (a share, a cap, segments left out) does not stand in it.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db import connection, transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q
from django.utils import timezone

from campaigns import splitting
from campaigns.models import Delivery, Message
from coalition import segments
from coalition.models import Address, Installation
from coalition.zones import AREA_CODES, STATES

Reason, State = Delivery.Reason, Delivery.State
EMAIL, PHONE = Address.Channel.EMAIL, Address.Channel.PHONE
CAP_LOCK = 0x63617070  # the advisory lock under which audiences with a frequency cap are frozen, one at a time
# What counts as one more message: it left, or it is about to.
REACHES = [
    State.QUEUED,
    State.SENDING,
    State.UNCERTAIN,
    State.SENT,
    State.DEFERRED,
    State.DELIVERED,
    State.BOUNCED,
    State.COMPLAINED,
]


def people_of(message):
    """The people a message is meant for: in any of its segments (everybody where there is none), and in none of those
    that are left out.
    """
    left_out = _left_out(message)
    return _meant(message) if left_out is None else _meant(message).exclude(left_out)


def _meant(message):
    """People in any segment of a message, those whom another leaves out among them: the ledger says so of each."""
    return _in_any(message.included.all(), segments.people())


def _in_any(chosen, found):
    chosen = list(chosen)
    if len(chosen) == 1:  # by itself: joined to everybody, every person is read twice
        return segments.people(chosen[0])
    wanted = Q()
    for segment in chosen:
        wanted |= Q(pk__in=segments.people(segment).order_by().values("pk"))
    return found.filter(wanted) if wanted else found


def _left_out(message):
    """The condition of being left out by a segment; None where a message leaves nobody out."""
    condition = None
    for segment in message.excluded.all():
        # A segment with a mistake holds nobody; left out, it must not let everybody in.
        wrong = segments.problems(segment.criteria, segment)
        in_it = Q(pk__isnull=False) if wrong else Q(pk__in=segments.people(segment).order_by().values("pk"))
        condition = in_it if condition is None else condition | in_it
    return condition


def may_list(user, message):
    """Whether this user may be shown who the people of a message are."""
    asked = [*message.included.all(), *message.excluded.all()]
    return segments.may_list(user) and all(segments.may_list(user, segment) for segment in asked)


# The audience, judged: one row for each person, with the reason why somebody is held back. The longest-known of several
# people with the same address gets it: few share one, so only those who may are sorted. `OFFSET 0` keeps the planner
# from asking once for each mention of a reason. `_audience_sql` fills its gaps, never what came in from outside.
AUDIENCE = """
WITH people AS (%(people)s),
judged AS MATERIALIZED (
    SELECT p.id, p.language, p.created_at, coalesce(a.value, '') AS value, %(moment)s AS moment,
        CASE %(reasons)s ELSE '' END AS reason
    FROM people p
    LEFT JOIN coalition_address a ON a.person_id = p.id AND a.channel = %%s AND a."primary"
    %(clocks)s
),
twins AS MATERIALIZED (
    SELECT id, row_number() OVER (PARTITION BY value COLLATE "C" ORDER BY created_at, id) AS place
    FROM judged WHERE reason = '' AND hashtext(value) IN (
        SELECT hashtext(value) FROM judged WHERE reason = '' GROUP BY 1 HAVING count(*) > 1)
),
audience AS (
    SELECT id, language, value, moment,
        CASE WHEN reason = '' AND id IN (SELECT id FROM twins WHERE place > 1)
             THEN 'duplicate' ELSE reason END AS reason
    FROM judged OFFSET 0
)
%(then)s
"""
MUTED = "EXISTS (SELECT 1 FROM coalition_muting m WHERE m.person_id = p.id AND m.topic_id = %s)"
# PostgreSQL promises that this hash stays: partitions rest on it. Salted, so that other draws differ from this one.
NOT_DRAWN = "hashint8extended(p.id, hashint8extended(%s, 7)) & 2147483647 >= %s * 21474836.48"
TAKEN = """EXISTS (
    SELECT 1 FROM campaigns_delivery d
    WHERE d.message_id = %s AND d.value = a.value AND d.value <> '' AND d.state <> 'held' AND d.person_id <> p.id)"""
CAPPED = """p.id IN (
    SELECT d.person_id FROM campaigns_delivery d
    WHERE d.message_id = ANY (%s) AND d.person_id IS NOT NULL AND d.state = ANY (%s)
        AND (d.state IN ('queued', 'sending') OR coalesce(d.sent_at, d.claimed_at, d.updated_at) > %s)
    GROUP BY d.person_id HAVING count(*) >= %s)"""


def _audience_sql(message, then, params=(), people=None):
    """(sql, params) of the judged audience of a message, followed by `then`; `people` narrows whom it is for."""
    meant, columns = _meant(message).order_by(), ["id", "language", "created_at"]
    if people is not None:
        meant = meant.filter(pk__in=people.order_by().values("pk"))
    reasons = [
        (Reason.NO_ADDRESS, "a.id IS NULL", []),
        (Reason.UNSUBSCRIBED, "a.consent = 'withdrawn'", []),
        (Reason.NO_CONSENT, "a.consent <> 'granted'", []),
        (Reason.CLOSED, "a.fault <> '' OR octet_length(a.value) <> length(a.value)", []),
    ]
    if message.channel == PHONE:  # rule P2
        columns.append("is_minor")
        reasons.append((Reason.UNDER_AGE, "p.is_minor", []))
    if message.topic_id:
        reasons.append((Reason.MUTED, MUTED, [message.topic_id]))
    if (left_out := _left_out(message)) is not None:
        meant = meant.annotate(left_out=ExpressionWrapper(left_out, BooleanField()))
        columns.append("left_out")
        reasons.append((Reason.EXCLUDED, "p.left_out", []))
    reasons.append((Reason.NO_LANGUAGE, "NOT p.language = ANY (%s)", [written(message)]))
    if message.share < 100:
        reasons.append((Reason.NOT_DRAWN, NOT_DRAWN, [message.pk, message.share]))
    if (cap := _cap(message)) is not None:
        reasons.append((Reason.CAPPED, CAPPED, cap))
    if people is not None:  # others came before, and one of them may have the same address
        reasons.append((Reason.DUPLICATE, TAKEN, [message.pk]))
    moment, clocks, clock_params = "NULL::timestamptz", "", []
    if message.send_local and message.send_at:
        columns += ["time_zone", "state"]
        moment, clocks, clock_params = _on_own_clock(message)
    inner, inner_params = segments.sql_of(meant.values(*columns))
    whens = " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition, _params in reasons)
    sql = AUDIENCE % {
        "people": inner,
        "moment": moment,
        "reasons": whens,
        "clocks": clocks,
        "then": then,
    }
    asked = [value for _reason, _condition, values in reasons for value in values]
    # In the order in which they stand in the text: the moment's fall-back is no parameter.
    return sql, [*inner_params, *asked, message.channel, *clock_params, *params]


def _cap(message):
    """The parameters of CAPPED; None where nobody can have had enough, or somebody waived it by name."""
    rules = Installation.get()
    if message.channel != EMAIL or rules.emails_at_most is None or message.waived("cap"):
        return None
    since = timezone.now() - timedelta(days=rules.emails_in_days)
    under_way = Q(state__in=[Message.State.SENDING, Message.State.PAUSED, Message.State.RUNNING])
    lately = Message.objects.filter(under_way | Q(finished_at__gt=since), channel=EMAIL).exclude(pk=message.pk)
    if not (messages := list(lately.order_by().values_list("pk", flat=True))):
        return None
    return [messages, [str(state) for state in REACHES], since, rules.emails_at_most]


# Each person's own clock


@cache
def _zones():
    """(names of zones; {zones of a state: its codes}; {zones of an area code: the codes})."""
    by_state = {zones: codes.split() for zones, codes in STATES.items()}
    by_area = {zones: codes.split() for zones, codes in AREA_CODES.items()}
    return sorted(available_timezones()), by_state, by_area


def _on_own_clock(message):
    """(moment, joins, params): when the hands of each person's clock stand as ours do at `send_at`.

    Their zone as in `coalition.zones.zones_of`; of several that may be theirs the later, so that none gets it early.
    """
    wall = timezone.localtime(message.send_at, ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)
    names, by_state, by_area = _zones()

    def moment(zones):
        return max(datetime.combine(wall.date(), wall.time(), ZoneInfo(zone)).astimezone(UTC) for zone in zones)

    def column(groups):
        return [[code, moment(zones)] for zones, codes in groups.items() for code in codes]

    joins = [("by_zone", "p.time_zone", [[name, moment([name])] for name in names])]
    joins.append(("by_state", "CASE p.time_zone WHEN '' THEN p.state END", column(by_state)))
    if message.channel == PHONE:
        area = "CASE WHEN p.time_zone = '' AND a.value LIKE '+1%%' THEN substr(a.value, 3, 3) END"
        joins.append(("by_area", area, column(by_area)))
    text, params = "", []
    for name, key, rows in joins:
        text += f" LEFT JOIN unnest(%s::text[], %s::timestamptz[]) AS {name}(code, at) ON {name}.code = {key}"
        params += [[code for code, _at in rows], [at for _code, at in rows]]
    found = ", ".join(f"{name}.at" for name, _key, _rows in joins)
    text += " CROSS JOIN (SELECT %s::timestamptz AS at) AS ours"
    return f"coalesce({found}, ours.at)", text, [*params, message.send_at]


def written(message):
    """Languages in which a message can leave: complete, whatever a waiver says."""
    return list(splitting.leaving(message))


# Compiling a query of the audience would take longer than it saves.
UNCOMPILED = "SET LOCAL jit = off"


@transaction.atomic
def _rows(message, then, params=()):
    sql, params = _audience_sql(message, then, params)
    with connection.cursor() as cursor:
        cursor.execute(UNCOMPILED)
        cursor.execute(sql, params)
        return cursor.fetchall()


def estimate(message):
    """Who would get it, if it were sent now.

    {"total": how many get it, "languages": [{"language", "label", "people"}], "held_total": how many do not,
    "held": [{"reason", "label", "people"}], most first}.
    """
    getting, held = Counter(), Counter()
    for reason, language, number in _rows(message, "SELECT reason, language, count(*) FROM audience GROUP BY 1, 2"):
        (held if reason else getting)[reason or language] += number
    names = dict(settings.LANGUAGES)
    return {
        "total": sum(getting.values()),
        "languages": [
            {"language": code, "label": names.get(code, code), "people": getting[code]}
            for code in [*names, *sorted(getting.keys() - names.keys())]
            if getting[code]
        ],
        "held_total": sum(held.values()),
        "held": [
            {"reason": reason, "label": Reason(reason).label, "people": number} for reason, number in held.most_common()
        ],
    }


def at_domains(message, domains):
    """{domain: how many of those who get it have their mailbox there}, of these domains."""
    counted = "SELECT split_part(value, '@', 2), count(*) FROM audience WHERE reason = '' "
    return dict(_rows(message, counted + "AND split_part(value, '@', 2) = ANY (%s) GROUP BY 1", [list(domains)]))


def moments(message):
    """[(moment, people)] at which a message leaves by each person's own clock, earliest first."""
    return _rows(message, "SELECT moment, count(*) FROM audience WHERE reason = '' GROUP BY 1 ORDER BY 1")


SHARED = "SELECT count(*) FROM audience WHERE reason = '' AND id IN (%s)"


def shared_with(message, other):
    """How many of those who would get a message get another too: one that waits like it, or has begun."""
    if other.state in (Message.State.DRAFT, Message.State.SCHEDULED):
        sql, params = _audience_sql(other, "SELECT id FROM audience WHERE reason = ''")
    else:
        states = [str(state) for state in REACHES]
        sql, params = (
            "SELECT person_id FROM campaigns_delivery WHERE message_id = %s AND state = ANY (%s)",
            [
                other.pk,
                states,
            ],
        )
    [[number]] = _rows(message, SHARED % sql, params)
    return number


@transaction.atomic
def needed_languages(message):
    """Languages of the people who could get it (rule L2)."""
    reachable = Address.objects.open().filter(channel=message.channel, primary=True, person=OuterRef("pk"))
    people = people_of(message).filter(Exists(reachable))
    with connection.cursor() as cursor:
        cursor.execute(UNCOMPILED)
    return sorted(people.order_by().values_list("language", flat=True).distinct())


# Half a million people are hashed and sorted in memory.
ROOM = f"SET LOCAL work_mem = '128MB'; {UNCOMPILED}"
FREEZE = """
INSERT INTO campaigns_delivery
    (message_id, person_id, value, language, variant, state, reason, error, provider_id, not_before)
SELECT %%s, id, value, language, CASE WHEN reason = '' THEN %(variant)s ELSE 'a' END,
    CASE WHEN reason = '' THEN 'queued' ELSE 'held' END, reason, '', '', CASE WHEN reason = '' THEN moment END
FROM audience %(order)s %(again)s
"""


@transaction.atomic
def freeze(message, people=None):
    """Write one delivery for each person of the audience. Returns how many were new: a second run writes none.

    `people` narrows it to a queryset of people.
    """
    # One at a time: without rows of its own, a message needs no look into each index for every row.
    locked = Message.objects.select_for_update(no_key=True).get(pk=message.pk)
    again = "ON CONFLICT DO NOTHING" if locked.deliveries.exists() else ""
    with connection.cursor() as cursor:
        if Installation.get().emails_at_most is not None:
            # Two messages that begin together count each other: the second waits until the first stands in the ledger.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CAP_LOCK])
        variant, variant_params = splitting.drawn(message)
        # Not in the order of the lot: rows that come in any order find each page of an index anew.
        order = "ORDER BY id" if variant_params else ""
        into = FREEZE % {"variant": variant, "order": order, "again": again}
        sql, params = _audience_sql(message, into, [message.pk, *variant_params], people)
        cursor.execute(ROOM)
        cursor.execute(sql, params)
        return cursor.rowcount
