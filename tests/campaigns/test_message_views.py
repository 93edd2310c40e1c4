"""The back office's pages about messages, from a blank page to who got it and who did not."""

import csv
import io

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import composing, sending
from campaigns.models import Choice, Delivery, Message
from coalition import accounts, consent
from coalition.models import Consent, Notice
from tests.factories import CampaignFactory, MessageFactory, PersonFactory, UserFactory

State = Delivery.State


def user_of(role, **fields):
    accounts.ensure_roles()
    user = UserFactory(is_superuser=False, **fields)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def organizer(installation, client):
    user = user_of(accounts.Role.ORGANIZER, first_name="Ana", last_name="Rosado")
    client.force_login(user)
    return user


@pytest.fixture
def readers(db):
    """Three who read English, two who read Spanish, one who never said yes, one who said stop."""
    people = [PersonFactory(email=True, phone=True, opted_in=True) for _n in range(3)]
    people += [PersonFactory(email=True, phone=True, opted_in=True, language="es") for _n in range(2)]
    silent = PersonFactory(email=True, given_name="Keisha", family_name="Silva")
    gone = PersonFactory(email=True, opted_in=True, given_name="Tomás", family_name="Peña")
    consent.withdraw("email", gone.primary_email.value, source=Consent.Source.PREFERENCES)
    return [*people, silent, gone]


def url(name, message, *args):
    return reverse(f"messages:{name}", args=[message.pk, *args])


def written(message, **changes):
    """What the compose page posts for a message as it stands."""
    data = {"name": message.name, "campaign": message.campaign_id, "segment": message.segment_id or ""}
    for content in message.contents.all():
        for field in ("subject", "preheader", "body", "action_label", "action_url"):
            data[f"{content.language}-{field}"] = getattr(content, field)
        if content.reviewed_at:
            data[f"{content.language}-reviewed"] = "on"
    choices = list(message.choices.all())
    data |= {"choices-TOTAL_FORMS": len(choices) + 1, "choices-INITIAL_FORMS": len(choices)}
    return data | changes


def texts_of(response):
    return [str(message).strip() for message in response.context["messages"]]


# Writing


def test_a_message_begins_with_its_frame_and_an_empty_text_in_every_language(client, organizer):
    campaign = CampaignFactory()
    data = {"channel": "phone", "name": "Will you call?", "campaign": campaign.pk, "segment": ""}
    response = client.post(reverse("messages:add"), data)
    message = Message.objects.get()
    assert (response.status_code, response.url) == (302, url("edit", message))
    assert (message.channel, message.name, message.created_by) == ("phone", "Will you call?", organizer)
    assert list(message.contents.order_by("language").values_list("language", "body")) == [("en", ""), ("es", "")]


def test_both_languages_are_kept_as_they_were_written(client, organizer):
    message = composing.begin(channel="email", name="Vote", campaign=CampaignFactory())
    data = written(
        message,
        name="The vote",
        **{
            "en-subject": "The vote\nis near",
            "en-body": "Dear {{ first_name }},\r\n\r\nCall today.",
            "en-action_label": "Read the brief",
            "en-action_url": "/en/briefs/reading/",
            "en-reviewed": "on",
            "es-subject": "Ya se vota",
            "es-body": "Hola, {{first_name}}:",
        },
    )
    response = client.post(url("edit", message), data, follow=True)
    assert texts_of(response) == ["Saved."]
    message.refresh_from_db()
    english, spanish = message.contents.order_by("language")
    assert message.name == "The vote"
    assert (english.subject, english.body) == ("The vote is near", "Dear {{ first_name }},\n\nCall today.")
    assert (english.action_label, english.action_url) == ("Read the brief", "/en/briefs/reading/")
    assert (english.reviewed_by, english.reviewed_at >= english.updated_at) == (organizer, True)
    assert (spanish.subject, spanish.body, spanish.reviewed_at) == ("Ya se vota", "Hola, {{first_name}}:", None)


def test_an_unknown_merge_field_is_refused_with_the_allowed_ones_and_nothing_is_lost(client, organizer):
    message = MessageFactory()
    before = list(message.contents.values_list("body", flat=True))
    response = client.post(url("edit", message), written(message, **{"es-body": "Hola, {{ nombre }}:", "name": "X"}))
    assert response.status_code == 422
    errors = response.context["errors"]
    assert [(id_, label) for id_, label, _error in errors] == [("id_es-body", "Spanish: Text")]
    assert errors[0][2].startswith(
        "Nobody can fill in {{ nombre }}. Use one of these: {{ first_name }}, {{ full_name }}"
    )
    assert "Hola, {{ nombre }}:" in response.content.decode()
    assert list(message.contents.values_list("body", flat=True)) == before
    message.refresh_from_db()
    assert message.name == "Vote on reading coaches"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"en-action_url": "javascript:alert(1)", "en-action_label": "Go"}, "id_en-action_url"),
        ({"en-action_url": "//evil.example.org", "en-action_label": "Go"}, "id_en-action_url"),
        ({"en-action_label": "Go"}, "id_en-action_url"),
        ({"en-action_url": "/en/"}, "id_en-action_label"),
        ({"en-body": "  ", "en-reviewed": "on"}, "id_en-reviewed"),
        ({"name": ""}, "id_name"),
    ],
)
def test_what_would_break_a_message_is_said_beside_its_field(client, organizer, changes, field):
    message = MessageFactory()
    response = client.post(url("edit", message), written(message, **changes))
    assert response.status_code == 422
    assert [id_ for id_, _label, _error in response.context["errors"]] == [field]


def test_L2_a_changed_text_loses_its_confirmation_although_the_box_is_still_ticked(client, organizer):
    message = MessageFactory()
    data = written(message, **{"es-body": "Hola: la votación es el jueves."})
    response = client.post(url("edit", message), data, follow=True)
    english, spanish = message.contents.order_by("language")
    assert english.reviewed_at is not None
    assert (spanish.body, spanish.reviewed_at, spanish.reviewed_by) == ("Hola: la votación es el jueves.", None, None)
    assert texts_of(response) == ["Saved.", "The Spanish text changed, so it has to be read and confirmed again."]
    client.post(url("edit", message), written(message, **{"es-reviewed": "on"}))
    spanish.refresh_from_db()
    assert spanish.reviewed_by == organizer


def test_a_confirmation_can_be_taken_back(client, organizer):
    message = MessageFactory()
    data = written(message)
    del data["en-reviewed"]
    client.post(url("edit", message), data)
    assert message.contents.get(language="en").reviewed_at is None


def choice(number, label, words, reply=""):
    return {
        f"choices-{number}-label_en": label,
        f"choices-{number}-label_es": f"{label} (es)",
        f"choices-{number}-words": words,
        f"choices-{number}-reply_en": reply,
        f"choices-{number}-reply_es": reply,
    }


def test_the_answers_a_text_asks_for_are_kept_changed_and_dropped(client, organizer):
    message = MessageFactory(channel="phone")
    client.post(url("edit", message), written(message, **choice(0, "Yes", "YES, SÍ,,1", "Thanks!")))
    kept = Choice.objects.get()
    assert (kept.label.data, kept.words, kept.reply.data) == (
        {"en": "Yes", "es": "Yes (es)"},
        "YES, SÍ, 1",
        {"en": "Thanks!", "es": "Thanks!"},
    )
    changed = choice(0, "Of course", "YES") | {"choices-0-pk": kept.pk} | choice(1, "No", "NO")
    client.post(url("edit", message), written(message, **changed))
    assert [(c.pk == kept.pk, str(c), c.words) for c in message.choices.all()] == [
        (True, "Of course", "YES"),
        (False, "No", "NO"),
    ]
    emptied = dict.fromkeys(choice(0, "", ""), "") | {"choices-0-pk": kept.pk}
    emptied |= choice(1, "No", "NO") | {"choices-1-pk": message.choices.last().pk}
    client.post(url("edit", message), written(message, **emptied))
    assert [str(c) for c in message.choices.all()] == ["No"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (choice(0, "Yes", "YES, 1") | {"choices-TOTAL_FORMS": 2} | choice(1, "No", "NO, yes"), "id_choices-1-words"),
        (choice(0, "Yes", ""), "id_choices-0-words"),
        (choice(0, "Stop it", "NO, ALTO"), "id_choices-0-words"),
        (choice(0, "Yes", "YES") | {"choices-0-label_es": ""}, "id_choices-0-label_es"),
    ],
)
def test_an_answer_needs_words_of_its_own_and_a_name_in_every_language(client, organizer, changes, field):
    message = MessageFactory(channel="phone")
    response = client.post(url("edit", message), written(message, **changes))
    assert response.status_code == 422
    assert [id_ for id_, _label, _error in response.context["errors"]] == [field]
    assert Choice.objects.count() == 0


def test_S8_the_characters_that_cost_are_named_while_somebody_types(client, organizer):
    message = MessageFactory(channel="phone")
    body = "Riverbend: la votación es el martes. " + "x" * 60 + " STOP"
    response = client.post(url("segments", message, "es"), {"es-body": body})
    cost = response.context["meter"]
    assert (cost["count"].encoding, cost["count"].segments, cost["count"].costly) == ("UCS-2", 2, ["ó"])
    assert (cost["cheaper"].encoding, cost["saved"], cost["added"]) == ("GSM-7", 1, False)
    assert client.post(url("segments", message, "fr"), {}).status_code == 404


def test_S13_the_cost_counts_our_name_and_the_way_to_stop(client, organizer):
    message = MessageFactory(channel="phone")
    cost = client.post(url("segments", message, "en"), {"en-body": "Vote on Tuesday."}).context["meter"]
    assert (cost["text"], cost["added"]) == ("Riverbend: Vote on Tuesday. Reply STOP to end.", True)


def test_the_words_are_fixed_once_sending_began(client, organizer, readers):
    message = MessageFactory()
    data = written(message, name="Another name")
    sending.start(message, by=organizer)
    response = client.post(url("edit", message), data)
    assert (response.status_code, response.url) == (302, url("inspect", message))
    message.refresh_from_db()
    assert message.name == "Vote on reading coaches"
    with pytest.raises(composing.Fixed):
        composing.write(message, contents={}, name="Another name")


def test_a_copy_has_the_same_words_and_answers_and_no_confirmation(client, organizer):
    message = MessageFactory(channel="phone")
    client.post(url("edit", message), written(message, **choice(0, "Yes", "YES")))
    response = client.post(url("copy", message))
    twin = Message.objects.latest("pk")
    assert response.url == url("edit", twin)
    assert (twin.name, twin.state) == ("Copy of Vote on reading coaches", Message.State.DRAFT)
    bodies = [list(m.contents.order_by("language").values_list("body", flat=True)) for m in (message, twin)]
    assert bodies[0] == bodies[1]
    assert set(twin.contents.values_list("reviewed_at", flat=True)) == {None}
    assert [c.words for c in twin.choices.all()] == ["YES"]


def test_only_a_draft_can_be_deleted(client, organizer, readers):
    sent, draft = MessageFactory(), MessageFactory()
    sending.start(sent, by=organizer)
    assert client.post(reverse("messages:delete", args=[sent.pk])).status_code == 404
    client.post(reverse("messages:delete", args=[draft.pk]))
    assert list(Message.objects.all()) == [sent]


# Checking


def test_the_check_page_says_who_would_get_it_and_who_not(client, organizer, readers):
    context = client.get(url("check", MessageFactory())).context
    assert context["problems"] == []
    assert [(row["language"], row["people"]) for row in context["estimate"]["languages"]] == [("en", 3), ("es", 2)]
    assert {row["reason"]: row["people"] for row in context["estimate"]["held"]} == {"no_consent": 1, "unsubscribed": 1}


def test_a_person_of_the_audience_is_shown_what_they_would_get(client, organizer, readers):
    reader = readers[3]
    message = MessageFactory()
    shown = client.get(url("check", message), {"person": reader.pk}).context["shown"]
    assert (shown.language, shown.rendered.subject) == ("es", "La votación es el martes")
    assert "Hola, Marisol" in shown.rendered.text
    sample = client.get(url("check", message), {"language": "es"}).context["shown"]
    assert sample.person == reader


def test_the_preview_can_run_load_and_send_nothing(client, organizer, readers):
    response = client.get(url("preview", MessageFactory()), {"language": "es"})
    assert "Hola, Marisol" in response.content.decode()
    policy = response["Content-Security-Policy"]
    assert policy == "default-src 'none'; img-src 'self' https: data:; style-src 'unsafe-inline'; sandbox"


def test_a_test_goes_to_whoever_asks_without_anybodys_personal_links(client, organizer, readers):
    message = MessageFactory()
    client.post(f"{url('try', message)}?person={readers[3].pk}")
    notice = Notice.objects.get()
    assert (notice.value, notice.language) == (organizer.email, "es")
    assert notice.subject == "[Prueba] La votación es el martes"
    assert "Hola, Marisol" in notice.text
    token = client.get(url("check", message), {"person": readers[3].pk}).context["shown"].rendered.headers
    link = token["List-Unsubscribe"].strip("<>").rsplit("/", 2)[-2]
    assert link not in notice.html + notice.text


def test_L2_an_unread_language_stands_in_the_way_until_somebody_answers_for_it(client, organizer, readers):
    message = MessageFactory()
    message.contents.filter(language="es").update(reviewed_at=None)
    assert client.get(url("check", message)).context["problems"] == [
        "Spanish: nobody has read and confirmed this text yet."
    ]
    response = client.post(url("send", message), {"total": "5"})
    assert (response.status_code, Delivery.objects.count()) == (409, 0)
    client.post(url("waive", message), {"reason": "The vote is tonight."})
    message.refresh_from_db()
    assert (message.waiver, message.waived_by) == ("The vote is tonight.", organizer)
    assert client.get(url("check", message)).context["problems"] == []
    client.post(url("waive", message), {"reason": ""})
    message.refresh_from_db()
    assert (message.waiver, message.waived_by) == ("", None)


def test_S7_quiet_time_is_said_before_texts_leave(client, organizer, readers, time_machine):
    message = MessageFactory(channel="phone")
    time_machine.move_to("2026-11-23T12:00:00-05:00", tick=False)  # a Monday
    client.force_login(organizer)
    assert client.get(url("check", message)).context["quiet_now"] is None
    time_machine.move_to("2026-11-23T21:00:00-05:00", tick=False)
    assert client.get(url("check", message)).context["quiet_now"] is not None


# Sending


def test_the_number_on_the_button_is_the_number_in_the_ledger(client, organizer, readers):
    message = MessageFactory()
    page = client.get(url("send", message))
    assert page.context["button"] == "Send to 5 people now"
    response = client.post(url("send", message), {"total": page.context["estimate"]["total"]})
    assert response.url == url("inspect", message)
    message.refresh_from_db()
    assert (message.state, message.started_by) == (Message.State.SENDING, organizer)
    states = list(message.deliveries.values_list("state", flat=True))
    assert (states.count("queued"), states.count("held")) == (5, 2)


def test_a_number_nobody_saw_is_not_sent_to(client, organizer, readers):
    message = MessageFactory()
    PersonFactory(email=True, opted_in=True)
    response = client.post(url("send", message), {"total": "5"})
    assert (response.status_code, response.context["button"]) == (409, "Send to 6 people now")
    assert Delivery.objects.count() == 0


def test_a_double_press_sends_once(client, organizer, readers):
    message = MessageFactory()
    client.post(url("send", message), {"total": "5"})
    response = client.post(url("send", message), {"total": "5"}, follow=True)
    assert texts_of(response)[-1] == "This message is already on its way. Nothing was sent twice."
    assert message.deliveries.count() == 7


def test_pause_go_on_and_cancel(client, organizer, readers):
    message = MessageFactory()
    sending.start(message, by=organizer)

    def press(what):
        client.post(url(what, message))
        message.refresh_from_db()
        return message.state

    assert press("pause") == Message.State.PAUSED
    assert press("pause") == Message.State.PAUSED
    assert press("resume") == Message.State.SENDING
    assert client.get(url("cancel", message)).context["figures"]["left"] == 5
    assert press("cancel") == Message.State.CANCELLED
    assert press("resume") == Message.State.CANCELLED
    assert list(message.deliveries.values_list("state", flat=True).distinct()) == ["held"]


def results_of_five(message, readers):
    """One of each fate for the five who were meant to get it."""
    fates = [State.DELIVERED, State.SENT, State.BOUNCED, State.UNCERTAIN, State.QUEUED]
    for reader, fate in zip(readers, fates, strict=False):
        message.deliveries.filter(person=reader).update(state=fate)


def test_results_count_everybody_once(client, organizer, readers):
    message = MessageFactory()
    sending.start(message, by=organizer)
    results_of_five(message, readers)
    context = client.get(url("inspect", message)).context
    assert context["figures"] == {
        "total": 7,
        "audience": 5,
        "held": 2,
        "left": 1,
        "done": 4,
        "sent": 2,
        "delivered": 1,
        "failed": 1,
        "uncertain": 1,
    }
    english, spanish = context["by_language"]
    assert (english["language"], english["sent"], english["failed"], english["held"]) == ("en", 2, 1, 2)
    assert (spanish["language"], spanish["sent"], spanish["uncertain"], spanish["left"]) == ("es", 0, 1, 1)
    assert sorted(label for label, _number, _url in context["held_back"]) == ["No consent", "Said stop"]


def test_who_said_stop_after_it_is_counted_by_language(client, organizer, readers):
    message = MessageFactory()
    sending.start(message, by=organizer)
    message.deliveries.filter(state="queued").update(state="delivered")
    consent.withdraw("email", readers[3].primary_email.value, source=Consent.Source.ONE_CLICK)
    rows = client.get(url("inspect", message)).context["by_language"]
    assert [(row["language"], row["stopped"], row["stopped_share"]) for row in rows] == [("en", 0, 0), ("es", 1, 50)]


def test_the_live_part_asks_again_only_while_sending(client, organizer, readers):
    message = MessageFactory()
    sending.start(message, by=organizer)
    assert 'hx-trigger="every 2s"' in client.get(url("progress", message)).content.decode()
    sending.pause(message)
    assert "hx-trigger" not in client.get(url("progress", message)).content.decode()


# The ledger


def lines_of(response):
    return [(str(line.person), line.state) for line, _why in response.context["lines"]]


def test_the_ledger_says_why_somebody_did_not_get_it(client, organizer, readers):
    message = MessageFactory()
    sending.start(message, by=organizer)
    found = client.get(url("ledger", message), {"q": "keisha"})
    assert [(str(line.person), str(why)) for line, why in found.context["lines"]] == [
        ("Keisha Silva", "Held back: this address never said yes.")
    ]
    assert lines_of(client.get(url("ledger", message), {"reason": "unsubscribed"})) == [("Tomás Peña", "held")]
    late = PersonFactory(given_name="Linh", family_name="Nguyen", email=True)
    absent = client.get(url("ledger", message), {"q": "linh"}).context["absent"]
    assert [(person, str(why).split(":")[0]) for person, why in absent] == [(late, "Not in the audience")]


def test_S11_an_uncertain_delivery_is_settled_by_somebody_once(client, organizer, readers):
    message = MessageFactory()
    sending.start(message, by=organizer)
    message.deliveries.filter(state="queued").update(state="uncertain")
    first, second = message.deliveries.filter(state="uncertain").order_by("pk")[:2]
    client.post(url("settle", message, first.pk), {"what": "arrived"})
    client.post(url("settle", message, second.pk), {"what": "resend"})
    states = dict(message.deliveries.filter(pk__in=[first.pk, second.pk]).values_list("pk", "state"))
    assert states == {first.pk: "sent", second.pk: "queued"}
    response = client.post(url("settle", message, first.pk), {"what": "resend"}, follow=True)
    assert texts_of(response)[-1] == "This one is settled already."
    other = MessageFactory()
    assert client.post(url("settle", other, first.pk), {"what": "resend"}).status_code == 404


def test_the_file_of_the_ledger_holds_no_formula(client, organizer, readers):
    message = MessageFactory()
    PersonFactory(name="=HYPERLINK(1)", email=True, opted_in=True)
    sending.start(message, by=organizer)
    response = client.get(url("export", message), {"state": "queued"})
    text = b"".join(response.streaming_content).decode()
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[0] == ["Name", "Address", "Language", "State", "Reason", "Why", "Changed"]
    assert [row[0] for row in rows[1:] if not row[0].startswith("Marisol")] == ["'=HYPERLINK(1)"]
    assert len(rows) == 7


# Who may


def test_without_the_permission_to_send_a_draft_can_be_written_and_not_sent(client, installation, readers):
    accounts.ensure_roles()
    writer = UserFactory(is_superuser=False)
    writer.user_permissions.add(
        *Permission.objects.filter(codename__in=["access_admin", "add_message", "change_message"])
    )
    client.force_login(writer)
    message = MessageFactory()
    assert client.post(url("edit", message), written(message, name="Changed")).status_code == 302
    for name in ("send", "waive", "pause", "resume", "cancel"):
        client.post(url(name, message), {"total": "5", "reason": "Because"})
    message.refresh_from_db()
    assert (message.name, message.state, message.waiver) == ("Changed", Message.State.DRAFT, "")
    assert Delivery.objects.count() == 0
    sending.start(message)
    for name in ("ledger", "export"):
        assert client.get(url(name, message)).status_code == 302  # Wagtail's way of refusing
    shown = client.get(url("check", message), {"person": readers[3].pk, "q": "Marisol"}).context["shown"]
    assert (shown.person.pk, shown.found) == (None, [])


def test_an_editor_drafts_a_message_and_neither_sends_it_nor_sees_who_gets_it(client, installation, readers):
    client.force_login(user_of(accounts.Role.EDITOR))
    begun = {"channel": "email", "name": "A draft", "campaign": CampaignFactory().pk, "segment": ""}
    assert client.post(reverse("messages:add"), begun).status_code == 302
    message = Message.objects.get()
    words = {f"{code}-{field}": "Words" for code in ("en", "es") for field in ("subject", "body")}
    assert client.post(url("edit", message), written(message) | words).status_code == 302
    assert sorted(message.contents.values_list("body", flat=True)) == ["Words", "Words"]
    for name in ("send", "waive", "pause", "resume", "cancel"):
        client.post(url(name, message), {"total": "5", "reason": "Because"})
    message.refresh_from_db()
    assert (message.state, message.waiver, Delivery.objects.count()) == (Message.State.DRAFT, "", 0)
    shown = client.get(url("check", message), {"person": readers[3].pk, "q": "Marisol"}).context["shown"]
    assert (shown.person.pk, shown.found) == (None, [])
    sending.start(MessageFactory())
    for name in ("ledger", "export"):
        assert client.get(url(name, Message.objects.latest("pk"))).status_code == 302  # Wagtail's way of refusing


def test_a_translator_changes_the_words_and_not_the_frame(client, installation):
    client.force_login(user_of(accounts.Role.TRANSLATOR))
    message = MessageFactory()
    client.post(url("edit", message), written(message, name="Changed", **{"es-body": "Otra cosa."}))
    message.refresh_from_db()
    assert message.name == "Vote on reading coaches"
    assert message.contents.get(language="es").body == "Otra cosa."


def test_whoever_has_nothing_to_do_with_messages_sees_none(client, installation):
    accounts.ensure_roles()
    visitor = UserFactory(is_superuser=False)
    visitor.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(visitor)
    message = MessageFactory()
    for name in ("edit", "check", "inspect", "send", "ledger"):
        assert client.get(url(name, message)).status_code == 302
    assert client.get(reverse("messages:index")).status_code == 302


# The list


def queries_of(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_the_list_asks_as_often_for_30_messages_as_for_one(client, organizer, readers):
    campaign, address = CampaignFactory(), reverse("messages:index")

    def add():
        message = MessageFactory(campaign=campaign)
        Delivery.objects.create(message=message, person=readers[0], value="a@example.org", language="en")

    add()
    once = queries_of(client, address)
    for _n in range(29):
        add()
    assert queries_of(client, address) == once
    rows = client.get(address).context["object_list"]
    assert [row.figures["left"] for row in rows] == [1] * 30


def test_the_list_is_searched_by_name_and_words_and_filtered(client, organizer):
    vote, call = MessageFactory(), MessageFactory(name="Will you call?", channel="phone")
    call.contents.filter(language="en").update(body="Pick up the phone.")

    def found(**query):
        return list(client.get(reverse("messages:index"), query).context["object_list"])

    assert found(q="reading coaches") == [vote]
    assert found(q="pick up") == [call]
    assert found(channel="phone") == [call]
    assert found(campaign=vote.campaign_id) == [vote]
    assert found(state="sent") == []
    assert found() == [call, vote]


def test_the_ledger_asks_as_often_for_30_people_as_for_one(client, organizer):
    message = MessageFactory()

    def add():
        person = PersonFactory(email=True, opted_in=True)
        Delivery.objects.create(
            message=message, person=person, value=person.primary_email.value, language="en", state=State.UNCERTAIN
        )

    add()
    Message.objects.filter(pk=message.pk).update(state=Message.State.SENT, started_at=timezone.now())
    addresses = [url("ledger", message), url("inspect", message)]
    once = [queries_of(client, address) for address in addresses]
    for _n in range(29):
        add()
    assert [queries_of(client, address) for address in addresses] == once
    assert len(client.get(addresses[0]).context["lines"]) == 30


def test_E2_an_email_without_our_postal_address_does_not_leave(client, organizer, readers, installation):
    installation.postal_address = " "
    installation.save()
    message = MessageFactory()
    said = ["The coalition's postal address is missing from its settings: every bulk email must show it."]
    assert client.get(url("check", message)).context["problems"] == said
    assert client.post(url("send", message), {"total": "5"}).status_code == 409
    assert Delivery.objects.count() == 0


def test_a_test_of_a_text_comes_as_an_email(client, organizer, readers):
    client.post(f"{url('try', MessageFactory(channel='phone'))}?language=en")
    notice = Notice.objects.get()
    assert (notice.channel, notice.subject) == ("email", "[Test] Vote on reading coaches")
    said = "Riverbend: Dear Marisol, the vote is on Tuesday. Reply STOP to end."
    assert notice.text.strip() == said
    assert said in notice.html
