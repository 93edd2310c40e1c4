"""One thing done to everybody who was found: frozen, in chunks, once, and undone exactly."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from coalition import bulk, people
from coalition.models import AuditLine, BulkAction, BulkChange, Entry, Listing, PeopleList, Person, Tag, Tagging
from tests import factories

pytestmark = pytest.mark.django_db
Kind, State = BulkAction.Kind, BulkAction.State


@pytest.fixture
def three(db):
    return [factories.PersonFactory(name=name) for name in ("Ana", "Ben", "Cam")]


@pytest.fixture
def staff(db):
    return factories.UserFactory()


@pytest.fixture
def tag(db):
    return Tag.objects.create(name="Educator")


def do(kind, found=None, **kwargs):
    action = bulk.start(kind, Person.objects.all() if found is None else found, **kwargs)
    assert bulk.run(action) is False
    action.refresh_from_db()
    return action


def undo(action, **kwargs):
    assert bulk.undo(action, **kwargs)
    bulk.run(action)
    action.refresh_from_db()


def tagged(tag):
    return sorted(tag.people.values_list("name", flat=True))


def changed(action):
    return {c.person.name: c.changed for c in action.changes.select_related("person")}


def test_a_tag_is_given_once_and_taken_back_exactly(three, tag, staff):
    Tagging.objects.create(person=three[0], tag=tag)
    action = do(Kind.TAG, target=tag, by=staff)
    assert (action.state, action.total, action.done) == (State.DONE, 3, 3)
    assert changed(action) == {"Ana": False, "Ben": True, "Cam": True}
    assert bulk.figures(action) == {"changed": 2, "already": 1, "waiting": 0}
    assert tagged(tag) == ["Ana", "Ben", "Cam"]
    undo(action, by=staff)
    assert (action.state, tagged(tag)) == (State.UNDONE, ["Ana"])
    lines = list(three[1].entries.values_list("text", "link", "by"))
    assert [str(text) for text, _link, _by in lines] == ["Undone: Tagged: Educator", "Tagged: Educator"]
    assert {(link, by) for _text, link, by in lines} == {(f"/admin/many/inspect/{action.pk}/", staff.pk)}
    assert not three[0].entries.exists()


def test_an_undo_leaves_alone_what_people_changed_since(three, tag):
    action = do(Kind.TAG, target=tag)
    people.set_tags(three[0], [])
    people.set_tags(three[0], ["Educator"])  # meant, by hand
    people.set_tags(three[1], [])
    undo(action)
    assert tagged(tag) == ["Ana"]


def test_a_tag_taken_away_comes_back_with_its_day(three, tag):
    first = do(Kind.TAG, Person.objects.filter(name__in=["Ana", "Ben"]), target=tag)
    action = do(Kind.UNTAG, target=tag)
    assert (changed(action), tagged(tag)) == ({"Ana": True, "Ben": True, "Cam": False}, [])
    undo(action)
    assert tagged(tag) == ["Ana", "Ben"]
    undo(first)
    assert tagged(tag) == []


def test_lists_are_filled_and_emptied(three):
    people_list = PeopleList.objects.create(name="Drivers")
    action = do(Kind.LIST, Person.objects.exclude(name="Cam"), target=people_list)
    assert sorted(people_list.people.values_list("name", flat=True)) == ["Ana", "Ben"]
    taken = do(Kind.UNLIST, target=people_list)
    assert not Listing.objects.exists()
    undo(taken)
    undo(action)
    assert not Listing.objects.exists()


def test_the_bin_is_filled_and_emptied_and_each_undo_is_exact(three, staff):
    people.move_to_bin(three[0])
    action = do(Kind.BIN, by=staff)
    assert (action.total, Person.objects.present().count()) == (2, 0)
    three[1].refresh_from_db()
    assert (three[1].binned_at, three[1].binned_by) == (action.at, staff)
    people.restore(three[1])
    people.move_to_bin(three[1])  # meant, by hand
    undo(action)
    assert [p.name for p in Person.objects.present()] == ["Cam"]
    back = do(Kind.RESTORE)
    assert (back.total, Person.objects.present().count()) == (2, 3)
    undo(back)
    assert [p.name for p in Person.objects.present()] == ["Cam"]


def test_who_was_merged_does_not_come_back_from_the_bin(three):
    Person.objects.filter(pk=three[1].pk).update(merged_into=three[0], binned_at=timezone.now())
    people.move_to_bin(three[2])
    assert do(Kind.RESTORE).total == 1
    assert sorted(p.name for p in Person.objects.present()) == ["Ana", "Cam"]


def test_whom_it_is_about_is_frozen_at_its_start(three, tag):
    action = bulk.start(Kind.TAG, Person.objects.filter(language="en"), target=tag)
    factories.PersonFactory(name="Dee")
    Person.objects.filter(name="Ana").update(language="es")
    people.move_to_bin(three[1])
    bulk.run(action)
    assert tagged(tag) == ["Ana", "Cam"]


def test_the_same_press_starts_it_once(three, tag, staff):
    one = bulk.start(Kind.TAG, Person.objects.all(), target=tag, press="abc", by=staff)
    assert bulk.start(Kind.TAG, Person.objects.all(), target=tag, press="abc", by=staff) == one
    other = bulk.start(Kind.TAG, Person.objects.all(), target=tag, press="abc", by=factories.UserFactory())
    assert other != one
    assert BulkChange.objects.filter(action=one).count() == 3


def test_a_killed_worker_is_found_and_goes_on_where_it_was(three, tag, monkeypatch):
    monkeypatch.setattr(bulk, "CHUNK", 2)
    action = bulk.start(Kind.TAG, Person.objects.all(), target=tag)
    assert bulk.run(action, chunks=1) is True
    assert BulkAction.objects.get().done == 2
    assert bulk.stalled() == []
    BulkAction.objects.update(touched_at=timezone.now() - timedelta(minutes=2))
    assert bulk.stalled() == [action.pk]
    assert bulk.stalled() == []
    bulk.run(action)
    bulk.run(action)  # a second worker finds nothing left
    action.refresh_from_db()
    assert (action.state, action.done, len(tagged(tag))) == (State.DONE, 3, 3)
    assert bulk.undo(action)
    assert bulk.undo(action) is False
    assert bulk.run(action, chunks=1) is True
    assert bulk.run(action, chunks=1) is False
    assert (tagged(tag), Entry.objects.count()) == ([], 6)


def test_it_fails_plainly_where_the_tag_is_gone(three, tag):
    action = bulk.start(Kind.TAG, Person.objects.all(), target=tag)
    tag.delete()
    assert bulk.run(action) is False
    action.refresh_from_db()
    assert (action.state, action.error) == (State.FAILED, "gone")


def test_P5_what_was_done_and_undone_is_in_the_record(three, staff):
    action = do(Kind.BIN, by=staff)
    undo(action, by=staff)
    lines = [
        (x.action, x.subject_id, x.details, x.by)
        for x in AuditLine.objects.filter(subject="coalition.bulkaction").order_by("pk")
    ]
    details = {"kind": "bin", "people": 3}
    assert lines == [("bin", str(action.pk), details, staff), ("undo", str(action.pk), details, staff)]


def test_a_chunk_takes_as_many_statements_for_many_as_for_one(three, tag):
    action = bulk.start(Kind.TAG, Person.objects.filter(name="Ana"), target=tag)
    with CaptureQueriesContext(connection) as one:
        bulk.run(action)
    more = bulk.start(Kind.TAG, Person.objects.exclude(name="Ana"), target=tag)
    with CaptureQueriesContext(connection) as two:
        bulk.run(more)
    assert len(one) == len(two)
