"""The queue's door to imports: found in the database, safe to run twice, restarted by the sweep."""

from datetime import timedelta

import pytest
from django.utils import timezone

from coalition import importing, tasks
from coalition.models import Import, Person
from tests.coalition.test_importing import nationbuilder, private_files, upload  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def queued(monkeypatch):
    """The keys that tasks queued."""
    keys = []
    monkeypatch.setattr(tasks.import_people, "delay", keys.append)
    return keys


def test_a_turn_queues_the_next_while_rows_remain(queued, monkeypatch):
    monkeypatch.setattr(importing.rows, "CHUNK", 2)
    monkeypatch.setattr(tasks, "IMPORT_CHUNKS", 1)
    batch = upload(*[nationbuilder(n) for n in range(5)])
    importing.start(batch)
    tasks.import_people(batch.pk)
    assert (queued, Person.objects.count()) == ([batch.pk], 2)
    tasks.import_people(batch.pk)
    tasks.import_people(batch.pk)
    tasks.import_people(batch.pk)
    assert Person.objects.count() == 5
    assert Import.objects.get().state == "done"


def test_an_import_that_is_gone_or_not_confirmed_does_nothing(queued):
    batch = upload(nationbuilder(1))
    tasks.import_people(batch.pk)
    tasks.import_people(999)
    assert (queued, Person.objects.count()) == ([], 0)


def test_the_sweep_restarts_what_stalled(queued, monkeypatch):
    monkeypatch.setattr(tasks.send_notices, "delay", lambda: None)
    batch = upload(nationbuilder(1))
    importing.start(batch)
    tasks.sweep()
    assert queued == []
    Import.objects.filter(pk=batch.pk).update(touched_at=timezone.now() - timedelta(minutes=5))
    tasks.sweep()
    assert queued == [batch.pk]
