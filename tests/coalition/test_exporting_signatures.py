"""Who signed, as a file: for the press and for the addressee, on record with a reason, persons only where printed."""

import csv
import io

import openpyxl
import pytest
from django.urls import reverse

from coalition import accounts
from coalition.accounts import Role
from coalition.models import AuditLine, Export
from tests import factories
from tests.pango import needs_pango

from .signons import Choice, asked, sign


@pytest.fixture
def organizer(client, installation):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(client.user)
    return client


def take(client, publication, columns, audience="addressee", **more):
    address = reverse("exports:signatures", args=[publication.current_version.pk]) + f"?for={audience}"
    return client.post(address, {"kind": "csv", "columns": columns, "reason": "For the hearing"} | more)


def rows(response):
    return list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


@pytest.fixture
def signed(round_):
    """Two signatures, of which one looks like a formula; and an answer that is no signature."""
    sign(
        asked(round_, name="La Casa", scope="local", city="Holyoke", printed_name={"en": "The House", "es": "La Casa"})
    )
    sign(asked(round_, name="=cmd|' /C calc'!A0", scope="national"))
    sign(asked(round_, name="Quiet One"), Choice.SUPPORT)


def test_the_list_leaves_by_scope_in_every_language_and_runs_no_formula(organizer, publication, signed):
    file = take(organizer, publication, ["scope", "name_en", "name_es", "city"])
    assert rows(file) == [
        ["Scope", "Name (English)", "Name (Spanish)", "City"],
        ["National", "'=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0", ""],
        ["Local", "The House", "La Casa", "Holyoke"],
    ]
    export = Export.objects.get()
    assert (export.subject, export.rows, export.reason, export.by) == (
        "signatures",
        2,
        "For the hearing",
        organizer.user,
    )
    line = AuditLine.objects.get(action=AuditLine.Action.EXPORT)
    assert (line.why, line.details["what"]) == ("For the hearing", "signatures")
    assert "2 signatures" in organizer.get(reverse("exports:index")).text


def test_a_workbook_holds_the_same(organizer, publication, signed):
    file = take(organizer, publication, ["name_en"], kind="xlsx")
    book = openpyxl.load_workbook(io.BytesIO(b"".join(file.streaming_content)))
    assert [cell.value for cell in book.active["A"]] == ["Name (English)", "'=cmd|' /C calc'!A0", "The House"]
    book.close()


def test_G8_who_signed_has_a_column_only_where_the_publication_prints_it(organizer, publication, signed):
    refused = take(organizer, publication, ["name_en", "signer"])
    assert refused.status_code == 200
    assert not Export.objects.exists()
    publication.prints_signers = True
    publication.save()
    assert rows(take(organizer, publication, ["signer", "title"]))[1] == ["Carmen Iris Maldonado", "Director"]


def test_nothing_leaves_without_a_reason(organizer, publication, signed):
    page = take(organizer, publication, ["name_en"], reason="")
    assert "Say why: it stands in the record." in page.content.decode()
    assert not Export.objects.exists()


@needs_pango
def test_the_press_gets_a_pdf_of_the_names(organizer, publication, signed):
    file = take(organizer, publication, ["name_en"], audience="press", kind="pdf-es")
    assert (file["Content-Type"], file.content[:5]) == ("application/pdf", b"%PDF-")
    export = Export.objects.get()
    assert (export.kind, export.columns, export.rows) == ("pdf", ["scope", "name_es"], 2)
    assert take(organizer, publication, ["name_en"], kind="pdf-es").status_code == 200
    assert Export.objects.count() == 1


def test_an_unsigned_version_has_nothing_to_export(organizer, publication):
    page = organizer.get(reverse("exports:signatures", args=[publication.current_version.pk]))
    assert "Nobody has signed this version yet." in page.text


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ANALYST])
def test_files_are_for_organizers(client, publication, signed, role):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    take(client, publication, ["name_en"])
    assert not Export.objects.exists()
