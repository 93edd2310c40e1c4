"""Exports: what leaves, in which columns; on record with a reason before the first byte; and for whom not."""

import csv
import io
import zipfile

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from wagtail.users.models import UserProfile

from coalition import accounts, belonging, consent, custom, exporting, layouts, people, spreadsheets
from coalition.accounts import Role
from coalition.forms import exports
from coalition.models import (
    AuditLine,
    Constituency,
    CustomField,
    Export,
    Listing,
    Membership,
    PeopleList,
    Person,
    Segment,
    Tag,
    Tagging,
)
from coalition.resources import OrganizationResource, PersonResource
from coalition.views import searching
from tests import factories
from tests.coalition.searches import addresses_in, in_the_open

pytestmark = pytest.mark.django_db
PEOPLE, ORGANIZATIONS = "exports:people", "exports:organizations"


@pytest.fixture
def as_role(client):
    def enter(role):
        user = accounts.give_role(factories.UserFactory(is_superuser=False, first_name=role.value), role)
        client.force_login(user)
        client.user = user
        return client

    return enter


@pytest.fixture
def organizer(as_role):
    return as_role(Role.ORGANIZER)


def take(client, name=PEOPLE, *, kind="csv", columns=("name", "email"), reason="Letters for May", **query):
    url = reverse(name, query=query) if query else reverse(name)
    return client.post(url, {"kind": kind, "columns": list(columns), "reason": reason})


def lines(response):
    text = response.getvalue().decode()
    assert text.startswith("\ufeff")  # Excel opens accents
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def sheet(response):
    book = openpyxl.load_workbook(io.BytesIO(response.getvalue()))
    return [["" if cell is None else cell for cell in row] for row in book.active.values]


@pytest.fixture
def ana(installation):
    """Somebody with something in every column."""
    person = factories.PersonFactory(
        name="Ana Núñez", given_name="Ana", family_name="Núñez", language="es", street="5 Elm St", zip="01103"
    )
    people.add_address(person, "email", "ana@x.example.org")
    people.add_address(person, "email", "ana@work.example.org")
    people.add_address(person, "phone", "+14135550142")
    consent.grant(person.addresses.get(value="ana@x.example.org"), wording="Yes.", language="es", source="form")
    consent.withdraw("phone", "+14135550142", source="reply")
    Tagging.objects.create(person=person, tag=Tag.objects.create(name="Educator"))
    Listing.objects.create(person=person, people_list=PeopleList.objects.create(name="Phone bank"))
    factories.RepresentativeFactory(person=person, organization__name="Teachers United")
    Membership.objects.create(person=person, organization=factories.OrganizationFactory(name="Parents"))
    person.external_ids.create(system="civicrm", value="7")
    return person


def test_every_column_says_what_it_promises(organizer, ana):
    keys = list(PersonResource().columns)
    header, row = lines(take(organizer, columns=keys))
    kept = dict(zip(header, row, strict=True))
    today = timezone.localdate().isoformat()
    assert kept == {
        "Number here": str(ana.pk),
        "First name": "Ana",
        "Last name": "Núñez",
        "Full name": "Ana Núñez",
        "Language": "es",
        "Email": "ana@x.example.org",
        "Email consent": "Said yes",
        "Email consent since": today,
        "Other emails": "ana@work.example.org",
        "Phone": "14135550142",
        "Text consent": "Said stop",
        "Text consent since": today,
        "Other phones": "",
        "Street address": "5 Elm St",
        "City": "Springfield",
        "County": "",
        "State": "MA",
        "ZIP code": "01103",
        "Tags": "Educator",
        "Lists": "Phone bank",
        "Organizations": "Teachers United, Parents",
        "Added": today,
        "Last active": today,
        "Numbers in other systems": "civicrm 7",
    }
    assert sheet(take(organizer, kind="xlsx", columns=keys, reason="Again")) == [
        header,
        [ana.pk if cell == str(ana.pk) else cell for cell in row],
    ]


def test_own_fields_leave_and_sensitive_ones_never_do(organizer, ana):
    for number, (key, kind, sealed) in enumerate(
        [("school", "text", False), ("children", "number", False), ("health", "text", True), ("gone", "text", False)]
    ):
        CustomField.objects.create(
            key=key, kind=kind, sealed=sealed, label={"en": key.title(), "es": key.upper()}, position=number
        )
    CustomField.objects.filter(key="gone").update(retired_at=timezone.now())
    ana.custom = {"school": "North", "children": -2, "gone": "x"}
    ana.save()
    custom.keep_sealed(ana, {"health": "quebracho"})
    belonging.declare(ana, [Constituency.objects.create(slug="latino", name={"en": "Quebracho"})], source="told")
    columns = PersonResource().columns
    assert [key for key in columns if "." in key] == ["custom.school", "custom.children"]
    response = take(organizer, columns=[*columns, "custom.health", "custom.gone", "constituencies"])
    assert (response.status_code, Export.objects.count()) == (200, 0)  # a column that is not offered is refused
    response = take(organizer, columns=list(columns))
    assert "quebracho" not in response.getvalue().decode().lower()
    response = take(organizer, columns=["custom.school", "custom.children"], kind="xlsx")
    assert sheet(response) == [["School", "Children"], ["North", -2]]


def test_P5_a_file_is_on_record_with_its_reason_before_it_leaves(organizer, ana):
    response = take(organizer, q="nunez")
    export = Export.objects.get()
    assert (export.by, export.reason, export.query, export.rows, export.finished_at) == (
        organizer.user,
        "Letters for May",
        "q=nunez",
        0,
        None,
    )
    line = AuditLine.objects.get(action="export")
    assert (line.by_id, line.why, line.subject_id) == (organizer.user.pk, "Letters for May", str(export.pk))
    assert line.details == {"what": "people", "file": "csv", "columns": ["name", "email"]}
    assert len(lines(response)) == 2
    export.refresh_from_db()
    assert (export.rows, export.finished_at is None) == (1, False)


@pytest.mark.parametrize("reason", ["", "   ", "x"])
def test_P5_without_a_reason_nothing_leaves(organizer, ana, reason):
    response = take(organizer, reason=reason)
    assert not response.streaming
    assert b"ana@x.example.org" not in response.content
    assert Export.objects.count() == 0
    assert take(organizer, columns=[]).status_code == 200
    assert Export.objects.count() == 0


def test_a_double_press_is_one_export_and_both_answers_hold_the_file(organizer, ana):
    first, second = take(organizer), take(organizer)
    assert lines(first) == lines(second)
    assert (Export.objects.count(), AuditLine.objects.filter(action="export").count()) == (1, 1)
    lines(take(organizer, reason="Another reason"))
    assert Export.objects.count() == 2


def test_who_breaks_off_leaves_the_number_that_left(organizer, ana, monkeypatch):
    monkeypatch.setattr(PersonResource._meta, "chunk_size", 2)
    for _number in range(9):
        factories.PersonFactory()
    export = Export.objects.create(subject="people", kind="csv", columns=["name"], reason="Test", by=organizer.user)
    found = exporting.counted(export, PersonResource().export_rows(Person.objects.order_by("pk"), ["name"]))
    stream = spreadsheets.csv_stream("people.csv", ["Full name"], found)
    monkeypatch.setattr(spreadsheets, "PIECE", 10)
    pieces = iter(stream.streaming_content)
    assert len([next(pieces) for _number in range(4)]) == 4
    for close in stream._resource_closers:
        close()
    export.refresh_from_db()
    assert 0 < export.rows < 10
    assert export.finished_at is None


def test_the_file_holds_whom_the_list_shows_in_its_order(organizer, ana):
    make = factories.PersonFactory
    ben = make(name="Ben Ortiz", language="en", email="ben@x.example.org")
    make(name="Gone Núñez", language="es", binned_at=timezone.now())
    segment = Segment.objects.create(name="Spanish", criteria={"all": [{"is": "language", "value": "es"}]})

    def names(**query):
        rows = lines(take(organizer, columns=["name"], reason=f"Test {query}"[:200], **query))
        return [row[0] for row in rows[1:]]

    assert names() == ["Ben Ortiz", "Ana Núñez"]
    assert names(ordering="name") == ["Ana Núñez", "Ben Ortiz"]
    assert names(language="es") == ["Ana Núñez"]
    assert names(segment=segment.pk) == ["Ana Núñez"]
    assert names(list=PeopleList.objects.get().pk) == ["Ana Núñez"]
    assert names(q="555-0142") == ["Ana Núñez"]
    assert names(pk=ben.pk) == ["Ben Ortiz"]
    assert names(pk="'; drop") == []
    assert names(bin=1) == []
    assert names(language="xx") == []  # what cannot be understood never widens what leaves
    assert names(q="zzz") == []


def test_what_would_run_as_a_formula_is_text_in_both_files(organizer, installation):
    factories.PersonFactory(name="=HYPERLINK(1)", given_name="+1", family_name="@x", city="-1", street="\t=1")
    columns = ["name", "given_name", "family_name", "street", "city"]
    for read, kind in ((lines, "csv"), (sheet, "xlsx")):
        row = read(take(organizer, kind=kind, columns=columns, reason=f"As {kind}"))[1]
        assert sorted(row) == sorted(["'=HYPERLINK(1)", "'+1", "'@x", "'\t=1", "'-1"])


def test_names_of_every_kind_survive_a_workbook(organizer, installation):
    strange = ['Zoë & <Ana> "x"', "李 小龍 😀", "عائشة", "a\x0bb\x1f", "_x000D_"]
    for name in strange:
        factories.PersonFactory(name=name)
    response = take(organizer, kind="xlsx", columns=["name"], ordering="created_at")
    data = response.getvalue()
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["People"]
    assert book.active.freeze_panes == "A2"
    assert book.active["A1"].font.b
    assert [row[0] for row in list(book.active.values)[1:]] == [
        'Zoë & <Ana> "x"',
        "李 小龍 😀",
        "عائشة",
        "ab",
        "_x000D_",
    ]


def test_a_list_too_long_for_a_workbook_is_told_before_anything_is_on_record(organizer, ana, monkeypatch):
    monkeypatch.setattr(exports, "WORKBOOK_ROWS", 1)
    factories.PersonFactory()
    response = take(organizer, kind="xlsx", columns=["zip"], reason="Letters for June")
    form = response.context["form"]
    assert form.errors == {"kind": ["Excel workbooks end at 1 rows here: take CSV, or filter the list."]}
    assert (form["columns"].value(), form["reason"].value()) == (["zip"], "Letters for June")
    assert (Export.objects.count(), AuditLine.objects.filter(action="export").count()) == (0, 0)
    assert len(sheet(take(organizer, kind="xlsx", q="nunez"))) == 2
    assert len(lines(take(organizer, reason="As CSV"))) == 3


def test_columns_are_remembered_for_each_of_the_staff(organizer, ana):
    def ticked():
        form = organizer.get(reverse(PEOPLE)).context["form"]
        return [key for _heading, columns in form.groups() for key, _label, on in columns if on], form["kind"].value()

    assert "tags" in ticked()[0]
    lines(take(organizer, columns=["zip", "name"]))
    take(organizer, kind="xlsx", columns=["zip", "name"]).getvalue()
    assert ticked() == (["name", "zip"], "xlsx")
    organizer.force_login(accounts.give_role(factories.UserFactory(is_superuser=False), Role.ORGANIZER))
    assert "tags" in ticked()[0]


def test_staff_who_work_in_spanish_get_spanish_headers(organizer, ana):
    profile = UserProfile.get_for_user(organizer.user)
    profile.preferred_language = "es"
    profile.save()
    header, row = lines(take(organizer, columns=["given_name", "email_consent"]))
    assert (header[0], row[0]) == ("Nombre", "Ana")
    assert row[1] not in ("Said yes", "")


@pytest.mark.parametrize("role", [Role.ANALYST, Role.EDITOR, Role.TRANSLATOR])
def test_who_may_not_see_people_takes_nothing_out(as_role, ana, role):
    client = as_role(role)
    Export.objects.create(subject="people", kind="csv", reason="Quebracho")
    for name in (PEOPLE, ORGANIZATIONS, "exports:index"):
        for response in (client.get(reverse(name)), take(client, name)):
            assert response.status_code in (302, 403)
            body = response.getvalue() if response.streaming else response.content
            for word in (b"ana@x.example.org", b"Teachers United", b"Quebracho"):
                assert word not in body
    assert Export.objects.count() == 1


def test_who_sees_people_but_may_not_export_takes_nothing_out(organizer, ana):
    group = organizer.user.groups.get()
    group.permissions.remove(*group.permissions.filter(codename="add_export"))
    assert take(organizer).status_code in (302, 403)
    html = organizer.get(reverse("people:list")).content.decode()
    assert reverse(PEOPLE) not in html
    assert Export.objects.count() == 0


def test_organizations_leave_as_their_list_shows_them(organizer, ana):
    factories.OrganizationFactory(
        name="Union of drivers", kind="union", phone="+14135550199", website="https://u.example.org"
    )
    columns = ["name", "kind", "phone", "website", "members", "representatives"]
    rows = lines(take(organizer, ORGANIZATIONS, columns=columns))
    assert rows[0] == ["Name", "Kind", "Members known", "Phone", "Website", "Who speaks for it"]
    assert {row[0]: row[1:] for row in rows[1:]} == {
        "Parents": ["Education", "1", "", "", ""],
        "Teachers United": ["Education", "0", "", "", "Ana Núñez <ana@x.example.org>"],
        "Union of drivers": ["Union", "0", "14135550199", "https://u.example.org", ""],
    }
    rows = lines(take(organizer, ORGANIZATIONS, columns=["name"], kind_="x", q="drivers"))
    assert rows == [["Name"], ["Union of drivers"]]
    everything = list(OrganizationResource(with_people=True).columns)
    assert len(sheet(take(organizer, ORGANIZATIONS, columns=everything, kind="xlsx"))) == 4


def test_the_record_of_exports_names_who_why_and_what(organizer, ana):
    lines(take(organizer, q="nunez"))
    html = organizer.get(reverse("exports:index")).content.decode()
    for words in ("Letters for May", "1 person", "Full name, Email", str(organizer.user)):
        assert words in html
    assert f"{reverse('people:list')}?q=nunez" in [in_the_open(address) for address in addresses_in(html)]
    assert "Letters" not in organizer.get(reverse("exports:index"), {"what": "organizations"}).content.decode()


def test_an_empty_list_says_so_and_offers_the_way_back(organizer, installation):
    html = organizer.get(reverse(PEOPLE, query={"find": searching.hidden("zzz")})).content.decode()
    assert "Nobody to export" in html
    assert lines(take(organizer, q="zzz")) == [["Full name", "Email"]]


def test_a_file_takes_as_many_queries_for_one_person_as_for_thirty(organizer, ana):
    columns = list(PersonResource().columns)

    def count():
        resource = PersonResource()
        with CaptureQueriesContext(connection) as queries:
            list(resource.export_rows(Person.objects.present().order_by("pk"), columns))
        return len(queries)

    one = count()
    for _number in range(30):
        factories.PersonFactory(email=True, phone=True)
    assert count() == one


def test_an_exported_file_comes_back_through_the_import(organizer, ana):
    header, row = lines(take(organizer, columns=[k for k, c in PersonResource().columns.items() if c.proposed]))
    mapping = layouts.suggest(header, [(2, row)])
    wanted = {"First name": "given_name", "Last name": "family_name", "Email": "email", "ZIP code": "zip"}
    assert {name: mapping.get(name) for name in wanted} == wanted


def test_the_library_s_own_export_says_the_same(organizer, ana):
    names = ["name", "email", "tags"]
    header, row = lines(take(organizer, columns=names))
    data = PersonResource().export(Person.objects.all(), export_fields=names)
    assert (data.headers, [list(row) for row in data]) == (header, [row])


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_P5_no_list_leaves_by_the_side_door(organizer, ana, kind):
    page = organizer.get(reverse("people:list"), {"export": kind})
    assert page["Content-Type"] == "text/html; charset=utf-8"
    assert Export.objects.count() == 0
