"""The back office's page about a test of wordings, before it, while it runs and after it."""

import re

import pytest
from django.urls import reverse
from wagtail.users.models import UserProfile

from campaigns import reporting, sending, splitting
from campaigns.models import Message, SplitTest
from campaigns.views.splitting import WHY, by_chance
from coalition.accounts import Role
from tests.campaigns.conftest import user_of
from tests.campaigns.test_message_views import texts_of
from tests.campaigns.test_splitting import act, closed, first, message, running, variant, webinar  # noqa: F401
from tests.factories import MessageFactory


def url(name, one, *args):
    return reverse(f"messages:{name}", args=[one.pk, *args])


def test_a_second_wording_is_added_written_and_tested(client, organizer):
    one = MessageFactory()
    assert "Add a wording" in client.get(url("test", one)).content.decode()
    response = client.post(url("add_variant", one))
    assert response.url == url("edit", one) + "?variant=b"
    page = client.get(url("test", one)).content.decode()
    assert "Without a test everybody gets wording A." in page
    response = client.post(url("test", one), {"share": "25", "hours": "6"}, follow=True)
    assert texts_of(response) == ["The wordings are tested when the message is sent."]
    test = SplitTest.objects.get()
    assert (test.share, test.hours) == (25, 6)
    assert client.post(url("test", one), {"share": "0", "hours": "6"}).status_code == 422
    client.post(url("drop_test", one))
    assert SplitTest.objects.count() == 0


def test_the_last_other_wording_takes_the_test_with_it(client, organizer):
    one = MessageFactory()
    variant(one, "b")
    splitting.set_up(one, share=20, hours=4)
    client.post(url("remove_variant", one, "b"))
    assert splitting.variants_of(one) == {"en": ["a"], "es": ["a"]}
    assert SplitTest.objects.count() == 0
    response = client.post(url("remove_variant", one, "a"), follow=True)
    assert splitting.variants_of(one) == {"en": ["a"], "es": ["a"]}
    assert response.status_code == 200


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_running_test_shows_each_language_as_it_stands(client, organizer, running, webinar, language):  # noqa: F811
    UserProfile.objects.update_or_create(user=organizer, defaults={"preferred_language": language})
    for delivery in first(running, "en", "b", 9):
        act(delivery, webinar)
    response = client.get(url("test", running))
    shown = {row["language"]: row for row in response.context["results"]}
    assert [(line["letter"], line["got"], line["acted"]) for line in shown["en"]["rows"]] == [
        ("a", 19, 0),
        ("b", 19, 9),
    ]
    assert not shown["en"]["decided"]
    assert response.context["waiting"] == 4


@pytest.mark.parametrize("language", ["en", "es"])
def test_E6_the_outcome_is_drawn_within_each_language_and_says_how_sure_it_is(
    client,
    organizer,
    running,  # noqa: F811
    webinar,  # noqa: F811
    language,
):
    UserProfile.objects.update_or_create(user=organizer, defaults={"preferred_language": language})
    for delivery in first(running, "en", "b", 9):
        act(delivery, webinar)
    before = client.get(url("test", running))
    assert [row["chart"] for row in before.context["results"]] == ["", ""]
    known = {"known": before.context["known"]}
    assert client.get(url("outcome", running), known).status_code == 204
    reporting.report(running)
    shown = {row["language"]: row for row in client.get(url("outcome", running), known).context["results"]}
    drawn = [re.sub("<[^>]+>", " ", shown[code]["chart"]) for code in ("en", "es")]
    assert [("47.4 %" in words or "47,4 %" in words, "0 %" in words) for words in drawn] == [
        (True, True),
        (False, True),
    ]
    said = [(bool(shown[code]["chance"]), shown[code]["why"]) for code in ("en", "es")]
    assert said == [(True, WHY["clear"]), (False, WHY["few"])]
    assert [line["likely"] and [round(edge) for edge in line["likely"]] for line in shown["en"]["rows"]] == [
        [0, 17],
        [27, 68],
    ]


def test_a_chart_and_its_table_hold_the_same_numbers(client, organizer, running, webinar):  # noqa: F811
    reporting.report(running)
    for delivery in first(running, "en", "b", 9):
        act(delivery, webinar)

    def shown():
        response = client.get(url("test", running))
        return {
            row["language"]: (bool(row["chart"]), row["decided"], row["rows"][1]["acted"])
            for row in response.context["results"]
        }, response.context["awaited"]

    assert shown() == ({"en": (True, False, 0), "es": (True, False, 0)}, True)  # as counted last
    splitting.decide(running)
    assert shown() == ({"en": (False, True, 9), "es": (False, True, 0)}, True)  # as decided
    reporting.report(running)
    assert shown() == ({"en": (True, True, 9), "es": (True, True, 0)}, False)


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (None, ""),
        (0.0004, "Of 100 tests of wordings that are equally good, fewer than one would show a difference as large."),
        (0.013, "Of 100 tests of wordings that are equally good, about 1 would show a difference as large."),
        (0.6513, "Of 100 tests of wordings that are equally good, about 65 would show a difference as large."),
    ],
)
def test_how_sure_a_difference_is_stands_in_words(p, said):
    assert by_chance(p) == said


def test_one_language_is_decided_by_hand_and_the_rest_later_by_the_figures(client, organizer, running):  # noqa: F811
    response = client.post(url("decide", running), {"es": "b", "en": ""}, follow=True)
    assert texts_of(response) == ["Decided: those who waited get it now."]
    assert list(response.context["decision"].fields) == ["en"]
    assert SplitTest.objects.get().winners == {"es": "b"}
    response = client.post(url("decide", running), {"en": ""}, follow=True)
    assert texts_of(response) == ["Choose a wording for at least one language."]
    splitting.decide(running)
    page = client.get(url("test", running))
    assert page.context["decision"] is None
    assert "Too few acted to read anything out of it: the first wording stands." in page.content.decode()
    response = client.post(url("decide", running), {"stop": "1"}, follow=True)
    assert texts_of(response) == ["It was decided already."]


def test_a_test_that_nobody_waits_for_is_decided_after_its_message_was_sent(client, organizer, closed):  # noqa: F811
    reporting.report(closed)
    page = client.get(url("test", closed))
    assert list(page.context["decision"].fields) == ["en", "es"]
    assert (page.context["waiting"], page.context["awaited"]) == (0, True)
    response = client.post(url("decide", closed), {"es": "b", "en": "b"}, follow=True)
    assert texts_of(response) == ["Decided by hand."]
    assert (response.context["decision"], response.context["awaited"]) == (None, True)  # its charts follow
    assert SplitTest.objects.get().winners == {"en": "b", "es": "b"}
    reporting.report(closed)
    assert not client.get(url("test", closed)).context["awaited"]


def test_a_test_ends_with_a_message_that_is_cancelled(client, organizer, running):  # noqa: F811
    sending.cancel(running)
    reporting.report(running)
    page = client.get(url("test", running))
    assert "The test ended with the message." in page.content.decode()
    assert (page.context["decision"], page.context["awaited"]) == (None, False)
    response = client.post(url("decide", running), {"es": "b"}, follow=True)
    assert texts_of(response) == ["The test ended with the message."]
    assert SplitTest.objects.get().winners == {}


def test_a_test_may_be_stopped(client, organizer, running):  # noqa: F811
    client.post(url("decide", running), {"stop": "1"})
    test = SplitTest.objects.get()
    assert (test.winners, test.decided_by) == ({"en": "a", "es": "a"}, organizer)


def test_who_may_not_send_decides_nothing(client, organizer, running):  # noqa: F811
    client.force_login(user_of(Role.EDITOR))
    assert client.post(url("decide", running), {"stop": "1"}).status_code in (302, 403)
    assert SplitTest.objects.get().winners == {}


def test_a_message_that_left_without_a_test_has_no_page_of_one(client, organizer, message):  # noqa: F811
    Message.objects.filter(pk=message.pk).update(state=Message.State.SENT)
    assert client.get(url("test", message)).status_code == 404
