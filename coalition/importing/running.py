"""Bring a confirmed file in, chunk after chunk: what is in stays in, whatever happens to the worker."""

import gc
import sys
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, reset_queries, transaction
from django.utils import timezone

from coalition.models import Import
from coalition.reading_files import Unreadable

from . import rows
from .starting import forget_file, record
from .writing import write

STALLED = timedelta(seconds=60)


def run(batch, *, chunks=None):
    """Bring in chunk after chunk until the file ends, somebody cancels, or `chunks` are done. True while rows remain.

    Safe to run twice and beside itself: each chunk starts at the row that the database says is next.
    """
    if not Import.objects.filter(pk=batch.pk, state=Import.State.RUNNING).exists():
        return False
    try:
        with batch.file.open("rb") as file, _undisturbed():
            return _run(batch, file, chunks)
    except (OperationalError, InterfaceError):
        raise  # the database went away: the sweep tries again
    except FileNotFoundError:
        _fail(batch, "no_file")
    except Unreadable as refused:
        _fail(batch, str(refused))
    except Exception:
        _fail(batch, "unexpected")
        raise
    return False


@contextmanager
def _undisturbed():
    """Looking for circles among all objects of the process takes a third of the time: look at the newest, once a chunk.

    And whoever waited for the database goes on at once, not when the thread that reads ahead has had its 5 ms.
    """
    enabled, interval = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if enabled:
            gc.enable()


def _fail(batch, error):
    """Stop where it is: what is in stays in, and can be undone."""
    with transaction.atomic():
        running = Import.objects.filter(pk=batch.pk, state=Import.State.RUNNING)
        if running.update(state=Import.State.FAILED, error=error[:300], finished_at=timezone.now()):
            record(Import.objects.get(pk=batch.pk))
            forget_file(batch)


def _run(batch, file, chunks):
    position, reading = None, None
    try:
        while chunks is None or chunks > 0:
            with transaction.atomic():
                batch = Import.objects.select_for_update(of=("self",)).select_related("created_by").get(pk=batch.pk)
                if batch.state != Import.State.RUNNING:
                    return False
                if position != batch.done:
                    if reading:
                        reading.close()
                    position = batch.done
                    reading = rows.chunks_ahead(batch, file, skip=position, most=chunks)
                chunk = next(reading, None) or rows.Rows([])
                write(batch, chunk)
                position += len(chunk)
                over = len(chunk) < rows.CHUNK
                batch.done, batch.touched_at = position, timezone.now()
                if over:
                    batch.state, batch.finished_at = Import.State.DONE, timezone.now()
                    record(batch)
                    forget_file(batch)
                batch.save(update_fields=["done", "touched_at", "state", "finished_at"])
            del chunk
            gc.collect(1)  # what is new since the last chunk; see _undisturbed
            if settings.DEBUG:
                reset_queries()  # Django keeps them all, and with them the rows
            if over:
                return False
            chunks = None if chunks is None else chunks - 1
        return True
    finally:
        if reading:
            reading.close()


def stalled(state=Import.State.RUNNING):
    """Imports whose worker shows no life: the sweep restarts them. Each is named once per minute."""
    late = Import.objects.filter(state=state, touched_at__lt=timezone.now() - STALLED)
    found = list(late.values_list("pk", flat=True))
    Import.objects.filter(pk__in=found).update(touched_at=timezone.now())
    return found
