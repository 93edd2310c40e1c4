"""The back office's pages about messages, from a blank page to who got it and who did not."""

import csv
import io
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import PIL.Image
import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.core.files.images import ImageFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from wagtail.images import get_image_model
from wagtail.models import Collection

from campaigns import composing, sending
from campaigns.models import Choice, Delivery, Message
from campaigns.views import results
from coalition import accounts, consent
from coalition.models import Consent, Notice, Segment
from coalition.views import searching
from tests.campaigns import letters
from tests.campaigns.conftest import user_of
from tests.coalition.searches import naming
from tests.factories import CampaignFactory, MessageFactory, PersonFactory, UserFactory, blocks_of

State = Delivery.State


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


def test_a_buttons_address_leads_whoever_signed_in_anew_to_its_page(client, organizer):
    message = MessageFactory()
    found = {name: client.get(url(name, message)).url for name in ("try", "copy", "waive", "ask", "undo", "allow")}
    found["segments"] = client.get(url("segments", message, "en")).url
    pages = dict.fromkeys(("try", "copy", "waive", "ask"), "check") | {"undo": "send", "allow": "send"}
    assert found == {name: url(page, message) for name, page in (pages | {"segments": "edit"}).items()}


def written(message, **changes):
    """What the compose page posts for a message as it stands."""
    data = {
        "name": message.name,
        "campaign": message.campaign_id,
        "included": [segment.pk for segment in message.included.all()],
    }
    for content in message.contents.all():
        for field in ("sender", "subject", "preheader", "body"):
            data[f"{content.language}-{field}"] = getattr(content, field)
        if content.reviewed_at:
            data[f"{content.language}-reviewed"] = "on"
    choices = list(message.choices.all())
    data |= {"choices-TOTAL_FORMS": len(choices) + 1, "choices-INITIAL_FORMS": len(choices)}
    if message.channel == "email":
        data |= letters.posted(message)
    return data | changes


def texts_of(response):
    return [str(message).strip() for message in response.context["messages"]]


# Writing


def test_a_message_begins_with_its_frame_and_an_empty_text_in_every_language(client, organizer):
    campaign = CampaignFactory()
    data = {"channel": "phone", "name": "Will you call?", "campaign": campaign.pk}
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
            "en-reviewed": "on",
            "es-subject": "Ya se vota",
            **letters.block(0, "text", html_en=letters.rich("Dear {{ first_name }},"), html_es=letters.rich("Hola:")),
            **letters.block(1, "button", label_en="Read it", url_en="/en/briefs/", label_es="Leer", url_es="/es/"),
            "blocks-count": "2",
        },
    )
    response = client.post(url("edit", message), data, follow=True)
    assert texts_of(response) == ["Saved."]
    message.refresh_from_db()
    english, spanish = message.contents.order_by("language")
    assert message.name == "The vote"
    assert (english.subject, english.blocks) == (
        "The vote is near",
        [
            {"id": "b0", "type": "text", "value": {"html": "<p>Dear {{ first_name }},</p>"}},
            {"id": "b1", "type": "button", "value": {"label": "Read it", "url": "/en/briefs/"}},
        ],
    )
    assert (english.reviewed_by, english.reviewed_at >= english.updated_at) == (organizer, True)
    assert (spanish.subject, spanish.reviewed_at) == ("Ya se vota", None)
    assert [block["value"] for block in spanish.blocks] == [{"html": "<p>Hola:</p>"}, {"label": "Leer", "url": "/es/"}]


def test_an_unknown_merge_field_is_refused_with_the_allowed_ones_and_nothing_is_lost(client, organizer):
    message = MessageFactory()
    before = list(message.contents.values_list("blocks", flat=True))
    typed = {"blocks-0-value-html_es": letters.rich("Hola, {{ nombre }}:"), "name": "X"}
    response = client.post(url("edit", message), written(message, **typed))
    assert response.status_code == 422
    errors = response.context["errors"]
    assert [(id_, label) for id_, label, _error in errors] == [("blocks-0-value-html_es", "Text 1, Text (Spanish)")]
    assert errors[0][2].startswith(
        "Nobody can fill in {{ nombre }}. Use one of these: {{ first_name }}, {{ full_name }}"
    )
    assert "Hola, {{ nombre }}:" in response.content.decode()
    assert list(message.contents.values_list("blocks", flat=True)) == before
    message.refresh_from_db()
    assert message.name == "Vote on reading coaches"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        (letters.block(0, "button", url_en="javascript:alert(1)"), ["blocks-0-value-url_en"]),
        (letters.block(0, "button", url_es="//evil.example.org"), ["blocks-0-value-url_es"]),
        (letters.block(0, "button", url_es="http://example.org/"), ["blocks-0-value-url_es"]),
        (letters.block(0, "button", label_en="{{ first_name"), ["blocks-0-value-label_en"]),
        (letters.block(0, "heading", text_en="{% for x in y %}{{ x }}"), ["blocks-0-value-text_en"]),
        (letters.block(0, "text", html_en=letters.rich("")), ["id_en-reviewed", "id_es-reviewed"]),
        ({"en-subject": "{{ nickname }}"}, ["id_en-subject"]),
        ({"name": ""}, ["id_name"]),
    ],
)
def test_what_would_break_a_message_is_said_beside_its_field(client, organizer, changes, fields):
    message = MessageFactory()
    response = client.post(url("edit", message), written(message, **changes))
    assert response.status_code == 422
    assert [id_ for id_, _label, _error in response.context["errors"]] == fields


def test_L2_a_changed_text_loses_its_confirmation_although_the_box_is_still_ticked(client, organizer):
    message = MessageFactory()
    data = written(message, **{"blocks-0-value-html_es": letters.rich("La votación es el jueves.")})
    response = client.post(url("edit", message), data, follow=True)
    english, spanish = message.contents.order_by("language")
    assert english.reviewed_at is not None
    assert (spanish.words, spanish.reviewed_at, spanish.reviewed_by) == ("La votación es el jueves.", None, None)
    assert texts_of(response) == ["Saved.", "The Spanish text changed, so it has to be read and confirmed again."]
    client.post(url("edit", message), written(message, **{"es-reviewed": "on"}))
    spanish.refresh_from_db()
    assert spanish.reviewed_by == organizer


@pytest.mark.parametrize("text", ["The vote is near. ", " The  vote is near.", "The vote\nis near. "])
def test_L2_a_space_too_many_is_no_change_the_next_time(client, organizer, text):
    message = MessageFactory()
    typed = {f"blocks-0-value-html_{code}": letters.rich(text) for code in ("en", "es")}
    client.post(url("edit", message), written(message, **typed), follow=True)
    composing.write(message, contents={"en": {"reviewed": True}}, by=organizer)
    assert texts_of(client.post(url("edit", message), written(message), follow=True)) == ["Saved."]
    assert message.contents.get(language="en").reviewed_by == organizer


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


def test_a_message_begins_with_the_words_of_a_template(client, organizer):
    template = composing.copy(MessageFactory(), name="Alert", by=organizer, template=True)
    other = CampaignFactory()
    data = {"channel": "email", "name": "The vote", "campaign": other.pk, "start_from": template.pk}
    response = client.post(reverse("messages:add"), data)
    message = Message.objects.latest("pk")
    assert response.url == url("edit", message)
    assert (message.name, message.campaign, message.is_template) == ("The vote", other, False)
    assert [(c.words, c.reviewed_at) for c in message.contents.order_by("language")] == [
        ("Dear {{ first_name }}, the vote is on Tuesday.", None),
        ("Hola, {{ first_name }}: la votación es el martes.", None),
    ]
    refused = client.post(reverse("messages:add"), data | {"channel": "phone"})
    assert list(refused.context["form"].errors) == ["start_from"]


@pytest.mark.parametrize("forged", ["abc", "-1", "9" * 30, "²"])
def test_a_forged_model_begins_a_blank_page(client, organizer, forged):
    assert client.get(reverse("messages:add"), {"from": forged}).context["form"].initial["start_from"] is None


def test_a_block_with_a_number_that_no_page_gave_is_refused(client, organizer):
    message = MessageFactory()
    data = written(message)
    (field,) = [name for name in data if name.endswith("-0-id")]
    assert client.post(url("edit", message), data | {field: "a b"}).status_code == 400


def test_a_variant_is_edited_for_itself(client, organizer):
    message = MessageFactory()
    assert composing.add_variant(message, by=organizer) == "b"
    data = written(message, **{"blocks-0-value-html_en": letters.rich("B"), "en-subject": "Bee"})
    response = client.post(f"{url('edit', message)}?variant=b", data)
    assert response.url == f"{url('edit', message)}?variant=b"
    said = {(c.variant, c.language): (c.subject, c.words) for c in message.contents.filter(language="en")}
    assert said == {
        ("a", "en"): ("The vote is Tuesday", "Dear {{ first_name }}, the vote is on Tuesday."),
        ("b", "en"): ("Bee", "B"),
    }
    assert client.get(f"{url('edit', message)}?variant=c").status_code == 404


# Two at once


def opened(client, message):
    """What the compose page would post unchanged, with how the message stood when it was opened."""
    seen = client.get(url("edit", message)).context["seen"]
    return written(message) | dict(seen)


def test_who_writes_one_language_keeps_what_somebody_else_wrote_in_the_other_meanwhile(client, organizer):
    message, other = MessageFactory(), UserFactory()
    segment = Segment.objects.create(name="East")
    page = opened(client, message)
    words = {"en": {"subject": "Vote tonight", "reviewed": True}}
    composing.write(message, contents=words, included=[segment], by=other)
    assert texts_of(client.post(url("edit", message), page | {"es-subject": "Se vota hoy"}, follow=True))[0] == "Saved."
    english, spanish = message.contents.order_by("language")
    assert (english.subject, english.reviewed_by) == ("Vote tonight", None)
    assert (spanish.subject, spanish.written_by) == ("Se vota hoy", organizer)
    assert list(message.included.all()) == [segment]


def test_two_who_change_the_same_words_are_told_and_nobodys_words_are_lost(client, organizer):
    message, other = MessageFactory(), UserFactory(first_name="Marta", last_name="Ruiz")
    page = opened(client, message)
    composing.write(message, contents={"es": {"subject": "Se vota mañana"}, "en": {"subject": "Tomorrow"}}, by=other)
    response = client.post(url("edit", message), page | {"es-subject": "Se vota hoy"})
    assert response.status_code == 409
    assert [(str(what), who) for what, who in response.context["meanwhile"]] == [("Spanish", other)]
    assert "Se vota hoy" in response.content.decode()
    stands = message.contents.order_by("language").values_list("subject", flat=True)
    assert list(stands) == ["Tomorrow", "Se vota mañana"]
    # Saved once more, knowing it: theirs is replaced, and what only they changed still stays.
    again = page | dict(response.context["seen"]) | {"es-subject": "Se vota hoy"}
    assert client.post(url("edit", message), again).status_code == 302
    assert list(stands.all()) == ["Tomorrow", "Se vota hoy"]


def test_nobody_loses_an_audience_or_an_answer_that_somebody_else_changed_meanwhile(client, organizer):
    message, segment = MessageFactory(channel="phone"), Segment.objects.create(name="East")
    page = opened(client, message)
    answer = {"label": {"en": "Yes", "es": "Sí"}, "words": "YES", "reply": {"en": "", "es": ""}}
    composing.write(message, contents={}, name="Renamed", excluded=[segment], choices=[answer | {"pk": None}])
    both = page | choice(0, "No", "NO") | {"name": "Another name"}
    response = client.post(url("edit", message), both | {"choices-TOTAL_FORMS": 1})
    assert (response.status_code, [who for _what, who in response.context["meanwhile"]]) == (409, [None, None])
    message.refresh_from_db()
    assert (message.name, list(message.excluded.all()), message.choices.count()) == ("Renamed", [segment], 1)


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


def test_the_check_page_shows_where_replies_go(client, organizer, readers, settings):
    message = MessageFactory()

    def replies():
        return dict(client.get(url("check", message)).context["headers"]).get("Reply-To")

    assert replies() is None
    settings.EMAIL_REPLY_TO = "replies@in.riverbend.example.org"
    assert replies() == "replies@in.riverbend.example.org"


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
    client.post(url("waive", message), {"check": "languages", "reason": "The vote is tonight."})
    message.refresh_from_db()
    assert [(w.check_key, w.reason, w.by) for w in message.waivers.all()] == [
        ("languages", "The vote is tonight.", organizer)
    ]
    assert client.get(url("check", message)).context["problems"] == []
    client.post(url("waive", message), {"check": "languages", "reason": ""})
    message.refresh_from_db()
    assert list(message.waivers.all()) == []


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
    found = client.post(url("ledger", message), {"q": "keisha"}, follow=True)
    assert [(str(line.person), str(why)) for line, why in found.context["lines"]] == [
        ("Keisha Silva", "Held back: this address never said yes.")
    ]
    assert lines_of(client.get(url("ledger", message), {"reason": "unsubscribed"})) == [("Tomás Peña", "held")]
    late = PersonFactory(given_name="Linh", family_name="Nguyen", email=True)
    absent = client.post(url("ledger", message), {"q": "linh"}, follow=True).context["absent"]
    assert [(person, str(why).split(":")[0]) for person, why in absent] == [(late, "Not in the audience")]


def test_no_name_that_is_looked_for_stands_in_an_address(client, organizer, readers):
    message = MessageFactory()
    for number in range(results.LINES_A_PAGE + 1):
        PersonFactory(name=f"Zoraida {number}", email=True)
    sending.start(message, by=organizer)
    asked = {"q": "Zoraida", "state": "held", "language": ""}
    page = client.post(url("ledger", message), asked, follow=True)
    (address, _status) = page.redirect_chain[-1]
    assert address.startswith(url("ledger", message) + "?state=held&find=")
    assert page.context["page_obj"].paginator.count == results.LINES_A_PAGE + 1
    assert (page.context["form"]["q"].value(), page.context["form"]["state"].value()) == ("Zoraida", "held")
    html = page.content.decode()
    older = unescape(re.search(r'href="([^"]*)">Older', html)[1])
    assert len(client.get(url("ledger", message) + older).context["lines"]) == 1
    file = unescape(re.search(r'href="([^"]*ledger.csv[^"]*)"', html)[1])
    assert len(b"".join(client.get(file).streaming_content).splitlines()) == results.LINES_A_PAGE + 2
    found = client.post(url("check", message), {"q": "Zoraida 7"}, follow=True)
    addresses = [address, older, file, found.redirect_chain[-1][0], *re.findall(r'(?:href|action)="([^"]*)"', html)]
    assert naming("zoraida", addresses) == []
    assert [person.name for person in found.context["shown"].found] == ["Zoraida 7"]
    assert found.redirect_chain[-1][0].endswith("#preview")


def test_words_in_the_open_are_hidden_at_once_and_a_made_up_address_is_refused(client, organizer, readers):
    message = MessageFactory()
    sending.start(message, by=organizer)
    page = client.get(url("ledger", message), {"q": "keisha"}, follow=True)
    assert page.context["form"]["q"].value() == "keisha"
    assert [list(parse_qs(urlsplit(address).query)) for address, _status in page.redirect_chain] == [["find"]]
    for name in ("ledger", "check", "export"):
        assert client.get(url(name, message), {"find": "gAAAA"}).status_code == 404
    assert client.post(url("export", message), {"q": "keisha"}).status_code == 405
    plain = client.post(url("ledger", message), {"q": ""})
    assert plain["Location"] == url("ledger", message)


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
    assert (message.name, message.state, message.waivers.count()) == ("Changed", Message.State.DRAFT, 0)
    assert Delivery.objects.count() == 0
    sending.start(message)
    for name in ("ledger", "export"):
        assert client.get(url(name, message)).status_code == 302  # Wagtail's way of refusing
    asked = {"person": readers[3].pk, "find": searching.hidden("Marisol")}
    shown = client.get(url("check", message), asked).context["shown"]
    assert (shown.person.pk, shown.found) == (None, [])


def test_an_editor_drafts_a_message_and_neither_sends_it_nor_sees_who_gets_it(client, installation, readers):
    client.force_login(user_of(accounts.Role.EDITOR))
    begun = {"channel": "email", "name": "A draft", "campaign": CampaignFactory().pk, "segment": ""}
    assert client.post(reverse("messages:add"), begun).status_code == 302
    message = Message.objects.get()
    words = {f"{code}-subject": "Words" for code in ("en", "es")} | {"blocks-count": "1"}
    words |= letters.block(0, "text", html_en=letters.rich("Words"), html_es=letters.rich("Words"))
    assert client.post(url("edit", message), written(message) | words).status_code == 302
    assert [content.words for content in message.contents.all()] == ["Words", "Words"]
    for name in ("send", "waive", "pause", "resume", "cancel"):
        client.post(url(name, message), {"total": "5", "reason": "Because"})
    message.refresh_from_db()
    assert (message.state, message.waivers.count(), Delivery.objects.count()) == (Message.State.DRAFT, 0, 0)
    asked = {"person": readers[3].pk, "find": searching.hidden("Marisol")}
    shown = client.get(url("check", message), asked).context["shown"]
    assert (shown.person.pk, shown.found) == (None, [])
    sending.start(MessageFactory())
    for name in ("ledger", "export"):
        assert client.get(url(name, Message.objects.latest("pk"))).status_code == 302  # Wagtail's way of refusing


def test_a_translator_changes_the_words_and_not_the_frame(client, installation):
    client.force_login(user_of(accounts.Role.TRANSLATOR))
    message = MessageFactory()
    client.post(
        url("edit", message), written(message, name="Changed", **{"blocks-0-value-html_es": letters.rich("Otra cosa.")})
    )
    message.refresh_from_db()
    assert message.name == "Vote on reading coaches"
    assert message.contents.get(language="es").words == "Otra cosa."


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
    cache.clear()  # counted anew, however long the first took
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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Wagtail leaves a temporary file open
def test_a_picture_is_kept_with_its_address_and_size_and_words_in_every_language(client, organizer, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    if Collection.get_first_root_node() is None:
        Collection.add_root(name="Root")
    file = io.BytesIO()
    PIL.Image.new("RGB", (1600, 800)).save(file, "PNG")
    image = get_image_model().objects.create(title="A", file=ImageFile(file, "a.png"), width=1600, height=800)
    message = MessageFactory()
    data = letters.block(0, "picture", image=str(image.pk), alt_en="A child", alt_es="Una niña") | {"blocks-count": "1"}
    client.post(url("edit", message), written(message) | data, follow=True)
    english, spanish = (content.blocks[0]["value"] for content in message.contents.order_by("language"))
    assert (english["alt"], spanish["alt"], english["width"], english["height"]) == ("A child", "Una niña", 1052, 526)
    assert english | {"alt": ""} == spanish | {"alt": ""}
    assert english["src"].startswith("/media/images/a")
    shown = client.get(url("preview", message), {"language": "es"}).content.decode()
    assert f'src="{settings.PUBLIC_URL}{english["src"]}"' in shown
    # As it came in it goes out again: nothing changed, so nothing has to be read anew.
    composing.write(message, contents={code: {"reviewed": True} for code in ("en", "es")}, by=organizer)
    assert texts_of(client.post(url("edit", message), written(message), follow=True)) == ["Saved."]


def test_a_letter_of_every_block_comes_out_of_the_editor_as_it_went_in(client, organizer):
    message = MessageFactory()
    html = "<p>Uno <strong>dos</strong> <em>tres</em><br>cuatro</p><ul><li>a</li></ul><ol><li>b</li></ol>"
    link = '<p><a href="https://example.org/?a=1&amp;b=2">x</a> &lt;y&gt;</p>'
    values = [
        ("heading", {"text": "T"}),
        ("text", {"html": html + link}),
        ("button", {"label": "Go", "url": "/en/"}),
        ("quote", {"text": "A\nB", "who": "C"}),
        ("brief", {"publication": None}),
        ("event", {"webinar": None}),
        ("action", {"round": None, "title": "T", "text": "A", "label": "Go", "url": "https://example.org/"}),
        ("divider", {}),
    ]
    wanted = [{"id": f"x{n}", "type": kind, "value": value} for n, (kind, value) in enumerate(values)]
    composing.write(
        message, contents={code: {"blocks": wanted, "reviewed": True} for code in ("en", "es")}, by=organizer
    )
    assert texts_of(client.post(url("edit", message), written(message), follow=True)) == ["Saved."]
    assert [content.blocks for content in message.contents.all()] == [wanted, wanted]


def test_the_list_is_searched_in_what_emails_say(client, organizer):
    message, other = MessageFactory(name="One"), MessageFactory(name="Two")
    composing.write(message, contents={"es": {"blocks": blocks_of("El autobús sale el martes.")}})

    def found(words):
        return {row.pk for row in client.get(reverse("messages:index"), {"q": words}).context["object_list"]}

    assert found("autobús") == {message.pk}
    assert found("votación") == {message.pk, other.pk}  # in both subjects
    assert found("html") == set()
