"""The first page of the back office: what waits, for whom; and a useful beginning."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Conversation, Delivery, InboundText
from coalition import accounts
from coalition.accounts import Role
from coalition.models import Import, Version
from coalition.models import Round as SignOnRound
from tests import factories

pytestmark = pytest.mark.django_db


def home(client, role):
    client.force_login(accounts.give_role(factories.UserFactory(is_superuser=False, first_name="Ivelisse"), role))
    response = client.get(reverse("wagtailadmin_home"))
    assert response.status_code == 200
    return response.content.decode()


def test_an_empty_coalition_says_what_to_do_first(client, installation):
    html = home(client, Role.ORGANIZER)
    assert "Begin here" in html
    for name in ("organizations:add", "imports:add", "segments:add"):
        assert reverse(name) in html


def test_nothing_waits_is_said_plainly(client, person):
    assert "Nothing waits for you" in home(client, Role.ORGANIZER)


@pytest.fixture
def waiting(installation):
    person = factories.PersonFactory(name="Zoraida Secreta", phone="+14135550142")
    now = timezone.now()
    conversation = Conversation.objects.create(
        number="+14135550142", person=person, language="es", last_at=now, waiting_since=now - timedelta(days=2)
    )
    InboundText.objects.create(
        sid="SM1",
        conversation=conversation,
        body="basta ya",
        kind="unclear",
        review_by=now.date() + timedelta(1),
        at=now,
    )
    draft = factories.MessageFactory(name="Vote on Tuesday")
    Delivery.objects.create(
        message=draft, person=person, value="zoraida@x.example.org", language="es", state="uncertain"
    )
    Import.objects.create(name="spring-list.csv", state=Import.State.RUNNING, rows=100, done=40)
    publication = factories.PublicationFactory()
    Version.objects.create(publication=publication, number=1, digest="0" * 64)
    SignOnRound.objects.create(publication=publication, deadline=now + timedelta(days=2))
    factories.WebinarFactory(capacity=40)


def test_an_organizer_sees_everything_that_waits(client, waiting):
    html = home(client, Role.ORGANIZER)
    for words in (
        "1 person waits for an answer",
        "1 text may mean stop",
        "1 delivery may have left",
        "Vote on Tuesday",
        "spring-list.csv",
        "40 of 100",
        "Every reader by third grade",
        "Voices from the field",
        "0 of 40",
    ):
        assert words in html
    assert "Nothing waits for you" not in html
    assert "Zoraida" not in html  # numbers lead to the lists; names stay there


@pytest.mark.parametrize(
    ("role", "hidden"),
    [
        (Role.ANALYST, ["waits for an answer", "may mean stop", "may have left", "spring-list.csv"]),
        (Role.EDITOR, ["waits for an answer", "may mean stop", "may have left", "spring-list.csv"]),
        (Role.TRANSLATOR, ["waits for an answer", "may mean stop", "may have left", "spring-list.csv"]),
    ],
)
def test_others_see_what_is_theirs(client, waiting, role, hidden):
    html = home(client, role)
    assert [words for words in hidden if words in html] == []
    assert "oraida" not in html
