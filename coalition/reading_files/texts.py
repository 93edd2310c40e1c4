"""Files of text: what their letters are written in, what stands between their cells, and their rows."""

import codecs
import csv
import io
import re
from contextlib import contextmanager

from django.utils.translation import gettext as _

from .refusals import Unreadable

BLOCK = 1 << 20
DELIMITERS = ",;\t|"
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"RIFF")
WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|table|\?xml|script|div|meta)", re.IGNORECASE)
CONTROL = re.compile("[\x01-\x08\x0e-\x19\x1b-\x1f]")  # no text holds these; a last Ctrl-Z is DOS's mark of an end


@contextmanager
def reading(file, encoding):
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


def records(file, encoding, delimiter):
    """(row number as a spreadsheet shows it, cells) of every row that is not blank."""
    with reading(file, encoding) as text:
        reader = csv.reader(text, delimiter=delimiter)
        number = 0
        try:
            for number, cells in enumerate(reader, 1):
                if number == 1 and cells and cells[0].lower().startswith("sep="):
                    continue  # Excel's note to itself
                if any(cell and not cell.isspace() for cell in cells):
                    yield number, cells
        except csv.Error as error:
            if "field larger" in str(error):
                raise Unreadable(too_long(number + 1)) from None
            raise Unreadable(
                _("Row %(row)d cannot be read. Export the file again as CSV.") % {"row": number + 1}
            ) from None
        except UnicodeError:
            raise Unreadable(_("The letters of the file cannot be read that way. Choose another encoding.")) from None


def too_long(row):
    return _(
        "Row %(row)d has a cell of more than %(most)s characters. Often a quotation mark is missing in that row."
    ) % {"row": row, "most": f"{csv.field_size_limit():,}"}


def refuse_other_kinds(head):
    """Raise Unreadable for the beginning of what is no table at all."""
    if not head.strip():
        raise Unreadable(_("The file is empty."))
    if head.startswith(b"%PDF"):
        raise Unreadable(_("This is a PDF, not a CSV file. Export the list as CSV from the system it comes from."))
    if head.startswith(PICTURES):
        raise Unreadable(_("This is a picture, not a CSV file. Export the list as CSV from the system it comes from."))
    if head.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")):
        raise Unreadable(_("This is a packed file. Unpack it, and choose the list that is inside."))
    if head.startswith(b"{\\rtf"):
        raise Unreadable(_("This is a text document, not a CSV file. Export the list as CSV from where it comes from."))
    if head.startswith(b"BEGIN:VCARD"):
        raise Unreadable(_("This is an address book (vCard). Export the list as CSV instead."))
    if WEB_PAGE.match(head):
        raise Unreadable(
            _(
                "This is a web page, not a CSV file. Perhaps the export asked you to sign in: sign in there, and "
                "download the list again."
            )
        )


def find_encoding(file):
    """What the letters of a file are written in; the whole file follows it."""
    file.seek(0)
    head = file.read(4096)
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return checked(file, name)
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) / 4 and not even:
        return checked(file, "utf-16-le")
    if even > len(head) / 4 and not odd:
        return checked(file, "utf-16-be")
    for encoding in ("utf-8", "cp1252"):
        try:
            return checked(file, encoding)
        except UnicodeDecodeError:
            pass
    return checked(file, "mac-roman")  # what Excel writes on a Mac; its bytes that Windows does not have say so


def checked(file, encoding):
    """The encoding, once the whole file was seen to follow it. Raises UnicodeDecodeError, or Unreadable."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    while block := file.read(BLOCK):
        text = decoder.decode(block)
        if "\x00" in text:
            raise Unreadable(
                _(
                    "The file holds characters that no text has (NUL). It may be damaged: export it again, "
                    "or open it in a spreadsheet and save it as “CSV UTF-8”."
                )
            )
        if CONTROL.search(text):
            raise Unreadable(
                _("The letters of the file cannot be read. Open it in a spreadsheet and save it as “CSV UTF-8”.")
            )
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if encoding in ("utf-8", "cp1252"):
            raise
        raise Unreadable(
            _("The file ends in the middle of a letter: it was cut off. Download or export it again.")
        ) from None
    return encoding


def find_delimiter(file, encoding):
    """What stands between cells: whatever splits the first rows into the most columns, and into equally many."""
    with reading(file, encoding) as text:
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
                if len(widths) == 60:
                    break
        except csv.Error:
            if not widths:
                continue
        if not widths:
            continue
        if len(widths) > 1 and len(head) == 1 << 16:
            widths.pop()  # the last row may be cut
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        score = usual * widths.count(usual) / len(widths)
        if usual > 1 and score > most:
            best, most = delimiter, score
    return best
