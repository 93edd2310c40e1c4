"""Rendering: what each person reads, in both languages, and what can never get into a header or into the HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import merge_fields, rendering
from coalition.models import Person
from tests.campaigns.contents import content
from tests.factories import MessageFactory, OrganizationFactory, PersonFactory, RepresentativeFactory


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


def test_the_organization_stands_in_the_readers_language(ana):
    house = OrganizationFactory(name="Nuevo Día", printed_name={"en": "New Day House", "es": "Casa Nuevo Día"})
    RepresentativeFactory(organization=house, person=ana)
    assert rendering.render(content("es", body="Para {{ organization }}"), ana).text.startswith("Para Casa Nuevo Día")
    assert rendering.render(content("en", body="For {{ organization }}"), ana).text.startswith("For New Day House")


# What cannot get in


def test_html_in_a_name_or_a_text_stays_text(installation):
    evil = PersonFactory(given_name="<script>alert(1)</script>", email=True)
    rendered = rendering.render(content(subject="S", body="<b>Dear</b> {{ first_name }} & all"), evil)
    said = "&lt;b&gt;Dear&lt;/b&gt; &lt;script&gt;alert(1)&lt;/script&gt; &amp; all</p>"
    assert f'<p style="margin: 0 0 18px;">{said}' in rendered.html
    assert "<script>" not in rendered.html
    assert rendered.text.startswith("<b>Dear</b> <script>alert(1)</script> & all")


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\x1b"])
def test_no_line_break_gets_into_a_header(installation, breaker):
    evil = PersonFactory(given_name=f"Eva{breaker}Bcc: all@example.org", email=True)
    rendered = rendering.render(content(subject=f"Hi{breaker}X-Own: 1 {{{{ first_name }}}}", body="B"), evil)
    assert rendered.subject == "Hi X-Own: 1 Eva Bcc: all@example.org"


@given(st.text(max_size=80))
def test_any_value_stays_on_one_line_and_outside_the_markup(value):
    clean = merge_fields.value_of(value)
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
    made = content(subject="S", body="See https://example.org/a", button=("Read", "/en/briefs/"))
    html = rendering.render(made, ana).html
    assert html.count("<a ") == 3  # the button, preferences, stop
    assert f'href="{settings.PUBLIC_URL}/en/briefs/"' in html


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
        button=("Leer", "https://example.org/x"),
    )
    rendered = rendering.render(made, ana)
    assert f'<html lang="{language}"' in rendered.html
    assert "color-scheme" in rendered.html
    assert "Before" in rendered.html
    assert "Uno<br>dos" in rendered.html
    assert rendered.text.startswith("Uno\ndos\n\nTres\n\nLeer:\nhttps://example.org/x\n")
    assert "<" not in rendered.text


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
    full = dict.fromkeys(merge_fields.FIELDS, "x")
    assert compiled.for_person("en", full) is compiled.for_person("en", full | {"city": ""})
    assert compiled.for_person("en", full) is not compiled.for_person("en", full | {"first_name": ""})
    assert compiled.for_person("en", full) is not compiled.for_person("es", full)
