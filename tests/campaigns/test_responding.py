"""What is an act: one rule for results, tests of wordings and series (rule E6)."""

from datetime import timedelta

import pytest
from django.db.models import OuterRef
from django.utils import timezone

from campaigns import responding, results
from campaigns.models import Answer, Message, MessageContent
from tests.campaigns.test_reporting import follow, got, register
from tests.campaigns.test_series import endorse, round_, sign  # noqa: F401
from tests.factories import MessageFactory, WebinarFactory


def by_series(message):
    """Who acted on it as a series would say, among all who got it."""
    asked = responding.asked_by(message)
    acted = responding.did(asked, person=OuterRef("person"), since=OuterRef("sent_at"))
    return set(message.deliveries.filter(acted).values_list("person__name", flat=True))


def by_results(message):
    return set(results.acted(message).values_list("person__name", flat=True))


def answer(message, person):
    choice = message.choices.create(label="YES", words="YES")
    Answer.objects.create(message=message, person=person, choice=choice, at=timezone.now())


ANYTHING = {"signed what it asks", "endorsed", "seat elsewhere", "seat asked for", "answered"}


@pytest.mark.parametrize(
    ("asks", "acted"),
    [
        ([], ANYTHING),
        (["action"], {"signed what it asks", "endorsed", "answered"}),
        (["event"], {"seat asked for", "answered"}),
        (["action", "event"], ANYTHING - {"seat elsewhere"}),
    ],
    ids=["nothing", "signature", "seat", "both"],
)
def test_E6_results_and_series_count_the_same_acts(installation, round_, asks, acted):  # noqa: F811
    webinar, other = WebinarFactory(), MessageFactory()
    message = MessageFactory(state=Message.State.SENT, started_at=timezone.now() - timedelta(hours=1))
    blocks = {
        "action": {"type": "action", "value": {"round": round_[0].pk}},
        "event": {"type": "event", "value": {"webinar": webinar.pk}},
    }
    MessageContent.objects.filter(message=message).update(blocks=[blocks[kind] for kind in asks])
    who = {}
    for name in [*sorted(ANYTHING), "idle", "followed a link", "answered another", "took it back", "before"]:
        delivery = who[name] = got(message)
        delivery.person.name = name
        delivery.person.save()
    sign(who["signed what it asks"].person, round_)
    endorse(who["endorsed"].person, round_)
    endorse(who["took it back"].person, round_, withdrawn_at=timezone.now())
    register(who["seat elsewhere"])
    register(who["seat asked for"], webinar)
    register(who["before"], webinar, minutes=-5)
    follow(who["followed a link"])
    answer(message, who["answered"].person)
    answer(other, who["answered another"].person)
    assert (by_results(message), by_series(message)) == (acted, acted)
