"""The demo's own words: in both languages, and laid down once however often it is asked for."""

import random

from cms.demo.filling import fill_installation, fill_own_words
from cms.demo.filling.people import TAG_NAMES, drawing
from cms.demo.filling.words import organizer, read
from cms.demo.filling.work import numbered, query_of
from coalition import custom, lists, people, segments
from coalition.models import Constituency, CustomField, PeopleList, Region, Segment, Tag, TagGroup, Topic


def test_own_words_are_bilingual_and_laid_down_once(db):
    fill_installation(None)
    fill_own_words(None)
    kinds = (CustomField, TagGroup, Region, Constituency, Topic)
    before = [list(kind.objects.values_list("pk", flat=True)) for kind in kinds]
    said = [(row.label if kind is CustomField else row.name).data for kind in kinds for row in kind.objects.all()]
    said += [choice["label"] for field in CustomField.objects.all() for choice in field.choices]
    assert [names for names in said if sorted(filter(names.get, names)) != ["en", "es"]] == []
    assert {field.kind for field in CustomField.objects.filter(subject="person")} == set(CustomField.Kind)
    fill_own_words(None)
    assert [list(kind.objects.values_list("pk", flat=True)) for kind in kinds] == before


def test_what_segments_and_views_ask_can_be_asked(db):
    fill_installation(None)
    fill_own_words(None)
    for name in TAG_NAMES:
        people.tag_named(name)
    for row in read("work")["list"]:
        lists.keep(PeopleList(), name=row["name"], by=organizer())
    for row in read("work")["segment"]:
        tree = numbered(row["criteria"])
        segments.keep(Segment(), name=row["name"], description=row["description"], tree=tree, by=organizer())
        assert segments.problems(tree) == []
        assert segments.people(Segment.objects.get(name=row["name"])).count() == 0
    families = Tag.objects.get(slug="families").pk
    assert query_of("email=open&tag={tag:families}") == f"email=open&tag={families}"


def test_drawn_values_are_what_the_database_keeps(db):
    fill_installation(None)
    fill_own_words(None)
    rows = [row for row in read("own_words")["field"] if row["subject"] == "person" and not row.get("sealed")]
    for row in rows:
        field = CustomField.objects.get(key=row["key"])
        value = drawing(field, row)(random.Random(7))
        assert custom.clean(field, value, "en") == value
