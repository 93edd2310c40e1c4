"""What open rounds owe by themselves: invitations that waited for their turn, reminders, the second representative.

Beat asks every few minutes. Each round is held while it is looked at, so two workers never write the same; what was
written is read from `Ask`, so an outage is made up for once, by what is due now. Nothing closes a round by itself.
Each step holds its partners in their order and lets them go, so it never stands in the way of another round.
"""

import datetime
from collections import Counter

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from coalition import languages, quiet_hours
from coalition.models import Ask, Decision, Installation, Invitation, Publication, Round

from .asking import ASKED, invite
from .choosing import speakers
from .limits import Allowance, month_of
from .links import invitations, still_asked
from .reminding import Why, is_quiet, left_alone, remind, today_of, undecided
from .telling import ask, reachable, told

AT_ONCE = 100  # letters in one transaction
LEFT_ALONE = (Why.TIME, Why.HELD, Why.QUEUED)


def remind_due(at=None, limit=AT_ONCE):
    """Write what the open rounds owe at a moment. Returns how many were written; 0 means that nothing is due.

    Only while the coalition's hours (Installation: no text before, none after) last on the clock of a round's zone.
    """
    at, written = at or timezone.now(), 0
    rounds = Round.objects.filter(closed_at=None, deadline__gt=at).order_by("deadline", "pk")
    installation = Installation.get()
    for round_ in rounds:
        if quiet_hours.next_allowed(installation, [round_.zone], at) != at:
            continue
        for step in (_release, _remind, _ask_seconds):
            written += _held(step, round_, at, limit - written)
            if written >= limit:
                return written
    return written


@transaction.atomic
def _held(step, round_, at, limit):
    """Take one step in a round that is held meanwhile; none where somebody else is at it, or where it is over."""
    Publication.objects.steady(round_.publication_id)
    rounds = Round.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    round_ = rounds.select_related("publication").filter(pk=round_.pk, closed_at=None, deadline__gt=at).first()
    return step(round_, at, limit) if round_ else 0


def _release(round_, at, limit):
    """Ask those who waited for a new month or for their turn, or let them wait on once this month is used up."""
    day = timezone.localdate(at)
    waited = list(invitations().filter(round=round_, revoked_at=None, held_until__lte=day).order_by("pk"))
    if not waited:
        return 0
    version = round_.publication.current_version
    owing = {i.pk for i in undecided(round_)}
    allowance = Allowance.locked({i.organization_id for i in waited}, at)
    number, after = 0, month_of(at)[1]
    for invitation in waited:
        if number == limit:
            break
        row = Invitation.objects.filter(pk=invitation.pk)
        if invitation.pk not in owing or not still_asked(invitation):
            row.update(held_until=None)
        elif not reachable(invitation.representative.person):
            continue
        elif allowance.take(invitation.organization_id):
            invitation.round = round_
            row.update(held_until=None, invited_at=timezone.now(), version=version)
            key = f"invitation-{invitation.pk}"
            ask("invitation", Ask.Kind.INVITATION, invitation, version, key=key)
            for line in told(invitation, ASKED, version):
                line.save()
            number += 1
        else:
            row.update(held_until=after)
    return number


def _remind(round_, at, limit):
    """Remind those for whom a day to remind has come."""
    if is_quiet(round_, today_of(round_, at)):
        return 0
    theirs = undecided(round_)
    steps = _steps_due(round_, theirs, at)
    chosen = [i for i in theirs if i.pk in steps]
    return remind(round_, chosen, steps=steps, limit=limit).number if chosen else 0


def _steps_due(round_, theirs, at):
    """{invitation pk: days before the deadline}: a day to remind has come since they were last written to.

    Only the latest such day counts, so that days missed in an outage or a quiet period are made up for once. Whoever
    asked for time is written to on the day they named.
    """
    deadline, today = languages.local(round_.deadline, round_.zone).date(), today_of(round_, at)
    days = [deadline - datetime.timedelta(days=before) for before in round_.reminder_days]
    last = _last_days(round_, theirs)
    named = Decision.objects.live().filter(publication=round_.publication_id, choice=Decision.Choice.TIME)
    named = dict(named.values_list("organization", "until"))
    found = {}
    for invitation in theirs:
        own = [*days, *filter(None, [named.get(invitation.organization_id)])]
        passed = [day for day in own if day <= today]
        if passed and last[invitation.pk] < max(passed):
            found[invitation.pk] = max((deadline - max(passed)).days, 0)
    return found


def _last_days(round_, theirs):
    """{invitation pk: the day on which each was last written to, or at least asked}."""
    asks = Ask.objects.filter(invitation__in=theirs).order_by().values("invitation").annotate(last=Max("at"))
    last = dict(asks.values_list("invitation", "last"))
    return {i.pk: today_of(round_, last.get(i.pk, i.invited_at)) for i in theirs}


def _ask_seconds(round_, at, limit):
    """Ask the next representative of those that never answered the first, some days after a reminder (or after they
    were asked, in a round without reminders); at once where no email reaches the first any more."""
    if round_.second_after_days is None or is_quiet(round_, today_of(round_, at)):
        return 0
    theirs = undecided(round_)
    # A colleague who only reads has an invitation of their own once they open the text, and is nobody's second.
    invited = round_.invitations.exclude(representative__may_sign=False)
    number_asked = Counter(invited.values_list("organization", flat=True))
    alone = {pk for pk, reason in left_alone(round_, theirs, at).items() if reason.why in LEFT_ALONE}
    firsts = {i.organization_id: i for i in theirs if number_asked[i.organization_id] == 1}
    waited = _waited_since(round_, firsts.values())
    latest = today_of(round_, at) - datetime.timedelta(days=round_.second_after_days)
    due = {
        pk: invitation
        for pk, invitation in firsts.items()
        if pk not in alone
        and (not reachable(invitation.representative.person) or (pk in waited and waited[pk] <= latest))
    }
    seconds = []
    for pk, those in speakers(list(due)).items():
        first = due[pk].representative_id
        seconds += [each for each in those if each.pk != first and reachable(each.person)][:1]
    if not seconds:
        return 0
    colleagues = {pk: invitation.representative.person for pk, invitation in due.items()}
    return len(invite(round_, seconds[:limit], colleagues=colleagues).asked)


def _waited_since(round_, firsts):
    """{organization pk: the day since which its answer is waited for} of those that can be said to keep silent."""
    since = {}
    for each in Ask.objects.filter(invitation__in=firsts).order_by("at", "pk"):
        if each.kind != Ask.Kind.REMINDER:
            since.pop(each.organization_id, None)
            if not round_.reminder_days:
                since[each.organization_id] = today_of(round_, each.at)
        else:
            since.setdefault(each.organization_id, today_of(round_, each.at))
    return since
