"""The audit: every act that touches what people trust us with leaves a line that nobody can change (rule P5).

A door opens a context that says from where; verbs record in their own transaction, so that no line tells of what was
rolled back. Lines name records and fields, never personal data.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, time, timedelta
from typing import NamedTuple

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import models
from django.db.models import F
from django.utils import timezone

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


# Reading it


class Page(NamedTuple):
    lines: list
    older: int | None  # the line before which the next page begins


def find(*, words="", action="", since=None, until=None, subject="", subject_id="", by=None):
    """Lines that match, newest first. `words` are looked for in who did it and why, by the index of both."""
    found = AuditLine.objects.order_by("-pk")
    if words:
        folded = filter(None, ("".join(c if c.isalnum() else " " for c in words)).split())
        query = SearchQuery(" & ".join(f"{word}:*" for word in folded), search_type="raw", config="simple")
        document = SearchVector("by_name", "why", config="simple")
        # "+ 0" keeps the planner from reading every line by its key in the hope of an early match.
        found = found.alias(document=document).filter(document=query).order_by(-(F("pk") + 0))
    if action:
        found = found.filter(action=action)
    if since:
        found = found.filter(at__gte=_midnight(since))
    if until:
        found = found.filter(at__lt=_midnight(until + timedelta(days=1)))
    if subject:
        found = found.filter(subject=subject)
    if subject_id:
        found = found.filter(subject_id=subject_id)
    return found.filter(by=by) if by else found


def _midnight(day):
    return timezone.make_aware(datetime.combine(day, time.min))


def page(found, *, before=None, size=50):
    """One page of lines, found by the line it begins after: the thousandth costs what the first does."""
    if before is not None:
        found = found.filter(pk__lt=before)
    lines = list(found[: size + 1])
    return Page(lines[:size], lines[size - 1].pk if len(lines) > size else None)
