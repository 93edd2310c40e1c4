"""Look before anything is written, and afterwards: what became of each row."""

import itertools
from collections import Counter
from dataclasses import dataclass

from django.db.models import Count

from coalition.models import ImportedRow, Tag
from coalition.reading_people import REASONS

from .matching import Matcher
from .rows import chunks_of, rows_of

PREVIEWED = 10_000  # rows that a preview looks at; a longer file is previewed by its beginning
Outcome = ImportedRow.Outcome


@dataclass
class Preview:
    rows: int
    counts: dict  # {outcome: rows}
    reasons: dict  # {code: rows}
    opened: dict  # {channel: addresses whose people said yes, with proof}
    stops: int
    samples: dict  # {outcome: [Result]}
    partial: bool
    new_tags: list  # names of tags that do not exist yet


def preview(batch, *, samples=5):
    """What bringing the file in would do, row by row, without writing anything."""
    matcher = Matcher(batch)
    counts, reasons, shown = Counter(), Counter(), {outcome: [] for outcome in Outcome}
    opened, stops, seen = set(), set(), 0
    with batch.file.open("rb") as file:
        reading = rows_of(batch, file)
        for chunk in chunks_of(itertools.islice(reading, PREVIEWED)):
            matcher.load(chunk)
            for row in chunk:
                result = matcher.settle(row)
                seen += 1
                counts[result.outcome] += 1
                reasons.update(row.notes)
                if not row.refused:
                    opened |= {(id(result.known), key) for key in row.yes}
                    stops |= row.stops
                if len(shown[result.outcome]) < samples:
                    shown[result.outcome].append(result)
        reading.close()
    return Preview(
        rows=seen,
        counts={outcome: counts[outcome] for outcome in Outcome},
        reasons={code: reasons[code] for code in REASONS if reasons[code]},
        opened=Counter(str(channel) for _known, (channel, _value) in opened),
        stops=len(stops),
        samples=shown,
        partial=seen < batch.rows,
        new_tags=_new_tags(matcher),
    )


def _new_tags(matcher):
    """The tags that would be made: "Housing" and "housing" are one."""
    known = set(Tag.objects.filter(slug__in=list(matcher.tags)).values_list("slug", flat=True))
    return sorted(name for slug, name in matcher.tags.items() if slug not in known)


def report(batch):
    """({outcome: rows}, {reason: rows}) of an import, as far as it has come."""
    counts, reasons = Counter(), Counter()
    kinds = batch.results.order_by().values_list("outcome", "reason").annotate(rows=Count("pk"))
    for outcome, reason, rows in kinds:
        counts[outcome] += rows
        for code in filter(None, reason.split(",")):
            reasons[code] += rows
    return {outcome: counts[outcome] for outcome in Outcome}, {code: reasons[code] for code in REASONS if reasons[code]}
