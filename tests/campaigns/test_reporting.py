"""What came of a message: who acted, followed, left, by what people have in common, and beside earlier messages."""

from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from campaigns import charting, reporting, results
from campaigns.models import Click, Delivery, Link, Message, MessageContent, Registration, Report, SplitTest
from coalition import consent
from coalition.models import Consent, Segment
from tests.factories import MessageFactory, PersonFactory, WebinarFactory

State = Delivery.State
NONE = dict.fromkeys(reporting.NAMES, 0)
FIGURES = {"total": NONE, "unit": "hour", "earlier": []}


@pytest.fixture(autouse=True)
def nothing_counted():
    cache.clear()


@pytest.fixture
def message(installation):
    """Left an hour ago for three who read English and one who reads Spanish."""
    message = MessageFactory(state=Message.State.SENT, started_at=timezone.now() - timedelta(hours=1))
    Message.objects.filter(pk=message.pk).update(finished_at=message.started_at)
    return message


def got(message, *, at="example.org", state=State.DELIVERED, language="en", variant="a", source=Consent.Source.FORM):
    person = PersonFactory(language=language, email=f"p{Delivery.objects.count()}@{at}")
    address = person.primary_email
    consent.grant(address, wording="Yes.", language=language, source=source)
    Consent.objects.filter(address=address).update(at=message.started_at - timedelta(days=9))
    return Delivery.objects.create(
        message=message,
        person=person,
        value=address.value,
        language=language,
        variant=variant,
        state=state,
        sent_at=message.started_at + timedelta(minutes=1),
    )


def follow(delivery, by=Click.By.PERSON, minutes=5):
    link, _new = Link.objects.get_or_create(message=delivery.message, url="https://example.org/sign")
    click = Click.objects.create(link=link, delivery=delivery, by=by)
    Click.objects.filter(pk=click.pk).update(at=delivery.sent_at + timedelta(minutes=minutes))


def register(delivery, webinar=None, minutes=10):
    row = Registration.objects.create(
        webinar=webinar or WebinarFactory(),
        person=delivery.person,
        email=delivery.value,
        language="en",
        nonce=f"nonce-{delivery.pk}",
    )
    Registration.objects.filter(pk=row.pk).update(registered_at=delivery.sent_at + timedelta(minutes=minutes))
    return row


def asking_for(message, webinar):
    blocks = [{"id": "b1", "type": "event", "value": {"webinar": webinar.pk}}]
    MessageContent.objects.filter(message=message).update(blocks=blocks)


def keys_of(deliveries):
    return sorted(deliveries.values_list("pk", flat=True))


# Who acted


def test_E6_an_act_is_what_the_message_asks_for_after_it_left_and_a_followed_link_is_none(message):
    webinar = WebinarFactory()
    asking_for(message, webinar)
    seated, elsewhere, before, late, clicked = [got(message) for _n in range(5)]
    register(seated, webinar)
    register(elsewhere)
    register(before, webinar, minutes=-5)
    register(late, webinar, minutes=60 * 24 * 7 + 1)
    follow(clicked)
    assert keys_of(results.acted(message)) == [seated.pk]


def test_E6_where_it_asks_for_nothing_any_confirmed_act_counts_whoever_followed_its_links(message):
    through, scanned, without, before, late, clicked = [got(message) for _n in range(6)]
    for delivery, by in ((through, Click.By.PERSON), (scanned, Click.By.SCANNER), (clicked, Click.By.PERSON)):
        follow(delivery, by=by)
    for delivery in (through, scanned, without):
        register(delivery)
    register(before, minutes=-5)
    register(late, minutes=60 * 24 * 7 + 1)
    assert keys_of(results.acted(message)) == [through.pk, scanned.pk, without.pk]


def test_who_cancelled_or_never_got_it_has_not_acted(message):
    webinar = WebinarFactory()
    asking_for(message, webinar)
    cancelled, bounced = got(message), got(message, state=State.BOUNCED)
    Registration.objects.filter(pk=register(cancelled, webinar).pk).update(state=Registration.State.CANCELLED)
    register(bounced, webinar)
    assert keys_of(results.acted(message)) == []


def test_who_said_stop_within_a_week_counts(message):
    soon, later = got(message), got(message)
    for delivery, after in ((soon, timedelta(minutes=3)), (later, timedelta(days=8))):
        consent.withdraw("email", delivery.value, source=Consent.Source.ONE_CLICK)
        Consent.objects.filter(person=delivery.person, state="withdrawn").update(at=delivery.sent_at + after)
    assert keys_of(results.stopped(message)) == [soon.pk]


# Counting


def test_everybody_is_counted_once_in_every_breakdown(message):
    first = got(message, at="gmail.com")
    follow(first)
    register(first)
    second = got(message, at="gmail.com", state=State.COMPLAINED, variant="b")
    got(message, at="school.example.org", language="es", source=Consent.Source.IMPORT, state=State.BOUNCED)
    got(message, at="gmail.com", state=State.HELD)
    follow(second, by=Click.By.SCANNER)
    consent.withdraw("email", second.value, source=Consent.Source.COMPLAINT)
    readers = Segment.objects.create(name="Spanish", criteria={"all": [{"is": "language", "value": "es"}]})
    message.included.add(readers)

    figures = reporting.count(message)
    assert figures["total"] == {
        "meant": 3,
        "held": 1,
        "sent": 2,
        "delivered": 2,
        "followed": 1,
        "acted": 1,
        "stopped": 1,
        "complained": 1,
        "bounced": 1,
        "uncertain": 0,
    }
    english = figures["total"] | {"meant": 2, "bounced": 0}
    spanish = NONE | {"meant": 1, "bounced": 1}
    acted = NONE | {"meant": 1, "sent": 1, "delivered": 1, "followed": 1, "acted": 1}
    left = NONE | {"meant": 1, "sent": 1, "delivered": 1, "stopped": 1, "complained": 1}
    assert figures["language"] == [["en", english], ["es", spanish]]
    assert figures["domain"] == [["gmail.com", english], ["school.example.org", spanish]]
    assert figures["source"] == [["form", english], ["import", spanish]]
    assert figures["variant"] == [["en/a", acted], ["en/b", left]]  # Spanish has but one
    assert figures["segment"] == [[readers.pk, spanish]]
    assert (figures["scanned"], figures["open"], figures["earlier"]) == (1, True, [])
    assert (figures["unit"], figures["times"]) == (
        "hour",
        [
            {"at": 0, **dict.fromkeys(charting.OVER_TIME, 0), "sent": 2, "followed": 1, "acted": 1},
            {"at": 1, **dict.fromkeys(charting.OVER_TIME, 0), "stopped": 1},
        ],
    )


def test_a_segment_that_was_broken_since_counts_nobody_and_stops_no_report(message):
    broken = Segment.objects.create(name="broken", criteria={"all": [{"is": "no such thing"}]})
    message.included.add(broken)
    got(message)
    figures = reporting.count(message)
    assert (figures["total"]["sent"], figures["segment"]) == (1, [[broken.pk, NONE]])


@pytest.mark.parametrize(
    ("sent_after", "unit", "times"),
    [
        (71, "hour", [(0, 1, 0), (71, 1, 0), (72, 0, 1)]),
        (72, "day", [(0, 1, 0), (3, 1, 0), (72, 0, 1)]),
        (72 * 24, "week", [(0, 1, 0), (10, 1, 0), (14, 0, 1)]),
        (72 * 24 * 7, "week", [(0, 1, 0), (14, 0, 1), (72, 1, 0)]),
    ],
)
def test_a_send_that_lasts_is_told_in_days_or_weeks_and_a_late_click_changes_no_unit(message, sent_after, unit, times):
    Message.objects.update(started_at=timezone.now() - timedelta(days=600))
    message.refresh_from_db()
    first, last = got(message), got(message)
    Delivery.objects.filter(pk=last.pk).update(sent_at=message.started_at + timedelta(hours=sent_after, minutes=1))
    follow(first, minutes=100 * 24 * 60)
    figures = reporting.count(message)
    assert figures["unit"] == unit
    assert [(row["at"], row["sent"], row["followed"]) for row in figures["times"]] == times


@pytest.mark.parametrize(("language", "said"), [("en", "later"), ("es", "después")])
def test_what_a_chart_holds_no_more_stands_apart_and_says_so(language, said):
    nothing = dict.fromkeys(charting.OVER_TIME, 0)
    within = [{"at": 0, **nothing, "sent": 3}, {"at": charting.BARS - 1, **nothing, "acted": 1}]
    beyond = [*within, {"at": charting.BARS, **nothing, "acted": 1}]
    with override(language):
        drawn = [charting.draw(FIGURES | {"times": times}, {}, "", language)["times"] for times in (within, beyond)]
    assert [f">{said}<" in svg for svg in drawn] == [False, True]


def test_wordings_stand_within_their_language_and_in_their_order(message):
    for language, variant, number in (("es", "a", 3), ("es", "b", 1), ("en", "a", 1), ("en", "b", 2)):
        for _n in range(number):
            got(message, language=language, variant=variant)
    got(message, language="es", variant="")  # waits for the test
    got(message, language="es", variant="b", state=State.HELD)
    figures = reporting.count(message)
    assert [(key, counted["meant"]) for key, counted in figures["variant"]] == [
        ("en/a", 1),
        ("en/b", 2),
        ("es/a", 3),
        ("es/b", 1),
    ]
    subjects = dict(message.contents.values_list("language", "subject"))
    with override("es"):
        called = reporting.labels(message, figures)["variant"]
    assert called == {
        "en/a": f"Inglés, A · {subjects['en']}",
        "en/b": "Inglés, B",
        "es/a": f"Español, A · {subjects['es']}",
        "es/b": "Español, B",
    }


def test_ten_domains_stand_for_themselves_and_the_others_together(message):
    for number in range(12):
        got(message, at=f"school{number:02}.example.org")
    got(message, at="school11.example.org")
    names = [name for name, _counted in reporting.count(message)["domain"]]
    assert names == ["school11.example.org", *(f"school{number:02}.example.org" for number in range(9)), "*"]


def test_erased_people_still_count(message):
    delivery = got(message)
    Delivery.objects.filter(pk=delivery.pk).update(person=None, value="")
    figures = reporting.count(message)
    assert (figures["total"]["sent"], figures["domain"], figures["source"][0][0]) == (1, [], "")


def test_a_message_without_deliveries_counts_to_nothing(message):
    assert reporting.count(message)["total"] == NONE
    assert reporting.report(message).charts["en"] == {}


# Drawn, kept, compared


def test_the_charts_are_drawn_in_both_languages_and_kept_until_the_figures_change(message):
    got(message, at="gmail.com")
    got(message, language="es")
    report = reporting.report(message)
    assert sorted(report.charts) == ["en", "es"]
    assert sorted(report.charts["en"]) == ["domain", "language", "times"]
    assert ("Said stop" in report.charts["en"]["language"], "<script" in report.charts["en"]["language"]) == (
        True,
        False,
    )
    Report.objects.update(charts={"en": {"times": "kept"}})
    assert reporting.report(message).charts == {"en": {"times": "kept"}}
    got(message)
    assert sorted(reporting.report(message).charts["en"]) == ["domain", "language", "times"]


def test_names_from_outside_are_words_in_a_chart_and_nothing_else(message):
    got(message, at="gmail.com")
    got(message, language="es")
    message.included.set(
        Segment.objects.create(name=name, criteria={"all": [{"is": "language", "value": code}]})
        for code, name in (("en", "'];alert(1)//\\"), ("es", "</text><script>alert(1)</script>"))
    )
    drawn = reporting.report(message).charts["en"]["segment"]
    assert ("<script" in drawn, "&lt;script" in drawn, "];alert" in drawn) == (False, True, True)


def test_a_message_is_compared_with_the_median_of_earlier_ones_by_the_same_channel(message):
    for days, share in ((1, 10), (2, 30), (3, 20)):
        other = MessageFactory(
            state=Message.State.SENT, started_at=message.started_at - timedelta(days=days), name=f"{days} days before"
        )
        figures = reporting.count(other) | {"total": NONE | {"meant": 100, "sent": 100, "acted": share}}
        Report.objects.create(message=other, figures=figures, counted_at=timezone.now())
    Message.objects.filter(name="2 days before").update(campaign=message.campaign)
    text = MessageFactory(channel="phone", state=Message.State.SENT, started_at=message.started_at - timedelta(days=1))
    Report.objects.create(message=text, figures={"total": NONE | {"sent": 5}}, counted_at=timezone.now())
    delivery = got(message)
    follow(delivery)
    register(delivery)
    report = reporting.report(message)
    assert [row["name"] for row in report.figures["earlier"]] == ["1 days before", "2 days before", "3 days before"]
    assert [row for row in results.compared(report.figures) if row[0] == "acted"] == [("acted", 100, 20, 30)]
    assert "earlier" in report.charts["es"]


# When


def test_what_is_young_is_counted_often_and_what_is_old_never_again(message):
    now = timezone.now()
    assert reporting.due() == [message.pk]
    reporting.report(message)
    assert reporting.due() == []
    assert reporting.due(now + timedelta(minutes=3)) == [message.pk]
    Report.objects.update(took=60)
    assert reporting.due(now + timedelta(minutes=3)) == []
    assert reporting.due(now + timedelta(minutes=21)) == [message.pk]
    assert reporting.due(now + timedelta(days=9)) == []


def test_what_was_finished_or_decided_since_is_counted_within_minutes_however_old(message):
    now = timezone.now()
    Message.objects.update(state=Message.State.SENDING, started_at=now - timedelta(days=3), finished_at=None)
    Report.objects.create(message=message, figures={}, counted_at=now)
    soon = now + timedelta(minutes=2)
    assert reporting.due(soon) == []
    test = SplitTest.objects.create(message=message, decided_at=now + timedelta(seconds=5))
    assert reporting.due(soon) == [message.pk]
    test.delete()
    Message.objects.update(state=Message.State.SENT, finished_at=now + timedelta(seconds=5))
    assert reporting.due(soon) == [message.pk]


def test_newer_figures_are_awaited_while_it_sends_and_until_those_of_its_end_are_counted(message):
    now = timezone.now()
    message.refresh_from_db()
    early, later = (Report(counted_at=message.finished_at + timedelta(minutes=n)) for n in (-1, 1))
    assert [reporting.is_awaited(message, report) for report in (None, early, later)] == [True, True, False]
    message.state, message.finished_at = Message.State.SENDING, None
    assert reporting.is_awaited(message, Report(counted_at=now))
    message.state = Message.State.PAUSED
    assert not reporting.is_awaited(message, Report(counted_at=now))


def test_a_draft_is_not_counted(installation):
    MessageFactory()
    assert reporting.due() == []


def test_counting_asks_the_same_questions_for_one_person_and_for_thirty(message):
    got(message)

    def questions():
        with CaptureQueriesContext(
            connection,
        ) as asked:
            reporting.count(message)
        return len(asked)

    few = questions()
    for _n in range(29):
        got(message)
    assert questions() == few


def test_a_list_takes_what_was_counted_since_a_message_finished(message):
    got(message)
    got(message, state=State.HELD)
    counted = results.figures_of([message])
    assert (counted[message.pk]["sent"], counted[message.pk]["held"]) == (1, 1)
    reporting.report(message)
    got(message)  # written past the report
    assert results.figures_of([message]) == counted
    message.state = Message.State.SENDING
    assert results.figures_of([message])[message.pk]["sent"] == 2


# Live


def test_the_rate_and_what_is_left_of_it(message):
    Message.objects.filter(pk=message.pk).update(state=Message.State.SENDING)
    message.refresh_from_db()
    rows = [got(message, state=State.QUEUED) for _n in range(8)]
    first = results.standing(message)
    assert (first["figures"]["left"], first["rate"], first["left_for"]) == (8, None, None)
    message.deliveries.filter(pk__in=[row.pk for row in rows[:4]]).update(state=State.SENT)
    kept = cache.get(f"standing-{message.pk}")
    cache.set(f"standing-{message.pk}", kept | {"took": 0.0})
    with time_machine.travel(kept["at"] + 2, tick=False):
        then = results.standing(message)
    assert (then["figures"]["done"], round(then["rate"]), then["left_for"].seconds) == (4, 2, 2)


def test_who_watches_a_long_count_makes_nobody_count_again_at_once(message):
    got(message)
    results.standing(message)
    kept = cache.get(f"standing-{message.pk}")
    cache.set(f"standing-{message.pk}", kept | {"took": 60.0})
    with CaptureQueriesContext(connection) as asked:
        results.standing(message)
    assert len(asked) == 0
    message.state = Message.State.PAUSED  # what somebody did is shown at once
    with CaptureQueriesContext(connection) as asked:
        results.standing(message)
    assert len(asked) == 2
