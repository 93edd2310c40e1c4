"""Lists as files that people open in a spreadsheet."""

import csv
import itertools

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import get_language, override

MARK = "\ufeff"  # spreadsheets take a file for UTF-8 only when it begins with this


class _Line:
    """A file that hands each written line straight back."""

    def write(self, text):
        return text


def harmless(value):
    """A cell that no spreadsheet runs as a formula (OWASP, CSV injection)."""
    value = "" if value is None else str(value)
    return f"'{value}" if value.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value


def csv_lines(header, rows):
    """The lines of a file of `rows`, any iterable of sequences; nothing in them runs as a formula."""
    file = csv.writer(_Line())
    yield MARK
    for row in itertools.chain([header], rows):
        yield file.writerow([harmless(cell) for cell in row])


def csv_response(name, header, rows):
    """A download of `rows`, written at once."""
    return HttpResponse("".join(csv_lines(header, rows)), content_type=_TYPE, headers=_headers(name))


def csv_stream(name, header, rows):
    """A download of `rows`, written while it is read: for lists too long to hold."""
    lines = _spoken(csv_lines(header, rows), get_language())
    return StreamingHttpResponse(lines, content_type=_TYPE, headers=_headers(name))


def _spoken(lines, language):
    """The lines in the reader's language, which is lost once the view has answered."""
    while True:
        with override(language):
            line = next(lines, None)
        if line is None:
            return
        yield line


_TYPE = "text/csv; charset=utf-8"


def _headers(name):
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
