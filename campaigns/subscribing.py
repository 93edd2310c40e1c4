"""Joining by the form on the site: what was ticked is asked for, and only their own yes opens an address.

Email is confirmed by a button behind a personal link (a scanner that follows links confirms nothing), texts by
replying YES (S1, S2).
"""

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from campaigns import replies, stopping
from coalition import consent, notices, people
from coalition.models import Address, Consent, Installation, Person

SALT = "campaigns.subscribing"
VALID_DAYS = 14
ASK_AGAIN_AFTER = timedelta(hours=12)
ASKED_AT_MOST = 3  # of one address within that time, whatever names a visitor invents for it


class LinkError(Exception):
    """The confirmation link is altered or too old."""


@transaction.atomic
def join(*, name, language, email="", phone="", zip_code="", by_email=False, by_text=False):
    """Ask for consent on the channels that were ticked and return the person; a second press asks no second time.

    An address that agreed already is left as it is: the form tells nobody whether we know them. A number that said stop
    gets no text because a stranger typed it in: only the phone itself comes back (rule S4). Raises ValidationError.
    """
    installation = Installation.get()
    reached = people.reach(name=name, email=email, phone=phone, language=language, source=_("the site"))
    person = next(iter(reached.values())).person
    if zip_code:
        Person.objects.filter(pk__in=[address.person_id for address in reached.values()], zip="").update(zip=zip_code)
    if by_email:
        address = reached[Address.Channel.EMAIL]
        line = _ask(address, installation.email_wording, language)
        if line:
            notices.write(
                "confirm_subscription",
                channel=Address.Channel.EMAIL,
                value=address.value,
                person=address.person,
                language=language,
                key=f"subscribe-{line.pk}",
                context={"confirm_url": confirm_url(line, language), "wording": line.wording},
            )
    if by_text:
        address = reached[Address.Channel.PHONE]
        line = _ask(address, installation.text_wording, language)
        if line:
            notices.write(
                replies.NOTICE_KIND.format(replies.Kind.ASK),
                channel=Address.Channel.PHONE,
                value=address.value,
                person=address.person,
                language=language,
                key=f"subscribe-{line.pk}",
                text=replies.wording(replies.Kind.ASK, language),
            )
    return person


def _ask(address, wording, language):
    """The line that asks, or None where the address agreed already or was asked today."""
    address = Address.objects.select_for_update().get(pk=address.pk)
    since = timezone.now() - ASK_AGAIN_AFTER
    if address.consent == Address.Consent.ASKED and address.consent_at > since:
        return None
    if address.channel == Address.Channel.PHONE and stopping.is_stopped(address.value):
        return None
    asked_lately = Consent.objects.filter(
        address__in=Address.objects.at(address.channel, address.value), state=Address.Consent.ASKED, at__gt=since
    )
    if asked_lately.count() >= ASKED_AT_MOST:
        return None
    words = wording.localize(language) if wording else ""
    return consent.ask(address, wording=words, language=language, source=Consent.Source.FORM)


def confirm_url(line, language):
    with override(language):
        return settings.PUBLIC_URL + reverse("campaigns:confirm_subscription", args=[signing.dumps(line.pk, salt=SALT)])


def asked(token):
    """The line of consent behind a confirmation link. Raises LinkError."""
    try:
        pk = signing.loads(token, salt=SALT, max_age=VALID_DAYS * 86400)
    except signing.BadSignature:
        raise LinkError from None
    present = Consent.objects.filter(pk=pk, person__binned_at=None)
    line = present.select_related("address", "person").first()
    if line is None:
        raise LinkError
    return line


@transaction.atomic
def confirm(line):
    """They pressed the button: the yes, in the words they saw. Returns whether the address is open now."""
    address = Address.objects.select_for_update().select_related("person").get(pk=line.address_id)
    if address.consent == Address.Consent.ASKED:
        consent.grant(
            address,
            wording=line.wording,
            language=line.language,
            source=Consent.Source.FORM,
            evidence=f"confirmed consent {line.pk}",
        )
    return address.consent == Address.Consent.GRANTED
