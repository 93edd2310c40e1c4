"""Two people of the staff press at once: one merge, one undo, and nobody is merged away twice."""

import threading

import pytest
from django.db import connection

from coalition import merging, people, unmerging
from coalition.models import Address, Merge, Person
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts):
    """Run these at the same moment; returns what each gave, or the refusal it met."""
    gate, given = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number, act):
        gate.wait()
        try:
            given[number] = act()
        except merging.Refused as refused:
            given[number] = refused
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


def test_two_merges_of_one_pair_are_one_merge_and_two_undos_one_undo(installation):
    one, two = (factories.PersonFactory(email=True, phone=True) for _n in range(2))
    given = at_once(*[lambda: merging.merge(one, [two])] * 2)
    assert len({done.pk for done in given}) == Merge.objects.count() == 1
    done = Merge.objects.get()
    assert sorted(at_once(*[lambda: unmerging.undo(done)] * 2)) == [False, True]
    assert Person.objects.present().count() == 2
    assert sorted(Address.objects.values_list("person", flat=True)) == sorted([one.pk, one.pk, two.pk, two.pk])


def test_opposite_merges_keep_one_of_the_two(installation):
    one, two = (factories.PersonFactory(email=True) for _n in range(2))
    given = at_once(lambda: merging.merge(one, [two]), lambda: merging.merge(two, [one]))
    assert sorted(type(each).__name__ for each in given) == ["Merge", "Refused"]
    kept = Person.objects.present().get()
    assert kept.addresses.count() == 2


def test_an_address_that_comes_in_during_a_merge_is_not_lost(installation):
    one, two = (factories.PersonFactory(email=True) for _n in range(2))
    at_once(lambda: merging.merge(one, [two]), lambda: people.add_address(one, "phone", "+14135550142"))
    assert one.addresses.count() == 3
    assert one.addresses.filter(primary=True).count() == 2
