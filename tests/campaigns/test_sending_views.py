"""The pages about when a message leaves: the last look, the hold, another time, what may be allowed, the calendar."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import scheduling, sending
from campaigns.models import Delivery, Message, Pace, QuietDay
from coalition import accounts
from coalition.models import Installation, Segment
from tests.factories import MessageFactory, PersonFactory, UserFactory, WebinarFactory

State = Message.State
TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # 10:00 in Massachusetts
MORNING = {"day": "2026-11-25", "time": "09:00"}


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(TUESDAY, tick=False)
    return time_machine


@pytest.fixture
def readers(db):
    return [PersonFactory(email=True, opted_in=True) for _n in range(3)]


def url(name, message):
    return reverse(f"messages:{name}", args=[message.pk])


def said(response):
    return [str(message).strip() for message in response.context["messages"]]


def press(client, message, **said):
    """Open the page and press a button on it, as it stands there."""
    page = client.get(url("send", message))
    data = {"total": page.context["estimate"]["total"], "seen": page.context["seen"], "when": "now"}
    return client.post(url("send", message), data | said)


def test_after_the_press_the_page_counts_and_undo_brings_the_draft_back(client, organizer, readers, settings, clock):
    settings.SEND_HOLD_SECONDS = 60
    message = MessageFactory()
    assert press(client, message).url == url("send", message)
    clock.move_to(TUESDAY + timedelta(seconds=18), tick=False)
    page = client.get(url("send", message))
    assert "campaigns/messages/planned.html" in [template.name for template in page.templates]
    assert "<b>42</b> seconds until it leaves" in page.content.decode()
    assert client.get(url("inspect", message)).url == url("send", message)
    assert client.get(url("edit", message)).status_code == 302  # its words are fixed
    response = client.post(url("undo", message), follow=True)
    assert said(response)[-1] == "Undone: nobody got it. It is a draft again."
    message.refresh_from_db()
    assert (message.state, Delivery.objects.count()) == (State.DRAFT, 0)


def test_the_counting_part_leads_nobody_away_who_undid_it(client, organizer, readers, settings, clock):
    settings.SEND_HOLD_SECONDS = 60
    message = MessageFactory()
    press(client, message)
    client.post(url("undo", message))
    part = client.get(url("countdown", message))
    assert (part.status_code, part.has_header("HX-Redirect")) == (286, False)
    assert ("It is a draft again: nobody got it." in part.text, "hx-get" in part.text) == (True, False)


def test_the_counting_part_leads_on_once_it_has_begun(client, organizer, readers, settings, clock):
    settings.SEND_HOLD_SECONDS = 60
    message = MessageFactory()
    press(client, message)
    part = client.get(url("countdown", message))
    assert 'hx-trigger="every 1s"' in part.content.decode()
    clock.move_to(TUESDAY + timedelta(seconds=60), tick=False)
    scheduling.start_due()
    assert client.get(url("countdown", message))["HX-Redirect"] == url("send", message)
    assert client.get(url("send", message)).url == url("inspect", message)
    late = client.post(url("undo", message), follow=True)
    assert said(late)[-1] == "It is too late to undo: sending has begun. You can pause or cancel it."


def test_a_time_is_on_the_coalitions_clock_and_can_be_moved(client, organizer, readers):
    message = MessageFactory()
    response = press(client, message, when="at", **MORNING)
    assert response.url == url("send", message)
    message.refresh_from_db()
    assert message.send_at == message.due_at == datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
    page = client.get(url("send", message))
    assert "It leaves Wednesday, November 25, 2026, 9:00\xa0a.m. Eastern Time." in page.content.decode()
    assert page.context["form"].initial["day"] == date(2026, 11, 25)
    response = client.post(url("send", message), MORNING | {"when": "at", "time": "11:30", "local": "on", "seen": ""})
    assert response.status_code == 302
    message.refresh_from_db()
    assert (message.send_at, message.send_local) == (datetime(2026, 11, 25, 16, 30, tzinfo=UTC), True)


def test_a_page_from_before_it_was_planned_moves_nothing(client, organizer, readers, settings, clock):
    settings.SEND_HOLD_SECONDS = 60
    message, by = MessageFactory(), UserFactory()
    page = client.get(url("send", message))
    at = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
    scheduling.schedule(message, by=by, at=at)
    stale = {"total": page.context["estimate"]["total"], "seen": page.context["seen"]}
    for when in ({"when": "now"}, MORNING | {"when": "at", "time": "11:30"}):
        response = client.post(url("send", message), stale | when, follow=True)
        assert said(response)[-1] == "This message is planned already. Nothing was changed."
        message.refresh_from_db()
        assert (message.state, message.due_at, message.scheduled_by) == (State.SCHEDULED, at, by)


def test_a_second_press_does_not_make_the_hold_longer(client, organizer, readers, settings, clock):
    settings.SEND_HOLD_SECONDS = 60
    message = MessageFactory()
    page = client.get(url("send", message))
    data = {"total": page.context["estimate"]["total"], "seen": page.context["seen"], "when": "now"}
    for seconds in (0, 30):
        clock.move_to(TUESDAY + timedelta(seconds=seconds), tick=False)
        assert client.post(url("send", message), data).url == url("send", message)
    message.refresh_from_db()
    assert message.due_at == TUESDAY + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("when", "field"),
    [
        ({}, "day"),
        ({"day": "2026-11-24", "time": "09:59"}, "day"),
        ({"day": "2028-01-01", "time": "09:00"}, "day"),
        ({"day": "2027-03-14", "time": "02:30"}, "time"),  # the clocks go forward
        ({"day": "nonsense", "time": "x"}, "day"),
    ],
)
def test_a_time_that_cannot_be_is_refused_and_nothing_is_planned(client, organizer, readers, when, field):
    message = MessageFactory()
    response = press(client, message, when="at", **when)
    assert response.status_code == 422
    assert field in response.context["form"].errors
    message.refresh_from_db()
    assert message.state == State.DRAFT


def test_a_close_message_to_the_same_people_is_said_with_their_number_before_it_leaves(client, organizer, readers):
    earlier = MessageFactory(name="Hearing on Thursday")
    english = Segment.objects.create(name="en", criteria={"all": [{"is": "language", "value": "en"}]})
    earlier.included.add(english)
    PersonFactory(email=True, opted_in=True, language="es")
    sending.start(earlier)
    message = MessageFactory()
    page = client.get(url("send", message))
    assert [conflict.words for conflict in page.context["conflicts"]] == [
        "3 people get “Hearing on Thursday” too, Tuesday, November 24, 2026, 10:00\xa0a.m. Eastern Time."
    ]
    unseen = press(client, message, seen="")
    assert unseen.status_code == 409
    message.refresh_from_db()
    assert message.state == State.DRAFT
    assert press(client, message).status_code == 302
    message.refresh_from_db()
    assert message.state == State.SENDING


def test_what_speaks_against_another_time_is_shown_before_it_counts(client, organizer, readers):
    QuietDay.objects.create(day=date(2026, 11, 25), name={"en": "Thanksgiving eve", "es": "Víspera"})
    message = MessageFactory()
    response = press(client, message, when="at", **MORNING)
    assert response.status_code == 409
    assert [conflict.words for conflict in response.context["conflicts"]] == [
        "It is a quiet day (Thanksgiving eve): the message waits until Thursday, November 26, 2026, 9:00\xa0a.m."
        " Eastern Time."
    ]
    data = MORNING | {"total": "3", "seen": response.context["seen"], "when": "at"}
    assert client.post(url("send", message), data).status_code == 302
    message.refresh_from_db()
    assert message.due_at == datetime(2026, 11, 26, 14, 0, tzinfo=UTC)


def test_a_card_of_a_webinar_that_begins_before_is_said(client, organizer, readers):
    webinar = WebinarFactory(starts_at=TUESDAY - timedelta(hours=1), ends_at=TUESDAY + timedelta(hours=1))
    message = MessageFactory()
    for content in message.contents.all():
        content.blocks = [*content.blocks, {"id": "b9", "type": "event", "value": {"webinar": webinar.pk}}]
        content.save()
    assert [conflict.kind for conflict in client.get(url("send", message)).context["conflicts"]] == ["webinar"]


def test_the_cap_is_said_and_lifted_by_name(client, organizer, readers):
    Installation.objects.update(emails_at_most=1)
    sending.start(MessageFactory(name="First"))
    message = MessageFactory()
    page = client.get(url("send", message))
    assert page.context["estimate"]["held"] == [
        {"reason": "capped", "label": "Had enough messages lately", "people": 3}
    ]
    assert [(check, waiver) for check, _words, _form, waiver in page.context["allowed"]] == [("cap", None)]
    client.post(url("allow", message), {"check": "cap", "reason": "The vote is tonight."})
    page = client.get(url("send", message))
    assert page.context["estimate"]["total"] == 3
    assert "Ana Rosado" in page.content.decode()
    client.post(url("allow", message), {"check": "cap", "reason": ""})
    assert message.waived("cap") is None


def test_the_page_says_when_the_last_one_gets_it(client, organizer, readers):
    Pace.objects.create(a_minute=1)
    page = client.get(url("send", MessageFactory()))
    assert page.context["finishes"] == TUESDAY + timedelta(minutes=3)
    assert "the last of them get it Tuesday, November 24, 2026, 10:03\xa0a.m. Eastern Time." in page.content.decode()


def test_without_the_permission_to_send_there_is_no_way_in(client, installation):
    accounts.ensure_roles()
    editor = UserFactory(is_superuser=False)
    editor.groups.add(Group.objects.get(name=accounts.Role.EDITOR))
    client.force_login(editor)
    message = MessageFactory(state=State.SCHEDULED, due_at=TUESDAY)
    for name in ("send", "undo", "allow", "countdown"):
        assert client.post(url(name, message)).status_code == 302  # Wagtail sends them home
    message.refresh_from_db()
    assert message.state == State.SCHEDULED


# The calendar


def test_the_calendar_shows_what_leaves_and_what_happens_by_day(client, organizer, readers):
    planned = MessageFactory(name="Planned")
    scheduling.schedule(planned, by=organizer, at=datetime(2026, 11, 26, 2, 0, tzinfo=UTC))  # the 25th, 9 p.m.
    sending.start(MessageFactory(name="Sent today"))
    WebinarFactory(
        title={"en": "Reading at home"},
        starts_at=datetime(2026, 11, 25, 17, 0, tzinfo=UTC),
        ends_at=datetime(2026, 11, 25, 18, 0, tzinfo=UTC),
    )
    QuietDay.objects.create(day=date(2026, 11, 26), name={"en": "Thanksgiving"})
    MessageFactory(name="A draft")
    page = client.get(reverse("messages:calendar"), {"show": "list"})
    assert [(day.day, [event.words for event in events]) for day, events in page.context["days"]] == [
        (24, ["Sent today"]),
        (25, ["Reading at home", "Planned"]),
        (26, ["Thanksgiving"]),
    ]
    assert "9:00\xa0p.m." in page.content.decode()
    month = client.get(reverse("messages:calendar"), {"month": "2026-11"})
    cells = {day: [event.words for event in events] for week in month.context["weeks"] for day, _inside, events in week}
    assert cells[date(2026, 11, 25)] == ["Reading at home", "Planned"]
    assert (min(cells), max(cells)) == (date(2026, 11, 1), date(2026, 12, 5))
    for month in ("2026-13", "0001-01", "9999-12"):
        assert client.get(reverse("messages:calendar"), {"month": month, "show": "x"}).context["first"].year == 2026


def test_two_planned_messages_to_the_same_people_stand_there_with_their_number(client, organizer, readers):
    first, second = MessageFactory(name="First"), MessageFactory(name="Second")
    for hour, message in ((14, first), (20, second)):
        scheduling.schedule(message, by=organizer, at=datetime(2026, 11, 25, hour, 0, tzinfo=UTC))
    page = client.get(reverse("messages:calendar"), {"show": "list"})
    [(_day, events)] = page.context["days"]
    assert [[conflict.words for conflict in event.conflicts] for event in events] == [
        ["3 people get “Second” too."],
        ["3 people get “First” too."],
    ]


def test_the_calendar_shows_only_what_its_reader_may_see(client, installation):
    accounts.ensure_roles()
    analyst = UserFactory(is_superuser=False)
    analyst.groups.add(Group.objects.get(name=accounts.Role.TRANSLATOR))
    client.force_login(analyst)
    WebinarFactory(starts_at=TUESDAY, ends_at=TUESDAY + timedelta(hours=1))
    page = client.get(reverse("messages:calendar"), {"show": "list"})
    assert page.context["days"] == []


def test_the_calendar_costs_the_same_with_thirty_messages(client, organizer, readers):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as caught:
            client.get(reverse("messages:calendar"), {"show": "list"})
        return len(caught)

    def add(number):
        for n in range(number):
            at = TUESDAY - timedelta(hours=n)
            MessageFactory(state=State.SENT, started_at=at, due_at=at)

    queries()
    add(1)
    one = queries()
    add(29)
    assert queries() == one
