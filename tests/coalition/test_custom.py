"""Values of the coalition's own fields: taken in as people write them, shown, compared, kept."""

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override

from coalition import custom
from coalition.models import CustomField
from tests import factories

pytestmark = pytest.mark.django_db
Kind = CustomField.Kind


def field(kind, **kwargs):
    return CustomField(kind=kind, key=kwargs.pop("key", "a_field"), label={"en": "A field", "es": "Un campo"}, **kwargs)


GRADES = [
    {"key": "k", "label": {"en": "Kindergarten", "es": "Kínder"}},
    {"key": "first", "label": {"en": "First, with reading", "es": "Primero, con lectura"}},
    {"key": "old", "label": {"en": "Old one", "es": "Antiguo"}, "retired": True},
]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("12", 12),
        (12.0, 12),
        (1.5, 1.5),
        ("1,5", 1.5),
        ("1.5", 1.5),
        ("1,234", 1234),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567),
        ("1 234", 1234),
        ("$1,200", 1200),
        ("-3", -3),
        ("  ", None),
        (None, None),
    ],
)
def test_a_number_is_read_as_people_write_it_in_both_languages(given, stored):
    assert custom.clean(field(Kind.NUMBER), given) == stored


@pytest.mark.parametrize("given", ["twelve", "1,2,3", "1.2.3", "--1", "inf", "nan", float("inf"), True, "10" * 8, [1]])
def test_what_is_no_number_is_refused(given):
    with pytest.raises(ValidationError):
        custom.clean(field(Kind.NUMBER), given)


@pytest.mark.parametrize(
    ("given", "english", "spanish"),
    [
        ("5/4/2026", "2026-05-04", "2026-04-05"),
        ("25/4/2026", "2026-04-25", "2026-04-25"),
        ("4/25/2026", "2026-04-25", "2026-04-25"),
        ("5/4/26", "2026-05-04", "2026-04-05"),
        ("2026-05-04", "2026-05-04", "2026-05-04"),
        ("2026-05-04 00:00:00", "2026-05-04", "2026-05-04"),
        ("5/4/2026 0:00", "2026-05-04", "2026-04-05"),
        ("May 4, 2026", "2026-05-04", "2026-05-04"),
        ("4th of May 2026", "2026-05-04", "2026-05-04"),
        ("4 de mayo de 2026", "2026-05-04", "2026-05-04"),
        ("lunes, 4 de mayo de 2026", "2026-05-04", "2026-05-04"),
        ("4 SEPT. 2026", "2026-09-04", "2026-09-04"),
        (datetime.datetime(2026, 5, 4, 13), "2026-05-04", "2026-05-04"),
        (datetime.date(2026, 5, 4), "2026-05-04", "2026-05-04"),
    ],
)
def test_a_date_is_read_as_people_write_it(given, english, spanish):
    assert custom.clean(field(Kind.DATE), given, "en") == english
    assert custom.clean(field(Kind.DATE), given, "es") == spanish


@pytest.mark.parametrize("given", ["soon", "31/31/2026", "2026-02-30", "May 2026", "0026-05-04", "9999-05-04", "5"])
def test_what_is_no_day_is_refused(given):
    with pytest.raises(ValidationError):
        custom.clean(field(Kind.DATE), given)


@pytest.mark.parametrize("given", [True, "yes", "Y", "SÍ", "si", "x", "1", "verdadero", 1, 1.0])
def test_yes_in_both_languages(given):
    assert custom.clean(field(Kind.YES_NO), given) is True


@pytest.mark.parametrize("given", [False, "no", "No", "N", "0", "falso", 0])
def test_no_in_both_languages(given):
    assert custom.clean(field(Kind.YES_NO), given) is False


def test_a_choice_is_known_by_key_and_by_its_label_in_any_language():
    grade = field(Kind.CHOICE, choices=GRADES)
    assert [custom.clean(grade, said) for said in ("k", "KINDER", "kínder", "Kindergarten")] == ["k"] * 4
    assert custom.clean(grade, "Old one") == "old"  # a file may still say it
    with pytest.raises(ValidationError, match="“Second” is not one of the choices: Kindergarten and First, with"):
        custom.clean(grade, "Second")


def test_several_choices_come_as_a_list_or_in_one_cell():
    grades = field(Kind.CHOICES, choices=GRADES)
    assert custom.clean(grades, ["first", "k", "k"]) == ["k", "first"]
    assert custom.clean(grades, "Kínder; Primero, con lectura") == ["k", "first"]
    assert custom.clean(grades, "First, with reading") == ["first"]
    assert custom.clean(grades, "k, old") == ["k", "old"]
    assert custom.clean(grades, []) is None


def test_refusals_speak_the_readers_language_and_a_text_is_bounded():
    assert custom.clean(field(Kind.TEXT), "  two   words\x00 \r\n and lines ") == "two words\nand lines"
    assert custom.clean(field(Kind.TEXT), 12.0) == "12"
    with pytest.raises(ValidationError, match="Use at most 1000 characters"):
        custom.clean(field(Kind.TEXT), "a" * 1001)


@pytest.mark.parametrize(
    ("kind", "value", "english", "spanish"),
    [
        (Kind.TEXT, "as it is", "as it is", "as it is"),
        (Kind.NUMBER, 1234.5, "1,234.5", "1,234.5"),
        (Kind.NUMBER, 0, "0", "0"),
        (Kind.DATE, "2026-05-04", "May 4, 2026", "4 de mayo de 2026"),
        (Kind.CHOICE, "k", "Kindergarten", "Kínder"),
        (Kind.CHOICE, "gone", "gone", "gone"),
        (Kind.CHOICES, ["k", "old"], "Kindergarten and Old one", "Kínder y Antiguo"),
        (Kind.YES_NO, False, "No", "No"),
        (Kind.YES_NO, None, "", ""),
    ],
)
def test_a_value_is_shown_in_the_readers_language(kind, value, english, spanish):
    shown = field(kind, choices=GRADES)
    assert custom.show(shown, value) == english
    assert custom.show(shown, value, "es") == spanish


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TEXT, "as it is"),
        (Kind.NUMBER, 1234.5),
        (Kind.DATE, "2026-05-04"),
        (Kind.CHOICE, "first"),
        (Kind.CHOICES, ["k", "first"]),
        (Kind.YES_NO, False),
        (Kind.YES_NO, True),
    ],
)
@pytest.mark.parametrize("language", ["en", "es"])
def test_what_leaves_in_a_file_comes_back_as_it_was(kind, value, language):
    whole = field(kind, choices=GRADES)
    with override(language):
        assert custom.clean(whole, custom.cell(whole, value)) == value


def test_sameness():
    assert custom.same(field(Kind.TEXT), "two  words", "two words")
    assert custom.same(field(Kind.CHOICES), ["k", "old"], ["old", "k"])
    assert custom.same(field(Kind.YES_NO), None, "")
    assert not custom.same(field(Kind.YES_NO), False, None)
    assert not custom.same(field(Kind.NUMBER), 0, None)


def made(kind=Kind.TEXT, key="school", **kwargs):
    label = kwargs.pop("label", {"en": key.capitalize(), "es": f"{key.capitalize()} (es)"})
    return CustomField.objects.create(kind=kind, key=key, label=label, **kwargs)


def test_fields_come_in_their_order_and_apart():
    second, first = made(key="b", position=2), made(key="a", position=1)
    sealed, retired = made(key="c", sealed=True, position=3), made(key="d", position=4, retired_at="2026-01-01T00:00Z")
    of_organizations = made(key="a", subject="organization")
    person = factories.PersonFactory()
    assert custom.fields_of(person) == [first, second, sealed]
    assert custom.fields_of("person", sealed=False) == [first, second]
    assert custom.fields_of(type(person), sealed=False, retired=True) == [first, second, retired]
    assert custom.fields_of(factories.OrganizationFactory()) == [of_organizations]


def test_keeping_lays_values_over_what_is_held_and_says_what_changed():
    school, age = made(key="school"), made(Kind.NUMBER, key="age")
    person = factories.PersonFactory(custom={"school": "Lincoln", "of_another_time": "stays"})
    assert custom.keep(person, {"school": "Lincoln ", "age": 7}) == [age]
    assert custom.keep(person, {"school": None}) == [school]
    person.refresh_from_db()
    assert person.custom == {"age": 7, "of_another_time": "stays"}


def test_what_a_page_shows_has_no_sealed_values():
    made(Kind.YES_NO, key="reads"), made(key="note", sealed=True), made(Kind.NUMBER, key="age")
    person = factories.PersonFactory(custom={"reads": True, "note": "never here", "age": 0, "unknown": "x"})
    assert [(f.key, words) for f, words in custom.shown(person)] == [("reads", "Yes"), ("age", "0")]
