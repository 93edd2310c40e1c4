"""Calendar files (rule W1), read back as a calendar program reads them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from campaigns import registering
from campaigns.calendars import calendar_file
from tests.factories import WebinarFactory

pytestmark = pytest.mark.django_db

EVENING = datetime(2090, 7, 9, 22, 0, tzinfo=UTC)  # 6 p.m. in New York, in summer


@pytest.fixture
def webinar(installation):
    made = WebinarFactory(
        title={"en": "Reading at home", "es": "Leer en casa: la lección de mañana, con Begoña Núñez y Ángel Güereña"},
        summary={"en": "Come, all; ask; listen.", "es": "Vengan; pregunten, escuchen. ¿Quién más? ¡Niñas y niños!"},
        starts_at=EVENING,
        join_url="https://meet.example.org/j/1",
    )
    made.refresh_from_db()
    return made


def read(text):
    calendar = Calendar.from_ical(text)
    [event] = calendar.walk("VEVENT")
    return calendar, event


def register(webinar, email="ana@people.example.org", name="Ana Peña", language="es", **needs):
    return registering.register(webinar, name=name, email=email, language=language, **needs)


def files_to(person):
    return [
        Calendar.from_ical(notice.attachments[0]["content"])
        for notice in person.notices.order_by("pk")
        if notice.attachments
    ]


def sequences_to(person):
    return [(file["METHOD"], file.walk("VEVENT")[0]["SEQUENCE"]) for file in files_to(person)]


def test_W1_a_public_file_is_published_with_its_zone_and_without_anybody(webinar):
    calendar, event = read(calendar_file(webinar, language="es"))
    assert calendar["METHOD"] == "PUBLISH"
    assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == ["America/New_York"]
    assert event["DTSTART"].params["TZID"] == "America/New_York"
    assert event["DTSTART"].dt == EVENING.astimezone(ZoneInfo("America/New_York"))
    assert event["DTEND"].dt == webinar.ends_at
    assert event["SUMMARY"] == webinar.title.localize("es")
    assert event["DESCRIPTION"] == webinar.summary.localize("es")
    assert event["ORGANIZER"] == "mailto:hello@riverbend.example.org"
    assert event["STATUS"] == "CONFIRMED"
    assert "ATTENDEE" not in event
    assert event.walk("VALARM") == []


def test_W1_the_link_to_join_stands_only_in_the_personal_file(webinar):
    registration = register(webinar)
    register(webinar, email="luz@people.example.org", name="Luz Vega")
    public = calendar_file(webinar, language="es")
    personal = calendar_file(webinar, language="es", registration=registration)
    assert "meet.example.org" not in public
    _calendar, event = read(personal)
    assert event["LOCATION"] == "https://meet.example.org/j/1"
    assert "ATTENDEE" not in event
    assert "Luz" not in personal
    assert "people.example.org" not in personal


def test_W1_lines_are_folded_at_75_octets_and_end_with_crlf(webinar):
    raw = calendar_file(webinar, language="es", registration=register(webinar)).encode()
    assert raw.endswith(b"\r\n")
    assert raw.replace(b"\r\n", b"").find(b"\n") == -1
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75
    assert max(len(line) for line in raw.split(b"\r\n")) > 70  # it was folded, not merely short


def test_W1_the_uid_stays_through_every_change(webinar):
    registration = register(webinar)
    before = read(calendar_file(webinar, language="en"))[1]["UID"]
    webinar.starts_at = EVENING.replace(hour=23)
    webinar.ends_at = EVENING.replace(day=10, hour=1)
    registering.reschedule(webinar)
    registering.tell_changes()
    registering.cancel(registration)
    webinar.refresh_from_db()
    uids = {file.walk("VEVENT")[0]["UID"] for file in files_to(registration.person)}
    assert uids == {before} == {read(calendar_file(webinar, language="es"))[1]["UID"]}


def test_W1_every_file_that_a_person_gets_outranks_the_one_before(webinar):
    registration = register(webinar)
    for hour in (20, 21):
        webinar.starts_at = EVENING.replace(hour=hour)
        registering.reschedule(webinar)
        registering.tell_changes()
    registering.cancel(registration)
    register(webinar)
    webinar.starts_at = EVENING.replace(hour=19)
    registering.reschedule(webinar)
    registering.tell_changes()
    registration.refresh_from_db()
    registering.cancel(registration)
    registration.refresh_from_db()
    registering.register_again(registration)
    registering.call_off(webinar)
    registering.tell_changes()
    sent = sequences_to(registration.person)
    methods = [method for method, _sequence in sent]
    assert methods == ["PUBLISH"] * 3 + ["CANCEL", "PUBLISH", "PUBLISH", "CANCEL", "PUBLISH", "CANCEL"]
    numbers = [sequence for _method, sequence in sent]
    assert numbers == sorted(set(numbers))


def test_W1_a_personal_file_outranks_the_public_one_that_was_taken_before(webinar):
    for hour in (20, 21, 22):
        webinar.starts_at = EVENING.replace(hour=hour)
        registering.reschedule(webinar)
    public = read(calendar_file(webinar, language="es"))[1]["SEQUENCE"]
    assert sequences_to(register(webinar).person)[0][1] > public


def test_W1_calling_off_outranks_the_public_file(webinar):
    before = read(calendar_file(webinar, language="en"))[1]["SEQUENCE"]
    registering.call_off(webinar)
    calendar, event = read(calendar_file(webinar, language="en"))
    assert calendar["METHOD"] == "CANCEL"
    assert event["STATUS"] == "CANCELLED"
    assert event["SEQUENCE"] > before


def test_W1_a_family_with_one_mailbox_keeps_the_date_while_one_of_them_comes(webinar):
    ana = register(webinar)
    luis = register(webinar, name="Luis Peña")
    registering.cancel(luis)
    assert luis.person.notices.get(kind="registration_cancelled").attachments == []
    registering.cancel(ana)
    everybody = sorted([*sequences_to(ana.person), *sequences_to(luis.person)], key=lambda sent: sent[1])
    assert [method for method, _sequence in everybody] == ["PUBLISH", "PUBLISH", "CANCEL"]
    assert len({sequence for _method, sequence in everybody}) == 3


def test_a_cancelled_file_holds_no_link(webinar):
    registration = register(webinar)
    registering.cancel(registration)
    registration.refresh_from_db()
    assert "meet.example.org" not in calendar_file(webinar, language="es", registration=registration)
