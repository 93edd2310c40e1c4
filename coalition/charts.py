"""The progress of a round as a picture: answers and signatures day by day, drawn by the worker in every language.

One Vega-Lite specification becomes an SVG for each language, kept in `Round.charts`; the board shows the last one.
"""

import datetime
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override, pgettext

from coalition import languages
from coalition.models import Decision, Invitation, Round

Choice = Decision.Choice
AGAIN_AFTER = timedelta(minutes=1)  # many answers in a minute are one drawing
STALE_AFTER = timedelta(days=1)  # an open round goes on, also when nobody answers
WIDTH, HEIGHT = 560, 250
WORDS = 18  # pixels that a line of words needs
# Colors that stand for the back office's own, which are other ones in its dark scheme.
INK, SOFT, LINE, STRONG, WARM = "#010101", "#020202", "#030303", "#040404", "#050505"
OWN_COLOURS = {
    INK: "var(--bo-ink)",
    SOFT: "var(--bo-soft)",
    LINE: "var(--bo-line)",
    STRONG: "var(--bo-good)",
    WARM: "var(--bo-warn)",
}
# How d3 writes the dates of an axis (rule L3).
DATES = {"en": "en-US", "es": "es-MX"}


@dataclass(frozen=True)
class Day:
    """What stood at the end of a day, on the round's clock: organizations that had answered, and that had signed."""

    day: datetime.date
    answered: int
    signed: int


def progress(round_):
    """[Day] from the day on which a round opened until today, or until it closed. Three queries.

    A material amendment begins anew: everybody owes an answer again (G2). A late signature counts from its acceptance.
    """
    zone = round_.zone
    events = [
        (settled if late and choice == Choice.SIGN else at, organization, choice)
        for organization, choice, at, late, settled in round_.decisions.counted()
        .exclude(choice=Choice.TIME)
        .values_list("organization_id", "choice", "at", "late", "settled_at")
    ]
    frozen = round_.publication.versions.filter(material=True, frozen_at__gt=round_.opened_at)
    events += [(at, None, None) for at in frozen.values_list("frozen_at", flat=True)]
    ended = round_.closed_at or timezone.now()
    first = languages.local(min([round_.opened_at, *(event[0] for event in events)]), zone).date()
    last = max(languages.local(ended, zone).date(), first)
    by_day = {}
    for event in sorted(events, key=lambda event: event[0]):
        by_day.setdefault(min(languages.local(event[0], zone).date(), last), []).append(event)
    answers, days = {}, []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        for _at, organization, choice in by_day.get(day, ()):
            if organization is None:
                answers = {}
            else:
                answers[organization] = choice
        days.append(Day(day, len(answers), sum(choice == Choice.SIGN for choice in answers.values())))
    return days


def changes(days):
    """Those of the days on which something changed, for the table: the first, and each unlike the one before."""
    pairs = zip([None, *days], days, strict=False)
    return [
        day for before, day in pairs if before is None or (before.answered, before.signed) != (day.answered, day.signed)
    ]


def due(at=None):
    """The keys of rounds to draw: answered since the last drawing, or not drawn for a day while they are open."""
    at = at or timezone.now()
    since = Q(at__gt=OuterRef("charted_at")) | Q(settled_at__gt=OuterRef("charted_at"))
    answered = Exists(Decision.objects.filter(since, round=OuterRef("pk")))
    opened = Exists(Invitation.objects.filter(round=OuterRef("pk")))
    rounds = Round.objects.filter(
        Q(charted_at=None)
        | Q(charted_at__lt=F("closed_at"))
        | Q(closed_at=None, charted_at__lt=at - STALE_AFTER)
        | Q(answered, closed_at=None, charted_at__lt=at - AGAIN_AFTER)
    )
    return list(rounds.filter(opened).order_by("pk").values_list("pk", flat=True))


def draw(round_):
    """Draw the progress of a round in every language; kept with the numbers that it shows. Safe to run again."""
    days = progress(round_)
    asked = round_.invitations.order_by().values("organization").distinct().count()
    charts = {code: svg_of(_specification(round_, days, asked, code), code) for code, _name in settings.LANGUAGES}
    charts["numbers"] = [[day.day.isoformat(), day.answered, day.signed] for day in changes(days)]
    Round.objects.filter(pk=round_.pk).update(charts=charts, charted_at=timezone.now())
    return charts


def numbers(round_):
    """[Day] of the table below the chart: what the last drawing shows, else what would be drawn."""
    kept = round_.charts.get("numbers")
    if kept is None:
        return changes(progress(round_))
    return [Day(datetime.date.fromisoformat(day), answered, signed) for day, answered, signed in kept]


def headline(days, asked):
    """What the chart shows, in words: "12 of 30 partners have signed"."""
    signed = days[-1].signed if days else 0
    return ngettext(
        "%(signed)s of %(asked)s partner has signed", "%(signed)s of %(asked)s partners have signed", asked
    ) % {"signed": languages.format_number(signed), "asked": languages.format_number(asked)}


def svg_of(specification, language):
    """The picture of a Vega-Lite specification, in the colours of the page that shows it."""
    # Imported here, for it takes 100 MB and only the worker draws.
    import vl_convert

    svg = vl_convert.vegalite_to_svg(
        specification, allowed_base_urls=[], time_format_locale=DATES.get(language.split("-")[0], "en-US")
    )
    for placeholder, own in OWN_COLOURS.items():
        svg = svg.replace(placeholder, own)
    return svg


def _begins(day):
    """A day as d3 reads it on its own clock: a bare date would be read as UTC."""
    return f"{day.isoformat()}T00:00:00"


def _places(last, asked):
    """How far the words at the ends of the two lines are moved, in pixels, so that they never meet."""
    apart = (last.answered - last.signed) * HEIGHT / max(asked, 1)
    move = max(WORDS - apart, 0) / 2
    # At the foot of the chart there is no room below.
    return (-move, move) if last.signed * HEIGHT / max(asked, 1) > WORDS else (-2 * move, 0)


def _specification(round_, days, asked, language):
    # Beside the drawing itself: nothing else needs it, and it takes half a second and 40 MB.
    import altair

    with override(language):
        title, answered, signed = headline(days, asked), _("Answered"), pgettext("several", "Signed")
        marks = [(round_.deadline, _("Deadline for partners"))]
        if round_.official_deadline:
            marks.append((round_.official_deadline, _("Official deadline")))
    marks = [{"day": _begins(languages.local(at, round_.zone).date()), "label": label} for at, label in marks]
    today = _begins(days[-1].day)
    ends = max([today, *(mark["day"] for mark in marks)])
    number = altair.Y(
        "number:Q", title=None, scale=altair.Scale(domain=[0, max(asked, 1)]), axis=altair.Axis(tickMinStep=1)
    )
    when = altair.X(
        "day:T",
        title=None,
        scale=altair.Scale(domain=[_begins(days[0].day), ends]),
        axis=altair.Axis(
            format="%-d %b" if language.startswith("es") else "%b %-d",
            tickCount=6,
            labelOverlap="greedy",
            labelSeparation=8,
        ),
    )
    layers = []
    higher, lower = _places(days[-1], asked)
    for label, values, colour, width, place in (
        (answered, [day.answered for day in days], SOFT, 1.5, higher),
        (signed, [day.signed for day in days], STRONG, 3.5, lower),
    ):
        rows = [
            {"day": _begins(day.day), "number": value, "label": ""} for day, value in zip(days, values, strict=True)
        ]
        end = [rows[-1] | {"label": f"{label}: {languages.format_number(values[-1], language)}"}]
        line = altair.Chart(altair.Data(values=rows)).mark_line(
            color=colour, strokeWidth=width, interpolate="step-after"
        )
        words = altair.Chart(altair.Data(values=end)).mark_text(
            color=colour,
            align="left",
            baseline="middle",
            dx=7,
            dy=place,
            fontWeight="bold" if width > 2 else "normal",
            fontSize=13,
        )
        layers += [line.encode(x=when, y=number), words.encode(x=when, y=number, text="label:N")]
    for position, mark in enumerate(marks):
        data = altair.Data(values=[mark])
        layers.append(altair.Chart(data).mark_rule(color=WARM, strokeDash=[4, 3], strokeWidth=1.5).encode(x=when))
        layers.append(
            altair.Chart(data)
            .mark_text(color=WARM, align="right", dx=-5, dy=8 + position * 17, fontSize=12, baseline="top")
            .encode(x=when, y=altair.value(0), text="label:N")
        )
    return (
        altair.layer(*layers)
        .properties(
            width=WIDTH,
            height=HEIGHT,
            background="transparent",
            title=altair.Title(title, anchor="start", color=INK, fontSize=17, fontWeight="bold", offset=14),
        )
        .configure(font="system-ui, sans-serif", aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=SOFT, gridColor=LINE, domainColor=LINE, tickColor=LINE, labelFontSize=12, labelPadding=6
        )
        .configure_axisX(grid=False)
        .to_dict()
    )
