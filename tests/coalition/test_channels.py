"""Channels: what is known of each message after the attempt. Real SMTP on loopback, answers as providers write them."""

import ipaddress
import json
import socket
import socketserver
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from urllib.parse import parse_qs

import pytest
import requests
import responses
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from coalition import channels
from coalition.channels import Envelope, Status
from coalition.channels.base import _load
from coalition.channels.email import EmailChannel, compose
from coalition.channels.letters import FormLetter, Gaps, gap, plain
from coalition.channels.provider import MERGES, _shared
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
    """On a port that nobody else has, however many run beside it."""

    def __init__(self, handler, **kwargs):
        self.listening = socket.create_server(("127.0.0.1", 0))
        port = self.listening.getsockname()[1]
        super().__init__(handler, hostname="127.0.0.1", port=port, ready_timeout=60, **kwargs)

    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=self.listening, ssl=self.ssl_context)

    def factory(self):
        return SMTP(self.handler, hostname="sink.example.org", enable_SMTPUTF8=True)


@pytest.fixture
def sink(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 30
    handler = Sink()
    controller = Loopback(handler)
    settings.EMAIL_PORT = controller.port
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
    for start in (0, 4):
        channel.send([envelope(ref=f"delivery-{n}") for n in range(start, start + 4)])
    assert (len(sink.kept), len(sink.sessions)) == (8, 1)


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
    assert sorted(to for _sender, to, _raw in sink.kept) == [["ana@example.org"], ["eva@example.org"]]


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
    channel._ways()[0].carrier.sessions[0].sock.shutdown(socket.SHUT_RDWR)
    monkeypatch.setattr("coalition.channels.smtp.IDLE_AT_MOST", -1)
    assert [o.status for o in channel.send([envelope()])] == [SENT]


# Over TLS, with a password


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """A certificate for this machine's own address, which this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def let_in(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"riverbend", b"secret"))


class Guarded(Loopback):
    """Takes nothing without TLS and a password."""

    def __init__(self, handler, *, starttls, **kwargs):
        self.starttls = starttls
        super().__init__(handler, **kwargs)

    def _trigger_server(self):
        """It greets whoever comes first; the controller's own attempt would speak as a server."""
        first = socket.create_connection((self.hostname, self.port), 30)
        if self.ssl_context:
            first = ssl.create_default_context().wrap_socket(first, server_hostname=self.hostname)
        with first:
            first.recv(100)

    def factory(self):
        return SMTP(
            self.handler,
            hostname="sink.example.org",
            tls_context=self.starttls,
            require_starttls=self.starttls is not None,
            auth_required=True,
            auth_require_tls=self.starttls is not None,
            authenticator=let_in,
        )


@pytest.fixture(params=["smtp+tls", "smtp+ssl"])
def guarded(request, sink, settings, certificate):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "riverbend", "secret"
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = request.param == "smtp+tls", request.param == "smtp+ssl"
    server = Guarded(
        sink,
        starttls=certificate if settings.EMAIL_USE_TLS else None,
        ssl_context=certificate if settings.EMAIL_USE_SSL else None,
    )
    settings.EMAIL_PORT = server.port
    server.start()
    yield sink
    server.stop()


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # aiosmtpd does not see the TLS around it
def test_smtp_speaks_tls_and_gives_its_password(guarded, channel):
    shared = letter()
    outcomes = channel.send([bulk(f"reader{n}@example.org", "Ana", n, shared) for n in range(12)])
    assert [told(o) for o in outcomes] == [(SENT, "", None, False)] * 12
    assert sorted(to[0] for _sender, to, _raw in guarded.kept) == sorted(f"reader{n}@example.org" for n in range(12))


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # aiosmtpd does not see the TLS around it
def test_smtp_with_a_wrong_password_left_nothing(guarded, settings, channel):
    settings.EMAIL_HOST_PASSWORD = "wrong"
    assert [(o.status, o.unreached) for o in channel.send([envelope()])] == [(RETRY, True)]


# A server that takes the next envelope with the end of the message before it (RFC 2920)


class Pipelining(socketserver.StreamRequestHandler):
    """Answers as the mailbox asks."""

    def handle(self):
        server, answer = self.server, lambda line: self.wfile.write(line + b"\r\n")
        server.sessions += 1
        answer(b"220 sink.example.org ESMTP")
        to = b""
        while line := self.rfile.readline().strip():
            word = line[:4].upper()
            if word == b"EHLO":
                answer(b"250-sink.example.org\r\n250-PIPELINING\r\n250 SIZE 10000000")
            elif word == b"RCPT":
                to = line[9:-1]
                answer(b"550 5.1.1 No such user" if to.startswith(b"nobody") else b"250 OK")
            elif word == b"DATA" and to.startswith(b"nobody") and not server.lenient:
                answer(b"554 5.5.1 No valid recipients")
            elif word == b"DATA":
                answer(b"354 Go on")
                body = []
                while (part := self.rfile.readline()) != b".\r\n":
                    body.append(part)
                if to.startswith(b"closing") and to not in server.refused:
                    server.refused.add(to)
                    answer(b"421 4.3.2 Shutting down")
                    return
                if to.startswith(b"abrupt"):
                    return
                if not to.startswith(b"nobody"):
                    server.kept.append((to.decode(), b"".join(body)))
                answer(b"250 Taken")
            elif word == b"QUIT":
                answer(b"221 Bye")
                return
            else:
                answer(b"250 OK")


class PipeliningServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Pipelining)
        self.kept, self.refused, self.sessions, self.lenient = [], set(), 0, False


@pytest.fixture
def pipelining(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with PipeliningServer() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        settings.EMAIL_TIMEOUT = 5
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("sessions", [1, 3])
@pytest.mark.parametrize("lenient", [False, True])
def test_pipelined_each_message_has_its_own_outcome(pipelining, channel, settings, sessions, lenient):
    settings.EMAIL_SESSIONS, pipelining.lenient = sessions, lenient
    names = [f"ana{n}" if n % 3 else f"nobody{n}" for n in range(30)]
    shared = letter()
    outcomes = channel.send([bulk(f"{name}@example.org", name, n, shared) for n, name in enumerate(names)])
    right = [(SENT, "", None, False) if n % 3 else (FAILED, "SMTP 550", 550, True) for n in range(30)]
    assert [told(o) for o in outcomes] == right
    assert sorted(to for to, _body in pipelining.kept) == sorted(f"{n}@example.org" for n in names if "ana" in n)
    for to, body in pipelining.kept:  # everybody their own words
        text = message_from_bytes(body, policy=policy.default).get_body(["plain"]).get_content()
        assert text.strip() == f"Hola, {to.partition('@')[0]}"
    assert pipelining.sessions == sessions


def test_what_was_announced_to_a_server_that_closes_goes_by_a_new_session(pipelining, channel, settings):
    settings.EMAIL_SESSIONS = 1
    names = ["ana", "closing", "eva", "luz"]
    outcomes = channel.send([envelope(f"{name}@example.org") for name in names])
    assert [told(o) for o in outcomes] == [(SENT, "", None, False), (RETRY, "SMTP 421", 421, False)] + [
        (SENT, "", None, False)
    ] * 2
    assert [to for to, _body in pipelining.kept] == ["ana@example.org", "eva@example.org", "luz@example.org"]


def test_S11_what_broke_in_its_body_is_uncertain_and_the_next_leaves_once(pipelining, channel, settings):
    settings.EMAIL_SESSIONS = 1
    outcomes = channel.send([envelope(f"{name}@example.org") for name in ("ana", "abrupt", "eva")])
    assert [o.status for o in outcomes] == [SENT, UNCERTAIN, SENT]
    assert [to for to, _body in pipelining.kept] == ["ana@example.org", "eva@example.org"]


def test_a_silent_server_is_given_up(settings, channel):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_TIMEOUT = 1
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        assert [(o.status, o.unreached) for o in channel.send([envelope()])] == [(RETRY, True)]


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


def test_a_gap_bears_the_key_of_any_field():
    assert Gaps(f"Hola, {gap('zona_2')}").fill({"zona_2": "Este"}) == "Hola, Este"


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


@pytest.mark.parametrize(("value", "kind"), [({}, "KeyError"), ({"name": None}, "TypeError")])
def test_by_smtp_a_value_that_cannot_be_written_concerns_nobody_else(sink, channel, value, kind):
    shared = letter()
    envelopes = [bulk("ana@example.org", "Ana", 1, shared), bulk("eva@example.org", "Eva", 2, shared)]
    del envelopes[0].values["name"]
    envelopes[0].values |= value
    outcomes = channel.send(envelopes)
    assert [told(o) for o in outcomes] == [
        (FAILED, f"could not be written: {kind}", None, False),
        (SENT, "", None, False),
    ]


def test_the_sender_of_a_message_is_the_name_in_its_from(sink, channel):
    for number, name in enumerate(
        ["Coalición Río", "Riverbend, Inc.", "R\r\nBcc: eva@example.org", "=?utf-8?b?eA==?="]
    ):
        shared = letter()
        shared.sender = name
        channel.send([bulk("ana@example.org", "Ana", number, shared)])
    messages = [message_from_bytes(raw, policy=policy.default) for _sender, _to, raw in sink.kept]
    assert [(m["From"].addresses[0].display_name, m["From"].addresses[0].addr_spec, m["Bcc"]) for m in messages] == [
        (name, "hello@riverbend.example.org", None)
        for name in ("Coalición Río", "Riverbend, Inc.", "R Bcc: eva@example.org", "=?utf-8?b?eA==?=")
    ]


def test_replies_to_messages_go_to_the_address_that_takes_them_and_those_to_notices_to_who_writes(
    sink, channel, settings
):
    channel.send([bulk("ana@example.org", "Ana", 1, letter())])
    settings.EMAIL_REPLY_TO = "replies@in.riverbend.example.org"
    channel.send([bulk("ana@example.org", "Ana", 2, letter()), envelope(ref="notice-1")])
    messages = [message_from_bytes(raw, policy=policy.default) for _sender, _to, raw in sink.kept]
    assert [message["Reply-To"] for message in messages] == [None, "replies@in.riverbend.example.org", None]
    assert {message["From"].addresses[0].addr_spec for message in messages} == {"hello@riverbend.example.org"}


def test_a_line_break_in_a_header_is_refused_and_concerns_nobody_else(sink, channel):
    shared = letter()
    outcomes = channel.send(
        [bulk("ana@example.org", "A\r\nBcc: x@example.org", 1, shared), bulk("eva@example.org", "Eva", 2, shared)]
    )
    assert [told(o) for o in outcomes] == [
        (FAILED, "could not be written: ValueError", None, False),
        (SENT, "", None, False),
    ]
    assert [to for _sender, to, _raw in sink.kept] == [["eva@example.org"]]


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
    bodies = [call.request.body for call in mailgun.calls]  # at once, in any order
    sent = max(
        (parse_qs(body.decode() if isinstance(body, bytes) else body) for body in bodies),
        key=lambda one: len(one["to"]),
    )
    assert sent["to"] == ["ana@example.org", "eva@example.org"]
    assert sent["subject"] == ["%recipient.name%, la votación"]
    assert sent["html"] == ["<p>Hola, %recipient.name_html%</p>"]
    ours = json.loads(sent["recipient-variables"][0])["ana@example.org"]
    assert (ours["name"], ours["name_html"], ours["v:ref"]) == ("Ana <b>", "Ana &lt;b&gt;", "delivery-1")
    assert ours["h:List-Unsubscribe"] == "<https://r.example.org/u/t1/>"


@pytest.mark.parametrize(
    ("name", "shared_ones"),
    [
        ("Mailgun", {"List-Unsubscribe-Post": "One-Click"}),
        ("Unisender Go", {"List-Unsubscribe-Post": "One-Click"}),
        ("Mailjet", {}),
    ],
)
def test_E2_what_a_call_says_once_reaches_every_reader_and_values_go_twice_only_where_html_differs(name, shared_ones):
    """Mailjet takes a reader's headers in the place of the call's."""
    shared = letter()
    shared.headers["List-Unsubscribe-Post"] = Gaps("One-Click")
    message = _shared([bulk("ana@example.org", "Ana", 1, shared)], MERGES[name], compose)
    assert message.extra_headers == shared_ones
    assert {**message.extra_headers, **message.merge_headers["ana@example.org"]} == {
        "List-Unsubscribe": "<https://r.example.org/u/t1/>",
        "List-Unsubscribe-Post": "One-Click",
    }
    assert message.merge_data == {"ana@example.org": {"name": "Ana"}}


@pytest.mark.parametrize("name", MERGES)
def test_a_call_for_many_names_the_address_that_takes_replies(name, settings):
    settings.EMAIL_REPLY_TO = "replies@in.riverbend.example.org"
    message = _shared([bulk("ana@example.org", "Ana", 1, letter())], MERGES[name], compose)
    assert message.reply_to == ["replies@in.riverbend.example.org"]


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


JAILBREAKS = ["{{ address }}", "{% if x %}", "%recipient.token%", "[[var:token]]", "<b>&", "O'Brien", "José"]


def chunked(channel, subject=""):
    """What a provider is asked to send to people with hostile names, all in one call."""
    shared = letter()
    shared.subject = Gaps(subject) if subject else shared.subject
    return channel.send([bulk(f"r{n}@example.org", name, n, shared) for n, name in enumerate(JAILBREAKS)])


def test_mailgun_fills_gaps_with_values_that_are_no_commands(mailgun, channel):
    mailgun.post(MAILGUN, json={"id": "<batch@riverbend.example.org>", "message": "Queued"})
    assert [(o.status, o.provider_id, o.via) for o in chunked(channel)] == [
        (SENT, "<batch@riverbend.example.org>", "mailgun")
    ] * 7
    sent = parse_qs(mailgun.calls[0].request.body)
    ours = json.loads(sent["recipient-variables"][0])
    assert [ours[f"r{n}@example.org"]["name"] for n in range(7)] == [
        *JAILBREAKS[:2],
        "% recipient.token%",
        *JAILBREAKS[3:],
    ]
    assert ours["r4@example.org"]["name_html"] == "&lt;b&gt;&amp;"


def test_mailjet_fills_gaps_in_bodies_only_so_a_subject_with_a_name_goes_alone(settings, channel):
    settings.EMAIL_BACKEND = "anymail.backends.mailjet.EmailBackend"
    settings.ANYMAIL = {"MAILJET_API_KEY": "key", "MAILJET_SECRET_KEY": "secret"}

    def answer(request):
        to = [message["To"][0]["Email"] for message in json.loads(request.body)["Messages"]]
        said = [{"Status": "success", "To": [{"Email": one, "MessageID": 7, "MessageUUID": "u"}]} for one in to]
        return 200, {}, json.dumps({"Messages": said})

    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, "https://api.mailjet.com/v3.1/send", answer)
        assert [o.status for o in chunked(channel, "La votación")] == [SENT] * 7
        (call,) = [json.loads(call.request.body) for call in mock.calls]
        assert (call["Globals"]["TextPart"], call["Globals"]["HTMLPart"]) == (
            "Hola, [[var:name]]",
            "<p>Hola, [[var:name_html]]</p>",
        )
        assert [m["Variables"]["name"] for m in call["Messages"]] == [
            *JAILBREAKS[:3],
            "[ [var:token]]",
            *JAILBREAKS[4:],
        ]
        assert call["Messages"][1]["Headers"] == {"List-Unsubscribe": "<https://r.example.org/u/t1/>"}
        assert json.loads(call["Messages"][1]["EventPayload"]) == {"ref": "delivery-1"}
        chunked(channel)
        assert len(mock.calls) == 8


def test_sparkpost_fills_gaps_and_says_of_half_a_call_that_it_is_uncertain(settings, channel):
    settings.EMAIL_BACKEND = "anymail.backends.sparkpost.EmailBackend"
    settings.ANYMAIL = {"SPARKPOST_API_KEY": "key"}
    url = "https://api.sparkpost.com/api/v1/transmissions/"
    with responses.RequestsMock() as mock:
        for accepted in (7, 5):
            mock.post(
                url,
                json={
                    "results": {
                        "id": "9",
                        "total_accepted_recipients": accepted,
                        "total_rejected_recipients": 7 - accepted,
                    }
                },
            )
        assert [o.status for o in chunked(channel)] == [SENT] * 7
        assert [(o.status, o.provider_id) for o in chunked(channel)] == [(UNCERTAIN, "9")] * 7
        sent = json.loads(mock.calls[0].request.body)
    assert (sent["content"]["text"], sent["content"]["html"]) == (
        "Hola, {{{name}}}",
        "<p>Hola, {{{name_html}}}</p>",
    )
    values = [recipient["substitution_data"] for recipient in sent["recipients"]]
    assert [value["name"] for value in values] == ["{ { address }}", "{ % if x %}", *JAILBREAKS[2:]]
    assert sent["recipients"][1]["metadata"] == {"ref": "delivery-1"}


def test_unisender_go_fills_gaps_and_each_readers_way_out(settings, channel):
    settings.EMAIL_BACKEND = "anymail.backends.unisender_go.EmailBackend"
    settings.ANYMAIL = {"UNISENDER_GO_API_KEY": "key", "UNISENDER_GO_API_URL": "https://go1.unisender.ru/v1"}
    readers = [f"r{n}@example.org" for n in range(7)]
    with responses.RequestsMock() as mock:
        said = {"status": "success", "job_id": "9", "emails": readers[1:], "failed_emails": {readers[0]: "invalid"}}
        mock.post("https://go1.unisender.ru/v1/email/send.json", json=said)
        outcomes = chunked(channel)
        (sent,) = [json.loads(call.request.body)["message"] for call in mock.calls]
    assert [(o.status, o.dead, bool(o.provider_id)) for o in outcomes] == [
        (FAILED, True, False),
        *[(SENT, False, True)] * 6,
    ]
    assert (sent["subject"], sent["body"]) == (
        "{{name}}, la votación",
        {"plaintext": "Hola, {{name}}", "html": "<p>Hola, {{name_html}}</p>"},
    )
    values = [recipient["substitutions"] for recipient in sent["recipients"]]
    assert [value["name"] for value in values] == ["{ { address }}", *JAILBREAKS[1:]]
    assert [value["name_html"] for value in values][4:6] == ["&lt;b&gt;&amp;", "O&#x27;Brien"]
    assert sent["headers"] == {"List-Unsubscribe": "{{Header__List_Unsubscribe}}"}
    assert values[1]["Header__List_Unsubscribe"] == "<https://r.example.org/u/t1/>"
    assert [recipient["email"] for recipient in sent["recipients"]] == readers
    assert sent["recipients"][1]["metadata"]["ref"] == "delivery-1"


def test_brevo_reads_its_language_in_whole_messages_too_and_finds_none(settings, channel):
    settings.EMAIL_BACKEND = "anymail.backends.brevo.EmailBackend"
    settings.ANYMAIL = {"BREVO_API_KEY": "key"}
    with responses.RequestsMock() as mock:
        mock.post("https://api.brevo.com/v3/smtp/email", json={"messageId": "<1@x>"}, status=201)
        assert [o.status for o in chunked(channel)] == [SENT] * 7
        sent = {json.loads(call.request.body)["to"][0]["email"]: json.loads(call.request.body) for call in mock.calls}
    assert len(sent) == 7
    assert sent["r0@example.org"]["textContent"] == "Hola, { { address }}"
    assert sent["r1@example.org"]["htmlContent"] == "<p>Hola, { % if x %}</p>"


# A second provider


@pytest.fixture
def standing_by(settings, sink):
    """Mailgun first; behind it a mail server."""
    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    settings.ANYMAIL = {"MAILGUN_API_KEY": "key"}
    settings.EMAIL_STANDBY_BACKEND = settings.SMTP_BACKEND
    settings.EMAIL_STANDBY_SERVER = {"host": settings.EMAIL_HOST, "port": settings.EMAIL_PORT}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_passthru("http://127.0.0.1")
        yield mock, sink


@pytest.mark.parametrize(
    ("answer", "status", "via"),
    [
        ({"body": requests.ConnectTimeout()}, SENT, "smtp"),
        ({"body": requests.ReadTimeout()}, UNCERTAIN, "mailgun"),  # it may have left: never twice
        ({"status": 500}, UNCERTAIN, "mailgun"),
        ({"status": 429}, RETRY, "mailgun"),
        ({"json": {"id": "<1@x>", "message": "Queued"}}, SENT, "mailgun"),
    ],
)
def test_S11_what_surely_did_not_leave_goes_through_the_second(standing_by, channel, answer, status, via):
    mock, sink = standing_by
    mock.post(MAILGUN, **answer)
    assert [(o.status, o.via) for o in channel.send([envelope()])] == [(status, via)]
    assert len(sink.kept) == (via == "smtp")
    channel.send([envelope(ref="delivery-2")])
    assert len(mock.calls) == (1 if via == "smtp" else 2)  # what was out of reach is left alone for a while


@pytest.mark.parametrize("first", ["mailgun", "smtp"])
def test_what_the_deadline_cut_off_is_no_try_and_nobodys_fault(standing_by, settings, channel, monkeypatch, first):
    mock, sink = standing_by
    mock.post(MAILGUN, json={"id": "<1@x>", "message": "Queued"})
    if first == "smtp":
        settings.EMAIL_BACKEND, settings.EMAIL_STANDBY_BACKEND = settings.SMTP_BACKEND, settings.EMAIL_BACKEND
    with monkeypatch.context() as late:
        late.setattr("coalition.channels.email.CALL_AT_MOST", -1)
        cut_off = channel.send([envelope()])
    assert [(o.status, o.error, o.unreached, o.via) for o in cut_off] == [(RETRY, "", False, first)]
    assert (len(mock.calls), len(sink.kept)) == (0, 0)
    assert [(o.status, o.via) for o in channel.send([envelope()])] == [(SENT, first)]  # it needs no rest


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
