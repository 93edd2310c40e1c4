"""Tags and their groups: counted, renamed, moved, merged, deleted; what asks for a tag follows it."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from campaigns.models import Keyword
from coalition import people, segments, tags
from coalition.models import AuditLine, SavedView, Segment, Tag, TagGroup
from tests import factories

pytestmark = pytest.mark.django_db


def tagged(*names):
    person = factories.PersonFactory()
    people.set_tags(person, names)
    return person


def tag(name):
    return Tag.objects.get(name=name)


def test_counts_leave_out_who_is_in_the_bin():
    tagged("a", "b"), tagged("a")
    gone = tagged("a")
    gone.binned_at = timezone.now()
    gone.save()
    assert tags.counts() == {tag("a").pk: 2, tag("b").pk: 1}
    assert tags.people_with(tag("a")) == 2


def test_a_name_stands_once_whatever_its_accents_and_case():
    tags.add(name="  Maestra   bilingüe ")
    assert tag("Maestra bilingüe")
    for name in ("maestra bilingue", "MAESTRA BILINGÜE", "", "a, b", "a" * 81):
        with pytest.raises(ValidationError) as refused:
            tags.add(name=name)
        assert list(refused.value.message_dict) == ["name"]
    other = tags.add(name="Other")
    with pytest.raises(ValidationError, match="There is a tag “Maestra bilingüe” already"):
        tags.change(other, name="maestra BILINGUE")
    assert tags.change(other, name="OTHER").name == "OTHER"


def test_merging_moves_people_segments_views_and_join_words():
    ana, ben, cam = tagged("old"), tagged("old", "new"), tagged("new", "third")
    old, new, third = tag("old"), tag("new"), tag("third")
    by = factories.UserFactory()
    tree = {
        "any": [
            {"all": [{"is": "tag", "value": {"value": [old.pk, third.pk], "how": "all"}}]},
            {"is": "tag", "value": [old.pk, new.pk], "not": True},
            {"is": "language", "value": "es"},
        ]
    }
    segment = segments.keep(Segment(), name="S", tree=tree)
    view = SavedView.objects.create(screen="people", name="V", query=f"tag={old.pk}&q=x", owner=by)
    word = Keyword.objects.create(word="JOIN", language="en", tag=old)
    assert tags.merge(old, new, by=by) == (new, 1)
    assert {p.pk for p in new.people.all()} == {ana.pk, ben.pk, cam.pk}
    assert not Tag.objects.filter(pk=old.pk).exists()
    segment.refresh_from_db(), view.refresh_from_db(), word.refresh_from_db()
    assert segment.criteria == {
        "any": [
            {"all": [{"is": "tag", "value": {"value": [new.pk, third.pk], "how": "all"}}]},
            {"is": "tag", "value": [new.pk], "not": True},
            {"is": "language", "value": "es"},
        ]
    }
    assert (view.query, word.tag) == (f"tag={new.pk}&q=x", new)
    line = AuditLine.objects.get(action="edit", subject="coalition.tag")
    assert (line.details, line.by) == ({"did": "merged", "into": new.pk, "kept": new.pk, "added": 1}, by)


def test_of_a_large_and_a_small_tag_the_small_one_moves_and_the_name_is_the_one_that_was_asked_for():
    everybody = [tagged("old"), tagged("old"), tagged("old", "new"), tagged("new")]
    old, new = tag("old"), tag("new")
    group = tags.add_group(name={"en": "Roles"})
    tags.change(new, name="new", group=group)
    segment = segments.keep(Segment(), name="S", tree={"all": [{"is": "tag", "value": [new.pk, old.pk]}]})
    kept, added = tags.merge(old, new)
    assert (kept.pk, added) == (old.pk, 2)
    assert (Tag.objects.get().name, Tag.objects.get().slug, Tag.objects.get().group) == ("new", "new", group)
    assert {p.pk for p in kept.people.all()} == {p.pk for p in everybody}
    segment.refresh_from_db()
    assert segment.criteria == {"all": [{"is": "tag", "value": [old.pk]}]}


def test_merging_twice_and_into_itself():
    tagged("old", "new")
    old, new = tag("old"), tag("new")
    assert tags.merge(old, new) == (new, 0)
    assert tags.merge(old, new) == (None, 0)
    with pytest.raises(ValueError, match="itself"):
        tags.merge(new, new)
    assert tags.counts() == {new.pk: 1}


def test_a_tag_in_use_is_not_deleted():
    tagged("a")
    segment = segments.keep(Segment(), name="S", tree={"all": [{"is": "tag", "value": [tag("a").pk]}]})
    with pytest.raises(tags.Held) as held:
        tags.delete(tag("a"))
    assert held.value.uses == [segment]
    segment.delete()
    assert tags.delete(tag("a")) == 1
    assert not Tag.objects.exists()


def test_groups_are_named_once_in_any_language_moved_and_deleted_without_their_tags():
    schools = tags.add_group(name={"en": "Schools", "es": "Escuelas"})
    roles = tags.add_group(name={"en": "Roles", "es": ""})
    for name in ({"en": "escuelas", "es": ""}, {"en": " ", "es": ""}):
        with pytest.raises(ValidationError):
            tags.add_group(name=name)
    tags.rename_group(schools, name={"en": "Schools", "es": "Los colegios"})
    tags.move_group(roles, -1)
    assert list(TagGroup.objects.all()) == [roles, schools]
    parent = tags.add(name="parent", group=roles)
    tags.delete_group(roles)
    parent.refresh_from_db()
    assert parent.group is None


def test_a_group_that_a_segment_asks_for_stays():
    roles = tags.add_group(name={"en": "Roles"})
    tags.add(name="parent", group=roles)
    tree = {"all": [{"is": "tag", "value": {"groups": [roles.pk]}}]}
    segment = segments.keep(Segment(), name="S", tree=tree)
    with pytest.raises(tags.Held) as held:
        tags.delete_group(roles)
    assert held.value.uses == [segment]


def test_tags_come_by_group_with_those_without_one_last():
    first = tags.add_group(name={"en": "First"})
    loose, one, two = tags.add(name="aaa"), tags.add(name="b", group=first), tags.add(name="Á", group=first)
    assert tags.grouped() == [(first, [two, one]), (None, [loose])]
    assert tags.grouped("A") == [(first, [two]), (None, [loose])]
