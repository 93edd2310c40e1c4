"""The audit: every act that touches what people trust us with leaves a line that nobody can change (rule P5).

A door opens a context that says from where; verbs record in their own transaction, so that no line tells of what was
rolled back. Lines name records and fields, never personal data.
"""

from contextlib import contextmanager
from contextvars import ContextVar

from django.db import models

from coalition.models import AuditLine

Action = AuditLine.Action
_context = ContextVar("audit", default=None)


@contextmanager
def acting(*, by=None, origin=""):
    """Whatever is recorded inside was done by this user, from there (an IP address, "worker", a command's name)."""
    token = _context.set({"by": by, "origin": origin})
    try:
        yield
    finally:
        _context.reset(token)


def is_migrating():
    """Whether a migration is at work: the roles it makes and tops up are the software's own, no act of somebody."""
    return (_context.get() or {}).get("origin") == "migrate"


def line(action, subject=None, *, details=None, why="", by=None, origin=""):
    """An unsaved line, for verbs that write many at once."""
    context = _context.get() or {}
    by = by or context.get("by")
    by = by if getattr(by, "pk", None) else None
    label, pk = "", ""
    if isinstance(subject, models.Model):
        label, pk = subject._meta.label_lower, str(subject.pk or "")
    elif subject is not None:
        label = subject._meta.label_lower
    return AuditLine(
        action=action,
        subject=label,
        subject_id=pk,
        details=details or {},
        why=why[:300],
        by=by,
        by_name=str(by)[:254] if by else "",
        origin=(origin or context.get("origin", ""))[:64],
    )


def record(action, subject=None, *, details=None, why="", by=None, origin=""):
    """Append one line. `subject` is a record, or a model class where it is about many; `details` is JSON."""
    written = line(action, subject, details=details, why=why, by=by, origin=origin)
    written.save(force_insert=True)
    return written
