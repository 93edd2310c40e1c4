"""Replies by email: a wish to stop counts from whom it concerns, a machine's answer never; a person reads the rest."""

import json
import time
from base64 import b64encode
from email.message import EmailMessage

import pytest
from django.test import Client

from campaigns import replying
from campaigns.models import Delivery, Message, TrackingEvent
from coalition import notices
from coalition.models import Address, Consent, Notice
from tests.factories import MessageFactory, PersonFactory

BASIC = {"authorization": f"Basic {b64encode(b'name:word').decode()}"}


@pytest.fixture(autouse=True)
def anymail(settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "name:word"}
    settings.CELERY_TASK_ALWAYS_EAGER = True


@pytest.fixture
def delivery(installation):
    return Delivery.objects.create(
        message=MessageFactory(state=Message.State.SENT),
        person=PersonFactory(email="ana@example.org", language="es", opted_in=True),
        value="ana@example.org",
        language="es",
        state=Delivery.State.SENT,
        provider_id="<20261122.1@mg.example.org>",
    )


def own_id(delivery):
    return f"<delivery-{delivery.pk}.{'0a' * 8}@riverbend.example.org>"


def mail(text, *, sender="Ana <ana@example.org>", subject="Re: The vote is Tuesday", html="", **headers):
    """An email as it stands in the mailbox; `headers` with underscores for dashes."""
    found = EmailMessage()
    found["From"], found["To"], found["Subject"] = sender, "hello@riverbend.example.org", subject
    found["Message-ID"] = "<reply-1@mail.example.org>"
    for name, value in headers.items():
        found[name.replace("_", "-")] = value
    if text:
        found.set_content(text)
    if html:
        found.add_alternative(html, subtype="html") if text else found.set_content(html, subtype="html")
    return found


def post(message, **said):
    """As SparkPost relays it; `message`: an EmailMessage, or bytes that no mail program should write."""
    if isinstance(message, bytes):
        content = {"email_rfc822": b64encode(message).decode(), "email_rfc822_is_base64": True}
    else:
        content = {"email_rfc822": message.as_string(), "email_rfc822_is_base64": False}
    relayed = {"protocol": "smtp", "msg_from": "ana@example.org", "rcpt_to": "hello@riverbend.example.org"}
    body = [{"msys": {"relay_message": {**relayed, "content": content, **said}}}]
    client = Client(raise_request_exception=False)
    path = "/webhooks/anymail/sparkpost/inbound/"
    return client.post(path, json.dumps(body), content_type="application/json", headers=BASIC).status_code


def consent_now():
    return Address.objects.get(value="ana@example.org").consent


def passed_on():
    return [notice.value for notice in Notice.objects.filter(kind="passed_on")]


QUOTED = (
    "\n\nEl mar, 22 nov 2026 a las 9:00, Riverbend (<hello@riverbend.example.org>) escribió:\n> Unsubscribe: stop\n"
)


@pytest.mark.parametrize(
    "words",
    [
        "unsubscribe",
        "STOP",
        "Baja",
        "Baja, por favor.",
        "Please unsubscribe me from this list",
        "No quiero más correos",
    ],
)
def test_E3_a_plain_wish_closes_the_address_at_once(delivery, words):
    assert post(mail(words + QUOTED, In_Reply_To=own_id(delivery))) == 200
    line = Consent.objects.filter(state="withdrawn").get()
    assert (line.source, line.address.value) == (Consent.Source.EMAIL_REPLY, "ana@example.org")
    assert TrackingEvent.objects.get(kind="unsubscribed").delivery == delivery
    assert passed_on() == []


def test_the_same_reply_twice_is_once(delivery):
    for _twice in range(2):
        assert post(mail("stop", In_Reply_To=own_id(delivery))) == 200
    assert Consent.objects.filter(state="withdrawn").count() == TrackingEvent.objects.count() == 1


@pytest.mark.parametrize("header", ["In_Reply_To", "References"])
def test_an_id_that_the_provider_gave_names_the_delivery_too(delivery, header):
    post(mail("stop", **{header: "<older@example.org> <20261122.1@mg.example.org>"}))
    assert consent_now() == Address.Consent.WITHDRAWN


def test_a_subject_alone_says_it_too(delivery):
    post(mail(" ", subject="Unsubscribe", References=own_id(delivery)))
    assert consent_now() == Address.Consent.WITHDRAWN


def test_html_alone_says_it_too_and_what_is_quoted_in_it_does_not(delivery):
    quote = '<div class="gmail_quote">On Sunday, Riverbend wrote:<blockquote>unsubscribe</blockquote></div>'
    post(mail("", html=f"<div>Great news!</div>{quote}", In_Reply_To=own_id(delivery)))
    assert consent_now() == Address.Consent.GRANTED
    post(mail("", html=f"<div>Alto</div>{quote}", In_Reply_To=own_id(delivery)))
    assert consent_now() == Address.Consent.WITHDRAWN


@pytest.mark.parametrize("headers", [{}, {"In_Reply_To": "<somebody@elsewhere.example>"}])
def test_a_wish_that_answers_nothing_of_ours_is_for_a_person_to_judge(delivery, headers):
    post(mail("unsubscribe", **headers))
    assert (consent_now(), passed_on()) == (Address.Consent.GRANTED, ["hello@riverbend.example.org"])


def test_nobody_stops_for_somebody_else(delivery):
    post(mail("unsubscribe", sender="eve@example.org", In_Reply_To=own_id(delivery)))
    assert (consent_now(), passed_on()) == (Address.Consent.GRANTED, ["hello@riverbend.example.org"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"X_Autoreply": "yes"},
        {"List_Id": "<list.example.org>"},
        {"Return_Path": "<>"},
        {"sender": "MAILER-DAEMON@example.org"},
    ],
)
def test_a_machines_answer_does_nothing(delivery, headers):
    assert post(mail("stop", In_Reply_To=own_id(delivery), **headers)) == 200
    assert (consent_now(), Notice.objects.count()) == (Address.Consent.GRANTED, 0)


def test_a_bounce_in_the_mailbox_does_nothing(delivery):
    assert post(mail("stop", In_Reply_To=own_id(delivery)), msg_from="") == 200
    assert (consent_now(), Notice.objects.count()) == (Address.Consent.GRANTED, 0)


LONG = "I think you should stop the cuts. " + "It matters to me. " * 20 + "\nPlease cancel"


@pytest.mark.parametrize("words", ["Where is the meeting?", "¿Habrá intérprete?", LONG, "We must stop the cuts!"])
def test_every_other_reply_reaches_the_coalitions_mailbox_and_is_forgotten(delivery, words, mailoutbox):
    post(mail(words + QUOTED, In_Reply_To=own_id(delivery), subject="Re: <b>Hi</b>"))
    post(mail(words + QUOTED, In_Reply_To=own_id(delivery), subject="Re: <b>Hi</b>"))
    notices.send_due()
    (sent,) = mailoutbox
    assert sent.to == ["hello@riverbend.example.org"]
    assert "ana@example.org" in sent.body
    assert words.split("\n")[0][:30] in sent.body
    assert "<b>Hi" not in sent.alternatives[0][0]
    kept = Notice.objects.get()
    assert (kept.value, kept.subject, kept.text, kept.html) == ("", "", "", "")
    assert consent_now() == Address.Consent.GRANTED


def test_a_flood_is_not_passed_on(delivery, monkeypatch):
    monkeypatch.setattr(replying, "PASSED_ON_A_DAY", 1)
    for number in range(3):
        replying.receive(replying.Reply(sender="ana@example.org", text="Hello?", message_id=f"<{number}@x.example>"))
    assert passed_on() == ["hello@riverbend.example.org"]


def test_a_forged_request_is_refused(delivery, settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "name:another"}
    assert post(mail("stop", In_Reply_To=own_id(delivery))) == 400
    assert consent_now() == Address.Consent.GRANTED


@pytest.mark.parametrize("sender", ["", "nobody", "a@example.org, b@example.org"])
def test_a_sender_who_is_nobody_does_nothing(delivery, sender):
    message = mail("stop", sender="x@example.org", In_Reply_To=own_id(delivery))
    message.replace_header("From", sender)
    assert post(message) == 200
    assert (consent_now(), Notice.objects.count()) == (Address.Consent.GRANTED, 0)


STOPPED, PASSED_ON = (Address.Consent.WITHDRAWN, []), (Address.Consent.GRANTED, ["hello@riverbend.example.org"])
OPEN, COMMENT = "<style " * 14_000, "<!--" * 25_000


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        ({"html": f"<p>Alto</p>{OPEN}"}, STOPPED),
        ({"html": f"<p>Alto</p>{COMMENT}"}, STOPPED),
        ({"html": f"<p>Alto</p>&#{'1' * 5000};"}, STOPPED),
        ({"html": f"<p>Hello</p>{'<' * 60}{'>' * 60}"}, PASSED_ON),
        ({"html": f"<p>Hello</p>{'<' * 99_000}"}, PASSED_ON),
        ({"text": "e" + "\u0301\u0323" * 25_000}, PASSED_ON),
        ({"text": "\non Monday\nwrote" * 300_000}, PASSED_ON),
    ],
    ids=["style", "comment", "number", "tags in tags", "angles", "accents", "quotes"],
)
def test_no_words_hold_up_who_reads_them(delivery, written, outcome):
    reply = replying.Reply("ana@example.org", subject="Re: Hi", answers=(own_id(delivery),), **written)
    began = time.process_time()
    replying.receive(reply)
    assert time.process_time() - began < 2
    assert (consent_now(), passed_on()) == outcome


def test_what_nobody_sees_of_a_mail_is_none_of_its_words():
    head = "<!DOCTYPE html><title>stop</title><style>p > b { color: red }</style><!--[if mso]><p>stop</p><![endif]-->"
    reply = replying.Reply("", html=f"{head}<p>It is <b>so</b>:<br>2 &lt; 3 &amp; 5 > 4</p><SCRIPT>stop</SCRIPT>")
    assert replying.own_words(reply) == "It is so:\n2 < 3 & 5 > 4"


@pytest.mark.parametrize("encoding", [b"x-unknown", b"hex", b"", b"idna", b'"utf\0-8"'])
@pytest.mark.parametrize("kind", [b"plain", b"html"])
def test_E3_a_wish_in_a_wrong_encoding_closes_the_address(delivery, encoding, kind):
    head = b"From: ana@example.org\r\nSubject: =?x-no?b?////?=\r\nIn-Reply-To: " + own_id(delivery).encode()
    body = b"\r\nContent-Type: text/%s; charset=%s\r\n\r\nBaja\r\n\r\n> Hola\r\n" % (kind, encoding)
    assert post(head + body) == 200
    assert consent_now() == Address.Consent.WITHDRAWN


EIGHT_BIT = b"From: Ana <ana@example.org>\r\nSubject: La votaci\xf3n\r\nIn-Reply-To: %s\r\nContent-Type: text/plain"


@pytest.mark.parametrize("charset", [b"; charset=iso-8859-1", b"; charset=utf-8", b""])
def test_E3_a_wish_in_eight_bits_closes_the_address(delivery, charset):
    wish = b"\r\n\r\nBaja\r\n\r\n> El pr\xf3ximo martes\r\n"
    assert post(EIGHT_BIT % own_id(delivery).encode() + charset + wish) == 200
    assert consent_now() == Address.Consent.WITHDRAWN


def test_a_reply_in_eight_bits_is_passed_on_as_it_was_written(delivery):
    words = b"; charset=iso-8859-1\r\n\r\n\xbfA qu\xe9 hora?\r\n"
    assert post(EIGHT_BIT % own_id(delivery).encode() + words) == 200
    (notice,) = Notice.objects.filter(kind="passed_on")
    assert "¿A qué hora?" in notice.text
    assert consent_now() == Address.Consent.GRANTED


@pytest.mark.parametrize(
    "headers",
    [
        b"From: <",
        b'From: "',
        b"From: a@[1",
        b"From: ana@example.org\r\nMessage-ID: <a@[>",
        b"From: a@b.c\r\nReturn-Path: <",
        b"From: " + b"(" * 2000,
    ],
)
def test_a_broken_header_is_no_reason_to_ask_for_the_mail_again(delivery, headers):
    assert post(headers + b"\r\nSubject: Hello\r\n\r\nstop\r\n") == 200
    assert consent_now() == Address.Consent.GRANTED
