"""Rounds remind by themselves: the undecided only, on the days named, the second representative after the first."""

import threading
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection, transaction

from coalition import consent, notices, publishing, signing_on, tasks
from coalition.channels.memory import TextChannel
from coalition.models import Ask, Decision, Invitation, Notice, Policy, Round
from coalition.signing_on import asking, limits, links
from tests import factories

from .signons import Choice, amend, asked, sign, texts
from .test_parallel_decisions import waits_for_a_lock

EASTERN = ZoneInfo("America/New_York")
DEADLINE = datetime(2026, 6, 19, 17, tzinfo=EASTERN)  # a Friday


def at(day, hour=9, minute=1, month=6):
    return datetime(2026, month, day, hour, minute, tzinfo=EASTERN)


@pytest.fixture(autouse=True)
def clock(installation):
    with time_machine.travel(at(1)) as traveller:
        yield traveller


@pytest.fixture
def round_(publication, editor):
    return open_with(publication, editor)


def open_with(publication, editor, **terms):
    return signing_on.open_round(
        publication, **{"deadline": DEADLINE, "zone": "America/New_York", "by": editor, **terms}
    )


def reminded():
    """[(person, day)] of every reminder by email, in order."""
    asks = Ask.objects.filter(kind=Ask.Kind.REMINDER, channel="email").order_by("at", "pk")
    return [(a.invitation.representative.person, a.at.astimezone(EASTERN).date().day) for a in asks]


def run_through(clock, *days, hour=9):
    for day in days:
        clock.move_to(at(day, hour))
        signing_on.remind_due()


def test_reminders_leave_on_the_days_named_at_a_decent_hour_to_the_undecided_only(round_, clock):
    silent, signed = asked(round_, language="es"), asked(round_)
    sign(signed)
    clock.move_to(at(12, 8, 59))
    assert signing_on.remind_due() == 0
    clock.move_to(at(12, 9, 0))
    assert signing_on.remind_due() == 1
    run_through(clock, *range(12, 25))
    person = silent.representative.person
    assert reminded() == [(person, 12), (person, 17)]
    assert list(Ask.objects.filter(kind="reminder").order_by("at").values_list("step", flat=True)) == [7, 2]
    assert {n.language for n in Notice.objects.filter(kind="reminder")} == {"es"}


def test_an_outage_is_made_up_for_once(round_, clock):
    asked(round_)
    run_through(clock, 18)  # both days passed while nothing ran
    run_through(clock, 18, hour=15)
    assert [day for _person, day in reminded()] == [18]
    assert Ask.objects.get(kind="reminder").step == 2


def test_who_was_just_asked_or_reminded_by_hand_is_not_reminded_again_the_same_day(round_, clock):
    by_hand = asked(round_)
    clock.move_to(at(12, 8))
    assert signing_on.remind(round_, [by_hand]).number == 1
    asked(round_)
    run_through(clock, 12, 13)
    assert [(person, day) for person, day in reminded()] == [(by_hand.representative.person, 12)]


def test_who_needs_time_is_left_alone_until_the_day_they_named(round_, clock):
    invitation = asked(round_)
    sign(invitation, choice=Choice.TIME, until=date(2026, 6, 15))
    clock.move_to(at(12))
    assert signing_on.remind_due() == 0
    left = signing_on.remind_undecided(round_)
    assert left.number == 0
    assert left.left_out[invitation.organization_id].text == "It asked for time until June 15, 2026."
    run_through(clock, 14, 15, 16, 17, 18)
    assert [day for _person, day in reminded()] == [15, 17]


def test_no_reminder_leaves_in_the_quiet_period_whoever_sends_it(publication, editor, clock):
    quiet = {"quiet_from": date(2026, 6, 12), "quiet_until": date(2026, 6, 14)}
    round_ = open_with(publication, editor, **quiet)
    invitation = asked(round_)
    run_through(clock, 12, 13, 14)
    held = signing_on.remind_undecided(round_)
    assert (held.number, held.left_out[invitation.organization_id].text) == (
        0,
        "The quiet period lasts until June 14, 2026.",
    )
    run_through(clock, 15, 16, 17)
    assert [day for _person, day in reminded()] == [15, 17]


def test_reminders_follow_a_deadline_that_moves(round_, clock):
    asked(round_)
    run_through(clock, 12)
    signing_on.change_round(round_, deadline=DEADLINE + timedelta(days=7), reminder_days=[2])
    run_through(clock, *range(13, 30))
    assert [day for _person, day in reminded()] == [12, 24]


def test_G3_a_round_past_its_deadline_reminds_nobody_and_closes_by_itself_never(round_, clock):
    asked(round_)
    clock.move_to(DEADLINE + timedelta(days=3))
    assert signing_on.remind_due() == 0
    tasks.sweep()
    tasks.remind()
    assert Round.objects.get().closed_at is None


def test_beat_sends_what_is_due(round_, clock, mailoutbox):
    asked(round_)
    notices.send_due()
    clock.move_to(at(12))
    tasks.remind()
    notices.send_due()
    assert mailoutbox[-1].subject.startswith("By June 19, 2026: will ")


# The second representative


def pair():
    organization = factories.OrganizationFactory()
    return [
        factories.RepresentativeFactory(
            organization=organization,
            person=factories.PersonFactory(email=True, name=name),
            position=position,
        )
        for position, name in ((2, "Ben Okafor"), (1, "Ana Ruiz"), (3, "Lin Wu"))
    ]


def test_the_first_representative_is_asked_first_and_not_all_of_them(round_):
    second, first, third = pair()
    unreached = factories.RepresentativeFactory(
        organization=first.organization, person=factories.PersonFactory(email=False), position=0
    )
    assert signing_on.first_to_ask([first.organization]) == [first]
    assert [r.position for r in signing_on.speakers([first.organization])[first.organization_id]] == [0, 1, 2, 3]
    first.person.addresses.update(fault="bounced")
    assert signing_on.first_to_ask([first.organization]) == [second]
    for each in (second, third):
        each.person.addresses.update(fault="bounced")
    assert signing_on.first_to_ask([first.organization]) == [unreached]


def test_after_a_reminder_without_an_answer_the_second_representative_is_asked_once(round_, clock):
    second, first, _third = pair()
    signing_on.invite(round_, [first])
    run_through(clock, 12, 13, 14)
    assert list(round_.invitations.values_list("representative", flat=True)) == [first.pk]
    run_through(clock, 15, 16)
    assert list(round_.invitations.order_by("pk").values_list("representative", flat=True)) == [first.pk, second.pk]
    letter = Notice.objects.get(kind="invitation", person=second.person)
    assert "We asked Ana Ruiz first and have no answer yet." in letter.text
    run_through(clock, 17, 18, 19)
    assert round_.invitations.count() == 2
    assert reminded() == [(first.person, 12), (first.person, 17), (second.person, 17)]


def test_a_colleague_who_only_reads_does_not_keep_the_second_from_being_asked(round_, clock):
    second, first, _third = pair()
    reader = factories.RepresentativeFactory(
        organization=first.organization, person=factories.PersonFactory(email=True), may_sign=False, position=4
    )
    signing_on.invite(round_, [first])
    assert links.own_invitation(reader, round_)  # as from their desk, to read what the organization was asked
    run_through(clock, 12, 13, 14, 15, 16)
    assert list(Ask.objects.filter(kind="invitation").values_list("invitation__representative", flat=True)) == [
        first.pk,
        second.pk,
    ]


def test_nobody_else_is_asked_once_the_first_answered_or_needs_time(round_, clock):
    _second, first, _third = pair()
    invitation = signing_on.invite(round_, [first]).asked[0]
    run_through(clock, 12)
    sign(invitation, choice=Choice.TIME, until=date(2026, 6, 19))
    run_through(clock, 15, 16, 17, 18)
    assert round_.invitations.count() == 1


def test_without_an_email_that_arrives_the_second_is_asked_at_once(round_, clock):
    second, first, _third = pair()
    signing_on.invite(round_, [first])
    first.person.addresses.update(fault="bounced")
    run_through(clock, 2)
    assert list(round_.invitations.order_by("pk").values_list("representative", flat=True)) == [first.pk, second.pk]


def test_a_round_without_reminders_counts_the_days_from_being_asked(publication, editor, clock):
    round_ = open_with(publication, editor, reminder_days=[], second_after_days=5)
    _second, first, _third = pair()
    signing_on.invite(round_, [first])
    run_through(clock, 5)
    assert round_.invitations.count() == 1
    run_through(clock, 6)
    assert round_.invitations.count() == 2
    assert reminded() == []


def test_the_second_is_never_asked_where_the_round_says_so_or_the_limit_is_used_up(publication, editor, clock):
    round_ = open_with(publication, editor, second_after_days=None)
    _second, first, _third = pair()
    signing_on.invite(round_, [first])
    run_through(clock, 12, 15, 16)
    assert round_.invitations.count() == 1
    signing_on.change_round(round_, second_after_days=1)
    Policy.objects.create(organization=first.organization, asks_a_month=2)
    run_through(clock, 16)
    assert [i.held_until for i in round_.invitations.order_by("pk")] == [None, date(2026, 7, 1)]
    assert Notice.objects.filter(kind="invitation").count() == 1


# By text


@pytest.fixture
def sent(settings):
    settings.TEXT_PROVIDER = "memory"
    TextChannel.sent.clear()
    return TextChannel.sent


def with_phone(round_, *, opted_in=True, language="en", **person):
    person = factories.PersonFactory(email=True, phone=True, opted_in=opted_in, language=language, **person)
    representative = factories.RepresentativeFactory(person=person)
    return signing_on.invite(round_, [representative]).asked[0]


def test_S1_a_text_goes_only_to_who_said_yes_to_texts_and_only_if_the_round_says_so(publication, editor, clock, sent):
    round_ = open_with(publication, editor, by_text=True)
    yes, no = with_phone(round_, language="es"), with_phone(round_, opted_in=False)
    run_through(clock, 12)
    while notices.send_due():
        pass
    assert [envelope.to for envelope in sent] == [yes.representative.person.primary_phone.value]
    assert "/es/sign/" in sent[0].text
    assert sorted(Ask.objects.filter(kind="reminder").values_list("invitation", "channel")) == [
        (yes.pk, "email"),
        (yes.pk, "phone"),
        (no.pk, "email"),
    ]
    signing_on.change_round(round_, by_text=False)
    run_through(clock, 17)
    while notices.send_due():
        pass
    assert len(sent) == 1


def test_S1_a_stop_between_writing_and_sending_holds_the_text_back(publication, editor, clock, sent):
    round_ = open_with(publication, editor, by_text=True)
    invitation = with_phone(round_)
    run_through(clock, 12)
    clock.move_to(at(12, 9, 2))
    consent.withdraw("phone", invitation.representative.person.primary_phone.value, source="keyword")
    while notices.send_due():
        pass
    assert sent == []
    assert Notice.objects.get(kind="sign_on_text").state == Notice.State.FAILED


def test_S7_a_text_waits_for_the_hours_of_where_its_reader_lives(publication, editor, clock, sent):
    round_ = open_with(publication, editor, by_text=True)
    with_phone(round_, state="CA", zip="94110")
    run_through(clock, 12)  # six in the morning in California
    while notices.send_due():
        pass
    assert sent == []
    clock.move_to(at(12, 12))
    notices.send_due()
    assert len(sent) == 1


def test_a_text_that_would_come_after_the_deadline_expires(publication, editor, clock, sent):
    round_ = open_with(publication, editor, by_text=True)
    with_phone(round_)
    run_through(clock, 17)
    clock.move_to(DEADLINE + timedelta(minutes=5))
    while notices.send_due():
        pass
    assert sent == []
    assert Notice.objects.get(kind="sign_on_text").error == "too late"


def test_the_last_ask_a_month_is_an_email_and_no_text(publication, editor, clock, sent):
    round_ = open_with(publication, editor, by_text=True)
    invitation = with_phone(round_)
    Policy.objects.create(organization=invitation.organization, asks_a_month=2)
    run_through(clock, 12)
    assert list(invitation.asks.order_by("pk").values_list("kind", "channel")) == [
        ("invitation", "email"),
        ("reminder", "email"),
    ]


def test_of_a_long_list_the_first_are_asked_at_once_and_beat_asks_the_others(round_, clock, monkeypatch):
    monkeypatch.setattr(asking, "AT_ONCE", 2)
    many = [factories.RepresentativeFactory(person=factories.PersonFactory(email=True)) for _n in range(5)]
    invited = signing_on.invite(round_, many)
    assert (len(invited.asked), len(invited.queued)) == (2, 3)
    assert {r.why for r in signing_on.remind_undecided(round_).left_out.values()} == {"queued"}
    assert [signing_on.remind_due(limit=2), signing_on.remind_due(limit=2), signing_on.remind_due()] == [2, 1, 0]
    assert Notice.objects.filter(kind="invitation").count() == Ask.objects.filter(kind="invitation").count() == 5
    assert not round_.invitations.exclude(held_until=None).exists()


# Safe to run twice


def test_who_answered_while_the_page_was_open_is_not_reminded(round_, clock):
    invitation = asked(round_)
    whom = signing_on.undecided(round_)
    sign(invitation)
    assert signing_on.remind(round_, whom).number == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_same_second_remind_once(installation, clock):
    editor, publication = factories.UserFactory(), factories.PublicationFactory()
    publishing.freeze(publication, texts(), by=editor)
    round_ = open_with(publication, editor)
    invitations = [asked(round_) for _n in range(5)]
    clock.move_to(at(12))
    together, failed = threading.Barrier(4), []

    def beat():
        together.wait()
        try:
            signing_on.remind_due()
        except Exception as error:  # a thread's error would otherwise be lost
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=beat) for _n in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    signing_on.remind_due()
    assert failed == []
    assert sorted(Ask.objects.filter(kind="reminder").values_list("invitation", flat=True)) == [
        i.pk for i in invitations
    ]
    assert Notice.objects.filter(kind="reminder").count() == 5


@pytest.mark.django_db(transaction=True)
def test_what_is_due_in_one_round_waits_for_another_without_standing_in_its_way(installation, clock):
    """Who invites for another round holds its partners in order, so beat holds none while it waits for one before."""
    editor, publication = factories.UserFactory(), factories.PublicationFactory()
    publishing.freeze(publication, texts(), by=editor)
    round_ = open_with(publication, editor)
    first, waiting = asked(round_).organization, asked(round_)  # the first is reminded, the other asked at last
    Ask.objects.filter(invitation=waiting).delete()
    Invitation.objects.filter(pk=waiting.pk).update(held_until=date(2026, 6, 12))
    clock.move_to(at(12))
    failed = []

    def beat():
        try:
            signing_on.remind_due()
        except Exception as error:  # a thread's error would otherwise be lost
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=beat)
    with transaction.atomic():
        limits.Allowance.locked([first])
        thread.start()
        waits_for_a_lock()  # for the first
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '10s'")
        limits.Allowance.locked([first, waiting.organization])
    thread.join()
    assert failed == []
    kinds = Ask.objects.filter(at__date=date(2026, 6, 12)).order_by("pk").values_list("kind", "organization")
    assert list(kinds) == [("invitation", waiting.organization_id), ("reminder", first.pk)]


def test_a_long_list_is_reminded_in_turns_and_who_cannot_be_does_not_stand_in_the_way(round_, clock):
    for _n in range(3):
        Policy.objects.create(organization=asked(round_).organization, asks_a_month=1)
    for _n in range(5):
        asked(round_)
    clock.move_to(at(12))
    assert [signing_on.remind_due(limit=2) for _turn in range(4)] == [2, 2, 1, 0]


# Asked again, told, outside the scope


def test_G2_signers_without_an_open_link_are_asked_again_too(round_, publication, editor):
    """Who signed by letter, or through somebody who has left: the one who signed is asked, else the next in order."""
    second, first, _third = pair()
    invitation = signing_on.invite(round_, [second]).asked[0]
    sign(invitation)
    Invitation.objects.filter(pk=invitation.pk).update(representative=None)
    Decision.objects.update(invitation=None)
    second.delete()
    amend(publication, editor)
    again = round_.invitations.get(representative=first)
    notice = Notice.objects.get(kind="amended")
    assert (notice.person, again.version) == (first.person, publication.current_version)
    assert "does not carry over" in notice.text
    assert Ask.objects.get(invitation=again).kind == Ask.Kind.AGAIN


def test_only_the_scopes_of_a_round_are_asked(publication, editor):
    round_ = open_with(publication, editor, scopes=["state", "national"])
    local = factories.RepresentativeFactory(person=factories.PersonFactory(email=True))
    statewide = factories.RepresentativeFactory(
        person=factories.PersonFactory(email=True), organization=factories.OrganizationFactory(scope="state")
    )
    invited = signing_on.invite(round_, [local, statewide])
    assert ([i.representative for i in invited.asked], invited.outside) == ([statewide], [local])
    signing_on.change_round(round_, scopes=["national"])
    with pytest.raises(signing_on.OutsideScope):
        sign(invited.asked[0])
    assert not Decision.objects.exists()


def test_who_signed_this_very_text_is_on_the_board_of_a_new_round_and_not_asked_again(round_, publication, editor):
    signed = asked(round_)
    sign(signed)
    signing_on.close_round(round_)
    later = open_with(publication, editor)
    invited = signing_on.invite(later, [signed.representative])
    assert (invited.asked, [i.organization for i in invited.answered]) == ([], [signed.organization])
    assert Notice.objects.filter(kind="invitation").count() == 1
    assert signing_on.undecided(later) == []
