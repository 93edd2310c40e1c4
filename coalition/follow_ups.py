"""Follow-ups: something to do about a person or an organization, by somebody of the staff, until a day."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import timeline
from coalition.models import Entry, FollowUp, Organization


def about(follow_up):
    """The person or the organization it is about."""
    return follow_up.person or follow_up.organization


@transaction.atomic
def add(whose, *, text, due, owner=None, by=None):
    """Something to do about a person or an organization. `due` is a day."""
    held = {"organization": whose} if isinstance(whose, Organization) else {"person": whose}
    follow_up = FollowUp.objects.create(text=" ".join(text.split()), due=due, owner=owner, created_by=by, **held)
    _note(follow_up, _("To do: %(text)s"), by)
    return follow_up


@transaction.atomic
def change(follow_up, *, text, due, owner, by=None):
    """Correct it, put it off, or hand it to somebody else."""
    follow_up = FollowUp.objects.select_for_update(of=("self",)).get(pk=follow_up.pk)
    handed_over = owner != follow_up.owner
    follow_up.text, follow_up.due, follow_up.owner = " ".join(text.split()), due, owner
    follow_up.save()
    if handed_over and owner:
        said = {"text": follow_up.text, "name": owner.first_name or owner}
        timeline.note(about(follow_up), Entry.Kind.FOLLOW_UP, _("Handed to %(name)s: %(text)s"), said, by=by)
    return follow_up


@transaction.atomic
def done(follow_up, *, by=None):
    """It is done. False where it was already."""
    if not FollowUp.objects.filter(pk=follow_up.pk, done_at=None).update(done_at=timezone.now(), done_by=by):
        return False
    _note(follow_up, _("Done: %(text)s"), by)
    return True


@transaction.atomic
def reopen(follow_up, *, by=None):
    """It is not done after all. False where it was open already."""
    if not FollowUp.objects.filter(pk=follow_up.pk, done_at__isnull=False).update(done_at=None, done_by=None):
        return False
    _note(follow_up, _("To do again: %(text)s"), by)
    return True


@transaction.atomic
def delete(follow_up, *, by=None):
    """It was a mistake; the timeline keeps that it stood there."""
    _note(follow_up, _("No longer to do: %(text)s"), by)
    follow_up.delete()


def _note(follow_up, text, by):
    timeline.note(about(follow_up), Entry.Kind.FOLLOW_UP, text, {"text": follow_up.text}, by=by)
