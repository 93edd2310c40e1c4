"""Merge fields, the coalition's own among them: in the reader's language, with a fall-back, never a sensitive one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import claiming, merge_fields, rendering, sending, texting
from campaigns.forms.messages import ContentForm
from campaigns.models import MessageContent
from coalition import custom, defining
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def grade(installation):
    choices = [{"label": {"en": "First grade", "es": "Primer grado"}}]
    return defining.define(
        subject="person", kind="choice", label={"en": "Grade", "es": "Grado"}, key="grade", choices=choices
    )


@pytest.fixture
def since(installation):
    return defining.define(subject="person", kind="date", label={"en": "Since", "es": "Desde"}, key="since")


def content(language, body):
    message = factories.MessageFactory()
    made = MessageContent.objects.get(message=message, language=language)
    made.blocks = factories.blocks_of(body)
    made.save()
    return made


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
    assert merge_fields.with_gaps(text, frozenset(["first_name"])) == expected


def test_unknown_fields_are_named():
    assert merge_fields.unknown_fields("Dear {{ first_name }}") == []
    assert merge_fields.unknown_fields("Dear {{ nickname }} and {{ nickname|you }}") == ["nickname"]
    assert merge_fields.unknown_fields("Dear {{ first_name") == ["{{ first_name"]
    assert merge_fields.unknown_fields("Dear first_name }}") == ["}}"]
    assert merge_fields.unknown_fields("{{ person.addresses.all }}{% load x %}") == ["person.addresses.all"]


# The coalition's own fields


def test_a_value_is_said_in_the_readers_language(grade, since):
    ana = factories.PersonFactory(custom={"grade": "first_grade", "since": "2026-05-04"}, language="es")
    said = rendering.render(content("es", "{{ grade }}, desde el {{ since }}."), ana).text
    assert said.startswith("Primer grado, desde el 4 de mayo de 2026.")


def test_who_has_no_value_reads_the_fall_back(grade):
    ben = factories.PersonFactory()
    assert rendering.render(content("en", "Hello, {{ grade|friends }}."), ben).text.startswith("Hello, friends.")
    assert rendering.render(content("en", "Hello, {{ grade }}."), ben).text.startswith("Hello.")


def test_an_unknown_a_retired_and_a_sensitive_field_are_refused_when_it_is_saved(grade):
    defining.define(subject="person", kind="text", label={"en": "Health"}, key="health", sealed=True)
    defining.define(subject="organization", kind="text", label={"en": "Motto"}, key="motto")
    assert merge_fields.unknown_fields("{{ grade }} {{ health }} {{ motto }} {{ nope }}") == ["health", "motto", "nope"]
    made = content("en", "")
    data = {"subject": "S", "preheader": "For {{ health }}"}
    form = ContentForm(data, instance=made, channel="email")
    assert not form.is_valid()
    assert "{{ health }}. Use one of these: {{ first_name }}" in form.errors["preheader"][0]
    assert form.errors["preheader"][0].endswith("{{ grade }}.")
    assert ContentForm(data | {"preheader": "For {{ grade }}"}, instance=made, channel="email").is_valid()
    defining.retire(grade)
    assert merge_fields.unknown_fields("{{ grade }}") == ["grade"]


def test_a_sensitive_value_never_leaves_even_where_its_key_stands_among_the_open_ones(installation):
    sealed = defining.define(subject="person", kind="text", label={"en": "Health"}, key="health", sealed=True)
    ana = factories.PersonFactory(custom={"health": "leaked"})
    custom.keep_sealed(ana, {sealed.key: "leaked"})
    made = content("en", "You: {{ health|nothing }}")
    assert "leaked" not in rendering.render(made, ana).text
    assert rendering.Compiled(made.message).own == {}


def test_a_message_without_own_fields_asks_the_database_nothing_more(grade):
    plain, own = content("en", "Dear {{ first_name }}"), content("en", "Dear {{ grade }}")
    letters = rendering.Compiled(plain.message)
    with CaptureQueriesContext(connection) as asked:
        assert (letters.own, letters.fields) == ({}, {"first_name"})
    assert len(asked) == 0
    assert rendering.Compiled(own.message).fields == {"first_name", "grade"}


def test_what_is_sent_fills_them(grade):
    made = content("en", "You are in {{ grade|school }}.")
    ana = factories.PersonFactory(custom={"grade": "first_grade"}, email=True, opted_in=True)
    ben = factories.PersonFactory(email=True, opted_in=True)
    envelopes = _envelopes(made.message)
    said = {envelope.to: envelope for envelope in envelopes}
    assert "You are in First grade." in said[str(ana.primary_email)].words()[1]
    assert "You are in school." in said[str(ben.primary_email)].words()[1]


def _envelopes(message):
    sending.start(message)
    letters = rendering.compiled(message)
    return sending.prepare(message, claiming.take(message, 10, own=True), letters)[0]


def test_what_a_text_costs_counts_the_longest_choice(grade):
    assert texting.segments_of("{{ grade }}!").units == len("First grade!")
