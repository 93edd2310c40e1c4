"""The pictures of a message's results, drawn by the worker: by what people share, over time, beside earlier ones.

Each stands above the table that holds the same numbers.
"""

from statistics import NormalDist, median
from textwrap import wrap

from django.utils.translation import gettext as _

from coalition.charts import INK, LINE, SOFT, STRONG, WARM, svg_of
from coalition.languages import format_number

SHARES = ["delivered", "acted", "stopped", "complained", "bounced"]
OVER_TIME = ["sent", "delivered", "followed", "acted", "stopped", "complained", "bounced"]
COLOURS = {"delivered": SOFT, "sent": SOFT, "followed": SOFT, "acted": STRONG}  # the others warn
LABELS, COLUMN, ROW = 160, 92, 36  # pixels
SAFE = 0.82  # of the room for words: a reader's own font may be wider than the worker's
WIDTH = LABELS + len(SHARES) * COLUMN
BARS = 72  # hours, days or weeks shown each for itself; one more bar stands for all that is later
LATER, LATER_WIDE = BARS + 3, 4  # where that one stands, in bars
STEPS = {"hour": (1, 2, 3, 6, 12), "day": (1, 2, 7, 14), "week": (1, 2, 4, 13)}
NARROW = 330  # a phone shows it whole


def words():
    """What the counted things are called, in the active language."""
    return {
        "sent": _("Sent"),
        "delivered": _("Delivered"),
        "followed": _("Followed a link"),
        "acted": _("Acted"),
        "stopped": _("Said stop"),
        "complained": _("Marked as spam"),
        "bounced": _("Did not arrive"),
    }


def share(counted, name):
    """In percent of those it was sent to; what did not arrive, of those it was meant for. None where there are none."""
    whole = counted["meant"] if name == "bounced" else counted["sent"]
    return 100 * counted[name] / whole if whole else None


def draw(figures, labels, title, language):
    """{name: SVG} in a language: "language", "segment" … where there is something to compare, "times", "earlier"."""
    charts = {}
    for name, called in labels.items():
        rows = [(called[key], counted) for key, counted in figures[name] if counted["meant"]]
        if len(rows) > 1:
            told = [share for share in SHARES if share != "delivered" or figures["total"]["delivered"]]
            charts[name] = _shares(rows, told, language)
    if figures["times"]:
        charts["times"] = _over_time(figures["unit"], figures["times"], language)
    if figures["earlier"] and figures["total"]["sent"]:
        charts["earlier"] = _compared(title, figures, language)
    return charts


def percent(value, language):
    return f"{format_number(round(value, 1), language)} %"


def _shares(rows, names, language):
    """A small bar for each share of each group, every share on a scale of its own."""
    import altair

    columns = []
    for position, name in enumerate(names):
        values = [
            {"group": f"{number}", "label": label, "share": value or 0, "words": percent(value or 0, language)}
            for number, (label, value) in enumerate((label, share(counted, name)) for label, counted in rows)
        ]
        data = altair.Data(values=values)
        called = "{" + ",".join(f"'{row['group']}':{_quoted(row['label'])}" for row in values) + "}"
        axis = _names(called, LABELS, 13) if position == 0 else None
        group = altair.Y("group:N", sort=None, axis=axis)
        most = max(*(row["share"] for row in values), 0.5)
        bars = (
            altair.Chart(data)
            .mark_bar(color=COLOURS.get(name, WARM), size=7, yOffset=8, cornerRadiusEnd=2)
            .encode(x=altair.X("share:Q", axis=None, scale=altair.Scale(domain=[0, most])), y=group)
        )
        numbers = (
            altair.Chart(data)
            .mark_text(align="left", dy=-5, color=INK, fontSize=12)
            .encode(x=altair.value(0), y=group, text="words:N")
        )
        columns.append(
            altair.layer(bars, numbers).properties(
                width=COLUMN - 14,
                height=altair.Step(ROW),
                title=altair.Title(
                    wrap(words()[name], 14), anchor="start", frame="group", color=SOFT, fontSize=11, fontWeight="normal"
                ),
            )
        )
    return _picture(altair.hconcat(*columns, spacing=14), language)


def _names(names, room, size):
    """An axis of words that begin at its left edge, whatever font they are read in."""
    import altair

    return altair.Axis(
        title=None,
        labelExpr=f"({names})[datum.value]",
        labelAlign="left",
        labelPadding=room - 5,
        labelLimit=room * SAFE,
        labelColor=INK,
        labelFontSize=size,
        minExtent=room,
        maxExtent=room,
        ticks=False,
        domain=False,
        grid=False,
    )


def _quoted(text):
    """A string of Vega's own language."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'"


def _over_time(unit, times, language):
    """A strip of bars for each thing that happened, as narrow as a phone; what is later stands apart."""
    import altair

    is_long = times[-1]["at"] == BARS
    last = max(times[-1]["at"], 11)
    edge = LATER + LATER_WIDE if is_long else last + 1
    step = next(step for step in STEPS[unit] if last <= 6 * step)
    # The word below the last bar needs the room of a number.
    marks = [*range(0, BARS - step, step), LATER + LATER_WIDE / 2] if is_long else [*range(0, last + 1, step)]
    strips = []
    names = [name for name in OVER_TIME if name in ("sent", "acted") or any(row[name] for row in times)]
    for name in names:
        data = altair.Data(values=[_bar(row["at"]) | {"n": row[name]} for row in times])
        foot = name == names[-1]
        axis = altair.Axis(
            title=since(unit) if foot else None,
            labels=foot,
            ticks=foot,
            grid=False,
            values=marks,
            format="d",
            labelExpr=f"datum.value > {BARS} ? {_quoted(_('later'))} : datum.label",
            labelFlush=40,
            titleColor=SOFT,
            titleFontWeight="normal",
            titleFontSize=12,
        )
        most = max(row[name] for row in times)
        strips.append(
            altair.Chart(data)
            .mark_bar(color=COLOURS.get(name, WARM))
            .encode(
                opacity=altair.condition(f"datum.from < {BARS}", altair.value(1), altair.value(0.6)),
                x=altair.X("from:Q", axis=axis, scale=altair.Scale(domain=[0, edge], nice=False)),
                x2="to:Q",
                y2=altair.datum(0),
                y=altair.Y(
                    "n:Q",
                    scale=altair.Scale(domain=[0, max(most, 1)]),
                    axis=altair.Axis(title=None, values=[max(most, 1)], format=",d", domain=False, ticks=False),
                ),
            )
            .properties(
                width=NARROW - 60,
                height=48,
                title=altair.Title(
                    words()[name], anchor="start", frame="group", color=INK, fontSize=13, fontWeight="bold"
                ),
            )
        )
    return _picture(altair.vconcat(*strips, spacing=10), language)


def _bar(at):
    """From where to where the bar of an hour, a day or a week reaches."""
    return {"from": LATER, "to": LATER + LATER_WIDE} if at == BARS else {"from": at, "to": at + 0.85}


def since(unit):
    """What the times of a chart count."""
    return {
        "hour": _("Hours since the start"),
        "day": _("Days since the start"),
        "week": _("Weeks since the start"),
    }[unit]


def _compared(title, figures, language):
    """Who acted, of this message and of earlier ones, with the median of those."""
    import altair

    others = [(row["name"], share(row["total"], "acted") or 0) for row in figures["earlier"]]
    rows = [(title, share(figures["total"], "acted") or 0), *others]
    values = [
        {"group": str(number), "label": label, "share": value, "words": percent(value, language), "own": number == 0}
        for number, (label, value) in enumerate(rows)
    ]
    data = altair.Data(values=values)
    names = "{" + ",".join(f"'{row['group']}':{_quoted(row['label'])}" for row in values) + "}"
    axis = _names(names, 2 * LABELS, 12)
    group = altair.Y("group:N", sort=None, axis=axis)
    scale = altair.Scale(domain=[0, max(*(value for _label, value in rows), 0.5) * 1.18])
    across = altair.X("share:Q", axis=None, scale=scale)
    colour = altair.condition("datum.own", altair.value(STRONG), altair.value(LINE))
    bars = altair.Chart(data).mark_bar(size=13, cornerRadiusEnd=2).encode(x=across, y=group, color=colour)
    numbers = (
        altair.Chart(data)
        .mark_text(align="left", dx=5, color=INK, fontSize=12)
        .encode(x=across, y=group, text="words:N")
    )
    middle = altair.Data(values=[{"share": median(value for _label, value in others)}])
    rule = altair.Chart(middle).mark_rule(color=WARM, strokeDash=[4, 3], strokeWidth=1.5).encode(x=across)
    layers = altair.layer(bars, rule, numbers).properties(
        width=WIDTH - 2 * LABELS - 20,
        height=altair.Step(24),
        title=altair.Title(
            _("Acted; the line is the median of the earlier ones"), anchor="start", color=INK, fontSize=13
        ),
    )
    return _picture(layers, language)


def draw_test(said, language, wordings, reader):
    """What share each wording of one language moved to act, as SVG, and between which shares the true one lies.

    `said`: of `splitting.outcome`; `wordings`: {"language/letter": words}; `reader`: the language of the words around.
    """
    import altair

    values = []
    for number, (letter, counted) in enumerate(said["variants"].items()):
        low, high = likely(counted["acted"], counted["got"]) or (0, 0)
        value = 100 * counted["acted"] / counted["got"] if counted["got"] else 0
        values.append(
            {
                "group": str(number),
                "label": wordings.get(f"{language}/{letter}", letter.upper()),
                "share": value,
                "low": low,
                "high": high,
                "words": percent(value, reader),
                "ahead": letter == said["winner"] and (said["decided"] or said["why"] in ("clear", "chance")),
            }
        )
    data = altair.Data(values=values)
    scale = altair.Scale(domain=[0, max(*(row["high"] for row in values), 0.5)])
    across = altair.X("share:Q", axis=None, scale=scale)
    group = altair.Y("group:N", sort=None, axis=None)
    colour = altair.condition("datum.ahead", altair.value(STRONG), altair.value(SOFT))
    bars = altair.Chart(data).mark_bar(size=11, yOffset=5, cornerRadiusEnd=2).encode(x=across, y=group, color=colour)
    ranges = (
        altair.Chart(data)
        .mark_rule(color=SOFT, strokeWidth=2, yOffset=16)
        .encode(x=altair.X("low:Q", axis=None, scale=scale), x2="high:Q", y=group)
    )
    names = (
        altair.Chart(data)
        .mark_text(align="left", dy=-13, color=INK, fontSize=13, limit=(NARROW - 70) * SAFE)
        .encode(x=altair.value(0), y=group, text="label:N")
    )
    numbers = (
        altair.Chart(data)
        .mark_text(align="right", dy=-13, color=INK, fontSize=13, fontWeight="bold")
        .encode(x=altair.value(NARROW), y=group, text="words:N")
    )
    layers = altair.layer(bars, ranges, names, numbers).properties(width=NARROW, height=altair.Step(56))
    return _picture(layers, reader)


def likely(acted, got):
    """Between which shares, in percent, the true one lies in 19 of 20 cases; None where nobody got it.

    E. B. Wilson's interval: Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927).
    """
    if not got:
        return None
    share, z = acted / got, NormalDist().inv_cdf(0.975)
    middle, whole = share + z * z / (2 * got), 1 + z * z / got
    spread = z * (share * (1 - share) / got + z * z / (4 * got * got)) ** 0.5
    return max(100 * (middle - spread) / whole, 0.0), min(100 * (middle + spread) / whole, 100.0)


def _picture(chart, language):
    look = (
        chart.properties(background="transparent", padding={"left": 5, "top": 5, "bottom": 5, "right": 16})
        .configure(font="system-ui, sans-serif", aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=SOFT, gridColor=LINE, domainColor=LINE, tickColor=LINE, labelFontSize=12, labelPadding=6
        )
        .configure_axisX(grid=False)
    )
    return svg_of(look.to_dict(), language)
