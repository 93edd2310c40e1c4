"""Sealed fields: unreadable in the database, opened by any of the keys, sealed anew under the first."""

import json

import pytest
from django.core import serializers
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.management import call_command
from django.db import connection

from coalition import belonging, checks, custom, defining, merging
from coalition.models import Constituency, Merge, Person, Sensitive
from coalition.models.sealing import marks_for, seal, unseal
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana():
    Constituency.objects.create(slug="families", name={"en": "Families", "es": "Familias"})
    defining.define(subject="person", kind="text", label={"en": "Health"}, key="health", sealed=True)
    ana = factories.PersonFactory(name="Ana Núñez")
    belonging.declare(ana, ["families"], source="self")
    custom.keep_sealed(ana, {"health": "asma"})
    return ana


def stored(person):
    """The row as a copy of the database holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(s)::text FROM coalition_sensitive s WHERE person_id = %s",
            [person.pk],
        )
        return cursor.fetchone()[0]


def test_nothing_in_the_column_can_be_read(ana):
    copied = stored(ana)
    for word in ("families", "asma", "health"):
        assert word not in copied
    row = Sensitive.objects.get()
    assert (row.constituencies, row.custom) == (["families"], {"health": "asma"})


def test_the_same_value_is_sealed_differently_each_time():
    assert seal(["families"]) != seal(["families"])
    assert unseal(seal({"a": ["ñ", 1, None]})) == {"a": ["ñ", 1, None]}


def test_what_is_empty_stays_empty(ana):
    custom.keep_sealed(ana, {"health": None})
    assert json.loads(stored(ana))["custom"] == ""


def test_a_sealed_field_cannot_be_searched(ana):
    for lookup in ("constituencies", "custom__contains", "custom__isnull"):
        with pytest.raises(FieldError):
            Sensitive.objects.filter(**{lookup: "families"}).exists()


def test_a_dump_stays_sealed_and_loads_again(ana):
    dumped = serializers.serialize("json", Sensitive.objects.all())
    assert "asma" not in dumped
    Sensitive.objects.all().delete()
    for row in serializers.deserialize("json", dumped):
        row.save()
    assert Sensitive.objects.get().custom == {"health": "asma"}


def test_a_new_key_in_front_opens_and_finds_what_the_old_one_sealed(ana, settings):
    families = belonging.condition(["families"])
    settings.FIELD_KEYS = ["new", *settings.FIELD_KEYS]
    assert Sensitive.objects.get().custom == {"health": "asma"}
    assert list(Person.objects.filter(families)) == [ana]
    assert list(Person.objects.filter(belonging.condition(["families"]))) == [ana]


def test_after_resealing_the_old_key_can_go(ana, settings, capsys):
    other = factories.PersonFactory(name="Ana Núñez")
    belonging.declare(other, ["families"], source="self")
    merging.merge(ana, [other])
    old = settings.FIELD_KEYS
    settings.FIELD_KEYS = ["new", *old]
    call_command("reseal", chunk=1)
    settings.FIELD_KEYS = ["new"]
    row = Sensitive.objects.get(person=ana)
    assert (row.constituencies, row.custom) == (["families"], {"health": "asma"})
    assert row.marks == sorted([marks_for("constituency:families")[0], marks_for("field:health")[0]])
    assert list(Person.objects.filter(belonging.condition(["families"]), pk=ana.pk)) == [ana]
    for merge in Merge.objects.all():
        for step in merge.record["steps"]:
            if step[0] == "sealed":
                assert [unseal(sealed) for sealed in step[2:]]
    assert "sealed under the first key" in capsys.readouterr().out
    call_command("reseal")  # again changes nothing that could be seen
    assert Sensitive.objects.get(person=ana).custom == {"health": "asma"}


def test_a_missing_key_says_what_to_do(ana, settings):
    settings.FIELD_KEYS = ["another"]
    with pytest.raises(ImproperlyConfigured, match="FIELD_KEYS lacks the key it was sealed under"):
        Sensitive.objects.get()
    for empty in ([], [""], ["  "]):
        settings.FIELD_KEYS = empty
        with pytest.raises(ImproperlyConfigured, match="FIELD_KEYS is empty"):
            seal("x")
        with pytest.raises(ImproperlyConfigured, match="FIELD_KEYS is empty"):
            marks_for("x")


def test_the_check_warns_where_the_key_of_fields_is_the_secret_key(settings):
    settings.DEBUG = False
    settings.SECRET_KEY, settings.FIELD_KEYS = "s", ["s"]
    assert "coalition.W005" in [found.id for found in checks.secrets(None)]
    settings.FIELD_KEYS = ["own"]
    assert "coalition.W005" not in [found.id for found in checks.secrets(None)]


def test_marks_do_not_say_what_they_stand_for_and_differ_by_key(settings):
    (one,) = marks_for("constituency:families")
    settings.FIELD_KEYS = ["new"]
    (other,) = marks_for("constituency:families")
    assert one != other
    assert len(one) == 24
    assert "families" not in one
