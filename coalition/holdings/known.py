"""Who somebody is, how they are reached, and what staff and lists say of them."""

from urllib.parse import quote, quote_plus

from django.apps import apps
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from coalition.models import (
    Address,
    BulkAction,
    Consent,
    CustomField,
    Entry,
    Export,
    ExternalId,
    FollowUp,
    ImportedRow,
    Listing,
    Membership,
    Merge,
    Muting,
    Notice,
    Person,
    SavedView,
    Sensitive,
    Tagging,
)

from .registry import SOMEBODY, Holding, any_of, blur, labelled, register, saying, speaking_of, words


@register
class Details(Holding):
    model, key, label = Person, "person", _("You")
    fields = labelled(
        Person,
        *("name", "given_name", "family_name", "language", "street", "city", "county", "state", "zip", "time_zone"),
        "is_minor",
        *("created_at", "updated_at", "last_active_at"),
    )

    def of(self, person):
        return [person]

    def told(self, person):
        found = super().told(person)
        for custom in CustomField.objects.filter(subject=CustomField.Subject.PERSON, sealed=False):
            if custom.key in person.custom:
                found[0][str(custom)] = (person.custom[custom.key], words(person.custom[custom.key]))
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
        kept = saying(ImportedRow.objects.filter(person=None).exclude(data={}), "data")
        return number + kept.filter(_mentions_in_cells(whose)).update(data={})


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
        undone = Merge.objects.exclude(kept__in=whose.pks).exclude(undone_at=None)
        return speaking_of(whose, undone, "record").update(record=NOTHING_MOVED)


@register
class Traces(Holding):
    """What the back office noted while staff worked: its log by name, and searches that were kept."""

    key = "traces"

    def forget(self, whose):
        log = apps.get_model("wagtailcore", "ModelLogEntry")
        person = apps.get_model("contenttypes", "ContentType").objects.get_for_model(Person)
        number = log.objects.filter(content_type=person, object_id__in=[str(pk) for pk in whose.pks]).delete()[0]
        number += log.objects.filter(any_of("label", whose.words)).update(label=str(SOMEBODY), data={})
        typed = [form for word in whose.words for form in {word, quote_plus(word), quote(word)}]
        for model in (BulkAction, Export, SavedView):
            number += model.objects.filter(any_of("query", typed)).update(query="")
        return number
