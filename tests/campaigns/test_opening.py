"""Which emails load their pictures: counted only where somebody wants it, once each; it decides nothing (rule E6)."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from campaigns import linking, opening, rendering, reporting, results, sending, splitting, tracking
from campaigns.models import Delivery, Message, Opening, TrackingEvent
from campaigns.views.opening import PIXEL
from coalition import privacy
from coalition.holdings import HOLDINGS
from coalition.models import Entry, Erasure, Installation
from tests.campaigns.conftest import Away
from tests.factories import MessageFactory, PersonFactory

State = Delivery.State


@pytest.fixture
def counting(installation, settings):
    settings.PUBLIC_URL = "https://riverbend.example.org"
    Installation.objects.update(count_opens=True)


@pytest.fixture
def delivery(counting):
    """An email that left an hour ago."""
    return delivered("ana@example.org", MessageFactory(state=Message.State.SENT))


def delivered(email, message):
    return Delivery.objects.create(
        message=message,
        person=PersonFactory(email=email, opted_in=True),
        value=email,
        language="en",
        state=State.SENT,
        sent_at=timezone.now() - timedelta(hours=1),
    )


def picture_of(delivery):
    """The path of the picture as it stands in this person's letter."""
    address = opening.picture(Installation.get()).replace(linking.gap("click"), linking.token_for(delivery.pk))
    return "/o/" + address.partition("/o/")[2]


def sent(mailoutbox, **fields):
    """(HTML, text) of an email that went through sending, as it left."""
    PersonFactory(email="ana@example.org", opted_in=True)
    message = MessageFactory(**fields)
    sending.start(message)
    sending.send_next_batch(message)
    (letter,) = mailoutbox
    return letter.alternatives[0][0], letter.body


def pictures(html):
    return re.findall(r'<img[^>]*src="[^"]*/o/[^>]*>', html)


# What a letter holds


def test_E6_an_email_holds_no_picture_to_count_by_unless_somebody_wants_it(installation, mailoutbox):
    assert Installation.get().count_opens is False
    html, text = sent(mailoutbox)
    assert (pictures(html), "/o/" in html + text) == ([], False)


def test_an_email_ends_with_one_invisible_picture_of_our_own_and_its_text_with_none(counting, mailoutbox):
    html, text = sent(mailoutbox)
    token = linking.token_for(Delivery.objects.get().pk)
    assert pictures(html) == [
        f'<img src="https://riverbend.example.org/o/{token}.gif" width="1" height="1" alt=""'
        ' style="display:block;border:0">'
    ]
    assert re.sub(r"<[^>]*>", "", html.partition(pictures(html)[0])[2]).strip() == ""
    assert "/o/" not in text
    assert "ana" not in token


def test_no_preview_no_test_and_no_archive_holds_it(counting):
    message = MessageFactory(archived=True, state=Message.State.SENT, started_at=timezone.now())
    for content in message.contents.all():
        assert "/o/" not in rendering.render(content, PersonFactory(email=None)).html
        assert "/o/" not in str(rendering.for_anybody(content))


def test_a_letter_has_nothing_but_its_picture_more_where_openings_are_counted(installation):
    content = MessageFactory().contents.get(language="en")
    values = {"first_name": "Ana", "token": "t", "click": "c"}
    plain = rendering.letter(content, Installation.get(), tracked=True).fill(values)
    Installation.objects.update(count_opens=True)
    subject, text, html, headers = rendering.letter(content, Installation.get(), tracked=True).fill(values)
    (picture,) = pictures(html)
    assert (subject, text, html.replace(picture, ""), headers) == plain


# What asking for it does


def test_the_picture_is_noted_once_with_when_and_nothing_of_who(delivery):
    answer = Client().get(picture_of(delivery), headers={"user-agent": "GoogleImageProxy"})
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "image/gif", PIXEL)
    assert ("no-store" in answer["Cache-Control"], answer.cookies) == (True, {})
    first = Opening.objects.get()
    Client().get(picture_of(delivery))
    assert list(Opening.objects.values_list("delivery", "at")) == [(delivery.pk, first.at)]
    assert {field.name for field in Opening._meta.fields} == {"delivery", "at"}


def test_the_picture_is_a_gif_of_one_transparent_pixel():
    width, height = int.from_bytes(PIXEL[6:8], "little"), int.from_bytes(PIXEL[8:10], "little")
    assert (PIXEL[:6], width, height, len(PIXEL)) == (b"GIF89a", 1, 1, 43)


def test_E6_a_picture_moves_no_delivery_and_is_no_sign_of_life(delivery):
    Delivery.objects.update(state=State.UNCERTAIN)
    before, entries = Delivery.objects.values().get(), Entry.objects.count()
    delivery.person.refresh_from_db()
    active = delivery.person.last_active_at
    Client().get(picture_of(delivery))
    delivery.person.refresh_from_db()
    assert Opening.objects.count() == 1
    assert Delivery.objects.values().get() == before
    assert (delivery.person.last_active_at, delivery.clicks.count(), TrackingEvent.objects.count()) == (active, 0, 0)
    assert Entry.objects.count() == entries


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path[:-5] + ("0" if path[-5] != "0" else "1") + ".gif",
        lambda path: path.rpartition(".")[0].rpartition(".")[0] + ".gif",
        lambda path: "/o/ñ.ñ.gif",
        lambda path: "/o/%00.gif",
        lambda path: path.replace("/o/", "/o/0"),
    ],
)
def test_a_forged_token_writes_nothing_and_learns_nothing(delivery, spoil, django_assert_num_queries):
    path = spoil(picture_of(delivery))
    with django_assert_num_queries(0):
        answer = Client().get(path)
    assert (answer.status_code, answer.content, Opening.objects.count()) == (200, PIXEL, 0)


def test_a_token_of_a_delivery_that_is_gone_writes_nothing(delivery):
    path = picture_of(delivery)
    Delivery.objects.all().delete()
    assert (Client().get(path).content, Opening.objects.count()) == (PIXEL, 0)


def test_who_only_asks_whether_it_is_there_writes_nothing(delivery, django_assert_num_queries):
    path = picture_of(delivery)
    with django_assert_num_queries(0):
        answer = Client().head(path)
    assert (answer.status_code, Opening.objects.count()) == (200, 0)
    assert Client().post(picture_of(delivery)).status_code == 405


def test_once_switched_off_the_pictures_of_older_emails_count_no_more(delivery, django_assert_num_queries):
    path = picture_of(delivery)
    Installation.objects.update(count_opens=False)
    with django_assert_num_queries(1):
        assert Client().get(path).content == PIXEL
    assert Opening.objects.count() == 0


def test_a_loop_on_one_picture_looks_twice_and_writes_nothing(delivery, django_assert_num_queries):
    path = picture_of(delivery)
    Client().get(path)
    for _n in range(10):
        with django_assert_num_queries(2):
            Client().get(path)
    assert Opening.objects.count() == 1


@pytest.mark.parametrize("words", ["", "campaigns_delivery", "INSERT INTO"])
def test_a_picture_that_cannot_be_noted_is_seen_all_the_same(delivery, words):
    path = picture_of(delivery)
    with connection.execute_wrapper(Away(words)):
        assert Client().get(path).content == PIXEL
    assert Opening.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_picture_while_somebody_writes_its_delivery(delivery):
    path = picture_of(delivery)

    def knock():
        try:
            return Client().get(path).content
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as other:
        Delivery.objects.select_for_update().get(pk=delivery.pk)
        assert other.submit(knock).result(timeout=30) == PIXEL
    assert Opening.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_picture_asked_for_many_times_at_the_same_moment_is_noted_once(delivery):
    path = picture_of(delivery)

    def knock(_n):
        try:
            return Client().get(path).content
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as many:
        assert set(many.map(knock, range(6))) == {PIXEL}
    assert Opening.objects.count() == 1


# What a provider tells


def opened(delivery, minutes):
    at = delivery.sent_at + timedelta(minutes=minutes)
    return tracking.News("opened", event_id=f"{delivery.pk}-{minutes}", ref=f"delivery-{delivery.pk}", at=at)


def test_what_a_provider_tells_of_opened_emails_counts_the_first_of_each(delivery):
    other = delivered("luz@example.org", delivery.message)
    tracking.record_all("postmark", [opened(delivery, 9), opened(delivery, 4), opened(other, 7)])
    tracking.record_all("postmark", [opened(delivery, 2), opened(other, 7)])
    minutes = {row.delivery_id: (row.at - row.delivery.sent_at).seconds // 60 for row in Opening.objects.all()}
    assert minutes == {delivery.pk: 4, other.pk: 7}


def test_E6_what_a_provider_tells_of_opened_emails_is_not_counted_where_nobody_wants_it(delivery):
    Installation.objects.update(count_opens=False)
    assert tracking.record_all("postmark", [opened(delivery, 4)]) == 1
    assert (Opening.objects.count(), Delivery.objects.get().state) == (0, State.DELIVERED)


def test_news_of_arrivals_asks_nothing_about_openings(delivery, django_assert_max_num_queries):
    with connection.execute_wrapper(Away("count_opens")):
        assert tracking.record_all("postmark", [opened(delivery, 4)._replace(kind="delivered")]) == 1


# What it is good for


def test_E6_openings_stand_beside_the_figures_and_move_none_of_them(delivery):
    delivered("luz@example.org", delivery.message)
    before = reporting.count(delivery.message)
    Client().get(picture_of(delivery))
    after = reporting.count(delivery.message)
    assert (before.pop("opened"), after.pop("opened")) == (0, 1)
    assert after == before
    assert (list(results.acted(delivery.message)), splitting.outcome(delivery.message)) == ([], {})


def test_P4_people_are_told_which_emails_loaded_their_pictures(delivery):
    delivered("luz@example.org", delivery.message)
    Client().get(picture_of(delivery))
    (holding,) = [held for held in HOLDINGS if held.model is Opening]
    subject = delivery.message.contents.get(language="en").subject
    moment = Opening.objects.get().at.isoformat()
    assert [(told["at"][0], told["subject"][0]) for told in holding.told(delivery.person)] == [(moment, subject)]


def test_P4_what_is_left_of_an_opening_names_nobody(delivery):
    Client().get(picture_of(delivery))
    privacy.erase(delivery.person, source=Erasure.Source.PERSON)
    assert list(Opening.objects.values_list("delivery__person", "delivery__value")) == [(None, "")]
