"""The preference page: what somebody gets, in which language, under which name; and the personal link that opens it.

The link holds the number of an address, signed, and nothing else. Every change counts at once (rule E3).
"""

from datetime import timedelta
from functools import lru_cache

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from coalition import consent, notices, people, timeline
from coalition.models import Address, Consent, Entry, Installation, Person

SALT = "coalition.preferences"
SOURCE = Consent.Source.PREFERENCES


def token_for(address_pk):
    """The personal token of an address. It opens that person's preferences and closes that address, nothing else."""
    return _signer(settings.SECRET_KEY).sign_object(address_pk)


@lru_cache(maxsize=1)
def _signer(key):
    """Kept, because a message to many signs a token for each."""
    return signing.TimestampSigner(key=key, salt=SALT)


def address_of(token, *, max_age=None):
    """The address behind a token; None when it is not ours, older than `max_age` (a timedelta), or gone."""
    try:
        pk = signing.loads(token, salt=SALT, max_age=max_age)
    except signing.BadSignature:
        return None
    return Address.objects.filter(pk=pk).select_related("person").first()


def opened_by(token):
    """The address whose preference page a token still opens, or None."""
    address = address_of(token, max_age=valid_for())
    return address if address and not address.person.binned_at else None


def valid_for():
    """How long a personal link opens the page: never under the 30 days that the law asks for (rule E2)."""
    return timedelta(days=max(30, Installation.get().personal_link_days))


def page_url(token, language):
    """The absolute address of the page behind a token, in a language."""
    with override(language):
        path = reverse("preferences", args=["-token-"])
    return settings.PUBLIC_URL + path.replace("-token-", token)


def one_click_url(token):
    """Where a mail program posts its one-click unsubscribe (RFC 8058)."""
    return settings.PUBLIC_URL + reverse("one_click", args=["-token-"]).replace("-token-", token)


@transaction.atomic
def change(address, *, channels, language, name, seen):
    """Keep what a person chose. Returns what changed: a set of "email", "phone", "language", "name".

    `channels`: {"email": bool, "phone": bool} for what the page offered; `seen`: the wording beside each box (rule S1).
    A yes is for this person and only for the address that the link was sent to: who reads a mailbox proves nothing of a
    phone (rule S1). A no closes the address on every record that holds it (rule S4).
    """
    person = Person.objects.select_for_update().get(pk=address.person_id)
    done = set()
    for channel, wanted in channels.items():
        held = _address_on(person, channel, address)
        if held is None or wanted == (held.consent == Address.Consent.GRANTED):
            continue
        if wanted and held.pk != address.pk:
            continue
        if wanted:
            consent.grant(held, wording=seen[channel], language=language, source=SOURCE)
        else:
            consent.withdraw(channel, held.value, source=SOURCE, language=language)
        done.add(str(channel))
    if language != person.language:
        person.language = language
        done.add("language")
    if name and name != person.name:
        person.name = name
        person.given_name, _space, person.family_name = name.partition(" ")
        done.add("name")
    if done & {"language", "name"}:
        person.save(update_fields=["language", "name", "given_name", "family_name"])
        timeline.note(person, Entry.Kind.EDIT, _("Changed their own details on the preference page"))
    return done


def _address_on(person, channel, address):
    """The address a choice is about: the one whose link it is, else the person's primary one."""
    return address if address.channel == channel else person.primary(channel)


def offered(address):
    """The addresses that a page may speak of, by channel: the link's own, and the other channel's primary one if it is
    open, so that it can be closed.
    """
    found = {}
    for channel in Address.Channel:
        held = _address_on(address.person, channel, address)
        if held and (held.pk == address.pk or held.consent == Address.Consent.GRANTED):
            found[str(channel)] = held
    return found


@transaction.atomic
def stop_everything(address, *, language):
    """Close every address of this person, on every record that holds it. Returns how many addresses it was."""
    held = list(address.person.addresses.order_by("pk"))
    for one in held:
        consent.withdraw(one.channel, one.value, source=SOURCE, language=language, evidence="stop everything")
    return len(held)


def send_link(value, *, language):
    """Owe a fresh link to whoever holds this email address; to an unknown one nothing. Raises ValidationError.

    At most one an hour for an address, so that nobody can flood somebody else's mailbox. Returns nothing on purpose:
    the page says the same whether or not the address is known.
    """
    value = people.normalise(Address.Channel.EMAIL, value)
    holders = Address.objects.at(Address.Channel.EMAIL, value).filter(person__binned_at=None).select_related("person")
    hour = timezone.now().strftime("%Y%m%d%H")
    for address in holders.order_by("person__created_at", "pk"):
        notices.write(
            "preferences_link",
            channel=Address.Channel.EMAIL,
            value=value,
            person=address.person,
            language=language,
            key=f"preferences-link-{address.pk}-{hour}",
            context={
                "preferences_url": page_url(token_for(address.pk), language),
                "days": valid_for().days,
                "name": address.person.greeting_name,
            },
        )
