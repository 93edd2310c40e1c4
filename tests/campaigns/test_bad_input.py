"""What should never come in, and comes: clear, recorded, nothing lost, nothing twice."""

import threading
import time
from contextlib import suppress

import pytest
from anymail.inbound import AnymailInboundMessage
from django.contrib.auth.models import Group
from django.db import connection
from django.urls import NoReverseMatch, get_resolver, reverse
from django.utils import timezone
from structlog.testing import capture_logs

from campaigns import (
    audience,
    blocks,
    claiming,
    composing,
    judging,
    merge_fields,
    receivers,
    recording,
    rendering,
    scheduling,
    sending,
    tracking,
)
from campaigns.forms.messages import refusal
from campaigns.models import (
    Delivery,
    Enrolment,
    Message,
    MessageContent,
    Pace,
    QuietDay,
    Series,
    Step,
    WarmUp,
)
from campaigns.series import building
from campaigns.tracking import News
from coalition import accounts
from coalition.models import Address, Person
from tests.factories import CampaignFactory, MessageFactory, PersonFactory, UserFactory

State, Reason = Delivery.State, Delivery.Reason


@pytest.fixture
def message(installation):
    return MessageFactory()


def reader(**kwargs):
    return PersonFactory(**{"email": True, "opted_in": True} | kwargs)


def send_all(message):
    while sending.send_next_batch(message):
        pass


def ledger(message):
    return {d.person: (d.state, d.reason, d.error) for d in message.deliveries.select_related("person")}


# The audience


def test_two_who_enter_a_series_one_after_the_other_with_one_address_both_stand_in_the_ledger(message):
    Message.objects.filter(pk=message.pk).update(state=Message.State.RUNNING)
    first, second = reader(), reader()
    Address.objects.filter(person=second).update(value=first.primary_email.value)
    for _look in range(2):
        for one in (first, second):
            audience.freeze(message, people=Person.objects.filter(pk=one.pk))
    assert ledger(message) == {
        first: (State.QUEUED, "", ""),
        second: (State.HELD, Reason.DUPLICATE, ""),
    }


def test_L2_a_wording_that_no_test_sends_gives_nobody_a_text(message, mailoutbox):
    ana, ann = reader(language="es"), reader(language="en")
    for content in list(message.contents.all()):
        content.pk, content.variant = None, "b"
        content.save(force_insert=True)
    message.contents.filter(variant="a", language="es").delete()
    composing.waive(message, "languages", reason="The vote is tonight", by=UserFactory())
    sending.start(message)
    send_all(message)
    assert ledger(message) == {ana: (State.HELD, Reason.NO_LANGUAGE, ""), ann: (State.SENT, "", "")}
    assert [mail.subject for mail in mailoutbox] == ["The vote is Tuesday"]


# The words


def test_what_cannot_be_written_fails_alone_and_says_so(message, mailoutbox):
    ana, ann, amy = reader(language="es"), reader(language="en"), reader(language="en")
    sending.start(message)
    MessageContent.objects.filter(message=message, language="es").delete()
    send_all(message)
    assert ledger(message) == {
        ana: (State.FAILED, "", "could not be written: KeyError"),
        ann: (State.SENT, "", ""),
        amy: (State.SENT, "", ""),
    }
    message.refresh_from_db()
    assert (message.state, len(mailoutbox)) == (Message.State.SENT, 2)


@pytest.mark.parametrize(
    "html",
    [
        "<p>{{ first_name | <strong>friend</strong> }}, hi</p>",
        "<p>{{ first_name | <strong>friend }}, hi</strong></p>",
        "<p>{{ first_name | friend</p><p>hi }}</p>",
    ],
)
def test_markup_within_a_fall_back_is_refused_before_it_breaks_a_letter(message, html):
    content = message.contents.get(language="en")
    content.blocks = blocks.cleaned([{"id": "b1", "type": "text", "value": {"html": html}}])
    assert judging.problems(content)
    assert not merge_fields.unknown_fields("<p>{{ first_name | a &lt; b }}</p>")


def test_a_fall_back_ends_no_attribute(message):
    content = message.contents.get(language="en")
    html = '<p><a href="https://example.org/{{ first_name | x&quot; onclick=&quot;y }}">Read</a></p>'
    content.blocks = [{"id": "b1", "type": "text", "value": {"html": html}}]
    assert judging.problems(content)
    (part,) = rendering.for_anybody(content)["parts"]
    assert ' onclick="' not in part["html"]


@pytest.mark.parametrize(
    "text",
    ["{{" + " " * 2_000, "{{ first_name |" + "\u00a0" * 2_000, "{{ first_name | <b>" + "<a" * 50_000 + " }}"],
    ids=["field", "fall-back", "tag"],
)
def test_what_nobody_closed_takes_no_time(db, text):
    began = time.monotonic()
    merge_fields.with_gaps(text, {"first_name"})
    refusal(merge_fields.unknown_fields(text))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "text", ["{{ first_name | {{ first_name }} }}", "{{ {{ first_name }} }}", "{{ first_name | {{ full_name }}"]
)
def test_a_template_that_loops_is_refused(text):
    assert merge_fields.unknown_fields(text)


def test_a_name_that_reads_like_a_template_is_a_name(message, mailoutbox):
    reader(given_name="{{ first_name }}", language="en")
    sending.start(message)
    send_all(message)
    assert "Dear {{ first_name }}, the vote" in mailoutbox[0].body


# What a provider says


def test_what_a_provider_says_parts_no_outcome_from_its_delivery(message):
    for _number in range(3):
        reader()
    sending.start(message)
    pks = [row.pk for row in claiming.take(message, 10)]
    said = ["a\x1fb", "c\0d\r\n", "\ud800e" + "x" * 300]
    recording.record(
        [recording.Result(pk, State.SENT.value, provider_id=one, error=one) for pk, one in zip(pks, said, strict=True)]
    )
    told = message.deliveries.order_by("pk").values_list("provider_id", "error", "state")
    assert list(told) == [(one, one, State.SENT) for one in ("ab", "cd", "e" + "x" * 199)]


def test_nobodys_address_is_logged_with_news_that_no_database_takes(installation):
    with capture_logs() as logged:
        news = News("bounced", "e1", provider_id="x\0y", recipient="ana@example.org")
        assert tracking.record_each("mailgun", [news]) == 1
    (line,) = logged
    assert line == {
        "event": "news not kept",
        "log_level": "error",
        "provider": "mailgun",
        "kind": "bounced",
        "error": line["error"],
    }
    assert line["error"].isidentifier()


def test_half_a_character_in_a_reply_does_not_keep_it_from_being_read(installation):
    message = AnymailInboundMessage.construct(from_email="ana@example.org", subject="Hi", text="A question")
    assert receivers._plain("A\0 question \ud83d") == "A question ?"
    assert receivers._reply_of(message).text.strip() == "A question"


# At the same moment


@pytest.mark.django_db(transaction=True)
def test_undo_and_the_sweep_at_the_same_moment_agree(installation):
    by = UserFactory()
    for _number in range(5):
        reader()
    for _round in range(4):
        message, told, start = MessageFactory(), {}, threading.Barrier(2)
        scheduling.schedule(message, by=by)
        Message.objects.filter(pk=message.pk).update(due_at=timezone.now())

        def at_once(name, act, told=told, start=start):
            start.wait()
            told[name] = act()
            connection.close()

        acts = {"begun": scheduling.start_due, "undone": lambda mine=message: scheduling.undo(mine)}
        workers = [threading.Thread(target=at_once, args=one) for one in acts.items()]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        state = Message.objects.get(pk=message.pk).state
        undone = (told["begun"], told["undone"], state, message.deliveries.count())
        assert undone in (([], True, Message.State.DRAFT, 0), ([message.pk], False, Message.State.SENDING, 5))


# Who may


def doors(section, *args):
    """The addresses of a section of the back office that take these arguments."""
    for name in filter(lambda name: isinstance(name, str), get_resolver().namespace_dict[section][1].reverse_dict):
        if "choose" not in name and "multiple" not in name:
            with suppress(NoReverseMatch):
                yield name, reverse(f"{section}:{name}", args=args)


FORM = {"what": "resend", "number": "1", "total": "1", "check": "cap", "reason": "x", "does": "approve", "name": "x"}


def knock(client, section, *args):
    """Ask at every door, both ways. Returns what was said where: [(name, content)]."""
    found = []
    for name, address in doors(section, *args):
        for ask in (client.get, client.post):
            page = ask(address, FORM)
            assert page.status_code < 500, (section, name)
            found.append((name, b"".join(page.streaming_content) if page.streaming else page.content))
    assert found, section
    return found


@pytest.fixture(params=[accounts.Role.TRANSLATOR, accounts.Role.ANALYST])
def onlooker(request, client, installation):
    """Signed in, and may neither send nor see people."""
    accounts.ensure_roles()
    user = UserFactory(is_superuser=False)
    user.groups.add(Group.objects.get(name=request.param))
    client.force_login(user)
    return user


@pytest.mark.parametrize("state", [Message.State.DRAFT, Message.State.SCHEDULED, Message.State.PAUSED])
def test_who_may_not_send_changes_no_message_through_any_door_and_sees_nobody(client, onlooker, state):
    ana = reader(given_name="Anastasia", language="en")
    message = MessageFactory()
    if state == Message.State.PAUSED:
        sending.start(message)
        message.deliveries.update(state=State.UNCERTAIN)
    Message.objects.filter(pk=message.pk).update(state=state)
    before, delivery = _standing(message), message.deliveries.first()
    said = knock(client, "messages", message.pk) + knock(client, "messages", message.pk, "b")
    if delivery:
        said += knock(client, "messages", message.pk, delivery.pk)
    for name, content in said:
        assert b"Anastasia" not in content, name
        assert ana.primary_email.value.encode() not in content, name
    assert _standing(message) == before
    assert Message.objects.count() == 1


def test_who_may_not_send_changes_no_series_and_no_pace_through_any_door_and_sees_nobody(client, onlooker):
    ana = reader(given_name="Anastasia", language="en")
    one = building.begin(name="Welcome", trigger="joined", campaign=CampaignFactory())
    step = building.add_step(one, channel="email", name="First", wait_hours=0)
    Enrolment.objects.create(series=one, person=ana, began_at=timezone.now(), due_at=timezone.now())
    before = _all()
    said = knock(client, "series", one.pk) + knock(client, "series", one.pk, step.pk) + knock(client, "series")
    for section in ("quiet_days", "paces", "warm_ups", "messages"):
        said += knock(client, section)
    for name, content in said:
        assert b"Anastasia" not in content, name
    assert _all() == before


def _standing(message):
    row = Message.objects.values("state", "name", "send_at", "due_at", "approved_by", "archived").get(pk=message.pk)
    return (
        row,
        list(message.waivers.values_list("check_key", flat=True)),
        list(message.contents.order_by("pk").values_list("variant", "subject", "reviewed_by")),
        list(message.deliveries.order_by("pk").values_list("state", flat=True)),
    )


def _all():
    kept = (Series, Step, Message, QuietDay, Pace, WarmUp)
    return [list(model.objects.order_by("pk").values()) for model in kept]
