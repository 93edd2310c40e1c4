"""A worker is killed with SIGKILL in the middle of an import, and another one brings in the rest."""

import subprocess
import sys
import time

import pytest
from django.core.files.base import ContentFile
from django.db import connection

from coalition import embedded, importing
from coalition.models import Address, Entry, Import, Person

pytestmark = [pytest.mark.service, pytest.mark.django_db(transaction=True)]
ROWS = 20_000
WORK = """
import sys
from tests import benchmarks
benchmarks.setup()
benchmarks.attach(sys.argv[1])
from tests.benchmarks import imports
imports.prepare(sys.argv[2])
from coalition import importing
from coalition.models import Import
importing.run(Import.objects.get(pk=int(sys.argv[3])))
"""


def test_a_worker_killed_in_the_middle_doubles_nobody_and_loses_nobody(settings, tmp_path):
    settings.STORAGES = settings.STORAGES | {
        "private": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    }
    lines = "".join(f"{n},Ana,Pérez {n},ana.{n}@people.example.org,02108\n" for n in range(ROWS))
    file = ContentFile(f"nationbuilder_id,first_name,last_name,email,primary_zip\n{lines}".encode())
    batch = importing.upload(file, "people.csv")
    importing.start(batch)
    name = connection.settings_dict["NAME"]
    command = [sys.executable, "-c", WORK, name, str(tmp_path), str(batch.pk)]
    worker = subprocess.Popen(command, cwd=embedded.CHECKOUT)
    deadline = time.monotonic() + 120
    while not Import.objects.get(pk=batch.pk).done and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)  # into the middle of a chunk
    worker.kill()
    worker.wait()
    held = Import.objects.get(pk=batch.pk)
    assert 0 < held.done < ROWS
    assert Person.objects.count() == held.done == held.results.count()
    assert importing.run(batch) is False
    counts = [model.objects.count() for model in (Person, Address, Entry)]
    assert (Import.objects.get(pk=batch.pk).state, counts) == ("done", [ROWS, ROWS, ROWS])
    assert importing.report(batch)[0]["new"] == ROWS
