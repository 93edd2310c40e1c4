"""Files for spreadsheets: no cell runs as a formula, and the reader's language lasts until the last line."""

import io

import openpyxl
import pytest
from django.utils.translation import gettext as _
from django.utils.translation import override
from openpyxl.worksheet._writer import ALL_TEMP_FILES

from coalition.spreadsheets import csv_response, csv_stream, harmless, xlsx_response


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "  =1", "\n=1"])
def test_what_a_spreadsheet_would_run_is_marked_as_text(cell):
    assert harmless(cell) == f"'{cell}"


def test_other_cells_stay_as_they_are():
    assert [harmless(cell) for cell in ("Ana", 12, None, "a=b", "")] == ["Ana", "12", "", "a=b", ""]


@pytest.mark.parametrize("download", [csv_response, csv_stream])
def test_every_line_is_in_the_language_of_whoever_asked(download):
    with override("es"):
        response = download("people.csv", [_("Name")], ([_("Language")] for _number in range(2)))
    with override("en"):
        assert response.getvalue().decode() == "\ufeffNombre\r\nIdioma\r\nIdioma\r\n"
    assert response["Content-Disposition"] == 'attachment; filename="people.csv"'


def test_a_workbook_of_many_rows_keeps_numbers_and_comes_with_its_length():
    response = xlsx_response("n.xlsx", "Pe/ople", ["n", "said"], ([n, f"row {n}"] for n in range(2_000)))
    data = response.getvalue()
    response.file_to_stream.close()
    assert int(response["Content-Length"]) == len(data)
    assert response["Content-Disposition"] == 'attachment; filename="n.xlsx"'
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["Pe ople"]
    assert list(book.active.values) == [("n", "said"), *((n, f"row {n}") for n in range(2_000))]


def test_what_no_workbook_can_hold_is_left_out_and_long_texts_end():
    cells = ["a\x00b\x1fc\ufffed\uffff", "x" * 40_000, "=1+1", "", None]
    response = xlsx_response("n.xlsx", "N", ["n"] * 5, [cells])
    book = openpyxl.load_workbook(io.BytesIO(response.getvalue()))
    response.file_to_stream.close()
    assert list(book.active.values)[1] == ("abcd", "x" * 32_767, "'=1+1", None, None)


def test_rows_that_break_off_leave_nothing_on_disk():
    def rows():
        yield ["Ana"]
        raise ConnectionError

    held = list(ALL_TEMP_FILES)
    with pytest.raises(ConnectionError):
        xlsx_response("n.xlsx", "N", ["n"], rows())
    assert held == ALL_TEMP_FILES
