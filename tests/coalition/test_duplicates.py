"""The search for duplicates: what it finds, what it never asks again, how it goes on, and what may merge by itself."""

from datetime import timedelta

import pytest
from django.utils import timezone

from coalition import duplicates, merging, people, tasks, unmerging
from coalition.models import AuditLine, CustomField, DuplicateSearch, Installation, Lookalike, MatchKey, Merge, Person
from tests import factories

pytestmark = pytest.mark.django_db


def person(given="Ana", family="Núñez", **details):
    return factories.PersonFactory(given_name=given, family_name=family, **details)


def find(**options):
    search, new = duplicates.start(**options)
    assert new
    assert not duplicates.run(search)
    search.refresh_from_db()
    assert search.state == "done"
    return search


def pairs(**kwargs):
    return set(Lookalike.objects.filter(**kwargs).values_list("first", "second"))


def later():
    """As if the last search had been a while ago, before anything that happens now."""
    past = timezone.now() - timedelta(hours=1)
    Person.objects.update(updated_at=past)
    DuplicateSearch.objects.update(until=past + duplicates.OVERLAP + timedelta(minutes=1))
    people.Address.objects.update(created_at=past)


def test_finds_each_way_of_being_alike_once(installation):
    base = person(email="ana@x.example.org", phone="+14135550142")
    address = person(city="", zip="", email="ana@x.example.org")
    phone = person(given="Anna", city="", zip="", phone="+14135550142")
    place = person(given="A.")
    mailbox = person(city="", zip="", email="ana.nunez@a.example.org")
    provider = person(city="", zip="", email="ana.nunez@b.example.org")
    person(given="Luis", email="ana@x.example.org")  # a family
    person(city="Boston", zip="02108", email="boston@x.example.org")
    binned = person(email="ana@x.example.org", binned_at=timezone.now())
    search = find()
    found = pairs()
    assert {(base.pk, address.pk), (base.pk, phone.pk), (base.pk, place.pk), (mailbox.pk, provider.pk)} <= found
    assert all(first < second for first, second in found)
    assert not any(binned.pk in pair for pair in found)
    assert (search.total, search.found) == (2 * 8, len(found))
    assert list(duplicates.waiting()) == sorted(Lookalike.objects.all(), key=lambda p: (-p.score, p.pk))


def test_a_decision_is_remembered_and_a_pair_that_no_longer_looks_alike_goes(installation):
    first, second = person(email="ana@x.example.org"), person(email="ana@x.example.org")
    third, fourth = person("Luz", "Rojas"), person("Luz", "Rojas")
    find()
    assert pairs() == {(first.pk, second.pk), (third.pk, fourth.pk)}
    pair = Lookalike.objects.get(first=first)
    staff = factories.UserFactory()
    assert duplicates.keep_apart(pair, by=staff)
    assert not duplicates.keep_apart(pair)  # pressing twice decides once
    later()
    people.change(fourth, details={"given_name": "Pilar", "name": "Pilar Rojas"})
    people.change(second, details={"city": "Holyoke"})
    search = find()
    assert search.since is not None
    assert search.total == 4  # two people, each read and compared
    assert list(Lookalike.objects.values_list("first", "second", "state", "decided_by")) == [
        (first.pk, second.pk, "different", staff.pk)
    ]
    find(everybody=True)
    assert list(Lookalike.objects.values_list("state", flat=True)) == ["different"]
    assert duplicates.ask_again(pair)
    assert duplicates.waiting().count() == 1


def test_a_new_address_alone_makes_somebody_be_compared(installation):
    first, second = person("Ana", "Núñez", zip="", city=""), person("Anita", "Núñez Ortiz", zip="", city="")
    find()
    assert pairs() == set()
    later()
    assert not duplicates.due()
    for each in (first, second):
        people.add_address(each, "phone", "+14135550142")
    assert duplicates.due()
    find()
    assert pairs() == {(first.pk, second.pk)}


def test_a_crowded_block_is_left_to_finer_keys(installation, monkeypatch):
    monkeypatch.setattr(duplicates, "BLOCK", 5)
    Person.objects.bulk_create(
        Person(
            name=f"Maria{n} Garcia",
            given_name=f"Maria{n}",
            family_name="Garcia",
            zip="02108",
            search=f"maria{n} garcia",
        )
        for n in range(9)
    )
    twins = [Person.objects.get(name="Maria3 Garcia"), person("Maria3", "Garcia", zip="02108", city="")]
    search = find()
    assert pairs() == {tuple(sorted(p.pk for p in twins))}
    assert search.compared == 1


def test_a_killed_search_goes_on_where_it_stood(installation, monkeypatch):
    monkeypatch.setattr(duplicates, "CHUNK", 2)
    for _number in range(5):
        person(email="ana@x.example.org")
    search, new = duplicates.start()
    again, newer = duplicates.start(everybody=True)
    assert (again, new, newer) == (search, True, False)  # pressing twice joins the one that runs
    assert duplicates.run(search, chunks=2)
    assert duplicates.stalled() == []
    DuplicateSearch.objects.update(touched_at=timezone.now() - timedelta(minutes=5))
    assert duplicates.stalled() == [search.pk]
    while duplicates.run(search, chunks=1):
        pass
    search.refresh_from_db()
    assert (search.state, search.done, len(pairs())) == ("done", 10, 10)
    assert not duplicates.run(search)
    assert MatchKey.objects.filter(person__in=Person.objects.all()).values("person").distinct().count() == 5


def test_what_a_form_brought_together_waits_for_somebody(installation):
    one = person("Ana", "Núñez")
    two = person("Luis", "Rojas")
    people.may_be_one(one, two)
    find()
    assert pairs(state="open") == {(one.pk, two.pk)}


def test_nothing_merges_by_itself_unless_it_is_switched_on(installation):
    same = [person(email="ana@x.example.org") for _n in range(2)]
    field = CustomField.objects.create(key="school", kind="text", label={"en": "School"})
    apart = [person("Luz", "Rojas", email="luz@x.example.org", custom={"school": name}) for name in ("North", "East")]
    changed = [person("Eva", "Peña", email="eva@x.example.org") for _n in range(2)]
    find()
    assert duplicates.certain().count() == 3
    assert not duplicates.merge_certain(limit=10)
    assert Merge.objects.count() == 0
    Installation.objects.update(merge_certain=True)
    people.change(changed[1], details={"zip": "02108", "city": "Boston"})
    tasks.merge_certain()
    done = Merge.objects.get()
    assert (done.kept, done.record["people"], done.automatic, done.by) == (same[0], [same[1].pk], True, None)
    assert AuditLine.objects.get(action="merge").details["automatic"] is True
    assert duplicates.certain().count() == 0  # the two others wait for somebody
    assert pairs(state="open") == {tuple(p.pk for p in apart), tuple(p.pk for p in changed)}
    unmerging.undo(done)
    find(everybody=True)
    tasks.merge_certain()
    assert Merge.objects.count() == 1  # what somebody took apart no rule makes one again
    assert field.label


def test_who_is_merged_is_found_no_more(installation):
    one, two = person(email="ana@x.example.org"), person(email="ana@x.example.org")
    find()
    merging.merge(one, [two])
    assert duplicates.waiting().count() == 0
    assert not MatchKey.objects.filter(person=two).exists()
    find()
    assert pairs(state="open") == set()


def test_beats_round_searches_only_when_somebody_changed(installation, monkeypatch):
    queued = []
    monkeypatch.setattr(tasks.find_duplicates, "delay", queued.append)
    tasks.look_for_duplicates()
    assert queued == []
    person()
    tasks.look_for_duplicates()
    tasks.look_for_duplicates()
    assert queued == [DuplicateSearch.objects.get().pk]
