"""Composing: one structure in every language, words that lose their confirmation, variants, templates, copies."""

import pytest
from django.utils import timezone

from campaigns import blocks, composing
from campaigns.models import Message
from coalition.models import Segment
from tests.factories import CampaignFactory, MessageFactory, UserFactory, blocks_of


def heading(text, block_id="h"):
    return {"id": block_id, "type": "heading", "value": {"text": text}}


def picture(image, alt, block_id="p"):
    value = {"image": image, "src": f"/media/{image}.jpg", "width": 800, "height": 400, "alt": alt, "url": ""}
    return {"id": block_id, "type": "picture", "value": value}


def both(english, spanish):
    return {"en": {"blocks": english}, "es": {"blocks": spanish}}


@pytest.fixture
def message(db):
    return composing.begin(channel="email", name="Vote", campaign=CampaignFactory())


def words_of(message, variant="a"):
    contents = message.contents.filter(variant=variant).order_by("language")
    return [content.words for content in contents]


def test_blocks_follow_one_structure_in_every_language(message):
    composing.write(message, contents=both([heading("Vote"), picture(1, "A")], [heading("Voto"), picture(1, "B")]))
    assert words_of(message) == ["Vote\nA", "Voto\nB"]


@pytest.mark.parametrize(
    "spanish",
    [
        [heading("Voto", "other")],
        [{"id": "h", "type": "divider", "value": {}}],
        [heading("Voto"), heading("Más", "h2")],
    ],
)
def test_languages_that_differ_in_their_blocks_are_refused(message, spanish):
    with pytest.raises(composing.Uneven):
        composing.write(message, contents=both([heading("Vote")], spanish))
    assert words_of(message) == ["", ""]


def test_what_is_shared_is_the_same_in_every_language(message):
    with pytest.raises(composing.Uneven):
        composing.write(message, contents=both([picture(1, "A")], [picture(2, "B")]))


def test_one_language_alone_must_keep_the_structure_of_the_other(message):
    composing.write(message, contents=both([heading("Vote")], [heading("Voto")]))
    with pytest.raises(composing.Uneven):
        composing.write(message, contents={"es": {"blocks": [heading("Voto"), heading("Más", "h2")]}})
    composing.write(message, contents={"es": {"blocks": [heading("Ya se vota")]}})
    assert words_of(message) == ["Vote", "Ya se vota"]


def test_a_language_without_any_block_is_only_missing(message):
    composing.write(message, contents={"en": {"subject": "S", "blocks": [heading("Vote")]}})
    assert [content.is_written for content in message.contents.order_by("language")] == [True, False]


@pytest.mark.parametrize(
    "found",
    [
        "no list",
        [{"type": "heading", "value": {"text": "x"}}],
        [{"id": "a b", "type": "heading", "value": {"text": "x"}}],
        [{"id": "a", "type": "script", "value": {}}],
        [{"id": "a", "type": "heading", "value": "x"}],
        [heading("x"), heading("y")],
        [heading("x", f"b{number}") for number in range(blocks.AT_MOST + 1)],
    ],
)
def test_what_is_no_list_of_blocks_is_refused(message, found):
    with pytest.raises(blocks.Malformed):
        composing.write(message, contents={"en": {"blocks": found}})


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<p>Hi <b>you</b> and <i>me</i></p>", "<p>Hi <strong>you</strong> and <em>me</em></p>"),
        ("<p onclick='x()'>Hi<script>alert(1)</script></p>", "<p>Hi</p>"),
        ('<p><a href="javascript:alert(1)">x</a></p>', "<p><a>x</a></p>"),
        ('<p><a href="http://example.org">x</a></p>', "<p><a>x</a></p>"),
        (
            '<p><a href="https://example.org/?a=1&amp;b" target="_blank">x</a></p>',
            '<p><a href="https://example.org/?a=1&amp;b">x</a></p>',
        ),
        ('<h1>Big</h1><img src="https://spy.example/x.gif"><p>small<br/>print</p>', "Big<p>small<br>print</p>"),
        ("<style>p{}</style><ul><li>one</li></ul>", "<ul><li>one</li></ul>"),
        ("<p>&nbsp;</p>", ""),
        ("<p>a &lt;b&gt; &amp; c</p>", "<p>a &lt;b&gt; &amp; c</p>"),
    ],
)
def test_rich_text_holds_only_what_an_email_may_hold(html, kept):
    assert blocks.rich(html) == kept
    assert blocks.rich(kept) == kept


def test_a_header_takes_no_line_break(message):
    words = {"subject": "Vote\r\nBcc: all@example.org", "sender": "Ana\nX-Own: 1", "preheader": "a\u2028b"}
    composing.write(message, contents={"en": words})
    kept = message.contents.get(language="en")
    assert (kept.subject, kept.sender, kept.preheader) == ("Vote Bcc: all@example.org", "Ana X-Own: 1", "a b")


def test_L2_a_changed_text_loses_its_confirmation_and_the_second_readers_approval(db):
    message, reader = MessageFactory(), UserFactory()
    Message.objects.filter(pk=message.pk).update(approved_by=reader, approved_at=timezone.now())
    same = {content.language: {"blocks": content.blocks, "reviewed": True} for content in message.contents.all()}
    assert composing.write(message, contents=same, by=reader) == []
    message.refresh_from_db()
    assert message.approved_by == reader
    changed = same | {"es": {"blocks": blocks_of("Otra cosa."), "reviewed": True}}
    assert composing.write(message, contents=changed, by=reader) == ["es"]
    message.refresh_from_db()
    assert (message.approved_by, message.approved_at) == (None, None)
    assert [content.reviewed_at is None for content in message.contents.order_by("language")] == [False, True]


def test_a_changed_answer_takes_the_second_readers_approval_away(db):
    message, reader = MessageFactory(channel="phone"), UserFactory()
    asked = [{"pk": None, "label": {"en": "Yes"}, "words": "YES", "reply": {"en": "Thank you."}}]
    composing.write(message, contents={}, choices=asked)
    (choice,) = message.choices.values("pk", "label", "words", "reply")
    for reply, stands in ((choice["reply"], reader), ({"en": "Call her today."}, None)):
        Message.objects.filter(pk=message.pk).update(approved_by=reader, approved_at=timezone.now())
        composing.write(message, contents={}, choices=[choice | {"reply": reply}])
        message.refresh_from_db()
        assert message.approved_by == stands


def test_a_copy_goes_to_no_more_people_than_its_model(db):
    message = MessageFactory(share=10, source="spring", archived=True)
    twin = composing.copy(message, name="Again", by=None)
    assert (twin.share, twin.source, twin.archived) == (10, "spring", True)
    template = composing.copy(message, name="Alert", template=True, by=None)
    assert (template.share, template.source, template.archived) == (100, "", False)


def test_variants_are_copies_with_letters_of_their_own(db):
    message, by = MessageFactory(), UserFactory()
    assert [composing.add_variant(message, by=by) for _n in range(5)] == ["b", "c", "d", "e", "f"]
    with pytest.raises(ValueError, match="No room"):
        composing.add_variant(message, by=by)
    composing.remove_variant(message, "c")
    assert composing.variants_of(message) == ["a", "b", "d", "e", "f"]
    assert composing.add_variant(message, copy_of="b", by=by) == "c"
    assert words_of(message, "c") == words_of(message)
    assert set(message.contents.exclude(variant="a").values_list("reviewed_at", flat=True)) == {None}
    with pytest.raises(ValueError, match="first"):
        composing.remove_variant(message, "a")


def test_a_template_keeps_the_words_and_nobody_to_send_to(db):
    message, by = MessageFactory(), UserFactory()
    message.included.add(Segment.objects.create(name="All", criteria={"all": []}))
    template = composing.copy(message, name="Alert", template=True, by=by)
    assert (template.is_template, list(template.included.all())) == (True, [])
    twin = composing.copy(template, name="The vote", by=by)
    assert (twin.is_template, words_of(twin)) == (False, words_of(message))
