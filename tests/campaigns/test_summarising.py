"""The morning after: the figures of a message in the mailbox of whoever started it, once, in their language."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from wagtail.users.models import UserProfile

from campaigns import summarising, tasks
from campaigns.models import Delivery, Message
from coalition.models import Notice
from tests.campaigns.test_reporting import follow, got, register
from tests.factories import MessageFactory, UserFactory

EVENING = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)  # half past six in the evening, Eastern Time
MORNING = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)  # eight o'clock


@pytest.fixture
def message(installation):
    organizer = UserFactory(first_name="Ana", last_name="Rosado", email="ana@riverbend.example.org")
    UserProfile.objects.create(user=organizer, preferred_language="es")
    message = MessageFactory(
        name="Vote <b>now</b>",
        state=Message.State.SENT,
        started_by=organizer,
        started_at=EVENING - timedelta(minutes=5),
        finished_at=EVENING,
    )
    first = got(message)
    got(message, state=Delivery.State.BOUNCED)
    follow(first)
    register(first)
    return message


def test_it_is_owed_from_eight_in_the_morning_on_the_coalitions_clock(message):
    assert summarising.due(MORNING - timedelta(minutes=1)) == []
    assert summarising.due(MORNING) == [message.pk]
    assert summarising.due(MORNING + timedelta(days=2)) == [message.pk]
    assert summarising.due(MORNING + timedelta(days=3)) == []


def test_eight_o_clock_stays_eight_o_clock_when_the_clocks_change():
    saturday = datetime(2026, 10, 31, 20, tzinfo=UTC)  # summer time ends in the night
    assert summarising.morning_after(saturday).astimezone(UTC) == datetime(2026, 11, 1, 13, tzinfo=UTC)
    friday = saturday - timedelta(days=1)
    assert summarising.morning_after(friday).astimezone(UTC) == datetime(2026, 10, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": Message.State.SENDING},
        {"started_by": None},
        {"finished_at": None},
        {"summarised_at": EVENING},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_nobody_hears_of_what_goes_on_or_has_no_one_to_tell(message, changes):
    Message.objects.filter(pk=message.pk).update(**changes)
    assert summarising.due(MORNING) == []


def test_who_left_the_staff_hears_nothing(message):
    message.started_by.is_active = False
    message.started_by.save()
    assert summarising.due(MORNING) == []


def test_it_says_the_figures_in_the_organizers_language_with_the_way_to_the_results(message):
    notice = summarising.summarise(message)
    assert (notice.value, notice.language, notice.kind) == ("ana@riverbend.example.org", "es", "message_summary")
    assert reverse("messages:inspect", args=[message.pk]) in notice.text
    assert ("<b>now</b>" in notice.html, "Vote &lt;b&gt;now&lt;/b&gt;" in notice.html) == (False, True)
    assert ("Vote <b>now</b>" in notice.text, "Enviado: 1" in notice.text, "No llegó: 1 (50 %)" in notice.text) == (
        True,
        True,
        True,
    )


def test_it_comes_once(message):
    assert summarising.summarise(message)
    message.refresh_from_db()
    assert summarising.due(MORNING) == []
    assert summarising.summarise(message) is None
    tasks.summarise(message.pk)
    assert Notice.objects.filter(kind="message_summary").count() == 1
