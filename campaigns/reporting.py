"""Count what became of a message by what people have in common, keep it with its pictures, count again while it moves.

A page never counts: a million lines take seconds. The worker does, the more seldom the older a message and the longer
a count takes.
"""

import re
import time
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from campaigns import charting, rendering, results, splitting
from campaigns.models import Click, Message, Opening, Report
from coalition import segments
from coalition.models import Consent, Segment

AGAIN_AFTER = timedelta(minutes=1)
SHARE_OF_AGE = 0.03  # an hour after the start every two minutes, a day after it every three quarters of an hour
SHARE_OF_WORKER = 0.05
FOLLOWED_FOR = results.ACTS_WITHIN + timedelta(days=1)
DOMAINS = 10  # shown each for itself; the others together
UNITS = {"hour": 1, "day": 24, "week": 168}  # hours
REST = "*"
EARLIER = 10  # that a message is compared with
AT_ONCE = 5

# What is counted of every group, in the order of the columns.
NAMES = ["meant", "held", "sent", "delivered", "followed", "acted", "stopped", "complained", "bounced", "uncertain"]
COUNTED = """
    count(*) FILTER (WHERE state <> 'held'),
    count(*) FILTER (WHERE state = 'held'),
    count(*) FILTER (WHERE state IN ('sent', 'deferred', 'delivered', 'complained')),
    count(*) FILTER (WHERE state IN ('delivered', 'complained')),
    count(clicked),
    count(acted),
    count(stopped),
    count(*) FILTER (WHERE state = 'complained'),
    count(*) FILTER (WHERE state IN ('bounced', 'failed', 'rejected')),
    count(*) FILTER (WHERE state = 'uncertain')
"""
# Each delivery with the first moment of what came of it, and how its person had first said yes on this channel.
LINES = """
WITH acts AS MATERIALIZED ({acts}),
clicks AS MATERIALIZED (
    SELECT click.delivery_id AS delivery, min(click.at) AS at
    FROM campaigns_click click JOIN campaigns_link link ON link.id = click.link_id
    WHERE link.message_id = %(message)s AND click.by = 'person' GROUP BY 1
),
stops AS MATERIALIZED (
    SELECT delivery, min(at) AS at FROM (
        SELECT d.id AS delivery, consent.at
        FROM coalition_consent consent
        JOIN coalition_address address ON address.id = consent.address_id AND address.channel = %(channel)s
        JOIN campaigns_delivery d ON d.message_id = %(message)s AND d.person_id = consent.person_id
        WHERE consent.state = 'withdrawn' AND consent.at >= %(since)s AND d.state = ANY (%(reached)s)
            AND consent.at BETWEEN coalesce(d.sent_at, d.claimed_at, %(since)s)
                AND coalesce(d.sent_at, d.claimed_at, %(since)s) + %(stops_within)s
        UNION ALL
        SELECT event.delivery_id, event.at
        FROM campaigns_trackingevent event JOIN campaigns_delivery d ON d.id = event.delivery_id
        WHERE d.message_id = %(message)s AND event.kind = 'stopped'
    ) stops GROUP BY 1
)
"""
GROUPED = """
, joined AS (
    SELECT DISTINCT ON (consent.person_id) consent.person_id, consent.source
    FROM coalition_consent consent
    JOIN coalition_address address ON address.id = consent.address_id AND address.channel = %(channel)s
    WHERE consent.state = 'granted'
    ORDER BY consent.person_id, consent.at, consent.id
), lines AS (
    SELECT d.state, d.language,
        CASE WHEN d.state = 'held' OR d.variant = '' THEN '' ELSE d.language || '/' || d.variant END AS wording,
        split_part(d.value, '@', 2) AS domain, coalesce(joined.source, '') AS source,
        clicks.at AS clicked, acts.at AS acted, stops.at AS stopped
    FROM campaigns_delivery d
    LEFT JOIN acts ON acts.delivery = d.id
    LEFT JOIN clicks ON clicks.delivery = d.id
    LEFT JOIN stops ON stops.delivery = d.id
    LEFT JOIN joined ON joined.person_id = d.person_id
    WHERE d.message_id = %(message)s
)
SELECT grouping(language, wording, domain, source), coalesce(language, wording, domain, source),
{counted}
FROM lines GROUP BY GROUPING SETS ((), (language), (wording), (domain), (source))
"""
# Which of the sets a row is of: a bit is 0 for the column that it groups by. A wording is one within its language.
SETS = {0b1111: "total", 0b0111: "language", 0b1011: "variant", 0b1101: "domain", 0b1110: "source"}
OF_SEGMENT = """
, lines AS (
    SELECT d.state, clicks.at AS clicked, acts.at AS acted, stops.at AS stopped
    FROM campaigns_delivery d
    LEFT JOIN acts ON acts.delivery = d.id
    LEFT JOIN clicks ON clicks.delivery = d.id
    LEFT JOIN stops ON stops.delivery = d.id
    WHERE d.message_id = %(message)s AND d.person_id IN ({people})
)
SELECT {counted} FROM lines
"""
HOURLY = """
SELECT kind, greatest(floor(extract(epoch FROM at - %(since)s) / 3600), 0)::int, count(*) FROM (
    SELECT 'sent' AS kind, coalesce(sent_at, claimed_at, %(since)s) AS at FROM campaigns_delivery
    WHERE message_id = %(message)s AND state = ANY (%(reached)s)
    UNION ALL SELECT 'followed', at FROM clicks
    UNION ALL SELECT 'acted', at FROM acts
    UNION ALL SELECT 'stopped', at FROM stops
    UNION ALL
    SELECT CASE WHEN event.kind = 'delivered' THEN 'delivered' WHEN event.kind = 'complained' THEN 'complained'
        ELSE 'bounced' END, min(event.at)
    FROM campaigns_trackingevent event JOIN campaigns_delivery d ON d.id = event.delivery_id
    WHERE d.message_id = %(message)s AND event.kind = ANY (%(news)s)
    GROUP BY 1, d.id
) happened GROUP BY 1, 2
"""
NEWS = ["delivered", "complained", "bounced", "soft_bounced", "failed", "rejected"]


def count(message):
    """What became of a message, counted now.

    {"total": N, "language" | "variant" | "domain" | "source" | "segment": [[key, N]], most people first, "unit":
    "hour", "day" or "week", "times": [{"at": units since the start, …}] in which something happened, "scanned":
    deliveries whose links only scanners followed, "opened": deliveries whose pictures were loaded, by people or not
    (rule E6), "open": whether it asks for nothing of ours, "earlier": [{"pk", "name", "campaign": whether it is the
    same, "total": N}] of those before it by the same channel, newest first, "states": {state: number}, "test": the
    outcome of a test of wordings, see `splitting.outcome`}.

    N: {name of NAMES: number}. The key of a segment is its primary key, that of a wording "language/letter", in their
    order and only of languages with several; the domain "*" stands for all the others.
    """
    acts, params = results.acts(message)
    lines = LINES.format(acts=acts)
    params |= {"channel": message.channel, "stops_within": results.STOPS_WITHIN, "news": NEWS}
    figures = {"total": dict.fromkeys(NAMES, 0), "open": params["open"]} | {name: [] for name in SETS.values()}
    with connection.cursor() as cursor:
        cursor.execute(lines + GROUPED.format(counted=COUNTED), params)
        for bits, key, *numbers in cursor.fetchall():
            counted = dict(zip(NAMES, numbers, strict=True))
            if SETS[bits] == "total":
                figures["total"] = counted
            else:
                figures[SETS[bits]].append([key, counted])
        figures["segment"] = []
        for segment in message.included.all():
            people, values = segments.sql_of(segments.people(segment).order_by().values("pk"))
            named = {f"p{number}": value for number, value in enumerate(values)}
            of_segment = OF_SEGMENT.format(counted=COUNTED, people=_by_name(people, named))
            cursor.execute(lines + of_segment, params | named)
            figures["segment"].append([segment.pk, dict(zip(NAMES, cursor.fetchone(), strict=True))])
        cursor.execute(lines + HOURLY, params)
        figures["unit"], figures["times"] = _over_time(cursor.fetchall())
    clicked = Click.objects.filter(link__message=message)
    people = clicked.filter(by=Click.By.PERSON).values("delivery")
    figures["scanned"] = clicked.exclude(delivery__in=people).values("delivery").distinct().count()
    figures["opened"] = Opening.objects.filter(delivery__message=message).count()
    for name in [*SETS.values(), "segment"]:
        if name != "total":
            figures[name].sort(key=lambda row: (-row[1]["meant"], str(row[0])))
    figures["earlier"] = _earlier(message)
    states = message.deliveries.order_by().values("state").annotate(n=Count("*"))
    figures["states"] = {row["state"]: row["n"] for row in states}
    figures["variant"] = _several(figures["variant"])
    figures["test"] = splitting.outcome(message)
    figures["domain"] = _most([row for row in figures["domain"] if row[0]])
    return figures


def _by_name(sql, names):
    """The same with its parameters by name, in their order."""
    names = iter(names)
    return re.sub("%s|%%", lambda found: f"%({next(names)})s" if found[0] == "%s" else found[0], sql)


def _over_time(rows):
    """(unit, [{"at": units since the start, …}]) of [(what happened, hour, number)].

    In hours, or where sending itself took so long, in days or weeks; what is later than a chart is long, together.
    """
    lasted = max((hour for kind, hour, _number in rows if kind == "sent"), default=0)
    unit = next((unit for unit, hours in UNITS.items() if lasted < charting.BARS * hours), "week")
    times = {}
    for kind, hour, number in rows:
        at = min(hour // UNITS[unit], charting.BARS)
        times.setdefault(at, dict.fromkeys(charting.OVER_TIME, 0))[kind] += number
    return unit, [{"at": at, **times[at]} for at in sorted(times)]


def _several(rows):
    """The wordings of languages that had more than one, in the order of languages and letters."""
    of = {}
    for key, counted in rows:
        of.setdefault(key.partition("/")[0], []).append([key, counted])
    return [row for code in dict(settings.LANGUAGES) if len(of.get(code, ())) > 1 for row in sorted(of[code])]


def _most(rows):
    """The domains with most people, and one row of all the others."""
    rest = rows[DOMAINS:]
    if not rest:
        return rows
    return [*rows[:DOMAINS], [REST, {name: sum(counted[name] for _key, counted in rest) for name in NAMES}]]


def report(message):
    """Count a message, draw it where the figures changed, keep both. Safe to run again."""
    began = time.monotonic()
    at = timezone.now()
    figures = count(message)
    known = Report.objects.filter(message=message).first()
    charts = known.charts if known and known.figures == figures else {}
    for code in () if charts else dict(settings.LANGUAGES):
        with override(code):
            charts[code] = charting.draw(figures, labels(message, figures), message.name, code)
            for language, said in figures["test"].items():
                charts[code][f"test-{language}"] = charting.draw_test(said, language, wordings(message), code)
    kept = {"figures": figures, "charts": charts, "counted_at": at, "took": time.monotonic() - began}
    return Report.objects.update_or_create(message=message, defaults=kept)[0]


def _earlier(message):
    reports = Report.objects.filter(
        message__channel=message.channel,
        message__state__in=[Message.State.SENT, Message.State.CANCELLED],
        message__started_at__lt=message.started_at or message.created_at,
        figures__total__sent__gt=0,
    )
    rows = reports.order_by("-message__started_at").values_list(
        "message", "message__name", "message__campaign", "figures__total"
    )
    return [
        {"pk": pk, "name": name, "campaign": campaign == message.campaign_id, "total": total}
        for pk, name, campaign, total in rows[:EARLIER]
    ]


def labels(message, figures):
    """{"language" | "variant" | "domain" | "source" | "segment": {key: words}} in the active language."""
    sources = dict(Consent.Source.choices)
    segments_ = Segment.objects.in_bulk([key for key, _counted in figures["segment"]])
    languages = {code: str(name) for code, name in settings.LANGUAGES}
    written = wordings(message) if figures["variant"] else {}
    return {
        "language": {key: languages.get(key, key) for key, _n in figures["language"]},
        "variant": {key: _within(languages, key, written) for key, _n in figures["variant"]},
        "domain": {key: _("All others") if key == REST else key for key, _n in figures["domain"]},
        "source": {key: str(sources.get(key) or _("Not known")) for key, _n in figures["source"]},
        "segment": {key: str(segments_.get(key) or _("Deleted segment")) for key, _n in figures["segment"]},
    }


def _within(languages, key, written):
    language, _slash, letter = key.rpartition("/")
    return f"{languages.get(language, '')}, {written.get(key, letter.upper())}"


def wordings(message):
    """{"language/letter": "A · subject"} of what a message is written in."""
    said = {}
    for content in message.contents.order_by("language", "variant"):
        letter, subject = content.variant.upper(), rendering.subject_for_anybody(content)
        said[f"{content.language}/{content.variant}"] = f"{letter} · {subject}" if subject else letter
    return said


def due(at=None, *, only=None):
    """The keys of messages to count now, newest first, some at a time: never counted, or still moving.

    `only`: asked of one message.
    """
    at = at or timezone.now()
    begun = Message.objects.filter(started_at__isnull=False).exclude(state=Message.State.DRAFT)
    begun = begun if only is None else begun.filter(pk=only)
    moving = Q(started_at__gt=at - FOLLOWED_FOR) | Q(finished_at__gt=at - FOLLOWED_FOR)
    moving |= Q(state__in=[Message.State.SENDING, Message.State.RUNNING])
    settled_since = Q(report__counted_at__lt=F("finished_at"))
    rows = begun.filter(moving | settled_since | Q(report=None)).order_by("-started_at")
    moments = ("started_at", "finished_at", "split_test__decided_at")
    found = []
    for pk, counted, took, *known in rows.values_list("pk", "report__counted_at", "report__took", *moments):
        if counted is None or counted + _pause(known, counted, took) <= at:
            found.append(pk)
    return found[:AT_ONCE]


def _pause(moments, counted, took):
    """How long the figures of a message stand, which began, finished, or had its test decided at these moments."""
    latest = max(moment for moment in moments if moment)
    return max(AGAIN_AFTER, SHARE_OF_AGE * (counted - latest), timedelta(seconds=took / SHARE_OF_WORKER))


def is_awaited(message, report):
    """Whether newer figures come within minutes: none yet, it is sending, or it finished since they were counted."""
    if report is None:
        return message.started_at is not None
    sending_ = message.state == Message.State.SENDING
    return sending_ or bool(message.finished_at and message.finished_at > report.counted_at)
