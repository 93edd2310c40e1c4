"""Standing policies: how a partner wants to be asked. It is recorded once, and read by the organizer before each round.

A partner writes it at its desk; staff may write it for the partner and then say who told them.
"""

from enum import StrEnum
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from coalition import audit, languages, timeline
from coalition.models import Entry, Organization, Policy, Topic

LONGEST_LEAD = 365  # days
TOPICS = ("favours", "never")
DETAILS = ("approvers", "lead_days", "asks_a_month")


def of(organization):
    """Its policy; an unsaved, empty one while it has recorded none."""
    return Policy.objects.filter(organization=organization).first() or Policy(organization=organization)


@transaction.atomic
def keep(
    organization, *, favours, never, approvers="", lead_days=None, asks_a_month=None, person=None, by=None, who=""
):
    """Keep how an organization decides. Returns the policy, unchanged where nothing is new.

    `favours`, `never`: topics. `person`: who of the organization wrote it; or `by`, who of the staff, and `who`, in
    words, who told them. Raises ValidationError where a topic is both favoured and never signed.
    """
    favours, never = set(favours), set(never)
    if both := favours & never:
        names = languages.join_list([topic.name for topic in sorted(both, key=lambda topic: topic.position)])
        raise ValidationError(
            {"never": _("Choose for %(topics)s: you favor it, or you never sign it.") % {"topics": names}}
        )
    if by and not who.strip():
        raise ValidationError({"who": _("Enter who of the organization said so.")})
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    policy = of(organization)
    said = {"approvers": " ".join(approvers.split()), "lead_days": lead_days, "asks_a_month": asks_a_month}
    changed = [name for name in DETAILS if getattr(policy, name) != said[name]]
    for name, chosen in zip(TOPICS, (favours, never), strict=True):
        held = set(getattr(policy, name).all()) if policy.pk else set()
        changed += [name] if chosen != held else []
    if not changed:
        return policy
    for name, value in said.items():
        setattr(policy, name, value)
    policy.changed_by = person
    policy.save()
    policy.favours.set(favours)
    policy.never.set(never)
    _note(organization, changed, person=person, by=by, who=who.strip())
    audit.record(audit.Action.EDIT, policy, details={"fields": changed, "source": "staff" if by else "self"}, by=by)
    return policy


def _note(organization, changed, *, person, by, who):
    labels = [Policy._meta.get_field(name).verbose_name for name in changed]
    said = {"fields": timeline.Listed(labels), "name": who if by else person or ""}
    told = _("How it decides was recorded as %(name)s told us: %(fields)s")
    wrote = _("%(name)s changed how it decides: %(fields)s")
    timeline.note(organization, Entry.Kind.EDIT, told if by else wrote, said, by=by)


# Before asking


class Kind(StrEnum):
    """What the organizer should know of a partner before asking it; only "favours" is good news."""

    NEVER = "never"
    LEAD = "lead"
    APPROVERS = "approvers"
    FAVOURS = "favours"

    @property
    def is_good(self):
        return self is Kind.FAVOURS


class Warning(NamedTuple):
    """One sentence for the organizer, in the language that is active."""

    kind: Kind
    text: str


def warnings(publication, *, deadline, organizations, at=None):
    """{organization pk: [Warning]} of those among `organizations` whose policy says something about this publication.

    `deadline`: an aware moment, the one partners see, or None while it is not known; days are counted on its own
    calendar. A fixed number of queries, however many organizations.
    """
    topics = {topic.pk: topic for topic in publication.topics.all()}
    days = _days_until(deadline, at or timezone.now()) if deadline else None
    policies = Policy.objects.filter(organization__in=[organization.pk for organization in organizations])
    found = {}
    for policy in policies.prefetch_related(*TOPICS):
        if said := list(_said(policy, topics, days)):
            found[policy.organization_id] = said
    return found


def _days_until(deadline, at):
    there = deadline if deadline.utcoffset() else timezone.localtime(deadline)
    return (there.date() - at.astimezone(there.tzinfo).date()).days


def _said(policy, topics, days):
    never = [topic for topic in policy.never.all() if topic.pk in topics]
    favoured = [topic for topic in policy.favours.all() if topic.pk in topics]
    if never:
        text = gettext("It never signs on %(topics)s.")
        yield Warning(Kind.NEVER, text % {"topics": _names(never)})
    if policy.lead_days and days is not None and days < policy.lead_days:
        text = ngettext(
            "It needs %(number)d day to decide; days left: %(left)d.",
            "It needs %(number)d days to decide; days left: %(left)d.",
            policy.lead_days,
        )
        yield Warning(Kind.LEAD, text % {"number": policy.lead_days, "left": max(days, 0)})
    if policy.approvers:
        yield Warning(Kind.APPROVERS, gettext("Must approve: %(who)s") % {"who": policy.approvers})
    if favoured:
        yield Warning(Kind.FAVOURS, gettext("It favors %(topics)s.") % {"topics": _names(favoured)})


def _names(topics):
    return languages.join_list([topic.name for topic in topics])


def offered(*held):
    """Topics to choose from: what is not retired, and what is held already (querysets or lists of topics)."""
    kept = {topic.pk for topics in held for topic in topics}
    return [topic for topic in Topic.objects.all() if topic.retired_at is None or topic.pk in kept]
