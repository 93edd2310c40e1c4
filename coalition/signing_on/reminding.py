"""Remind the undecided, and nobody else: at most once a day, within their limit, and not in a quiet period."""

import datetime
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import languages
from coalition.counting import standings
from coalition.models import Ask, Decision, Publication, Round

from .limits import Allowance
from .links import invitations, still_asked
from .refusals import RoundClosed
from .telling import ask, ask_by_text, reachable


class Why(StrEnum):
    """Why somebody who owes an answer is not reminded now."""

    QUIET = "quiet"
    TIME = "time"
    HELD = "held"
    QUEUED = "queued"
    TODAY = "today"
    LIMIT = "limit"
    UNREACHABLE = "unreachable"

    @property
    def text(self):
        return WORDS[self]


WORDS = {
    Why.QUIET: _("The quiet period lasts until %(day)s."),
    Why.TIME: _("It asked for time until %(day)s."),
    Why.HELD: _("Its limit of emails a month is used up: it is asked from %(day)s on."),
    Why.QUEUED: _("Its invitation is about to leave."),
    Why.TODAY: _("It was written to today."),
    Why.LIMIT: _("Its limit of emails a month is used up until %(day)s."),
    Why.UNREACHABLE: _("No email reaches those who may sign."),
}


class Reason(NamedTuple):
    """Why an organization is left out, and the day until which; None where no day is known."""

    why: Why
    day: datetime.date | None = None

    @property
    def text(self):
        """One sentence for the organizer, in the language that is active."""
        return str(self.why.text) % {"day": languages.format_date(self.day)} if self.day else str(self.why.text)


@dataclass
class Reminded:
    """What became of a wish to remind: how many reminders were written, and {organization pk: Reason} of the rest."""

    number: int = 0
    left_out: dict = field(default_factory=dict)

    @property
    def reasons(self):
        """[(why, how many organizations)], the most frequent first."""
        return Counter(reason.why for reason in self.left_out.values()).most_common()


def hold_round(pk):
    """A round with its publication, held until the transaction ends; answers may be recorded meanwhile."""
    rounds = Round.objects.select_for_update(of=("self",), no_key=True)
    return rounds.select_related("publication").get(pk=pk)


def undecided(round_):
    """Invitations of the organizations that owe an answer on the current text and can still give it, as a list."""
    decided = {pk for pk, where in standings(round_.publication).items() if where.decided}
    open_ = invitations().filter(round=round_, revoked_at=None, representative__may_sign=True)
    open_ = open_.order_by("representative__position", "pk")
    return [i for i in open_ if i.organization_id not in decided and still_asked(i)]


def is_quiet(round_, day):
    """Whether no reminder leaves on this day, by the clock of the round's zone."""
    return bool(round_.quiet_from and round_.quiet_until and round_.quiet_from <= day <= round_.quiet_until)


def today_of(round_, at=None):
    return languages.local(at or timezone.now(), round_.zone).date()


def reminded_today(round_, theirs, at=None):
    """The keys of these invitations that had a reminder today, on the clock of the round's zone."""
    at = languages.local(at or timezone.now(), round_.zone)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    asks = Ask.objects.filter(invitation__in=theirs, kind=Ask.Kind.REMINDER, at__gte=midnight)
    return set(asks.values_list("invitation", flat=True))


def left_alone(round_, theirs, at=None):
    """{organization pk: Reason} of those of these undecided that get no reminder now, whoever sends it."""
    today = today_of(round_, at)
    organizations = {i.organization_id for i in theirs}
    if is_quiet(round_, today):
        return dict.fromkeys(organizations, Reason(Why.QUIET, round_.quiet_until))
    waits = Decision.objects.live().filter(publication=round_.publication_id, choice=Decision.Choice.TIME)
    waits = dict(waits.filter(organization__in=organizations, until__gt=today).values_list("organization", "until"))
    found = {pk: Reason(Why.TIME, until) for pk, until in waits.items()}
    done_today = reminded_today(round_, theirs, at)
    asked = defaultdict(list)
    for invitation in theirs:
        asked[invitation.organization_id].append(invitation)
    for pk in organizations - found.keys():
        open_ = [i for i in asked[pk] if i.held_until is None]
        if not open_:
            day = min(i.held_until for i in asked[pk])
            found[pk] = Reason(Why.HELD, day) if day > timezone.localdate(at) else Reason(Why.QUEUED)
        elif all(i.pk in done_today for i in open_):
            found[pk] = Reason(Why.TODAY)
        elif not any(reachable(i.representative.person) for i in open_):
            found[pk] = Reason(Why.UNREACHABLE)
    return found


def why_not_now(round_, at=None):
    """{organization pk: Reason} of the undecided that “Remind” would leave out now, their limit included."""
    theirs = undecided(round_)
    found = left_alone(round_, theirs, at)
    allowance = Allowance({i.organization_id for i in theirs} - found.keys(), at)
    for pk, number in allowance.left.items():
        if number == 0:
            found[pk] = Reason(Why.LIMIT, allowance.next_month)
    return found


@transaction.atomic
def remind(round_, whom, *, by=None, steps=None, limit=None):
    """Remind those of these invitations that still owe an answer, at most once a day each. Returns a Reminded.

    `steps`: {invitation pk: how many days before the deadline it was due}, for those that nobody sends by hand.
    `limit`: no more than this many now. Raises RoundClosed.
    """
    Publication.objects.steady(round_.publication_id)
    round_ = hold_round(round_.pk)
    if round_.closed_at:
        raise RoundClosed
    allowance = Allowance.locked({i.organization_id for i in whom})  # from here on none of them can answer meanwhile
    chosen = {i.pk for i in whom}
    theirs = [i for i in undecided(round_) if i.pk in chosen]
    done = Reminded(left_out=left_alone(round_, theirs))
    done_today = reminded_today(round_, theirs)
    version, day = round_.publication.current_version, f"{today_of(round_):%Y%m%d}"
    written, over = set(), set()
    for invitation in theirs:
        if done.number == limit:
            break
        own = invitation.organization_id
        if own in done.left_out or invitation.held_until or invitation.pk in done_today:
            continue
        if not reachable(invitation.representative.person):
            continue
        if not allowance.take(own):
            over.add(own)
            continue
        invitation.round, step = round_, (steps or {}).get(invitation.pk)
        key = f"reminder-{invitation.pk}-{day}"
        ask("reminder", Ask.Kind.REMINDER, invitation, version, key=key, by=by, step=step)
        written.add(own)
        done.number += 1
        if round_.by_text and allowance.left.get(own) != 0:
            text_key = f"reminder-text-{invitation.pk}-{day}"
            if ask_by_text(invitation, version, key=text_key, by=by, step=step):
                allowance.take(own)
    done.left_out |= dict.fromkeys(over - written, Reason(Why.LIMIT, allowance.next_month))
    return done


def remind_undecided(round_, *, by=None):
    """Remind everybody who owes an answer, at most once a day. Returns a Reminded."""
    return remind(round_, undecided(round_), by=by)
