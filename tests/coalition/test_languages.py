"""Dates, times, zones, lists and order, as each language writes them (L3)."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from wagtail.users.models import UserProfile

from coalition.languages import (
    format_clock,
    format_date,
    format_day_month,
    format_number,
    format_time,
    format_weekday,
    format_when,
    join_list,
    language_of,
    sort_key,
    zone_name,
)
from tests.factories import UserFactory

DAY = datetime.date(2026, 5, 5)
AFTERNOON = datetime.datetime(2026, 5, 5, 19, 0, tzinfo=datetime.UTC)
EASTERN = ZoneInfo("America/New_York")


@pytest.mark.parametrize(("language", "words"), [("en", "May 5, 2026"), ("es", "5 de mayo de 2026")])
def test_L3_dates(language, words):
    assert format_date(DAY, language) == words


def test_L3_weekdays():
    assert format_weekday(DAY, "en") == "Tuesday, May 5, 2026"
    assert format_weekday(DAY, "es") == "martes, 5 de mayo de 2026"


@pytest.mark.parametrize(
    ("hour", "minute", "english", "spanish"),
    [
        (15, 0, "3:00\u00a0p.m.", "3:00\u00a0p.\u00a0m."),
        (0, 5, "12:05\u00a0a.m.", "12:05\u00a0a.\u00a0m."),
        (12, 30, "12:30\u00a0p.m.", "12:30\u00a0p.\u00a0m."),
        (11, 59, "11:59\u00a0a.m.", "11:59\u00a0a.\u00a0m."),
    ],
)
def test_L3_times(hour, minute, english, spanish):
    time = datetime.time(hour, minute)
    assert (format_time(time, "en"), format_time(time, "es")) == (english, spanish)


def test_L3_the_zone_is_always_shown():
    assert format_when(AFTERNOON, EASTERN, "en") == "Tuesday, May 5, 2026, 3:00\u00a0p.m. Eastern Time"
    assert format_when(AFTERNOON, EASTERN, "es") == "martes, 5 de mayo de 2026, 3:00\u00a0p.\u00a0m., hora del este"
    assert format_clock(AFTERNOON, "America/Chicago", "es") == "2:00\u00a0p.\u00a0m., hora del centro"
    assert format_clock(AFTERNOON, "UTC", "es") == "7:00\u00a0p.\u00a0m. UTC"


def test_the_day_is_the_day_of_the_zone():
    late = datetime.datetime(2026, 5, 6, 2, 0, tzinfo=datetime.UTC)
    assert format_when(late, "America/Los_Angeles", "en") == "Tuesday, May 5, 2026, 7:00\u00a0p.m. Pacific Time"


def test_zone_names():
    assert zone_name("America/Phoenix", "en") == "Arizona Time"
    assert zone_name("America/Phoenix", "es") == "hora de Arizona"
    assert zone_name("Europe/Madrid", "es") == "hora de Europa central"


def test_day_and_month_apart():
    december = datetime.date(2026, 12, 3)
    assert (format_day_month(december, "en"), format_day_month(december, "es")) == (("3", "Dec"), ("3", "dic"))


@pytest.mark.parametrize(
    ("items", "english", "spanish"),
    [
        ([], "", ""),
        (["Ana"], "Ana", "Ana"),
        (["Ana", "Luis"], "Ana and Luis", "Ana y Luis"),
        (["Ana", "Luis", "Rosa"], "Ana, Luis, and Rosa", "Ana, Luis y Rosa"),
        (["Rosa", "Inés"], "Rosa and Inés", "Rosa e Inés"),
        (["agua", "hielo"], "agua and hielo", "agua y hielo"),
    ],
)
def test_lists(items, english, spanish):
    assert (join_list(items, "en"), join_list(items, "es")) == (english, spanish)


def test_L3_order_folds_accents_and_ignores_articles():
    names = [
        "Óscar Romero Center",
        "The Bridge Fund",
        "Las Abuelas",
        "eastside reads",
        "El Faro Family Center",
        "Ángeles del Valle",
        "Centro Educativo Nuevo Día",
        "Los Pinos",
        "Lasting Roots",
        "La",
        "O'Brien House",
    ]
    assert sorted(names, key=sort_key) == [
        "Las Abuelas",
        "Ángeles del Valle",
        "The Bridge Fund",
        "Centro Educativo Nuevo Día",
        "eastside reads",
        "El Faro Family Center",
        "La",
        "Lasting Roots",
        "O'Brien House",
        "Óscar Romero Center",
        "Los Pinos",
    ]
    assert sort_key("¡La Casa del Río!") == "casa del rio"


def test_numbers_as_people_here_write_them():
    assert [format_number(18204, code) for code in ("en", "es")] == ["18,204", "18,204"]
    assert format_number(6.1, "es") == "6.1"


@pytest.mark.parametrize(("chosen", "read"), [("es", "es"), ("en", "en"), ("de", "en"), ("", "en"), (None, "en")])
def test_staff_are_written_to_in_a_language_of_ours(db, chosen, read):
    user = UserFactory()
    if chosen is not None:
        UserProfile.objects.create(user=user, preferred_language=chosen)
    assert language_of(user) == read


def test_nobody_reads_the_first_language():
    assert language_of(None) == "en"
