"""Every provider that can be chosen takes what we hand over; nonsense in its answer loses and repeats nothing."""

import json
import re
from email.utils import getaddresses
from urllib.parse import parse_qs

import pytest
import responses
from structlog.testing import capture_logs

from coalition.channels import Status
from coalition.channels.email import EmailChannel, from_email
from tests.coalition.test_channels import bulk, letter

SENT, FAILED, UNCERTAIN = Status.SENT, Status.FAILED, Status.UNCERTAIN
TO = "ana@example.org"
# What each needs to be spoken to, and how it says that it took one message.
PROVIDERS = {
    "brevo": ({"BREVO_API_KEY": "k"}, {"messageId": "<1@x>"}),
    "mailersend": ({"MAILERSEND_API_TOKEN": "k"}, None),
    "mailgun": ({"MAILGUN_API_KEY": "k"}, {"id": "<1@x>", "message": "Queued"}),
    "mailjet": (
        {"MAILJET_API_KEY": "k", "MAILJET_SECRET_KEY": "s"},
        {"Messages": [{"Status": "success", "To": [{"Email": TO, "MessageID": 7}]}]},
    ),
    "mailtrap": ({"MAILTRAP_API_TOKEN": "k"}, {"success": True, "message_ids": ["1"]}),
    "mandrill": ({"MANDRILL_API_KEY": "k"}, [{"email": TO, "status": "sent", "_id": "1"}]),
    "postal": (
        {"POSTAL_API_URL": "https://postal.example.org", "POSTAL_API_KEY": "k"},
        {"status": "success", "data": {"message_id": "1@x", "messages": {TO: {"id": 7, "token": "t"}}}},
    ),
    "postmark": (
        {"POSTMARK_SERVER_TOKEN": "k"},
        {"ErrorCode": 0, "Message": "OK", "MessageID": "1", "SubmittedAt": "", "To": TO},
    ),
    "resend": ({"RESEND_API_KEY": "k"}, {"id": "1"}),
    "scaleway": (
        {"SCALEWAY_SECRET_KEY": "k", "SCALEWAY_PROJECT_ID": "p"},
        {"emails": [{"mail_rcpt": TO, "message_id": "1@x", "id": "1", "status": "new"}]},
    ),
    "sparkpost": (
        {"SPARKPOST_API_KEY": "k"},
        {"results": {"id": "1", "total_accepted_recipients": 1, "total_rejected_recipients": 0}},
    ),
    "unisender_go": (
        {"UNISENDER_GO_API_KEY": "k", "UNISENDER_GO_API_URL": "https://go1.unisender.ru/ru/transactional/api/v1/"},
        {"status": "success", "job_id": "1", "emails": [TO]},
    ),
}
NONSENSE = ["null", "[]", "{}", '"ok"', "7", "true", "[null]", '{"Messages": [null]}', '{"emails": null}', "<html>", ""]
# What begins a provider's language, and must not when it stands in a name.
COMMANDS = {
    "brevo": "{{ contact.EMAIL }}",
    "mailersend": "{$email}{{ email }}{% if x %}",
    "mailgun": "%recipient.token% %unsubscribe_url%",
    "sparkpost": "{{ address }}{% if x %}",
    "unisender_go": "{{ to_name }}",
}


@pytest.fixture(params=PROVIDERS)
def provider(request, settings):
    settings.EMAIL_BACKEND = f"anymail.backends.{request.param}.EmailBackend"
    settings.ANYMAIL = settings.ANYMAIL | PROVIDERS[request.param][0]
    return request.param


@pytest.fixture
def channel():
    channel = EmailChannel()
    yield channel
    channel.close()


def answering(mock, provider):
    said = PROVIDERS[provider][1]
    if said is None:
        mock.post(re.compile("https://"), status=202, headers={"X-Message-Id": "1"})
    else:
        mock.post(re.compile("https://"), json=said)


def test_every_provider_takes_what_we_hand_over(provider, channel):
    with responses.RequestsMock() as mock:
        answering(mock, provider)
        (outcome,) = channel.send([bulk(TO, "Ana", 1, letter())])
    assert (outcome.status, outcome.error, bool(outcome.provider_id)) == (SENT, "", True)


def test_S11_nonsense_in_an_answer_leaves_every_message_uncertain_and_asks_for_none_again(provider, channel):
    shared = letter()
    for body in NONSENSE:
        with responses.RequestsMock() as mock:
            mock.post(re.compile("https://"), body=body)
            outcomes = channel.send([bulk(f"r{n}@example.org", "Ana", n, shared) for n in range(3)])
            named, calls = b" ".join(_body(call) for call in mock.calls), len(mock.calls)
        # MailerSend says yes in a header, and Brevo without a word.
        right = {("mailersend", body): FAILED, ("brevo", ""): SENT}.get((provider, body), UNCERTAIN)
        assert {outcome.status for outcome in outcomes} == {right}, body
        times = [named.count(b"r%d@" % n) + named.count(b"r%d%%40" % n) for n in range(3)]
        assert len(set(times)) == 1  # nobody is named once more than others
        assert calls in (1, 3)


def test_E5_a_call_holds_what_is_wished_and_never_more_than_its_provider_takes(provider, channel, settings):
    most = {"mailgun": 1000, "mailjet": 50, "sparkpost": 1000, "unisender_go": 500}.get(provider, 1)
    settings.EMAIL_STANDBY_BACKEND = settings.EMAIL_BACKEND
    for wished in (0, 40, 5000):
        settings.EMAIL_BATCH_SIZE = wished
        assert [way.carrier.in_one_call for way in channel._ways()] == [min(wished or most, most)] * 2


def test_a_missing_value_concerns_nobody_else(provider, channel):
    shared = letter()
    envelopes = [bulk("eva@example.org", "Eva", 1, shared), bulk(TO, "Ana", 2, shared)]
    del envelopes[0].values["name"]
    with responses.RequestsMock() as mock:
        answering(mock, provider)
        outcomes = channel.send(envelopes)
    assert [(o.status, o.error) for o in outcomes] == [(FAILED, "could not be written: KeyError"), (SENT, "")]


def test_S11_a_call_that_breaks_off_is_uncertain_and_takes_no_other_with_it(channel, settings):
    """Requests tells of a missing file of certificates by a plain OSError."""
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = settings.ANYMAIL | PROVIDERS["postmark"][0]

    def answer(request):
        to = json.loads(request.body)["To"]
        if to.startswith("r1@"):
            raise OSError(to)
        return 200, {}, json.dumps(PROVIDERS["postmark"][1] | {"To": to})

    shared = letter()
    with responses.RequestsMock() as mock, capture_logs() as logs:
        mock.add_callback(responses.POST, re.compile("https://"), answer)
        outcomes = channel.send([bulk(f"r{n}@example.org", "Ana", n, shared) for n in range(3)])
    assert [(o.status, o.error) for o in outcomes] == [(SENT, ""), (UNCERTAIN, "broke off: OSError"), (SENT, "")]
    told = {"event": "call to provider broke", "log_level": "error", "provider": "Postmark"}
    assert logs == [told | {"error": "broke off: OSError"}]


def _body(call):
    body = call.request.body
    return body if isinstance(body, bytes) else body.encode()


def test_a_line_break_in_a_header_reaches_no_provider_and_concerns_nobody_else(provider, channel):
    shared = letter()
    envelopes = [bulk("eva@example.org", "E\r\nBcc: x@example.org", 1, shared), bulk(TO, "Ana", 2, shared)]
    with responses.RequestsMock() as mock:
        answering(mock, provider)
        outcomes = channel.send(envelopes)
        sent = b" ".join(_body(call) for call in mock.calls)
    assert [outcome.status for outcome in outcomes] == [FAILED, SENT]
    assert b"Bcc" not in sent
    assert b"eva" not in sent


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ('Eva" <eva@example.org>, "x', 'Eva" <eva@example.org>, "x'),
        ("eva@example.org, Ana", "eva@example.org, Ana"),
        ("Eva\\", "Eva\\"),
        ("R\r\nBcc: eva@example.org", "R Bcc: eva@example.org"),
        ("Eva\u2028\x00Ruiz", "Eva Ruiz"),
        ("", "Riverbend Education Coalition"),
    ],
)
def test_a_senders_name_is_a_name_and_adds_no_address(name, right, provider, channel):
    assert getaddresses([from_email(name)]) == [(right, "hello@riverbend.example.org")]
    shared = letter()
    shared.sender = name
    with responses.RequestsMock() as mock:
        answering(mock, provider)
        assert [outcome.status for outcome in channel.send([bulk(TO, "Ana", 1, shared)])] == [SENT]
        assert len(mock.calls) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_a_name_is_no_command_in_a_message_for_one(name, channel, settings):
    settings.EMAIL_BACKEND = f"anymail.backends.{name}.EmailBackend"
    settings.ANYMAIL = settings.ANYMAIL | PROVIDERS[name][0]
    with responses.RequestsMock() as mock:
        answering(mock, name)
        channel.send([bulk(TO, COMMANDS[name], 1, letter())])
        body = _body(mock.calls[0]).decode()
    words = json.dumps(parse_qs(body) if name == "mailgun" else json.loads(body))
    for begins in ("{{", "{%", "{$", "%recipient", "%unsubscribe"):
        assert begins not in words


def test_no_word_of_anybody_is_no_refusal(channel, settings):
    settings.EMAIL_BACKEND = "anymail.backends.mandrill.EmailBackend"
    settings.ANYMAIL = settings.ANYMAIL | PROVIDERS["mandrill"][0]
    with responses.RequestsMock() as mock:
        mock.post(re.compile("https://"), json=[])
        assert [o.status for o in channel.send([bulk(TO, "Ana", 1, letter())])] == [UNCERTAIN]
        mock.replace(responses.POST, re.compile("https://"), json=[{"email": TO, "status": "rejected", "_id": "1"}])
        assert [o.status for o in channel.send([bulk(TO, "Ana", 1, letter())])] == [FAILED]


def test_mailjet_half_a_batch_is_told_of_each_and_asked_for_none_again(channel, settings):
    settings.EMAIL_BACKEND = "anymail.backends.mailjet.EmailBackend"
    settings.ANYMAIL = settings.ANYMAIL | PROVIDERS["mailjet"][0]
    shared = letter()
    shared.subject = type(shared.subject)("La votación")
    with responses.RequestsMock() as mock:
        wrong = {"Status": "error", "Errors": [{"ErrorCode": "mj-0013", "StatusCode": 400, "ErrorMessage": "invalid"}]}
        right = {"Status": "success", "To": [{"Email": "r1@example.org", "MessageID": 7}]}
        mock.post(re.compile("https://"), json={"Messages": [wrong, right]}, status=400)
        outcomes = channel.send([bulk(f"r{n}@example.org", "Ana", n, shared) for n in range(2)])
        assert len(mock.calls) == 1
    assert [(o.status, o.provider_id) for o in outcomes] == [(FAILED, ""), (SENT, "7")]
