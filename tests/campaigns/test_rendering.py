"""Rendering: what each person reads, in both languages, and what can never get into a header or into the HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import rendering
from campaigns.models import MessageContent
from coalition.models import Person
from tests.factories import MessageFactory, OrganizationFactory, PersonFactory, RepresentativeFactory


def content(language="en", channel="email", **words):
    message = MessageFactory(channel=channel)
    made = message.contents.get(language=language)
    for field, text in {"subject": "", "body": "", **words}.items():
        setattr(made, field, text)
    return made


@pytest.fixture
def ana(installation):
    return PersonFactory(
        given_name="Ana", family_name="Peña", name="Ana Peña", email="ana@example.org", opted_in=True, city="Holyoke"
    )


# Merge fields


def test_fields_are_filled_and_fall_back(ana):
    made = content(
        subject="{{first_name}}, the vote", body="Dear {{ full_name|friend }} of {{ organization | “your town” }}."
    )
    rendered = rendering.render(made, ana)
    assert rendered.subject == "Ana, the vote"
    assert rendered.text.splitlines()[0] == "Dear Ana Peña of your town."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dear {{ first_name }}, hello.", "Dear, hello."),
        ("Hola, {{ first_name }}:", "Hola:"),
        ("{{ first_name }}, your vote counts", "Your vote counts"),
        ("{{ first_name|friend }}, your vote counts", "friend, your vote counts"),
        ("Your vote, {{ first_name }}!", "Your vote!"),
        ("One.\n\n{{ first_name }}, two.", "One.\n\nTwo."),
        ("{{ first_name }}", ""),
    ],
)
def test_what_is_not_known_leaves_no_hole(text, expected):
    assert rendering._with_gaps(text, frozenset(["first_name"])) == expected


@pytest.mark.django_db
def test_unknown_fields_are_named():
    assert rendering.unknown_fields("Dear {{ first_name }}") == []
    assert rendering.unknown_fields("Dear {{ nickname }} and {{ nickname|you }}") == ["nickname"]
    assert rendering.unknown_fields("Dear {{ first_name") == ["{{ first_name"]
    assert rendering.unknown_fields("Dear first_name }}") == ["}}"]
    assert rendering.unknown_fields("{{ person.addresses.all }}{% load x %}") == ["person.addresses.all"]


def test_an_unknown_field_keeps_the_message_back(installation):
    made = content(subject="{{ nickname }}", body="Dear {{ first_name }}")
    assert rendering.problems(made) == ["Nobody can fill in “nickname”."]


def test_the_organization_stands_in_the_readers_language(ana):
    house = OrganizationFactory(name="Nuevo Día", printed_name={"en": "New Day House", "es": "Casa Nuevo Día"})
    RepresentativeFactory(organization=house, person=ana)
    assert rendering.render(content("es", body="Para {{ organization }}"), ana).text.startswith("Para Casa Nuevo Día")
    assert rendering.render(content("en", body="For {{ organization }}"), ana).text.startswith("For New Day House")


# What cannot get in


def test_html_in_a_name_or_a_text_stays_text(installation):
    evil = PersonFactory(given_name="<script>alert(1)</script>", email=True)
    rendered = rendering.render(content(subject="S", body="<b>Dear</b> {{ first_name }} & all"), evil)
    assert '<p style="margin:0 0 18px">&lt;b&gt;Dear&lt;/b&gt; &lt;script&gt;alert(1)&lt;/script&gt; &amp; all</p>' in (
        rendered.html
    )
    assert "<script>" not in rendered.html
    assert rendered.text.startswith("<b>Dear</b> <script>alert(1)</script> & all")


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\x1b"])
def test_no_line_break_gets_into_a_header(installation, breaker):
    evil = PersonFactory(given_name=f"Eva{breaker}Bcc: all@example.org", email=True)
    rendered = rendering.render(content(subject=f"Hi{breaker}X-Own: 1 {{{{ first_name }}}}", body="B"), evil)
    assert rendered.subject == "Hi X-Own: 1 Eva Bcc: all@example.org"


@given(st.text(max_size=80))
def test_any_value_stays_on_one_line_and_outside_the_markup(value):
    clean = rendering.value_of(value)
    assert clean == " ".join(clean.split())
    assert not any(c in clean for c in "\r\n\0\ue000\ue001")


def test_a_name_that_smuggles_in_a_link_counts_as_not_known(installation):
    evil = PersonFactory(given_name="Win at https://evil.example", email=True)
    assert rendering.render(content(subject="S", body="Dear {{ first_name|friend }}"), evil).text.startswith(
        "Dear friend"
    )


def test_our_own_marks_in_a_text_fill_nothing(ana):
    made = content(subject="S", body="\ue000token\ue001 x")
    assert rendering.render(made, ana).text.startswith("token x")


def test_nothing_but_the_button_becomes_a_link(ana, settings):
    made = content(subject="S", body="See https://example.org/a", action_label="Read", action_url="/en/briefs/")
    html = rendering.render(made, ana).html
    assert html.count("<a ") == 3  # the button, preferences, stop
    assert f'href="{settings.PUBLIC_URL}/en/briefs/"' in html


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//evil.example", "data:text/html,x", "https://", "ftp://x/y", "/a b"]
)
def test_a_button_leads_only_where_it_is_safe(installation, url):
    made = content(subject="S", body="B", action_label="Go", action_url=url)
    assert rendering.problems(made) == ["The button's address must begin with https:// or be a path of this site."]


# The frame of a bulk email


def test_E1_every_bulk_email_carries_one_click_headers(ana, settings):
    headers = rendering.render(content(subject="S", body="B"), ana).headers
    assert headers["List-Unsubscribe"].startswith(f"<{settings.PUBLIC_URL}/u/")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-ID"] == '"Riverbend" <alerts.riverbend.example.org>'
    assert "ana@example.org" not in str(headers)


def test_E1_the_link_is_https_where_the_site_is(ana, settings):
    settings.PUBLIC_URL = "https://riverbend.example.org"
    headers = rendering.render(content(subject="S", body="B"), ana).headers
    assert headers["List-Unsubscribe"].startswith("<https://riverbend.example.org/u/")


@pytest.mark.parametrize(("language", "said"), [("en", "/en/preferences/"), ("es", "/es/preferences/")])
def test_E2_every_bulk_email_holds_the_postal_address_and_the_preference_link(ana, settings, language, said):
    rendered = rendering.render(content(language, subject="S", body="B"), ana)
    for part in (rendered.text, rendered.html):
        assert "100 Main Street, Springfield, MA 01103" in part
        assert f"{settings.PUBLIC_URL}{said}" in part
        assert "ana@example.org" not in part


@pytest.mark.parametrize("language", ["en", "es"])
def test_E6_the_html_says_its_language_and_the_text_stands_alone(ana, language):
    made = content(
        language,
        subject="S",
        preheader="Before",
        body="Uno\ndos\n\nTres",
        action_label="Leer",
        action_url="https://example.org/x",
    )
    rendered = rendering.render(made, ana)
    assert f'<html lang="{language}"' in rendered.html
    assert "color-scheme" in rendered.html
    assert "Before" in rendered.html
    assert "Uno<br>dos" in rendered.html
    assert rendered.text.startswith("Uno\ndos\n\nTres\n\nLeer:\nhttps://example.org/x\n")
    assert "<" not in rendered.text


def test_E6_an_email_that_mail_programs_would_cut_off_is_kept_back(installation):
    made = content(subject="S", body="word " * 25_000)
    assert rendering.problems(made) == ["The email is larger than 100 kB: mail programs would cut it off."]


def test_a_preview_without_a_person_uses_long_values(installation):
    assert rendering.render(content(subject="S {{ first_name }}", body="B")).subject == "S Maria Guadalupe"


def test_a_preview_for_somebody_who_is_not_stored(installation):
    nobody = Person(name="Ana Ejemplo", given_name="Ana", language="es")
    assert rendering.render(content("es", subject="S", body="Hola, {{ first_name }}:"), nobody).text.startswith(
        "Hola, Ana:"
    )


def test_a_letter_is_made_once_for_people_who_lack_the_same(installation):
    message = MessageFactory()
    compiled = rendering.Compiled(message)
    full = dict.fromkeys(rendering.FIELDS, "x")
    assert compiled.for_person("en", full) is compiled.for_person("en", full | {"city": ""})
    assert compiled.for_person("en", full) is not compiled.for_person("en", full | {"first_name": ""})
    assert compiled.for_person("en", full) is not compiled.for_person("es", full)


# Texts


def test_S13_a_text_opens_with_who_writes_and_ends_with_the_way_out(installation):
    person = PersonFactory(given_name="Eva", phone="+14135550111", opted_in=True)
    said = rendering.render(content(channel="phone", body="the vote is today, {{ first_name }}."), person).text
    assert said == "Riverbend: the vote is today, Eva. Reply STOP to end."


def test_S13_a_text_that_says_so_itself_is_left_alone(installation):
    person = PersonFactory(phone="+14135550111", opted_in=True)
    body = "Riverbend: la votación es hoy. ALTO para salir."
    assert rendering.render(content("es", channel="phone", body=body), person).text == body


def test_a_text_never_names_the_personal_link(installation):
    person = PersonFactory(phone="+14135550111", opted_in=True)
    assert "preferences" not in rendering.render(content(channel="phone", body="Hi"), person).text


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 0),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("é ñ ü É Ñ Ü ¿ ¡ à", "GSM-7", 17, 1),
        ("{}[]~^\\|€", "GSM-7", 18, 1),
        ("á" * 70, "UCS-2", 70, 1),
        ("á" * 71, "UCS-2", 71, 2),
        ("á" * 134, "UCS-2", 134, 2),
        ("á" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
    ],
)
def test_S8_segments(text, encoding, units, segments):
    assert tuple(rendering.segments_of(text)) == (encoding, units, segments)


def test_S8_no_pair_is_split():
    # 152 and an escape of two: the escape goes whole to the second segment, so that the end needs a third.
    assert rendering.segments_of("a" * 152 + "€" + "a" * 151).segments == 2
    assert rendering.segments_of("a" * 152 + "€" + "a" * 152).segments == 3
    assert rendering.segments_of("😀" * 67).segments == 3  # 134 units, but 33 pairs fill a segment of 67


def test_S8_the_characters_that_cost_are_named():
    assert rendering.segments_of("¿Votará usted? “Sí”").costly == ["á", "“", "í", "”"]
    assert rendering.segments_of("¿Votara usted?").costly == []


def test_S8_merge_fields_count_at_their_longest():
    longest = len(rendering.LONGEST["first_name"])
    assert rendering.segments_of("Hi {{ first_name|friend }}!").units == len("Hi !") + longest


def test_a_text_that_is_too_long_is_kept_back(installation):
    assert rendering.problems(content(channel="phone", body="a" * 1700)) == ["The text is longer than 1600 characters."]


def test_what_is_missing_is_named(installation):
    assert rendering.problems(content()) == ["The subject is missing.", "The text is missing."]
    assert rendering.problems(content(subject="S", body="B", action_label="Go")) == [
        "The button needs both its words and an address."
    ]
    assert rendering.problems(content(channel="phone", body="B")) == []


def test_a_good_message_has_no_problems(installation):
    assert [rendering.problems(c) for c in MessageContent.objects.filter(message=MessageFactory())] == [[], []]
