"""Planning: a hold to undo in, a time, each person's own clock; and what is due begins once, or says why not."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection

from campaigns import audience, composing, scheduling
from campaigns.models import Delivery, Message, QuietDay
from coalition.models import Notice
from tests.campaigns.conftest import four_at_once
from tests.factories import MessageFactory, PersonFactory, UserFactory

State = Message.State
TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # 10:00 in Massachusetts
MORNING = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)  # 9:00 there the day after


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(TUESDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def message(installation):
    return MessageFactory()


@pytest.fixture
def ana(db):
    return UserFactory(email="ana@example.org")


def reader(**fields):
    return PersonFactory(email=True, opted_in=True, **fields)


def test_after_send_there_is_a_hold_in_which_nobody_gets_it(message, ana, settings, clock):
    settings.SEND_HOLD_SECONDS = 60
    reader()
    assert scheduling.schedule(message, by=ana)
    assert (message.state, message.due_at, message.scheduled_by) == (
        State.SCHEDULED,
        TUESDAY + timedelta(seconds=60),
        ana,
    )
    clock.shift(timedelta(seconds=59))
    assert scheduling.start_due() == []
    clock.shift(timedelta(seconds=1))
    assert scheduling.start_due() == [message.pk]
    message.refresh_from_db()
    assert (message.state, message.started_by) == (State.SENDING, ana)
    assert message.deliveries.count() == 1


def test_undo_gives_the_draft_back_and_nobody_got_it(message, ana, settings, clock):
    settings.SEND_HOLD_SECONDS = 60
    reader()
    scheduling.schedule(message, by=ana)
    with pytest.raises(composing.Fixed):
        composing.write(message, contents={}, by=ana, name="Other words")
    assert scheduling.undo(message)
    assert message.state == State.DRAFT
    clock.shift(timedelta(minutes=5))
    assert scheduling.start_due() == []
    assert not scheduling.undo(message)
    composing.write(message, contents={}, by=ana, name="Other words")
    assert Delivery.objects.count() == 0


def test_once_it_has_begun_undo_says_so(message, ana):
    reader()
    scheduling.schedule(message, by=ana)
    scheduling.start_due()
    assert not scheduling.undo(message)
    assert not scheduling.move(message, by=ana, at=MORNING)
    assert not scheduling.schedule(message, by=ana)
    assert message.state == State.SENDING


def test_at_a_time_and_moved_to_another(message, ana, clock):
    reader()
    scheduling.schedule(message, by=ana, at=MORNING)
    assert message.due_at == MORNING
    scheduling.move(message, by=ana, at=MORNING + timedelta(hours=2))
    clock.move_to(MORNING + timedelta(hours=1))
    assert scheduling.start_due() == []
    clock.move_to(MORNING + timedelta(hours=2))
    assert scheduling.start_due() == [message.pk]


def test_what_may_not_leave_is_not_even_planned(message, ana):
    reader()
    message.contents.filter(language="en").update(reviewed_at=None)
    with pytest.raises(ValidationError):
        scheduling.schedule(message, by=ana, at=MORNING)
    message.refresh_from_db()
    assert message.state == State.DRAFT


def test_L2_what_may_not_leave_any_more_is_a_draft_again_and_its_organizer_hears_why(message, ana, clock):
    reader()
    scheduling.schedule(message, by=ana, at=MORNING)
    message.contents.filter(language="en").update(reviewed_at=None)
    clock.move_to(MORNING)
    assert scheduling.start_due() == []
    assert scheduling.start_due() == []
    message.refresh_from_db()
    assert (message.state, message.deliveries.count()) == (State.DRAFT, 0)
    notice = Notice.objects.get()
    assert (notice.kind, notice.value) == ("message_returned", "ana@example.org")
    assert "English: nobody has read and confirmed this text yet." in notice.text
    assert notice.html


def test_one_that_fails_holds_up_no_other(message, ana):
    reader()
    other = MessageFactory(name="Other")
    for each in (message, other):
        scheduling.schedule(each, by=ana)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE campaigns_delivery ADD CONSTRAINT broken CHECK (message_id <> {message.pk})")
        assert scheduling.start_due() == [other.pk]
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE campaigns_delivery DROP CONSTRAINT broken")
    assert scheduling.start_due() == [message.pk]


def test_a_quiet_day_is_passed_over_at_the_same_time_of_day(message, ana, clock):
    reader()
    quiet = QuietDay.objects.create(day=date(2026, 11, 25))
    scheduling.schedule(message, by=ana, at=MORNING)
    assert message.due_at == MORNING + timedelta(days=1)
    quiet.day = date(2026, 11, 26)  # declared later
    quiet.save()
    clock.move_to(MORNING + timedelta(days=1))
    assert scheduling.start_due() == []
    message.refresh_from_db()
    assert (message.state, message.due_at) == (State.SCHEDULED, MORNING + timedelta(days=2))


@pytest.mark.django_db(transaction=True)
def test_four_sweeps_at_once_begin_it_once(installation):
    message, ana = MessageFactory(), UserFactory()
    for _n in range(20):
        reader()
    scheduling.schedule(message, by=ana)
    begun = []

    def work():
        begun.extend(scheduling.start_due())

    four_at_once(work)
    assert begun == [message.pk]
    assert message.deliveries.count() == 20


# Each person's own clock


def test_nine_in_the_morning_is_nine_where_each_person_lives(message, ana, clock):
    here = reader(state="MA")
    denver = reader(state="CO")
    guam = reader(state="GU")
    idaho = reader(state="ID")  # two zones: the later one
    moved = reader(state="MA", time_zone="America/Los_Angeles")
    odd = reader(state="CO", time_zone="Mars/Olympus")  # came in with a file
    held = PersonFactory(state="CO")
    scheduling.schedule(message, by=ana, at=MORNING, local=True)
    in_guam = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    assert message.due_at == in_guam
    clock.move_to(in_guam)
    assert scheduling.start_due() == [message.pk]
    assert dict(message.deliveries.values_list("person", "not_before")) == {
        guam.pk: in_guam,
        here.pk: MORNING,
        odd.pk: MORNING,
        denver.pk: datetime(2026, 11, 25, 16, 0, tzinfo=UTC),
        idaho.pk: datetime(2026, 11, 25, 17, 0, tzinfo=UTC),
        moved.pk: datetime(2026, 11, 25, 17, 0, tzinfo=UTC),
        held.pk: None,
    }


def test_nobody_is_written_to_at_midnight_because_a_day_became_quiet(message, ana, clock):
    reader(state="MA"), reader(state="GU")
    QuietDay.objects.create(day=date(2026, 11, 25))
    scheduling.schedule(message, by=ana, at=MORNING, local=True)
    next_day = MORNING + timedelta(days=1)
    in_guam = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)  # still the quiet day at home
    assert (message.send_at, audience.moments(message)) == (next_day, [(in_guam, 1), (next_day, 1)])
    assert message.due_at == in_guam + timedelta(days=1)
    QuietDay.objects.create(day=date(2026, 11, 26))
    clock.move_to(message.due_at)
    assert scheduling.start_due() == []
    message.refresh_from_db()
    assert message.send_at == next_day + timedelta(days=1)


def test_S7_a_text_knows_the_clock_of_its_area_code(installation):
    text = MessageFactory(channel="phone", send_at=MORNING, send_local=True)
    PersonFactory(phone="+18085550101", opted_in=True, state="")
    PersonFactory(phone="+16175550102", opted_in=True, state="")
    assert audience.moments(text) == [(MORNING, 1), (datetime(2026, 11, 25, 19, 0, tzinfo=UTC), 1)]
