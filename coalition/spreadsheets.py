"""Lists as files that people open in a spreadsheet: nothing in them runs as a formula. A CSV leaves while it is read,
so no list is too long for it; a workbook is openpyxl's and leaves when it is whole, so it has an end.
"""

import csv
import itertools
import re
from contextlib import contextmanager
from tempfile import TemporaryFile

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.utils.translation import get_language, override
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.workbook.child import INVALID_TITLE_REGEX

MARK = "\ufeff"  # spreadsheets take a file for UTF-8 only when it begins with this
PIECE = 64 * 1024  # what is sent at once
# openpyxl works half a minute on as many before the first byte leaves, and proxies give up after a whole one.
WORKBOOK_ROWS = 50_000
_NOT_XML = re.compile("[\ufffe\uffff]")  # PostgreSQL takes them, no workbook does


class _Line:
    """A file that hands each written line straight back."""

    def write(self, text):
        return text


def harmless(value):
    """A cell that no spreadsheet runs as a formula (OWASP, CSV injection).

    What django-import-export does for IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT needs a whole Dataset, stops only "=" and
    takes it away from the text.
    """
    value = "" if value is None else str(value)
    return f"'{value}" if value.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value


def csv_lines(header, rows):
    """The lines of a file of `rows`, any iterable of sequences; nothing in them runs as a formula. Numbers stay so."""
    file = csv.writer(_Line())
    yield MARK
    with _told(rows):
        for row in itertools.chain([header], rows):
            yield file.writerow([cell if _is_number(cell) else harmless(cell) for cell in row])


@contextmanager
def _told(rows):
    """Whatever feeds a file is told when nobody reads on."""
    try:
        yield
    finally:
        if hasattr(rows, "close"):
            rows.close()


def _is_number(cell):
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def csv_response(name, header, rows):
    """A download of `rows`, written at once."""
    return HttpResponse("".join(csv_lines(header, rows)), content_type=_CSV, headers=_headers(name))


def csv_stream(name, header, rows):
    """A download of `rows`, written while it is read: for lists too long to hold."""
    pieces = _spoken(_gathered(csv_lines(header, rows)), get_language())
    return StreamingHttpResponse(pieces, content_type=_CSV, headers=_headers(name))


def _gathered(lines):
    """Many short lines as few long ones."""
    held, size = [], 0
    with _told(lines):
        for line in lines:
            held.append(line)
            size += len(line)
            if size >= PIECE:
                yield "".join(held)
                held, size = [], 0
        yield "".join(held)


def _spoken(lines, language):
    """The lines in the reader's language, which is lost once the view has answered."""
    with _told(lines):
        while True:
            with override(language):
                line = next(lines, None)
            if line is None:
                return
            yield line


_CSV = "text/csv; charset=utf-8"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _headers(name):
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def xlsx_response(name, title, header, rows):
    """A workbook of `rows` to download: openpyxl writes a file only when it is whole, so it waits on disk meanwhile."""
    file = TemporaryFile()  # noqa: SIM115, the response closes it
    try:
        _write_workbook(file, title, header, rows)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return FileResponse(file, content_type=_XLSX, headers=_headers(name))


def _write_workbook(file, title, header, rows):
    book = Workbook(write_only=True)
    sheet = book.create_sheet(INVALID_TITLE_REGEX.sub(" ", title)[:31])
    sheet.freeze_panes = "A2"
    for number in range(len(header)):
        sheet.column_dimensions[get_column_letter(number + 1)].width = 20
    try:
        sheet.append([_heading(sheet, label) for label in header])
        with _told(rows):
            for row in rows:
                sheet.append([cell if _is_number(cell) else _written(cell) for cell in row])
    finally:
        book.save(file)  # which takes openpyxl's own temporary file away


def _heading(sheet, label):
    cell = WriteOnlyCell(sheet, _written(label))
    cell.font = Font(bold=True)
    return cell


def _written(value):
    return _NOT_XML.sub("", ILLEGAL_CHARACTERS_RE.sub("", harmless(value))) or None
