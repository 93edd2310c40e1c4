"""A real worker on a real Redis and PostgreSQL, as in production: fed, starved, and killed."""

import os
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
import redis
from django.conf import settings
from django.db import connection

from coalition import embedded, notices, tasks
from coalition.celery import app
from coalition.models import Address, Notice, SimulatedText

pytestmark = [pytest.mark.service, pytest.mark.django_db(transaction=True)]
ADDRESS = "+14135550123"


@pytest.fixture(autouse=True)
def queue():
    """An empty queue that cannot be a demo's or a live installation's."""
    if not settings.REDIS_URL:
        pytest.skip("REDIS_URL names no Redis.")
    server = redis.Redis.from_url(settings.REDIS_URL)
    app.control.purge()
    yield server
    app.control.purge()
    server.close()


@pytest.fixture
def start_worker():
    """Start `celery worker` as the Procfile does, on this test's database."""
    started = []
    here = connection.settings_dict
    login = quote(here["USER"]) + (f":{quote(here['PASSWORD'])}" if here["PASSWORD"] else "")
    database = f"postgres://{login}@{quote(here['HOST'], safe='')}:{here['PORT'] or 5432}/{here['NAME']}"
    mine = {"DJANGO_SETTINGS_MODULE": "coalition.settings", "DATABASE_URL": database, "TEXT_PROVIDER": "simulated"}
    environment = {**os.environ, **mine, "LOG_LEVEL": "WARNING"}

    def start():
        command = [sys.executable, "-m", "celery", "--app", "coalition", "--quiet", "worker", "--concurrency", "2"]
        process = subprocess.Popen(command, cwd=embedded.CHECKOUT, env=environment, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(30)


def owe(key):
    return notices.write(
        "receipt", channel=Address.Channel.PHONE, value=ADDRESS, language="es", key=key, text=f"Hola, {key}"
    )


def wait_for_sent(*owed, seconds=30):
    deadline = time.monotonic() + seconds
    waiting = Notice.objects.filter(pk__in=[notice.pk for notice in owed]).exclude(state=Notice.State.SENT)
    while waiting.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(waiting.values_list("state", "error")) == []


def test_what_is_owed_leaves_through_the_worker_once(start_worker):
    start_worker()
    owed = [owe(f"notice {number}") for number in range(45)]
    for _ in range(3):
        tasks.send_notices.delay()
    wait_for_sent(*owed)
    texts = SimulatedText.objects.values_list("body", flat=True)
    assert sorted(texts) == sorted(notice.text for notice in owed)


def test_losing_the_queue_loses_nothing(start_worker, queue):
    owed = owe("while nobody worked")
    tasks.send_notices.delay()
    queue.delete("celery")
    start_worker()
    tasks.sweep.delay()  # as beat does every few seconds
    wait_for_sent(owed)


def test_a_killed_worker_is_replaced_and_nothing_is_sent_twice(start_worker):
    first = start_worker()
    before = owe("before")
    tasks.send_notices.delay()
    wait_for_sent(before)
    first.kill()
    first.wait(10)
    after = owe("after")
    tasks.send_notices.delay()
    start_worker()
    wait_for_sent(before, after)
    assert SimulatedText.objects.filter(number=ADDRESS).count() == 2
