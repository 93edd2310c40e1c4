"""Pace, warm-up and quiet days: what may leave when, counted for all workers together."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django.urls import reverse

from campaigns import composing, pacing
from campaigns.models import Allowance, Pace, QuietDay, WarmUp
from tests.campaigns.conftest import four_at_once
from tests.factories import MessageFactory, PersonFactory, UserFactory

TUESDAY = datetime(2026, 11, 24, 15, 0, 30, tzinfo=UTC)  # 10:00:30 in Massachusetts


@pytest.fixture
def message(installation):
    return MessageFactory()


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(TUESDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def administrator(client, db):
    client.force_login(UserFactory())
    return client


def test_without_limits_nothing_is_limited_or_counted(message):
    assert pacing.limits_for(message, 200) is None
    pacing.count(message, {"gmail.com": 200})
    assert list(Allowance.objects.all()) == []


def test_a_pace_holds_in_its_minute_and_opens_with_the_next(message, clock):
    Pace.objects.create(a_minute=300)
    assert pacing.limits_for(message, 200) == {"": 200}
    pacing.count(message, {"gmail.com": 150, "example.org": 50})
    assert pacing.limits_for(message, 200) == {"": 100}
    pacing.count(message, {"gmail.com": 100})
    assert pacing.limits_for(message, 200) == {"": 0}
    assert pacing.waiting(message) == pacing.Waiting("pace", datetime(2026, 11, 24, 15, 1, tzinfo=UTC))
    clock.shift(timedelta(seconds=30))
    assert pacing.limits_for(message, 200) == {"": 200}


def test_a_domain_has_a_pace_of_its_own_beside_that_of_all(message):
    Pace.objects.create(a_day=1000)
    Pace.objects.create(domain="gmail.com", a_minute=60)
    pacing.limits_for(message, 200)
    pacing.count(message, {"gmail.com": 50, "example.org": 100})
    assert pacing.limits_for(message, 200) == {"": 200, "gmail.com": 10}
    assert dict(Allowance.objects.values_list("used", "window")) == {
        150: datetime(2026, 11, 24, 5, 0, tzinfo=UTC),  # midnight in Massachusetts
        50: datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
    }


def test_a_pace_of_another_provider_does_not_count(message):
    Pace.objects.create(provider="mailgun", a_minute=1)
    assert pacing.limits_for(message, 200) is None


def test_texts_know_no_pace_of_emails(installation):
    Pace.objects.create(a_minute=1)
    assert pacing.limits_for(MessageFactory(channel="phone"), 20) is None


def test_E4_a_new_sending_domain_writes_to_more_people_each_day(message, clock):
    domain = pacing.sending_domain()
    WarmUp.objects.create(domain=domain, began_on=date(2026, 11, 23), steps="50, 80")
    WarmUp.objects.create(domain="other.example", began_on=date(2026, 11, 23), steps="1")
    pacing.count(message, {"gmail.com": 30})
    assert pacing.limits_for(message, 200) == {"": 50}
    clock.shift(timedelta(days=1))
    assert pacing.limits_for(message, 200) is None  # warm


def test_on_a_quiet_day_nothing_leaves_unless_somebody_says_so_by_name(message):
    day = QuietDay.objects.create(day=date(2026, 11, 24), name={"en": "Day of mourning", "es": "Día de luto"})
    assert pacing.limits_for(message, 200) == {"": 0}
    assert pacing.waiting(message) == pacing.Waiting("quiet_day", datetime(2026, 11, 25, 5, 0, tzinfo=UTC), day)
    composing.waive(message, "quiet_day", reason="The vote is tomorrow.", by=UserFactory())
    assert pacing.limits_for(message, 200) is None


def test_a_quiet_day_is_a_day_of_the_coalition_whatever_the_server_says(message, clock):
    QuietDay.objects.create(day=date(2026, 11, 25))
    clock.move_to(datetime(2026, 11, 25, 4, 59, tzinfo=UTC))
    assert pacing.limits_for(message, 200) is None
    clock.move_to(datetime(2026, 11, 25, 5, 0, tzinfo=UTC))
    assert pacing.limits_for(message, 200) == {"": 0}


def test_what_would_begin_on_quiet_days_begins_at_the_same_time_after_them(message):
    QuietDay.objects.bulk_create(QuietDay(day=date(2026, 10, 31) + timedelta(days=n)) for n in range(2))
    # Summer time ends on 1 November: nine in the morning stays nine in the morning.
    begins = datetime(2026, 10, 31, 13, 0, tzinfo=UTC)
    assert pacing.open_from(message, begins) == datetime(2026, 11, 2, 14, 0, tzinfo=UTC)
    assert pacing.open_from(message, TUESDAY) is TUESDAY


def test_how_long_it_takes_is_known_before_it_begins(message):
    for number in range(30):
        PersonFactory(email=f"p{number}@{'gmail.com' if number < 20 else 'example.org'}", opted_in=True)
    assert pacing.finishes(message, 30) is None
    slow = Pace.objects.create(a_minute=10)
    assert pacing.finishes(message, 30) == TUESDAY + timedelta(minutes=3)
    Pace.objects.create(domain="gmail.com", a_minute=4)
    assert pacing.finishes(message, 30) == TUESDAY + timedelta(minutes=5)
    slow.a_day = 12
    slow.save()
    QuietDay.objects.create(day=date(2026, 11, 25))
    # 12 today, none on the quiet day, 12 after it, and the last 6 at ten a minute.
    assert pacing.finishes(message, 30) == datetime(2026, 11, 27, 5, 1, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_T8_four_workers_together_keep_to_one_pace(installation):
    message = MessageFactory()
    Pace.objects.create(a_minute=100)
    took = []

    def work():
        while True:
            with transaction.atomic():
                number = pacing.limits_for(message, 7)[""]
                pacing.count(message, {"gmail.com": number} if number else {})
            if not number:
                break
            took.append(number)

    four_at_once(work)
    assert sum(took) == 100


def test_old_windows_are_forgotten(message, clock):
    Pace.objects.create(a_minute=10)
    pacing.count(message, {"gmail.com": 1})
    clock.shift(timedelta(days=2))
    pacing.count(message, {"gmail.com": 2})
    clock.shift(timedelta(days=2))
    pacing.forget_old()
    assert list(Allowance.objects.values_list("used", flat=True)) == [2]


# The screens


def test_quiet_days_are_kept_in_both_languages(administrator, installation):
    said = {"day": "2026-12-25", "name_0": "Christmas", "name_1": "Navidad"}
    assert administrator.post(reverse("quiet_days:add"), said).status_code == 302
    assert QuietDay.objects.get().name.data == {"en": "Christmas", "es": "Navidad"}
    assert "Christmas" in administrator.get(reverse("quiet_days:index")).content.decode()


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({}, {"__all__": ["Enter a number a minute, a number a day, or both."]}),
        ({"a_minute": "0"}, {"a_minute": ["Enter 1 or more: with 0 nothing would ever leave."]}),
        ({"domain": "gmail", "a_minute": "5"}, {"domain": ["Enter a domain such as gmail.com."]}),
    ],
)
def test_a_pace_that_makes_no_sense_is_refused(administrator, said, errors):
    page = administrator.post(reverse("paces:add"), said)
    assert page.context["form"].errors == errors


def test_a_pace_and_a_warm_up_are_kept_as_they_are_meant(administrator):
    administrator.post(reverse("paces:add"), {"provider": "Mailgun", "domain": "@Gmail.com", "a_day": "500"})
    pace = Pace.objects.get()
    assert (pace.provider, pace.domain, pace.a_minute, pace.a_day) == ("mailgun", "gmail.com", None, 500)
    assert "gmail.com" in administrator.get(reverse("paces:index")).content.decode()
    wrong = administrator.post(
        reverse("warm_ups:add"), {"domain": "example.org", "began_on": "2026-11-24", "steps": "10, viele"}
    )
    assert list(wrong.context["form"].errors) == ["steps"]
    said = {"domain": "example.org", "began_on": "2026-11-24", "steps": "200,0500"}
    assert administrator.post(reverse("warm_ups:add"), said).status_code == 302
    assert WarmUp.objects.get().steps == "200, 500"
    assert administrator.get(reverse("warm_ups:index")).status_code == 200
