"""News of email providers, in the shapes they really send, through the addresses they really call (rule E4)."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from campaigns import provider_webhooks
from campaigns.models import Delivery, Message, TrackingEvent
from coalition.models import Address
from tests.factories import MessageFactory, PersonFactory

State = Delivery.State
AT = 1795365234  # a moment in 2026, in seconds
SECRET = "name:word"
BASIC = {"authorization": f"Basic {b64encode(SECRET.encode()).decode()}"}


@pytest.fixture(autouse=True)
def anymail(settings, monkeypatch):
    # Amazon's own library is needed to send; what comes in can be read without it.
    monkeypatch.setattr("anymail.webhooks.amazon_ses._get_anymail_boto3_params", lambda **kwargs: ({}, {}))
    settings.ANYMAIL = {
        "WEBHOOK_SECRET": SECRET,
        "MAILGUN_WEBHOOK_SIGNING_KEY": "mailgun-key",
        "MANDRILL_WEBHOOK_KEY": "mandrill-key",
        "MAILERSEND_SIGNING_SECRET": "mailersend-key",
        "MAILTRAP_TRACKING_SECRET": "mailtrap-key",
        "UNISENDER_GO_API_KEY": "unisender-key",
        "POSTAL_WEBHOOK_KEY": b64encode(POSTAL_KEY).decode(),
    }


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


@pytest.fixture
def delivery(installation):
    return delivered("ana@example.org")


def delivered(value, message=None, **fields):
    message = message or MessageFactory(state=Message.State.SENT)
    person = PersonFactory(email=value, opted_in=True)
    fields = {"state": State.SENT, **fields}
    return Delivery.objects.create(message=message, person=person, value=value, language="en", **fields)


def ref(delivery):
    return f"delivery-{delivery.pk}"


def post(client, provider, body, **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = f"/webhooks/anymail/{provider}/tracking/"
    return client.post(path, body, content_type="application/json", headers={**BASIC, **headers}).status_code


# What each provider posts about a bounce for ever, a bounce that may pass, a complaint, an arrival


def postmark(client, delivery, what):
    said = {
        "lasting": {"RecordType": "Bounce", "ID": 4, "Type": "HardBounce", "Details": "550 5.1.1 unknown"},
        "passing": {"RecordType": "Bounce", "ID": 5, "Type": "SoftBounce", "Details": "452 4.2.2 mailbox full"},
        "complaint": {"RecordType": "SpamComplaint", "ID": 6, "Type": "SpamComplaint"},
        "arrival": {"RecordType": "Delivery", "Recipient": delivery.value, "DeliveredAt": "2026-11-22T16:33:54Z"},
    }[what]
    same = {"MessageID": "m", "Email": delivery.value, "Metadata": {"ref": ref(delivery)}}
    return post(client, "postmark", {"BouncedAt": "2026-11-22T16:33:54.9Z", **same, **said})


def mailgun(client, delivery, what, key="mailgun-key", token="a" * 50):
    said = {
        "lasting": {"event": "failed", "severity": "permanent", "reason": "bounce"},
        "passing": {"event": "failed", "severity": "permanent", "reason": "generic"},
        "complaint": {"event": "complained"},
        "arrival": {"event": "delivered"},
    }[what]
    signature = hmac.new(key.encode(), f"{AT}{token}".encode(), hashlib.sha256).hexdigest()
    data = {
        "id": "x",
        "timestamp": AT + 0.5,
        "recipient": delivery.value,
        "message": {"headers": {"message-id": "20261122.1@mg.example.org", "to": delivery.value}},
        "user-variables": {"ref": ref(delivery)},
        "delivery-status": {"code": 550, "message": "5.1.1 no such user", "description": ""},
        **said,
    }
    signed = {"token": token, "timestamp": str(AT), "signature": signature}
    return post(client, "mailgun", {"signature": signed, "event-data": data})


def amazon_ses(client, delivery, what):
    told = {"emailAddress": delivery.value}
    said = {
        "lasting": {
            "eventType": "Bounce",
            "bounce": {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [told]},
        },
        "passing": {
            "eventType": "Bounce",
            "bounce": {"bounceType": "Transient", "bounceSubType": "MailboxFull", "bouncedRecipients": [told]},
        },
        "complaint": {"eventType": "Complaint", "complaint": {"complainedRecipients": [told]}},
        "arrival": {"eventType": "Delivery", "delivery": {"recipients": [delivery.value]}},
    }[what]
    header = {"name": "X-Metadata", "value": json.dumps({"ref": ref(delivery)})}
    said["mail"] = {"messageId": "0100", "destination": [delivery.value], "headers": [header]}
    sns = {"Type": "Notification", "MessageId": f"sns-{what}", "Message": json.dumps(said)}
    sns["Timestamp"] = "2026-11-22T16:33:54.927Z"
    return post(
        client,
        "amazon_ses",
        sns,
        **{"x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": sns["MessageId"]},
    )


def sparkpost_event(delivery, what):
    said = {
        "lasting": {"type": "bounce", "bounce_class": "10", "raw_reason": "550 no such user"},
        "passing": {"type": "bounce", "bounce_class": "22", "raw_reason": "552 5.2.2 mailbox is full"},
        "complaint": {"type": "spam_complaint"},
        "arrival": {"type": "delivery"},
    }[what]
    same = {"event_id": f"{delivery.pk}-{what}", "timestamp": str(AT), "transmission_id": "t"}
    return {
        "msys": {"message_event": {**same, "raw_rcpt_to": delivery.value, "rcpt_meta": {"ref": ref(delivery)}, **said}}
    }


def sparkpost(client, delivery, what):
    return post(client, "sparkpost", [sparkpost_event(delivery, what)])


def brevo(client, delivery, what):
    kinds = {"lasting": "hard_bounce", "passing": "soft_bounce", "complaint": "spam", "arrival": "delivered"}
    said = {"event": kinds[what], "email": delivery.value, "ts_epoch": AT * 1000, "message-id": "<b@smtp-relay>"}
    return post(client, "brevo", said | {"X-Mailin-custom": json.dumps({"ref": ref(delivery)})})


def mailjet(client, delivery, what):
    said = {
        "lasting": {"event": "bounce", "error": "user unknown", "hard_bounce": True},
        "passing": {"event": "bounce", "error": "quota exceeded", "hard_bounce": False},
        "complaint": {"event": "spam", "source": "JMRPP"},
        "arrival": {"event": "sent", "smtp_reply": "sent (250 2.0.0 OK)"},
    }[what]
    same = {"time": AT, "MessageID": 19421777835146490, "email": delivery.value}
    return post(client, "mailjet", [same | {"Payload": json.dumps({"ref": ref(delivery)})} | said])


def mandrill_event(delivery, what):
    kinds = {"lasting": "hard_bounce", "passing": "soft_bounce", "complaint": "spam", "arrival": "delivered"}
    message = {"ts": AT, "email": delivery.value, "metadata": {"ref": ref(delivery)}, "diag": "550 5.1.1"}
    return {"event": kinds[what], "ts": AT, "_id": f"{delivery.pk}", "msg": message}


def mandrill(client, delivery, what, key="mandrill-key", events=None):
    url = "http://name:word@testserver/webhooks/anymail/mandrill/"
    events = json.dumps(events or [mandrill_event(delivery, what)])
    told = hmac.new(key.encode(), f"{url}mandrill_events{events}".encode(), hashlib.sha1).digest()
    headers = {**BASIC, "x-mandrill-signature": b64encode(told).decode()}
    return client.post("/webhooks/anymail/mandrill/", {"mandrill_events": events}, headers=headers).status_code


def mailersend(client, delivery, what, key="mailersend-key"):
    kinds = {"lasting": "hard_bounced", "passing": "soft_bounced", "complaint": "spam_complaint"}
    kind = kinds.get(what, "delivered")
    morph = {"lasting": "recipient_bounce", "passing": "recipient_bounce", "complaint": "spam_complaint"}.get(what)
    data = {
        "object": "activity",
        "id": f"act-{what}",
        "type": kind,
        "created_at": "2026-11-22T16:33:54.000000Z",
        "email": {"message": {"id": "ms-1"}, "recipient": {"email": delivery.value}, "status": "rejected"},
        "morph": morph and {"object": morph, "reason": "Host or domain name not found"},
    }
    Delivery.objects.filter(pk=delivery.pk).update(provider_id="ms-1")  # it sends no metadata back
    body = json.dumps({"type": f"activity.{kind}", "data": data}).encode()
    return post(client, "mailersend", body, signature=hmac.new(key.encode(), body, hashlib.sha256).hexdigest())


def mailtrap(client, delivery, what, key="mailtrap-key"):
    kinds = {"lasting": "bounce", "complaint": "spam", "arrival": "delivery"}
    event = {"event": kinds[what], "timestamp": AT, "message_id": "mt-1", "event_id": f"e-{what}"}
    event |= {"email": delivery.value, "custom_variables": {"ref": ref(delivery)}, "response": "550 5.1.1"}
    body = json.dumps({"events": [event]}).encode()
    told = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return post(client, "mailtrap", body, **{"mailtrap-signature": told})


def resend(client, delivery, what):
    said = {
        "lasting": {"type": "email.bounced", "bounce": ("Permanent", "sent a hard bounce message")},
        "passing": {"type": "email.bounced", "bounce": ("Transient", "sent a bounce message, inbox was full")},
        "complaint": {"type": "email.complained"},
        "arrival": {"type": "email.delivered"},
    }[what]
    data = {"email_id": "re-1", "to": [delivery.value], "created_at": "2026-11-22T16:00:00Z"}
    data["headers"] = [{"name": "X-Metadata", "value": json.dumps({"ref": ref(delivery)})}]
    if "bounce" in said:
        data["bounce"] = dict(zip(("type", "message"), said["bounce"], strict=True))
    body = {"type": said["type"], "created_at": "2026-11-22T16:33:54.000Z", "data": data}
    return post(client, "resend", body, **{"svix-id": f"svix-{what}"})


def unisender_go(client, delivery, what, key="unisender-key"):
    status = {"lasting": "hard_bounced", "passing": "hard_bounced", "complaint": "spam", "arrival": "delivered"}
    full = {"lasting": "err_user_unknown", "passing": "err_mailbox_full"}.get(what, "ok")
    data = {
        "job_id": "1",
        "email": delivery.value,
        "status": status[what],
        "event_time": "2026-11-22 16:33:54",
        "metadata": {"ref": ref(delivery)},
        "delivery_info": {"delivery_status": full},
    }
    events = [{"event_name": "transactional_email_status", "event_data": data}]
    body = {"auth": "AUTH", "events_by_user": [{"user_id": 1, "events": events}]}
    body = json.dumps(body)
    auth = hashlib.md5(body.replace("AUTH", key).encode()).hexdigest()
    return post(client, "unisender_go", body.replace("AUTH", auth).encode())


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
POSTAL_KEY = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def postal(client, delivery, what, key=KEY):
    said = {
        "lasting": {"status": "HardFail", "output": "550 5.1.1 no such user"},
        "passing": {"status": "HardFail", "output": "550 5.7.1 we do not like you"},
        "arrival": {"status": "Sent", "output": "250 OK"},
    }[what]
    Delivery.objects.filter(pk=delivery.pk).update(provider_id="7")  # it sends no metadata back
    message = {"id": 7, "to": delivery.value, "direction": "outgoing", "tag": None}
    body = {"uuid": f"u-{what}", "timestamp": AT, "payload": {"message": message, **said}}
    body = json.dumps(body).encode()
    signature = key.sign(body, PKCS1v15(), SHA1())
    return post(client, "postal", body, **{"x-postal-signature": b64encode(signature).decode()})


ALL = [
    postmark,
    mailgun,
    amazon_ses,
    sparkpost,
    brevo,
    mailjet,
    mandrill,
    mailersend,
    mailtrap,
    resend,
    unisender_go,
    postal,
]
TELLS_PASSING = [provider for provider in ALL if provider is not mailtrap]  # which calls it a deferral
TELLS_ARRIVAL = [provider for provider in ALL if provider is not mandrill]
SIGNED = [mailgun, mandrill, mailersend, mailtrap, unisender_go]


def after(delivery):
    held = Address.objects.get(person=delivery.person)
    return Delivery.objects.get(pk=delivery.pk).state, held.fault, held.consent


@pytest.mark.parametrize("provider", ALL)
def test_E4_a_lasting_bounce_closes_the_address(client, delivery, provider):
    assert [provider(client, delivery, "lasting") for _twice in range(2)] == [200, 200]
    assert after(delivery) == (State.BOUNCED, Address.Fault.BOUNCED, "granted")
    assert TrackingEvent.objects.count() == 1


@pytest.mark.parametrize("provider", TELLS_PASSING)
def test_E4_a_passing_bounce_leaves_the_address_open(client, delivery, provider):
    assert provider(client, delivery, "passing") == 200
    assert after(delivery) == (State.BOUNCED, "", "granted")
    assert TrackingEvent.objects.get().kind == "soft_bounced"


@pytest.mark.parametrize("provider", [provider for provider in ALL if provider is not postal])  # it hears of none
def test_E4_a_complaint_is_a_stop(client, delivery, provider):
    assert provider(client, delivery, "complaint") == 200
    assert after(delivery) == (State.COMPLAINED, "", "withdrawn")


@pytest.mark.parametrize("provider", TELLS_ARRIVAL)
def test_S11_an_arrival_settles_what_was_uncertain(client, delivery, provider):
    Delivery.objects.update(state=State.UNCERTAIN, error="timed out")
    assert provider(client, delivery, "arrival") == 200
    assert after(delivery) == (State.DELIVERED, "", "granted")


@pytest.mark.parametrize("provider", [postmark, mailgun, amazon_ses, sparkpost, brevo, mailjet, resend])
def test_late_news_never_moves_back(client, delivery, provider):
    for what in ("lasting", "arrival", "complaint", "arrival", "lasting"):
        assert provider(client, delivery, what) == 200
    if provider is mailgun:  # its token is the event's number: the second kind of news needs its own
        mailgun(client, delivery, "complaint", token="b" * 50)
    assert after(delivery) == (State.COMPLAINED, Address.Fault.BOUNCED, "withdrawn")


@pytest.mark.parametrize("provider", SIGNED)
def test_a_forged_request_or_one_for_another_account_is_refused_and_keeps_nothing(client, delivery, provider):
    assert provider(client, delivery, "complaint", key="another-account") == 400
    assert (after(delivery), TrackingEvent.objects.count()) == ((State.SENT, "", "granted"), 0)


@pytest.mark.parametrize("provider", [postmark, sparkpost, brevo, mailjet, resend])
def test_a_request_without_our_password_is_refused_and_keeps_nothing(client, delivery, provider, settings):
    settings.ANYMAIL = settings.ANYMAIL | {"WEBHOOK_SECRET": "name:another"}
    assert provider(client, delivery, "complaint") == 400
    assert (after(delivery), TrackingEvent.objects.count()) == ((State.SENT, "", "granted"), 0)


@pytest.mark.filterwarnings("ignore:Your Anymail webhooks are insecure")
@pytest.mark.parametrize("provider", [postmark, sparkpost, brevo, mailjet])
def test_E4_without_a_secret_nobody_is_believed(client, delivery, provider, settings):
    settings.ANYMAIL = {key: said for key, said in settings.ANYMAIL.items() if key != "WEBHOOK_SECRET"}
    assert provider(client, delivery, "complaint") == 403
    assert (after(delivery), TrackingEvent.objects.count()) == ((State.SENT, "", "granted"), 0)


def test_E4_the_door_of_a_provider_without_its_key_stays_shut(client, delivery, settings):
    settings.ANYMAIL = {name: said for name, said in settings.ANYMAIL.items() if not name.startswith("MAILGUN")}
    assert mailgun(client, delivery, "complaint") == 403
    assert (after(delivery), TrackingEvent.objects.count()) == ((State.SENT, "", "granted"), 0)


def test_news_of_a_message_of_somebody_elses_moves_nothing_of_ours(client, delivery):
    """A reference that happens to be one of ours, for another reader: another installation on the same account."""
    delivery.value = "stranger@elsewhere.example"
    assert postmark(client, delivery, "lasting") == 200
    assert after(delivery) == (State.SENT, "", "granted")


@pytest.mark.parametrize("provider", ["sendgrid", "sendinblue"])
def test_E7_no_door_for_a_provider_that_is_supported_no_longer(provider):
    with pytest.raises(NoReverseMatch):
        reverse(f"anymail:{provider}_tracking_webhook")


def test_a_message_id_of_ours_names_the_row_where_nothing_else_does(client, delivery):
    Delivery.objects.update(state=State.UNCERTAIN)
    event = {"event": "delivered", "email": delivery.value, "ts_epoch": AT * 1000}
    event["message-id"] = f"<delivery-{delivery.pk}.{'0a' * 8}@riverbend.example.org>"
    assert post(client, "brevo", event) == 200
    assert after(delivery)[0] == State.DELIVERED


@pytest.mark.parametrize("kind", ["click", "opened"])
def test_E6_a_providers_opens_and_clicks_decide_nothing(client, delivery, kind):
    event = {"event": kind, "email": delivery.value, "ts_epoch": AT * 1000, "link": "https://example.org/"}
    assert post(client, "brevo", event | {"X-Mailin-custom": json.dumps({"ref": ref(delivery)})}) == 200
    assert not TrackingEvent.objects.filter(kind="clicked").exists()
    assert after(delivery) == (State.DELIVERED, "", "granted")


# Batches


def test_one_bad_event_of_a_batch_loses_nothing_and_is_asked_for_again(client, installation):
    rows = [delivered(f"p{n}@example.org") for n in range(4)]
    events = [sparkpost_event(row, "lasting") for row in rows]
    del events[1]["msys"]["message_event"]["type"]
    events.insert(2, {"msys": None})
    events.insert(3, {"msys": {}})  # an empty one is SparkPost's way of knocking
    assert post(client, "sparkpost", events) == 500
    assert [after(row)[0] for row in rows] == [State.BOUNCED, State.SENT, State.BOUNCED, State.BOUNCED]
    assert post(client, "sparkpost", [sparkpost_event(rows[1], "lasting"), {"msys": {}}]) == 200
    assert after(rows[1])[0] == State.BOUNCED


def test_one_event_that_no_database_takes_loses_none_of_the_others(client, installation):
    rows = [delivered(f"p{n}@example.org") for n in range(5)]
    events = [sparkpost_event(row, "lasting") for row in rows]
    events[2]["msys"]["message_event"] |= {"transmission_id": "nul\x00", "rcpt_meta": {}}
    assert post(client, "sparkpost", events) == 500
    assert [after(row)[0] for row in rows] == [State.BOUNCED] * 2 + [State.SENT] + [State.BOUNCED] * 2


def test_a_provider_that_was_away_may_tell_more_at_once_than_a_visitor(client, delivery, settings, monkeypatch):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert post(client, "sparkpost", [sparkpost_event(delivery, "lasting")]) == 200
    monkeypatch.setattr(provider_webhooks, "AT_MOST", 100)
    assert post(client, "sparkpost", [sparkpost_event(delivery, "complaint")]) == 413
    assert after(delivery)[0] == State.BOUNCED


def test_a_batch_that_tells_one_event_twice_counts_it_once(client, delivery):
    assert post(client, "sparkpost", [sparkpost_event(delivery, "lasting")] * 2) == 200
    assert TrackingEvent.objects.count() == 1


def test_the_furthest_news_of_a_batch_counts_whatever_its_order(client, delivery):
    events = [sparkpost_event(delivery, what) for what in ("complaint", "arrival", "lasting")]
    assert post(client, "sparkpost", events) == 200
    assert after(delivery) == (State.COMPLAINED, Address.Fault.BOUNCED, "withdrawn")


def many(kinds, number):
    message = MessageFactory(state=Message.State.SENT)
    rows = [delivered(f"p{n}@example.org", message) for n in range(number)]
    return [sparkpost_event(row, kinds[n % len(kinds)]) for n, row in enumerate(rows)]


def test_E4_a_batch_costs_as_few_queries_as_one_event(client, installation):
    kinds = ["arrival", "lasting", "passing", "complaint"]
    events = many(kinds, 44)
    costs = []
    for part in (events[:4], events[4:]):
        with CaptureQueriesContext(connection) as queries:
            assert post(client, "sparkpost", part) == 200
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 24


def test_E4_soft_bounces_that_come_in_one_batch_close_at_the_threshold(client, installation):
    person = PersonFactory(email="full@example.org", opted_in=True)
    rows = []
    for number in range(5):
        message = MessageFactory(state=Message.State.SENT)
        value = {"value": "full@example.org", "language": "en", "state": State.SENT}
        rows.append(Delivery.objects.create(message=message, person=person, **value))
        if number == 3:
            assert post(client, "sparkpost", [sparkpost_event(row, "passing") for row in rows]) == 200
            assert person.addresses.get().fault == ""
    TrackingEvent.objects.update(at=timezone.now() - timedelta(days=1))
    event = sparkpost_event(rows[-1], "passing")
    event["msys"]["message_event"]["timestamp"] = str(int(timezone.now().timestamp()))
    assert post(client, "sparkpost", [event]) == 200
    assert person.addresses.get().fault == Address.Fault.BOUNCED


@pytest.mark.django_db(transaction=True)
def test_the_same_batch_told_by_many_at_once_in_any_order_counts_once(installation):
    events = many(["arrival", "lasting", "passing", "complaint"], 40)
    told = [events, events[::-1], events[20:] + events[:20], events[::2] + events[1::2]] * 2

    def tell(batch):
        try:
            return post(Client(raise_request_exception=False), "sparkpost", batch)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as providers:
        assert set(providers.map(tell, told)) == {200}
    assert TrackingEvent.objects.count() == 40
    states = Counter(Delivery.objects.values_list("state", flat=True))
    assert states == {State.DELIVERED: 10, State.BOUNCED: 20, State.COMPLAINED: 10}
