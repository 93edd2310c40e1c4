"""Where the table stands in a file: the row that names its columns, the rows below it, and where its section ends."""

import itertools
import re

from django.utils.translation import gettext as _

from coalition.models import fold

HEAD = 100  # rows among which the names of the columns are looked for
EMAIL_LIKE = re.compile(r"\S+@\S+\.\S+")
PHONE_LIKE = re.compile(r"\+?[\d ().-]{10,}")
DATE_LIKE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b.*|\d{1,2}:\d\d\b.*")
NUMBER_LIKE = re.compile(r"[-+$]?[\d.,]+%?")
UNNAMED = re.compile(r"#(\d+)")


def label_of(name):
    """A column's name as people read it: those without one have a number."""
    found = UNNAMED.fullmatch(name)
    return _("Column %(number)d") % {"number": int(found[1])} if found else name


def names_of(cells):
    """The names of columns, each its own: ["Email", "", "Email"] → ["Email", "#2", "Email (2)"]."""
    names, taken = [], set()
    for number, cell in enumerate(cells, 1):
        name = given = " ".join(cell.replace("\ufeff", "").split())[:200] or f"#{number}"
        again = 1
        while fold(name) in taken:
            again += 1
            name = f"{given} ({again})"
        taken.add(fold(name))
        names.append(name)
    return names


def find_first_row(head, knows=None):
    """The number of the row that names the columns among the first records of a file; 0 when none does.

    `knows(names)` says how many of these names mean something to us.
    """
    best, most, widest = 0, -1, 0
    for position, (number, cells) in enumerate(head):
        names = [cell.strip() for cell in cells if cell.strip()]
        known = knows(names) if knows else 0
        # A row of names stands above everything, or is wider than what stands above it, or says things we know.
        if _can_name(names) and (position == 0 or len(names) > widest or known >= 2):
            width = width_of(cells)
            score = known * 3 + _alike(head[position + 1 : position + 21], width) * min(width, 4)
            if score > most:
                best, most = number, score
        widest = max(widest, len(names))
    return best


def _alike(rows, width):
    """How many rows have no more cells than there are names, up to a row that is the title of another section."""
    alike = 0
    for _number, cells in rows:
        if width > 1 and width_of(cells) <= 1:
            break
        alike += width_of(cells) <= width
    return alike


def _can_name(names):
    """Whether cells can be the names of columns: nothing that belongs to a person, and not mostly numbers."""
    if any(EMAIL_LIKE.fullmatch(n) or PHONE_LIKE.fullmatch(n) or DATE_LIKE.fullmatch(n) for n in names):
        return False
    numbers = sum(bool(NUMBER_LIKE.fullmatch(name)) for name in names)
    return bool(names) and numbers * 2 < len(names) + (numbers == 0)


def width_of(cells):
    """How many cells a row has up to the last one that holds something."""
    return next((number for number in range(len(cells), 0, -1) if cells[number - 1].strip()), 0)


def trimmed(cells, width):
    """Cells without empty ones beyond the header's width, which spreadsheets like to add."""
    while len(cells) > width and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def split(records, first_row):
    """(what stands above, names, rows) of a table whose columns are named in `first_row`; 0: nothing names them.

    Where the table stands in a section of its own, under a title, `rows` end where the next title stands.
    """
    if not first_row:
        head = list(itertools.islice(records, HEAD))
        width = max((width_of(cells) for _number, cells in head), default=0)
        return [], [f"#{number}" for number in range(1, width + 1)], itertools.chain(head, records)
    above = []
    for number, cells in records:
        if number >= first_row:
            head = list(itertools.islice(records, HEAD))
            records = itertools.chain(head, records)
            names = names_of(cells[: _width_with(head, cells)])
            title = above[-1] if above else None
            sectioned = title is not None and title[0] == number - 1 and _is_title(title[1], names)
            return above, names, _section(records, names) if sectioned else records
        above = [*above[-HEAD:], (number, cells)]
    return above, [], iter(())


def _width_with(head, cells):
    """How many columns a table has: those that are named, and those without a name that hold something below."""
    below = max((width_of(row) for _number, row in head), default=0)
    return max(width_of(cells), min(len(cells), below))


def _is_title(cells, names):
    """Whether a row is the title of a section: one cell, the first, where the table has several."""
    return len(names) > 2 and width_of(cells) == 1 and not EMAIL_LIKE.fullmatch(cells[0].strip())


def _section(records, names):
    """Rows up to the title that begins another section: one cell, with names of columns right below it."""
    held = None
    for record in records:
        if held:
            if held[0] + 1 == record[0] and width_of(record[1]) > 1 and _can_name(_filled(record[1])):
                return
            yield held
            held = None
        if _is_title(record[1], names):
            held = record
        else:
            yield record
    if held:
        yield held


def _filled(cells):
    return [cell.strip() for cell in cells if cell.strip()]
