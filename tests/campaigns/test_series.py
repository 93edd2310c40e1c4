"""Series: in by what somebody does, one message after another, out as soon as they act."""

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from campaigns import sending, telling
from campaigns.models import Click, Delivery, Enrolment, Link, Message, MessageContent, Registration, Series
from campaigns.series import advancing, building, counting, enrolling, leaving, looking, steering
from coalition import channels, consent, merging, privacy
from coalition.channels import Outcome, Status
from coalition.models import (
    Address,
    Consent,
    Decision,
    Endorsement,
    Entry,
    Installation,
    Person,
    Round,
    Segment,
    Version,
)
from tests.factories import (
    CampaignFactory,
    MessageFactory,
    OrganizationFactory,
    PersonFactory,
    PublicationFactory,
    UserFactory,
    WebinarFactory,
)

State, Reason = Delivery.State, Delivery.Reason
ON_THE_WAY, ACTED, DONE, LEFT = (
    Enrolment.State.ACTIVE,
    Enrolment.State.ACTED,
    Enrolment.State.DONE,
    Enrolment.State.LEFT,
)


def reader(**kwargs):
    return PersonFactory(**{"email": True, "opted_in": True} | kwargs)


def write(message, **changes):
    """Words for a step's message, read and confirmed in both languages."""
    pattern = MessageFactory(name="pattern", campaign=message.campaign)
    for content in pattern.contents.all():
        fields = {name: getattr(content, name) for name in ("subject", "body", "blocks")}
        MessageContent.objects.filter(message=message, language=content.language).update(
            **fields | {"reviewed_at": timezone.now()} | changes
        )
    pattern.delete()


def build(*waits, trigger="joined", **fields):
    """A draft with one complete step for each wait, in hours (or (hours, condition))."""
    built = building.begin(name="Welcome", campaign=CampaignFactory(), trigger=trigger, **fields)
    for number, wait in enumerate(waits, 1):
        hours, condition = wait if isinstance(wait, tuple) else (wait, "")
        step = building.add_step(built, channel="email", name=f"Step {number}", wait_hours=hours, condition=condition)
        write(step.message)
    return built


def running(*waits, **fields):
    """The same, begun a moment ago."""
    built = build(*waits, **fields)
    anchor = reader() if not Address.objects.open().exists() else None  # somebody must be able to get it
    assert steering.start(built)
    if anchor:
        consent.withdraw("email", anchor.primary_email.value, source=Consent.Source.PREFERENCES)
    built.refresh_from_db()
    return built


def later(hours):
    """Let time go by for everybody on the way, and for what they got."""
    gone = timedelta(hours=hours)
    Enrolment.objects.update(due_at=F("due_at") - gone)
    Delivery.objects.update(sent_at=F("sent_at") - gone)


def place(person):
    row = Enrolment.objects.get(person=person)
    return row.position, row.state


def got(person):
    return list(Delivery.objects.filter(person=person).order_by("pk").values_list("message__name", "state", "reason"))


def look():
    """A round over every series, and the keys of messages that want a worker then."""
    looking.look()
    return sending.unattended()


def send_all():
    looking.look()
    for message in Message.objects.filter(state=Message.State.RUNNING).order_by("pk"):
        while sending.send_next_batch(message):
            pass


def register(person, webinar=None):
    webinar = webinar or WebinarFactory()
    return Registration.objects.create(
        webinar=webinar, person=person, language="en", nonce=f"n{person.pk}", email="x@example.org"
    )


# In


def test_somebody_who_joins_enters_once_and_gets_the_first_message_when_its_wait_is_over(installation, mailoutbox):
    known = reader()
    built = running(2, 24)
    new = reader()
    looking.look()
    assert place(new) == (0, ON_THE_WAY)
    assert not Enrolment.objects.filter(person=known).exists()
    send_all()
    assert got(new) == []
    later(2)
    send_all()
    assert got(new) == [("Step 1", State.SENT, "")]
    assert place(new) == (1, ON_THE_WAY)
    assert [email.to for email in mailoutbox] == [[new.primary_email.value]]
    assert built.enrolments.count() == 1
    assert [str(e.text) for e in new.entries.filter(kind=Entry.Kind.MESSAGE)] == ["Entered the series “Welcome”"]


def said(person):
    return sorted(str(entry.text) for entry in person.entries.filter(kind=Entry.Kind.MESSAGE))


def test_the_next_look_notes_on_the_timeline_who_got_a_message_and_once(installation, mailoutbox):
    built = running(0, 24)
    person = reader()
    send_all()
    assert said(person) == ["Entered the series “Welcome”"]
    looking.look()
    looking.look()
    assert said(person) == ["Entered the series “Welcome”", "Got the email “Step 1”"]
    got = person.entries.get(link=telling.link_of(built.steps.first().message))
    assert got.at == Delivery.objects.get(person=person).sent_at
    other = reader()
    send_all()
    looking.look()
    assert said(person) == ["Entered the series “Welcome”", "Got the email “Step 1”"]
    assert said(other) == ["Entered the series “Welcome”", "Got the email “Step 1”"]


def test_the_end_of_a_series_notes_what_no_look_had_noted(installation, mailoutbox):
    built = running(0, 24)
    person = reader()
    send_all()
    steering.end(built)
    assert said(person) == [
        "Entered the series “Welcome”",
        "Got the email “Step 1”",
        "Left the series “Welcome”",
    ]


def test_messages_that_did_not_move_are_not_read_at_a_look(installation, mailoutbox):
    built = running(0, 24)
    reader()
    send_all()
    Message.objects.update(active_at=timezone.now() - timedelta(days=2))
    built.refresh_from_db()
    with CaptureQueriesContext(connection) as caught:
        looking.tell_timelines(built)
    assert not [query for query in caught if "campaigns_delivery" in query["sql"]]


def test_the_whole_way_in_each_persons_language(installation, mailoutbox):
    running(0, 24)
    new = reader(language="es")
    send_all()
    later(24)
    send_all()
    assert place(new) == (2, DONE)
    assert [name for name, _state, _reason in got(new)] == ["Step 1", "Step 2"]
    assert [email.subject for email in mailoutbox] == ["La votación es el martes"] * 2
    send_all()
    assert len(mailoutbox) == 2


def test_who_cannot_be_reached_does_not_enter(installation):
    running(0)
    PersonFactory(email=True)
    looking.look()
    assert Enrolment.objects.count() == 0


def test_a_list_that_is_read_in_is_not_joining(installation):
    running(0)
    person = PersonFactory(email=True)
    address = person.addresses.get()
    consent.grant(address, wording="Yes.", language="en", source=Consent.Source.IMPORT)
    looking.look()
    assert Enrolment.objects.count() == 0


def test_only_people_of_the_segment_enter(installation):
    spanish = Segment.objects.create(name="es", criteria={"all": [{"is": "language", "value": "es"}]})
    running(0, segment=spanish)
    reader()
    one = reader(language="es")
    looking.look()
    assert [row.person for row in Enrolment.objects.all()] == [one]


def test_a_segment_with_a_mistake_takes_nobody_in(installation):
    spanish = Segment.objects.create(name="es", criteria={"all": [{"is": "language", "value": "es"}]})
    series = running(0, segment=spanish)
    Segment.objects.update(criteria={"all": [{"is": "no such thing"}]})
    reader(language="es")
    assert enrolling.enrol(series) == 0
    assert Enrolment.objects.count() == 0


@pytest.fixture
def round_(installation):
    publication = PublicationFactory()
    version = Version.objects.create(publication=publication, number=1, digest="0" * 64)
    deadline = timezone.now() + timedelta(days=9)
    return Round.objects.create(publication=publication, deadline=deadline, individuals=True), version


def endorse(person, round_, **fields):
    round_, version = round_
    return Endorsement.objects.create(
        round=round_,
        publication=round_.publication,
        version=version,
        person=person,
        name=person.name,
        email=person.primary_email.value,
        language="en",
        wording="Yes.",
        nonce=f"e{person.pk}",
        at=timezone.now(),
        **{"confirmed_at": timezone.now()} | fields,
    )


def sign(person, round_):
    round_, version = round_
    return Decision.objects.create(
        publication=round_.publication,
        version=version,
        round=round_,
        organization=OrganizationFactory(),
        choice="sign",
        signer=person,
        signer_name=person.name,
        attested=True,
        language="en",
        at=timezone.now(),
    )


def test_a_confirmed_endorsement_and_a_representatives_signature_begin_it(round_):
    running(0, trigger="signed", round=round_[0])
    endorsed, signed, unconfirmed, other = reader(), reader(), reader(), reader()
    endorse(endorsed, round_)
    sign(signed, round_)
    endorse(unconfirmed, round_, confirmed_at=None)
    register(other)
    looking.look()
    assert {row.person for row in Enrolment.objects.all()} == {endorsed, signed}


def test_what_began_it_is_no_act_that_ends_it_and_the_next_one_is(round_):
    running(0, 24, trigger="signed")
    person = reader()
    endorse(person, round_)
    send_all()
    assert place(person) == (1, ON_THE_WAY)
    register(person)
    send_all()
    assert place(person) == (1, ACTED)


def test_a_seat_in_the_webinar_begins_it(installation):
    webinar, other = WebinarFactory(), WebinarFactory()
    running(0, trigger="registered", webinar=webinar)
    one, two = reader(), reader()
    register(one, webinar)
    register(two, other)
    looking.look()
    assert [row.person for row in Enrolment.objects.all()] == [one]


def test_who_got_a_message_and_did_not_act_within_days_enters(installation):
    message = MessageFactory()
    idle, active, early = reader(), reader(), reader()
    sending.start(message)
    while sending.send_next_batch(message):
        pass
    built = running(0, trigger="not_acted", message=message, after_days=3)
    register(active)
    message.deliveries.exclude(person=early).update(sent_at=timezone.now() - timedelta(days=3) + timedelta(minutes=1))
    Series.objects.update(since=timezone.now() - timedelta(minutes=5))
    looking.look()
    assert Enrolment.objects.count() == 0
    message.deliveries.exclude(person=early).update(sent_at=timezone.now() - timedelta(days=3))
    Registration.objects.update(registered_at=timezone.now() - timedelta(days=1))
    looking.look()
    assert [row.person for row in built.enrolments.all()] == [idle]


def test_somebody_who_left_and_joins_again_does_not_go_through_it_twice(installation, mailoutbox):
    running(0, 24)
    person = reader()
    send_all()
    address = person.primary_email
    consent.withdraw("email", address.value, source=Consent.Source.ONE_CLICK)
    later(24)
    send_all()
    consent.grant(address, wording="Yes.", language="en", source=Consent.Source.FORM)
    send_all()
    assert place(person) == (1, LEFT)
    assert [email.subject for email in mailoutbox] == ["The vote is Tuesday"]


# Waits


def test_two_days_are_48_hours_where_the_clocks_change(installation):
    built = running(48, trigger="registered")
    before = datetime(2025, 11, 1, 12, tzinfo=ZoneInfo("America/New_York"))  # the night after, they go back
    Series.objects.update(since=before - timedelta(days=1))
    register(reader())
    Registration.objects.update(registered_at=before)
    enrolling.enrol(built)
    row = built.enrolments.get()
    assert (row.began_at, row.due_at - before.astimezone(UTC)) == (before, timedelta(hours=48))


def test_a_wait_begins_when_the_message_before_has_left(installation, mailoutbox):
    built = running(0, 24)
    person = reader()
    looking.look()
    steering.pause(built)
    later(30)
    steering.resume(built)
    send_all()
    send_all()
    assert got(person) == [("Step 1", State.SENT, "")]
    assert place(person) == (1, ON_THE_WAY)
    later(23)
    send_all()
    assert place(person) == (1, ON_THE_WAY)
    later(1)
    send_all()
    assert [name for name, *_rest in got(person)] == ["Step 1", "Step 2"]
    assert place(person) == (2, DONE)
    assert len(mailoutbox) == 2


def test_what_leaves_late_makes_the_next_wait_begin_late(installation):
    built = running(0, 24)
    person = reader()
    looking.look()
    later(20)
    Delivery.objects.update(state=State.SENT, sent_at=timezone.now())
    later(4)
    looking.look()
    row = built.enrolments.get()
    assert (row.position, row.due_at) == (1, Delivery.objects.get(person=person).sent_at + timedelta(hours=24))


def test_a_wait_that_changes_changes_for_those_who_wait(installation):
    built = running(0, 24, 24)
    person = reader()
    send_all()
    due = built.enrolments.get().due_at
    steering.pause(built)
    building.change_step(built.steps.all()[1], name="Step 2", wait_hours=72, condition="")
    building.change_step(built.steps.all()[2], name="Step 3", wait_hours=1, condition="")
    assert built.enrolments.get(person=person).due_at == due + timedelta(hours=48)


# Conditions


def test_who_follows_the_link_while_a_step_for_the_others_is_queued_does_not_get_it(installation):
    built = running(0, (24, "not_followed"))
    keen, idle = reader(), reader()
    send_all()
    later(24)
    looking.look()
    first = built.steps.first().message
    link = Link.objects.create(message=first, url="https://example.org/x")
    Click.objects.create(link=link, delivery=first.deliveries.get(person=keen), by=Click.By.PERSON)
    send_all()
    assert got(keen) == [("Step 1", State.SENT, ""), ("Step 2", State.HELD, Reason.FOLLOWED)]
    assert got(idle) == [("Step 1", State.SENT, ""), ("Step 2", State.SENT, "")]


def test_a_step_for_those_who_followed_a_link_skips_the_others(installation):
    built = running(0, (24, "followed"), (24, "not_followed"))
    keen, idle = reader(), reader()
    send_all()
    first = built.steps.first().message
    link = Link.objects.create(message=first, url="https://example.org/x")
    Click.objects.create(link=link, delivery=first.deliveries.get(person=keen), by=Click.By.PERSON)
    Click.objects.create(link=link, delivery=first.deliveries.get(person=idle), by=Click.By.SCANNER)
    later(24)
    send_all()
    later(24)
    send_all()
    assert [name for name, *_rest in got(keen)] == ["Step 1", "Step 2", "Step 3"]
    assert [name for name, *_rest in got(idle)] == ["Step 1", "Step 3"]


# Out


def test_who_acts_gets_nothing_further(installation):
    running(0, 24)
    person = reader()
    send_all()
    register(person)
    later(24)
    send_all()
    assert place(person) == (1, ACTED)
    assert [name for name, *_rest in got(person)] == ["Step 1"]
    assert str(person.entries.latest("pk").text) == "Acted, so the series “Welcome” ended for them"


def test_who_acts_between_freezing_and_leaving_is_held_back(installation, mailoutbox):
    built = running(0)
    person = reader()
    (pk,) = look()
    register(person)
    sending.send_next_batch(Message.objects.get(pk=pk))
    assert got(person) == [("Step 1", State.HELD, Reason.ACTED)]
    assert mailoutbox == []
    assert built.enrolments.get().state == DONE


def test_who_joins_and_acts_while_it_is_paused_gets_nothing(installation, mailoutbox):
    built = running(0, 24)
    looking.look()
    steering.pause(built)
    Series.objects.update(looked_at=timezone.now() - timedelta(days=5), since=timezone.now() - timedelta(days=9))
    person = reader()
    Consent.objects.filter(person=person).update(at=timezone.now() - timedelta(days=3))
    register(person)
    Registration.objects.update(registered_at=timezone.now() - timedelta(days=2))
    steering.resume(built)
    send_all()
    assert (place(person), mailoutbox) == ((0, ACTED), [])


def test_who_is_put_in_the_bin_leaves_the_series(installation, mailoutbox):
    running(1)
    person = reader()
    looking.look()
    Person.objects.filter(pk=person.pk).update(binned_at=timezone.now())
    later(1)
    send_all()
    assert (place(person), mailoutbox) == ((0, LEFT), [])


def test_the_sweep_holds_back_what_waits_for_its_hour(installation):
    running(0, 24)
    person = reader()
    looking.look()
    Delivery.objects.update(not_before=timezone.now() + timedelta(hours=3))
    register(person)
    looking.look()
    assert got(person) == [("Step 1", State.HELD, Reason.ACTED)]


def test_a_series_may_go_on_after_somebody_acted(installation):
    running(0, 24, stops_on_action=False)
    person = reader()
    send_all()
    register(person)
    later(24)
    send_all()
    assert [name for name, *_rest in got(person)] == ["Step 1", "Step 2"]


def test_E3_who_says_stop_leaves_the_series(installation, mailoutbox):
    running(0, 24)
    person = reader()
    send_all()
    consent.withdraw("email", person.primary_email.value, source=Consent.Source.ONE_CLICK)
    later(24)
    send_all()
    assert place(person) == (1, LEFT)
    assert len(mailoutbox) == 1


def test_people_who_are_made_one_go_on_once_from_where_they_were_further(installation):
    running(0, 24)
    ahead = reader()
    send_all()
    behind = reader()
    enrolling.enrol(Series.objects.get())
    merging.merge(behind, [ahead])
    assert place(behind) == (1, ON_THE_WAY)
    later(24)
    send_all()
    assert [name for name, *_rest in got(behind)] == ["Step 1", "Step 2"]
    assert Enrolment.objects.filter(state=ON_THE_WAY).count() == 0


def test_P4_who_is_erased_is_in_no_series(installation):
    running(0, 24)
    person = reader()
    send_all()
    told = {kind["key"]: kind["rows"] for kind in privacy.everything(person)}
    assert [cell["value"] for cell in told["series"][0] if cell["name"] == "series__name"] == ["Welcome"]
    privacy.erase(person, source="staff", by=UserFactory())
    assert Enrolment.objects.count() == 0
    assert Delivery.objects.get().person is None


# Once


def test_looking_again_does_nothing_again(installation):
    running(0, 24)
    for _n in range(3):
        reader()
    send_all()
    looking.look()
    assert Delivery.objects.count() == 3
    later(24)
    looking.look()
    looking.look()
    assert Delivery.objects.count() == 6
    assert Enrolment.objects.filter(state=DONE).count() == 3


def test_a_series_that_is_broken_keeps_no_other_from_going_on(installation, mailoutbox):
    broken = running(0)
    whole = running(0)
    broken.steps.all().delete()
    person = reader()
    send_all()
    assert (broken.enrolments.count(), whole.enrolments.get().person) == (0, person)
    assert [email.to for email in mailoutbox] == [[person.primary_email.value]]


def test_a_worker_that_dies_in_the_middle_leaves_nothing_half(installation):
    built = running(0)
    reader()
    enrolling.enrol(built)
    with transaction.atomic():
        advancing.advance(built)
        transaction.set_rollback(True)
    assert (Delivery.objects.count(), Enrolment.objects.get().position) == (0, 0)
    assert advancing.advance(built) == 1
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_send_every_step_once(installation):
    built = running(0, 0)
    for _n in range(40):
        reader()
    gate, failed = threading.Barrier(4), []

    def work():
        try:
            gate.wait()
            for _n in range(4):
                send_all()
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _n in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert failed == []
    later(1)  # who was looked at while a worker had their message in hand
    send_all()
    assert built.enrolments.filter(state=DONE).count() == 40
    assert Delivery.objects.filter(state=State.SENT).count() == 80


# Beginning, pausing, ending


def test_L2_a_series_does_not_begin_with_half_a_language(installation):
    reader(language="es")
    built = build(0, 24)
    second = built.steps.last()
    MessageContent.objects.filter(message=second.message, language="es").update(reviewed_at=None)
    with pytest.raises(ValidationError) as refused:
        steering.start(built)
    assert any("Spanish" in problem for problem in refused.value.messages)
    built.refresh_from_db()
    assert built.state == Series.State.DRAFT
    assert {step for step, _problem in building.missing(built)} == {second}


def test_an_empty_series_does_not_begin(installation):
    with pytest.raises(ValidationError, match="no step yet"):
        steering.start(build())


@pytest.mark.parametrize("condition", ["followed", "not_followed"])
def test_a_step_for_those_who_followed_a_link_waits_for_one_whose_links_are_counted(installation, condition):
    reader()
    built = build(0)
    building.add_step(built, channel="phone", name="Text", wait_hours=1)
    after = building.add_step(built, channel="email", name="Then", wait_hours=1, condition=condition)
    write(after.message)

    def said():
        return [problem for step, problem in building.missing(built) if step == after]

    assert said() == ["The step before is a text, and of a text nobody knows who followed its links."]
    Message.objects.filter(name="Text").update(channel="email")
    assert said() == []
    Installation.objects.update(follow_links=False)
    assert said() == ["The settings say that links are not counted: nobody knows who followed one."]


def test_pressing_begin_twice_begins_once(installation):
    built = running(0)
    assert not steering.start(built)


def test_a_message_of_a_series_is_never_sent_to_everybody(installation):
    reader()
    message = build(0).steps.get().message
    assert not sending.start(message)
    assert message.deliveries.count() == 0


def test_nothing_leaves_while_it_is_paused_and_who_joined_meanwhile_enters_afterwards(installation, mailoutbox):
    built = running(0)
    first = reader()
    looking.look()
    assert steering.pause(built)
    assert not steering.pause(built)
    second = reader()
    send_all()
    message = Message.objects.get(name="Step 1")
    assert not sending.send_next_batch(message)
    assert not sending.resume(message)
    assert (mailoutbox, got(second)) == ([], [])
    assert steering.resume(built)
    send_all()
    assert {email.to[0] for email in mailoutbox} == {p.primary_email.value for p in (first, second)}


def test_new_words_are_a_new_message_and_what_people_got_stays_as_it_was(installation, mailoutbox):
    built = running(0, (24, "followed"))
    early = reader()
    send_all()
    waiting = reader()
    looking.look()
    with pytest.raises(building.Fixed):
        building.rewrite_step(built.steps.first())
    steering.pause(built)
    old = built.steps.first().message
    new = building.rewrite_step(built.steps.first())
    assert building.rewrite_step(built.steps.first()) == new
    MessageContent.objects.filter(message=new, language="en").update(subject="Better words")
    with pytest.raises(ValidationError):
        steering.resume(built)
    MessageContent.objects.filter(message=new).update(reviewed_at=timezone.now())
    assert steering.resume(built)
    send_all()
    assert [email.subject for email in mailoutbox] == ["The vote is Tuesday", "Better words"]
    assert [email.to[0] for email in mailoutbox] == [early.primary_email.value, waiting.primary_email.value]
    assert old.contents.get(language="en").subject == "The vote is Tuesday"
    link = Link.objects.create(message=old, url="https://example.org/x")
    Click.objects.create(link=link, delivery=old.deliveries.get(person=early))
    later(24)
    send_all()
    assert [name for name, *_rest in got(early)] == ["Step 1", "Step 2"]


def test_ending_holds_back_what_waits_and_takes_everybody_out(installation):
    built = running(0, 24)
    person = reader()
    looking.look()
    assert steering.end(built)
    assert not steering.end(built)
    assert got(person) == [("Step 1", State.HELD, Reason.CANCELLED)]
    assert place(person) == (1, LEFT)
    assert set(Message.objects.values_list("state", flat=True)) == {Message.State.SENT}


def test_what_comes_back_from_a_worker_after_the_end_is_held_back(installation, monkeypatch):
    built = running(0)
    person = reader()
    (pk,) = look()
    message = Message.objects.get(pk=pk)

    def busy(*_letters):
        steering.end(built)
        return [Outcome(Status.RETRY, error="busy")]

    monkeypatch.setattr(channels.channel_for("email"), "send", busy)
    sending.send_next_batch(message)
    assert got(person) == [("Step 1", State.HELD, Reason.CANCELLED)]


def test_what_was_in_hand_when_it_ended_is_noted_once_it_has_left(installation, monkeypatch):
    built = running(0)
    person = reader()
    (pk,) = look()

    def busy(letters):
        steering.end(built)
        return [Outcome(Status.SENT) for _letter in letters]

    monkeypatch.setattr(channels.channel_for("email"), "send", busy)
    sending.send_next_batch(Message.objects.get(pk=pk))
    looking.look()
    looking.look()
    assert got(person) == [("Step 1", State.SENT, "")]
    assert said(person) == [
        "Entered the series “Welcome”",
        "Got the email “Step 1”",
        "Went through the series “Welcome”",
    ]


def rewrites(monkeypatch, built, status):
    """While the first letter is in a worker's hand, somebody writes new words; the carrier says this of it."""
    channel = channels.channel_for("email")
    plain = channel.send

    def busy(letters):
        steering.pause(built)
        building.rewrite_step(built.steps.first())
        monkeypatch.setattr(channel, "send", plain)
        return [Outcome(status, error="busy" if status == Status.RETRY else "") for _letter in letters]

    monkeypatch.setattr(channel, "send", busy)


def begin_again(built):
    new = built.steps.first().message
    MessageContent.objects.filter(message=new).update(subject="Better words", reviewed_at=timezone.now())
    assert steering.resume(built)
    send_all()


@pytest.mark.parametrize("waits", [(0,), (0, 24)])
def test_what_comes_back_from_a_worker_after_new_words_gets_those(installation, mailoutbox, monkeypatch, waits):
    built = running(*waits)
    person = reader()
    (pk,) = look()
    rewrites(monkeypatch, built, Status.RETRY)
    sending.send_next_batch(Message.objects.get(pk=pk))
    assert got(person) == [("Step 1", State.HELD, Reason.CANCELLED)]
    assert place(person) == (0, ON_THE_WAY)
    begin_again(built)
    assert got(person) == [("Step 1", State.HELD, Reason.CANCELLED), ("Step 1", State.SENT, "")]
    assert [email.subject for email in mailoutbox] == ["Better words"]


def test_what_left_a_workers_hand_while_new_words_were_written_is_not_sent_again(installation, mailoutbox, monkeypatch):
    built = running(0, 24)
    person = reader()
    (pk,) = look()
    rewrites(monkeypatch, built, Status.SENT)
    sending.send_next_batch(Message.objects.get(pk=pk))
    begin_again(built)
    assert got(person) == [("Step 1", State.SENT, "")]
    assert place(person) == (1, ON_THE_WAY)
    assert mailoutbox == []
    looking.look()
    assert "Got the email “Step 1”" in said(person)


# Building


def test_steps_move_and_go_while_it_is_a_draft_only(installation):
    built = build(0, 24, 48)
    one, two, three = built.steps.all()
    assert building.move_step(three, -1)
    assert not building.move_step(one, -1)
    assert [step.pk for step in built.steps.all()] == [one.pk, three.pk, two.pk]
    building.remove_step(three)
    assert list(built.steps.values_list("pk", "position")) == [(one.pk, 1), (two.pk, 2)]
    assert Message.objects.count() == 2
    reader()
    steering.start(built)
    for change in (
        lambda: building.move_step(two, -1),
        lambda: building.remove_step(two),
        lambda: building.add_step(built, channel="email", name="x", wait_hours=1),
        lambda: building.change_step(two, name="x", wait_hours=1, condition=""),
    ):
        with pytest.raises(building.Fixed):
            change()


def test_the_ladder_counts_who_waits_got_it_acted_and_left(installation):
    built = running(0, 24)
    people = [reader() for _n in range(4)]
    send_all()
    register(people[0])
    consent.withdraw("email", people[1].primary_email.value, source=Consent.Source.ONE_CLICK)
    fresh = reader()
    enrolling.enrol(built)
    leaving.take_out(built)
    rungs, states = counting.ladder(built)
    counted = [{name: value for name, value in rung.items() if name != "step"} for rung in rungs]
    assert counted == [
        {"waiting": 1, "acted": 0, "left": 0, "sent": 4, "queued": 0, "held": 0, "skipped": 0},
        {"waiting": 2, "acted": 1, "left": 1, "sent": 0, "queued": 0, "held": 0, "skipped": 0},
    ]
    assert states == {"active": 3, "acted": 1, "left": 1}
    assert place(fresh) == (0, ON_THE_WAY)


def test_the_ladder_counts_whom_a_step_was_not_for(installation):
    built = running(0, (24, "followed"), 24)
    people = [reader() for _n in range(4)]
    send_all()
    first = built.steps.first().message
    link = Link.objects.create(message=first, url="https://example.org/x")
    Click.objects.create(link=link, delivery=first.deliveries.get(person=people[0]), by=Click.By.PERSON)
    later(24)
    reader()
    send_all()

    def skipped():
        return [(rung["sent"], rung["skipped"]) for rung in counting.ladder(built)[0]]

    assert skipped() == [(5, 0), (1, 3), (0, 0)]
    later(24)
    send_all()
    assert skipped() == [(5, 0), (1, 4), (4, 0)]
    # New words are no other step, and who goes back to them has not passed it.
    steering.pause(built)
    new = building.rewrite_step(built.steps.first())
    MessageContent.objects.filter(message=new).update(reviewed_at=timezone.now())
    assert skipped() == [(5, 0), (1, 4), (4, 0)]


def test_what_keeps_it_from_beginning_is_said_in_spanish(installation):
    with override("es"):
        ((_step, said),) = building.missing(build())
    assert said
