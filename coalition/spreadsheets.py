"""Lists as files that people open in a spreadsheet: nothing in them runs as a formula, and long ones are written while
they are read, so that no list is too long.
"""

import csv
import itertools
import re
import zipfile
from contextlib import contextmanager
from xml.sax.saxutils import escape

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import get_language, override

MARK = "\ufeff"  # spreadsheets take a file for UTF-8 only when it begins with this
PIECE = 64 * 1024  # what is sent at once
ROWS_A_SHEET = 1_048_576
BYTES_A_SHEET = 3 * 2**29
CELL = 32_767  # characters that a cell of a workbook holds


class _Line:
    """A file that hands each written line straight back."""

    def write(self, text):
        return text


def harmless(value):
    """A cell that no spreadsheet runs as a formula (OWASP, CSV injection)."""
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


# Workbooks. openpyxl writes a file only when it is whole, which takes a minute for a long list; this one leaves row by
# row, as ECMA-376 allows: strings stand in their cells, and the parts that name the sheets come last.

_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_STYLES = (
    f'<styleSheet xmlns="{_NAMESPACE}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


class _Pipe:
    """What the archive writes, until it is taken away. It cannot go back, and needs not to."""

    def __init__(self):
        self.held, self.size = [], 0

    def write(self, data):
        self.held.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self):
        pass

    def take(self):
        data, self.held, self.size = b"".join(self.held), [], 0
        return data


def xlsx_pieces(title, header, rows):
    """The bytes of a workbook of `rows`, in pieces. A further sheet begins where one is full."""
    pipe = _Pipe()
    read = iter(rows)
    sheets, more = 0, True
    with _told(rows), zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        while more:
            sheets, more = sheets + 1, False
            with archive.open(f"xl/worksheets/sheet{sheets}.xml", "w") as sheet:
                written = sheet.write(_head(header).encode())
                number = 1
                for row in read:
                    written += sheet.write(_row(row).encode())
                    number += 1
                    if pipe.size >= PIECE:
                        yield pipe.take()
                    if number >= ROWS_A_SHEET or written >= BYTES_A_SHEET:
                        more = True
                        break
                sheet.write(b"</sheetData></worksheet>")
        for name, content in _about(title, sheets):
            archive.writestr(name, _XML + content)
    yield pipe.take()


def _head(header):
    return (
        f'{_XML}<worksheet xmlns="{_NAMESPACE}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" '
        'topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>'
        f'<col min="1" max="{max(len(header), 1)}" width="20" customWidth="1"/></cols><sheetData>'
        f"{_row(header, style=1)}"
    )


def _row(cells, style=0):
    return f"<row>{''.join(_cell(cell, style) for cell in cells)}</row>"


def _cell(value, style):
    if _is_number(value):
        return f"<c><v>{value}</v></c>"
    text = _NOT_XML.sub("", harmless(value))[:CELL]
    if not text:
        return "<c/>"
    mark = ' s="1"' if style else ""
    return f'<c{mark} t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _about(title, sheets):
    """The parts of a workbook that say what it holds: [(name, XML)]."""
    title = re.sub(r"[\\/?*:\[\]]", " ", title)[:25] or "Sheet"
    names = [title if number == 1 else f"{title} {number}" for number in range(1, sheets + 1)]
    numbered = list(enumerate(names, 1))
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_KIND}.worksheet+xml"/>' for n, _t in numbered
    )
    tabs = "".join(f'<sheet name="{escape(t, {chr(34): "&quot;"})}" sheetId="{n}" r:id="rId{n}"/>' for n, t in numbered)
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n, _t in numbered
    )
    styles = f'<Relationship Id="rId{sheets + 1}" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    return [
        ("xl/styles.xml", _STYLES),
        (
            "xl/workbook.xml",
            f'<workbook xmlns="{_NAMESPACE}" xmlns:r="{_RELATIONS}"><sheets>{tabs}</sheets></workbook>',
        ),
        (
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships">{links}{styles}</Relationships>',
        ),
        (
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        ),
        (
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>{parts}'
            f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/></Types>',
        ),
    ]


def xlsx_stream(name, title, header, rows):
    """A workbook of `rows` to download, written while it is read."""
    pieces = _spoken(xlsx_pieces(title, header, rows), get_language())
    return StreamingHttpResponse(pieces, content_type=_XLSX, headers=_headers(name))
