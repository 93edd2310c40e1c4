"""The public archive: what was sent can be read by anybody, in its languages, and holds nobody's name."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from campaigns import archiving, sending
from campaigns.models import Delivery, Link, Message, MessageContent, SplitTest
from campaigns.series import steering
from coalition.models import Installation
from tests.campaigns.test_series import build, reader, send_all
from tests.factories import MessageFactory, PersonFactory

BLOCKS = [
    {"id": "b1", "type": "heading", "value": {"text": "Tuesday at six"}},
    {"id": "b2", "type": "text", "value": {"html": "<p>Dear {{ first_name | friend }}, come.</p>"}},
    {"id": "b3", "type": "button", "value": {"label": "Write to them", "url": "https://example.org/write"}},
    {"id": "b4", "type": "quote", "value": {"text": "It\nmatters", "who": "A teacher <3"}},
    {"id": "b5", "type": "divider", "value": {}},
]


@pytest.fixture
def message(installation):
    """An alert that was sent and may be read."""
    message = MessageFactory(
        archived=True, state=Message.State.SENT, started_at=timezone.now() - timedelta(days=1), source="mayo"
    )
    MessageContent.objects.filter(message=message, language="en").update(
        subject="{{ first_name }}, the vote is Tuesday", preheader="Be there", blocks=BLOCKS
    )
    return gone(message)


def gone(message, state="sent"):
    """The same, with one person's row in the ledger."""
    Delivery.objects.create(message=message, person=PersonFactory(), language="en", state=state)
    return message


def page(client, message, language="en"):
    answer = client.get(archiving.path_of(message.pk, language))
    return answer.status_code, answer.content.decode()


def list_of(language):
    with override(language):
        return reverse("campaigns:alerts")


def test_an_alert_can_be_read_by_anybody_without_anybodys_name(client, message):
    PersonFactory(given_name="Marisol", email="ana@example.org", opted_in=True)
    status, html = page(client, message)
    main = html[html.index("<main") : html.index("</main>")]
    assert status == 200
    assert "<h1>The vote is Tuesday</h1>" in main
    assert "Dear friend, come." in main
    assert 'href="https://example.org/write"' in main
    assert "A teacher &lt;3" in main
    for hidden in ("Marisol", "{{", "/preferences/", "/u/", "/l/", "\ue000"):
        assert hidden not in main
    assert Link.objects.count() == 0


def test_each_language_has_its_own_page_in_its_own_words(client, message):
    _status, html = page(client, message, "es")
    assert "<h1>La votación es el martes</h1>" in html
    assert '<html lang="es">' in html


def test_L1_the_page_names_itself_and_its_translation(client, message, settings):
    site = settings.PUBLIC_URL
    addresses = {code: site + archiving.path_of(message.pk, code) for code in ("en", "es")}
    for language in ("en", "es"):
        _status, html = page(client, message, language)
        assert f'<link rel="canonical" href="{addresses[language]}">' in html
        named = dict(re.findall(r'rel="alternate" hreflang="([\w-]+)" href="([^"]+)"', html))
        assert named == addresses | {"x-default": addresses["en"]}
        assert f'<meta property="og:url" content="{addresses[language]}">' in html


def test_L1_a_language_it_was_not_written_in_has_no_page(client, message):
    message.contents.filter(language="es").delete()
    assert page(client, message, "es")[0] == 404
    _status, html = page(client, message)
    assert 'hreflang="es" href' not in html.partition("</head>")[0]
    assert 'lang="en" hreflang="en">The vote is Tuesday</a>' in client.get(list_of("es")).content.decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"archived": False},
        {"is_template": True},
        {"channel": "phone"},
        {"state": Message.State.DRAFT},
        {"state": Message.State.SCHEDULED},
        {"started_at": None},
    ],
)
def test_what_was_not_sent_or_not_meant_for_everybody_stands_nowhere(client, message, changes):
    Message.objects.update(**changes)
    assert page(client, message)[0] == 404
    assert "The vote is Tuesday" not in client.get(list_of("en")).content.decode()
    assert "/alerts/" not in client.get("/sitemap.xml").content.decode()


@pytest.mark.parametrize("of_message", ["cancelled", "running", "paused", "sending", "sent"])
@pytest.mark.parametrize(
    ("state", "status"),
    [("sent", 200), ("bounced", 200), ("sending", 200), ("queued", 404), ("failed", 404), ("held", 404)],
)
def test_only_what_somebody_has_and_holds_a_link_to_can_be_read(client, message, of_message, state, status):
    Message.objects.update(state=of_message)
    message.deliveries.all().delete()
    gone(gone(message, state), "held")
    assert [page(client, message, language)[0] for language in ("en", "es")] == [status, status]
    assert ("The vote is Tuesday" in client.get(list_of("en")).content.decode()) == (status == 200)
    assert (f"/alerts/{message.pk}/" in client.get("/sitemap.xml").content.decode()) == (status == 200)


def test_a_step_of_a_series_can_be_read_once_somebody_got_it(client, installation):
    reader()
    built = build(0, 24)
    Message.objects.filter(step__series=built).update(archived=True)
    steering.start(built)
    first, second = [step.message for step in built.steps.all()]
    assert [page(client, step)[0] for step in (first, second)] == [404, 404]
    reader()
    send_all()
    assert [page(client, step)[0] for step in (first, second)] == [200, 404]
    steering.end(built)
    assert [page(client, step)[0] for step in (first, second)] == [200, 404]


def test_of_tested_wordings_the_one_that_won_is_shown(client, message):
    MessageContent.objects.create(message=message, language="en", variant="b", subject="Come on Tuesday", blocks=BLOCKS)
    SplitTest.objects.create(message=message, winners={"en": "b"})
    assert "<h1>Come on Tuesday</h1>" in page(client, message)[1]
    assert "<h1>La votación es el martes</h1>" in page(client, message, "es")[1]


def test_the_list_says_calmly_that_it_is_empty(client, installation):
    assert "No alert stands here yet." in client.get(list_of("en")).content.decode()


def test_the_list_in_both_languages(client, message):
    for language, subject in (("en", "The vote is Tuesday"), ("es", "La votación es el martes")):
        html = client.get(list_of(language)).content.decode()
        assert f'<a href="{archiving.path_of(message.pk, language)}">{subject}</a>' in html


def test_the_sitemap_names_every_language(client, message, settings):
    found = client.get("/sitemap.xml").content.decode()
    for code in ("en", "es"):
        assert f"<loc>{settings.PUBLIC_URL}{archiving.path_of(message.pk, code)}</loc>" in found


def test_the_list_and_the_sitemap_read_no_blocks(client, message):
    for address in (list_of("en"), "/sitemap.xml"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(address).status_code == 200
        assert [query for query in asked if "blocks" in query["sql"]] == []


def test_the_page_costs_few_queries(client, message, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        page(client, message)


def test_the_list_costs_the_same_however_long(client, installation):
    counts = []
    for more in (1, 30):
        for _n in range(more):
            gone(MessageFactory(archived=True, state=Message.State.SENT, started_at=timezone.now()))
        client.get(list_of("en"))  # the addresses of the sites are kept from now on
        with CaptureQueriesContext(connection) as queries:
            client.get(list_of("en"))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 7


def test_a_letter_names_its_page_in_the_readers_language(installation, mailoutbox):
    PersonFactory(language="es", email="ana@example.org", opted_in=True)
    message = MessageFactory(archived=True)
    sending.start(message)
    sending.send_next_batch(message)
    assert archiving.url_of(message, "es") in mailoutbox[0].body
    assert Delivery.objects.get().language == "es"


def test_no_address_for_what_is_not_kept(installation):
    assert Installation.objects.exists()
    assert archiving.url_of(MessageFactory(), "en") == ""
    assert archiving.url_of(MessageFactory(archived=True, is_template=True), "en") == ""
    assert archiving.url_of(Message(archived=True), "en") == ""
