"""Files for spreadsheets: no cell runs as a formula, and the reader's language lasts until the last line."""

import pytest
from django.utils.translation import gettext as _
from django.utils.translation import override

from coalition.spreadsheets import csv_response, csv_stream, harmless


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
