"""Links through our own redirect: nowhere else, nobody's address in it, scanners told from people (rule E6)."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from campaigns import linking, sending
from campaigns.models import Click, Delivery, Link, Message, TrackingEvent
from coalition.holdings import HOLDINGS
from coalition.models import Installation
from tests.campaigns.conftest import Away
from tests.factories import MessageFactory, PersonFactory

BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Mobile Safari/604.1"
ELSEWHERE = "https://example.org/vote?id=7#top"


@pytest.fixture
def delivery(installation):
    """An email that left an hour ago."""
    person = PersonFactory(email="ana@example.org", opted_in=True)
    return Delivery.objects.create(
        message=MessageFactory(state=Message.State.SENT),
        person=person,
        value="ana@example.org",
        language="en",
        state=Delivery.State.SENT,
        sent_at=timezone.now() - timedelta(hours=1),
    )


def link_of(delivery, url=ELSEWHERE):
    """The path of our redirect as it stands in this person's letter."""
    return filled(delivery, linking.through(delivery.message, url))


def trap_of(delivery):
    return filled(delivery, linking.trap(delivery.message))


def filled(delivery, address):
    path = address.partition("/l/")[2]
    return "/l/" + path.replace(linking.gap("click"), linking.token_for(delivery.pk))


def ask(path, method="get", agent=BROWSER, **headers):
    return getattr(Client(), method)(path, headers={"user-agent": agent, **headers})


def said(delivery):
    return list(delivery.clicks.order_by("pk").values_list("by", "why"))


def is_followed(delivery):
    return TrackingEvent.objects.filter(delivery=delivery, kind="clicked").count()


def test_a_link_leads_where_it_says_and_the_click_is_a_persons(delivery):
    answer = ask(link_of(delivery))
    assert (answer.status_code, answer["Location"]) == (302, ELSEWHERE)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert (said(delivery), is_followed(delivery)) == ([("person", "")], 1)
    assert Delivery.objects.get().state == Delivery.State.DELIVERED


def test_no_address_stands_in_a_link_and_no_cookie_comes_of_it(delivery):
    path = link_of(delivery)
    assert "ana" not in path
    assert ask(path).cookies == {}


def test_E6_clicks_are_no_sign_of_life_and_keep_nothing_of_who_asked(delivery):
    delivery.person.refresh_from_db()
    before = delivery.person.last_active_at
    ask(link_of(delivery))
    delivery.person.refresh_from_db()
    assert delivery.person.last_active_at == before
    assert {field.name for field in Click._meta.fields} == {"id", "link", "delivery", "at", "by", "why"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path[:-1] + ("0" if path[-1] != "0" else "1"),
        lambda path: path.rpartition(".")[0] + ".",
        lambda path: path.rpartition(".")[0],
        lambda path: "/l/99999999999999999999." + path.partition(".")[2],
        lambda path: path.partition(".")[0] + ".ñ.ñ",
        lambda path: path.partition(".")[0] + ".https://evil.example/",
        lambda path: path.partition(".")[0] + ".%00",
        lambda path: path.replace(".", ".0", 1),
    ],
)
def test_a_forged_link_leads_nowhere(delivery, spoil):
    answer = ask(spoil(link_of(delivery)))
    assert answer.status_code == 404
    assert "Location" not in answer
    assert Click.objects.count() == 0


def test_no_open_redirect_a_link_belongs_to_the_message_that_was_delivered(delivery):
    other = MessageFactory()
    link = filled(delivery, linking.through(other, "https://evil.example/"))
    assert ask(link).status_code == 404


def test_an_unknown_link_is_told_calmly_in_the_visitors_language(delivery):
    answer = ask("/l/1.1.0", **{"accept-language": "es"})
    assert answer.status_code == 404
    assert '<html lang="es">' in answer.content.decode()


def test_a_token_of_the_key_before_still_works(delivery, settings):
    path = link_of(delivery)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 8
    assert ask(path).status_code == 302
    settings.SECRET_KEY_FALLBACKS = []
    assert ask(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "agent", "why"),
    [
        ("head", BROWSER, "head"),
        ("get", "", "agent"),
        ("get", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "agent"),
        ("get", "python-requests/2.32", "agent"),
        ("get", "Mozilla/5.0 (Windows NT 10.0) Proofpoint", "agent"),
    ],
)
def test_E6_a_scanner_gives_itself_away(delivery, method, agent, why):
    assert ask(link_of(delivery), method, agent).status_code == 302
    assert (said(delivery), is_followed(delivery)) == ([("scanner", why)], 0)


@pytest.mark.parametrize(
    "agent",
    [
        BROWSER,
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
        "Mozilla/5.0 (Linux; Android 15; SM-S921U) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Mobile Safari",
    ],
)
def test_E6_a_persons_browser_is_no_scanner(delivery, agent):
    ask(link_of(delivery), agent=agent)
    assert said(delivery) == [("person", "")]


def test_E6_what_a_browser_fetches_ahead_is_nobodys_click(delivery):
    ask(link_of(delivery), **{"sec-purpose": "prefetch;prerender"})
    assert said(delivery) == [("scanner", "prefetch")]


def test_E6_two_links_at_once_are_a_scanner_also_the_first(delivery):
    with time_machine.travel(timezone.now(), tick=False):
        ask(link_of(delivery))
        assert is_followed(delivery) == 1
        ask(link_of(delivery, "https://example.org/other"))
    assert said(delivery) == [("scanner", "burst"), ("scanner", "burst")]
    assert is_followed(delivery) == 0


def test_E6_the_same_link_twice_is_an_impatient_person(delivery):
    with time_machine.travel(timezone.now(), tick=False):
        for _n in range(2):
            ask(link_of(delivery))
    assert (said(delivery), is_followed(delivery)) == ([("person", "")], 1)
    with time_machine.travel(timezone.now() + 2 * linking.AGAIN, tick=False):
        ask(link_of(delivery))
    assert (said(delivery), is_followed(delivery)) == ([("person", ""), ("person", "")], 1)


def test_E6_two_links_with_time_to_read_between_are_a_person(delivery):
    at = timezone.now()
    for seconds, url in ((0, ELSEWHERE), (8, "https://example.org/other")):
        with time_machine.travel(at + timedelta(seconds=seconds), tick=False):
            ask(link_of(delivery, url))
    assert said(delivery) == [("person", ""), ("person", "")]


def test_E6_within_seconds_of_sending_nobody_knows(delivery):
    Delivery.objects.update(sent_at=timezone.now() - timedelta(seconds=3))
    ask(link_of(delivery))
    assert (said(delivery), is_followed(delivery)) == ([("unsure", "at once")], 0)


def test_E6_who_falls_into_the_trap_is_a_scanner_with_all_it_asked_before(delivery):
    at = timezone.now()
    asked = [(0, link_of(delivery)), (60, trap_of(delivery)), (70, link_of(delivery, "https://example.org/other"))]
    for seconds, path in asked:
        with time_machine.travel(at + timedelta(seconds=seconds), tick=False):
            assert ask(path).status_code == 302
    assert said(delivery) == [("scanner", "near trap"), ("scanner", "trap"), ("scanner", "near trap")]
    assert is_followed(delivery) == 0
    with time_machine.travel(at + timedelta(hours=2), tick=False):
        ask(link_of(delivery))
    assert (said(delivery)[-1], is_followed(delivery)) == (("person", ""), 1)


def test_a_loop_on_one_link_writes_one_row_and_arrives_each_time(delivery, django_assert_num_queries):
    path = link_of(delivery)
    with time_machine.travel(timezone.now(), tick=False):
        ask(path)
        for _n in range(30):
            with django_assert_num_queries(2):  # where it leads, and whether there is anything new: nothing is written
                assert ask(path)["Location"] == ELSEWHERE
    assert said(delivery) == [("person", "")]


def test_one_link_of_a_letter_has_so_many_clicks_however_long_somebody_asks(delivery):
    path, now = link_of(delivery), timezone.now()
    for number in range(linking.KEPT + 10):
        with time_machine.travel(now + number * 2 * linking.AGAIN, tick=False):
            assert ask(path).status_code == 302
    assert delivery.clicks.count() == linking.KEPT


def test_E6_a_scanner_in_a_loop_does_not_hide_the_person_who_comes_after_it(delivery):
    path, now = link_of(delivery), timezone.now()
    for number in range(linking.KEPT + 10):
        with time_machine.travel(now + number * 2 * linking.AGAIN, tick=False):
            ask(path, "head")
    with time_machine.travel(now + number * 2 * linking.AGAIN, tick=False):
        ask(path)
    assert (said(delivery)[-1], is_followed(delivery)) == (("person", ""), 1)
    assert delivery.clicks.count() == linking.KEPT + 1


@pytest.mark.parametrize("words", ["campaigns_click", "FOR NO KEY UPDATE", "INSERT INTO"])
def test_a_click_that_cannot_be_kept_stops_nobody(delivery, words):
    path = link_of(delivery)
    with connection.execute_wrapper(Away(words)):
        assert ask(path)["Location"] == ELSEWHERE
    assert delivery.clicks.count() == 0


def test_without_the_database_a_page_says_calmly_in_both_languages_to_come_again(delivery):
    path = link_of(delivery)
    with connection.execute_wrapper(Away("")):
        answer = ask(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "no-store" in answer["Cache-Control"]
    page = answer.content.decode()
    assert "The link will work again soon</h1>" in page
    assert '<div lang="es">' in page
    assert "Something went wrong" not in page


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_delivery_that_somebody_else_is_writing(delivery):
    path = link_of(delivery)

    def knock():
        try:
            return ask(path)["Location"]
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as other:
        Delivery.objects.select_for_update().get(pk=delivery.pk)
        assert other.submit(knock).result(timeout=30) == ELSEWHERE
    assert delivery.clicks.count() == 0


def test_a_click_settles_what_was_uncertain_and_never_moves_back(delivery):
    Delivery.objects.update(state=Delivery.State.UNCERTAIN)
    ask(link_of(delivery))
    assert Delivery.objects.get().state == Delivery.State.DELIVERED
    Delivery.objects.update(state=Delivery.State.COMPLAINED)
    ask(link_of(delivery))
    assert Delivery.objects.get().state == Delivery.State.COMPLAINED


def test_a_click_costs_few_queries(delivery, django_assert_max_num_queries):
    path = link_of(delivery)
    with django_assert_max_num_queries(10):  # two of them are the transaction's savepoint
        ask(path)


# What is registered


def test_one_link_for_an_address_however_often_a_letter_is_made(installation):
    message = MessageFactory()
    assert linking.through(message, ELSEWHERE) == linking.through(message, ELSEWHERE)
    assert Link.objects.count() == 1


@pytest.mark.parametrize(
    "url",
    [
        "mailto:hello@example.org",
        "tel:+14135550100",
        "https://example.org/" + "x" * 1000,
        f"https://example.org/{linking.gap('city')}",
    ],
)
def test_what_cannot_be_followed_stays_as_it_is(installation, url):
    assert linking.through(MessageFactory(), url) == url


@pytest.mark.parametrize(
    "path", ["/u/MQ:1abc/", "/en/preferences/MQ:1abc/", "/es/preferences/MQ:1abc/#stop", "/en/preferences/"]
)
def test_nobody_follows_the_way_to_preferences_or_out(installation, settings, path):
    assert linking.through(MessageFactory(), settings.PUBLIC_URL + path) == settings.PUBLIC_URL + path
    assert Link.objects.count() == 0


def test_links_are_plain_where_an_administrator_says_so(installation):
    Installation.objects.update(follow_links=False)
    message = MessageFactory()
    assert (linking.through(message, ELSEWHERE), linking.trap(message)) == (ELSEWHERE, "")


def test_our_own_pages_hear_which_message_a_visitor_came_from_and_nobody_else(installation, settings):
    Installation.objects.update(follow_links=False)
    message, site = MessageFactory(source="mayo vote"), settings.PUBLIC_URL
    given = ["/en/briefs/", site + "/en/?page=2#list", site + "/en/?src=poster", ELSEWHERE, site + ".evil.example/"]
    assert [linking.through(message, url) for url in given] == [
        site + "/en/briefs/?src=mayo+vote",
        site + "/en/?page=2&src=mayo+vote#list",
        site + "/en/?src=poster",
        ELSEWHERE,
        site + ".evil.example/",
    ]


# In a letter that left


def test_every_link_of_a_letter_leads_through_us_but_those_that_are_one_readers(installation, mailoutbox, settings):
    blocks = [
        {"id": "b1", "type": "text", "value": {"html": f'<p><a href="{ELSEWHERE}">Read</a></p>'}},
        {"id": "b2", "type": "button", "value": {"label": "Sign", "url": "/en/briefs/"}},
    ]
    settings.PUBLIC_URL = "https://riverbend.example.org"
    person = PersonFactory(email="ana@example.org", opted_in=True)
    message = MessageFactory(archived=True)
    message.contents.filter(language="en").update(blocks=blocks)
    sending.start(message)
    sending.send_next_batch(message)
    html = mailoutbox[0].alternatives[0][0]
    token = linking.token_for(person.deliveries.get().pk)
    followed = {int(number) for number in re.findall(rf'href="{settings.PUBLIC_URL}/l/(\d+)\.{token}"', html)}
    assert set(Link.objects.filter(pk__in=followed).values_list("url", "is_trap")) == {
        (ELSEWHERE, False),
        (settings.PUBLIC_URL + "/en/briefs/", False),
        (settings.PUBLIC_URL + "/", True),
    }
    others = [url for url in re.findall(r'href="([^"]+)"', html) if "/l/" not in url]
    assert {re.sub(r"[^/]+/#stop$|[^/]+/$", "", url) for url in others} == {
        settings.PUBLIC_URL + "/en/preferences/",
        settings.PUBLIC_URL + "/en/alerts/",
    }


def test_the_trap_is_hidden_from_people_and_from_screen_readers_and_stands_in_html_only(installation, mailoutbox):
    PersonFactory(email="ana@example.org", opted_in=True)
    message = MessageFactory()
    sending.start(message)
    sending.send_next_batch(message)
    trap = Link.objects.get(is_trap=True)
    (sent,) = mailoutbox
    found = re.search(
        rf'<div style="([^"]*)"( aria-hidden="true")?><a href="[^"]*/l/{trap.pk}\.[^"]+"([^>]*)></a></div>',
        sent.alternatives[0][0],
    )
    assert found[1].replace(" ", "") == "display:none"
    assert found[2]
    assert 'tabindex="-1"' in found[3]
    assert f"/l/{trap.pk}." not in sent.body


# What is held, and what happens at the same time


def test_P4_people_are_told_which_links_they_followed_and_no_scanners(delivery):
    ask(link_of(delivery))
    ask(link_of(delivery), "head")
    (holding,) = [held for held in HOLDINGS if held.model is Click]
    assert [told["link__url"][0] for told in holding.told(delivery.person)] == [ELSEWHERE]


@pytest.mark.django_db(transaction=True)
def test_E6_a_scanner_that_asks_for_many_links_at_the_same_moment_is_one(delivery, monkeypatch):
    monkeypatch.setattr(linking, "WAIT", "SET LOCAL lock_timeout = '60s'")
    monkeypatch.setattr(linking, "TOGETHER", timedelta(minutes=1))  # however slow this machine is
    paths = [link_of(delivery, f"https://example.org/{number}") for number in range(6)]

    def knock(path):
        try:
            return ask(path).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as many:
        assert set(many.map(knock, paths)) == {302}
    assert said(delivery) == [("scanner", "burst")] * 6
    assert is_followed(delivery) == 0
