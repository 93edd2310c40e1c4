"""Read the tables that other systems export: find out how a file is written, then stream its rows.

What cannot be read raises `Unreadable` with a sentence that says what to do; nothing is kept of such a file.
"""

import codecs
import csv
import io
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils.translation import gettext as _

from coalition.models import fold

BLOCK = 1 << 20
DELIMITERS = ",;\t|"
LARGEST = 200 * BLOCK  # bytes
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*")


class Unreadable(Exception):
    """Why a file cannot be taken in, and what to do about it, in the organizer's language."""


@dataclass
class Sheet:
    """How a file is written. `samples` are its first rows, `rows` how many it has below the header."""

    encoding: str
    delimiter: str
    header: list
    rows: int
    samples: list


def inspect(file):
    """Find out how a file (opened for bytes) is written, and read it once to its end. Raises Unreadable."""
    encoding = _encoding(file)
    delimiter = _delimiter(file, encoding)
    header, samples, count, ragged = None, [], 0, 0
    for line, cells in _records(file, encoding, delimiter):
        if header is None:
            header = _header(cells)
            continue
        count += 1
        ragged += len(trimmed(cells, len(header))) != len(header)
        if len(samples) < 5:
            samples.append(cells)
        if line > 20 and ragged > count / 2:
            break
    if header is None:
        raise Unreadable(_("The file is empty."))
    if not count:
        raise Unreadable(_("The file has a row of column names and nothing below it."))
    if count > 1 and ragged > count / 2:
        raise Unreadable(
            _(
                "Most rows do not have as many cells as there are column names. Export the file again as CSV, "
                "with quotation marks around cells that hold commas."
            )
        )
    return Sheet(encoding, delimiter, header, count, samples)


def header(file, encoding, delimiter):
    """The names of the columns of a file that was inspected."""
    return _header(next(_records(file, encoding, delimiter))[1])


def rows(file, encoding, delimiter, *, skip=0):
    """Stream (row number as a spreadsheet shows it, cells) below the header of a file that was inspected."""
    records = _records(file, encoding, delimiter)
    next(records)
    for position, record in enumerate(records):
        if position >= skip:
            yield record


def trimmed(cells, width):
    """Cells without empty ones beyond the header's width, which spreadsheets like to add."""
    while len(cells) > width and not cells[-1].strip():
        cells = cells[:-1]
    return cells


@contextmanager
def _text(file, encoding):
    raw = file
    while hasattr(raw, "file"):
        raw = raw.file  # out of Django's wrappers, which a text reader does not know
    raw.seek(0)
    text = io.TextIOWrapper(raw, encoding=encoding, newline="")
    try:
        yield text
    finally:
        if not raw.closed:
            text.detach()  # the file stays open: it belongs to the caller


def _records(file, encoding, delimiter):
    """(row number, cells) of every row that is not blank."""
    with _text(file, encoding) as text:
        reader = csv.reader(text, delimiter=delimiter)
        number = 0
        try:
            for number, cells in enumerate(reader, 1):
                if number == 1 and cells and cells[0].lower().startswith("sep="):
                    continue  # Excel's note to itself
                if any(cell.strip() for cell in cells):
                    yield number, cells
        except csv.Error as error:
            if "field larger" in str(error):
                raise Unreadable(
                    _(
                        "Row %(row)d has a cell of more than %(most)s characters. Often a quotation mark is missing "
                        "in that row."
                    )
                    % {"row": number + 1, "most": f"{csv.field_size_limit():,}"}
                ) from None
            raise Unreadable(
                _("Row %(row)d cannot be read. Export the file again as CSV.") % {"row": number + 1}
            ) from None


def _encoding(file):
    """What the file's letters are written in; refuses what is no text at all."""
    file.seek(0)
    head = file.read(4096)
    if not head.strip():
        raise Unreadable(_("The file is empty."))
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Unreadable(_("This is a workbook, not a CSV file. Open it and save it as “CSV UTF-8”."))
    if head.startswith(b"%PDF"):
        raise Unreadable(_("This is a PDF, not a CSV file. Export the list as CSV from the system it comes from."))
    if head.startswith(PICTURES):
        raise Unreadable(_("This is a picture, not a CSV file. Export the list as CSV from the system it comes from."))
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|table|\?xml|script|div|meta)", head, re.IGNORECASE):
        raise Unreadable(
            _(
                "This is a web page, not a CSV file. Perhaps the export asked you to sign in: sign in there, and "
                "download the list again."
            )
        )
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return _checked(file, name)
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) / 4 and not even:
        return _checked(file, "utf-16-le")
    if even > len(head) / 4 and not odd:
        return _checked(file, "utf-16-be")
    try:
        return _checked(file, "utf-8")
    except UnicodeDecodeError:
        return _checked(file, "cp1252")


def _checked(file, encoding):
    """The encoding, once the whole file was seen to follow it."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := file.read(BLOCK):
            if "\x00" in decoder.decode(block):
                raise Unreadable(
                    _(
                        "The file holds characters that no text has (NUL). It may be damaged: export it again, "
                        "or open it in a spreadsheet and save it as “CSV UTF-8”."
                    )
                )
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if encoding == "utf-8":
            raise
        raise Unreadable(
            _("The letters of the file cannot be read. Open it in a spreadsheet and save it as “CSV UTF-8”.")
        ) from None
    return encoding


def _delimiter(file, encoding):
    """What stands between cells: whatever splits the first rows into the most columns, and into equally many."""
    with _text(file, encoding) as text:
        head = text.read(1 << 16)
    if said := re.match(r"sep=(.)\r?\n", head, re.IGNORECASE):
        return said[1]
    best, most = ",", 1
    for delimiter in DELIMITERS:
        widths = []
        try:
            for cells in csv.reader(io.StringIO(head), delimiter=delimiter):
                if any(cells):
                    widths.append(len(cells))
                if len(widths) == 20:
                    break
        except csv.Error:
            continue
        alike = sum(width == widths[0] for width in widths) / len(widths) if widths else 0
        if widths and widths[0] > 1 and widths[0] * alike > most:
            best, most = delimiter, widths[0] * alike
    return best


def _header(cells):
    """The column names, cleaned; refuses names that stand twice, and a first row that is a person."""
    names = [" ".join(cell.split()) for cell in cells]
    if any(re.fullmatch(r"\S+@\S+\.\S+", name) or re.fullmatch(r"\+?[\d ().-]{10,}", name) for name in names):
        raise Unreadable(
            _("The first row looks like a person. Add a row on top that names the columns, such as “Email”, “ZIP”.")
        )
    twice = [name for name, times in Counter(fold(name) for name in names if name).items() if times > 1]
    if twice:
        shown = ", ".join(f"“{next(name for name in names if fold(name) == folded)}”" for folded in twice[:5])
        raise Unreadable(
            _("Several columns have the same name: %(names)s. Give each column a name of its own.") % {"names": shown}
        )
    return [name or f"#{number}" for number, name in enumerate(names, 1)]
