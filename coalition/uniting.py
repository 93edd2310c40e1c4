"""Make two records of one organization one, also in the middle of a round, and undo it whenever that turns out wrong.

Everything that hangs on the other moves to the record that stays: who speaks for it, what it was asked, answered and
allowed. One live decision per publication stays, the newest (rule G4); the older stands in the history. Personal links
go on to work, under the name that stays. The other rests in the bin with its own name, as evidence.
Each step stands in `OrganizationMerge.record`; an undo takes the steps back in reverse.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import partial

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from coalition import audit, comparing, custom, languages, merging, moving, timeline
from coalition.comparing import Part
from coalition.models import (
    Decision,
    Entry,
    Invitation,
    Logo,
    Organization,
    OrganizationMerge,
    Person,
    Policy,
    Publication,
    Representative,
    Round,
)
from coalition.moving import Moving, Refused

PLACE = ("street", "city", "state", "zip")
SINGLE = ("printed_name", "kind", "scope", "size", "website", "email", "phone", "languages")
ROWS = ("logo", "policy")  # one row each, which stands or stays behind
NAMES = comparing.NAMES | {"coalition.representative": _("people who speak for it")}
NOT_MOVED = {Organization, OrganizationMerge}


# Who it is now


def current(organization):
    """What an organization is now: itself, or the one that its record was merged into."""
    while organization.merged_into_id:
        organization = organization.merged_into
    return organization


def keys_now(pks):
    """What is kept elsewhere by the keys of organizations, such as a saved segment, by the keys they have today."""
    held = Organization.objects.select_related("merged_into").in_bulk({int(pk) for pk in pks if str(pk).isdecimal()})
    return [current(held[int(pk)]).pk if str(pk).isdecimal() and int(pk) in held else pk for pk in pks]


def representative_now(representative):
    """The role that stands today, where the record of the organization or of the person was merged into another.

    The same row where nothing was merged, and where the role itself has moved along.
    """
    organization, person = current(representative.organization), merging.current(representative.person)
    if (organization.pk, person.pk) == (representative.organization_id, representative.person_id):
        return representative
    held = Representative.objects.filter(organization=organization, person=person)
    return held.select_related("organization", "person").first() or representative


def roles_before(representative):
    """The roles of records that were merged since, whose links open this representative's pages today."""
    organizations = _with_merged(Organization, representative.organization_id)
    people = _with_merged(Person, representative.person_id)
    roles = Representative.objects.filter(organization__in=organizations, person__in=people)
    return list(roles.exclude(pk=representative.pk))


def _with_merged(model, pk):
    """The key of a record and those of all that were merged into it, one after another."""
    found, more = {pk}, {pk}
    while more:
        more = set(model.objects.filter(merged_into__in=more).values_list("pk", flat=True)) - found
        found |= more
    return found


# Side by side


@dataclass
class Conflict:
    """Both answered on one publication: the newer answer counts, the older `gives_way` and stays in the history."""

    publication: Publication
    counts: Decision
    gives_way: Decision


class Plan:
    """What a merge would leave: `kept`, `other`, and `parts` with what is chosen, or proposed, for each.

    Proposed is what the kept record says; what it does not say is taken from the other.
    """

    def __init__(self, kept, other, *, choices=None):
        self.kept, self.other, self.both = kept, other, [kept, other]
        self.choices = choices or {}
        self.parts = [part for part in self._parts() if part]

    def part(self, key):
        return next((part for part in self.parts if part.key == key), None)

    @property
    def to_decide(self):
        return [part for part in self.parts if part.differs]

    def _parts(self):
        for name in SINGLE[:4]:
            yield self._part(name, _label(name), lambda o, name=name: getattr(o, name))
        yield self._part("stage", _label("stage"), lambda o: (o.stage, o.stage_at))
        yield self._part("place", _("Address"), lambda o: tuple(getattr(o, name) for name in PLACE))
        for name in SINGLE[4:]:
            yield self._part(name, _label(name), lambda o, name=name: getattr(o, name))
        yield self._part("logo", Logo._meta.verbose_name, lambda o: getattr(o, "logo", None))
        yield self._part("policy", Policy._meta.verbose_name, lambda o: getattr(o, "policy", None))
        for field in custom.fields_of(Organization, retired=True):
            yield self._part(f"custom.{field.key}", str(field), lambda o, field=field: (o.custom or {}).get(field.key))

    def _part(self, key, label, value):
        values = {o.pk: value(o) for o in self.both}
        values = {pk: held for pk, held in values.items() if (any(held) if isinstance(held, tuple) else held)}
        if not values:
            return None
        chosen = self.kept.pk if self.kept.pk in values else self.other.pk
        asked = str(self.choices.get(key, ""))
        if asked.isdecimal() and int(asked) in values:
            chosen = int(asked)
        options = [(o.pk, self._words(key, o, values[o.pk])) for o in self.both if o.pk in values]
        # Two rows are never the same; anything else is a choice where it reads otherwise.
        differs = len({str(words) for _pk, words in options}) > 1 or (key in ROWS and len(options) > 1)
        return Part(key, label, options, chosen, differs, values)

    def _words(self, key, organization, value):
        if key == "place":
            town = " ".join(filter(None, [organization.state, organization.zip]))
            return ", ".join(filter(None, [organization.street, organization.city, town]))
        if key == "languages":
            names = dict(settings.LANGUAGES)
            return languages.join_list([str(names.get(code, code)) for code in value])
        if key == "printed_name":
            return " · ".join(
                dict.fromkeys(filter(None, value.data.values() if isinstance(value.data, dict) else [value.data]))
            )
        if key == "logo":
            return _("%(state)s, %(width)d × %(height)d") % {
                "state": value.State(value.state).label,
                "width": value.width,
                "height": value.height,
            }
        if key == "policy":
            return _policy_words(value)
        if key.startswith("custom."):
            field = next(f for f in custom.fields_of(Organization, retired=True) if f"custom.{f.key}" == key)
            return custom.show(field, value)
        shown = getattr(organization, f"get_{key}_display", None)
        return str(shown()) if shown else str(value)

    # What follows

    def unites(self):
        """[(label, number)] of what hangs on the other and comes along."""
        numbers = Counter()
        for model, field in links():
            numbers[model._meta.label_lower] += model._base_manager.filter(**{field.name: self.other}).count()
        return comparing.named(numbers, NAMES)

    def conflicts(self):
        """Publications on which both have an answer that counts: [Conflict], the newest publication first."""
        live = Decision.objects.live().filter(organization__in=self.both).select_related("publication", "organization")
        found = {}
        # By the day that each was given: a letter of one may be written down after a newer answer of the other.
        for decision in live.order_by("-publication", "-at", "-pk"):
            found.setdefault(decision.publication, []).append(decision)
        return [Conflict(publication, *pair) for publication, pair in found.items() if len(pair) == 2]

    def rounds(self):
        """Open rounds in which the other was asked, and those in which both were: (number, number)."""
        asked = [
            set(Invitation.objects.filter(organization=o, round__closed_at=None).values_list("round", flat=True))
            for o in (self.other, self.kept)
        ]
        return len(asked[0]), len(asked[0] & asked[1])

    @property
    def seen(self):
        """Names the state that a page showed, so that nobody confirms what changed meanwhile."""
        state = [
            [o.pk, o.name, *(moving.plain(getattr(o, name)) for name in (*SINGLE, *PLACE, "stage")), o.custom]
            for o in sorted(self.both, key=lambda o: o.pk)
        ]
        live = Decision.objects.live().filter(organization__in=self.both).order_by("pk")
        state += list(live.values_list("pk", flat=True))
        state += [part.values[pk].pk for part in self.parts if part.key in ROWS for pk in sorted(part.values)]
        return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]


def _policy_words(policy):
    """What a partner decided once for many publications, on one line; with the day, by which two can be told apart."""
    said = []
    if never := [str(topic) for topic in policy.never.all()]:
        said.append(_("Never signs: %(topics)s") % {"topics": languages.join_list(never)})
    if policy.lead_days:
        days = ngettext("%(number)d day to decide", "%(number)d days to decide", policy.lead_days)
        said.append(days % {"number": policy.lead_days})
    if policy.approvers:
        said.append(policy.approvers)
    day = languages.format_date(timezone.localtime(policy.changed_at))
    return " · ".join([*map(str, said), str(_("changed on %(day)s") % {"day": day})])


def _label(name):
    return Organization._meta.get_field(name).verbose_name


def links():
    """[(model, field)] of everything that points to an organization and moves with a merge; representatives first."""
    return sorted(moving.links(Organization, besides=NOT_MOVED), key=lambda link: link[0] is not Representative)


# Merge


@transaction.atomic
def merge(kept, other, *, choices=None, seen=None, why="", by=None):
    """Make `other` part of `kept`. Returns the OrganizationMerge; pressing twice returns the first one. Raises Refused.

    `choices`: {"printed_name": pk of the organization whose printed name stands, "logo": …, "custom.x": …}; what is
    not chosen is as `Plan` proposes. `seen`: the `Plan.seen` that somebody confirmed.
    """
    if kept.pk == other.pk:
        raise Refused(_("Choose two different organizations."))
    held = _held(kept, other)
    kept, other = held.get(kept.pk), held.get(other.pk)
    if not (kept and other):
        raise Refused(_("One of them is no longer here."))
    if other.merged_into_id == kept.pk:
        return OrganizationMerge.objects.filter(kept=kept, other=other, undone_at=None).first()
    if kept.is_binned or other.is_binned:
        raise Refused(_("One of them was merged or put into the bin meanwhile."))
    plan = Plan(kept, other, choices=choices)
    if seen is not None and seen != plan.seen:
        raise Refused(_("Something about them changed meanwhile. Look again, then merge."))
    work = _Work(plan)
    work.do()
    last = Decision.objects.order_by("-pk").values_list("pk", flat=True).first()
    record = {"steps": work.steps, "left": work.left, "gave_way": work.gave_way, "last_decision": last or 0}
    done = OrganizationMerge.objects.create(kept=kept, other=other, record=record, by=by)
    link = page_of(done)
    said = {"other": other.name, "kept": kept.name}
    timeline.note(kept, Entry.Kind.MERGE, _("“%(other)s” was merged into it"), said, link=link, by=by)
    timeline.note(other, Entry.Kind.MERGE, _("Merged into “%(kept)s”"), said, link=link, by=by)
    details = {"merge": done.pk, "organizations": [other.pk], "decisions": len(work.gave_way)}
    audit.record(audit.Action.MERGE, kept, details=details, why=why, by=by)
    return done


def page_of(done):
    """The path of a merge's own page."""
    return reverse("organizations:merged", args=[done.pk])


def _held(*both):
    """{pk: organization}, locked: answers under way are recorded first, and nobody is asked meanwhile.

    In the order of the verbs that answer, invite and amend: publications, rounds, organizations.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM coalition_publication WHERE id IN"
            " (SELECT publication_id FROM coalition_round WHERE closed_at IS NULL) ORDER BY id FOR SHARE"
        )
    rounds = Round.objects.select_for_update(no_key=True).filter(closed_at=None)
    list(rounds.order_by("pk").values_list("pk", flat=True))
    held = Organization.objects.select_for_update(of=("self",)).filter(pk__in=[each.pk for each in both])
    return {organization.pk: organization for organization in held.order_by("pk")}


class _Work(Moving):
    """One merge of organizations. Its own step: ["custom", pk, {key: [was, now]}]."""

    following = {
        "coalition.representative": [
            ("coalition.invitation", "representative"),
            ("coalition.linkdevice", "representative"),
            ("coalition.rolechange", "representative"),
        ]
    }

    def __init__(self, plan):
        super().__init__()
        self.plan, self.kept, self.other = plan, plan.kept, plan.other
        self.gave_way = []

    def do(self):
        self._settle_details()
        self._settle_decisions()
        self._line_up()
        for model, field in links():
            self.bring(model, field, self.other.pk, self.kept.pk)
        self.other.binned_at, self.other.merged_into = timezone.now(), self.kept
        self.other.save(update_fields=["binned_at", "merged_into"])

    def says_more(self, other, own):
        if isinstance(own, Logo | Policy):
            part = self.plan.part(own._meta.model_name)
            return part.chosen == self.other.pk
        return super().says_more(other, own)

    def _settle_details(self):
        values, held = {}, {}
        for part in self.plan.parts:
            chosen = part.values[part.chosen]
            if part.key in SINGLE:
                values[part.key] = chosen
            elif part.key == "stage":
                values["stage"], values["stage_at"] = chosen
            elif part.key == "place":
                values |= dict(zip(PLACE, chosen, strict=True))
            elif part.key.startswith("custom."):
                held[part.key.removeprefix("custom.")] = chosen
        self.set(self.kept, **values)
        was = {key: (self.kept.custom or {}).get(key) for key in held}
        if changed := {key: [was[key], held[key]] for key in held if was[key] != held[key]}:
            Organization.objects.filter(pk=self.kept.pk).update(custom=(self.kept.custom or {}) | held)
            self.steps.append(["custom", self.kept.pk, changed])

    def _settle_decisions(self):
        """Where both have a live answer the newer one counts (G4)."""
        for conflict in self.plan.conflicts():
            self.set(conflict.gives_way, live=False)
            self.gave_way.append(conflict.gives_way.pk)

    def _line_up(self):
        """Who spoke for the other is asked after those who speak for the kept one."""
        last = max(self.kept.representatives.values_list("position", flat=True), default=-1)
        for representative in self.other.representatives.order_by("position", "pk"):
            last += 1
            self.set(representative, position=last)


# Undo


@dataclass
class Look:
    """What an undo would do, or why it cannot: `back` is [(label, rows)], `restored` and `stay` are names of details,
    `since` the answers that were given since the merge and stay with the kept organization.
    """

    back: list
    restored: list
    stay: list
    since: list
    refusal: str = ""


def look(done):
    """Look at what an undo would do, without doing it."""
    try:
        kept, _other = _apart(done, Organization.objects.in_bulk([done.kept_id, done.other_id]))
    except Refused as refused:
        return Look([], [], [], [], str(refused))
    numbers, restored, stay = Counter(), [], []
    for kind, *step in done.record["steps"]:
        if kind == "move":
            label, name, _source, target, pks = step
            model = apps.get_model(label)
            numbers[label] += model._base_manager.filter(**{"pk__in": pks, name: target}).count()
        elif kind == "swap":
            numbers[step[0]] += 1
        elif kind == "set" and step[0] == "coalition.organization":
            for name, (_was, now) in step[2].items():
                if name != "stage_at":
                    unchanged = moving.plain(getattr(kept, name)) == now
                    (restored if unchanged else stay).append(str(_label(name)))
        elif kind == "custom":
            for key, (_was, now) in step[1].items():
                (restored if (kept.custom or {}).get(key) == now else stay).append(key)
    since = kept.decisions.filter(pk__gt=done.record["last_decision"]).select_related("publication").order_by("pk")
    return Look(comparing.named(numbers, NAMES), restored, stay, list(since))


def _apart(done, both):
    """(kept, other), or Refused with the reason."""
    if done.undone_at:
        raise Refused(_("This merge is undone already."))
    if "steps" not in done.record:
        raise Refused(_("What an undo needs was erased with somebody it named, so the merge stays."))
    kept, other = both[done.kept_id], both[done.other_id]
    if kept.merged_into_id:
        raise Refused(_("This organization was merged into another one since. Undo that merge first."))
    if kept.is_binned:
        raise Refused(_("This organization is in the bin. Take it out first, then undo the merge."))
    if other.merged_into_id != kept.pk:
        raise Refused(_("The merged organization came back on another way since."))
    return kept, other


@transaction.atomic
def undo(done, *, why="", by=None):
    """Take a merge back. False where it is undone already, so a double press is harmless; raises Refused."""
    both = _held(done.kept, done.other)
    done = OrganizationMerge.objects.select_for_update().get(pk=done.pk)
    if done.undone_at:
        return False
    kept, other = _apart(done, both)
    moving.take_back(done.record["steps"], {"custom": partial(moving.custom_back, Organization)})
    Organization.objects.filter(pk=other.pk).update(binned_at=None, merged_into=None)
    OrganizationMerge.objects.filter(pk=done.pk).update(undone_at=timezone.now())
    for organization in (kept, other):
        timeline.note(organization, Entry.Kind.MERGE, _("A merge was undone"), link=page_of(done), by=by)
    audit.record(audit.Action.UNDO, kept, details={"merge": done.pk, "organizations": [other.pk]}, why=why, by=by)
    return True
