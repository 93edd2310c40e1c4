"""Whom a row is about, as the organizer chose it, and what else comes in with a batch."""

import json
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from coalition import consent, importing
from coalition.models import (
    Address,
    AuditLine,
    Consent,
    CustomField,
    Entry,
    ExternalId,
    Import,
    ImportedRow,
    Membership,
    Person,
)
from tests import factories
from tests.coalition.test_importing import bring_in, nationbuilder, outcomes, private_files, upload  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def known():
    """Somebody whom the first row could mean in every way."""
    person = factories.PersonFactory(
        name="Ana Pérez 1", zip="01103", email="ana.1@people.example.org", phone="+14135550001"
    )
    ExternalId.objects.create(person=person, system="nationbuilder", value="9001")
    return person


@pytest.mark.parametrize(
    ("ways", "cells", "found"),
    [
        (["external_id"], {"email": "", "mobile_number": "", "primary_zip": ""}, True),
        (["external_id"], {"nationbuilder_id": "77"}, False),
        (["email"], {"nationbuilder_id": "77", "mobile_number": "", "primary_zip": ""}, True),
        (["email"], {"email": "other@people.example.org"}, False),
        (["phone"], {"nationbuilder_id": "77", "email": "", "primary_zip": ""}, True),
        (["phone"], {"mobile_number": "413-555-0002"}, False),
        (["name_zip"], {"nationbuilder_id": "77", "email": "", "mobile_number": ""}, True),
        (["name_zip"], {"first_name": "Bea", "email": "", "mobile_number": ""}, False),
        ([], {"nationbuilder_id": "77", "mobile_number": "", "primary_zip": ""}, True),
    ],
)
def test_rows_are_matched_only_as_the_organizer_chose(known, ways, cells, found):
    batch = bring_in(nationbuilder(1, **cells), options={"match": ways})
    assert (batch.results.get().person_id == known.pk, Person.objects.count()) == (found, 1 if found else 2)


def test_an_id_that_somebody_has_is_never_given_to_another(known):
    bring_in(nationbuilder(1, email="", mobile_number="4135550222"), options={"match": ["phone"]})
    assert ExternalId.objects.get(value="9001").person == known


def test_rows_about_somebody_merged_away_go_to_who_was_kept():
    kept = factories.PersonFactory(name="Ana María Ruiz", email="ana@x.example.org", city="")
    away = factories.PersonFactory(name="A. M. Solís", email="solis@x.example.org", merged_into=kept)
    Person.objects.filter(pk=away.pk).update(binned_at=timezone.now())
    batch = bring_in(
        nationbuilder(1, first_name="A. M.", last_name="Solís", email="solis@x.example.org", mobile_number="")
    )
    assert list(batch.results.values_list("outcome", "person")) == [("changed", kept.pk)]
    assert sorted(kept.addresses.values_list("value", flat=True)) == ["ana@x.example.org", "solis@x.example.org"]


def test_the_organization_of_the_batch_is_joined_once(known):
    organization = factories.OrganizationFactory()
    options = {"organization": organization.pk}
    bring_in(nationbuilder(1), nationbuilder(2), options=options)
    again = bring_in(nationbuilder(1), nationbuilder(2), options=options)
    assert Membership.objects.filter(organization=organization).count() == 2
    assert {outcome for _line, outcome, _reason in outcomes(again)} == {"unchanged"}


def test_an_organization_that_is_gone_stops_nobody():
    bring_in(nationbuilder(1), options={"organization": 999})
    assert (Person.objects.count(), Membership.objects.count()) == (1, 0)


@pytest.mark.parametrize(("existing", "shirt"), [("fill", "M"), ("overwrite", "L")])
def test_custom_fields_are_filled_or_replaced_as_the_rest(known, existing, shirt):
    CustomField.objects.create(key="shirt", kind="text", label={"en": "Shirt"})
    CustomField.objects.create(key="born", kind="date", label={"en": "Born"})
    Person.objects.filter(pk=known.pk).update(custom={"shirt": "M"})
    mapping = {"employer": "custom:shirt", "created_at": "custom:born"}
    rows = [nationbuilder(n, employer="L", created_at="2001-02-03") for n in (1, 2)]
    batch = bring_in(*rows, mapping=mapping, options={"existing": existing})
    known.refresh_from_db()
    assert known.custom == {"shirt": shirt, "born": "2001-02-03"}
    assert Person.objects.exclude(pk=known.pk).get().custom == {"shirt": "L", "born": "2001-02-03"}
    importing.undo(batch)
    importing.run_undo(Import.objects.get(pk=batch.pk))
    known.refresh_from_db()
    assert known.custom == {"shirt": "M"}


def test_the_county_follows_from_the_zip_and_from_a_change_of_it(known):
    bring_in(nationbuilder(2), nationbuilder(1, primary_zip="02108"), options={"existing": "overwrite"})
    assert list(Person.objects.order_by("pk").values_list("county", flat=True)) == ["Suffolk County", "Hampden County"]


def test_cells_that_look_like_the_language_of_copy_stay_as_they_are():
    name = r"Ana\tN \N \. \\"
    bring_in(nationbuilder(1, first_name=name, primary_city=r"\N"))
    person = Person.objects.get()
    assert (person.given_name, person.city) == (name, r"\N")


def test_P4_somebody_erased_stays_closed_when_a_list_brings_them_again():
    consent.withdraw("email", "ana.1@people.example.org", source=Consent.Source.PREFERENCES)
    bring_in(nationbuilder(1), options={"email_consent": "column", "email_wording": "Yes."})
    assert Address.objects.get(channel="email").consent == "withdrawn"


def test_W3_a_report_of_who_was_there_counts_once_however_often_it_comes_in():
    columns = "Name,Email,Minutes"
    mapping = {"Name": "name", "Email": "email", "Minutes": "minutes"}
    options = {"about": {"topic": "Voices from the field", "started": "2026-05-04T20:00:00Z"}}
    rows = ["Ana Pérez,ana@x.example.org,50", "Ben Ruiz,ben@x.example.org,20"]
    for _time in range(2):
        bring_in(*rows, header=columns, mapping=mapping, options=options)
    entries = Entry.objects.filter(kind="attendance").order_by("pk")
    assert [(entry.person.name, entry.at, entry.text.localize("en")) for entry in entries] == [
        ("Ana Pérez", datetime(2026, 5, 4, 20, tzinfo=UTC), "At “Voices from the field” for 50 minutes"),
        ("Ben Ruiz", datetime(2026, 5, 4, 20, tzinfo=UTC), "At “Voices from the field” for 20 minutes"),
    ]
    assert set(Person.objects.values_list("last_active_at", flat=True)) == {datetime(2026, 5, 4, 20, tzinfo=UTC)}


def test_P5_the_audit_says_what_came_in_and_names_nobody():
    batch = bring_in(nationbuilder(1), nationbuilder(2, primary_zip="ABC"), nationbuilder(2))
    line = AuditLine.objects.get(action="import")
    assert (line.subject_id, line.by) == (str(batch.pk), batch.created_by)
    assert line.details["rows"] == {"new": 2, "changed": 0, "unchanged": 0, "duplicate": 1, "refused": 0}
    assert "example.org" not in json.dumps(line.details)


def test_P5_a_cancelled_import_is_in_the_audit_with_what_went_in(monkeypatch):
    monkeypatch.setattr(importing.rows, "CHUNK", 2)
    batch = upload(*[nationbuilder(n) for n in range(5)])
    importing.start(batch)
    importing.run(batch, chunks=1)
    importing.cancel(batch)
    assert AuditLine.objects.get(action="import").details["rows"]["new"] == 2


def test_an_import_whose_file_is_gone_says_so():
    batch = upload(nationbuilder(1))
    importing.start(batch)
    batch.file.storage.delete(batch.file.name)
    assert importing.run(batch) is False
    batch.refresh_from_db()
    assert (batch.state, batch.error) == ("failed", "no_file")


def test_new_people_need_nothing_kept_for_an_undo():
    bring_in(nationbuilder(1), nationbuilder(2))
    assert list(ImportedRow.objects.values_list("data", flat=True)) == [{}, {}]


def test_a_chunk_costs_the_same_statements_whatever_its_rows(django_assert_max_num_queries):
    batch = upload(*[nationbuilder(n) for n in range(300)])
    importing.start(batch)
    with django_assert_max_num_queries(60):
        importing.run(batch)
