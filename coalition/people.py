"""People: find them by any address, keep them once, and keep each way to reach them in one normal form."""

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from coalition import timeline
from coalition.models import Address, Entry, Person, Tag, Tagging, fold

Channel = Address.Channel


def normalise(channel, value):
    """The one form an address is kept in: lower-cased email, or phone as E.164. Raises ValidationError."""
    value = (value or "").strip()
    if channel == Channel.EMAIL:
        value = value.lower()
        try:
            validate_email(value)
        except ValidationError:
            raise ValidationError(_("Enter an email address such as name@example.org"), code="email") from None
        return value
    try:
        number = phonenumbers.parse(value, settings.PHONE_REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise ValidationError(_("Enter a phone number with its area code, such as 413 555 0100"), code="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


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
def recognise(*, name="", email="", phone="", language, source="", **details):
    """The person behind a form or a text: found by address (and name, where a family shares one), else added.

    A visitor can never change what is known of somebody else by typing their address: known details stay, blanks are
    filled.
    """
    wanted = [(c, normalise(c, v)) for c, v in ((Channel.EMAIL, email), (Channel.PHONE, phone)) if v]
    if not wanted:
        raise ValueError("recognise() needs an email address or a phone number")
    person = None
    for channel, value in wanted:
        candidates = list(find(channel, value))
        named = [p for p in candidates if name and p.name.casefold() == name.strip().casefold()]
        unnamed = [p for p in candidates if not p.name or not name]
        person = next(iter(named or unnamed), None)
        if person:
            break
    if person is None:
        given, _space, family = name.strip().partition(" ")
        person = Person.objects.create(
            name=name.strip(), given_name=given, family_name=family, language=language, **details
        )
        timeline.note(person, Entry.Kind.JOINED, _("Added through %(source)s"), {"source": source})
    elif name and not person.name:
        person.name, (person.given_name, _space, person.family_name) = name.strip(), name.strip().partition(" ")
        person.save(update_fields=["name", "given_name", "family_name"])
    for channel, value in wanted:
        add_address(person, channel, value)
    return person


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
def change(person, *, details, by=None):
    """Correct what is known of a person. The timeline says which fields changed, never what stood there."""
    person = Person.objects.select_for_update().get(pk=person.pk)
    changed = [name for name, value in details.items() if getattr(person, name) != value]
    if not changed:
        return person
    for name in changed:
        setattr(person, name, details[name])
    person.save()
    labels = [Person._meta.get_field(name).verbose_name for name in changed]
    timeline.note(person, Entry.Kind.EDIT, _("Changed: %(fields)s"), {"fields": _Listed(labels)}, by=by)
    return person


class _Listed:
    """Translatable names, joined only when a language is active."""

    def __init__(self, labels):
        self.labels = labels

    def __str__(self):
        return ", ".join(str(label) for label in self.labels)


@transaction.atomic
def remove_address(address, *, by=None):
    """Take an address from a person. The next of its channel becomes primary; a stop on it still stands."""
    person = Person.objects.select_for_update().get(pk=address.person_id)
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


@transaction.atomic
def set_tags(person, names):
    """Give a person exactly these tags; a tag that is new is made. Case and accents do not make another tag."""
    wanted = {fold(name)[:80]: name.strip()[:80] for name in names if fold(name)}
    person.taggings.exclude(tag__slug__in=wanted).delete()
    for slug, name in wanted.items():
        tag, _made = Tag.objects.get_or_create(slug=slug, defaults={"name": name})
        Tagging.objects.get_or_create(tag=tag, person=person)


def write_note(whose, text, *, by=None):
    """A note that staff leave on the timeline of a person or an organization, in the language they wrote it."""
    return timeline.note(whose, Entry.Kind.NOTE, "%(note)s", {"note": text.strip()}, by=by)
