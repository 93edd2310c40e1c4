"""The progress of a round: its numbers day by day, drawn in every language, and not drawn for each answer."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from coalition import charts, languages, signing_on, tasks
from coalition.models import Decision, Round

from .signons import Choice, amend, asked, sign


@pytest.fixture(autouse=True)
def noon():
    """Days are counted back from here: none of them has 23 or 25 hours."""
    with time_machine.travel(datetime(2026, 5, 20, 16, tzinfo=UTC)):
        yield


@pytest.fixture
def running(round_):
    """A round that opened ten days ago."""
    opened = timezone.now() - timedelta(days=10)
    Round.objects.filter(pk=round_.pk).update(opened_at=opened)
    round_.publication.versions.update(frozen_at=opened)
    round_.refresh_from_db()
    return round_


def answer(round_, days_ago, choice=Choice.SIGN, invitation=None):
    invitation = invitation or asked(round_)
    decision = sign(invitation, choice)
    Decision.objects.filter(pk=decision.pk).update(at=timezone.now() - timedelta(days=days_ago))
    return invitation


def numbers(round_):
    today = languages.local(timezone.now(), round_.zone).date()
    return [((today - day.day).days, day.answered, day.signed) for day in charts.changes(charts.progress(round_))]


def test_answers_add_up_and_a_withdrawal_takes_a_signature_away(running):
    answer(running, 8)
    answer(running, 6, Choice.DECLINE)
    answer(running, 6)
    leaver = answer(running, 4)
    Decision.objects.filter(invitation=leaver).update(at=timezone.now() - timedelta(days=4))
    signing_on.withdraw(leaver, language="en", at=timezone.now() - timedelta(days=2))
    assert numbers(running) == [(10, 0, 0), (8, 1, 1), (6, 3, 2), (4, 4, 3), (2, 4, 2)]


def test_needing_time_is_no_answer_and_a_late_signature_counts_once_it_is_accepted(running, editor):
    sign(asked(running), "time", until=timezone.localdate() + timedelta(days=3), attested=False)
    running.deadline = timezone.now() - timedelta(days=1)
    running.save()
    late = sign(asked(running))
    assert numbers(running) == [(10, 0, 0)]
    signing_on.accept(late, by=editor)
    assert numbers(running) == [(10, 0, 0), (0, 1, 1)]


def test_G2_a_material_amendment_begins_anew(running, publication, editor):
    answer(running, 5)
    amend(publication, editor)
    assert numbers(running) == [(10, 0, 0), (5, 1, 1), (0, 0, 0)]


def test_it_is_drawn_in_every_language_from_one_specification(running):
    answer(running, 3)
    charts.draw(running)
    running.refresh_from_db()
    assert set(running.charts) == {"en", "es", "numbers"}
    for language, words in (("en", "1 of 1 partner has signed"), ("es", "1")):
        svg = ET.fromstring(running.charts[language])
        assert svg.tag == "{http://www.w3.org/2000/svg}svg"
        assert words in running.charts[language]
        assert "var(--bo-good)" in running.charts[language]
        assert "<script" not in running.charts[language]
    assert [(day.answered, day.signed) for day in charts.numbers(running)] == [(0, 0), (1, 1)]


def test_a_round_is_drawn_after_answers_and_not_for_each_of_them(running):
    assert charts.due() == []  # nobody is asked yet
    invitation = asked(running)
    assert charts.due() == [running.pk]
    tasks.draw_chart(running.pk)
    assert charts.due() == []
    sign(invitation)
    assert charts.due() == []
    assert charts.due(timezone.now() + timedelta(minutes=2)) == [running.pk]
    tasks.draw_chart(running.pk)
    assert charts.due(timezone.now() + timedelta(minutes=2)) == []
    assert charts.due(timezone.now() + timedelta(days=2)) == [running.pk]
    signing_on.close_round(running)
    assert charts.due() == [running.pk]
    tasks.draw_chart(running.pk)
    assert charts.due(timezone.now() + timedelta(days=2)) == []


def test_the_board_shows_the_drawing_or_its_numbers_and_the_file_holds_them(client, editor, running):
    client.force_login(editor)
    answer(running, 3)
    address = reverse("rounds:inspect", args=[running.pk])
    assert "The chart is drawn within a few minutes" in client.get(address).text
    charts.draw(running)
    page = client.get(address).text
    assert "1 of 1 partner has signed</text>" in page
    file = client.get(reverse("rounds:numbers", args=[running.pk]))
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    lines = file.content.decode("utf-8-sig").split()
    assert (lines[0], len(lines), lines[-1].split(",")[1:]) == ("Day,Answered,Signed", 12, ["1", "1"])
