"""Channels: what is known of each message after the attempt. Real SMTP on loopback, answers as providers write them."""

import json
import socket
from email import message_from_bytes, policy
from urllib.parse import parse_qs

import pytest
import requests
import responses
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from coalition import channels
from coalition.channels import Envelope, Status
from coalition.channels.base import _load
from coalition.channels.email import EmailChannel
from coalition.channels.letters import FormLetter, Gaps, gap, plain
from coalition.channels.sms import NoTextChannel, TwilioChannel
from coalition.models import SimulatedEmail

SENT, FAILED, RETRY, UNCERTAIN = Status.SENT, Status.FAILED, Status.RETRY, Status.UNCERTAIN


def envelope(to="ana@example.org", ref="delivery-1", **kwargs):
    return Envelope(ref=ref, to=to, language="es", **{"subject": "La votación", "text": "Hola\n.\nAdiós\n"} | kwargs)


class Sink:
    """Answers as the name of the mailbox asks."""

    def __init__(self):
        self.kept, self.sessions, self.hang_up_at = [], set(), ""

    async def handle_RCPT(self, server, session, env, address, options):
        self.sessions.add(id(session))
        answers = {
            "nobody": "550 5.1.1 No such user",
            "relay": "550 5.7.1 Relaying denied",
            "later": "451 4.7.1 Try again later",
        }
        name = address.partition("@")[0]
        if self.hang_up_at == "rcpt":
            server.transport.abort()
            return "250 OK"
        if name in answers:
            return answers[name]
        env.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, env):
        if self.hang_up_at == "data":
            server.transport.abort()
            return "250 OK"
        if env.rcpt_tos[0].startswith("spam"):
            return "554 5.7.1 Looks like spam"
        self.kept.append((env.mail_from, env.rcpt_tos, env.content))
        return "250 OK"


class Loopback(Controller):
    def factory(self):
        return SMTP(self.handler, hostname="sink.example.org", enable_SMTPUTF8=True)


@pytest.fixture
def sink(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 5
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = free.getsockname()[1]
    handler = Sink()
    controller = Loopback(handler, hostname="127.0.0.1", port=settings.EMAIL_PORT)
    controller.start()
    yield handler
    controller.stop()


@pytest.fixture
def channel():
    channel = EmailChannel()
    yield channel
    channel.close()


def told(outcome):
    return outcome.status, outcome.error, outcome.code, outcome.dead


# SMTP


def test_smtp_hands_over_what_was_written(sink, channel):
    (outcome,) = channel.send([envelope(html="<p>Hola</p>", headers={"List-ID": "<a.example.org>"})])
    ((sender, to, raw),) = sink.kept
    message = message_from_bytes(raw, policy=policy.default)
    assert (outcome.status, outcome.provider_id) == (SENT, message["Message-ID"])
    assert (sender, to) == ("hello@riverbend.example.org", ["ana@example.org"])
    assert (message["Subject"], message["Content-Language"], message["List-ID"]) == (
        "La votación",
        "es",
        "<a.example.org>",
    )
    assert "delivery-1" in message["Message-ID"]
    text, html = message.iter_parts()
    assert text.get_content().splitlines() == ["Hola", ".", "Adiós"]
    assert html.get_content().strip() == "<p>Hola</p>"


def test_smtp_keeps_one_session_for_many(sink, channel):
    for start in (0, 5):
        channel.send([envelope(ref=f"delivery-{n}") for n in range(start, start + 5)])
    assert (len(sink.kept), len(sink.sessions)) == (10, 1)


def test_smtp_says_of_each_what_became_of_it(sink, channel):
    names = ["ana", "nobody", "relay", "later", "spam", "eva"]
    outcomes = channel.send([envelope(f"{name}@example.org") for name in names])
    assert dict(zip(names, map(told, outcomes), strict=True)) == {
        "ana": (SENT, "", None, False),
        "nobody": (FAILED, "SMTP 550", 550, True),
        "relay": (FAILED, "SMTP 550", 550, False),
        "later": (RETRY, "SMTP 451", 451, False),
        "spam": (FAILED, "SMTP 554", 554, False),
        "eva": (SENT, "", None, False),
    }
    assert [to for _sender, to, _raw in sink.kept] == [["ana@example.org"], ["eva@example.org"]]


def test_S11_a_session_that_breaks_in_the_body_is_uncertain(sink, channel):
    sink.hang_up_at = "data"
    assert [o.status for o in channel.send([envelope()])] == [UNCERTAIN]


def test_a_session_that_breaks_before_the_body_left_nothing(sink, channel):
    sink.hang_up_at = "rcpt"
    assert [o.status for o in channel.send([envelope()])] == [RETRY]
    sink.hang_up_at = ""
    assert [o.status for o in channel.send([envelope()])] == [SENT]


def test_a_server_out_of_reach_left_nothing(settings, channel):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert [o.status for o in channel.send([envelope(), envelope()])] == [RETRY, RETRY]


def test_a_session_that_the_server_closed_meanwhile_is_opened_anew(sink, monkeypatch, channel):
    channel.send([envelope()])
    channel._carrier().connection.connection.sock.shutdown(socket.SHUT_RDWR)
    monkeypatch.setattr("coalition.channels.smtp.IDLE_AT_MOST", -1)
    assert [o.status for o in channel.send([envelope()])] == [SENT]


# Letters


def letter():
    return FormLetter(
        subject=Gaps(f"{gap('name')}, la votación"),
        text=Gaps(f"Hola, {gap('name')}"),
        html=Gaps(f"<p>Hola, {gap('name')}</p>"),
        headers={"List-Unsubscribe": Gaps(f"<https://r.example.org/u/{gap('token')}/>")},
    )


def bulk(to, name, number, shared):
    return Envelope(
        ref=f"delivery-{number}", to=to, language="es", letter=shared, values={"name": name, "token": f"t{number}"}
    )


def test_a_letter_escapes_values_in_the_html_and_only_there():
    subject, text, html, headers = letter().fill({"name": "Ana <b>", "token": "t"})
    assert (subject, text, html) == ("Ana <b>, la votación", "Hola, Ana <b>", "<p>Hola, Ana &lt;b&gt;</p>")
    assert headers == {"List-Unsubscribe": "<https://r.example.org/u/t/>"}


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\x0b b", "a\u2028b", "a \ue000 b"])
def test_a_value_is_one_line(value):
    assert plain(value) == "a b"


def test_a_batch_of_letters_by_smtp(sink, channel):
    shared = letter()
    channel.send([bulk("ana@example.org", "Ana", 1, shared), bulk("eva@example.org", "Éva", 2, shared)])
    messages = [message_from_bytes(raw, policy=policy.default) for _sender, _to, raw in sink.kept]
    assert [m["Subject"] for m in messages] == ["Ana, la votación", "Éva, la votación"]
    assert [m["To"] for m in messages] == ["ana@example.org", "eva@example.org"]
    assert [m["List-Unsubscribe"] for m in messages] == [
        "<https://r.example.org/u/t1/>",
        "<https://r.example.org/u/t2/>",
    ]


# A provider, by Anymail

MAILGUN = "https://api.mailgun.net/v3/riverbend.example.org/messages"
POSTMARK = "https://api.postmarkapp.com/email"


@pytest.fixture
def mailgun(settings):
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    settings.ANYMAIL = {"MAILGUN_API_KEY": "key"}
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def postmark(settings):
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "token"}
    with responses.RequestsMock() as mock:
        yield mock


def test_E5_a_provider_that_fills_gaps_gets_one_call_a_chunk_and_nobody_sees_another(mailgun, settings, channel):
    settings.EMAIL_BATCH_SIZE = 2
    mailgun.post(MAILGUN, json={"id": "<batch@riverbend.example.org>", "message": "Queued"})
    shared = letter()
    people = [("ana@example.org", "Ana <b>", 1), ("eva@example.org", "Eva", 2), ("luz@example.org", "Luz", 3)]
    outcomes = channel.send([bulk(to, name, number, shared) for to, name, number in people])
    assert [o.status for o in outcomes] == [SENT] * 3
    assert len(mailgun.calls) == 2
    body = mailgun.calls[0].request.body
    sent = parse_qs(body.decode() if isinstance(body, bytes) else body)
    assert sent["to"] == ["ana@example.org", "eva@example.org"]
    assert sent["subject"] == ["%recipient.name%, la votación"]
    assert sent["html"] == ["<p>Hola, %recipient.name_html%</p>"]
    ours = json.loads(sent["recipient-variables"][0])["ana@example.org"]
    assert (ours["name"], ours["name_html"], ours["v:ref"]) == ("Ana <b>", "Ana &lt;b&gt;", "delivery-1")
    assert ours["h:List-Unsubscribe"] == "<https://r.example.org/u/t1/>"


def test_E5_one_bad_address_does_not_spoil_its_chunk(mailgun, channel):
    mailgun.post(MAILGUN, status=400, json={"message": "'to' parameter is not a valid address"})
    mailgun.post(MAILGUN, status=400, json={"message": "'to' parameter is not a valid address"})
    mailgun.post(MAILGUN, json={"id": "<1@riverbend.example.org>", "message": "Queued"})
    shared = letter()
    outcomes = channel.send([bulk("ana@exa mple.org", "A", 1, shared), bulk("eva@example.org", "Eva", 2, shared)])
    assert {o.status for o in outcomes} == {FAILED, SENT} or [o.status for o in outcomes] == [FAILED, SENT]


def test_a_provider_that_fills_no_gaps_gets_each_alone_with_our_reference(postmark, channel):
    postmark.post(
        POSTMARK,
        json={"ErrorCode": 0, "Message": "OK", "MessageID": "abc-1", "SubmittedAt": "", "To": "ana@example.org"},
    )
    shared = letter()
    outcomes = channel.send([bulk("ana@example.org", "Ana", 1, shared)])
    sent = json.loads(postmark.calls[0].request.body)
    assert [(o.status, o.provider_id) for o in outcomes] == [(SENT, "abc-1")]
    assert (sent["Subject"], sent["Metadata"]) == ("Ana, la votación", {"ref": "delivery-1"})


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"status": 429}, RETRY),
        ({"status": 503}, RETRY),
        ({"status": 401, "json": {}}, RETRY),
        ({"status": 400, "json": {}}, FAILED),
        ({"status": 500}, UNCERTAIN),
        ({"status": 502}, UNCERTAIN),
        ({"status": 200, "body": "<html>nonsense"}, UNCERTAIN),
        ({"body": requests.ReadTimeout()}, UNCERTAIN),
        ({"body": requests.ConnectTimeout()}, RETRY),
    ],
)
def test_S11_a_providers_answer_says_whether_it_may_have_left(postmark, answer, status, channel):
    postmark.post(POSTMARK, **answer)
    assert [o.status for o in channel.send([envelope()])] == [status]


# The simulated outbox


def test_the_outbox_keeps_the_whole_message(db, settings, channel):
    settings.EMAIL_BACKEND = "coalition.channels.simulated.EmailBackend"
    (outcome,) = channel.send([envelope(html="<p>¡Hola!</p>")])
    kept = SimulatedEmail.objects.get()
    message = message_from_bytes(kept.raw.encode(), policy=policy.default)
    assert (outcome.status, kept.to, kept.subject) == (SENT, "ana@example.org", "La votación")
    assert message.get_body(["html"]).get_content() == "<p>¡Hola!</p>"


# Texts, by Twilio

TWILIO = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"


@pytest.fixture
def twilio(settings):
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC1", "secret"
    settings.TWILIO_FROM, settings.PUBLIC_URL = "+14135550199", "https://r.example.org"
    with responses.RequestsMock() as mock:
        yield mock


def text(to="+14135550101"):
    return Envelope(ref="delivery-7", to=to, language="es", text="Riverbend: hola")


def test_a_text_leaves_with_our_reference_in_the_callback(twilio):
    twilio.post(TWILIO, status=201, json={"sid": "SM1", "status": "queued"})
    outcomes = TwilioChannel().send([text()])
    sent = parse_qs(twilio.calls[0].request.body)
    assert [(o.status, o.provider_id) for o in outcomes] == [(SENT, "SM1")]
    assert sent == {
        "To": ["+14135550101"],
        "From": ["+14135550199"],
        "Body": ["Riverbend: hola"],
        "StatusCallback": ["https://r.example.org/webhooks/twilio/status/?ref=delivery-7"],
    }


def test_a_messaging_service_is_named_as_such(twilio, settings):
    settings.TWILIO_FROM = "MG123"
    twilio.post(TWILIO, status=201, json={"sid": "SM1", "status": "accepted"})
    TwilioChannel().send([text()])
    sent = parse_qs(twilio.calls[0].request.body)
    assert (sent["MessagingServiceSid"], "From" in sent) == (["MG123"], False)


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"status": 400, "json": {"code": 21610, "message": "unsubscribed", "status": 400}}, FAILED, 21610),
        ({"status": 400, "json": {"code": 21211, "message": "invalid", "status": 400}}, FAILED, 21211),
        ({"status": 429, "json": {"code": 20429, "message": "slow down", "status": 429}}, RETRY, 20429),
        ({"status": 401, "json": {"code": 20003, "message": "who?", "status": 401}}, RETRY, 20003),
        ({"status": 500, "json": {}}, UNCERTAIN, None),
        ({"body": requests.ReadTimeout()}, UNCERTAIN, None),
        ({"body": requests.ConnectionError()}, UNCERTAIN, None),
        ({"body": requests.ConnectTimeout()}, RETRY, None),
    ],
)
def test_S11_the_carriers_answer_says_whether_it_may_have_left(twilio, answer, status, code):
    twilio.post(TWILIO, **answer)
    assert [(o.status, o.code) for o in TwilioChannel().send([text()])] == [(status, code)]


def test_no_number_stands_in_what_we_keep_of_an_error(twilio):
    twilio.post(TWILIO, status=400, json={"code": 21211, "message": "+14135550101 is not a number", "status": 400})
    assert [o.error for o in TwilioChannel().send([text()])] == ["Twilio 21211"]


def test_without_a_provider_no_text_leaves_and_it_says_so():
    assert [(o.status, o.error) for o in NoTextChannel().send([text()])] == [(FAILED, "texts are switched off")]


@pytest.mark.parametrize(("provider", "name"), [("memory", "TextChannel"), ("", "NoTextChannel")])
def test_the_setting_chooses_the_carrier(settings, provider, name):
    settings.TEXT_PROVIDER = provider
    _load.cache_clear()
    assert type(channels.channel_for("phone")).__name__ == name
