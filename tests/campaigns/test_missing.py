"""What a person did not get, and why, on their own page in the back office."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import sending
from campaigns.models import Delivery, Message
from campaigns.views import missing
from coalition import accounts
from coalition.models import Segment
from tests.factories import MessageFactory, PersonFactory, UserFactory

State, Reason = Delivery.State, Delivery.Reason
TITLE = "Messages they did not get"


@pytest.fixture
def organizer(installation, client):
    return signed_in(client, accounts.Role.ORGANIZER)


def signed_in(client, role):
    accounts.ensure_roles()
    user = UserFactory(is_superuser=False)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    return user


def page_of(client, person):
    return client.get(reverse("people:inspect", args=[person.pk])).content.decode()


def line(person, state, reason="", **fields):
    number = Message.objects.count()
    message = MessageFactory(state=Message.State.SENT, name=f"Message {number}")
    return Delivery.objects.create(
        message=message, person=person, state=state, reason=reason, language="en", **{"value": ""} | fields
    )


def test_who_was_held_back_is_told_why_with_the_way_to_the_ledgers_answer(client, organizer):
    person, _reader = PersonFactory(name="Keisha Silva", email=True), PersonFactory(email=True, opted_in=True)
    message = MessageFactory(name="The vote")
    sending.start(message)
    html = page_of(client, person)
    assert TITLE in html
    assert "Held back: this address never said yes." in html
    link = unescape(re.search(r'<a href="([^"]*/ledger/[^"]*)">The vote</a>', html)[1])
    assert "keisha" not in link.casefold()
    assert person.primary_email.value not in link
    shown = client.get(link).context["lines"]
    assert [(found.person, found.reason) for found, _why in shown] == [(person, Reason.NO_CONSENT)]


def test_what_arrived_or_may_still_arrive_is_not_among_it(client, organizer):
    person = PersonFactory(email=True)
    for state in (State.QUEUED, State.SENDING, State.UNCERTAIN, State.SENT, State.DELIVERED):
        line(person, state)
    line(PersonFactory(), State.HELD, Reason.NO_CONSENT)
    assert TITLE not in page_of(client, person)
    line(person, State.BOUNCED)
    assert "Did not arrive: it bounced." in page_of(client, person)


def test_the_list_is_short_the_newest_first_and_costs_the_same(client, organizer):
    person = PersonFactory(name="", email=True)
    first = line(person, State.HELD, Reason.CAPPED, value="")

    def queries():
        with CaptureQueriesContext(connection) as caught:
            missing.panels(person, organizer)
        return len(caught)

    queries()  # permissions are read once
    once = queries()
    newer = [line(person, State.FAILED, value="ana@example.org") for _n in range(30)]
    assert queries() == once
    (panel,) = missing.panels(person, organizer)
    assert [row["words"] for row in panel["lines"]] == [each.message.name for each in newer[: -missing.SHOWN - 1 : -1]]
    assert first.message.name not in [row["words"] for row in panel["lines"]]


def test_nobody_is_told_what_the_ledger_would_not_tell_them(client, installation):
    person = PersonFactory(email=True)
    held = line(person, State.HELD, Reason.NO_CONSENT)
    editor = signed_in(client, accounts.Role.EDITOR)
    assert missing.panels(person, editor) == []
    organizer = signed_in(client, accounts.Role.ORGANIZER)
    assert len(missing.panels(person, organizer)) == 1
    broken = Segment.objects.create(name="Few may know", criteria={"all": [{"is": "field", "key": "gone"}]})
    held.message.included.add(broken)
    shown = client.get(reverse("messages:ledger", args=[held.message_id])).status_code == 200
    assert (len(missing.panels(person, organizer)) == 1) == shown
