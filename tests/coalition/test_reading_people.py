"""One row of a file, in our words: phones and emails of every shape, places, tags, and every way to say no."""

import io
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from coalition import addresses, layouts, reading_people
from coalition.models import CustomField
from coalition.reading_people import Attendance, Reader
from tests.coalition.test_layouts import ACTION_NETWORK, CIVICRM, EVERYACTION, MAILCHIMP, SPOKE
from tests.coalition.test_reading_files import ZOOM

pytestmark = pytest.mark.django_db


def read(cells, header=None, **options):
    """The row of {column or field: cell}."""
    header = header.split(",") if header else list(cells)
    mapping = layouts.suggest(header) if header != list(cells) else {name: name for name in header}
    options = {"everybody": layouts.everybody_of(header)} | options
    return Reader(header, mapping, options).read(2, [cells.get(name, "") for name in header])


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("6175550100", ["+16175550100"]),
        ("617-555-0100", ["+16175550100"]),
        ("(617) 555 0100", ["+16175550100"]),
        ("617.555.0100", ["+16175550100"]),
        ("+1 (617) 555-0100", ["+16175550100"]),
        ("1-617-555-0100", ["+16175550100"]),
        ("6175550100.0", ["+16175550100"]),
        ("6.175550100E+09", ["+16175550100"]),
        ("617 555 0100 ext. 12", ["+16175550100"]),
        ("tel:+16175550100", ["+16175550100"]),
        ("'+16175550100", ["+16175550100"]),
        ("\u202a617\u00a0555\u00a00100\u202c", ["+16175550100"]),
        ("６１７５５５０１００", ["+16175550100"]),
        ("617-555-0100 / 617-555-0101", ["+16175550100", "+16175550101"]),
        ("+52 55 1234 5678", ["+525512345678"]),
        ("0052 55 1234 5678", ["+525512345678"]),
        ("787-555-0100", ["+17875550100"]),
        ("555-0100", []),
        ("6.17555E+09", []),
        ("123", []),
        ("none", []),
        ("ask me", []),
    ],
)
def test_phones_of_every_shape(cell, kept):
    row = read({"external_id": "7", "phone": cell})
    assert row.phones == kept
    assert row.notes == ([] if kept or cell == "none" else ["bad_phone"])


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("Ana.1@Example.ORG", ["ana.1@example.org"]),
        ("Zoë.0@Example.org", ["zoë.0@example.org"]),
        ("Zoe\u0308.0@example.org", ["zoë.0@example.org"]),
        ("أحمد@example.org", ["أحمد@example.org"]),
        ("ana@españa.es", ["ana@xn--espaa-rta.es"]),
        ("mailto:ana@x.org", ["ana@x.org"]),
        ("Ana Ruiz <ana@x.org>", ["ana@x.org"]),
        ("ana@x.org; ben@x.org", ["ana@x.org", "ben@x.org"]),
        (" ana@x.org, ", ["ana@x.org"]),
        ("ana at x.org", []),
        ("=HYPERLINK(1)", []),
    ],
)
def test_emails_of_every_shape(cell, kept):
    row = read({"external_id": "7", "email": cell})
    assert (row.emails, row.notes) == (kept, [] if kept else ["bad_email"])


def test_an_address_is_known_in_every_way_it_is_written_and_what_we_cannot_write_to_is_told():
    assert addresses.normalise("email", "ZOE\u0308@Example.org") == addresses.normalise("email", "zoë@example.org")
    assert [addresses.writable("email", value) for value in ("zoë@x.org", "zoe@x.org", "ana@xn--espaa-rta.es")] == [
        False,
        True,
        True,
    ]
    assert addresses.writable("phone", "+16175550100")


def test_names_places_and_ids():
    row = read({"name": "Pérez, Ana", "zip": "2138", "state": "Mass.", "county": "Middlesex", "external_id": "77.0"})
    assert row.details == {
        "name": "Ana Pérez",
        "given_name": "Ana",
        "family_name": "Pérez",
        "zip": "02138",
        "state": "MA",
        "county": "Middlesex",
    }
    assert row.external == "77"
    row = read({"name": "\u202eAna\u202c 👩‍👧 أحمد", "zip": '="02138"'})
    assert (row.details["name"], row.details["zip"]) == ("Ana 👩‍👧 أحمد", "02138")
    assert read({"name": "Ana Ruiz, Jr.", "zip": "02138"}).details["name"] == "Ana Ruiz, Jr."


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        ("1 Main St  Boston  MA  02108  US", ("1 Main St", "Boston", "MA", "02108")),
        ("1 Main St, Apt 2, Boston, MA 02108", ("1 Main St, Apt 2", "Boston", "MA", "02108")),
        ("1 Main St\nSt. Paul, Minnesota 55101", ("1 Main St", "St. Paul", "MN", "55101")),
        ("somewhere", ("somewhere", None, None, None)),
    ],
)
def test_a_whole_address_in_one_cell(cell, place):
    details = read({"email": "a@x.org", "whole_address": cell}).details
    assert tuple(details.get(key) for key in ("street", "city", "state", "zip")) == place


def test_a_cell_without_its_value_is_left_out_and_told():
    row = read({"email": "a@x.org", "name": "#REF!", "city": "#FORMULA!", "zip": "#N/A", "state": "MA"})
    assert (row.details, row.notes, row.refused) == ({"state": "MA"}, ["no_value"], False)


def test_a_field_of_our_own_is_cleaned_and_what_does_not_fit_is_told():
    CustomField.objects.create(key="joined", kind="date", label={"en": "Joined"})
    row = read({"email": "a@x.org", "custom:joined": "May 4, 2026"})
    assert (row.custom, row.notes) == ({"joined": "2026-05-04"}, [])
    row = read({"email": "a@x.org", "custom:joined": "soon"})
    assert (row.custom, row.notes, row.refused) == ({}, ["bad_custom"], False)


PHONE, EMAIL = ("phone", "+14135550100"), ("email", "a@x.org")


@pytest.mark.parametrize(
    ("header", "cells", "stops"),
    [
        (MAILCHIMP, {"Email Address": "a@x.org", "Phone Number": "4135550100"}, {EMAIL}),  # every row of that file
        (ACTION_NETWORK, {"email": "a@x.org", "can2_subscription_status": "unsubscribed"}, {EMAIL}),
        (ACTION_NETWORK, {"email": "a@x.org", "can2_subscription_status": "subscribed"}, set()),
        (ACTION_NETWORK, {"email": "a@x.org", "can2_subscription_status": "spam complaint"}, {EMAIL}),
        (ACTION_NETWORK, {"email": "a@x.org", "can2_phone": "4135550100", "can2_sms_status": "unsubscribed"}, {PHONE}),
        (CIVICRM, {"Email": "a@x.org", "Do Not Email": "1"}, {EMAIL}),
        (CIVICRM, {"Email": "a@x.org", "No Bulk Emails (User Opt Out)": "Yes"}, {EMAIL}),
        (CIVICRM, {"Email": "a@x.org", "Do Not Email": "0", "No Bulk Emails (User Opt Out)": "No"}, set()),
        (CIVICRM, {"Email": "a@x.org", "Phone": "4135550100", "Do Not Sms": "Sí"}, {PHONE}),
        (CIVICRM, {"Email": "a@x.org", "Phone": "4135550100", "Do Not Phone": "1"}, {PHONE}),
        (EVERYACTION, {"PreferredEmail": "a@x.org", "EmailSubscriptionStatus": "Unsubscribed"}, {EMAIL}),
        (EVERYACTION, {"PreferredEmail": "a@x.org", "EmailSubscriptionStatus": "U"}, {EMAIL}),
        (EVERYACTION, {"PreferredEmail": "a@x.org", "EmailSubscriptionStatus": "Subscribed"}, set()),
        (SPOKE, {"contact[cell]": "4135550100", "contact[optOut]": "true"}, {PHONE}),
        (SPOKE, {"contact[cell]": "4135550100", "contact[optOut]": "false"}, set()),
    ],
)
def test_S6_every_system_s_way_to_say_no_counts(header, cells, stops):
    assert read(cells, header, email_consent="attest").stops == stops


@pytest.mark.parametrize(
    ("everybody", "stops", "faults"),
    [
        ("", set(), set()),
        ("left_email", {EMAIL}, set()),
        ("left_texts", {PHONE}, set()),
        ("left_all", {EMAIL, PHONE}, set()),
        ("bounced", set(), {EMAIL}),
    ],
)
def test_S6_a_list_of_people_who_said_no_closes_everybody_in_it(everybody, stops, faults):
    cells = {"email": "a@x.org", "phone": "413-555-0100"}
    row = read(cells, everybody=everybody, email_consent="attest")
    assert (row.stops, row.faults) == (stops, faults)
    assert set(row.yes) == {EMAIL} - stops


def test_when_they_agreed_is_read_in_every_common_way():
    def moment(cell):
        row = read({"email": "a@x.org", "email_yes_at": cell}, email_consent="column")
        return row.yes[EMAIL]

    assert moment("2024-05-01 13:05:00") == datetime(2024, 5, 1, 13, 5, tzinfo=UTC)
    assert moment("05/01/2024 01:05 PM") == datetime(2024, 5, 1, 17, 5, tzinfo=UTC)  # in the coalition's own zone
    assert moment("05/01/2024") == datetime(2024, 5, 1, 16, 0, tzinfo=UTC)
    assert moment("in spring") is None


def test_W3_several_joins_of_one_person_are_summed_on_their_first_row():
    names = ZOOM[8].split(",")
    options = {"about": {"topic": "Vivienda digna", "started": "12/03/2024 06:01:12 PM"}}
    batch = SimpleNamespace(
        encoding="utf-8", delimiter=",", first_row=9, mapping=layouts.suggest(names), options=options
    )
    file = io.BytesIO("\n".join(ZOOM).encode())
    rows = list(reading_people.rows_of(batch, file))
    at = datetime(2024, 12, 3, 23, 1, tzinfo=UTC)
    assert [(row.line, row.attended, row.repeats) for row in rows] == [
        (10, Attendance("Vivienda digna", at, 63, 2), False),
        (11, None, False),
        (12, None, True),
    ]
    assert [row.details["name"] for row in rows] == ["Ana Ruiz", "Ben Solís", "Ana Ruiz"]
    assert [row.attended for row in reading_people.rows_of(batch, file, skip=2)] == [None]
