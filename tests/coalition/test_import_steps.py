"""What the pages of an import let people correct, remember, follow and take back."""

import re
import time
from datetime import timedelta
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from coalition import accounts, importing, preparing
from coalition.accounts import Role
from coalition.models import Entry, Import, Person, SavedMapping
from tests import factories
from tests.coalition.test_import_views import choices, organizer, send  # noqa: F401
from tests.coalition.test_importing import NATIONBUILDER, nationbuilder, private_files  # noqa: F401
from tests.coalition.test_layouts import MAILCHIMP
from tests.coalition.test_reading_files import BAD, ZOOM

pytestmark = pytest.mark.django_db


def page_of(step, batch):
    return reverse(f"imports:{step}", args=[batch.pk])


def bring_in(client, batch, **changed):
    assert client.post(page_of("columns", batch), choices(batch, **changed)).url == page_of("preview", batch)
    client.post(page_of("start", batch))
    importing.run(batch)
    batch.refresh_from_db()
    assert batch.state == "done"


@pytest.mark.parametrize(("content", "said"), BAD, ids=[said[:30] for _content, said in BAD])
def test_a_bad_file_is_refused_beside_the_button(organizer, content, said):  # noqa: F811
    response = send(organizer, content)
    assert response.status_code == 200
    assert said in unescape(response.content.decode())
    assert not Import.objects.exists()
    with override("es"):
        refused = send(organizer, content)
    assert refused.status_code == 200


def test_how_a_file_is_read_is_shown_and_can_be_corrected(organizer):  # noqa: F811
    send(organizer, "Members;2026\nname;email\nJosé;a@x.org\nZoë;b@x.org\n".encode("mac-roman"))
    batch = Import.objects.get()
    html = organizer.get(page_of("columns", batch)).content.decode()
    assert "names of the columns in row 2" in html
    assert "Row 1: Members · 2026" in html
    said = {"encoding": "mac-roman", "delimiter": ";", "first_row": "2"}
    assert organizer.post(page_of("reading", batch), said).url == page_of("columns", batch)
    batch.refresh_from_db()
    assert (batch.encoding, batch.rows) == ("mac-roman", 2)
    assert "Zoë" in organizer.get(page_of("columns", batch)).content.decode()
    organizer.post(page_of("reading", batch), said | {"first_row": "0"})
    batch.refresh_from_db()
    assert (batch.first_row, batch.mapping) == (0, {"#1": "", "#2": ""})
    html = organizer.get(page_of("columns", batch)).content.decode()
    assert "Column 2" in html
    refused = organizer.post(page_of("reading", batch), said | {"encoding": "utf-8"})
    assert "cannot be read that way" in refused.content.decode()
    assert organizer.post(page_of("reading", batch), said | {"first_row": "900"}).status_code == 200
    assert organizer.get(page_of("reading", batch)).status_code == 405


def test_what_was_done_with_names_and_sections_is_said(organizer):  # noqa: F811
    send(organizer, "\n".join(ZOOM).encode())
    html = organizer.get(page_of("columns", Import.objects.get())).content.decode()
    assert "This is a file of Zoom with 3 rows." in html
    assert "3 rows below the table belong to other parts of the file" in html
    assert "Vivienda digna, ahora" in html
    Import.objects.all().delete()
    send(organizer, b"email,Email,\na@x.org,b@x.org,x\n")
    html = organizer.get(page_of("columns", Import.objects.get())).content.decode()
    assert "They are numbered now, and all are kept: “Email (2)”" in html
    assert "One column has no name" in html


def test_columns_are_remembered_at_the_confirmation_and_offered_again(organizer):  # noqa: F811
    send(organizer, b"Who,Reach\nAna,a@x.org\n")
    batch = Import.objects.get()
    organizer.post(page_of("columns", batch), choices(batch, column_0="name", column_1="email", tags="Spring"))
    organizer.post(page_of("start", batch), {"remember": "Monthly"})
    saved = SavedMapping.objects.get()
    assert (saved.name, saved.created_by) == ("Monthly", organizer.user)
    send(organizer, b"Reach,Who\nb@x.org,Ben\n")
    again = Import.objects.latest("pk")
    html = organizer.get(page_of("columns", again)).content.decode()
    assert "Columns and choices are as in “Monthly”." in html
    assert organizer.get(page_of("columns", again)).context["form"]["column_1"].value() == "name"
    send(organizer, b"Reach,Who,Shoe\nb@x.org,Ben,9\n")
    other = Import.objects.latest("pk")
    assert organizer.post(page_of("apply", other), {"saved": saved.pk}).url == page_of("columns", other)
    other.refresh_from_db()
    assert other.mapping == {"Reach": "email", "Who": "name", "Shoe": ""}
    organizer.post(page_of("apply", other), {"saved": "999999"})


def test_saved_columns_are_renamed_and_deleted_on_their_page(organizer):  # noqa: F811
    one, two = (SavedMapping.objects.create(name=name, columns=["email"]) for name in ("One", "Two"))
    url = reverse("imports:saved")
    assert "One column" in organizer.get(url).content.decode()
    assert (
        "Other columns have this name already."
        in organizer.post(url, {"saved": one.pk, "name": "Two"}).content.decode()
    )
    organizer.post(url, {"saved": one.pk, "name": "Three"})
    organizer.post(url, {"saved": two.pk, "forget": "1"})
    assert list(SavedMapping.objects.values_list("name", flat=True)) == ["Three"]
    assert [organizer.post(url, {"saved": pk}).status_code for pk in ("999999", "", "x")] == [404, 404, 404]


def test_S6_a_list_of_people_who_left_closes_them_without_a_word_in_their_row(organizer):  # noqa: F811
    known = factories.PersonFactory(email="zoë@x.example.org", name="Zoë")
    send(organizer, f"{MAILCHIMP}\nZoë@X.example.org,Zoë{',' * (MAILCHIMP.count(',') - 1)}\n".encode())
    bring_in(organizer, Import.objects.get())
    assert known.addresses.get().consent == "withdrawn"


def test_the_preview_shows_what_was_and_what_will_be_and_the_tags_that_are_made(organizer):  # noqa: F811
    factories.PersonFactory(
        name="Ana Pérez 1", given_name="Ana", family_name="Pérez 1", city="Boston", email="ana.1@people.example.org"
    )
    send(organizer, f"{NATIONBUILDER}\n{nationbuilder(1, mobile_number='413 555 0101')}".encode())
    batch = Import.objects.get()
    organizer.post(page_of("columns", batch), choices(batch, existing="overwrite", tags="Spring 2026"))
    html = re.sub(r"\s+", " ", organizer.get(page_of("preview", batch)).content.decode())
    assert 'City: <del>Boston</del> <span aria-hidden="true">→</span> <ins>Springfield</ins>' in html
    assert "(413) 555-0101" in html
    assert [tag in html for tag in (">housing<", ">volunteer<", ">Spring 2026<")] == [True, True, True]
    assert Person.objects.get().city == "Boston"


@pytest.mark.parametrize("year", ["2024", "2094"])  # a clock may be wrong: what lies ahead is told as of today
def test_W3_a_webinars_report_comes_in_once_and_says_so_on_the_timeline(organizer, year):  # noqa: F811
    for outcomes in (["new", "new", "duplicate"], ["unchanged", "unchanged", "duplicate"]):
        send(organizer, "\n".join(ZOOM).replace("2026", year).encode())
        batch = Import.objects.latest("pk")
        bring_in(organizer, batch)
        assert list(batch.results.order_by("line").values_list("outcome", flat=True)) == outcomes
    entry = Entry.objects.get(kind=Entry.Kind.ATTENDANCE)
    assert (entry.person.name, entry.text.localize("en")) == (
        "Ana Ruiz",
        "At “Vivienda digna, ahora” for 63 minutes",
    )
    assert Person.objects.count() == 2


def test_how_long_it_takes_is_said_at_the_pace_seen(organizer):  # noqa: F811
    batch = Import.objects.create(name="people.csv", rows=1000, done=500, state="running")
    url = page_of("progress", batch)
    first = organizer.get(url)
    assert (first.context["since"] <= int(time.time()), first.context["had"], first.context["left"]) == (True, 500, "")
    asked = {"since": int(time.time()) - 100, "had": 0}
    assert organizer.get(url, asked).context["left"] == "about 2 minutes left"
    assert organizer.get(url, asked | {"since": int(time.time()) - 10}).context["left"] == "less than a minute left"
    assert organizer.get(url, {"since": "x", "had": "y"}).context["left"] == ""
    Import.objects.update(state="undoing", done=1000, undo={"done": 250, "rows": 1000})
    assert "250 of 1,000" in organizer.get(url).content.decode()


def test_an_import_is_undone_after_it_was_seen_what_that_means(organizer, django_capture_on_commit_callbacks):  # noqa: F811
    send(organizer, b"name,email\nAna,ana@x.example.org\nBen,ben@x.example.org\n")
    batch = Import.objects.get()
    assert organizer.get(page_of("undo", batch)).url == page_of("inspect", batch)  # nothing is in yet
    bring_in(organizer, batch)
    Person.objects.filter(name="Ben").update(city="Boston", updated_at=timezone.now() + timedelta(minutes=1))
    html = organizer.get(page_of("undo", batch)).content.decode()
    assert "Undo this import?" in html
    assert Person.objects.count() == 2
    with django_capture_on_commit_callbacks():
        organizer.post(page_of("undo", batch), {"why": "the wrong file"})
    organizer.post(page_of("undo", batch))  # pressed twice
    batch.refresh_from_db()
    assert (batch.state, batch.undone_by) == ("undoing", organizer.user)
    assert 'hx-trigger="every 1s"' in organizer.get(page_of("inspect", batch)).content.decode()
    importing.run_undo(batch)
    html = organizer.get(page_of("inspect", batch)).content.decode()
    assert "Undone on" in html
    assert organizer.get(page_of("undo", batch)).url == page_of("inspect", batch)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_who_may_not_import_changes_nothing_by_any_door(client, role):
    batch = preparing.upload(SimpleUploadedFile("a.csv", b"email\nzoraida@x.org\n"), "secret.csv")
    saved = SavedMapping.objects.create(name="Secret columns", columns=["email"])
    done = Import.objects.create(name="done.csv", rows=1, done=1, state="done")
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), role))
    doors = [page_of(step, batch) for step in ("columns", "reading", "apply", "start")]
    for url in [*doors, page_of("undo", done), reverse("imports:saved"), reverse("imports:add")]:
        for response in (
            client.get(url, follow=True),
            client.post(url, {"saved": saved.pk, "forget": "1", "first_row": "0"}, follow=True),
        ):
            assert "zoraida" not in response.content.decode()
            assert "Secret columns" not in response.content.decode()
    assert sorted(Import.objects.values_list("name", "state")) == [("done.csv", "done"), ("secret.csv", "uploaded")]
    assert SavedMapping.objects.count() == 1
