"""Import people: a file is read, its columns mapped, every row matched with who is known; once confirmed, it goes in.

Chunks of rows go in, each in a transaction of its own with a line for what became of each row, so that a killed worker
never doubles one. A list opens no address without proof that its people said yes (rule S1); every stop in it counts at
once, for every record that holds the address (rules S4, S6), and what said stop before stays closed (rule P4). A batch
can be undone, without touching what people changed since.
"""

from coalition.preparing import describe_columns, upload

from .matching import Known, Matcher, Result
from .previewing import Preview, preview, report
from .running import run, stalled
from .starting import cancel, check_options, discard_abandoned, start
from .undoing import KEPT, may_undo, run_undo, stalled_undos, undo, undo_preview

__all__ = [
    "KEPT",
    "Known",
    "Matcher",
    "Preview",
    "Result",
    "cancel",
    "check_options",
    "describe_columns",
    "discard_abandoned",
    "may_undo",
    "preview",
    "report",
    "run",
    "run_undo",
    "stalled",
    "stalled_undos",
    "start",
    "undo",
    "undo_preview",
    "upload",
]
