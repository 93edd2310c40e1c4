"""The preference page: what somebody gets, about what, in which language; and the links that open it.

A link holds the number of an address, signed, and nothing else. Every change counts at once (rule E3). The link that
stands in every message may be forwarded, so it opens choices only; what is held about somebody shows itself to a
*personal* link, which goes to their own address and is good for a day.
"""

import hashlib
import hmac
import secrets
import time
from datetime import timedelta
from functools import lru_cache

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from coalition import consent, merging, notices, people, places, timeline
from coalition.models import Address, Consent, Entry, Installation, Muting, Notice, Person, Topic

SALT = "coalition.preferences"
PERSONAL = "coalition.preferences.personal"
NEW_ADDRESS = "coalition.preferences.new_address"
PERSONAL_FOR = timedelta(days=1)
NEW_ADDRESS_FOR = timedelta(days=3)
NEW_ADDRESSES_A_DAY = 5
SOURCE = Consent.Source.PREFERENCES


def token_for(address_pk):
    """The personal token of an address. It opens that person's preferences and closes that address, nothing else.

    It is what Django's `TimestampSigner.sign_object` makes, at a tenth of the time: a message to many has one for each.
    """
    value = b"%s:%s" % (signing.b64_encode(b"%d" % address_pk), _stamp(int(time.time())))
    signed = _begun(settings.SECRET_KEY).copy()
    signed.update(value)
    return (value + b":" + signing.b64_encode(signed.digest())).decode()


@lru_cache(maxsize=1)
def _stamp(second):
    return signing.b62_encode(second).encode()


@lru_cache(maxsize=1)
def _begun(secret):
    """A signature that nothing was signed with yet, to be copied: begun anew each time, it costs twice as much."""
    return hmac.new(hashlib.sha256(f"{SALT}signer{secret}".encode()).digest(), digestmod="sha256")


def personal_token_for(address_pk):
    """A token that for a day opens what is held about the person as well, and after that what any token opens."""
    return signing.dumps(address_pk, salt=PERSONAL)


def address_of(token, *, max_age=None):
    """The address behind a token; None when it is not ours, older than `max_age` (a timedelta), or gone."""
    pk = number_in(token, max_age=max_age)
    address = Address.objects.filter(pk=pk).select_related("person").first() if pk else None
    return address and merging.address_now(address)


def number_in(token, *, max_age=None):
    """The number of the address a token was made for, also once nobody holds it; None for no token of ours."""
    return _loads(token, SALT, max_age) or _loads(token, PERSONAL, max_age)


def is_personal(token):
    """Whether a token came to the address by itself within the last day."""
    return _loads(token, PERSONAL, PERSONAL_FOR) is not None


def _loads(token, salt, max_age):
    try:
        return signing.loads(token, salt=salt, max_age=max_age)
    except signing.BadSignature:
        return None


def opened_by(token):
    """The address whose preference page a token still opens, or None."""
    address = address_of(token, max_age=valid_for())
    return address if address and not address.person.binned_at else None


def valid_for():
    """How long a personal link opens the page: never under the 30 days that the law asks for (rule E2)."""
    return timedelta(days=max(30, Installation.get().personal_link_days))


def page_url(token, language, name="preferences"):
    """The absolute address of the page behind a token, in a language."""
    with override(language):
        path = reverse(name, args=["-token-"])
    return settings.PUBLIC_URL + path.replace("-token-", token)


def one_click_url(token):
    """Where a mail program posts its one-click unsubscribe (RFC 8058)."""
    return settings.PUBLIC_URL + reverse("one_click", args=["-token-"]).replace("-token-", token)


@transaction.atomic
def change(address, *, channels, language, name, seen, topics=None):
    """Keep what a person chose. Returns what changed: a set of "email", "phone", "topics", "language", "name".

    `channels`: {"email": bool, "phone": bool} for what the page offered; `seen`: the wording beside each box (rule S1);
    `topics`: {pk: bool} for those it offered.
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
    if _mute(person, topics or {}):
        done.add("topics")
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


def _mute(person, topics):
    """Mute what is not wanted, hear again what is. Returns whether anything changed; it counts for what is queued."""
    muted = set(person.mutings.values_list("topic_id", flat=True))
    wanted_again = {pk for pk, wanted in topics.items() if wanted} & muted
    muting = {pk for pk, wanted in topics.items() if not wanted} - muted
    person.mutings.filter(topic__in=wanted_again).delete()
    Muting.objects.bulk_create([Muting(person=person, topic_id=pk) for pk in sorted(muting)], ignore_conflicts=True)
    if wanted_again or muting:
        timeline.note(person, Entry.Kind.CONSENT, _("Chose what to hear about"))
    return bool(wanted_again or muting)


def topics_of(person):
    """[(topic, whether they hear of it)] of the topics in use, in order."""
    muted = set(person.mutings.values_list("topic_id", flat=True))
    return [(topic, topic.pk not in muted) for topic in Topic.objects.filter(retired_at=None)]


@transaction.atomic
def correct(person, details):
    """Keep what somebody corrects of themselves: names, street, city, ZIP code. County and state follow the ZIP code.

    Returns whether anything changed. The timeline says that they did it, and which fields, never what stood there.
    """
    if details["zip"][:5] != person.zip[:5]:
        details = details | {"county": places.county_of(details["zip"])}
        if state := places.state_of(details["zip"]):
            details["state"] = state
    before = {name: getattr(person, name) for name in details}
    if before == details:
        return False
    people.change(person, details=details)
    timeline.note(person, Entry.Kind.EDIT, _("Changed their own details on the preference page"))
    return True


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


def send_personal_link(address, *, language):
    """Owe the holder of an address a personal link, at most one in ten minutes. Returns whether one can arrive."""
    if address.fault or (address.channel == Address.Channel.PHONE and not can_text(address.value)):
        return False
    now = timezone.now()
    url = page_url(personal_token_for(address.pk), language)
    words = {"name": Installation.get().short_name.localize(language), "url": url}
    with override(language):
        text = gettext("%(name)s: your personal link, good for a day: %(url)s") % words
    notices.write(
        "personal_link",
        channel=address.channel,
        value=address.value,
        person=address.person,
        language=language,
        key=f"personal-link-{address.pk}-{now:%Y%m%d%H}{now.minute // 10}",
        text=text if address.channel == Address.Channel.PHONE else "",
        context={"preferences_url": url, "name": address.person.greeting_name},
    )
    return True


def can_text(number):
    """Whether a text may go to a number at all: after a stop the carrier would not take it, and neither do we (S4)."""
    return bool(settings.TEXT_PROVIDER) and not consent.is_suppressed(Address.Channel.PHONE, number)


# A new address opens when whoever reads it says so


@transaction.atomic
def ask_new_address(person, channel, value, *, language):
    """Owe the new address a link that adds it to this person; until it is used, nothing is added and nothing opens.

    Returns False where the person asked too often today. What cannot be texted gets nothing; the page does not tell.
    """
    value = people.normalise(channel, value)
    now = timezone.now()
    Person.objects.select_for_update().get(pk=person.pk)
    asked = person.notices.filter(kind="new_address", created_at__gt=now - timedelta(days=1))
    if asked.count() >= NEW_ADDRESSES_A_DAY:
        return False
    if channel == Address.Channel.PHONE and not can_text(value):
        return True
    # The link names the notice, and the notice the address: no link ever holds an address.
    notice = Notice.objects.create(
        channel=channel,
        value=value,
        person=person,
        kind="new_address",
        key=f"new-address-{person.pk}-{secrets.token_urlsafe(12)}",
        language=language,
        due_at=now,
        state=Notice.State.FAILED,
    )
    url = page_url(signing.dumps(notice.pk, salt=NEW_ADDRESS), language, "preferences_new_address")
    written = notices.compose("new_address", language=language, context={"url": url, "days": NEW_ADDRESS_FOR.days})
    if channel == Address.Channel.PHONE:
        words = {"name": Installation.get().short_name.localize(language), "url": url}
        with override(language):
            text = gettext("%(name)s: is this your number? Confirm it here: %(url)s If you did not ask, do nothing.")
        written = {"text": text % words}
    Notice.objects.filter(pk=notice.pk).update(state=Notice.State.QUEUED, **written)
    return True


def new_address(token):
    """The notice behind the link of a new address, or None: (channel, value, person) stand on it."""
    pk = _loads(token, NEW_ADDRESS, NEW_ADDRESS_FOR)
    found = Notice.objects.filter(pk=pk, kind="new_address", person__binned_at=None) if pk else Notice.objects.none()
    return found.select_related("person").first()


@transaction.atomic
def confirm_new_address(notice, *, wants=False, wording="", language):
    """Whoever reads the address says it is theirs: it is added, becomes the one we use, and opens if they want it to.

    Returns the address. `wording` stood beside the box of `wants` (rule S1).
    """
    address = people.add_address(notice.person, notice.channel, notice.value)
    people.make_primary(address)
    address.refresh_from_db()
    if wants and address.consent != Address.Consent.GRANTED:
        consent.grant(address, wording=wording, language=language, source=SOURCE)
    return address


def forget_unconfirmed():
    """An address that nobody said yes to is not ours to keep (rule P4). Returns how many were dropped."""
    old = Notice.objects.filter(kind="new_address", created_at__lt=timezone.now() - NEW_ADDRESS_FOR)
    return old.delete()[0]


def send_link(value, *, language):
    """Owe a personal link to whoever holds this email address; to an unknown one nothing. Raises ValidationError.

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
                "preferences_url": page_url(personal_token_for(address.pk), language),
                "days": valid_for().days,
                "name": address.person.greeting_name,
            },
        )
