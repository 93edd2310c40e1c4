"""Bring a confirmed file in, chunk after chunk: what is in stays in, whatever happens to the worker."""

import itertools
from datetime import timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from coalition.models import Import

from . import rows as reading
from .starting import forget_file
from .writing import write

STALLED = timedelta(seconds=60)


def run(batch, *, chunks=None):
    """Bring in chunk after chunk until the file ends, somebody cancels, or `chunks` are done. True while rows remain.

    Safe to run twice and beside itself: each chunk starts at the row that the database says is next.
    """
    if not Import.objects.filter(pk=batch.pk, state=Import.State.RUNNING).exists():
        return False
    try:
        with batch.file.open("rb") as file:
            return _run(batch, file, chunks)
    except (OperationalError, InterfaceError):
        raise  # the database went away: the sweep tries again
    except Exception:
        Import.objects.filter(pk=batch.pk, state=Import.State.RUNNING).update(
            state=Import.State.FAILED, error="unexpected", finished_at=timezone.now()
        )
        forget_file(batch)
        raise


def _run(batch, file, chunks):
    position, rows = None, None
    while chunks is None or chunks > 0:
        with transaction.atomic():
            batch = Import.objects.select_for_update().get(pk=batch.pk)
            if batch.state != Import.State.RUNNING:
                return False
            if position != batch.done:
                if rows:
                    rows.close()
                position, rows = batch.done, reading.rows_of(batch, file, skip=batch.done)
            chunk = list(itertools.islice(rows, reading.CHUNK))
            write(batch, chunk)
            position += len(chunk)
            over = len(chunk) < reading.CHUNK
            batch.done, batch.touched_at = position, timezone.now()
            if over:
                batch.state, batch.finished_at = Import.State.DONE, timezone.now()
            batch.save(update_fields=["done", "touched_at", "state", "finished_at"])
            if over:
                forget_file(batch)
        if over:
            return False
        chunks = None if chunks is None else chunks - 1
    return True


def stalled():
    """Imports whose worker shows no life: the sweep restarts them. Each is named once per minute."""
    late = Import.objects.filter(state=Import.State.RUNNING, touched_at__lt=timezone.now() - STALLED)
    found = list(late.values_list("pk", flat=True))
    Import.objects.filter(pk__in=found).update(touched_at=timezone.now())
    return found
