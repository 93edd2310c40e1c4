"""Undo an import, weeks later: who came with it and was left alone goes, what it changed goes back, the rest stays.

The last row is undone first. A field goes back only where it still holds what the import wrote; a person stays where
anything hangs on them that the import did not bring. No stop is ever undone (rule S4). A chunk of rows and how far the
undo is are one transaction, so a killed worker loses nothing and repeats nothing.
"""

from collections import Counter
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import audit, timeline
from coalition.models import Entry, Import, ImportedRow

from . import unpicking
from .running import stalled
from .writing import ONE_AT_A_TIME, link_of

CHUNK = 2000
PREVIEWED = 20_000  # rows that a preview looks at, from the end
State, Outcome = Import.State, ImportedRow.Outcome
KEPT = {
    "merged": _("They were merged with somebody"),
    "imported": _("Another import brought them too"),
    "acted": _("They agreed, signed, answered, registered or chose something themselves"),
    "used": _("Messages to them or other records hang on them"),
    "edited": _("Somebody changed or tagged them, or wrote a note about them, since"),
}


@dataclass
class Counts:
    """What an undo does, in people; `values` and `addresses` stay as they are because somebody changed or used them."""

    removed: int = 0
    restored: int = 0
    consents: int = 0  # yeses that count no more
    values: int = 0
    addresses: int = 0
    kept: Counter = field(default_factory=Counter)  # {code of KEPT: people}

    def add(self, plan):
        self.removed += len(plan.removed)
        self.restored += len(plan.restored)
        self.consents += len(plan.consents)
        self.values += plan.values_kept
        self.addresses += plan.addresses_kept
        self.kept.update(plan.kept.values())

    def as_dict(self):
        return {
            "removed": self.removed,
            "restored": self.restored,
            "consents": self.consents,
            "values": self.values,
            "addresses": self.addresses,
            "kept": dict(self.kept),
        }


@dataclass
class UndoPreview(Counts):
    rows: int = 0
    partial: bool = False  # the import has more rows than were looked at


def may_undo(batch):
    """Whether an import brought something in that can be undone."""
    return batch.state in (State.DONE, State.CANCELLED, State.FAILED) and batch.done > 0 and not batch.undone_at


def undo_preview(batch):
    """What undoing would do, without doing it: counts of people."""
    preview, below = UndoPreview(), None
    while preview.rows < PREVIEWED and (rows := _rows_below(batch, below)):
        preview.add(unpicking.Plan(batch, rows))
        preview.rows += len(rows)
        below = rows[-1].line
    preview.partial = preview.rows < batch.results.count()
    return preview


def undo(batch, *, by=None, why=""):
    """Begin to undo; `run_undo` does it. Pressing it twice begins once."""
    if not may_undo(batch):
        return False
    begun = Import.objects.filter(pk=batch.pk, state=batch.state, undone_at=None).update(
        state=State.UNDOING,
        undo={**(batch.undo or {"done": 0}), "was": batch.state, "rows": batch.results.count(), "why": why[:300]},
        undone_by=by,
        touched_at=timezone.now(),
        error="",
    )
    return bool(begun)


def run_undo(batch, *, chunks=None):
    """Undo chunk after chunk, until all rows were seen or `chunks` are done. True while rows remain."""
    try:
        while chunks is None or chunks > 0:
            if not _undo_chunk(batch):
                return False
            chunks = None if chunks is None else chunks - 1
        return True
    except (OperationalError, InterfaceError):
        raise  # the database went away: the sweep tries again
    except Exception:
        _stop(batch)
        raise


def _stop(batch):
    """Stay where the undo is: it can be begun again, and goes on from here."""
    found = Import.objects.filter(pk=batch.pk, state=State.UNDOING).first()
    if found:
        Import.objects.filter(pk=found.pk, state=State.UNDOING).update(state=found.undo["was"], error="undo")


@transaction.atomic
def _undo_chunk(batch):
    batch = Import.objects.select_for_update(of=("self",)).select_related("undone_by").get(pk=batch.pk)
    if batch.state != State.UNDOING:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])  # no import matches them meanwhile
    rows = _rows_below(batch, batch.undo.get("below"))
    if rows:
        plan = unpicking.Plan(batch, rows, lock=True)
        plan.carry_out()
        whom = [(pk, timezone.now()) for pk in sorted(plan.restored)]
        said, values = _("An import was undone: %(file)s"), {"file": batch.name}
        timeline.note_many(whom, Entry.Kind.IMPORT, said, values, link=link_of(batch), by=batch.undone_by)
        counts = Counts(**{key: batch.undo[key] for key in Counts().as_dict() if key in batch.undo})
        counts.kept = Counter(counts.kept)
        counts.add(plan)
        done = batch.undo.get("done", 0) + len(rows)
        batch.undo |= {**counts.as_dict(), "below": rows[-1].line, "done": done}
    batch.touched_at = timezone.now()
    if not rows:
        batch.state, batch.undone_at = State.UNDONE, timezone.now()
        details = {key: value for key, value in batch.undo.items() if key in Counts().as_dict()}
        audit.record(audit.Action.UNDO, batch, details=details, why=batch.undo.get("why", ""), by=batch.undone_by)
    batch.save(update_fields=["undo", "touched_at", "state", "undone_at"])
    return bool(rows)


def _rows_below(batch, line):
    rows = batch.results.order_by("-line")
    return list(rows.filter(line__lt=line)[:CHUNK] if line is not None else rows[:CHUNK])


def stalled_undos():
    """Undos whose worker shows no life, as `stalled` has it."""
    return stalled(State.UNDOING)
