"""Before an import starts: what is kept of the file, and columns that are remembered for the next one like it."""

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from openpyxl import Workbook

from coalition import importing, preparing
from coalition.models import Import, Person, SavedMapping
from coalition.reading_files import Unreadable
from tests import factories
from tests.coalition.test_importing import private_files  # noqa: F401
from tests.coalition.test_layouts import MAILCHIMP
from tests.coalition.test_reading_files import ZOOM
from tests.coalition.test_reading_workbooks import saved

pytestmark = pytest.mark.django_db


def upload(text, name="people.csv"):
    return preparing.upload(ContentFile(text.encode()), name)


def test_what_is_found_out_about_a_file_is_kept_with_it():
    batch = Import.objects.get(pk=upload("\n".join(ZOOM)).pk)
    assert (batch.layout, batch.first_row, batch.rows) == ("zoom", 9, 3)
    assert batch.options["about"]["topic"] == "Vivienda digna, ahora"
    assert (batch.options["file"]["above"], batch.options["file"]["below"]) == (8, 3)
    batch = upload(MAILCHIMP + "\na@x.org" + "," * MAILCHIMP.count(","))
    assert (batch.options["everybody"], batch.options["match"]) == ("left_email", preparing.MATCH)


def test_a_file_may_be_read_in_another_way_until_it_is_confirmed():
    batch = preparing.upload(ContentFile("name,email\nJosé,a@x.org\n".encode("mac-roman")), "people.csv")
    assert batch.encoding == "cp1252"
    assert preparing.reread(batch, encoding="mac-roman", delimiter=",", first_row=1)
    assert (batch.encoding, batch.mapping) == ("mac-roman", {"name": "name", "email": "email"})
    with pytest.raises(Unreadable):
        preparing.reread(batch, encoding="utf-8")
    batch.refresh_from_db()
    assert batch.encoding == "mac-roman"
    importing.start(batch)
    assert preparing.reread(batch, first_row=0) is False
    batch.refresh_from_db()
    assert batch.first_row == 1


def test_a_long_name_is_shortened_in_the_middle_and_loses_its_path():
    assert upload("email\na@x.org\n", "C:\\Users\\ana\\people.csv").name == "people.csv"
    name = upload("email\na@x.org\n", "x" * 300 + "-2026.csv").name
    assert (len(name), name[-9:], name[70]) == (150, "-2026.csv", "…")


def test_columns_are_remembered_and_used_by_themselves_for_the_same_columns_only():
    batch = upload("Who,Reach,Shoe\nAna,a@x.org,9\n")
    preparing.describe_columns(
        batch,
        mapping={"Who": "name", "Reach": "email", "Shoe": "city"},
        options=batch.options | {"tags": ["Spring"], "email_consent": "attest", "email_wording": "Yes!"},
    )
    batch.refresh_from_db()
    by = factories.UserFactory()
    preparing.remember(batch, "  Our   list ", by=by)
    again = upload("Shoe,REACH,Who\n9,b@x.org,Ben\n")
    assert again.mapping == {"Shoe": "city", "REACH": "email", "Who": "name"}
    assert (again.options["tags"], again.options["saved"]) == (["Spring"], "Our list")
    assert not {"email_consent", "email_wording"} & again.options.keys()  # S1: nothing that means consent
    other = upload("Shoe,Reach\n9,b@x.org\n")
    assert (other.mapping["Shoe"], other.options["saved"]) == ("", "")
    preparing.apply(other, SavedMapping.objects.get())
    assert other.mapping == {"Shoe": "city", "Reach": "email"}


def test_a_remembered_field_that_is_gone_is_suggested_anew():
    SavedMapping.objects.create(
        name="Old", columns=["email", "shoe"], mapping={"email": "email", "shoe": "custom:gone"}
    )
    assert upload("Email,Shoe\na@x.org,9\n").mapping == {"Email": "email", "Shoe": ""}


def test_saved_columns_are_renamed_replaced_and_forgotten():
    batch = upload("email\na@x.org\n")
    first = preparing.remember(batch, "One")
    assert preparing.remember(batch, "One").pk == first.pk
    preparing.remember(batch, "Two")
    with pytest.raises(ValidationError):
        preparing.rename(first, "Two")
    with pytest.raises(ValidationError):
        preparing.rename(first, "  ")
    preparing.rename(first, "Three")
    preparing.forget(first)
    assert list(SavedMapping.objects.values_list("name", flat=True)) == ["Two"]


def test_the_workbook_and_the_text_of_an_import_both_go(django_capture_on_commit_callbacks):
    workbook = Workbook()
    workbook.active.append(["Email"])
    workbook.active.append(["a@x.org"])
    batch = preparing.upload(ContentFile(saved(workbook).getvalue()), "people.xlsx")
    names, storage = preparing.originals(batch), batch.file.storage
    assert [storage.exists(name) for name in names] == [True, True]
    with django_capture_on_commit_callbacks(execute=True):
        importing.cancel(batch)
    assert [storage.exists(name) for name in names] == [False, False]
    assert not Person.objects.exists()
