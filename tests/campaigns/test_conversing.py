"""Staff and a conversation: reading it, answering it, settling it."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from wagtail.users.models import UserProfile

from campaigns import conversing, stopping
from campaigns.models import Conversation, Delivery, InboundText, Message
from campaigns.receiving import receive
from coalition import consent
from coalition.models import Address, Consent, Entry, Notice
from tests import factories
from tests.coalition.searches import led_through, naming

NUMBER = "+14135550111"


def sid(number):
    return f"SM{number:032x}"


@pytest.fixture
def ana(db):
    return factories.UserFactory(first_name="Ana", last_name="Ruiz")


@pytest.fixture
def marisol(db):
    return factories.PersonFactory(given_name="Marisol", language="es", phone=NUMBER, opted_in=True)


@pytest.fixture
def text(installation, marisol):
    return receive(sid=sid(1), number=NUMBER, body="¿Va a haber intérprete?")


@pytest.fixture
def unclear(installation, marisol):
    return receive(sid=sid(2), number=NUMBER, body="I think you have the wrong number")


@pytest.fixture
def staff(client, ana):
    client.force_login(ana)
    return client


def url(name, *args):
    return reverse(f"conversations:{name}", args=args)


def test_an_answer_is_owed_once_and_ends_the_waiting(text, ana):
    key = uuid.uuid4()
    for _press in range(2):
        conversing.reply(text.conversation, words="Sí, español y ASL.", key=key, by=ana)
    notice = Notice.objects.get()
    assert (notice.kind, notice.value, notice.text, notice.by) == ("text_reply", NUMBER, "Sí, español y ASL.", ana)
    assert Conversation.objects.get().waiting_since is None
    assert Entry.objects.filter(kind=Entry.Kind.REPLY, by=ana).count() == 1


def test_S1_who_wrote_within_a_day_may_be_answered_though_they_never_joined(installation, ana):
    conversation = receive(sid=sid(1), number="+14135550177", body="Who is this?").conversation
    assert conversing.why_not(conversation) is None
    InboundText.objects.update(at=timezone.now() - timedelta(hours=25))
    with pytest.raises(ValidationError):
        conversing.reply(conversation, words="Hello", key=uuid.uuid4(), by=ana)
    assert Notice.objects.count() == 0


def test_S4_nobody_writes_to_a_number_that_said_stop(text, ana):
    stopping.stop(NUMBER, source="reply", language="es")
    with pytest.raises(ValidationError):
        conversing.reply(text.conversation, words="¿Segura?", key=uuid.uuid4(), by=ana)
    assert Notice.objects.count() == 0


def test_nobody_writes_to_a_number_that_cannot_get_texts_or_where_texts_are_off(text, settings):
    consent.mark_fault("phone", NUMBER, Address.Fault.UNABLE)
    assert conversing.why_not(text.conversation)
    Address.objects.update(fault="")
    settings.TEXT_PROVIDER = ""
    assert conversing.why_not(text.conversation)


def test_done_ends_the_waiting_unless_a_newer_text_came(text):
    newer = receive(sid=sid(3), number=NUMBER, body="¿Hola?")
    assert not conversing.mark_done(text.conversation, seen=text.pk)
    assert Conversation.objects.get().waiting_since == text.at
    assert conversing.mark_done(text.conversation, seen=newer.pk)
    assert Conversation.objects.get().waiting_since is None


def test_S6_a_stop_heard_otherwise_equals_stop_and_is_not_confirmed_by_text(text, marisol, ana):
    son = factories.PersonFactory(language="en", phone=NUMBER, opted_in=True)
    message = factories.MessageFactory(channel="phone", state=Message.State.PAUSED)
    queued = Delivery.objects.create(message=message, person=son, value=NUMBER, language="en")
    conversing.record_stop(text.conversation, how="on the phone with Ana, May 5", by=ana)
    assert {a.consent for a in Address.objects.all()} == {"withdrawn"}
    line = marisol.primary_phone.history.first()
    assert (line.source, line.by, line.evidence) == (Consent.Source.STAFF, ana, "on the phone with Ana, May 5")
    queued.refresh_from_db()
    assert (queued.state, queued.reason) == ("held", "unsubscribed")
    assert Notice.objects.count() == 0
    assert Conversation.objects.get().waiting_since is None


def test_S3_an_unclear_text_that_was_a_stop_closes_the_number_once(unclear, marisol, ana):
    assert conversing.settle(unclear, was_stop=True, by=ana)
    assert not conversing.settle(unclear, was_stop=False, by=ana)
    unclear.refresh_from_db()
    assert (unclear.kind, unclear.reviewed_by) == (InboundText.Kind.STOP, ana)
    line = marisol.primary_phone.history.first()
    assert (line.state, line.evidence, line.by) == ("withdrawn", unclear.sid, ana)


def test_S3_an_unclear_text_that_was_none_leaves_the_number_open(unclear, marisol, ana):
    assert conversing.settle(unclear, was_stop=False, by=ana)
    unclear.refresh_from_db()
    assert (unclear.kind, unclear.reviewed_by) == (InboundText.Kind.UNCLEAR_STOP, ana)
    assert marisol.primary_phone.consent == Address.Consent.GRANTED


def test_the_thread_holds_theirs_ours_and_the_alerts_in_order(text, marisol, ana):
    message = factories.MessageFactory(channel="phone", state=Message.State.SENT)
    Delivery.objects.create(
        message=message,
        person=marisol,
        value=NUMBER,
        language="es",
        state="delivered",
        claimed_at=timezone.now() - timedelta(days=1),
    )
    Delivery.objects.create(
        message=factories.MessageFactory(channel="phone"), person=marisol, value=NUMBER, language="es", state="held"
    )
    notice = conversing.reply(text.conversation, words="Sí.", key=uuid.uuid4(), by=ana)
    alert, question, answer = conversing.thread(text.conversation)
    assert (alert.ours, alert.message, "la votación es el martes" in alert.words) == (True, message, True)
    assert (question.ours, question.words) == (False, "¿Va a haber intérprete?")
    assert (answer.ours, answer.source, answer.by) == (True, notice, ana)


def test_somebody_elses_texts_are_not_in_the_thread(text):
    other = factories.PersonFactory(phone="+14135550112", opted_in=True)
    receive(sid=sid(9), number="+14135550112", body="secret")
    message = factories.MessageFactory(channel="phone", state=Message.State.SENT)
    Delivery.objects.create(message=message, person=other, value="+14135550112", language="en", state="sent")
    assert [b.words for b in conversing.thread(text.conversation)] == ["¿Va a haber intérprete?"]


# The pages


def _conversations(number):
    for n in range(number):
        person = factories.PersonFactory(phone=f"+1413555{1000 + n}", opted_in=True)
        receive(sid=sid(100 + n), number=person.primary_phone.value, body="hello there")


def test_the_list_takes_a_fixed_number_of_queries(staff, installation, django_assert_max_num_queries):
    _conversations(1)
    staff.get(url("index"))
    with django_assert_max_num_queries(60) as one:
        staff.get(url("index"))
    _conversations_more = [factories.PersonFactory(phone=f"+1413555{2000 + n}", opted_in=True) for n in range(29)]
    for n, person in enumerate(_conversations_more):
        receive(sid=sid(300 + n), number=person.primary_phone.value, body="hello there")
    with django_assert_max_num_queries(len(one.captured_queries)) as thirty:
        page = staff.get(url("index"))
    assert len(page.context["object_list"]) == 30
    assert len(thirty.captured_queries) <= len(one.captured_queries)


def test_the_list_shows_who_waits_first_and_finds_by_name_and_number(staff, installation, text, marisol):
    later = factories.PersonFactory(given_name="Iván", family_name="Soto", phone="+14135550188", opted_in=True)
    receive(sid=sid(5), number="+14135550188", body="gracias")
    conversing.mark_done(Conversation.objects.get(person=later), seen=10**9)
    rows = staff.get(url("index")).context["object_list"]
    assert [c.person for c in rows] == [marisol, later]
    for query, found in (("q=ivan", [later]), ("q=555-0111", [marisol]), ("waiting=no", [later]), ("review=yes", [])):
        page = staff.post(url("index"), QueryDict(query).dict(), follow=True)
        assert [c.person for c in page.context["object_list"]] == found
        assert naming("ivan", led_through(page)) == naming("555-0111", led_through(page)) == []


def test_a_page_shows_the_thread_and_takes_an_answer(staff, text):
    page = staff.get(url("inspect", text.conversation.pk))
    assert "¿Va a haber intérprete?" in page.content.decode()
    answer = staff.post(url("reply", text.conversation.pk), {"words": "Sí.", "key": uuid.uuid4()})
    assert (answer.status_code, answer.url) == (302, url("inspect", text.conversation.pk))
    assert Notice.objects.get().text == "Sí."


def test_an_answer_that_may_not_be_sent_is_kept_and_explained(staff, text):
    stopping.stop(NUMBER, source="reply", language="es")
    page = staff.post(url("reply", text.conversation.pk), {"words": "¿Segura?", "key": uuid.uuid4()})
    assert page.status_code == 422
    assert "¿Segura?" in page.content.decode()
    assert "said stop" in page.content.decode()
    assert staff.post(url("reply", text.conversation.pk), {"words": "", "key": ""}).status_code == 422


def test_the_page_settles_closes_and_counts(staff, unclear):
    pk = unclear.conversation.pk
    count = staff.post(url("count", pk), {"words": "Información" * 8})
    assert count.content.decode() == "Texts it takes: 2. These characters make it longer: ó"
    assert staff.post(url("settle", pk, unclear.pk), {"was": "other"}).status_code == 302
    assert staff.post(url("stop", pk), {"how": ""}).status_code == 422
    assert staff.post(url("stop", pk), {"how": "by phone"}).status_code == 302
    assert stopping.is_stopped(NUMBER)
    assert staff.post(url("done", pk), {"seen": str(unclear.pk)}).status_code == 302
    assert Conversation.objects.get().waiting_since is None


def test_another_conversations_text_cannot_be_settled_from_here(staff, unclear):
    other = receive(sid=sid(8), number="+14135550177", body="stopping by the school")
    assert staff.post(url("settle", unclear.conversation.pk, other.pk), {"was": "stop"}).status_code == 404
    other.refresh_from_db()
    assert other.reviewed_at is None


def test_staff_without_the_permission_see_and_do_nothing(client, unclear):
    user = factories.UserFactory(is_superuser=False)
    user.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(user)
    pk = unclear.conversation.pk
    for answer in (
        client.get(url("index")),
        client.get(url("inspect", pk)),
        client.post(url("reply", pk), {"words": "x", "key": uuid.uuid4()}),
        client.post(url("stop", pk), {"how": "x"}),
        client.post(url("settle", pk, unclear.pk), {"was": "stop"}),
    ):
        assert answer.status_code == 302
        assert answer.url == reverse("wagtailadmin_home")
    assert Notice.objects.count() == 0
    assert not stopping.is_stopped(NUMBER)


def test_the_page_speaks_spanish(staff, text, ana):
    UserProfile.objects.create(user=ana, preferred_language="es")
    with override("es"):
        assert staff.get(url("inspect", text.conversation.pk)).status_code == 200
