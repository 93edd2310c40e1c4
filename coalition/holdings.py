"""What is held about a person, kind by kind: how it is told to them, and what becomes of it when they go (rule P4).

Each kind names the model it is about. Campaigns adds its own kinds, as with the criteria of segments. What hangs on a
person and is deleted with them needs no `forget`; what stays behind as a number does.
"""

import json
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import timeline
from coalition.models import (
    Address,
    BulkAction,
    Consent,
    CustomField,
    Decision,
    Entry,
    Export,
    ExternalId,
    FollowUp,
    ImportedRow,
    Invitation,
    Listing,
    Membership,
    Merge,
    Muting,
    Notice,
    Person,
    Representative,
    SavedView,
    Sensitive,
    Tagging,
)

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
            return value, _words(value)
        *path, last = name.split("__")
        for step in path:
            record = getattr(record, step, None)
        if record is None:
            return None, ""
        value = getattr(record, last)
        shown = getattr(record, f"get_{last}_display", None)
        if isinstance(value, models.Model):
            value = str(value)
        return _plain(value), str(shown()) if shown else _words(value)


def _plain(value):
    """As JSON can hold it."""
    if value is None or isinstance(value, (bool, int, float, list, dict)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _words(value):
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


# What the coalition itself holds


@register
class Details(Holding):
    model, key, label = Person, "person", _("You")
    fields = labelled(
        Person,
        *("name", "given_name", "family_name", "language", "street", "city", "county", "state", "zip", "time_zone"),
        *("created_at", "updated_at", "last_active_at"),
    )

    def of(self, person):
        return [person]

    def told(self, person):
        found = super().told(person)
        for custom in CustomField.objects.filter(subject=CustomField.Subject.PERSON, sealed=False):
            if custom.key in person.custom:
                found[0][str(custom)] = (person.custom[custom.key], _words(person.custom[custom.key]))
        return found


@register
class SensitiveDetails(Holding):
    model, key, label = Sensitive, "sensitive", _("Sensitive details")
    fields = [("constituencies", _("communities")), ("custom", _("fields")), ("declared_at", _("said"))]

    def custom(self, record):
        return [f"{name}: {value}" for name, value in (record.custom or {}).items()]

    def constituencies(self, record):
        return list(record.constituencies or [])


@register
class Addresses(Holding):
    model, key, label = Address, "addresses", _("How we reach you")
    fields = labelled(Address, "channel", "value", "primary", "consent", "consent_at", "fault", "fault_at")


@register
class Consents(Holding):
    model, key, label = Consent, "consents", _("What you agreed to")
    fields = labelled(Consent, "at", "address", "state", "source", "wording", "language", "evidence")


@register
class Mutings(Holding):
    model, key, label = Muting, "muted_topics", _("Topics you muted")
    fields = [("topic", _("topic")), ("at", _("when"))]


@register
class Tags(Holding):
    model, key, label = Tagging, "tags", _("Tags")
    fields = [("tag", _("tag"))]


@register
class Lists(Holding):
    model, key, label = Listing, "lists", _("Lists")
    fields = [("people_list", _("list")), ("at", _("when"))]


@register
class ExternalIds(Holding):
    model, key, label = ExternalId, "other_systems", _("In other systems")
    fields = [("system", _("system")), ("value", _("number"))]


@register
class Memberships(Holding):
    model, key, label = Membership, "memberships", _("Organizations you belong to")
    fields = labelled(Membership, "organization", "role", "since")


@register
class Representations(Holding):
    """Deleting the person takes the role; that the organization was asked stands, its link dead."""

    model, key, label = Representative, "represents", _("Organizations you speak for")
    fields = labelled(Representative, "organization", "role", "title", "may_sign", "since")

    def forget(self, whose):
        asked = Invitation.objects.filter(representative__person__in=whose.pks, revoked_at=None)
        return asked.update(revoked_at=timezone.now())


@register
class Invitations(Holding):
    model, key, label = Invitation, "invitations", _("Invitations to sign")
    fields = [
        ("round__publication", _("publication")),
        ("organization", _("organization")),
        ("invited_at", _("invited")),
        ("seen_at", _("seen")),
    ]

    def of(self, person):
        return Invitation.objects.filter(representative__person=person).order_by("pk")


@register
class Decisions(Holding):
    """A signature is the organization's act, so it stays with its date and version; who gave it is forgotten.

    No publication prints the names of signers (rule G8), so no published text has to change for it.
    """

    model, key, label = Decision, "decisions", _("Answers for an organization")
    fields = labelled(
        Decision, "at", "publication", "organization", "choice", "signer_name", "signer_title", "language", "reason"
    )

    def of(self, person):
        return Decision.objects.filter(signer=person).order_by("pk")

    def forget(self, whose):
        said = Decision.objects.filter(Q(signer__in=whose.pks) | Q(invitation__representative__person__in=whose.pks))
        return said.update(signer=None, signer_name="", signer_title="", reason="")


@register
class Timeline(Holding):
    """Their own lines go with them; what others' lines say of them is made unspecific."""

    model, key, label = Entry, "timeline", _("What happened")
    fields = labelled(Entry, "at", "kind", "text")

    def forget(self, whose):
        found = Q(organization__isnull=False) | Q(kind__in=[Entry.Kind.NOTE, Entry.Kind.MERGE, Entry.Kind.FOLLOW_UP])
        told = Entry.objects.filter(found).exclude(person__in=whose.pks)
        return blur(told, "text", whose)


@register
class FollowUps(Holding):
    model, key, label = FollowUp, "follow_ups", _("Follow-ups")
    fields = labelled(FollowUp, "created_at", "text", "due", "done_at")

    def forget(self, whose):
        return blur(FollowUp.objects.exclude(person__in=whose.pks), "text", whose)


@register
class Notices(Holding):
    model, key, label = Notice, "notices", _("Single messages to you")
    fields = [
        *labelled(Notice, "channel", "value", "kind", "subject", "text", "language", "state"),
        ("sent_at", _("sent")),
    ]

    def forget(self, whose):
        """Those without a person, to an address that is nobody else's."""
        return Notice.objects.filter(person=None, value__in=whose.alone()).delete()[0]


@register
class ImportedRows(Holding):
    """What an import kept of their rows goes; that there was such a row still counts."""

    model, key, label = ImportedRow, "imports", _("Lists you came with")
    fields = [("batch", _("file")), ("batch__created_at", _("uploaded")), ("line", _("row")), ("outcome", _("outcome"))]

    def forget(self, whose):
        theirs = ImportedRow.objects.filter(person__in=whose.pks).exclude(data={})
        number = theirs.update(data={})
        kept = _saying(ImportedRow.objects.filter(person=None).exclude(data={}), "data")
        return number + kept.filter(_mentions_in_cells(whose)).update(data={})


def _saying(records, name):
    """These records with a field as text, to look for words in: `_said`."""
    return records.alias(_said=Cast(name, models.TextField()))


def _mentions_in_cells(whose):
    """Rows that name one of the addresses as somebody may have typed it, or both parts of a name."""
    said = Q(pk__in=[])
    for email in whose.values(Address.Channel.EMAIL):
        said |= Q(_said__icontains=email)
    for phone in whose.values(Address.Channel.PHONE):
        digits = phone.removeprefix("+1").removeprefix("+")
        spaced = r"\D*".join(digits)
        said |= Q(_said__iregex=spaced)
    for person in whose.people:
        parts = [part for part in (person.given_name, person.family_name) if part]
        if len(parts) == 2:
            said |= Q(_said__icontains=parts[0]) & Q(_said__icontains=parts[1])
    for name in whose.names:
        said |= Q(_said__icontains=name)
    return said


NOTHING_MOVED = {"people": [], "steps": [], "left": []}  # of a merge that was undone: its page still opens


@register
class Merges(Holding):
    """A merge that was undone keeps a record on the one who stayed: it may hold what goes."""

    model, key, label = Merge, "merges", _("Records that were joined")
    fields = labelled(Merge, "at")

    def of(self, person):
        return Merge.objects.filter(kept=person).order_by("pk")

    def forget(self, whose):
        said = Q(pk__in=[])
        for word in whose.words:
            said |= Q(_said__icontains=word)
        undone = Merge.objects.exclude(kept__in=whose.pks).exclude(undone_at=None)
        others = _saying(undone, "record")
        return others.filter(said).update(record=NOTHING_MOVED)


@register
class Traces(Holding):
    """What the back office noted while staff worked: its log by name, and searches that were kept."""

    key = "traces"

    def forget(self, whose):
        log = apps.get_model("wagtailcore", "ModelLogEntry")
        person = apps.get_model("contenttypes", "ContentType").objects.get_for_model(Person)
        number = log.objects.filter(content_type=person, object_id__in=[str(pk) for pk in whose.pks]).delete()[0]
        number += log.objects.filter(_any_of("label", whose.words)).update(label=str(SOMEBODY), data={})
        typed = [form for word in whose.words for form in {word, quote_plus(word), quote(word)}]
        for model in (BulkAction, Export, SavedView):
            number += model.objects.filter(_any_of("query", typed)).update(query="")
        return number


def _any_of(name, words):
    said = Q(pk__in=[])
    for word in words:
        said |= Q(**{f"{name}__icontains": word})
    return said


# What free text elsewhere says of them

SOMEBODY = _("somebody who was erased")


def blur(found, name, whose):
    """Take somebody's names and addresses out of a text field of these records. Returns how many said them."""
    model_field, said = found.model._meta.get_field(name), Q(pk__in=[])
    for word in whose.words:
        # What stands in several languages is kept as JSON, with its accents escaped.
        for written in {word, json.dumps(word)[1:-1]}:
            said |= Q(_said__icontains=written)
    number = 0
    texts = _saying(found, name).filter(said)
    for record in texts.order_by("pk").select_for_update(of=("self",)):
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
