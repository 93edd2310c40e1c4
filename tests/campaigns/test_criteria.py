"""What campaigns let a segment ask: who took part in what, in which time."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Answer, Choice, Delivery, Enrolment, Message, Registration, Series
from coalition import segments
from coalition.models import Entry
from tests import factories

pytestmark = pytest.mark.django_db


def ask(key, **values):
    tree = {"all": [{"is": key, "value": values}]}
    assert segments.problems(tree) == []
    return sorted(person.given_name for person in segments.matching(tree))


def said(key, **values):
    return segments.describe({"all": [{"is": key, "value": values}]})["parts"][0]["sentence"]


@pytest.fixture
def active():
    """Ana answered lately, Ben attended long ago, Cam is registered, Dia did nothing but get a message."""
    people = {name: factories.PersonFactory(given_name=name) for name in ("Ana", "Ben", "Cam", "Dia")}
    now = timezone.now()
    for name, kind, days in (("Ana", "answer", 5), ("Ben", "attendance", 200), ("Dia", "message", 5)):
        Entry.objects.create(person=people[name], kind=kind, text={"en": "x"}, at=now - timedelta(days=days))
    webinar = factories.WebinarFactory()
    for name, state in (("Cam", "registered"), ("Dia", "cancelled")):
        Registration.objects.create(webinar=webinar, person=people[name], language="en", state=state, nonce=name)
    return people


def test_who_acted_and_who_did_not_in_a_period(active):
    everything = ["signed", "answered", "registered", "attended"]
    assert ask("acted", acts=everything) == ["Ana", "Ben", "Cam"]
    assert ask("acted", acts=everything, when="within", days=30) == ["Ana", "Cam"]
    assert ask("acted", acts=everything, did="not") == ["Dia"]
    assert ask("acted", acts=everything, did="not", when="within", days=30) == ["Ben", "Dia"]
    assert ask("acted", acts=["attended"]) == ["Ben"]
    assert said("acted", acts=["answered", "attended"], when="within", days=30) == (
        "answered a message or attended a webinar in the last 30 days"
    )
    assert said("acted", acts=["signed"], did="not") == "did not sign a publication"


def test_e6_an_email_that_was_opened_is_no_act(active):
    acts = segments.criterion("acted").fields()["acts"].choices
    assert [key for key, _label in acts] == ["signed", "answered", "registered", "attended"]


def test_who_got_a_message_and_who_did_not(active):
    now = timezone.now()
    email = factories.MessageFactory(state="sent", started_at=now - timedelta(days=3))
    text = factories.MessageFactory(state="sent", channel="phone", started_at=now - timedelta(days=100))
    for message, name, state in (
        (email, "Ana", "delivered"),
        (email, "Ben", "bounced"),
        (text, "Ben", "sent"),
        (text, "Cam", "held"),
    ):
        Delivery.objects.create(message=message, person=active[name], value=name, language="en", state=state)
    assert ask("got") == ["Ana", "Ben"]
    assert ask("got", value=email.pk) == ["Ana"]
    assert ask("got", value=email.pk, did="not") == ["Ben", "Cam", "Dia"]
    assert ask("got", channel="phone") == ["Ben"]
    assert ask("got", when="within", days=30) == ["Ana"]
    assert ask("got", when="within", days=30, channel="phone") == []
    assert ask("got", did="not", when="within", days=30) == ["Ben", "Cam", "Dia"]
    assert said("got", did="not", when="within", days=30) == "did not get any message in the last 30 days"
    wrong = {"all": [{"is": "got", "value": {"value": email.pk, "channel": "phone"}}]}
    assert segments.problems(wrong) == ["Got a message, or did not: The message was not sent that way."]


def test_who_answered_what_in_a_period(active):
    message = factories.MessageFactory(channel="phone", state=Message.State.SENT)
    yes = Choice.objects.create(message=message, label="YES", words="YES")
    for name, days in (("Ana", 3), ("Ben", 90)):
        Answer.objects.create(
            message=message, person=active[name], choice=yes, at=timezone.now() - timedelta(days=days)
        )
    assert ask("answered", message=message.pk) == ["Ana", "Ben"]
    assert ask("answered", message=message.pk, when="within", days=30) == ["Ana"]
    assert ask("answered", choice=yes.pk, when="within", days=1) == []
    assert said("answered", choice=yes.pk) == f"answered “YES” to “{message}”"


def test_where_somebody_stands_in_a_series():
    series = Series.objects.create(name="Welcome", campaign=factories.CampaignFactory(), trigger="joined")
    other = Series.objects.create(name="Other", campaign=series.campaign, trigger="joined")
    for name, state in (("Ana", "active"), ("Ben", "done"), ("Cam", "acted"), ("Dia", None)):
        person = factories.PersonFactory(given_name=name)
        Enrolment.objects.create(
            series=series if state else other, person=person, state=state or "active", began_at=timezone.now()
        )
    assert ask("series", value=series.pk) == ["Ana", "Ben", "Cam"]
    assert ask("series", value=series.pk, place="active") == ["Ana"]
    assert ask("series", value=series.pk, place="done") == ["Ben"]
    assert ask("series", value=series.pk, place="acted") == ["Cam"]
    assert ask("series", value=series.pk, place="not") == ["Dia"]
    assert said("series", value=series.pk, place="done") == "went through the series “Welcome”"
