"""Fields are defined, said otherwise, retired; choices that somebody holds never vanish; rule P1 is kept."""

import pytest
from django.core.exceptions import ValidationError

from coalition import custom, defining, refusing, segments
from coalition.models import AuditLine, CustomField, Segment, Sensitive
from tests import factories

pytestmark = pytest.mark.django_db
Kind = CustomField.Kind
COLOURS = [{"label": {"en": "Red", "es": "Rojo"}}, {"label": {"en": "Green", "es": "Verde"}}]


def define(kind=Kind.TEXT, label="School", **kwargs):
    label = label if isinstance(label, dict) else {"en": label, "es": ""}
    return defining.define(subject=kwargs.pop("subject", "person"), kind=kind, label=label, **kwargs)


@pytest.mark.parametrize(
    "words",
    [
        "SSN",
        "Social Security number",
        "Last four of social security",
        "ITIN",
        "Driver’s license number",
        "Drivers licence",
        "Bank account",
        "Routing number",
        "Credit card",
        "Card number",
        "Número de Seguro Social",
        "Licencia de conducir",
        "Cuenta bancaria",
        "Número de ruta",
        "Tarjeta de débito",
        "Número de la tarjeta",
    ],
)
def test_P1_a_field_that_asks_for_what_we_never_keep_is_refused_in_both_languages(words):
    for label in ({"en": words, "es": "Escuela"}, {"en": "School", "es": words}):
        with pytest.raises(ValidationError) as refused:
            define(label=label)
        assert list(refused.value.message_dict) == ["label"]
        assert "never keeps one" in refused.value.message_dict["label"][0]
    with pytest.raises(ValidationError):
        define(label="Number", key=defining.plain_key(words))
    with pytest.raises(ValidationError):
        define(label="Number", hint={"en": f"Your {words}, please", "es": ""})
    assert CustomField.objects.count() == 0


@pytest.mark.parametrize(
    "words", ["Social studies teacher", "Bus routing", "Teaching license", "Library cards sent", "Security training"]
)
def test_P1_ordinary_words_are_not_refused(words):
    assert define(label=words).pk


def test_P1_that_a_form_came_in_may_be_noted():
    assert define(Kind.YES_NO, "Payee form with Social Security number received").pk


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.NUMBER])
@pytest.mark.parametrize(
    "value", ["123-45-6789", "ssn 123 45 6789", "4111 1111 1111 1111", "4111-1111-1111-1111", "5555555555554444"]
)
def test_P1_a_value_that_looks_like_one_is_refused(kind, value):
    with pytest.raises(ValidationError):
        custom.clean(CustomField(kind=kind), value)


@pytest.mark.parametrize(
    "value",
    ["413 555 0100", "413 555 0100, 413 555 0101", "01103-1234", "2026-05-04", "4111 1111 1111 1112", "12-345-67"],
)
def test_P1_phones_dates_and_zip_codes_are_ordinary_text(value):
    assert custom.clean(CustomField(kind=Kind.TEXT), value) == value
    assert refusing.held_in(value) == ""


def test_a_key_is_made_from_the_label_and_stays_free():
    assert define(label={"en": "Años en el distrito", "es": ""}).key == "anos_en_el_distrito"
    assert define(label="Años en el distrito").key == "anos_en_el_distrito_2"
    assert define(label="Años en el distrito", subject="organization").key == "anos_en_el_distrito"
    assert define(label="City").key == "city_field"  # {{ city }} means something in messages
    assert define(label="学校").key.isascii()
    assert define(label="A field", key="Own Key!").key == "own_key"


def test_a_key_that_is_taken_is_refused():
    define(label="School", key="school")
    for key in ("school", "first_name", "email"):
        with pytest.raises(ValidationError) as refused:
            define(label="Another", key=key)
        assert list(refused.value.message_dict) == ["key"]


def test_only_fields_of_people_can_be_sensitive():
    with pytest.raises(ValidationError):
        define(subject="organization", sealed=True)


def test_choices_get_keys_and_no_two_have_the_same_name():
    field = define(Kind.CHOICE, "Colour", choices=COLOURS)
    assert [choice["key"] for choice in field.choices] == ["red", "green"]
    with pytest.raises(ValidationError):
        define(Kind.CHOICE, "Another", choices=[*COLOURS, {"label": {"en": "Rojo", "es": ""}}])
    with pytest.raises(ValidationError):
        define(Kind.CHOICES, "Without any", choices=[])


def test_a_choice_somebody_holds_is_retired_rather_than_lost():
    field = define(Kind.CHOICES, "Colours", choices=COLOURS)
    factories.PersonFactory(custom={field.key: ["red"]}), factories.PersonFactory(custom={field.key: ["red"]})
    blue = {"label": {"en": "Blue", "es": "Azul"}}
    changed, retired = defining.change(field, label=field.label, choices=[blue])
    assert retired == [({"key": "red", "label": {"en": "Red", "es": "Rojo"}, "retired": True}, 2)]
    assert [(c["key"], bool(c.get("retired"))) for c in changed.choices] == [("blue", False), ("red", True)]
    assert custom.choices_of(changed) == [("blue", "Blue")]
    assert custom.choices_of(changed, held=["red"]) == [("blue", "Blue"), ("red", "Red")]


def test_choices_keep_their_keys_when_their_words_change_and_forged_ones_are_dropped():
    field = define(Kind.CHOICE, "Colour", choices=COLOURS)
    said = [{"key": "green", "label": {"en": "Leaf", "es": ""}}, {"key": "forged", "label": {"en": "No", "es": ""}}]
    changed, retired = defining.change(field, label=field.label, choices=said)
    assert ([c["key"] for c in changed.choices], retired) == (["green"], [])


def test_whether_a_field_is_sensitive_stays_once_somebody_holds_a_value():
    field = define(label="Diagnosis")
    field, _retired = defining.change(field, label=field.label, sealed=True)
    person = factories.PersonFactory()
    custom.keep_sealed(person, {field.key: "a secret"})
    assert defining.holders(field) == 1
    with pytest.raises(ValidationError) as refused:
        defining.change(field, label=field.label, sealed=False)
    assert list(refused.value.message_dict) == ["sealed"]


def test_holders_of_sealed_choices_are_counted_by_marks():
    field = define(Kind.CHOICES, "Needs", choices=COLOURS, sealed=True)
    for held in (["red"], ["red", "green"], None):
        custom.keep_sealed(factories.PersonFactory(), {field.key: held})
    assert Sensitive.objects.count() == 3
    assert defining.holders(field) == 2
    assert defining.choice_holders(field) == {"red": 2, "green": 1}


def test_a_field_is_retired_and_comes_back_with_everything():
    field = define(label="School")
    person = factories.PersonFactory(custom={field.key: "Lincoln"})
    assert (defining.retire(field), defining.retire(field)) == (True, False)
    assert custom.fields_of(person) == []
    assert [words for _field, words in custom.shown(person)] == ["Lincoln"]
    assert (defining.bring_back(field), defining.bring_back(field)) == (True, False)
    assert custom.fields_of(person) == [field]


def test_only_what_nobody_holds_and_no_segment_asks_can_be_deleted():
    field = define(label="School")
    person = factories.PersonFactory(custom={field.key: "Lincoln"})
    asked = {"all": [{"any": [{"is": f"field:{field.key}", "value": {"how": "filled"}}]}]}
    segment = segments.keep(Segment(), name="S", tree=asked)
    with pytest.raises(defining.Held) as held:
        defining.remove(field)
    assert (held.value.number, held.value.uses) == (1, [segment])
    custom.keep(person, {field.key: None})
    segment.delete()
    defining.remove(field)
    assert CustomField.objects.count() == 0


def test_fields_are_moved():
    one, two, three = (define(label=label) for label in ("One", "Two", "Three"))
    other = define(label="Elsewhere", subject="organization")
    defining.move(three, -1), defining.move(one, -1)
    assert custom.fields_of("person") == [one, three, two]
    assert custom.fields_of("organization") == [other]


def test_P5_what_was_done_to_a_field_stands_in_the_audit():
    by = factories.UserFactory()
    field = define(label="School", by=by)
    defining.retire(field, by=by)
    lines = AuditLine.objects.filter(subject="coalition.customfield").order_by("pk")
    assert [(line.action, line.details["did"], line.by_name) for line in lines] == [
        ("setting", "defined", str(by)),
        ("setting", "retired", str(by)),
    ]
