"""Take people or organizations out as a file: who asked, for what reason and with which columns is on record before the
first byte leaves (rule P5), and how many rows it was once the last one has. Which columns there are, and what stands in
them, the layer above says: `resources`.
"""

from contextlib import closing
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from coalition import audit
from coalition.models import Export

SAME_PRESS = timedelta(seconds=60)


def last_of(user, subject):
    """The export that somebody made last: its columns and kind of file are proposed again."""
    return Export.objects.filter(by=user, subject=subject).first()


@transaction.atomic
def begin(subject, *, kind, columns, query, reason, by):
    """Put on record that a file leaves. The same request within a minute is the same press of a button."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"export {by.pk}"])
    same = Export.objects.filter(
        by=by, subject=subject, kind=kind, query=query, reason=reason, at__gt=timezone.now() - SAME_PRESS
    )
    for export in same:
        if export.columns == columns:
            return export
    export = Export.objects.create(subject=subject, kind=kind, columns=columns, query=query, reason=reason, by=by)
    audit.record(
        audit.Action.EXPORT,
        export,
        details={"what": str(subject), "file": kind, "columns": columns},
        why=reason,
        by=by,
    )
    return export


def counted(export, rows):
    """The rows of an export, from a generator of them; then their number is put on record.

    Who breaks off leaves the number that left.
    """
    left, whole = 0, False
    try:
        with closing(rows):
            for row in rows:
                left += 1
                yield row
        whole = True
    finally:
        Export.objects.filter(pk=export.pk).update(rows=left, finished_at=timezone.now() if whole else None)
