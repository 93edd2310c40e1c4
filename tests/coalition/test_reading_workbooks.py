"""Workbooks: what stands in their cells comes out as people see it, and what is a trap is refused."""

import datetime
import io
import tempfile
import tracemalloc
import zipfile

import pytest
from django.core.files.base import ContentFile
from openpyxl import Workbook

from coalition import preparing, reading_files
from coalition.models import Import
from coalition.reading_files import Unreadable, workbooks
from tests.coalition.test_importing import private_files  # noqa: F401


def saved(workbook):
    file = io.BytesIO()
    workbook.save(file)
    file.seek(0)
    return file


def written_out(file, page=""):
    out = io.BytesIO()
    assert reading_files.is_workbook(file)
    chosen = workbooks.write_out(file, out, page=page)
    return chosen, out.getvalue().decode().split("\r\n")[:-1]


@pytest.fixture
def people():
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "People"
    sheet.append(["Name", "Email", "Phone", "ZIP", "Joined", "Yes", "Age"])
    sheet.append(["Zoë Núñez", "zoe@x.org", 6175550100.0, 2138, datetime.date(2026, 5, 4), True, 41.5])
    sheet["D2"].number_format = "00000"
    sheet.append(["أحمد 👩‍👧", "a@x.org", "413-555-0101", "01103", datetime.datetime(2026, 5, 4, 15, 30), False, None])
    return workbook


def test_cells_come_out_as_people_see_them(people):
    chosen, lines = written_out(saved(people))
    assert chosen.name == "People"
    assert lines == [
        "Name,Email,Phone,ZIP,Joined,Yes,Age",
        "Zoë Núñez,zoe@x.org,6175550100,02138,2026-05-04,true,41.5",
        "أحمد 👩‍👧,a@x.org,413-555-0101,01103,2026-05-04 15:30:00,false",
    ]


def test_rows_keep_their_numbers_and_formulas_are_never_run(people):
    sheet = people.active
    sheet["A6"], sheet["B6"] = "Ana", '=HYPERLINK("http://evil.example.org","click")'
    _chosen, lines = written_out(saved(people))
    assert lines[3:] == ["", "", f"Ana,{workbooks.NO_VALUE}"]


def test_a_formula_gives_the_value_that_was_saved_with_it(people):
    sheet = people.active
    sheet["B3"] = "=1+1"
    file = saved(people)
    packed = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(packed, "w") as new:
        for part in old.namelist():
            content = old.read(part)
            if part == "xl/worksheets/sheet1.xml":
                content = content.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>")
                content = content.replace(b'<dimension ref="A1:G3"', b'<dimension ref="A1:A1"')  # a lie
            new.writestr(part, content)
    _chosen, lines = written_out(packed)
    assert lines[2].startswith("أحمد 👩‍👧,2,")


def test_the_first_visible_sheet_that_holds_something_is_taken_and_another_can_be_named(people):
    hidden = people.create_sheet("Old list", 0)
    hidden.append(["email"])
    hidden.sheet_state = "hidden"
    people.create_sheet("Empty", 1)
    other = people.create_sheet("Volunteers")
    other.append(["email"])
    other.append(["v@x.org"])
    file = saved(people)
    assert [(page.name, page.hidden) for page in workbooks.pages(file)] == [
        ("Old list", True),
        ("Empty", False),
        ("People", False),
        ("Volunteers", False),
    ]
    assert written_out(file)[0].name == "People"
    assert written_out(file, "Volunteers")[1] == ["email", "v@x.org"]
    with pytest.raises(Unreadable, match="The sheet is empty"):
        written_out(file, "Empty")
    with pytest.raises(Unreadable, match="no sheet of that name"):
        written_out(file, "Nowhere")


def packed(**parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(
                name.replace("__", "/").replace("_xml", ".xml").replace("Types.xml", "Types].xml"), content
            )
    return file


def changed(workbook, part, content):
    """A workbook with one part replaced, or added."""
    made = io.BytesIO()
    with zipfile.ZipFile(saved(workbook)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != part:
                new.writestr(name, old.read(name))
        with new.open(part, "w", force_zip64=False) as inside:
            for piece in content:
                inside.write(piece)
    return made.getvalue()


def bomb(people):
    """200 MB of nothing that pack into 200 kB."""
    return changed(people, "xl/worksheets/sheet1.xml", (b" " * (1 << 20) for _number in range(200)))


def locked(people):
    """A workbook whose parts say that they are encrypted, as packers with a password write them."""
    packed_up = bytearray(saved(people).getvalue())
    place = packed_up.index(b"PK\x01\x02") + 8
    packed_up[place] |= 1
    return bytes(packed_up)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600
LAUGHS = [b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha">]><worksheet><sheetData>&a;</sheetData></worksheet>']
LONG = [
    b"<worksheet><sheetData><row r='1'><c r='A1' t='inlineStr'><is><t>",
    b"x" * (2 << 20),
    b"</t></is></c></row></sheetData></worksheet>",
]
BAD = {
    "password": (lambda _p: OLE + "EncryptedPackage".encode("utf-16-le"), "The workbook is protected by a password."),
    "locked": (locked, "The file is protected by a password."),
    "old": (lambda _p: OLE, "This is an old Excel workbook (.xls)"),
    "huge": (bomb, "The workbook is very large once it is unpacked."),
    "entities": (lambda p: changed(p, "xl/worksheets/sheet1.xml", LAUGHS), "The workbook is damaged."),
    "long cell": (lambda p: changed(p, "xl/worksheets/sheet1.xml", LONG), "Row 1 has a cell of more than 131,072"),
    "broken": (lambda p: changed(p, "xl/worksheets/sheet1.xml", [b"<worksheet><row>"]), "The workbook is damaged."),
    "cut off": (lambda p: saved(p).getvalue()[:3000], "The workbook is damaged."),
    "binary": (lambda _p: packed(**{"xl__workbook.bin": b"x"}).getvalue(), "This is a binary workbook (.xlsb)."),
    "zip": (lambda _p: packed(**{"people.csv": b"email"}).getvalue(), "This is a packed file (ZIP), not a list."),
    "other": (lambda _p: packed(mimetype=b"application/x").getvalue(), "This is a spreadsheet of another program."),
    "empty": (lambda _p: saved(Workbook()).getvalue(), "The sheet is empty."),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_workbook_is_refused_in_a_sentence_and_nothing_is_kept(kind, people):
    make, said = BAD[kind]
    with pytest.raises(Unreadable) as refused:
        preparing.upload(ContentFile(make(people)), "people.xlsx")
    assert str(refused.value).startswith(said)
    assert not Import.objects.exists()


def test_a_long_workbook_is_written_out_with_bounded_memory(people):
    cells = "<c t='inlineStr'><is><t>%07d{}</t></is></c>".format("x" * 300)
    rows = (f"<row>{cells % number}</row>".encode() for number in range(30_000))
    content = (b"<worksheet><sheetData>", *rows, b"</sheetData></worksheet>")
    file = io.BytesIO(changed(people, "xl/worksheets/sheet1.xml", content))
    del content
    with tempfile.TemporaryFile() as out:
        tracemalloc.start()
        try:
            workbooks.write_out(file, out)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert sum(1 for _line in out) == 30_000
    assert peak < 3 << 20  # bytes; the sheet has 9 MB of text


@pytest.mark.django_db
def test_another_sheet_is_read_from_the_workbook_that_was_kept(people):
    other = people.create_sheet("Volunteers")
    other.append(["List of 2026"])
    other.append(["First name", "Email"])
    other.append(["Vera", "v@x.org"])
    batch = preparing.upload(ContentFile(saved(people).getvalue()), "people.xlsx")
    assert (batch.sheet, batch.rows, batch.mapping["Phone"]) == ("People", 2, "phone")
    storage, first = batch.file.storage, batch.file.name
    original = batch.options["file"]["original"]
    assert preparing.reread(batch, page="Volunteers")
    batch = Import.objects.get()
    assert (batch.sheet, batch.rows, batch.first_row) == ("Volunteers", 1, 2)
    assert batch.mapping == {"First name": "given_name", "Email": "email"}
    assert (batch.options["file"]["original"], storage.exists(batch.file.name)) == (original, True)
    assert batch.file.name != first
    assert sorted(preparing.originals(batch)) == sorted([batch.file.name, original])
