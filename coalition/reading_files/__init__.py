"""Read the tables that other systems export: find out how a file is written, then stream its rows.

What cannot be read raises `Unreadable` with a sentence that says what to do; nothing is kept of such a file. A workbook
is first written out as text (`workbooks.write_out`), so that every file is read in one way and no file is held whole.
"""

import itertools
import re
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from coalition.models import fold

from . import tables, texts, workbooks
from .refusals import Unreadable
from .tables import EMAIL_LIKE, PHONE_LIKE, label_of, trimmed

__all__ = [
    "EMAIL_LIKE",
    "LARGEST",
    "PHONE_LIKE",
    "Sheet",
    "Unreadable",
    "beginning",
    "header",
    "inspect",
    "is_workbook",
    "label_of",
    "rows",
    "trimmed",
    "workbooks",
]

LARGEST = 500 << 20  # bytes


@dataclass
class Sheet:
    """How a file is written. `samples` are its first rows, `rows` how many it has below the header."""

    encoding: str
    delimiter: str
    header: list
    rows: int
    samples: list
    first_row: int = 1  # 0: no row names the columns
    above: list = field(default_factory=list)  # [(row number, cells)] over the header
    below: int = 0  # rows after the table's end, which belong to other sections
    doubled: list = field(default_factory=list)  # names that stood more than once
    unnamed: int = 0


def is_workbook(file):
    """Whether a file is a workbook that can be read; raises Unreadable for what is no table at all."""
    file.seek(0)
    head = file.read(4096)
    texts.refuse_other_kinds(head)
    return workbooks.recognise(file, head)


def inspect(file, *, encoding="", delimiter="", first_row=None, knows=None):
    """Find out how a file of text (opened for bytes) is written, and read it once to its end. Raises Unreadable.

    What is given is taken as said. `knows`: see `tables.find_first_row`.
    """
    if is_workbook(file):
        raise ValueError("a workbook is written out as text first")
    if encoding:
        try:
            texts.checked(file, encoding)
        except UnicodeDecodeError:
            raise Unreadable(_("The letters of the file cannot be read that way. Choose another encoding.")) from None
    encoding = encoding or texts.find_encoding(file)
    delimiter = delimiter or texts.find_delimiter(file, encoding)
    if first_row is None:
        head = _head(file, encoding, delimiter)
        if not head:
            raise Unreadable(_("The file is empty."))
        first_row = tables.find_first_row(head, knows)
    records = _Counted(texts.records(file, encoding, delimiter))
    above, names, below = tables.split(records, first_row)
    if not names:
        raise Unreadable(_("There is nothing in row %(row)d or below it.") % {"row": first_row})
    samples, count, ragged = [], 0, 0
    for _number, cells in below:
        count += 1
        ragged += len(trimmed(cells, len(names))) != len(names)
        if len(samples) < 5:
            samples.append((_number, cells))
        if count > 20 and ragged > count / 2:
            break
    if not count:
        raise Unreadable(_("The file has a row of column names and nothing below it."))
    if count > 1 and ragged > count / 2:
        raise Unreadable(
            _(
                "Most rows do not have as many cells as there are column names. Export the file again as CSV, "
                "with quotation marks around cells that hold commas."
            )
        )
    left = records.seen - count - (len(above) + 1 if first_row else 0)
    left += sum(1 for _record in records)
    folded = {fold(name) for name in names}
    doubled = [n for n in names if re.search(r" \(\d+\)$", n) and fold(n.rpartition(" (")[0]) in folded]
    return Sheet(
        encoding,
        delimiter,
        names,
        count,
        samples,
        first_row=first_row,
        above=above,
        below=left,
        doubled=doubled,
        unnamed=sum(bool(tables.UNNAMED.fullmatch(name)) for name in names) if first_row else 0,
    )


class _Counted:
    """An iterator that knows how many it gave."""

    def __init__(self, items):
        self.items, self.seen = items, 0

    def __iter__(self):
        return self

    def __next__(self):
        item = next(self.items)
        self.seen += 1
        return item


def _head(file, encoding, delimiter):
    records = texts.records(file, encoding, delimiter)
    head = list(itertools.islice(records, tables.HEAD))
    records.close()
    return head


def beginning(file, encoding, delimiter, *, around=1):
    """The first rows as they stand, and those around a row, for people to see where the table begins."""
    head = _head(file, encoding, delimiter)
    return [row for position, row in enumerate(head) if position < 6 or around - 4 <= row[0] <= around + 3]


def header(file, encoding, delimiter, *, first_row=1):
    """The names of the columns of a file that was inspected."""
    records = texts.records(file, encoding, delimiter)
    _above, names, _below = tables.split(records, first_row)
    records.close()
    return names


def rows(file, encoding, delimiter, *, skip=0, first_row=1):
    """Stream (row number as a spreadsheet shows it, cells) below the header of a file that was inspected."""
    records = texts.records(file, encoding, delimiter)
    _above, _names, below = tables.split(records, first_row)
    try:
        yield from itertools.islice(below, skip, None)
    finally:
        records.close()
