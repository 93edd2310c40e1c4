"""What comes back: once, forward only, and it closes the address rather than the person."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import claiming, sending, text_errors, tracking
from campaigns.models import Delivery, Message, Series, Step, TrackingEvent
from coalition import notices
from coalition.models import Address, Consent, Installation, Notice
from tests.factories import MessageFactory, PersonFactory

State = Delivery.State


@pytest.fixture
def delivery(installation):
    """One email that was handed over."""
    return delivered_to(PersonFactory(email="ana@example.org", opted_in=True))


def delivered_to(person, channel="email", state=State.SENT):
    message = MessageFactory(channel=channel)
    address = person.primary(channel)
    return Delivery.objects.create(
        message=message, person=person, value=address.value, language="en", state=state, provider_id=f"id-{message.pk}"
    )


def tell(delivery, kind, **kwargs):
    return hear("postmark", kind=kind, ref=f"delivery-{delivery.pk}", **kwargs)


def hear(provider, **news):
    """Whether it was news."""
    return tracking.record_all(provider, [tracking.News(**news)]) == 1


def state_of(delivery):
    return Delivery.objects.get(pk=delivery.pk).state


def address_of(delivery):
    return Address.objects.get(person=delivery.person, value=delivery.value)


def test_news_moves_forward_only(delivery):
    tell(delivery, "delivered", event_id="1")
    assert state_of(delivery) == State.DELIVERED
    tell(delivery, "sent", event_id="2")
    tell(delivery, "deferred", event_id="3")
    assert state_of(delivery) == State.DELIVERED
    tell(delivery, "bounced", event_id="4", reason="bounced")
    tell(delivery, "delivered", event_id="5")
    assert state_of(delivery) == State.BOUNCED


def test_E4_the_same_news_counts_once(delivery):
    assert [tell(delivery, "delivered", event_id="1"), tell(delivery, "delivered", event_id="1")] == [True, False]
    at = timezone.now()
    assert [tell(delivery, "opened", at=at), tell(delivery, "opened", at=at)] == [True, False]
    assert TrackingEvent.objects.count() == 2


def test_one_event_id_of_two_kinds_is_two_pieces_of_news(delivery):
    """Some providers number the message, not the event."""
    assert [tell(delivery, "sent", event_id="7"), tell(delivery, "delivered", event_id="7")] == [True, True]


def test_what_was_held_back_never_moves(installation):
    held = delivered_to(PersonFactory(email=True), state=State.HELD)
    tell(held, "delivered")
    assert state_of(held) == State.HELD


def test_news_settles_what_was_uncertain(delivery):
    Delivery.objects.update(state=State.UNCERTAIN)
    tell(delivery, "delivered")
    assert state_of(delivery) == State.DELIVERED


def test_news_that_outruns_us_keeps_a_delivery_from_being_sent_again(delivery):
    Delivery.objects.update(state=State.QUEUED)
    Message.objects.update(state=Message.State.SENDING)
    tell(delivery, "delivered")
    assert claiming.take(delivery.message, 5) == []


NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize("before", [State.UNCERTAIN, State.QUEUED, State.SENDING])
@pytest.mark.parametrize("kind", ["sent", "deferred", "delivered", "complained"])
def test_what_left_by_the_word_of_the_provider_has_its_moment(delivery, before, kind):
    minute = timedelta(minutes=1)
    for known, at in [
        ({"sent_at": NOON - 2 * minute, "claimed_at": NOON - minute}, NOON - 2 * minute),
        ({"sent_at": None, "claimed_at": NOON - minute}, NOON - minute),
        ({"sent_at": None, "claimed_at": None}, NOON),
    ]:
        Delivery.objects.update(state=before, **known)
        tell(delivery, kind, event_id=str(at), at=NOON)
        assert Delivery.objects.get().sent_at == at


def test_what_did_not_leave_has_no_moment(delivery):
    Delivery.objects.update(state=State.UNCERTAIN, claimed_at=NOON)
    tell(delivery, "failed")
    assert Delivery.objects.values_list("state", "sent_at").get() == (State.FAILED, None)


def test_whose_link_was_followed_has_left(delivery):
    Delivery.objects.update(state=State.UNCERTAIN, claimed_at=NOON)
    assert tracking.forward(delivery, State.DELIVERED) is True
    assert Delivery.objects.values_list("state", "sent_at").get() == (State.DELIVERED, NOON)


@pytest.mark.parametrize("reason", ["bounced", "invalid", ""])
def test_E4_a_hard_bounce_closes_the_address_and_leaves_the_consent(delivery, reason):
    tell(delivery, "bounced", reason=reason)
    address = address_of(delivery)
    assert (state_of(delivery), address.fault, address.consent) == (State.BOUNCED, "bounced", "granted")


def test_E4_a_complaint_is_a_stop_whatever_its_reason(delivery):
    relative = PersonFactory(email="ana@example.org", opted_in=True)
    tell(delivery, "complained")
    assert state_of(delivery) == State.COMPLAINED
    assert {a.consent for a in Address.objects.all()} == {Address.Consent.WITHDRAWN}
    assert {c.source for c in Consent.objects.filter(state="withdrawn")} == {Consent.Source.COMPLAINT}
    assert relative.addresses.get().consent == Address.Consent.WITHDRAWN


def test_an_unsubscription_told_by_the_provider_is_a_stop(delivery):
    tell(delivery, "unsubscribed")
    assert (state_of(delivery), address_of(delivery).consent) == (State.DELIVERED, Address.Consent.WITHDRAWN)


def test_E4_soft_bounces_close_after_a_threshold_that_is_data(installation):
    Installation.objects.update(soft_bounces=3)
    person = PersonFactory(email=True, opted_in=True)
    for number in range(3):
        assert person.addresses.get().fault == ""
        tell(delivered_to(person), "bounced", soft=True, event_id=str(number))
    assert person.addresses.get().fault == Address.Fault.BOUNCED


def test_E4_soft_bounces_of_long_ago_do_not_count(installation):
    Installation.objects.update(soft_bounces=2)
    person = PersonFactory(email=True, opted_in=True)
    tell(delivered_to(person), "bounced", soft=True, at=timezone.now() - timedelta(days=31))
    tell(delivered_to(person), "bounced", reason="timed_out")
    assert person.addresses.get().fault == ""


def test_a_deferral_is_no_bounce(delivery):
    for number in range(9):
        tell(delivery, "deferred", event_id=str(number))
    assert (state_of(delivery), address_of(delivery).fault) == (State.DEFERRED, "")


def test_a_shared_provider_id_is_told_apart_by_the_recipient(delivery):
    other = delivered_to(PersonFactory(email="eva@example.org", opted_in=True))
    Delivery.objects.update(provider_id="batch-1")
    hear("mailgun", kind="bounced", provider_id="batch-1", recipient="Eva@example.org")
    assert (state_of(delivery), state_of(other)) == (State.SENT, State.BOUNCED)


def test_a_reference_with_another_recipient_is_not_that_delivery(delivery):
    tell(delivery, "delivered", recipient="somebody@else.example")
    assert state_of(delivery) == State.SENT


@pytest.mark.parametrize("ref", ["", "delivery-0", "delivery-x", "delivery-99999999999999999999", "person-1", "-", "7"])
def test_news_about_nothing_of_ours_is_left_alone(delivery, ref):
    assert hear("postmark", kind="delivered", ref=ref) is False
    assert TrackingEvent.objects.count() == 0


def test_a_complaint_about_a_message_we_forgot_still_closes_the_address(installation):
    person = PersonFactory(email="ana@example.org", opted_in=True)
    assert hear("postmark", kind="complained", recipient="ana@example.org") is True
    assert person.addresses.get().consent == Address.Consent.WITHDRAWN
    assert "ana@example.org" not in str(list(TrackingEvent.objects.values()))


def test_a_notice_learns_what_became_of_it_too(installation):
    person = PersonFactory(email="ana@example.org", opted_in=True)
    notice = notices.write(
        "plain", channel="email", value="ana@example.org", language="en", key="k", text="Hi", person=person
    )
    Notice.objects.update(state=Notice.State.SENT)
    hear("postmark", kind="bounced", ref=f"notice-{notice.pk}", reason="bounced")
    hear("postmark", kind="delivered", ref=f"notice-{notice.pk}")
    notice.refresh_from_db()
    assert (notice.state, person.addresses.get().fault) == (Notice.State.BOUNCED, Address.Fault.BOUNCED)


# The provider's door


@pytest.fixture
def provider(settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": "name:word"}
    return Client(raise_request_exception=False)


def post(client, event, secret="name:word"):
    return client.post(
        "/webhooks/anymail/postmark/tracking/",
        json.dumps(event),
        content_type="application/json",
        headers={"authorization": f"Basic {b64encode(secret.encode()).decode()}"},
    )


def bounce(delivery, kind="HardBounce", number=4):
    return {
        "RecordType": "Bounce",
        "ID": number,
        "Type": kind,
        "MessageID": "x",
        "Email": delivery.value,
        "BouncedAt": "2026-11-22T16:33:54.9Z",
        "Details": "smtp;550 5.1.1 no such user",
        "Metadata": {"ref": f"delivery-{delivery.pk}"},
    }


def test_E4_a_bounce_from_the_providers_webhook_closes_the_address(delivery, provider):
    assert [post(provider, bounce(delivery)).status_code for _twice in range(2)] == [200, 200]
    assert (state_of(delivery), address_of(delivery).fault) == (State.BOUNCED, Address.Fault.BOUNCED)
    assert TrackingEvent.objects.count() == 1


def test_E4_a_soft_bounce_from_the_webhook_does_not_close_at_once(delivery, provider):
    post(provider, bounce(delivery, "SoftBounce") | {"Details": "smtp;452 4.2.2 mailbox full"})
    assert (state_of(delivery), address_of(delivery).fault) == (State.BOUNCED, "")


def test_E4_a_forged_webhook_is_refused_and_stores_nothing(delivery, provider):
    assert post(provider, bounce(delivery), secret="name:guess").status_code == 400
    assert (state_of(delivery), TrackingEvent.objects.count()) == (State.SENT, 0)


# Texts


@pytest.fixture
def text(installation):
    return delivered_to(PersonFactory(phone="+14135550123", opted_in=True), "phone")


def test_S10_the_carriers_news_counts_once_and_moves_forward(text):
    assert tracking.record_text(text.provider_id, "delivered") is True
    assert tracking.record_text(text.provider_id, "delivered") is False
    tracking.record_text(text.provider_id, "sent")
    assert state_of(text) == State.DELIVERED
    assert tracking.record_text("SMunknown", "delivered") is False
    assert tracking.record_text(text.provider_id, "queued") is False


def test_news_that_is_faster_than_we_write_down_the_id_finds_its_row_by_our_reference(text):
    Delivery.objects.update(provider_id="", state=State.SENDING)
    assert tracking.record_text("SM1", "delivered", ref=f"delivery-{text.pk}") is True
    assert state_of(text) == State.DELIVERED


def test_a_reference_to_somebody_elses_text_moves_nothing(text):
    assert tracking.record_text("SMother", "delivered", ref=f"delivery-{text.pk}") is False


def test_S9_21610_closes_the_number(text):
    tracking.record_text(text.provider_id, "failed", 21610)
    assert (state_of(text), address_of(text).consent) == (State.FAILED, Address.Consent.WITHDRAWN)


@pytest.mark.parametrize("code", [21211, 21614, 30006])
def test_S9_a_number_that_cannot_take_texts_is_marked_at_once(text, code):
    tracking.record_text(text.provider_id, "undelivered", code)
    assert (address_of(text).fault, address_of(text).consent) == (Address.Fault.UNABLE, Address.Consent.GRANTED)


@pytest.mark.parametrize(("code", "times"), [(30005, 2), (30003, 3), (30004, 2)])
def test_S9_some_errors_close_only_after_a_threshold(installation, code, times):
    person = PersonFactory(phone=True, opted_in=True)
    for _n in range(times):
        assert person.addresses.get().fault == ""
        text = delivered_to(person, "phone")
        tracking.record_text(text.provider_id, "undelivered", code)
    assert person.addresses.get().fault == Address.Fault.UNABLE


def test_S9_a_phone_that_answered_in_between_starts_anew(installation):
    person = PersonFactory(phone=True, opted_in=True)
    for status, code in [("undelivered", 30003), ("undelivered", 30003), ("delivered", None), ("undelivered", 30003)]:
        tracking.record_text(delivered_to(person, "phone").provider_id, status, code)
    assert person.addresses.get().fault == ""


def refused_by_carriers(code, state):
    """A text in a state, with one text in ten refused by the carriers."""
    people = [PersonFactory(phone=f"+1413555{100 + n:04d}", opted_in=True) for n in range(20)]
    message = MessageFactory(channel="phone", state=state)
    rows = [
        Delivery.objects.create(
            message=message,
            person=p,
            value=p.primary_phone.value,
            language="en",
            state=State.SENT,
            provider_id=f"SM{p.pk}",
        )
        for p in people
    ]
    tracking.record_text(rows[0].provider_id, "undelivered", code)
    message.refresh_from_db()
    assert message.state == state
    return message, lambda: tracking.record_text(rows[1].provider_id, "undelivered", code)


@pytest.mark.parametrize("code", [30007, 30034])
def test_S9_filtered_texts_pause_the_message_and_never_touch_the_person(installation, code):
    message, go_on = refused_by_carriers(code, Message.State.SENDING)
    go_on()
    message.refresh_from_db()
    assert (message.state, message.paused_because) == (Message.State.PAUSED, text_errors.FILTERED_BECAUSE)
    assert {a.fault for a in Address.objects.all()} == {""}
    assert sending.resume(message) is True


def test_S9_filtered_texts_pause_the_series_that_sends_them(installation):
    message, go_on = refused_by_carriers(30007, Message.State.RUNNING)
    series = Series.objects.create(
        name="Welcome", campaign=message.campaign, trigger=Series.Trigger.JOINED, state=Series.State.RUNNING
    )
    Step.objects.create(series=series, position=1, wait_hours=0, message=message)
    go_on()
    message.refresh_from_db()
    series.refresh_from_db()
    assert (message.state, message.paused_because) == (Message.State.PAUSED, text_errors.FILTERED_BECAUSE)
    assert series.state == Series.State.PAUSED
