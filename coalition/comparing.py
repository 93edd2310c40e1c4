"""Several records of one person side by side: who has what, what a merge would leave, and what would come along.

Proposed is the fuller, else the newer; a place is taken whole, for a street of one town has no sense in another.
"""

from collections import Counter
from dataclasses import dataclass

from django.apps import apps
from django.utils.translation import gettext_lazy as _

from coalition import custom, moving
from coalition.models import (
    Address,
    BulkChange,
    DuplicateSearch,
    Lookalike,
    MatchKey,
    Merge,
    Person,
    Sensitive,
)
from coalition.people import display

AT_MOST = 5
NAME = ("name", "given_name", "family_name")
PLACE = ("street", "city", "county", "state", "zip")
# What is about two records rather than about the person, or has a way of its own.
NOT_MOVED = {Lookalike, MatchKey, Merge, BulkChange, Sensitive, Person, DuplicateSearch}


@dataclass
class Part:
    """One thing to decide: a name, a place, a custom field, the address to use. Options are [(key, words)]."""

    key: str
    label: str
    options: list
    chosen: int
    differs: bool
    values: dict

    @property
    def words(self):
        return dict(self.options).get(self.chosen, "")


class Plan:
    """What a merge would leave: `kept`, the `others`, and the `parts` with what is chosen, or proposed, for each."""

    def __init__(self, people, *, keep=None, choices=None):
        people = sorted(people, key=lambda person: (person.created_at, person.pk))
        self.kept = next((person for person in people if person.pk == keep), people[0])
        self.others = [person for person in people if person is not self.kept]
        self.people = [self.kept, *self.others]
        self.choices = choices or {}
        self.addresses = list(Address.objects.filter(person__in=self.people).order_by("-primary", "created_at", "pk"))
        self.parts = [part for part in self._parts() if part]

    def part(self, key):
        return next((part for part in self.parts if part.key == key), None)

    @property
    def to_decide(self):
        return [part for part in self.parts if part.differs]

    @property
    def agreed(self):
        return [part for part in self.parts if not part.differs]

    def _parts(self):
        yield self._part("name", _("Name"), lambda p: tuple(getattr(p, f) for f in NAME), lambda p: p.name, _fullness)
        yield self._part(
            "language", _("Language"), lambda p: p.language, lambda p: p.get_language_display(), lambda p: 1
        )
        yield self._part(
            "place", _("Address"), lambda p: tuple(getattr(p, f) for f in PLACE), _place_words, _fullness_of_place
        )
        yield self._part(
            "time_zone", _("Time zone"), lambda p: p.time_zone, lambda p: p.time_zone, lambda p: bool(p.time_zone)
        )
        for channel, label in ((Address.Channel.EMAIL, _("Email to use")), (Address.Channel.PHONE, _("Phone to use"))):
            yield self._address_part(channel, label)
        for field in custom.fields_of(Person, sealed=False, retired=True):
            yield self._custom_part(field)

    def _part(self, key, label, value, words, fullness):
        holders = [p for p in self.people if any(value(p)) or key == "language"]
        if not holders:
            return None
        proposed = max(holders, key=lambda p: (fullness(p), p.updated_at)).pk
        chosen = self._chosen(key, {p.pk for p in holders}, proposed)
        values = {p.pk: value(p) for p in holders}
        differs = len(set(values.values())) > 1
        return Part(key, label, [(p.pk, words(p)) for p in holders], chosen, differs, values)

    def _address_part(self, channel, label):
        found = {}
        for address in self.addresses:
            if address.channel == channel:
                found.setdefault(address.value, address)
        if not found:
            return None
        own = [a for a in found.values() if a.person_id == self.kept.pk and a.primary]
        best = max([*own, *found.values()], key=lambda a: (_usable(a), a in own))
        chosen = self._chosen(str(channel), {a.pk for a in found.values()}, best.pk)
        options = [(a.pk, display(a)) for a in found.values()]
        return Part(str(channel), label, options, chosen, len(options) > 1, {a.pk: a for a in found.values()})

    def _custom_part(self, field):
        holders = [p for p in self.people if not custom.is_blank((p.custom or {}).get(field.key))]
        if not holders:
            return None
        key = f"custom.{field.key}"
        newest = max(holders, key=lambda p: p.updated_at)
        values = {p.pk: p.custom[field.key] for p in holders}
        differs = any(not custom.same(field, values[newest.pk], value) for value in values.values())
        chosen = self._chosen(key, set(values), newest.pk)
        return Part(
            key, str(field.label), [(p.pk, custom.show(field, values[p.pk])) for p in holders], chosen, differs, values
        )

    def _chosen(self, key, allowed, proposed):
        try:
            asked = int(self.choices.get(key, proposed))
        except (TypeError, ValueError):
            return proposed
        return asked if asked in allowed else proposed

    def unites(self):
        """[(label, number)] of what hangs on the others and comes along."""
        numbers = Counter()
        for model, field in links():
            rows = model._base_manager.filter(**{f"{field.name}__in": self.others})
            numbers[model._meta.label_lower] += rows.count()
        return named(numbers)

    @property
    def seen(self):
        """Names the state that a page showed, so that nobody confirms what changed meanwhile."""
        return "-".join(f"{p.pk}.{p.updated_at.timestamp():.6f}" for p in sorted(self.people, key=lambda p: p.pk))


def _fullness(person):
    """Whole words before initials, then letters with their accents, then the longer; a bare "Jose" is seldom meant."""
    words = person.name.split()
    whole = len([word for word in words if len(word.strip(".")) > 1])
    accented = sum(not letter.isascii() for letter in person.name if letter.isalpha())
    return bool(person.given_name and person.family_name), whole, accented, len(person.name)


def _fullness_of_place(person):
    return len([f for f in PLACE if getattr(person, f)])


def _place_words(person):
    town = " ".join(filter(None, [person.state, person.zip]))
    return ", ".join(filter(None, [person.street, person.city, town]))


def _usable(address):
    return address.is_open, not address.fault, address.consent != Address.Consent.WITHDRAWN


def links():
    """[(model, field)] of everything that points to a person and moves with a merge, in every app; addresses first."""
    return sorted(moving.links(Person, besides=NOT_MOVED), key=lambda link: link[0] is not Address)


# What staff call the rows that have no page of their own.
NAMES = {
    "coalition.address": _("emails and phones"),
    "coalition.consent": _("lines of consent"),
    "coalition.externalid": _("numbers in other systems"),
    "coalition.importedrow": _("rows of imports"),
    "coalition.invitation": _("invitations to sign"),
    "coalition.listing": _("lists"),
    "coalition.muting": _("muted topics"),
    "coalition.organization_constituencies": _("constituencies served"),
    "coalition.organization_regions": _("regions"),
    "coalition.representative": _("roles in organizations"),
    "coalition.rolechange": _("changes of who speaks for an organization"),
    "coalition.tagging": _("tags"),
    "campaigns.answer": _("answers by text"),
    "campaigns.delivery": _("messages sent or held back"),
}


def named(numbers, names=NAMES):
    """[(what it is, number)]; `numbers` is {label of a model: number}."""
    return [
        (names.get(label) or apps.get_model(label)._meta.verbose_name_plural, number)
        for label, number in numbers.items()
        if number
    ]
