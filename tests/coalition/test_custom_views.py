"""The pages that define fields, and the forms that have a field as soon as it is defined."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coalition import accounts, custom, defining
from coalition.accounts import Role
from coalition.models import CustomField
from tests import factories

pytestmark = pytest.mark.django_db
INDEX = "fields:index"


def staff(client, role):
    client.user = accounts.give_role(factories.UserFactory(is_superuser=False), role)
    client.force_login(client.user)
    return client


@pytest.fixture
def administrator(client):
    return staff(client, Role.ADMINISTRATOR)


def entered(*choices, **kwargs):
    rows = {"choices-TOTAL_FORMS": len(choices), "choices-INITIAL_FORMS": 0}
    for number, choice in enumerate(choices):
        rows |= {f"choices-{number}-{name}": value for name, value in choice.items()}
    said = {"subject": "person", "kind": "text", "label_0": "School", "label_1": "Escuela", "hint_0": "", "hint_1": ""}
    return said | {"key": ""} | kwargs | rows


def define(**kwargs):
    return defining.define(**{"subject": "person", "kind": "text", "label": {"en": "School", "es": "Escuela"}} | kwargs)


COLOURS = [{"label": {"en": "Red", "es": "Rojo"}}, {"label": {"en": "Green", "es": "Verde"}}]


def test_defining_a_field_with_choices_in_the_order_that_was_said(administrator):
    rows = [
        {"label_en": "Red", "label_es": "Rojo", "position": "2"},
        {"label_en": "Green", "label_es": "Verde", "position": "1"},
        {"label_en": "", "label_es": "", "position": ""},
    ]
    response = administrator.post(reverse("fields:add"), entered(*rows, kind="choices", label_0="Colours"))
    assert response.url == reverse(INDEX)
    field = CustomField.objects.get()
    assert (field.key, field.kind, [c["key"] for c in field.choices]) == ("colours", "choices", ["green", "red"])


def test_P1_what_is_forbidden_is_said_beside_the_label_and_nothing_is_kept(administrator):
    response = administrator.post(reverse("fields:add"), entered(label_0="Social Security number"))
    assert response.status_code == 422
    assert "This asks for a Social Security number." in response.content.decode()
    assert 'value="Social Security number"' in response.content.decode()
    assert CustomField.objects.count() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": ""},
        {"kind": "made-up"},
        {"label_0": "", "label_1": ""},
        {"key": "email"},
        {"subject": "organization", "sealed": "on"},
    ],
)
def test_a_field_half_said_is_refused(administrator, wrong):
    assert administrator.post(reverse("fields:add"), entered(**wrong)).status_code == 422
    assert CustomField.objects.count() == 0


def test_more_rows_keep_what_was_entered(administrator):
    row = {"label_en": "Red", "label_es": "Rojo", "position": "1"}
    response = administrator.post(reverse("fields:add"), entered(row, kind="choice", more="1"))
    page = response.content.decode()
    assert response.status_code == 200
    assert ('value="Red"' in page, page.count("Choice (English)")) == (True, 4)
    assert "Something needs your attention" not in page
    assert CustomField.objects.count() == 0


def test_a_held_choice_that_is_left_out_is_retired_and_the_page_says_how_many_hold_it(administrator):
    field = define(kind="choice", choices=COLOURS)
    factories.PersonFactory(custom={"school": "red"})
    url = reverse("fields:edit", args=[field.pk])
    page = administrator.get(url).content.decode()
    assert ("1 holds it" in page, "0 hold it" in page) == (True, True)
    rows = [
        {"key": "red", "label_en": "Red", "label_es": "Rojo", "position": "1", "remove": "on"},
        {"key": "green", "label_en": "Leaf", "label_es": "Hoja", "position": "2"},
    ]
    page = administrator.post(url, entered(*rows), follow=True).content.decode()
    assert "“Red” is no longer offered. 1 record holds it and keeps it." in page
    field.refresh_from_db()
    assert [(c["key"], c["label"]["en"], bool(c.get("retired"))) for c in field.choices] == [
        ("green", "Leaf", False),
        ("red", "Red", True),
    ]


def test_key_subject_and_kind_stay_whatever_is_sent(administrator):
    field = define()
    administrator.post(
        reverse("fields:edit", args=[field.pk]),
        entered(kind="number", subject="organization", key="other", label_0="Another"),
    )
    field.refresh_from_db()
    assert (field.key, field.kind, field.subject, str(field)) == ("school", "text", "person", "Another")


def test_retiring_bringing_back_and_moving_are_presses(administrator):
    first, second = define(), define(label={"en": "Second"})
    for name, args in (("retire", []), ("bring_back", []), ("move", ["down"])):
        assert administrator.get(reverse(f"fields:{name}", args=[first.pk, *args])).status_code == 405
    administrator.post(reverse("fields:retire", args=[first.pk]))
    assert custom.fields_of("person") == [second]
    administrator.post(reverse("fields:bring_back", args=[first.pk]))
    administrator.post(reverse("fields:move", args=[first.pk, "down"]))
    assert custom.fields_of("person") == [second, first]


def test_deleting_is_asked_once_more_and_refused_while_somebody_holds_it(administrator):
    field = define()
    person = factories.PersonFactory(custom={"school": "Lincoln"})
    url = reverse("fields:delete", args=[field.pk])
    assert url not in administrator.get(reverse("fields:edit", args=[field.pk])).content.decode()
    assert administrator.post(url).status_code in (302, 403)
    assert CustomField.objects.count() == 1
    custom.keep(person, {"school": None})
    assert "cannot be undone" in administrator.get(url).content.decode()
    assert CustomField.objects.count() == 1
    administrator.post(url)
    assert CustomField.objects.count() == 0
    assert administrator.post(url).status_code == 404


@pytest.mark.parametrize("role", [Role.ORGANIZER, Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_only_administrators_define(client, role):
    field = define()
    staff(client, role)
    may_look = role == Role.ORGANIZER
    assert (client.get(reverse(INDEX)).status_code == 200) is may_look
    for name, args in (("add", []), ("edit", [field.pk]), ("delete", [field.pk]), ("retire", [field.pk])):
        client.get(reverse(f"fields:{name}", args=args))
        client.post(reverse(f"fields:{name}", args=args), entered(label_0="Changed"))
    assert [(str(f), f.retired_at) for f in CustomField.objects.all()] == [("School", None)]


def test_the_list_asks_as_many_queries_for_one_field_as_for_thirty(administrator):
    define()

    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert administrator.get(reverse(INDEX)).status_code == 200
        return len(queries)

    asked()
    one = asked()
    for number in range(29):
        define(label={"en": f"Field {number}"})
    assert asked() == one


def test_a_field_is_in_the_form_and_on_the_page_of_people_at_once(client):
    define(kind="number", label={"en": "Children", "es": "Hijos"})
    define(kind="choices", key="help", choices=COLOURS, label={"en": "Help", "es": "Ayuda"})
    define(key="health", sealed=True, label={"en": "Health", "es": "Salud"})
    organizer = staff(client, Role.ORGANIZER)
    person = factories.PersonFactory(name="Ana", email="ana@x.example.org")
    url = reverse("people:edit", args=[person.pk])
    page = organizer.get(url).content.decode()
    assert ("custom_children" in page, "custom_health" in page) == (True, False)
    said = {"name": "Ana", "language": "en", "tags": "", "custom_health": "forged"}
    response = organizer.post(url, said | {"custom_children": "many", "custom_help": ["red"]})
    assert "Enter a number, such as 12 or 1.5" in response.content.decode()
    assert 'value="many"' in response.content.decode()
    organizer.post(url, said | {"custom_children": "1,5", "custom_help": ["green", "red"]})
    person.refresh_from_db()
    assert person.custom == {"children": 1.5, "help": ["red", "green"]}
    assert custom.sealed_values(person) == {}
    page = organizer.get(reverse("people:inspect", args=[person.pk])).content.decode()
    assert ("<dt>Children</dt><dd>1.5</dd>" in page, "<dd>Red and Green</dd>" in page) == (True, True)
    assert any("Children" in str(entry.text) for entry in person.entries.filter(kind="edit"))


def test_a_retired_choice_stays_with_who_holds_it_and_is_offered_to_nobody_else(client):
    field = define(kind="choice", choices=COLOURS)
    holder, other = factories.PersonFactory(custom={"school": "red"}), factories.PersonFactory()
    defining.change(field, label=field.label, choices=[field.choices[0] | {"retired": True}, field.choices[1]])
    organizer = staff(client, Role.ORGANIZER)
    pages = [organizer.get(reverse("people:edit", args=[p.pk])).content.decode() for p in (holder, other)]
    assert [">Red<" in page for page in pages] == [True, False]


def test_a_field_of_organizations_is_in_their_form_and_on_their_page(client):
    define(subject="organization", kind="date", label={"en": "Founded", "es": "Fundada"})
    organizer = staff(client, Role.ORGANIZER)
    organization = factories.OrganizationFactory()
    url = reverse("organizations:edit", args=[organization.pk])
    assert "custom_founded" in organizer.get(url).content.decode()
    said = {"name": organization.name, "kind": "education", "scope": "local", "stage": "partner", "printed_name_0": ""}
    organizer.post(url, said | {"custom_founded": "2001-05-04"})
    organization.refresh_from_db()
    assert organization.custom == {"founded": "2001-05-04"}
    page = organizer.get(reverse("organizations:inspect", args=[organization.pk])).content.decode()
    assert "May 4, 2001" in page
