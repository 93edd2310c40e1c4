"""The pages about a message that was sent: live, reported, compared, settled, and told why."""

import csv
import io
import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from wagtail.users.models import UserProfile

from campaigns import pacing, reporting, results, tasks
from campaigns.models import Delivery, Message, Opening, QuietDay, Report, Series, SplitTest, Step
from campaigns.views import results as pages
from coalition import accounts
from coalition.models import Address, Entry, Person, Segment
from tests.campaigns.conftest import user_of
from tests.campaigns.test_reporting import follow, got, register
from tests.factories import MessageFactory, UserFactory

State, Reason = Delivery.State, Delivery.Reason


@pytest.fixture(autouse=True)
def nothing_counted():
    cache.clear()


@pytest.fixture
def message(installation):
    return MessageFactory(
        state=Message.State.SENDING, started_at=timezone.now() - timedelta(hours=1), active_at=timezone.now()
    )


def url(name, message, *args):
    return reverse(f"messages:{name}", args=[message.pk, *args])


def page_of(client, *where):
    response = client.get(url(*where))
    assert response.status_code == 200
    return response, response.content.decode()


# Results


@pytest.mark.parametrize("language", ["en", "es"])
def test_results_say_what_is_known_before_and_after_the_first_count(client, organizer, message, language):
    UserProfile.objects.create(user=organizer, preferred_language=language)
    follow(got(message, at="gmail.com"))
    got(message, language="es", state=State.BOUNCED)
    response, html = page_of(client, "inspect", message)
    assert (response.context["report"], "<svg" in html.partition('id="progress"')[2]) == (None, False)
    reporting.report(message)
    response, html = page_of(client, "inspect", message)
    assert [part["name"] for part in response.context["breakdowns"]] == ["language", "domain"]
    assert [label for label, _cells in response.context["breakdowns"][1]["rows"]] == ["example.org", "gmail.com"]
    drawn = response.context["breakdowns"][0]["chart"]
    assert (("Delivered" in drawn), html.count("msg-chart__drawing")) == (language == "en", 3)


def test_results_of_a_text_have_no_columns_for_links(client, organizer):
    text = MessageFactory(channel="phone", state=Message.State.SENT, started_at=timezone.now())
    reporting.report(text)
    response, _html = page_of(client, "inspect", text)
    assert response.context["columns"] == ["Sent", "Acted", "Said stop", "Did not arrive"]


def test_results_ask_the_same_questions_for_one_person_and_for_thirty(client, organizer, message):
    def questions():
        cache.clear()
        with CaptureQueriesContext(connection) as asked:
            page_of(client, "inspect", message)
        return len(asked)

    got(message, at="a.example.org")
    reporting.report(message)
    questions()
    few = questions()
    for number in range(29):
        got(message, at=f"d{number}.example.org", language="es")
    reporting.report(message)
    assert questions() == few


@pytest.mark.parametrize(("state", "offered"), [("ended", True), ("running", False), ("paused", False)])
def test_only_a_series_that_is_not_over_steers_its_messages_by_itself(client, organizer, message, state, offered):
    got(message, state=State.QUEUED)
    series = Series.objects.create(name="Welcome", campaign=message.campaign, trigger="joined", state=state)
    Step.objects.create(series=series, position=1, message=message)
    _response, html = page_of(client, "inspect", message)
    assert ['id="pause"' in html, 'id="cancel"' in html] == [offered, offered]


def test_a_reader_of_screens_hears_every_tenth_once(client, organizer, message):
    for state in [State.SENT] * 4 + [State.QUEUED] * 6:
        got(message, state=state)
    told = client.get(url("progress", message) + "?said=30").content.decode()
    again = client.get(url("progress", message) + "?said=40").content.decode()
    assert ('hx-swap-oob="innerHTML"' in told, 'hx-swap-oob="innerHTML"' in again) == (True, False)
    assert "?said=40" in again


def test_the_page_says_how_fast_it_is_and_how_much_time_is_left(client, organizer, message):
    for state in [State.SENT] * 4 + [State.QUEUED] * 6:
        got(message, state=state)
    results.standing(message)
    kept = cache.get(f"standing-{message.pk}")
    cache.set(f"standing-{message.pk}", kept | {"at": 0.1, "samples": [(kept["at"] - 20, 0)]})
    with time_machine.travel(kept["at"], tick=False):
        _response, html = page_of(client, "progress", message)
    assert ("0.2 a second" in html, "about 30 seconds left" in html) == (True, True)


@pytest.mark.parametrize(("soon", "said"), [(0, []), (2, ["0.2 a second", "about 10 seconds left"])])
def test_what_waits_for_a_test_is_left_out_of_the_time_that_is_left(client, organizer, message, soon, said):
    SplitTest.objects.create(message=message)
    for state, variant in [(State.SENT, "a")] * 4 + [(State.QUEUED, "")] * 6 + [(State.QUEUED, "b")] * soon:
        got(message, state=state, variant=variant)
    results.standing(message)
    kept = cache.get(f"standing-{message.pk}")
    cache.set(f"standing-{message.pk}", kept | {"at": 0.1, "samples": [(kept["at"] - 20, 0)]})
    with time_machine.travel(kept["at"], tick=False):
        _response, html = page_of(client, "progress", message)
    assert "6 people wait for the test of wordings" in html
    assert re.findall(r"[0-9.]+ a second|about \w+ \w+ left", html) == said


def test_a_quiet_day_says_until_when_it_waits(client, organizer, message):
    got(message, state=State.QUEUED)
    QuietDay.objects.create(day=timezone.localdate(timezone.now(), pacing.zone()))
    response, html = page_of(client, "inspect", message)
    assert (response.context["waiting"].why, "Today is a quiet day" in html) == ("quiet_day", True)


def test_the_figures_leave_as_a_file(client, organizer, message):
    got(message, at="gmail.com")
    got(message, language="es", state=State.BOUNCED)
    assert client.get(url("figures", message)).status_code == 302
    reporting.report(message)
    content = b"".join(client.get(url("figures", message)).streaming_content).decode().removeprefix("\ufeff")
    lines = list(csv.reader(io.StringIO(content)))
    assert lines[0][:5] == ["By", "Group", "People it was meant for", "Held back", "Sent"]
    assert [line[:5] for line in lines[1:4]] == [
        ["All", message.name, "2", "0", "1"],
        ["By language", "English", "1", "0", "1"],
        ["By language", "Spanish", "1", "0", "0"],
    ]
    assert [line[0] for line in lines[4:]] == [
        *["By mailbox provider"] * 2,
        *["By how people joined"],
        *["By hour since the start"],
    ]


def test_every_dimension_has_a_chart_its_table_and_lines_in_the_file(client, organizer, message):
    for language, variant, at, source in (
        ("en", "a", "gmail.com", "form"),
        ("en", "b", "gmail.com", "import"),
        ("es", "a", "school.example.org", "form"),
        ("es", "b", "school.example.org", "form"),
    ):
        delivery = got(message, language=language, variant=variant, at=at, source=source)
        register(delivery)
    got(message, state=State.BOUNCED)
    got(message, state=State.COMPLAINED)
    message.included.set(
        Segment.objects.create(name=code, criteria={"all": [{"is": "language", "value": code}]})
        for code in ("en", "es")
    )
    reporting.report(message)
    response, html = page_of(client, "inspect", message)
    parts = {part["name"]: part for part in response.context["breakdowns"]}
    assert list(parts) == ["language", "variant", "segment", "domain", "source"]
    assert [bool(part["chart"]) and len(part["rows"]) for part in parts.values()] == [2, 4, 2, 3, 2]
    assert [label.partition(" · ")[0] for label, _cells in parts["variant"]["rows"]] == [
        *["English, A", "English, B", "Spanish, A", "Spanish, B"]
    ]
    assert response.context["columns"] == [
        *["Sent", "Delivered", "Followed a link", "Acted", "Said stop", "Marked as spam", "Did not arrive"]
    ]
    times = response.context["times"]
    assert ("<svg" in times["chart"], [str(name) for name in times["columns"]]) == (True, ["Sent", "Acted"])
    assert html.count('<details class="msg-numbers"') == 6
    content = b"".join(client.get(url("figures", message)).streaming_content).decode()
    kinds = [line[0] for line in csv.reader(io.StringIO(content))]
    assert {kind: kinds.count(kind) for kind in kinds[2:]} == {
        "By language": 2,
        "By wording, within each language": 4,
        "By segment": 2,
        "By mailbox provider": 3,
        "By how people joined": 2,
        "By hour since the start": 1,
    }


def file_of(client, message):
    content = b"".join(client.get(url("figures", message)).streaming_content).decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(content)))


def test_E6_pictures_that_were_loaded_are_told_last_and_only_where_there_are_any(client, organizer, message):
    lines = [got(message) for _n in range(3)]
    reporting.report(message)
    _response, html = page_of(client, "inspect", message)
    known = file_of(client, message)
    assert 'id="opened"' not in html
    for line in lines[:2]:
        Opening.objects.create(delivery=line, at=timezone.now())
    reporting.report(message)
    response, html = page_of(client, "inspect", message)
    told = html.partition('id="reported"')[2].partition('id="opened">')[2].partition("</p>")
    assert "<section" not in told[2].partition("</div>")[0]
    assert told[0].startswith("2 emails loaded their pictures. Many mail programs load pictures by themselves")
    assert len(response.context["columns"]) == len(pages.COLUMNS)  # it is none of the figures that are compared
    *others, told = file_of(client, message)
    assert (others, told[2:]) == (known, ["2"])


def test_what_came_later_than_a_chart_reaches_is_called_so(client, organizer, message):
    Message.objects.update(started_at=timezone.now() - timedelta(days=9))
    message.refresh_from_db()
    follow(got(message), minutes=8 * 24 * 60)
    reporting.report(message)
    response, html = page_of(client, "inspect", message)
    assert [when for when, _numbers in response.context["times"]["rows"]] == [0, "later"]
    assert "The last bar holds everything that came after the first 72 hours." in html
    assert [line[1] for line in file_of(client, message) if line[0] == "By hour since the start"] == ["0", "later"]


# What comes by itself


def test_the_figures_come_by_themselves_and_only_when_they_are_new(client, organizer, message):
    got(message, at="gmail.com")
    _response, html = page_of(client, "inspect", message)
    waits = re.search(r'id="reported"[^>]*hx-get="([^"]+)" hx-trigger="every (\d+)s"', html)
    assert (waits[2], f"{url('inspect', message)}#report" in html) == ("5", True)
    assert client.get(unescape(waits[1])).status_code == 204
    reporting.report(message)
    came = client.get(unescape(waits[1])).content.decode()
    assert ("The figures are counted." in came, 'id="msg-file" hx-swap-oob="true"' in came) == (True, True)
    again = re.search(r'id="reported"[^>]*hx-get="([^"]+)" hx-trigger="every (\d+)s"', came)
    assert (again[2], client.get(unescape(again[1])).status_code) == ("15", 204)
    assert 'id="progress"' not in came  # that moves by itself while it sends


def test_the_figures_ask_no_more_once_those_of_the_end_are_counted(client, organizer, message):
    got(message)
    reporting.report(message)
    known = page_of(client, "inspect", message)[0].context["known"]
    Message.objects.update(state=Message.State.SENT, finished_at=timezone.now())
    assert client.get(url("reported", message), {"known": known}).status_code == 204
    reporting.report(message)
    came = client.get(url("reported", message), {"known": known}).content.decode()
    assert (came.count("hx-get"), 'id="progress"' in came, "The figures are counted." in came) == (0, True, False)
    assert "hx-get" not in page_of(client, "inspect", message)[1].partition('id="progress"')[2]


def test_who_may_not_see_results_is_sent_no_part_of_them(client, installation, message):
    client.force_login(UserFactory(is_superuser=False))
    for name in ("reported", "outcome"):
        assert client.get(url(name, message)).status_code in (302, 403)


def test_results_show_who_did_what(client, organizer, message):
    got(message, state=State.QUEUED)
    client.post(url("pause", message))
    response, _html = page_of(client, "inspect", message)
    assert [(str(what), who) for what, who, _at in response.context["history"]] == [("Sending paused", "Ana Rosado")]


def test_who_may_not_see_the_ledger_settles_nothing(client, installation, message):
    client.force_login(user_of(accounts.Role.ANALYST))
    uncertain = got(message, state=State.UNCERTAIN)
    for where in (url("settle", message, uncertain.pk), url("settle_all", message)):
        assert client.get(where).status_code in (302, 403)
        client.post(where, {"what": "arrived", "number": "1"})
    assert message.deliveries.get().state == State.UNCERTAIN


# Why


def test_why_knows_every_reason_and_every_state(message):
    reasons = [reason for reason in Reason if reason.value]
    assert sorted(results.WHY_HELD) == sorted(reasons)
    assert sorted(results.WHY) == sorted(state for state in State if state != State.HELD)


def test_why_somebody_still_waits(message):
    def said(waiting=None, **fields):
        line = Delivery(message=message, **{"state": State.QUEUED, "variant": "a"} | fields)
        return str(results.why(line, message, waiting))

    soon = timezone.now() + timedelta(hours=2)
    assert said() == "Waits for its turn."
    assert said(variant="") == "Waits until the test has decided which wording is sent."
    assert said(not_before=soon, error="421 later") == "Was refused for now; it is tried again."
    assert said(not_before=soon) == "Waits for its time."
    assert said(pacing.Waiting("pace", soon)) == "Waits: as many have left as the pace allows just now."
    assert said(pacing.Waiting("quiet_day", soon)) == "Waits: today is a quiet day, on which nothing leaves."
    message.send_local = True
    assert said(not_before=soon) == "Waits for its hour on this person's own clock."
    message.channel = Address.Channel.PHONE
    assert said(not_before=soon) == "Waits for a time of day at which texts are allowed."
    message.state = Message.State.PAUSED
    assert said(not_before=soon) == "Waits: sending is paused."
    assert said(state=State.HELD, reason=Reason.CAPPED).startswith("Held back: this person had as many messages")
    assert str(results.why(None, message)) == str(results.NOT_MEANT)
    assert str(results.why(None, MessageFactory())) == str(results.NOT_BEGUN)


def test_the_ledger_says_why_for_everybody_and_asks_the_same_questions_for_thirty(client, organizer, message):
    def questions():
        with CaptureQueriesContext(connection) as asked:
            page_of(client, "ledger", message)
        return len(asked)

    got(message, state=State.QUEUED)
    questions()
    few = questions()
    for _n in range(29):
        got(message, state=State.QUEUED)
    assert questions() == few


def test_a_very_long_ledger_gives_up_the_alphabet(client, organizer, message, monkeypatch):
    for name, state in (("Zoe", State.DELIVERED), ("Ana", State.SENT), ("Ben", State.DELIVERED)):
        line = got(message, state=state)
        Person.objects.filter(pk=line.person_id).update(name=name, search=name.lower())

    def names():
        return [str(line.person) for line, _why in page_of(client, "ledger", message)[0].context["lines"]]

    assert names() == ["Ana", "Ben", "Zoe"]
    monkeypatch.setattr(pages, "ALPHABETICAL", 2)
    assert names() == ["Zoe", "Ben", "Ana"]


# Uncertain


def test_S11_what_is_known_of_an_uncertain_delivery_is_shown_before_somebody_decides(client, organizer, message):
    line = got(message, state=State.UNCERTAIN)
    Delivery.objects.filter(pk=line.pk).update(error="timed out", claimed_at=timezone.now())
    response, html = page_of(client, "settle", message, line.pk)
    assert ("timed out" in html, line.value in html, response.context["undecided"]) == (True, True, True)
    client.post(url("settle", message, line.pk), {"what": "arrived"})
    assert message.deliveries.get().state == State.SENT
    assert page_of(client, "settle", message, line.pk)[0].context["undecided"] is False
    line = Entry.objects.filter(person=line.person).latest("pk")
    assert (line.by, str(line.text)) == (organizer, "“Vote on reading coaches” counts as arrived")


@pytest.mark.parametrize(("what", "state", "after"), [("arrived", "sent", "sent"), ("resend", "queued", "sending")])
def test_S11_all_uncertain_deliveries_are_settled_at_once_by_a_person(client, organizer, message, what, state, after):
    Message.objects.filter(pk=message.pk).update(state=Message.State.SENT, finished_at=timezone.now())
    lines = [got(message, state=State.UNCERTAIN) for _n in range(3)]
    got(message, state=State.DELIVERED)
    Delivery.objects.filter(pk=lines[0].pk).update(person=None)  # erased since
    assert page_of(client, "settle_all", message)[0].context["number"] == 3
    stale = client.post(url("settle_all", message), {"what": what, "number": "2"})
    assert (stale.status_code, message.deliveries.filter(state=State.UNCERTAIN).count()) == (409, 3)
    response = client.post(url("settle_all", message), {"what": what, "number": "3"})
    assert response.status_code == 302
    message.refresh_from_db()
    assert sorted(message.deliveries.values_list("state", flat=True)) == sorted([state] * 3 + ["delivered"])
    assert message.state == after
    assert sorted(Entry.objects.filter(by=organizer).values_list("person", flat=True)) == [
        line.person_id for line in lines[1:]
    ]
    done = page_of(client, "inspect", message)[0].context["history"]
    assert [who for _what, who, _at in done] == ["Ana Rosado"]


def test_a_paused_message_stays_paused_when_its_uncertain_ones_are_sent_again(client, organizer, message):
    Message.objects.filter(pk=message.pk).update(state=Message.State.PAUSED)
    got(message, state=State.UNCERTAIN)
    client.post(url("settle_all", message), {"what": "resend", "number": "1"})
    message.refresh_from_db()
    assert (message.state, message.deliveries.get().state) == ("paused", "queued")


def test_what_was_refused_is_handed_over_again_once_a_person_says_so(client, organizer, message):
    Message.objects.filter(pk=message.pk).update(state=Message.State.SENT, finished_at=timezone.now())
    lines = [got(message, state=State.FAILED) for _n in range(3)]
    message.deliveries.filter(state=State.FAILED).update(error="SMTP 554", attempts=2)
    got(message, state=State.BOUNCED)
    refused = f"{url('ledger', message)}?state=failed"
    assert url("try_again", message) in client.get(refused).text
    response = page_of(client, "try_again", message)[0]
    assert (response.context["number"], list(response.context["reasons"])) == (3, [("SMTP 554", 3)])
    stale = client.post(url("try_again", message), {"number": "2"})
    assert (stale.status_code, message.deliveries.filter(state=State.FAILED).count()) == (409, 3)
    assert client.post(url("try_again", message), {"number": "3"}).url == url("inspect", message)
    assert sorted(message.deliveries.values_list("state", "attempts", "error")) == [
        ("bounced", 0, ""),
        *[("queued", 0, "")] * 3,
    ]
    message.refresh_from_db()
    assert (message.state, message.finished_at) == ("sending", None)
    said = Entry.objects.filter(by=organizer).values_list("person", flat=True)
    assert sorted(said) == sorted(line.person_id for line in lines)
    twice = client.post(url("try_again", message), {"number": "0"}, follow=True)
    assert [str(one).strip() for one in twice.context["messages"]][-1] == "There is nothing to send again."


def test_what_was_called_off_is_not_tried_again(client, organizer, message):
    got(message, state=State.FAILED)
    Message.objects.filter(pk=message.pk).update(state=Message.State.CANCELLED, finished_at=timezone.now())
    assert url("try_again", message) not in client.get(f"{url('ledger', message)}?state=failed").text
    client.post(url("try_again", message), {"number": "1"})
    assert message.deliveries.get().state == "failed"


# The list


def listed(client, **wanted):
    response = client.get(reverse("messages:index"), wanted)
    return [message.name for message in response.context["object_list"]], response.content.decode()


def test_the_list_shows_templates_only_when_asked_and_what_waits(client, organizer, message):
    MessageFactory(name="Frame", is_template=True)
    MessageFactory(name="Asked", approval_asked_at=timezone.now(), approval_asked_of=organizer)
    leaves = timezone.now() + timedelta(days=1)
    MessageFactory(name="Tomorrow", state=Message.State.SCHEDULED, send_at=leaves)
    names, html = listed(client)
    assert names == ["Tomorrow", "Asked", "Vote on reading coaches"]
    assert (html.count("Waits for approval</div>"), reverse("messages:calendar") in html) == (1, True)
    assert [listed(client, **wanted)[0] for wanted in ({"approval": "waits"}, {"state": "scheduled"})] == [
        ["Asked"],
        ["Tomorrow"],
    ]
    names, html = listed(client, templates="only")
    assert (names, ">Template</span>" in html) == (["Frame"], True)


def test_the_list_says_how_many_acted(client, organizer, message):
    line = got(message)
    follow(line)
    register(line)
    assert " acted</div>" not in listed(client)[1]
    reporting.report(message)
    assert "1 acted</div>" in listed(client)[1]


def test_the_worker_counts_what_is_due_and_nothing_twice(message):
    got(message)
    tasks.report_on(message.pk)
    counted = Report.objects.get().counted_at
    tasks.report_on(message.pk)
    assert Report.objects.get().counted_at == counted


def test_a_scheduled_message_has_no_results_yet(client, organizer):
    message = MessageFactory(state=Message.State.SCHEDULED, send_at=timezone.now() + timedelta(days=1))
    assert client.get(url("inspect", message)).url == url("send", message)
