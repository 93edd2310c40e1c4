"""Files as other systems and people write them: each is read right, or refused in a sentence that says what to do."""

import io
import itertools
import resource

import pytest
from django.core.files.base import ContentFile

from coalition import layouts, preparing, reading_files
from coalition.models import Import, Person
from coalition.reading_files import Unreadable

ZOOM = [
    "Attendee Report",
    "Report Generated:,12/04/2026 09:10:00 AM",
    "Topic,Webinar ID,Actual Start Time,Actual Duration (minutes),# Registered",
    '"Vivienda digna, ahora",847 0000 1045,12/03/2026 06:01:12 PM,72,60',
    "Host Details",
    "Attended,User Name (Original Name),Email,Join Time,Leave Time,Time in Session (minutes),Is Guest",
    "Yes,Host Uno,host@example.org,12/03/2026 05:55:00 PM,12/03/2026 07:13:00 PM,78,No",
    "Attendee Details",
    "Attended,User Name (Original Name),First Name,Last Name,Email,Phone,Join Time,Leave Time,"
    "Time in Session (minutes)",
    "Yes,iPhone de Ana,Ana,Ruiz,Ana.1@Example.org,4135550101,12/03/2026 06:02:00 PM,12/03/2026 06:30:00 PM,28",
    "No,Ben Solís,Ben,Solís,ben@example.org,,--,--,--",
    "Yes,Ana R.,Ana,Ruiz,ana.1@example.org,4135550101,12/03/2026 06:35:00 PM,12/03/2026 07:10:00 PM,35",
    "Other Attended",
    "User Name,Join Time,Leave Time,Time in Session (minutes)",
    "14135550199,12/03/2026 06:02:00 PM,12/03/2026 06:30:00 PM,28",
]


def inspect(content, **said):
    file = io.BytesIO(content)
    return file, reading_files.inspect(file, knows=layouts.known, **said)


def rows_of(file, sheet):
    return list(reading_files.rows(file, sheet.encoding, sheet.delimiter, first_row=sheet.first_row))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1", "mac-roman"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_common_encoding_and_delimiter_is_found_or_can_be_said(encoding, delimiter):
    text = delimiter.join(["Nombre", "Correo electrónico", "Ciudad"]) + "\n"
    text += delimiter.join(["Zoë Núñez", "zoe@example.org", '"San Juan, PR"']) + "\n"
    said = {"encoding": encoding} if encoding == "mac-roman" else {}
    file, sheet = inspect(text.encode(encoding), **said)
    assert (sheet.delimiter, sheet.header, sheet.rows) == (delimiter, ["Nombre", "Correo electrónico", "Ciudad"], 1)
    assert rows_of(file, sheet) == [(2, ["Zoë Núñez", "zoe@example.org", "San Juan, PR"])]


def test_rows_keep_their_spreadsheet_numbers_and_newlines_inside_cells():
    file, sheet = inspect(b'sep=;\nemail;street\n\na@x.org;"1 Main\nApt 2"\n\nb@x.org;2 Main;;\n')
    assert rows_of(file, sheet) == [(4, ["a@x.org", "1 Main\nApt 2"]), (6, ["b@x.org", "2 Main", "", ""])]
    assert reading_files.trimmed(["b@x.org", "2 Main", "", ""], 2) == ["b@x.org", "2 Main"]


def test_emoji_and_names_from_right_to_left_are_kept():
    file, sheet = inspect("name,email\nأحمد علي,a@x.org\nAna 👩‍👧,b@x.org\n".encode())
    assert [cells[0] for _line, cells in rows_of(file, sheet)] == ["أحمد علي", "Ana 👩‍👧"]


@pytest.mark.parametrize(
    ("content", "header", "first_row", "lines"),
    [
        (b"email,name\na@x.org,Ana\n", ["email", "name"], 1, [2]),
        (b"email,name,Email,\na@x.org,Ana,b@x.org,x\n", ["email", "name", "Email (2)", "#4"], 1, [2]),
        (b"email,name,,,\na@x.org,Ana,,,\n", ["email", "name"], 1, [2]),
        (b"email,,name\na@x.org,x,Ana\n", ["email", "#2", "name"], 1, [2]),
        (b"ana@x.org,Ana\nben@x.org,Ben\n", ["#1", "#2"], 0, [1, 2]),
        (b"Members of 2026\n\nemail,name\na@x.org,Ana\nb@x.org,Ben\n", ["email", "name"], 3, [4, 5]),
        (b"email\na@x.org\nb@x.org\n", ["email"], 1, [2, 3]),
        (b"shoe size,colour\n9,red\n8,blue\n", ["shoe size", "colour"], 1, [2, 3]),
        (b"413-555-0100\n413-555-0101\n", ["#1"], 0, [1, 2]),
        ("\n".join(ZOOM).encode("utf-8-sig"), ZOOM[8].split(","), 9, [10, 11, 12]),
    ],
)
def test_the_row_of_names_is_found_and_the_table_ends_where_its_section_ends(content, header, first_row, lines):
    file, sheet = inspect(content)
    assert (sheet.header, sheet.first_row, sheet.rows) == (header, first_row, len(lines))
    assert [line for line, _cells in rows_of(file, sheet)] == lines
    assert reading_files.header(file, sheet.encoding, sheet.delimiter, first_row=sheet.first_row) == header


def test_names_that_stand_twice_are_numbered_and_said():
    _file, sheet = inspect(b"email,Email,,EMAIL,Visits (3)\na@x.org,b@x.org,x,c@x.org,1\n")
    assert sheet.header == ["email", "Email (2)", "#3", "EMAIL (3)", "Visits (3)"]
    assert (sheet.doubled, sheet.unnamed) == (["Email (2)", "EMAIL (3)"], 1)
    assert [reading_files.label_of(name) for name in sheet.header[1:3]] == ["Email (2)", "Column 3"]


def test_what_belongs_to_other_sections_is_counted_and_a_row_with_one_cell_is_no_section():
    _file, sheet = inspect("\n".join(ZOOM).encode())
    assert (len(sheet.above), sheet.below) == (8, 3)
    file, sheet = inspect(b"name,email,zip\nAna,a@x.org,01103\nBen,,\nCam,c@x.org,01103\n")
    assert [cells[0] for _line, cells in rows_of(file, sheet)] == ["Ana", "Ben", "Cam"]


def test_the_organizer_may_say_which_row_has_the_names():
    content = b"Our people\na@x.org,Ana\nemail,name\nb@x.org,Ben\n"
    file, sheet = inspect(content, first_row=3)
    assert (sheet.header, rows_of(file, sheet)) == (["email", "name"], [(4, ["b@x.org", "Ben"])])
    file, sheet = inspect(b"email,name\nb@x.org,Ben\n", first_row=0)
    assert (sheet.header, sheet.rows) == (["#1", "#2"], 2)
    with pytest.raises(Unreadable, match="There is nothing in row 9"):
        inspect(content, first_row=9)
    with pytest.raises(Unreadable, match="Choose another encoding"):
        inspect("name\nZoë\n".encode("cp1252"), encoding="utf-8")


BAD = [
    (b"", "The file is empty."),
    (b"\n \n,,\n", "The file is empty."),
    (b"\xef\xbb\xbf", "The file is empty."),
    (b"email,name\n", "The file has a row of column names and nothing below it."),
    (b"<!DOCTYPE html><html><body>Sign in</body></html>", "This is a web page, not a CSV file."),
    (b"\xef\xbb\xbf\n<table><tr><td>email</td></tr></table>", "This is a web page, not a CSV file."),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "This is a picture, not a CSV file."),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", "This is a picture, not a CSV file."),
    (b"%PDF-1.7\n", "This is a PDF, not a CSV file."),
    (b"\x1f\x8b\x08\x00", "This is a packed file."),
    (b"BEGIN:VCARD\nVERSION:3.0\n", "This is an address book (vCard)."),
    (b"email,name\na@x.org,A\x00na\n", "The file holds characters that no text has (NUL)."),
    (b"email,name\na@x.org,\x01\x02\xff\n", "The letters of the file cannot be read."),
    ("email,name\na@x.org,Ana\n".encode("utf-16-le")[:-1], "The file ends in the middle of a letter"),
    (b"name,email,zip\nAna,a@x.org\nBen,b@x.org\n", "Most rows do not have as many cells"),
    (b"email,name\na@x.org," + b"x" * (2 << 20) + b"\n", "Row 2 has a cell of more than 131,072 characters."),
    (b'email,name\na@x.org,"Ana\n' + b"b@x.org,Ben\n" * 20_000, "Row 2 has a cell of more than 131,072 characters."),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("content", "said"), BAD, ids=[said[:30] for _content, said in BAD])
def test_a_bad_file_is_refused_in_a_sentence_and_nothing_is_kept(content, said):
    with pytest.raises(Unreadable) as refused:
        preparing.upload(ContentFile(content), "people.csv")
    assert str(refused.value).startswith(said)
    assert not Import.objects.exists()
    assert not Person.objects.exists()


class Lines(io.RawIOBase):
    """A file that is made while it is read: never whole, neither in memory nor on disk."""

    def __init__(self, count):
        self.count, self.place = count, 0
        self.line = b"%07d,Ana,ana@example.org\n"
        self.size = len(self.line % 0)

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        self.place = offset if whence == 0 else self.count * self.size + offset
        return self.place

    def tell(self):
        return self.place

    def readinto(self, buffer):
        first, skip = divmod(self.place, self.size)
        wanted = len(buffer) // self.size + 2
        numbers = range(first, min(self.count, first + wanted))
        text = b"".join(
            self.line % number if number else b"number_,who,email__________\n"[: self.size] for number in numbers
        )
        piece = text[skip : skip + len(buffer)]
        buffer[: len(piece)] = piece
        self.place += len(piece)
        return len(piece)


def test_a_long_file_is_read_with_bounded_memory():
    inspect(b"email,name\na@x.org,Ana\n")  # what reading needs once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    file = io.BufferedReader(Lines(300_000))
    sheet = reading_files.inspect(file)
    assert (sheet.rows, sheet.header[0]) == (299_999, "number_")
    last = next(itertools.islice(reading_files.rows(file, sheet.encoding, ","), 299_998, None))
    assert last == (300_000, ["0299999", "Ana", "ana@example.org"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # kB; the file has 8 MB
