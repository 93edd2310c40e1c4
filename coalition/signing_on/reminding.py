"""Remind the undecided, and nobody else."""

from django.db import transaction
from django.utils import timezone

from coalition import languages
from coalition.counting import standings
from coalition.models import Notice, Round

from .links import invitations, still_asked
from .refusals import RoundClosed
from .telling import owe


def undecided(round_):
    """Invitations of the organizations that owe an answer on the current text and can still give it, as a list."""
    decided = {pk for pk, where in standings(round_.publication).items() if where.decided}
    open_ = invitations().filter(round=round_, revoked_at=None, representative__may_sign=True)
    return [i for i in open_ if i.organization_id not in decided and still_asked(i)]


@transaction.atomic
def remind(round_, whom, *, by=None):
    """Remind these, at most once a day each. Returns how many reminders were written."""
    if Round.objects.filter(pk=round_.pk).exclude(closed_at=None).exists():
        raise RoundClosed
    version = round_.publication.current_version
    day = f"{languages.local(timezone.now(), round_.zone):%Y%m%d}"
    keys = {invitation: f"reminder-{invitation.pk}-{day}" for invitation in whom}
    today = set(Notice.objects.filter(key__in=keys.values()).values_list("key", flat=True))
    written = [
        owe("reminder", invitation, version, key=key, by=by) for invitation, key in keys.items() if key not in today
    ]
    return sum(notice is not None for notice in written)


def remind_undecided(round_, *, by=None):
    """Remind everybody who owes an answer, at most once a day. Returns how many reminders were written."""
    return remind(round_, undecided(round_), by=by)
