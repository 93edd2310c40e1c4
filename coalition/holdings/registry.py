"""The registry of what is held: one `Holding` for each kind of record, and how a text forgets somebody's name."""

import json
from dataclasses import dataclass, field

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import timeline
from coalition.models import Address

HOLDINGS = []


def register(holding):
    """Class decorator: from now on this kind is told, and forgotten."""
    HOLDINGS.append(holding())
    return holding


@dataclass
class Whose:
    """The records of one human being, and what traces of them can be found by."""

    people: list
    addresses: list
    names: list = field(default_factory=list)  # whole names, of two words or more

    @property
    def pks(self):
        return [person.pk for person in self.people]

    def values(self, channel=None):
        return sorted({a.value for a in self.addresses if channel in (None, a.channel)})

    def alone(self):
        """The addresses (values) that nobody else holds: what stands under them is about these people only."""
        shared = Address.objects.filter(value__in=self.values()).exclude(person__in=self.pks)
        return sorted({*self.values()} - {*shared.values_list("value", flat=True)})

    @property
    def words(self):
        """What no text elsewhere may still say: names, addresses, and phone numbers as people write them."""
        phones = [n for n in self.values(Address.Channel.PHONE) if n.startswith("+1")]
        spelled = [form for n in phones for form in spellings(n[2:5], n[5:8], n[8:])]
        return [*self.names, *self.values(), *spelled]


def spellings(area, middle, last):
    """The ways in which a number of North America is usually written."""
    rest = f"{middle}-{last}"
    return [
        *(sign.join([area, middle, last]) for sign in (" ", "-", ".", "")),
        *(f"{area}{between}{rest}" for between in (" ", "/")),
        *(f"({area}){between}{rest}" for between in (" ", "")),
    ]


class Holding:
    """One kind of record. `fields`: [(name, label)]; a name may follow relations, or be a method here."""

    model = None
    key = ""
    label = ""
    fields = ()

    def of(self, person):
        """What of this kind is about a person, oldest first."""
        return self.model.objects.filter(person=person).order_by("pk")

    def forget(self, whose):
        """What deleting the person does not do by itself. Returns how many records it touched."""
        return 0

    def told(self, person):
        """[{name: (value for a machine, words for a reader)}]."""
        return [{name: self._cell(record, name) for name, _label in self.fields} for record in self.of(person)]

    def _cell(self, record, name):
        if hasattr(self, name):
            value = getattr(self, name)(record)
            return value, words(value)
        *path, last = name.split("__")
        for step in path:
            record = getattr(record, step, None)
        if record is None:
            return None, ""
        value = getattr(record, last)
        shown = getattr(record, f"get_{last}_display", None)
        if isinstance(value, models.Model):
            value = str(value)
        return _plain(value), str(shown()) if shown else words(value)


def _plain(value):
    """As JSON can hold it."""
    if value is None or isinstance(value, (bool, int, float, list, dict)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def words(value):
    """As a reader sees it, in the active language."""
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    if value is None:
        return ""
    if hasattr(value, "hour"):
        value = timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def labelled(model, *names):
    """[(name, label)] with the labels that the fields have themselves."""
    return [(name, model._meta.get_field(name).verbose_name) for name in names]


# What free text elsewhere says of them

SOMEBODY = _("somebody who was erased")


def saying(records, name):
    """These records with a field as text, to look for words in: `_said`."""
    return records.alias(_said=Cast(name, models.TextField()))


def any_of(name, forms):
    """Records whose field says one of these, whatever the case."""
    said = Q(pk__in=[])
    for form in forms:
        said |= Q(**{f"{name}__icontains": form})
    return said


def speaking_of(whose, found, name):
    """Those of these records whose field, text or JSON, says one of somebody's names or addresses."""
    said = Q(pk__in=[])
    for word in whose.words:
        # What stands in several languages is kept as JSON, with its accents escaped.
        for written in {word, json.dumps(word)[1:-1]}:
            said |= Q(_said__icontains=written)
    return saying(found, name).filter(said)


def blur(found, name, whose):
    """Take somebody's names and addresses out of a text field of these records. Returns how many said them."""
    model_field, number = found.model._meta.get_field(name), 0
    for record in speaking_of(whose, found, name).order_by("pk").select_for_update(of=("self",)):
        text = getattr(record, name)
        if hasattr(text, "localize"):
            substitute = timeline.in_all_languages(SOMEBODY).data
            by_language = text.data if isinstance(text.data, dict) else {settings.LANGUAGE_CODE: text.data}
            new = type(text)(
                {code: _without(each, whose.words, substitute.get(code, "…")) for code, each in by_language.items()}
            )
        else:
            new = _without(text, whose.words, str(SOMEBODY))[: model_field.max_length]
        number += type(record).objects.filter(pk=record.pk).update(**{name: new})
    return number


def _without(text, words, substitute):
    for word in sorted(words, key=len, reverse=True):
        position = text.casefold().find(word.casefold())
        while position >= 0:
            text = text[:position] + substitute + text[position + len(word) :]
            position = text.casefold().find(word.casefold(), position + len(substitute))
    return text
