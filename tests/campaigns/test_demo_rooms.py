"""The demo's rooms: only in the demo, and everything that happens in them happens at the real doors."""

import threading
import time

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from campaigns import sending
from campaigns.models import Conversation, Delivery, InboundText, Keyword, Message
from coalition import channels, consent
from coalition.channels import simulated
from coalition.models import Address, Installation, SimulatedEmail, SimulatedText, User
from tests import factories

NUMBER = "+14135550111"


@pytest.fixture
def demo(settings):
    settings.DEMO = True
    settings.TEXT_PROVIDER = "simulated"
    settings.EMAIL_BACKEND = "coalition.channels.simulated.EmailBackend"


@pytest.fixture
def server(live_server, settings, demo):
    settings.PUBLIC_URL = live_server.url
    settings.CELERY_TASK_ALWAYS_EAGER = True
    yield live_server
    for thread in threading.enumerate():
        if thread.name == "carrier":  # its last news is still on its way
            thread.join(60)


@pytest.fixture
def organizer(db):
    return factories.UserFactory(email="organizer@riverbend.example.org", is_superuser=True)


def url(name, *args, language="en"):
    with override(language):
        return reverse(name, args=args)


def kept_email(**changes):
    return SimulatedEmail.objects.create(
        **{
            "to": "ana@people.example.org",
            "subject": "The vote is Tuesday",
            "language": "en",
            "raw": (
                "From: Riverbend <hello@riverbend.example.org>\nTo: ana@people.example.org\n"
                "Subject: The vote is Tuesday\nMessage-ID: <1.delivery-1@riverbend.example.org>\n"
                "Content-Type: text/plain; charset=utf-8\n\nDear Ana, see https://riverbend.example.org/\n"
            ),
            **changes,
        }
    )


@pytest.fixture
def sent_email(installation, demo):
    """A real envelope, sent through the real channel to the outbox."""
    person = factories.PersonFactory(email="ana@people.example.org", opted_in=True)
    envelope = channels.Envelope(
        ref="notice-1",
        to="ana@people.example.org",
        language="es",
        subject="Su lugar está apartado",
        text="Hola, Ana: hasta mañana",
        html="<html><head></head><body><script>alert(1)</script><p>Hola, mañana</p></body></html>",
        attachments=[
            {"name": "evento.ics", "type": "text/calendar", "content": "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"}
        ],
    )
    channels.channel_for("email").send([envelope])
    return person


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("demo:outbox", []),
        ("demo:phones", []),
        ("demo:phone", ["x"]),
        ("demo:phone_thread", ["x"]),
        ("demo:email", [1]),
        ("demo:email_html", [1]),
        ("demo:email_attachment", [1, 0]),
    ],
)
def test_the_rooms_do_not_exist_outside_the_demo(client, installation, organizer, name, args):
    kept_email(pk=1)
    assert client.get(url(name, *args)).status_code == 404


def test_nobody_enters_outside_the_demo(client, installation, organizer):
    for role in ("organizer", "editor", "partner", "supporter", "administrator"):
        assert client.post(url("demo:enter", role)).status_code == 404
    assert client.post(url("demo:email_act", kept_email().pk, "bounce")).status_code == 404
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("accepts", "home"), [("es-MX,es;q=0.9", "/es/"), ("en", "/en/"), ("fr", "/en/"), ("", "/en/")]
)
def test_outside_the_demo_the_bare_address_leads_to_the_readers_language(client, db, accepts, home):
    answer = client.get("/", headers={"Accept-Language": accepts})
    assert (answer.status_code, answer.url) == (302, home)
    assert "Accept-Language" in answer["Vary"]


def test_the_doorway_speaks_both_languages(client, demo, installation, organizer):
    page = client.get("/").content.decode()
    for code in ("en", "es"):
        assert f'<section lang="{code}">' in page
        for role in ("organizer", "partner", "editor", "supporter", "administrator"):
            assert f'action="/{code}/demo/enter/{role}/"' in page


def test_one_click_enters_as_organizer_in_the_language_of_the_button(client, demo, installation, organizer):
    answer = client.post(url("demo:enter", "organizer", language="es"))
    assert (answer.status_code, answer.url) == (302, reverse("wagtailadmin_home"))
    assert client.session["_auth_user_id"] == str(organizer.pk)
    assert User.objects.get().wagtail_userprofile.preferred_language == "es"


def test_entering_is_a_post(client, demo, installation, organizer):
    assert client.get(url("demo:enter", "organizer")).status_code == 405
    assert client.post(url("demo:enter", "translator")).status_code == 404


def test_entering_needs_the_token_of_the_page(demo, installation, organizer, client):
    client.handler.enforce_csrf_checks = True
    assert client.post(url("demo:enter", "organizer")).status_code == 403


def test_a_demo_that_is_not_filled_says_so(client, demo, installation):
    for role in ("organizer", "partner", "supporter", "administrator"):
        assert client.post(url("demo:enter", role)).url == "/"


def test_a_supporter_gets_the_phone_of_somebody_who_reads_the_language(client, demo, installation):
    factories.PersonFactory(language="en", phone="+14135550112", opted_in=True)
    marisol = factories.PersonFactory(language="es", phone=NUMBER, opted_in=True)
    answer = client.post(url("demo:enter", "supporter", language="es"))
    page = client.get(answer.url)
    assert page.context["person"] == marisol


def test_a_phone_of_a_made_up_address_is_not_found(client, demo, installation):
    assert client.get(url("demo:phone", "forged")).status_code == 404


def test_phones_are_found_by_name_and_number(client, demo, installation):
    factories.PersonFactory(given_name="Iván", phone="+14135550112")
    marisol = factories.PersonFactory(given_name="Marisol", phone=NUMBER)
    for words in ("marisol", "555-0111"):
        rows = client.get(url("demo:phones"), {"q": words}).context["rows"]
        assert [row["person"] for row in rows] == [marisol]


@pytest.mark.django_db(transaction=True)
def test_a_text_typed_on_a_phone_reaches_the_real_webhook_and_the_reply_the_phone(client, server):
    Installation.objects.create(name="Riverbend", short_name="Riverbend", email="a@riverbend.example.org")
    Keyword.objects.create(word="UNIRME", language="es")
    spare = client.get(url("demo:phones")).context["spare"]
    answer = client.post(url("demo:phone", spare), {"words": "Unirme"})
    assert answer.status_code == 302
    incoming, outgoing = SimulatedText.objects.order_by("pk")
    assert InboundText.objects.get().sid == incoming.sid
    assert (incoming.incoming, outgoing.incoming) == (True, False)
    assert Address.objects.get().consent == Address.Consent.ASKED
    client.post(url("demo:phone", spare), {"words": "sí"})
    assert Address.objects.get().consent == Address.Consent.GRANTED
    page = client.get(url("demo:phone", spare))
    assert [t.incoming for t in page.context["texts"]] == [True, False, True, False]


@pytest.mark.django_db(transaction=True)
def test_the_carrier_reports_delivery_and_landlines_to_the_real_webhook(server):
    message = factories.MessageFactory(channel="phone", state=Message.State.SENDING)
    envelopes = []
    for value in (NUMBER, "+14135550198"):
        person = factories.PersonFactory(phone=value, opted_in=True)
        delivery = Delivery.objects.create(message=message, person=person, value=value, language="en", state="sending")
        envelopes.append(channels.Envelope(ref=f"delivery-{delivery.pk}", to=value, language="en", text="Hello"))
    outcomes = simulated.TextChannel().send(envelopes)
    assert [o.status for o in outcomes] == ["sent", "sent"]
    for _moment in range(100):
        if not Delivery.objects.filter(state="sending").exists():
            break
        time.sleep(0.1)
    assert list(Delivery.objects.order_by("pk").values_list("value", "state")) == [
        (NUMBER, "delivered"),
        ("+14135550198", "bounced"),
    ]
    assert Address.objects.get(value="+14135550198").fault == Address.Fault.UNABLE


def test_without_a_server_a_text_says_that_it_did_not_arrive(client, demo, db, settings):
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    spare = client.get(url("demo:phones")).context["spare"]
    page = client.post(url("demo:phone", spare), {"words": "Hello"}, follow=True)
    assert "did not arrive" in page.content.decode()
    assert SimulatedText.objects.get().status == "undelivered"
    assert Conversation.objects.count() == 0


def test_an_open_phone_asks_for_news_and_gets_none_when_there_is_none(client, demo, installation):
    factories.PersonFactory(phone=NUMBER)
    simulated_text = SimulatedText.objects.create(sid="SM1", number=NUMBER, ours="x", body="Hola")
    token = client.get(url("demo:phones")).context["rows"][0]["token"]
    last = client.get(url("demo:phone", token)).context["last"]
    assert client.get(url("demo:phone_thread", token), {"last": last}).status_code == 204
    assert simulated_text.body in client.get(url("demo:phone_thread", token), {"last": "0"}).content.decode()


def test_a_phone_shows_what_came_in_without_it(client, demo, installation):
    person = factories.PersonFactory(phone=NUMBER)
    conversation = Conversation.objects.create(number=NUMBER, person=person, language="en", last_at=timezone.now())
    InboundText.objects.create(sid="SM9", conversation=conversation, body="Yes!", kind="answer", at=timezone.now())
    token = client.get(url("demo:phones"), {"q": "marisol"}).context["rows"][0]["token"]
    assert [t.body for t in client.get(url("demo:phone", token)).context["texts"]] == ["Yes!"]


def test_the_outbox_lists_searches_and_filters(client, demo, installation):
    first = kept_email()
    second = kept_email(to="rosa@people.example.org", subject="La votación es el martes", language="es")
    page = client.get(url("demo:outbox"))
    assert list(page.context["page_obj"]) == [second, first]
    for query, found in (({"q": "rosa"}, [second]), ({"q": "tuesday"}, [first]), ({"language": "es"}, [second])):
        assert list(client.get(url("demo:outbox"), query).context["page_obj"]) == found


def test_an_email_is_shown_as_html_text_headers_and_source(client, demo, sent_email):
    kept = SimulatedEmail.objects.get()
    assert kept.language == "es"
    page = client.get(url("demo:email", kept.pk))
    assert page.context["tab"] == "html"
    assert page.context["attachments"] == ["evento.ics"]
    assert "hasta mañana" in client.get(url("demo:email", kept.pk), {"part": "text"}).content.decode()
    assert "Message-ID" in client.get(url("demo:email", kept.pk), {"part": "headers"}).content.decode()
    assert "MIME-Version" in client.get(url("demo:email", kept.pk), {"part": "raw"}).content.decode()


def test_the_html_of_an_email_is_shown_in_a_sandbox(client, demo, sent_email):
    answer = client.get(url("demo:email_html", SimulatedEmail.objects.get().pk))
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "<p>Hola, mañana</p>" in answer.content.decode()
    assert "default-src 'none'" in policy


def test_an_attachment_is_downloaded_as_it_was_sent(client, demo, sent_email):
    kept = SimulatedEmail.objects.get()
    answer = client.get(url("demo:email_attachment", kept.pk, 0))
    assert answer["Content-Disposition"] == 'attachment; filename="evento.ics"'
    assert answer["Content-Type"].startswith("text/calendar")
    assert answer.content.startswith(b"BEGIN:VCALENDAR")
    assert client.get(url("demo:email_attachment", kept.pk, 1)).status_code == 404


def _deliver(server, settings):
    """An alert that really went to the outbox, with its ways out."""
    settings.ANYMAIL = {"WEBHOOK_SECRET": "demo:demo"}
    Installation.objects.create(
        name="Riverbend", short_name="Riverbend", email="a@riverbend.example.org", postal_address="100 Main Street"
    )
    person = factories.PersonFactory(email="ana@people.example.org", opted_in=True)
    message = factories.MessageFactory()
    assert sending.start(message, by=factories.UserFactory())
    while sending.send_next_batch(Message.objects.get(pk=message.pk)):
        pass
    return person.primary_email, SimulatedEmail.objects.get()


@pytest.mark.django_db(transaction=True)
def test_E1_E4_one_click_bounce_and_complaint_come_as_mail_programs_and_providers_tell_them(client, server, settings):
    address, kept = _deliver(server, settings)

    def after(act):
        page = client.post(url("demo:email_act", kept.pk, act), follow=True)
        assert 'class="success"' in page.content.decode()
        address.refresh_from_db()
        return address.fault, address.consent, address.history.first().source

    assert after("bounce") == ("bounced", "granted", "form")
    assert after("unsubscribe") == ("bounced", "withdrawn", "one_click")
    consent.grant(address, wording="Yes.", language="en", source="preferences")
    assert after("spam") == ("bounced", "withdrawn", "complaint")


def test_one_click_leads_only_to_our_own_door(client, demo, installation):
    raw = "List-Unsubscribe: <https://elsewhere.example.org/x>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nHi"
    kept = kept_email(raw=raw)
    assert simulated.one_click(kept) == 0
    assert client.post(url("demo:email_act", kept.pk, "unsubscribe")).status_code == 302
    assert client.post(url("demo:email_act", kept.pk, "other")).status_code == 404
