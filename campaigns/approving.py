"""A second pair of eyes: somebody is asked to read a message, and approves it or sends it back with a note.

Whoever changed it last cannot approve it, and an approval is for the words and the audience as they stood: it falls
when either changes.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from campaigns import composing
from campaigns.models import Message
from coalition import notices
from coalition.models import Installation, User

READERS = ["send_message", "change_message"]


class OwnWords(Exception):
    """Whoever changed the words, or whom they are for, last does not approve them."""


class Changed(Exception):
    """The words, or whom they are for, are not those any more that the reader saw."""


@dataclass
class Approval:
    """How it stands. `state`: "" (nobody was asked), "asked", "approved", "sent_back"; `by` and `at` of that state."""

    required: bool
    state: str = ""
    by: User | None = None
    at: datetime | None = None
    note: str = ""

    @property
    def misses(self):
        """Whether it keeps the message from leaving."""
        return self.required and self.state != "approved"


def standing(message, installation=None):
    """The Approval of a message."""
    found = Approval((installation or Installation.get()).second_reader)
    approved, changed = message.approved_at, composing.last_change(message)
    if approved and not (changed and approved < changed):
        found.state, found.by, found.at = "approved", message.approved_by, approved
    elif message.approval_asked_at:
        found.state, found.by, found.at = "asked", message.approval_asked_of, message.approval_asked_at
    elif message.sent_back_at:
        found.state, found.by, found.at = "sent_back", message.sent_back_by, message.sent_back_at
    found.note = message.approval_note if found.state in ("approved", "sent_back") else ""
    return found


def last_writer(message):
    """Who changed its words, or whom they are for, last; else who began it."""
    changed = Message.objects.filter(pk=message.pk).values("changed_by")
    if found := User.objects.filter(pk__in=changed).first():
        return found
    content = message.contents.exclude(written_by=None).select_related("written_by").order_by("-updated_at").first()
    return content.written_by if content else message.created_by


def readers(message):
    """The staff who can be asked: they may change or send messages, and did not change this one last."""
    allowed = Permission.objects.filter(content_type__app_label="campaigns", codename__in=READERS)
    may = Q(is_superuser=True) | Q(user_permissions__in=allowed) | Q(groups__permissions__in=allowed)
    writer = last_writer(message)
    found = User.objects.filter(pk__in=User.objects.filter(may, is_active=True).values("pk"))
    return found.exclude(pk=writer.pk if writer else None).order_by("first_name", "last_name", "email")


def waiting():
    """A condition on messages: drafts of which somebody was asked, and that nobody has answered."""
    return Q(state=Message.State.DRAFT, approval_asked_at__isnull=False)


@transaction.atomic
def ask(message, *, of, by):
    """Ask a colleague to read it, and owe them an email that says so. Raises composing.Fixed, OwnWords."""
    row = composing.draft_of(message)
    if of == last_writer(row):
        raise OwnWords
    _set(message, approval_asked_of=of, approval_asked_at=timezone.now())
    return _tell(message, of, "message_approval", by=by)


@transaction.atomic
def approve(message, *, by, note="", seen=None):
    """Say that it may leave. `seen`: what `composing.as_read` said then. Raises composing.Fixed, OwnWords, Changed."""
    row = _answerable(message, by, seen)
    _set(message, approved_by=by, approved_at=timezone.now(), approval_note=note.strip())
    return _tell(message, last_writer(row), "message_answer", by=by, approved=True)


@transaction.atomic
def send_back(message, *, by, note, seen=None):
    """Say what has to change first. Raises composing.Fixed, OwnWords, Changed."""
    row = _answerable(message, by, seen)
    _set(message, sent_back_by=by, sent_back_at=timezone.now(), approval_note=note.strip())
    return _tell(message, last_writer(row), "message_answer", by=by, approved=False)


def _answerable(message, by, seen):
    row = composing.draft_of(message)
    if by == last_writer(row):
        raise OwnWords
    if seen is not None and seen != composing.as_read(row):
        raise Changed
    return row


def _set(message, **values):
    """One state of the approval at a time."""
    cleared = {
        "approval_asked_of": None,
        "approval_asked_at": None,
        "approved_by": None,
        "approved_at": None,
        "approval_note": "",
        "sent_back_by": None,
        "sent_back_at": None,
    }
    for name, value in (cleared | values).items():
        setattr(message, name, value)
    Message.objects.filter(pk=message.pk).update(**cleared | values)


def _tell(message, user, kind, *, by, **context):
    """Owe a member of staff an email in the language they chose for the back office. Returns the notice, or None."""
    if user is None or not user.is_active or user == by:
        return None
    return notices.write_to_staff(
        kind,
        user,
        key=f"{kind}-{message.pk}-{user.pk}-{timezone.now().timestamp():.6f}",
        context={
            "message": message,
            "by": by,
            "link": settings.PUBLIC_URL + reverse("messages:check", args=[message.pk]),
            **context,
        },
        by=by,
    )
