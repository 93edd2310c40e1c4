"""Letters made of blocks: what a mail program shows, what the text part says, and what each card needs."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import judging, merge_fields, rendering
from campaigns.models import Link
from coalition.models import Publication, Round
from tests.factories import MessageFactory, PersonFactory, PublicationFactory, WebinarFactory

RICH = (
    '<p>Dear {{ first_name|&quot;friend&quot; }}, read <a href="https://example.org/?a=1&amp;b=2">the report</a>.</p>'
    "<ul><li>one</li><li>two<br>lines</li></ul><ol><li>first</li><li>second</li></ol>"
)


def block(kind, block_id="b1", **value):
    return {"id": block_id, "type": kind, "value": value}


def picture(**value):
    return block("picture", **{"image": 1, "src": "/media/a.jpg", "width": 1052, "height": 526, "url": ""} | value)


def content(*blocks, language="en", **words):
    made = MessageFactory().contents.get(language=language)
    for field, text in {"subject": "S", "blocks": list(blocks), **words}.items():
        setattr(made, field, text)
    return made


@pytest.fixture
def ana(installation):
    return PersonFactory(given_name="Ana", name="Ana Peña", email="ana@example.org", opted_in=True)


# The text part


def test_E6_the_text_part_is_made_from_the_blocks(ana, settings):
    made = content(
        block("heading", text="The vote"),
        block("text", html=RICH),
        block("button", label="Read it", url="/en/briefs/"),
        picture(alt="A child reads"),
        block("quote", text="We learned.\nTogether.", who="A teacher"),
        block("divider"),
        block("action", round=None, title="Call", text="Two minutes.", label="Find it", url="https://example.org/"),
    )
    said = rendering.render(made, ana).text.split("\n-- \n")[0]
    assert said == (
        "The vote\n--------\n\n"
        "Dear Ana, read the report (https://example.org/?a=1&b=2).\n\n"
        "- one\n- two\n  lines\n\n1. first\n2. second\n\n"
        f"Read it:\n{settings.PUBLIC_URL}/en/briefs/\n\n"
        "[A child reads]\n\n"
        "> We learned.\n> Together.\n> — A teacher\n\n"
        "* * *\n\n"
        "Call\n----\n\nTwo minutes.\n\nFind it:\nhttps://example.org/\n"
    )


def test_E6_paragraphs_are_wrapped_and_addresses_never_broken(ana):
    url = "https://example.org/" + "a" * 90
    made = content(block("text", html=f'<p>{"word " * 40}</p><p><a href="{url}">{url}</a></p>'))
    lines = rendering.render(made, ana).text.split("\n-- \n")[0].splitlines()
    assert url in lines
    assert max(len(line) for line in lines if line != url) <= 72


# Merge fields in rich text


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<p>Dear {{ first_name|friend }},</p>", "<p>Dear friend,</p>"),
        ("<p>Dear {{ first_name|&quot;a &amp; b&quot; }},</p>", "<p>Dear a &amp; b,</p>"),
        ("<p>Hola, {{\u00a0first_name\u00a0}}:</p>", "<p>Hola:</p>"),
        ("<p>{{ first_name }}, your vote</p>", "<p>Your vote</p>"),
        ("<ul><li>{{ first_name }}, your vote</li></ul>", "<ul><li>Your vote</li></ul>"),
        ("<p>One<br>{{ first_name }}, two</p>", "<p>One<br>Two</p>"),
    ],
)
def test_what_is_not_known_leaves_no_hole_in_rich_text(html, said):
    assert merge_fields.with_gaps(html, frozenset(["first_name"]), html=True) == said


@pytest.mark.django_db
@pytest.mark.parametrize("html", ["<p>{{ <strong>first_name</strong> }}</p>", "<p>{{ first_name</p>", "<p>}}</p>"])
def test_braces_that_cannot_be_filled_are_refused_in_rich_text(html):
    assert judging.problems(content(block("text", html=html))) != []


def test_html_in_a_value_stays_text_in_rich_text_and_in_a_button(installation):
    evil = PersonFactory(given_name='"><img src=x>', email=True)
    made = content(
        block("text", html="<p>Dear {{ first_name }}</p>"),
        block("button", "b2", label="For {{ first_name }}", url="https://example.org/"),
        picture(alt="For {{ first_name }}") | {"id": "b3"},
    )
    html = rendering.render(made, evil).html
    assert "<img src=x" not in html
    assert html.count("&quot;&gt;&lt;img src=x&gt;") == 3


# HTML


@pytest.mark.parametrize("said", ['A "child" \\ reads', "Niña \u00a0 lee <x>", "日本 🎈", "a\tb", "{{ city|aquí }}"])
def test_words_in_attributes_arrive_as_they_were_written(ana, said):
    html = rendering.render(content(picture(alt=said)), ana).html
    kept = re.search(r'<img[^>]* alt="([^"]*)"', html)[1]
    expected = " ".join(said.split()).replace("{{ city|aquí }}", ana.city or "aquí")
    assert kept.replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">") == expected


def test_E6_tables_are_for_looks_pictures_have_words_and_nothing_comes_from_elsewhere(ana, settings):
    html = rendering.render(content(block("text", html=RICH), picture(alt="A child")), ana).html
    tables = re.findall(r"<table[^>]*>", html)
    assert [table for table in tables if 'role="presentation"' not in table] == []
    assert re.findall(r'src="([^"]*)"', html) == [f"{settings.PUBLIC_URL}/media/a.jpg"]
    assert re.findall(r'width="526"[^>]*', html)
    assert "<link" not in html
    assert "@import" not in html
    assert "<script" not in html
    assert len(html.encode()) < 30_000


def test_E6_the_preheader_is_not_followed_by_the_text(ana):
    html = rendering.render(content(block("text", html="<p>Body</p>"), preheader="Before, {{ first_name }}"), ana).html
    hidden = re.search(r'<div style="display:none[^>]*>([^<]*)', html)[1]
    assert hidden.startswith("Before, Ana\u034f")
    assert len(hidden) > 100


@pytest.mark.parametrize(("language", "name"), [("en", "Riverbend"), ("es", "Riverbend")])
def test_the_sender_is_the_coalition_unless_somebody_is_named(ana, language, name):
    assert rendering.render(content(block("heading", text="x"), language=language), ana).sender == name
    named = content(block("heading", text="x"), sender="Ana\nBcc: x", language=language)
    assert rendering.render(named, ana).sender == "Ana Bcc: x"


# Links


def test_links_lead_through_our_redirect_only_in_what_is_sent(ana):
    made = content(block("text", html=RICH), block("button", "b2", label="Go", url="/en/briefs/"))
    made.save()
    plain = rendering.render(made, ana)
    assert Link.objects.count() == 0
    assert 'href="https://example.org/?a=1&amp;b=2"' in plain.html
    letter = rendering.Compiled(made.message, tracked=True).for_person("en", {"first_name": "Ana"})
    html = letter.html.fill({"first_name": "Ana", "token": "t", "click": "CLICK"})
    assert sorted(Link.objects.filter(is_trap=False).values_list("url", flat=True)) == [
        "http://127.0.0.1:8000/en/briefs/",
        "https://example.org/?a=1&b=2",
    ]
    assert "https://example.org/" not in html
    assert html.count("CLICK") == 3  # two links, and one that only a scanner finds
    assert letter.text.fill({"first_name": "Ana", "token": "t", "click": "CLICK"}).count("CLICK") == 2


# Cards


@pytest.fixture
def brief(db):
    addresses = {"en": "https://riverbend.example.org/en/b/", "es": "https://riverbend.example.org/es/b/"}
    return PublicationFactory(public_url=addresses)


def test_L3_an_event_says_its_moment_as_the_language_does_with_its_zone(ana):
    webinar = WebinarFactory(
        starts_at=timezone.make_aware(timezone.datetime(2027, 5, 5, 19)),
        ends_at=timezone.make_aware(timezone.datetime(2027, 5, 5, 20)),
        public_url={"en": "https://riverbend.example.org/en/w/", "es": "https://riverbend.example.org/es/w/"},
    )
    spanish = content(block("event", webinar=webinar.pk), language="es")
    said = rendering.render(spanish, ana)
    assert "Voces de la comunidad" in said.html
    assert "miércoles, 5 de mayo de 2027, 7:00\u00a0p.\u00a0m., hora del este" in said.html.replace("&nbsp;", "\u00a0")
    assert "https://riverbend.example.org/es/w/" in said.text
    assert judging.links_of(spanish) == ["https://riverbend.example.org/es/w/"]


def test_L2_a_card_without_a_page_in_the_language_is_named(ana, brief):
    assert judging.problems(content(block("brief", publication=brief.pk), block("heading", "h", text="x"))) == []
    Publication.objects.filter(pk=brief.pk).update(public_url={"en": "https://riverbend.example.org/en/b/"})
    spanish = content(block("brief", publication=brief.pk), block("heading", "h", text="x"), language="es")
    assert judging.problems(spanish) == ["“Every reader by third grade” has no public page in this language."]


def test_a_card_of_a_round_leads_to_signing_while_individuals_may_sign(ana, brief):
    round_ = Round.objects.create(publication=brief, deadline=timezone.now() + timedelta(days=3), individuals=True)
    own = {"title": "", "text": "", "label": "", "url": ""}
    made = content(block("action", round=round_.pk, **own), block("heading", "h", text="x"))
    assert judging.problems(made) == []
    assert judging.links_of(made) == ["https://riverbend.example.org/en/b/#sign"]
    Round.objects.filter(pk=round_.pk).update(closed_at=timezone.now())
    assert judging.problems(made) == ["Nobody can sign “Every reader by third grade” any more."]


def test_a_card_of_what_is_no_more_is_left_out_and_named(ana):
    made = content(block("event", webinar=404), block("heading", "h", text="x"))
    assert judging.problems(made) == ["Nothing is chosen in block 1."]
    assert "x" in rendering.render(made, ana).text


def test_what_is_missing_in_a_block_is_named_with_its_number(installation):
    made = content(
        block("heading", "a", text="x"),
        block("text", "b", html=""),
        picture(alt="") | {"id": "c"},
        picture(src="", alt="") | {"id": "d"},
        block("action", "e", round=None, title="", text="x", label="Go", url=""),
        block("button", "f", label="Go", url="http://example.org/"),
    )
    assert judging.problems(made) == [
        "Block 2 has no words in this language.",
        "The picture in block 3 needs its words for those who do not see it.",
        "No picture is chosen in block 4.",
        "The card in block 5 needs a title, a button and an address.",
        "The link in block 6 must begin with https:// or be a path of this site: http://example.org/",
    ]
