"""The page on which a message is checked, waived, and read by a second person."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from campaigns import approving, composing, tasks
from campaigns.models import LinkCheck, Message
from coalition import accounts
from coalition.models import Installation, Notice, Segment
from tests.factories import MessageFactory, PersonFactory, UserFactory


def user_of(role, **fields):
    accounts.ensure_roles()
    user = UserFactory(is_superuser=False, last_name="", **fields)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def ana(installation, client):
    user = user_of(accounts.Role.ORGANIZER, first_name="Ana")
    client.force_login(user)
    return user


@pytest.fixture
def ben(installation):
    return user_of(accounts.Role.ORGANIZER, first_name="Ben")


@pytest.fixture
def message(ana):
    for language in ("en", "es"):
        PersonFactory(email=True, opted_in=True, language=language)
    message = MessageFactory(created_by=ana)
    message.contents.update(preheader="Today", written_by=ana)
    return message


def url(name, message):
    return reverse(f"messages:{name}", args=[message.pk])


def buttons(*addresses):
    return [
        {"id": f"b{n}", "type": "button", "value": {"label": "Go", "url": address}}
        for n, address in enumerate(addresses)
    ]


def said(response):
    return [str(message).strip() for message in response.context["messages"]]


def actions(message):
    found = ModelLogEntry.objects.filter(object_id=message.pk).order_by("pk")
    return [(entry.action, entry.user) for entry in found]


def test_a_message_that_is_ready_says_so_first(client, message):
    response = client.get(url("check", message))
    assert (response.context["stopping"], response.context["warning"], response.context["checks"]) == (0, 0, [])
    page = response.content.decode()
    assert page.index("Ready to be sent") < page.index("What was looked at")
    assert url("send", message) in page


def test_each_reason_leads_to_where_it_is_mended(client, message):
    message.contents.filter(language="es").update(reviewed_at=None, preheader="")
    Installation.objects.update(postal_address="")
    blocks = [{"id": "b7", "type": "picture", "value": {"src": "https://example.org/p.png", "alt": "Desk", "url": ""}}]
    message.contents.update(blocks=blocks)
    rows = client.get(url("check", message)).context["checks"]
    found = {row["check"].key: [address for _reason, address in row["reasons"]] for row in rows}
    edit = url("edit", message)
    assert found["languages"] == [f"{edit}#id_es-reviewed"]
    assert found["subject"] == [f"{edit}#id_es-preheader"]
    assert found["pictures"] == [f"{edit}#block-b7-section"]
    assert found["address"] == [""]  # an organizer may not change the coalition's settings


def test_A3_a_partisan_word_is_answered_for_by_name_and_the_record_says_so(client, ana, message):
    message.contents.filter(language="en").update(subject="A Republican senator answers")
    assert client.get(url("check", message)).context["stopping"] == 1
    client.post(url("waive", message), {"check": "partisan", "reason": "A school board's non-partisan forum."})
    response = client.get(url("check", message))
    assert (response.context["stopping"], response.context["warning"]) == (0, 1)
    assert "Ana allows it since" in response.content.decode()
    assert actions(message) == [("campaigns.waive", ana)]


@pytest.mark.parametrize("key", ["address", "ways_out", "approval", "nonsense"])
def test_E2_what_the_law_asks_for_cannot_be_waived(client, message, key):
    client.post(url("waive", message), {"check": key, "reason": "Now!"})
    assert list(message.waivers.all()) == []


# Links


def test_links_are_asked_in_the_background_and_the_page_fills_itself(client, message):
    message.contents.update(blocks=buttons("/healthz", "/no/such/page/"))
    page = client.get(url("check", message)).content.decode()
    assert f'hx-get="{url("links", message)}" hx-trigger="every 2s"' in page
    assert "2 addresses are being asked." in page
    tasks.check_links()
    fragment = client.get(url("links", message)).content.decode()
    assert "There is no such page (404)" in fragment
    assert 'id="standing"' in fragment
    assert "hx-trigger" not in fragment
    LinkCheck.objects.update(status=200)
    assert "2 addresses answer." in client.get(url("links", message)).content.decode()
    client.post(url("links", message))
    assert "2 addresses are being asked." in client.get(url("links", message)).content.decode()


# A second pair of eyes


def test_a_colleague_is_asked_reads_and_approves(client, ana, ben, message):
    Installation.objects.update(second_reader=True)
    response = client.post(url("ask", message), {"reader": ben.pk}, follow=True)
    assert said(response) == ["Ben gets an email with the link to this page."]
    assert response.context["problems"] == ["Ben was asked and has not answered yet."]
    assert "answer_form" not in response.context
    assert Notice.objects.get().value == ben.email
    client.force_login(ben)
    page = client.get(url("check", message))
    assert page.context["asked_of_me"] is True
    seen = page.context["answer_form"].initial["seen"]
    response = client.post(url("answer", message), {"does": "approve", "note": "", "seen": seen}, follow=True)
    assert said(response) == ["Approved. It can be sent."]
    assert (response.context["problems"], response.context["approval"].by) == ([], ben)
    assert actions(message) == [("campaigns.ask_approval", ana), ("campaigns.approve", ben)]
    assert [(str(what), who) for what, who, _at in response.context["history"]] == [
        ("Approved by a second reader", "Ben"),
        ("A colleague asked to read it", "Ana"),
    ]


def test_a_message_is_sent_back_with_a_note_only(client, ben, message):
    client.force_login(ben)
    seen = {"seen": client.get(url("check", message)).context["answer_form"].initial["seen"]}
    response = client.post(url("answer", message), {"does": "send_back", "note": " "} | seen)
    assert (response.status_code, response.context["answer_form"].errors) == (
        422,
        {"note": ["Write what has to be changed."]},
    )
    response = client.post(url("answer", message), {"does": "send_back", "note": "Say when."} | seen, follow=True)
    assert said(response) == ["Sent back with your note."]
    assert "Say when." in response.content.decode()


def test_whoever_wrote_last_cannot_approve_by_any_way(client, ana, message):
    assert client.post(url("answer", message), {"does": "approve"}).url == "/admin/"
    client.post(url("ask", message), {"reader": ana.pk})
    assert approving.standing(Message.objects.get()).state == ""
    assert list(Notice.objects.all()) == []


def test_what_changed_while_it_was_read_has_to_be_read_again(client, ana, ben, message):
    client.force_login(ben)
    seen = client.get(url("check", message)).context["answer_form"].initial["seen"]
    composing.write(message, contents={"en": {"subject": "The vote moved"}}, by=ana)
    response = client.post(url("answer", message), {"does": "approve", "seen": seen}, follow=True)
    assert said(response) == ["It changed while you were reading. Please look at it again."]
    assert response.context["approval"].state == ""


def test_the_list_shows_what_waits_for_approval(client, ben, message):
    MessageFactory(name="Another")
    approving.ask(message, of=ben, by=None)
    page = client.get(reverse("messages:index"), {"approval": "waits"})
    assert [row.name for row in page.context["object_list"]] == [message.name]
    assert len(client.get(reverse("messages:index")).context["object_list"]) == 2


def test_the_first_page_says_what_somebody_is_asked_to_read(client, ana, ben, message):
    approving.ask(message, of=ben, by=ana)
    page, check = reverse("wagtailadmin_home"), url("check", message)
    assert check not in client.get(page).content.decode()
    client.force_login(ben)
    assert check in client.get(page).content.decode()
    approving.approve(message, by=ben)
    assert check not in client.get(page).content.decode()


@pytest.mark.parametrize("name", ["check", "links"])
def test_nobody_without_a_part_in_messages_sees_the_page(client, message, name):
    client.force_login(UserFactory(is_superuser=False))
    assert client.get(url(name, message)).status_code in (302, 403)


def test_nobody_is_asked_for_a_name_in_an_audience_that_they_may_not_see(client, message):
    page = client.get(url("check", message)).content.decode()
    message.included.add(Segment.objects.create(name="Secret", criteria={"all": [{"is": "constituency", "value": []}]}))
    sealed = client.get(url("check", message)).content.decode()
    assert ["Find a person" in page, "Find a person" in sealed] == [True, False]


def test_the_page_asks_once_which_languages_its_audience_reads(client, message):
    with CaptureQueriesContext(connection) as queries:
        client.get(url("check", message))
    languages = 'SELECT DISTINCT "coalition_person"."language"'
    assert sum(query["sql"].startswith(languages) for query in queries) == 1


def test_the_page_asks_as_often_for_thirty_links_as_for_one(client, message):
    counts = []
    for number in (1, 30):
        message.contents.update(blocks=buttons(*[f"https://example.org/{n}" for n in range(number)]))
        client.get(url("check", message))
        LinkCheck.objects.update(answered_at=timezone.now(), status=404)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(url("check", message))
        counts.append(len(queries))
    assert counts[0] == counts[1]
