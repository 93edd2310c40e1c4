"""The forecast: each partner's own history, by plain rules that are said in words."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coalition import counting, forecasting, publishing, signing_on
from coalition.forecasting import Habit, Kind
from coalition.models import Ask, Decision, Round
from tests import factories

from .signons import Choice, asked, open_round, sign, texts

NOW = timezone.now()


def past_round(editor, days_ago=60, lasted=20):
    """A round that opened and ended in the past."""
    publication = factories.PublicationFactory()
    publishing.freeze(publication, texts(en=f"Text {publication.pk}."), by=editor)
    round_ = open_round(publication, editor)
    opened = NOW - timedelta(days=days_ago)
    Round.objects.filter(pk=round_.pk).update(opened_at=opened, deadline=opened + timedelta(days=lasted))
    round_.refresh_from_db()
    return round_


def answered(round_, organization, after=None, choice=Choice.SIGN):
    """The organization was asked when the round opened, and answered so many days later; None: never."""
    invitation = asked(round_, organization=organization)
    round_.invitations.filter(pk=invitation.pk).update(invited_at=round_.opened_at)
    if after is not None:
        decision = sign(invitation, choice, at=round_.opened_at + timedelta(days=after))
        Decision.objects.filter(pk=decision.pk).update(at=round_.opened_at + timedelta(days=after))
    return invitation


@pytest.fixture
def partner(installation):
    return factories.OrganizationFactory(name="Harbor Mentors")


def test_habits_are_counted_from_being_asked_to_the_first_answer(partner, editor):
    answered(past_round(editor, 200), partner, after=4)
    answered(past_round(editor, 150), partner, after=8, choice=Choice.ABSTAIN)
    answered(past_round(editor, 100), partner, after=25)
    answered(past_round(editor, 50), partner)
    habit = forecasting.habits([partner])[partner.pk]
    assert (round(habit.median_days, 3), round(habit.slowest_days, 3)) == (8, 25)
    assert (habit.answered, habit.late, habit.never, habit.signed, habit.rounds) == (3, 1, 1, 1, 4)


def test_a_round_that_still_runs_says_nothing_while_it_is_not_answered(partner, round_):
    asked(round_, organization=partner)
    assert forecasting.habits([partner])[partner.pk] == Habit(asks_30=1, asks_90=1)
    signing_on.decide(
        round_.invitations.get(),
        version=round_.publication.current_version,
        choice="time",
        signer_name="Ana",
        until=(NOW + timedelta(days=3)).date(),
        language="en",
    )
    assert forecasting.habits([partner])[partner.pk].is_new


def test_asks_are_counted_by_days(partner, round_):
    invitation = asked(round_, organization=partner)
    Ask.objects.all().delete()
    for days in (1, 29, 31, 89, 91):
        Ask.objects.create(
            invitation=invitation, organization=partner, kind=Ask.Kind.REMINDER, at=NOW - timedelta(days=days)
        )
    habit = forecasting.habits([partner.pk], at=NOW)[partner.pk]
    assert (habit.asks_30, habit.asks_90) == (2, 4)


@pytest.mark.parametrize(
    ("habit", "waited", "left", "kind", "words"),
    [
        (Habit(), 1, 9, Kind.NEW, "First time asked: no forecast."),
        (
            Habit(median_days=9, slowest_days=12, answered=3, signed=3),
            1,
            4,
            Kind.LATE,
            "Usually answers after 9 days. 4 days are left.",
        ),
        (
            Habit(median_days=9, slowest_days=12, answered=3, signed=3),
            6,
            4,
            Kind.ON_TIME,
            "Usually answers after 9 days. 4 days are left.",
        ),
        (
            Habit(median_days=1, slowest_days=1, answered=2, late=1, never=3),
            0,
            9,
            Kind.LATE,
            "Late or silent in 4 of 5 rounds.",
        ),
        (Habit(never=1), 0, 9, Kind.LATE, "Late or silent in 1 of 1 round."),
        (
            Habit(median_days=2, slowest_days=5, answered=4, signed=4),
            8,
            9,
            Kind.LATE,
            "Never took longer than 5 days; it has had 8.",
        ),
    ],
)
def test_each_rule_says_in_words_what_it_goes_by(habit, waited, left, kind, words):
    found = forecasting.expect(
        habit, asked_at=NOW - timedelta(days=waited), deadline=NOW + timedelta(days=left, hours=1), at=NOW
    )
    assert (found.kind, found.words) == (kind, words)


def test_the_expected_number_adds_the_chances_of_those_in_time(editor, round_):
    for _number in range(4):
        organization = factories.OrganizationFactory()
        answered(past_round(editor), organization, after=2)
        answered(past_round(editor), organization, after=2, choice=Choice.DECLINE)
        asked(round_, organization=organization)
    late, new = factories.OrganizationFactory(), asked(round_)
    answered(past_round(editor), late)
    asked(round_, organization=late)
    expected = forecasting.of(round_, counting.Board(round_))
    assert expected.counts == {Kind.ON_TIME: 4, Kind.LATE: 1, Kind.NEW: 1}
    assert expected.more == 2
    assert [partner.organization for partner in expected.partners[:2]] == [late, new.organization]


def test_the_page_says_who_is_likely_late_with_a_fixed_number_of_queries(client, editor, round_):
    client.force_login(editor)
    past = past_round(editor)
    address = reverse("rounds:forecast", args=[round_.pk])

    def more(number):
        for _number in range(number):
            organization = factories.OrganizationFactory()
            answered(past, organization)
            asked(round_, organization=organization)

    more(1)
    assert "Late or silent in 1 of 1 round." in client.get(address).text
    before = queries(client, address)
    more(29)
    assert queries(client, address) == before
    page = client.get(address + "?kind=late")
    assert page.context["page_obj"].paginator.count == 30
    assert client.get(address + "?kind=new").context["page_obj"].paginator.count == 0


def queries(client, address):
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    return len(captured)
