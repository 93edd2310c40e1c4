"""Choose partners for a round: the table, what is known of each, and the last look before it happens."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from wagtail.admin import messages

from coalition import forecasting, languages, policies, signing_on
from coalition.models import Decision, Organization, Representative
from coalition.signing_on import limits, standing
from coalition.signing_on.choosing import SIGNED


@dataclass
class Known:
    """What the organizer should know of a partner before asking it."""

    warnings: list = field(default_factory=list)
    habit: forecasting.Habit | None = None
    authorization: object = None
    held_until: object = None
    allowed: int | None = None  # emails a month
    signed: object = None  # the version it signed

    @property
    def usual_days(self):
        return forecasting.whole(self.habit.median_days)

    @property
    def is_warned(self):
        return self.held_until is not None or any(not warning.kind.is_good for warning in self.warnings)


def known_of(publication, organizations, *, deadline=None, at=None):
    """{organization pk: Known}, in a fixed number of queries."""
    warnings = policies.warnings(publication, deadline=deadline, organizations=organizations, at=at)
    habits = forecasting.habits(organizations, at=at)
    signs = standing.authorizations_for(organizations, publication)
    held, allowed = limits.held_until(organizations, at), limits.limits(organizations)
    live = Decision.objects.live().filter(publication=publication, choice__in=SIGNED)
    signed = {decision.organization_id: decision.version for decision in live.select_related("version")}
    return {
        each.pk: Known(
            warnings=warnings.get(each.pk, []),
            habit=habits[each.pk],
            authorization=signs.get(each.pk),
            held_until=held[each.pk],
            allowed=allowed[each.pk],
            signed=signed.get(each.pk),
        )
        for each in organizations
    }


@dataclass
class Row:
    """One partner of the last look: who is asked for it, how, and what is known of it."""

    representative: Representative
    known: Known
    held_until: object = None
    authorization: object = None
    answered: bool = False
    by_text: bool = False

    @property
    def organization(self):
        return self.representative.organization


class Choosing:
    """For a page on which partners of `publication` are chosen."""

    def choosing_context(self, partners_form, chosen=()):
        """`partners`: [(organization, [who may sign], whether it is chosen, Known)] in alphabetical order."""
        organizations = sorted(partners_form.open, key=lambda each: languages.sort_key(each.name))
        speakers = signing_on.speakers(organizations)
        known = known_of(self.publication, organizations)
        if partners_form.is_bound:
            chosen = set(partners_form.data.getlist("organizations"))
        return {
            "partners_form": partners_form,
            "partners": [(o, speakers.get(o.pk, []), str(o.pk) in chosen, known[o.pk]) for o in organizations],
            "scopes": Organization.Scope.choices,
            "kinds": Organization.Kind.choices,
        }

    def asked_context(self, partners_form, *, deadline, scopes=(), by_text=False):
        """Who would be asked and how, who cannot be, and everything to know first. Nothing is written."""
        partners = partners_form.partners()
        representatives = partners_form.representatives()
        known = known_of(self.publication, partners, deadline=deadline)
        plan = signing_on.plan(self.publication, representatives, scopes=scopes)
        rows = [Row(each, known[each.organization_id], by_text=self._texted(each, by_text)) for each in plan.asked]
        rows += [Row(each, known[each.organization_id], held_until=day) for each, day in plan.held]
        rows += [Row(each, known[each.organization_id], authorization=a) for each, a in plan.standing]
        rows += [Row(each, known[each.organization_id], answered=True) for each in plan.answered]
        rows.sort(key=lambda row: languages.sort_key(row.organization.name))
        spoken_for = {each.organization_id for each in representatives}
        silent = [partner for partner in partners if partner.pk not in spoken_for]
        return {
            "chosen": partners_form.cleaned_data["organizations"],
            "segment": partners_form.cleaned_data.get("segment"),
            "rows": rows,
            "asked": plan.asked,
            "held": plan.held,
            "signs": plan.standing,
            "never_in_time": deadline and [row for row in rows if row.held_until and row.held_until > deadline.date()],
            "warned": [row for row in rows if row.known.is_warned],
            "left_out": [
                *((each.organization, _("this round does not ask its scope")) for each in plan.outside),
                *(
                    (each.organization, _("no email reaches %(name)s") % {"name": each.person})
                    for each in plan.unreachable
                ),
                *((each, _("nobody may sign for it yet")) for each in silent),
            ],
        }

    def _texted(self, representative, by_text):
        return bool(by_text and signing_on.texted(representative.person))


def say_invited(request, invited):
    """Tell the organizer what became of the invitations."""
    if number := len(invited.asked):
        messages.success(
            request,
            ngettext("%(number)s invitation is on its way.", "%(number)s invitations are on their way.", number)
            % {"number": number},
        )
    if number := len(invited.queued):
        messages.success(
            request,
            ngettext(
                "%(number)s more invitation leaves in the next minutes, or in the morning when it is late.",
                "%(number)s more invitations leave in the next minutes, or in the morning when it is late.",
                number,
            )
            % {"number": number},
        )
    if number := len(invited.signed):
        messages.success(
            request,
            ngettext(
                "%(number)s partner signed at once, by its standing authorization.",
                "%(number)s partners signed at once, by their standing authorizations.",
                number,
            )
            % {"number": number},
        )
    if number := len(invited.held):
        messages.warning(
            request,
            ngettext(
                "%(number)s partner used up its limit of emails a month. The text is on its desk; the email follows "
                "next month.",
                "%(number)s partners used up their limit of emails a month. The text is on their desks; the emails "
                "follow next month.",
                number,
            )
            % {"number": number},
        )
    if number := len(invited.outside):
        messages.warning(
            request,
            ngettext(
                "%(number)s partner was not asked: this round does not ask organizations of its scope.",
                "%(number)s partners were not asked: this round does not ask organizations of their scope.",
                number,
            )
            % {"number": number},
        )
    if invited.unreachable:
        names = languages.join_list(f"{r.person} ({r.organization})" for r in invited.unreachable)
        messages.warning(request, _("No email reaches %(names)s, so they were not asked.") % {"names": names})
