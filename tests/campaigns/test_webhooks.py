"""The carrier's doors: signed or refused, from our account, once (rule S10)."""

from urllib.parse import urlencode

import pytest
from django.test import RequestFactory
from django.urls import reverse
from twilio.request_validator import RequestValidator

from campaigns import webhook_urls, webhooks
from campaigns.models import Conversation, Delivery, InboundText, Message
from coalition.models import Address, Notice
from tests import factories

NUMBER = "+14135550111"
FORM = "application/x-www-form-urlencoded"
ACCOUNT = "AC" + "0" * 32


@pytest.fixture(autouse=True)
def _queue(settings):
    settings.CELERY_TASK_ALWAYS_EAGER = True


def payload(**changes):
    return {
        "MessageSid": f"SM{1:032x}",
        "SmsSid": f"SM{1:032x}",
        "AccountSid": ACCOUNT,
        "From": NUMBER,
        "To": "+14135550199",
        "Body": "¿Va a haber intérprete?",
        "NumMedia": "0",
        **changes,
    }


def sign(url, values, token="demo-carrier-token"):
    return RequestValidator(token).compute_signature(url, values)


def knock(client, values, *, url="http://testserver", signature=None, name="twilio_inbound", **headers):
    path = reverse(name)
    signature = sign(url + path, values) if signature is None else signature
    return client.post(path, urlencode(values), content_type=FORM, headers={"X-Twilio-Signature": signature, **headers})


@pytest.fixture
def sent(db):
    message = factories.MessageFactory(channel="phone", state=Message.State.SENT)
    person = factories.PersonFactory(phone=NUMBER, opted_in=True)
    return Delivery.objects.create(
        message=message, person=person, value=NUMBER, language="en", state="sent", provider_id=f"SM{7:032x}"
    )


def news(client, status, *, ref="", code="", sid=f"SM{7:032x}", **changes):
    values = {"MessageSid": sid, "AccountSid": ACCOUNT, "MessageStatus": status, "ErrorCode": code, **changes}
    path = reverse("twilio_status") + (f"?ref={ref}" if ref else "")
    headers = {"X-Twilio-Signature": sign("http://testserver" + path, values)}
    return client.post(path, urlencode(values), content_type=FORM, headers=headers)


def nothing_stored():
    return not (InboundText.objects.exists() or Conversation.objects.exists() or Notice.objects.exists())


def test_a_signed_text_is_kept_and_answered_with_empty_twiml(client, installation):
    answer = knock(client, payload())
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml")
    assert answer.content.decode().endswith("<Response/>")
    text = InboundText.objects.get()
    assert (text.body, text.conversation.number) == ("¿Va a haber intérprete?", NUMBER)


@pytest.mark.parametrize("signature", ["", "forged", "ñ", sign("http://elsewhere/x", {})])
def test_S10_a_wrong_or_missing_signature_is_refused_and_nothing_stored(client, db, signature):
    assert knock(client, payload(Body="STOP"), signature=signature).status_code == 403
    assert nothing_stored()


def test_S10_a_signature_of_other_words_is_refused(client, db):
    signature = sign("http://testserver" + reverse("twilio_inbound"), payload())
    assert knock(client, payload(Body="STOP"), signature=signature).status_code == 403
    assert nothing_stored()


def test_S10_a_signature_with_another_token_is_refused(client, db):
    signature = sign("http://testserver" + reverse("twilio_inbound"), payload(), token="another")
    assert knock(client, payload(), signature=signature).status_code == 403
    assert nothing_stored()


def test_S10_nobody_gets_in_where_no_token_is_set(client, db, settings):
    settings.TWILIO_AUTH_TOKEN = ""
    signature = sign("http://testserver" + reverse("twilio_inbound"), payload(), token="")
    assert knock(client, payload(), signature=signature).status_code == 403
    assert nothing_stored()


@pytest.mark.parametrize("account", ["AC" + "1" * 32, "", "ñ"])
def test_S10_a_foreign_account_is_refused(client, db, account):
    assert knock(client, payload(AccountSid=account)).status_code == 403
    assert nothing_stored()


def test_S10_a_replayed_text_has_one_effect(client, installation):
    person = factories.PersonFactory(phone=NUMBER, opted_in=True)
    for _time in range(3):
        assert knock(client, payload(Body="STOP")).status_code == 200
    assert InboundText.objects.count() == 1
    assert Notice.objects.count() == 1
    assert person.primary_phone.history.filter(state=Address.Consent.WITHDRAWN).count() == 1


def test_S10_behind_a_proxy_the_signature_is_of_the_public_address(client, installation, settings):
    settings.USE_X_FORWARDED_HOST = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.PUBLIC_URL = "https://another.example.org"
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "riverbend.example.org"}
    answer = knock(client, payload(), url="https://riverbend.example.org", **proxied)
    assert answer.status_code == 200
    forged = knock(client, payload(MessageSid=f"SM{2:032x}"), url="http://testserver", **proxied)
    assert forged.status_code == 403
    assert InboundText.objects.count() == 1


def test_S10_without_forwarded_headers_the_address_we_give_out_counts(client, installation, settings):
    settings.PUBLIC_URL = "https://riverbend.example.org"
    assert knock(client, payload(), url="https://riverbend.example.org").status_code == 200
    assert knock(client, payload(), url="https://riverbend.example.org:443").status_code == 200


def test_S5_what_twilio_answered_is_not_answered_again(client, installation):
    factories.PersonFactory(phone=NUMBER, opted_in=True)
    assert knock(client, payload(Body="STOP", OptOutType="STOP")).status_code == 200
    assert Address.objects.get().consent == Address.Consent.WITHDRAWN
    assert Notice.objects.count() == 0


def test_only_forms_are_read(client, db):
    path = reverse("twilio_inbound")
    assert client.post(path, "{}", content_type="application/json").status_code == 415
    assert client.post(path, {"Body": "x"}).status_code == 415
    assert client.get(path).status_code == 405


def test_a_body_beyond_any_text_is_refused_before_it_is_read(client, db):
    assert knock(client, payload(Body="x" * 70_000)).status_code == 413
    assert nothing_stored()


@pytest.mark.parametrize(
    "changes", [{"MessageSid": "x"}, {"MessageSid": ""}, {"Body": "x" * 5000}, {"OptOutType": "WHAT"}, {"From": ""}]
)
def test_a_malformed_text_is_refused(client, db, changes):
    assert knock(client, payload(**changes)).status_code == 400
    assert nothing_stored()


@pytest.mark.parametrize("sender", ["12345", "whatsapp:+14135550111", "RIVERBEND"])
def test_who_is_no_phone_is_nobody(client, db, sender):
    assert knock(client, payload(From=sender)).status_code == 200
    assert nothing_stored()


def test_a_text_with_a_null_byte_is_kept_without_it(client, installation):
    assert knock(client, payload(Body="ho\x00la")).status_code == 200
    assert InboundText.objects.get().body == "hola"


def test_the_log_of_a_refusal_holds_no_number(client, db, caplog):
    knock(client, payload(), signature="forged")
    assert NUMBER not in caplog.text
    assert NUMBER[1:] not in caplog.text


def test_a_header_that_lies_about_its_length_is_refused(db):
    request = RequestFactory().post("/", "a=b", content_type=FORM)
    request.META["CONTENT_LENGTH"] = "-1"
    assert webhooks.inbound(request).status_code == 413


def test_S10_status_news_moves_forward_only_and_once(client, sent):
    for status in ("delivered", "delivered", "sent", "queued"):
        assert news(client, status).status_code == 204
    sent.refresh_from_db()
    assert (sent.state, sent.events.count()) == ("delivered", 2)


def test_S10_forged_or_foreign_status_news_changes_nothing(client, sent):
    assert news(client, "delivered", AccountSid="AC" + "1" * 32).status_code == 403
    assert knock(client, payload(MessageStatus="delivered"), name="twilio_status", signature="x").status_code == 403
    sent.refresh_from_db()
    assert sent.state == "sent"


def test_S9_a_landline_is_marked_unable(client, sent):
    assert news(client, "undelivered", code="30006").status_code == 204
    assert Address.objects.get().fault == Address.Fault.UNABLE


def test_S9_21610_closes_the_number(client, sent):
    assert news(client, "failed", code="21610").status_code == 204
    assert Address.objects.get().consent == Address.Consent.WITHDRAWN


def test_news_that_is_faster_than_our_own_writing_finds_its_row_by_the_address(client, sent):
    Delivery.objects.update(provider_id="", state="sending")
    assert news(client, "delivered", ref=f"delivery-{sent.pk}").status_code == 204
    sent.refresh_from_db()
    assert sent.state == "delivered"


def test_malformed_status_news_is_refused(client, db):
    assert news(client, "x" * 40).status_code == 400
    assert news(client, "sent", sid="x").status_code == 400


@pytest.mark.parametrize(
    ("provider", "secret", "doors"), [("smtp", {}, 0), ("smtp", {"WEBHOOK_SECRET": "a:b"}, 1), ("postmark", {}, 1)]
)
def test_E4_without_a_secret_smtp_lets_nobody_report_bounces(settings, provider, secret, doors):
    """With a provider a missing secret is an error at start (coalition.E004)."""
    settings.EMAIL_PROVIDER, settings.ANYMAIL = provider, secret
    assert len(webhook_urls.providers()) == doors
