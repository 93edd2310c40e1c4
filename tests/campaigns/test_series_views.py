"""The back office's pages about series: from an empty list to people on the ladder."""

from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from wagtail.models import ModelLogEntry
from wagtail.users.models import UserProfile

from campaigns import breaking
from campaigns.models import Message, MessageContent, Series
from campaigns.series import steering
from coalition.accounts import Role
from tests.campaigns.conftest import user_of
from tests.campaigns.test_message_views import texts_of
from tests.campaigns.test_series import build, later, reader, register, running, send_all
from tests.factories import CampaignFactory, WebinarFactory


def url(name, one, *args):
    return reverse(f"series:{name}", args=[one.pk, *args])


def test_an_empty_list_and_an_empty_series_say_what_comes_first(client, organizer):
    assert b"Begin a series" in client.get(reverse("series:index")).content
    page = client.get(url("inspect", build())).content.decode()
    assert "No steps yet" in page
    assert "Add the first step" in page
    assert "It can begin once nothing is missing." in page


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_page_opens_in_both_languages(client, organizer, language):
    UserProfile.objects.update_or_create(user=organizer, defaults={"preferred_language": language})
    draft, one = build(0, 24), running(0, 24)
    reader()
    send_all()
    step = draft.steps.first().pk
    pages = [reverse("series:index"), reverse("series:add")]
    pages += [url(name, draft) for name in ("inspect", "edit", "delete", "step_add")]
    pages += [url(name, draft, step) for name in ("step_change", "step_remove")]
    pages += [url(name, one) for name in ("inspect", "end", "people")]
    assert {page: client.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


def test_building_begins_with_what_begins_it_and_goes_on_to_the_words(client, organizer):
    webinar = WebinarFactory()
    data = {"name": "After the webinar", "campaign": CampaignFactory().pk, "trigger": "registered"}
    response = client.post(reverse("series:add"), data | {"webinar": webinar.pk, "stops_on_action": "on"})
    one = Series.objects.get()
    assert (response.url, one.webinar, one.created_by) == (url("inspect", one), webinar, organizer)
    data = {"channel": "email", "name": "Thanks", "wait": "2", "unit": "days"}
    response = client.post(url("step_add", one), data)
    step = one.steps.get()
    assert (response.url, step.wait_hours) == (reverse("messages:edit", args=[step.message_id]), 48)
    client.post(url("step_add", one), data | {"name": "Then", "wait": "5", "unit": "hours", "condition": "followed"})
    assert list(one.steps.values_list("position", "wait_hours", "condition")) == [(1, 48, ""), (2, 5, "followed")]


def test_what_does_not_belong_to_the_trigger_is_not_kept(client, organizer):
    data = {"name": "X", "campaign": CampaignFactory().pk, "trigger": "joined", "webinar": WebinarFactory().pk}
    client.post(reverse("series:add"), data)
    assert Series.objects.get().webinar is None


def test_a_series_about_not_acting_needs_its_message(client, organizer):
    data = {"name": "X", "campaign": CampaignFactory().pk, "trigger": "not_acted", "after_days": "3"}
    response = client.post(reverse("series:add"), data)
    assert response.status_code == 200
    assert "Choose the message that people did not act upon." in response.content.decode()
    assert Series.objects.count() == 0


def test_steps_move_by_a_button_and_go_after_a_question(client, organizer):
    draft = build(0, 24)
    one, two = draft.steps.all()
    client.post(url("step_down", draft, one.pk))
    assert list(draft.steps.values_list("pk", flat=True)) == [two.pk, one.pk]
    client.post(url("step_up", draft, one.pk))
    client.post(url("step_change", draft, two.pk), {"name": "New name", "wait": "3", "unit": "hours"})
    assert Message.objects.get(step=two).name == "New name"
    client.post(url("step_remove", draft, two.pk))
    assert list(draft.steps.values_list("pk", flat=True)) == [one.pk]


def test_it_begins_pauses_goes_on_and_ends_by_a_button_each(client, organizer):
    reader()
    draft = build(0)
    for name, said, state in (
        ("begin", "The series has begun: people enter it from now on.", "running"),
        ("begin", "It has begun already.", "running"),
        ("pause", "Paused. What is in hand just now still leaves.", "paused"),
        ("resume", "The series goes on.", "running"),
        ("end", "Ended. Nobody gets another message of it.", "ended"),
    ):
        response = client.post(url(name, draft), follow=True)
        draft.refresh_from_db()
        assert (texts_of(response), draft.state) == ([said], state)


def test_L2_what_is_missing_stands_beside_its_step_and_the_button_is_not_there(client, organizer):
    reader()
    draft = build(0)
    MessageContent.objects.filter(message__step__series=draft, language="en").update(reviewed_at=None)
    page = client.get(url("inspect", draft)).content.decode()
    assert "Step 1: one thing to do" in page
    assert "Begin this series" not in page
    response = client.post(url("begin", draft), follow=True)
    assert texts_of(response) == ["Something is still missing; it stands beside each step. Nothing has begun."]
    draft.refresh_from_db()
    assert draft.state == Series.State.DRAFT


def test_what_runs_cannot_be_rebuilt(client, organizer):
    one = running(0)
    step = one.steps.get()
    for name in ("step_up", "step_remove", "step_rewrite"):
        response = client.post(url(name, one, step.pk), follow=True)
        assert texts_of(response) == ["It is running: pause it first. Nothing was changed."]
    assert client.get(url("edit", one)).status_code == 302
    assert client.get(url("delete", one)).status_code == 404


@contextmanager
def begun_meanwhile(one):
    """Somebody else begins the series just before its row is locked; what the press did is undone with that."""
    quicker = [lambda: Series.objects.filter(pk=one.pk).update(state=Series.State.RUNNING)]

    def wrapper(execute, sql, params, many, context):
        if "FOR UPDATE" in sql and quicker:
            quicker.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


def test_what_somebody_begins_meanwhile_stays_as_it_is(client, organizer):
    draft = build(0)
    data = {"name": "Other", "campaign": draft.campaign_id, "trigger": "joined"}
    presses = [
        ("edit", [], data, "It has begun: what begins it stays as it is. Begin another series instead."),
        ("delete", [], {}, "It has begun meanwhile, so nothing was changed."),
        (
            "step_add",
            [],
            {"channel": "email", "name": "x", "wait": "1", "unit": "days"},
            "It is running: pause it first. Nothing was changed.",
        ),
        (
            "step_change",
            [draft.steps.get().pk],
            {"name": "x", "wait": "1", "unit": "days"},
            "It is running: pause it first. Nothing was changed.",
        ),
    ]
    for name, args, sent, said in presses:
        with begun_meanwhile(draft):
            response = client.post(url(name, draft, *args), sent, follow=True)
        assert (name, texts_of(response), response.redirect_chain) == (name, [said], [(url("inspect", draft), 302)])
        assert list(Series.objects.values_list("name", "steps__message__name")) == [("Welcome", "Step 1")]
    assert not ModelLogEntry.objects.filter(action__in=["wagtail.edit", "wagtail.delete"]).exists()


def test_new_words_of_a_paused_series_open_in_the_editor(client, organizer):
    one = running(0)
    steering.pause(one)
    old = one.steps.get().message
    response = client.post(url("step_rewrite", one, one.steps.get().pk))
    new = one.steps.get().message
    assert (response.url, new != old) == (reverse("messages:edit", args=[new.pk]), True)


def test_a_message_of_a_series_leads_back_to_it_and_has_no_send_button(client, organizer):
    draft = build(0)
    response = client.get(reverse("messages:edit", args=[draft.steps.get().message_id]))
    assert url("inspect", draft) in response.content.decode()
    assert [link for name, _label, link in response.context["steps"] if name == "send"] == [None]


def test_a_message_of_a_series_is_neither_deleted_nor_tested_by_itself(client, organizer):
    message = build(0).steps.get().message
    listed = client.get(reverse("messages:index")).content.decode()
    assert reverse("messages:delete", args=[message.pk]) not in listed
    assert client.post(reverse("messages:delete", args=[message.pk])).status_code == 404
    assert client.get(reverse("messages:test", args=[message.pk])).status_code == 404


def test_who_is_in_it_is_for_those_who_may_see_people(client, organizer):
    one = running(0, 24)
    person = reader(given_name="Xiomara")
    send_all()
    page = client.get(url("people", one)).content.decode()
    assert str(person) in page
    assert "1 of 2 steps behind them" in page
    assert "Nobody here" in client.get(url("people", one) + "?state=acted").content.decode()
    client.force_login(user_of(Role.EDITOR))
    assert client.get(url("people", one)).status_code in (302, 403)
    assert str(person) not in client.get(url("inspect", one)).content.decode()


def test_the_ladder_says_how_many_a_condition_passed_over(client, organizer):
    one = running(0, (24, "followed"))
    reader()
    send_all()
    assert "passed over" not in client.get(url("inspect", one)).content.decode()
    later(24)
    send_all()
    assert "<b>1</b> passed over by its condition" in client.get(url("inspect", one)).content.decode()


def test_only_who_may_send_begins_or_ends(client, organizer):
    draft = build(0)
    client.force_login(user_of(Role.EDITOR))
    for name in ("begin", "end", "step_add", "edit"):
        assert client.post(url(name, draft)).status_code in (302, 403)
    draft.refresh_from_db()
    assert (draft.state, draft.steps.count()) == (Series.State.DRAFT, 1)


def test_a_draft_goes_with_its_messages(client, organizer):
    draft = build(0, 24)
    client.post(url("delete", draft))
    assert (Series.objects.count(), Message.objects.count()) == (0, 0)


def test_the_ladder_shows_why_the_breaker_stopped_it(client, organizer, installation):
    installation.breaker_after = 20
    installation.save()
    one = running(0, 24)
    for _n in range(25):
        reader()
    send_all()
    message, other = [step.message for step in one.steps.all()]
    message.deliveries.update(state="bounced")
    assert breaking.trip(message)
    other.refresh_from_db()
    assert (other.state, other.paused_because) == ("paused", "")
    with CaptureQueriesContext(connection) as asked:
        page = client.get(url("inspect", one)).content.decode()
    assert len([query for query in asked if "coalition_consent c" in query["sql"]]) == 1  # the breaker's figures
    assert "Stopped by itself: too many of these messages bounce." in page
    assert "25 left, 25 bounced" in page
    client.post(url("resume", one))
    one.refresh_from_db()
    for each in (message, other):
        each.refresh_from_db()
        assert (one.state, each.state, each.paused_because) == ("running", "running", "")
    assert (message.judged_from is None, other.judged_from is None) == (False, True)
    assert not breaking.trip(message)


def test_the_list_counts_steps_and_people_by_themselves(client, organizer):
    running(0, 24)
    people = [reader() for _n in range(3)]
    send_all()
    register(people[0])
    send_all()
    with CaptureQueriesContext(connection) as asked:
        page = client.get(reverse("series:index")).content.decode()
    assert ("2 steps" in page, "2 on the way, 1 acted" in page) == (True, True)
    assert [query for query in asked if 'JOIN "campaigns_enrolment"' in query["sql"]] == []


def queries(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


def test_the_pages_ask_as_much_of_thirty_as_of_one(client, organizer):
    one = running(0)
    register(reader())
    send_all()
    few = [queries(client, page) for page in (reverse("series:index"), url("people", one))]
    for number in range(29):
        Series.objects.create(name=f"Series {number}", campaign=one.campaign, trigger="joined")
        reader()
    send_all()
    assert [queries(client, page) for page in (reverse("series:index"), url("people", one))] == few
