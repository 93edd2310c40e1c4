"""Whom to ask in a round: the first representative of each partner, and what would become of asking them."""

from dataclasses import dataclass, field

from coalition.counting import standings
from coalition.models import Decision, Organization, Representative

from .limits import Allowance
from .standing import authorizations_for
from .telling import reachable

SIGNED = (Decision.Choice.SIGN, Decision.Choice.SUPPORT)


def speakers(organizations, among=None):
    """{organization pk: [those who may sign for it, in the order in which they are asked]}. Two queries.

    `among`: a queryset of people; only they are looked at.
    """
    found = {}
    asked = Representative.objects.filter(organization__in=organizations, may_sign=True, person__binned_at=None)
    if among is not None:
        asked = asked.filter(person__in=among)
    for representative in (
        asked.select_related("person", "organization").prefetch_related("person__addresses").order_by("position", "pk")
    ):
        found.setdefault(representative.organization_id, []).append(representative)
    return found


def first_to_ask(organizations, among=None):
    """One representative for each organization that somebody may sign for: the first whom email reaches, else the
    first."""
    return [
        next((each for each in theirs if reachable(each.person)), theirs[0])
        for theirs in speakers(organizations, among).values()
    ]


@dataclass
class Plan:
    """What becomes of asking representatives now."""

    asked: list = field(default_factory=list)  # written to at once
    held: list = field(default_factory=list)  # [(representative, day)]: the limit of their organization is used up
    standing: list = field(default_factory=list)  # [(representative, authorization)]: signs at once
    answered: list = field(default_factory=list)  # their organization signed or supports this very text
    outside: list = field(default_factory=list)  # the scope of their organization is not asked
    unreachable: list = field(default_factory=list)
    already: list = field(default_factory=list)


def plan(publication, representatives, *, scopes=(), already=None, allowance=None, again=False):
    """Sort representatives by what becomes of asking them. A fixed number of queries.

    `scopes`: which organizations may sign; empty, all of them. `already`: {key of a representative asked before: key
    of its organization}. `again`: signers of an earlier text, whom neither a limit nor a scope keeps from hearing, and
    for whom nothing signs but a person (G2).
    """
    keys = [representative.pk for representative in representatives]
    wanted = list(
        Representative.objects.filter(pk__in=keys, person__binned_at=None, organization__binned_at=None)
        .exclude(organization__stage=Organization.Stage.LEFT)
        .select_related("organization", "person")
        .prefetch_related("person__addresses")
        .order_by("position", "pk")
    )
    already, organizations = already or {}, {each.organization_id: each.organization for each in wanted}
    allowance = allowance or Allowance(organizations)
    where = standings(publication, organizations)
    signed = {pk for pk, stands in where.items() if stands.current and stands.live.choice in SIGNED}
    new = [organization for pk, organization in organizations.items() if pk not in already.values()]
    signs = {} if again else authorizations_for(new, publication)
    found = Plan()
    for each in wanted:
        if each.pk in already:
            found.already.append(each)
        elif scopes and each.organization.scope not in scopes and not again:
            found.outside.append(each)
        elif not reachable(each.person):
            found.unreachable.append(each)
        elif each.organization_id in signed:
            found.answered.append(each)
        elif each.organization_id in signs:
            found.standing.append((each, signs[each.organization_id]))
            signed.add(each.organization_id)
        elif again or allowance.take(each.organization_id):
            found.asked.append(each)
        else:
            found.held.append((each, allowance.next_month))
    return found
