"""Lists as files that people open in a spreadsheet."""

import csv

from django.http import HttpResponse

MARK = "\ufeff"  # spreadsheets take a file for UTF-8 only when it begins with this


def harmless(value):
    """A cell that no spreadsheet runs as a formula (OWASP, CSV injection)."""
    value = "" if value is None else str(value)
    return f"'{value}" if value.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value


def csv_response(name, header, rows):
    """A download of `rows`, any iterable of sequences. Written at once: later the user's language would be lost."""
    response = HttpResponse(
        MARK,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
    file = csv.writer(response)
    for row in (header, *rows):
        file.writerow([harmless(cell) for cell in row])
    return response
