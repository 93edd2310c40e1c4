"""People: find them by any address, keep them once, and keep each way to reach them in one normal form."""

import itertools

import phonenumbers
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import audit, consent, custom, timeline
from coalition.addresses import normalise
from coalition.models import Address, Entry, Lookalike, Person, Tag, Tagging, fold
from coalition.models.people import words_of

Channel = Address.Channel


def display_phone(value):
    """A phone number as people write it here: (413) 555-0100."""
    number = phonenumbers.parse(value)
    national = number.country_code == phonenumbers.country_code_for_region(settings.PHONE_REGION)
    style = phonenumbers.PhoneNumberFormat.NATIONAL if national else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, style)


def display(address):
    """An address as people write it here."""
    return display_phone(address.value) if address.channel == Channel.PHONE else address.value


def find(channel, value):
    """People who hold this address (normalised), longest known first; families share, so there may be several."""
    return (
        Person.objects.present().filter(addresses__in=Address.objects.at(channel, value)).order_by("created_at", "pk")
    )


@transaction.atomic
def add_address(person, channel, value):
    """Give a person a way to be reached, once. The first of a channel becomes primary. Raises ValidationError."""
    value = normalise(channel, value)
    Person.objects.select_for_update().get(pk=person.pk)
    found = person.addresses.filter(channel=channel, value=value).first()
    if found:
        return found
    first = not person.addresses.filter(channel=channel, primary=True).exists()
    return Address.objects.create(person=person, channel=channel, value=value, primary=first)


@transaction.atomic
def recognise(*, name="", email="", phone="", language, source="", by=None, **details):
    """The person behind a form or a text: `reach` one by one, the first address deciding who it is."""
    reached = reach(name=name, email=email, phone=phone, language=language, source=source, by=by, **details)
    return next(iter(reached.values())).person


@transaction.atomic
def reach(*, name="", email="", phone="", language, source="", by=None, **details):
    """{channel: Address} behind a form or a text: found by address (and name, where a family shares one), else added.

    A visitor can never change what is known of somebody else by typing their address: known details stay, blanks are
    filled. Nor does a known person get a second address that a visitor typed beside theirs: it stands with a person of
    its own, and the two are shown to the staff as people who may be one.
    """
    wanted = [(c, normalise(c, v)) for c, v in ((Channel.EMAIL, email), (Channel.PHONE, phone)) if v]
    if not wanted:
        raise ValueError("An email address or a phone number is needed to recognise somebody")
    name = name.strip()
    reached, added = {}, None
    for channel, value in wanted:
        person = _known(channel, value, name, [address.person_id for address in reached.values()]) or added
        if person is None:
            given, _space, family = name.partition(" ")
            person = added = Person.objects.create(
                name=name, given_name=given, family_name=family, language=language, **details
            )
            timeline.note(person, Entry.Kind.JOINED, _("Added through %(source)s"), {"source": source}, by=by)
        elif name and not person.name:
            person.name, (person.given_name, _space, person.family_name) = name, name.partition(" ")
            person.save(update_fields=["name", "given_name", "family_name"])
        reached[channel] = add_address(person, channel, value)
    may_be_one(*(address.person for address in reached.values()))
    return reached


def _known(channel, value, name, among):
    """Who holds this address and may bear this name: one of those we came upon already, else the longest known."""
    holders = sorted(find(channel, value), key=lambda p: p.pk not in among)
    named = [p for p in holders if name and fold(p.name) == fold(name)]
    unnamed = [p for p in holders if not p.name or not name]
    return next(iter(named or unnamed), None)


ONE_FORM = "one_form"  # a reason of Lookalike: their addresses came in together
LIKENESS_OF_A_FORM = 80


def may_be_one(*persons):
    """Show the staff that these may be one person; pairs that were judged before stay judged."""
    keys = sorted({person.pk for person in persons})
    Lookalike.objects.bulk_create(
        [
            Lookalike(first_id=first, second_id=second, score=LIKENESS_OF_A_FORM, reasons=[ONE_FORM])
            for first, second in itertools.combinations(keys, 2)
        ],
        ignore_conflicts=True,
    )


def are_different(person, others, *, by=None):
    """Somebody of the staff says that these are not the same person: nobody is asked about them again."""
    now, pairs = timezone.now(), {tuple(sorted((person.pk, other.pk))) for other in others if other.pk != person.pk}
    different = {"state": Lookalike.State.DIFFERENT, "decided_at": now, "decided_by": by}
    for first, second in sorted(pairs):
        Lookalike.objects.update_or_create(
            first_id=first, second_id=second, defaults=different, create_defaults=different | {"score": 0}
        )


def alike(*, name="", zip_code="", emails=(), phones=(), but=None):
    """People who are known already by one of these addresses (normalised), or by name and ZIP code; at most ten.

    Two names are the same whatever their accents, case and punctuation.
    """
    held = Q(pk__in=[])
    for channel, values in ((Channel.EMAIL, emails), (Channel.PHONE, phones)):
        if values:
            held |= Q(pk__in=Address.objects.filter(channel=channel, value__in=list(values)).values("person"))
    if zip_code and words_of(name):
        held |= Q(search=" ".join(words_of(name))[:300], zip__startswith=zip_code[:5])
    found = Person.objects.filter(held, merged_into=None).exclude(pk=but)
    return list(
        found.order_by(F("binned_at").desc(nulls_first=True), "created_at", "pk").prefetch_related("addresses")[:10]
    )


@transaction.atomic
def add(*, details, emails=(), phones=(), by=None):
    """Somebody whom staff enter by hand. `details` are fields of Person. Raises ValidationError for a wrong address."""
    person = Person.objects.create(**details)
    timeline.note(person, Entry.Kind.JOINED, _("Added by staff"), by=by)
    for channel, values in ((Channel.EMAIL, emails), (Channel.PHONE, phones)):
        for value in values:
            add_address(person, channel, value)
    return person


@transaction.atomic
def change(person, *, details, own=None, by=None):
    """Correct what is known of a person. The timeline says which fields changed, never what stood there.

    `own`: cleaned values of the coalition's own fields by key; those not named stay.
    """
    person = Person.objects.select_for_update().get(pk=person.pk)
    changed = [name for name, value in details.items() if getattr(person, name) != value]
    fields = custom.changed(person, own or {})
    if not changed and not fields:
        return person
    for name in changed:
        setattr(person, name, details[name])
    person.custom = custom.applied(person.custom, {field.key: own[field.key] for field in fields})
    person.save()
    labels = [Person._meta.get_field(name).verbose_name for name in changed] + [field.label for field in fields]
    timeline.note(person, Entry.Kind.EDIT, _("Changed: %(fields)s"), {"fields": timeline.Listed(labels)}, by=by)
    return person


@transaction.atomic
def remove_address(address, *, by=None):
    """Take an address from a person. The next of its channel becomes primary; a stop on it still stands."""
    person = Person.objects.select_for_update().get(pk=address.person_id)
    consent.remember([address])
    address.delete()
    if address.primary:
        following = person.addresses.filter(channel=address.channel).order_by("pk").first()
        if following:
            make_primary(following)
    said = _("An email was removed") if address.channel == Channel.EMAIL else _("A phone number was removed")
    timeline.note(person, Entry.Kind.EDIT, said, by=by)


@transaction.atomic
def make_primary(address):
    """Use this address of its channel from now on."""
    Person.objects.select_for_update().get(pk=address.person_id)
    siblings = Address.objects.filter(person=address.person_id, channel=address.channel)
    siblings.exclude(pk=address.pk).update(primary=False)
    siblings.filter(pk=address.pk).update(primary=True)


def tag_named(name):
    """The tag of this name, made where there is none. Case and accents do not make another tag."""
    return Tag.objects.get_or_create(slug=fold(name)[:80], defaults={"name": name.strip()[:80]})[0]


@transaction.atomic
def set_tags(person, names, *, by=None):
    """Give a person exactly these tags; a tag that is new is made. The timeline says which came and which went."""
    wanted = {fold(name)[:80]: name for name in names if fold(name)}
    going = list(person.taggings.exclude(tag__slug__in=wanted).select_related("tag"))
    person.taggings.filter(pk__in=[tagging.pk for tagging in going]).delete()
    coming = []
    for name in wanted.values():
        tagging, added = Tagging.objects.get_or_create(tag=tag_named(name), person=person)
        coming += [tagging] if added else []
    for text, taggings in ((_("Tagged: %(tags)s"), coming), (_("No longer tagged: %(tags)s"), going)):
        if taggings:
            said = {"tags": timeline.Listed(tagging.tag for tagging in taggings)}
            timeline.note(person, Entry.Kind.EDIT, text, said, by=by)


# The bin


@transaction.atomic
def move_to_bin(person, *, by=None):
    """Out of every list, search and audience until somebody takes them out again. False where they were not here."""
    here = Person.objects.present().filter(pk=person.pk)
    if not here.update(binned_at=timezone.now(), binned_by=by):
        return False
    timeline.note(person, Entry.Kind.EDIT, _("Moved to the bin"), by=by)
    audit.record(audit.Action.BIN, person, by=by)
    return True


@transaction.atomic
def restore(person, *, by=None):
    """Back from the bin, with everything. Who was merged into somebody comes back by undoing that, not so."""
    if not Person.objects.binned().filter(pk=person.pk).update(binned_at=None, binned_by=None):
        return False
    timeline.note(person, Entry.Kind.EDIT, _("Taken out of the bin"), by=by)
    audit.record(audit.Action.RESTORE, person, by=by)
    return True


def write_note(whose, text, *, by=None):
    """A note that staff leave on the timeline of a person or an organization, in the language they wrote it."""
    return timeline.note(whose, Entry.Kind.NOTE, "%(note)s", {"note": text.strip()}, by=by)
