"""Workbooks (XLSX): a sheet is written out as CSV while it is read, piece by piece, so memory does not grow with it.

Nothing in a workbook is run: a formula gives the value that was saved with it, macros and links are never opened.
openpyxl knows what a number's format means; its reader is not used: it keeps every text of a workbook in memory.
"""

import array
import csv
import functools
import io
import os
import posixpath
import re
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from xml.parsers import expat

from django.utils.translation import gettext as _
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel
from openpyxl.utils.escape import unescape

from .refusals import Unreadable
from .texts import too_long

BLOCK = 1 << 16
UNPACKED = 1 << 30  # bytes of one part, unpacked
RATIO, RATIO_FROM = 200, 30 << 20  # a part this many times larger than it is packed, from this size on, is a trap
DIRECTORY = 1 << 20  # bytes of the list of parts
TEXTS = 6_000_000  # different texts: their places take 8 bytes of memory each
ROWS, COLUMNS = 1 << 20, 1000
NO_VALUE = "#FORMULA!"  # stands where a formula was saved without its value
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True)
class Page:
    """One sheet of a workbook."""

    name: str
    part: str
    hidden: bool


def recognise(file, head):
    """Whether a file is a workbook that can be read. Raises Unreadable for its cousins."""
    if head.startswith(OLE):
        raise Unreadable(_of_ole(file))
    if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return False
    with _opened(file) as archive:
        parts = set(archive.namelist())
        if "xl/workbook.bin" in parts:
            raise Unreadable(_("This is a binary workbook (.xlsb). Open it, and save it as “Excel workbook (.xlsx)”."))
        if "mimetype" in parts or "Index/Document.iwa" in parts:
            raise Unreadable(
                _("This is a spreadsheet of another program. Open it there, and save it as .xlsx or “CSV UTF-8”.")
            )
        if "[Content_Types].xml" not in parts or not any(name.startswith("xl/") for name in parts):
            raise Unreadable(_("This is a packed file (ZIP), not a list. Unpack it, and choose the list inside."))
    return True


def _of_ole(file):
    file.seek(0)
    marks, before = ("EncryptedPackage".encode("utf-16-le"), "EncryptionInfo".encode("utf-16-le")), b""
    while block := file.read(1 << 20):
        if any(mark in before + block for mark in marks):
            return _(
                "The workbook is protected by a password. Open it, take the password away (File, Info, Protect "
                "workbook), save it, and choose it again."
            )
        before = block[-64:]
    return _(
        "This is an old Excel workbook (.xls) or another Office file. Open it, and save it as .xlsx or “CSV UTF-8”."
    )


def pages(file):
    """The sheets of a workbook that can hold a table, in their order."""
    with _opened(file) as archive:
        return _pages(archive)[0]


def write_out(file, out, *, page=""):
    """Write a sheet (the first visible one that holds something, unless named) to `out` as CSV in UTF-8: its Page."""
    with _opened(file) as archive:
        found, epoch = _pages(archive)
        wanted = [p for p in found if p.name == page] if page else [p for p in found if not p.hidden] or found
        if not wanted:
            raise Unreadable(_("The workbook has no sheet of that name."))
        formats = _formats(archive)
        with tempfile.TemporaryFile() as held:
            strings = _Strings(archive, held)
            for chosen in wanted:
                out.seek(0)
                out.truncate()
                text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
                try:
                    rows = _Sheet(archive, chosen, strings, formats, epoch).write(text)
                    text.flush()
                finally:
                    text.detach()
                if rows:
                    break
    out.seek(0)
    if not rows:
        raise Unreadable(_("The sheet is empty."))
    return chosen


# The package


@contextmanager
def _opened(file):
    _check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            for part in archive.infolist():
                if part.flag_bits & 1:
                    raise Unreadable(_("The file is protected by a password. Take it away, and choose the file again."))
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError, expat.ExpatError):
        raise Unreadable(_damaged()) from None


def _damaged():
    return _("The workbook is damaged. Open it in a spreadsheet, save it again, or save the sheet as “CSV UTF-8”.")


def _too_large():
    return _(
        "The workbook is very large once it is unpacked. Open it, save the sheet as “CSV UTF-8”, and choose that file."
    )


def _check_directory(file):
    """Before anything is unpacked: the list of parts is as short as that of a workbook."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - (1 << 16) - 22))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0:
        raise Unreadable(_damaged())
    if int.from_bytes(tail[end + 12 : end + 16], "little") > DIRECTORY:
        raise Unreadable(_too_large())
    file.seek(0)


def _blocks(archive, name):
    """A part of the package, unpacked piece by piece. What it says of its size is checked, and so is what it is."""
    info = archive.getinfo(name)
    trap = info.file_size > RATIO_FROM and info.file_size > RATIO * max(info.compress_size, 1)
    if info.file_size > UNPACKED or trap:
        raise Unreadable(_too_large())
    seen = 0
    with archive.open(info) as part:
        while block := part.read(BLOCK):
            seen += len(block)
            if seen > UNPACKED or (seen > RATIO_FROM and seen > RATIO * max(info.compress_size, 1)):
                raise Unreadable(_too_large())
            yield block


def _parse(archive, name, start, end=None, text=None):
    """Feed a part to handlers of its tags, without their prefixes. Definitions of entities are refused."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.buffer_size = 1 << 16

    def refuse(*_declaration):
        raise Unreadable(_damaged())

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    for block in _blocks(archive, name):
        parser.Parse(block, False)
    parser.Parse(b"", True)


def _plain(tag):
    return tag.rpartition(":")[2]


def _pages(archive):
    """([Page], the day that dates count from)."""
    workbook = next((n for n in archive.namelist() if re.fullmatch(r"xl/workbook\d*\.xml", n)), "xl/workbook.xml")
    folder, name = posixpath.split(workbook)
    targets, found, epoch = {}, [], WINDOWS_EPOCH

    def relation(tag, attributes):
        if _plain(tag) == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            target = attributes.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{folder}/{target}")
            targets[attributes.get("Id")] = path

    def sheet(tag, attributes):
        nonlocal epoch
        if _plain(tag) == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            epoch = MAC_EPOCH
        if _plain(tag) == "sheet":
            part = targets.get(next((v for k, v in attributes.items() if k.endswith(":id")), None))
            if part in parts:
                hidden = attributes.get("state", "visible") != "visible"
                found.append(Page(attributes.get("name", "")[:100], part, hidden))

    parts = set(archive.namelist())
    _parse(archive, f"{folder}/_rels/{name}.rels", relation)
    _parse(archive, workbook, sheet)
    if not found:
        raise Unreadable(_("The workbook has no sheet with a table."))
    return found[:200], epoch


def _formats(archive):
    """What each style makes of a number: "date", how many digits it shows at least ("00000" → 5), or None."""
    if "xl/styles.xml" not in archive.namelist():
        return []
    codes, styles, inside = dict(BUILTIN_FORMATS), [], False

    def start(tag, attributes):
        nonlocal inside
        tag = _plain(tag)
        if tag == "numFmt":
            codes[int(attributes.get("numFmtId", 0))] = attributes.get("formatCode", "")
        elif tag == "cellXfs":
            inside = True
        elif tag == "xf" and inside:
            styles.append(int(attributes.get("numFmtId", 0)))

    def end(tag):
        nonlocal inside
        inside = inside and _plain(tag) != "cellXfs"

    try:
        _parse(archive, "xl/styles.xml", start, end)
    except ValueError:
        raise Unreadable(_damaged()) from None
    return [_format(codes.get(number, "")) for number in styles]


def _format(code):
    first = code.split(";")[0]
    if re.fullmatch(r"0{2,15}", first):
        return len(first)
    return "date" if is_date_format(code) else None


class _Strings:
    """The texts that cells share, on disk: a workbook of a million people has millions of them."""

    def __init__(self, archive, held):
        self.file = held.fileno()
        self.ends = array.array("Q", [0])
        if "xl/sharedStrings.xml" in archive.namelist():
            self._write(archive, held)
        self.at = functools.lru_cache(maxsize=20_000)(self._at)

    def _write(self, archive, held):
        parts, size, inside, spoken, ends, place = [], 0, False, False, self.ends, 0

        def start(tag, _attributes):
            nonlocal inside, spoken
            tag = _plain(tag)
            if tag == "t":
                inside = not spoken
            elif tag == "rPh":
                spoken = True  # how a text is pronounced, in Japanese workbooks

        def end(tag):
            nonlocal inside, spoken, size, place
            tag = _plain(tag)
            if tag == "t":
                inside = False
            elif tag == "rPh":
                spoken = False
            elif tag == "si":
                place += held.write("".join(parts).encode())
                ends.append(place)
                parts.clear()
                size = 0
                if len(ends) > TEXTS:
                    raise Unreadable(_too_large())

        def text(piece):
            nonlocal size
            if inside:
                size += len(piece)
                if size > csv.field_size_limit():
                    raise Unreadable(
                        _(
                            "A cell of the workbook holds more than %(most)s characters. Shorten it, and choose the "
                            "file again."
                        )
                        % {"most": f"{csv.field_size_limit():,}"}
                    )
                parts.append(piece)

        _parse(archive, "xl/sharedStrings.xml", start, end, text)
        held.flush()

    def _at(self, number):
        if not 0 <= number < len(self.ends) - 1:
            return ""
        start, end = self.ends[number], self.ends[number + 1]
        return _readable(os.pread(self.file, end - start, start).decode())


def _readable(text):
    return unescape(text) if "_x" in text else text


_LETTERS = re.compile(r"[A-Z]+")


@functools.lru_cache(maxsize=2000)
def _column(letters):
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


class _Sheet:
    """One sheet, row by row. What it says of its own size is not believed."""

    def __init__(self, archive, page, strings, formats, epoch):
        self.archive, self.page, self.strings, self.formats, self.epoch = archive, page, strings, formats, epoch

    def write(self, out):
        """Write the rows as CSV; returns how many hold something. A row stands on the line of its number."""
        writer = csv.writer(out, lineterminator="\r\n")
        most, limit = csv.field_size_limit(), COLUMNS
        row, cells, column, kind, style, formula = 0, [], -1, "n", 0, False
        parts, size, inside, written, full = [], 0, False, 0, 0
        value_of = self._value

        def start(tag, attributes):
            nonlocal row, column, kind, style, formula, inside, size
            if ":" in tag:
                tag = _plain(tag)
            if tag == "c":
                place = attributes.get("r")
                found = _LETTERS.match(place) if place else None
                column = _column(found[0]) if found else column + 1
                kind, style, formula = attributes.get("t", "n"), attributes.get("s", "0"), False
                if parts:
                    parts.clear()
                size = 0
            elif tag == "v" or tag == "t":
                inside = True
            elif tag == "f":
                formula = True
            elif tag == "row":
                place = attributes.get("r")
                row = max(row + 1, int(place)) if place and place.isdecimal() else row + 1
                if row > ROWS:
                    raise Unreadable(_damaged())
                column = -1
                cells.clear()

        def end(tag):
            nonlocal inside, written, full
            if ":" in tag:
                tag = _plain(tag)
            if tag == "v" or tag == "t":
                inside = False
            elif tag == "c":
                if parts:
                    value = value_of("".join(parts), kind, style)
                elif formula:
                    value = NO_VALUE
                else:
                    return
                if value and column < limit:
                    cells.extend([""] * (column - len(cells)))
                    if column < len(cells):
                        cells[column] = value
                    else:
                        cells.append(value)
            elif tag == "row" and cells:
                if row - written > 1:
                    out.write("\r\n" * (row - written - 1))
                writer.writerow(cells)
                written = row
                full += 1

        def text(piece):
            nonlocal size
            if inside:
                size += len(piece)
                if size > most:
                    raise Unreadable(too_long(row))
                parts.append(piece)

        try:
            _parse(self.archive, self.page.part, start, end, text)
        except ValueError:
            raise Unreadable(_damaged()) from None
        return full

    def _value(self, text, kind, style):
        if kind == "s":
            return self.strings.at(int(text))
        if kind == "n":
            if text.isdecimal() and style == "0":
                return text
            style = self.formats[int(style)] if style.isdecimal() and int(style) < len(self.formats) else None
            return _number(text, style, self.epoch)
        if kind == "b":
            return "true" if text == "1" else "false"
        return _readable(text)  # a text of its own, a formula's text, an error, a date as ISO writes it


def _number(text, style, epoch):
    """A number as people wrote it: 6175550100.0 is a phone, 2138 under "00000" a ZIP code, 45000 may be a day."""
    try:
        number = float(text)
        if style == "date":
            moment = from_excel(number, epoch)
            written = (
                moment.isoformat(sep=" ", timespec="seconds")
                if hasattr(moment, "hour") and hasattr(moment, "year")
                else moment.isoformat()
            )
            return written.removesuffix(" 00:00:00")
    except (ValueError, OverflowError, TypeError, AttributeError):
        return text
    if not number.is_integer() or abs(number) >= 1e15:
        return format(number, ".15g")
    return str(int(number)).zfill(style or 0)
