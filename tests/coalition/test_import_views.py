"""The path of an import in the back office: file, columns, preview, confirmation, progress, report."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coalition import accounts, importing, reading_people
from coalition.accounts import Role
from coalition.models import Import, Person
from tests import factories
from tests.coalition.test_importing import NATIONBUILDER, nationbuilder, private_files  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def organizer(client):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER)
    client.force_login(client.user)
    return client


def send(client, content, name="people.csv"):
    return client.post(reverse("imports:add"), {"file": SimpleUploadedFile(name, content, content_type="text/csv")})


def choices(batch, **changed):
    """What the form of the columns holds as it is shown, with changes."""
    with batch.file.open("rb") as file:
        header = reading_people.header_of(batch, file)
    columns = {f"column_{number}": batch.mapping.get(name, "") for number, name in enumerate(header)}
    chosen = {
        "language": "en",
        "existing": "fill",
        "match": ["email", "phone"],
        "everybody": batch.options["everybody"],
    }
    return chosen | columns | changed


def test_the_whole_path(organizer, django_capture_on_commit_callbacks):
    rows = [nationbuilder(1), nationbuilder(2, email="=HYPERLINK(1)"), nationbuilder(3, email_opt_in="false"), "a,b"]
    response = send(organizer, "\n".join([NATIONBUILDER, *rows]).encode())
    batch = Import.objects.get()
    assert response.url == reverse("imports:columns", args=[batch.pk])
    page = organizer.get(response.url)
    assert "This is a file of NationBuilder with 4 rows." in page.content.decode()
    form = page.context["form"]
    assert [form["email_consent"].value(), form["text_consent"].value()] == ["", ""]  # S1: nothing is ticked beforehand

    columns = reverse("imports:columns", args=[batch.pk])
    refused = organizer.post(columns, choices(batch, email_consent="column"))
    assert "Enter the words that people saw when they agreed." in refused.content.decode()
    wording = {"email_consent": "column", "email_wording": "Yes, write to me.", "tags": "Spring"}
    response = organizer.post(columns, choices(batch, **wording))
    assert response.url == reverse("imports:preview", args=[batch.pk])

    response = organizer.get(response.url)
    assert response.context["preview"].counts == {"new": 3, "changed": 0, "unchanged": 0, "duplicate": 0, "refused": 1}
    assert not Person.objects.exists()

    with django_capture_on_commit_callbacks():
        response = organizer.post(reverse("imports:start", args=[batch.pk]))
    page = response.url
    assert 'hx-trigger="every 1s"' in organizer.get(page).content.decode()
    assert "0 of 4" in organizer.get(reverse("imports:progress", args=[batch.pk])).content.decode()
    importing.run(batch)
    assert organizer.get(reverse("imports:progress", args=[batch.pk])).headers["HX-Refresh"] == "true"

    html = organizer.get(page).content.decode()
    assert "The row has more or fewer cells than there are columns" in html
    assert "Yes, write to me." in html
    assert Person.objects.count() == 3

    report = organizer.get(reverse("imports:report", args=[batch.pk]))
    lines = list(csv.reader(io.StringIO(b"".join(report.streaming_content).decode("utf-8-sig"))))
    assert lines[0][:5] == ["Row", "What became of it", "What was wrong", "nationbuilder_id", "first_name"]
    assert [line[:2] for line in lines[1:]] == [["3", "New"], ["5", "Refused"]]
    assert lines[1][lines[0].index("email")] == "'=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b"email,name\n", "a row of column names and nothing below it"),
        (b"<html><body>Sign in</body></html>", "This is a web page, not a CSV file."),
        (b"\x89PNG\r\n\x1a\n", "This is a picture, not a CSV file."),
        (b"email,name\na@x.org,\x00\n", "characters that no text has"),
        (b"email,name\na@x.org," + b"x" * 200_000, "Row 2 has a cell of more than"),
    ],
)
def test_a_bad_file_is_refused_on_its_page_and_nothing_is_kept(organizer, content, said):
    response = send(organizer, content)
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not Import.objects.exists()


def test_no_file_at_all(organizer):
    assert "Choose a file." in organizer.post(reverse("imports:add")).content.decode()


def test_a_file_without_a_usable_column_says_what_to_choose(organizer):
    send(organizer, b"shoe size,colour\n9,red\n")
    batch = Import.objects.get()
    response = organizer.post(reverse("imports:columns", args=[batch.pk]), choices(batch))
    assert "Choose the column that says who each person is" in response.content.decode()
    assert organizer.get(reverse("imports:preview", args=[batch.pk])).url == reverse("imports:columns", args=[batch.pk])
    organizer.post(reverse("imports:start", args=[batch.pk]))
    batch.refresh_from_db()
    assert batch.state == "uploaded"


def test_a_file_can_be_thrown_away_and_a_settled_one_is_not_changed(organizer):
    send(organizer, b"email\na@x.example.org\n")
    batch = Import.objects.get()
    organizer.post(reverse("imports:cancel", args=[batch.pk]))
    batch.refresh_from_db()
    assert batch.state == "cancelled"
    for step in ("columns", "preview"):
        assert organizer.get(reverse(f"imports:{step}", args=[batch.pk])).url == reverse(
            "imports:inspect", args=[batch.pk]
        )
    organizer.post(reverse("imports:start", args=[batch.pk]))
    batch.refresh_from_db()
    assert batch.state == "cancelled"
    assert "Cancelled after 0 of 1 rows" in organizer.get(reverse("imports:inspect", args=[batch.pk])).content.decode()


def test_the_list_takes_as_many_queries_for_one_import_as_for_thirty(organizer, django_assert_num_queries):
    def add():
        Import.objects.create(name="people.csv", rows=3, created_by=organizer.user)

    add()
    organizer.get(reverse("imports:index"))
    with CaptureQueriesContext(connection) as one:
        organizer.get(reverse("imports:index"))
    for _number in range(29):
        add()
    with django_assert_num_queries(len(one)):
        organizer.get(reverse("imports:index"))


@pytest.mark.parametrize("role", [Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_who_may_not_import_sees_no_row_of_any_file(client, role):
    batch = Import.objects.create(name="secret-people.csv", rows=1, mapping={"email": "email"})
    batch.results.create(line=2, outcome="refused", reason="bad_email", data={"row": [["email", "zoraida at x"]]})
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    for step in ("inspect", "columns", "preview", "progress", "report"):
        response = client.get(reverse(f"imports:{step}", args=[batch.pk]), follow=True)
        assert "zoraida" not in response.content.decode()
    for step in ("start", "cancel"):
        client.post(reverse(f"imports:{step}", args=[batch.pk]))
    batch.refresh_from_db()
    assert batch.state == "uploaded"
