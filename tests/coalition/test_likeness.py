"""How alike two people are: names in every shape, addresses, places; and families, who share addresses."""

import pytest

from coalition import likeness
from coalition.likeness import compare, keys_of, looks_of, reason_words


def looks(name="", given="", family="", city="Springfield", code="01103", street="", emails=(), phones=()):
    found = looks_of(1, name or f"{given} {family}".strip(), given, family, city, code, street)
    found.emails.update(emails)
    found.phones.update(phones)
    return found


def score(one, other):
    assert compare(one, other) == compare(other, one)
    return compare(one, other)[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José Núñez", "JOSE NUNEZ"),  # accents and case
        ("José Núñez", "Núñez José"),  # order
        ("García, Ana", "Ana García"),
        ("Pepe Núñez", "José Núñez"),
        ("Bob Miller", "Robert Miller"),
        ("Beto Rojas", "Roberto Rojas"),
        ("Jon Smith", "John Smith"),
        ("A. Ortiz", "Ana Ortiz"),
        ("Ana Núñez Ortiz", "Ana Núñez"),  # one of two last names
        ("María José Peña", "María Peña"),
        ("Dr. Ana Ortiz", "Ana Ortiz"),
        ("Katherine O'Brien", "Katie OBrien"),
    ],
)
def test_the_same_person_under_two_names(one, other):
    assert score(looks(one), looks(other)) >= 60
    assert score(looks(one, emails={"a@x.org"}), looks(other, emails={"a@x.org"})) >= 85
    assert keys_of(looks(one)) & keys_of(looks(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana Núñez", "Luis Núñez"),
        ("María Elena Peña", "María José Peña"),
        ("Robert Miller Jr", "Robert Miller Sr"),
        ("Ana Núñez", "L. Núñez"),
    ],
)
def test_a_family_shares_its_addresses_and_is_not_one_person(one, other):
    shared = {"emails": {"family@x.org"}, "phones": {"+14135550142"}, "street": "5 Elm St"}
    assert score(looks(one, **shared), looks(other, **shared)) == 0


def test_one_name_in_two_towns_is_nothing_yet():
    assert score(looks("Ana Ortiz"), looks("Ana Ortiz", city="Boston", code="02108")) < 60
    assert score(looks("Ana Ortiz"), looks("Ana Ortiz", city="", code="")) >= 60


def test_a_name_that_is_missing_does_not_hide_a_shared_address():
    found, reasons = compare(looks("", phones={"+14135550142"}), looks("Ana Ortiz", phones={"+14135550142"}))
    assert found >= 60
    assert reasons[:2] == ["nameless", "phone"]


@pytest.mark.parametrize(
    ("change", "certain"),
    [
        ({}, True),
        ({"code": "", "city": ""}, True),
        ({"code": "02108"}, False),
        ({"street": "9 Oak Ave"}, False),
        ({"phones": {"+14135550199"}}, False),
        ({"emails": {"other@x.org"}}, False),
        ({"name": "A. Ortiz"}, False),
        ({"name": "Ana Ortiz Jr"}, False),
    ],
)
def test_certain_means_that_nothing_speaks_against_it(change, certain):
    base = {"name": "Ana Ortiz", "street": "5 Elm St", "emails": {"a@x.org"}, "phones": {"+14135550142"}}
    _score, reasons = compare(looks(**base), looks(**(base | change)))
    assert ("certain" in reasons) is certain


def test_reasons_are_said_in_words():
    said = reason_words(["email", "alike:92", "zip", "what no longer exists"])
    assert said == ["same email", "names 92 % alike", "same ZIP code"]
    assert all(str(words) for words in likeness.REASONS.values())


@pytest.mark.parametrize("name", ["", "Ana", "😀", "李 小龍", "عائشة", "Dr", "Jr", "x" * 200, "- , -", "Mr. Dr."])
def test_no_name_is_too_strange(name):
    compare(looks(name), looks(name))
    keys_of(looks(name))
