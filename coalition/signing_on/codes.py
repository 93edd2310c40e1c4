"""Six digits that go to somebody's own email address: they open the desk without a link, and prove a device once.

Kept as a keyed digest, for a quarter of an hour, for five tries, one at a time; it opens nothing for anybody else.
"""

import datetime
import secrets

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from coalition import notices
from coalition.models import Address, EmailCode, Person, Representative

from .telling import reachable

VALID_FOR = datetime.timedelta(minutes=15)
TRIES = 5
KEPT = datetime.timedelta(days=2)
AGAIN_AFTER = datetime.timedelta(minutes=1)
AT_MOST = ((5, datetime.timedelta(hours=1)), (10, datetime.timedelta(days=1)))  # so that nobody's mailbox is flooded


def _digest(person, code):
    return salted_hmac("coalition.signing_on.codes", f"{person.pk} {code}", algorithm="sha256").hexdigest()


@transaction.atomic
def send_code(person, *, language):
    """Owe a code to the address on record. Returns the notice; None where no email arrives, or it was often enough.

    A new code ends the one before. Within a minute of the last one none is sent: a double press asks once.
    """
    address = reachable(person)
    if address is None:
        return None
    Person.objects.select_for_update(no_key=True).get(pk=person.pk)  # two presses take turns
    now, sent = timezone.now(), EmailCode.objects.filter(person=person)
    if sent.filter(sent_at__gt=now - AGAIN_AFTER).exists():
        return None
    if any(sent.filter(sent_at__gt=now - span).count() >= most for most, span in AT_MOST):
        return None
    sent.filter(used_at=None, expires_at__gt=now).update(expires_at=now)
    code = f"{secrets.randbelow(10**6):06}"
    kept = EmailCode.objects.create(person=person, digest=_digest(person, code), expires_at=now + VALID_FOR)
    return notices.write(
        "desk_code",
        channel=Address.Channel.EMAIL,
        value=address.value,
        language=language,
        person=person,
        key=f"desk-code-{kept.pk}",
        expires_at=kept.expires_at,
        context={"code": code, "minutes": VALID_FOR.seconds // 60},
    )


def check(person, code):
    """Whether this is the person's live code; then it is used up. A wrong one counts as a try, five end the code."""
    live = EmailCode.objects.filter(person=person, used_at=None, expires_at__gt=timezone.now(), tries__lt=TRIES)
    held = live.order_by("-pk").first()
    if held is None or not live.filter(pk=held.pk).update(tries=F("tries") + 1):
        return False
    if not constant_time_compare(held.digest, _digest(person, "".join(filter(str.isdigit, code)))):
        return False
    return bool(EmailCode.objects.filter(pk=held.pk, used_at=None).update(used_at=timezone.now()))


def forget_old():
    """Drop codes that nobody can use any more and no limit counts. Returns how many."""
    return EmailCode.objects.filter(sent_at__lt=timezone.now() - KEPT).delete()[0]


def holders(email):
    """The people who speak for an organization and whom an address of email belongs to, in a fixed order."""
    speaking = Representative.objects.filter(organization__binned_at=None)
    return list(
        Person.objects.filter(
            addresses__channel=Address.Channel.EMAIL,
            addresses__value=email,
            binned_at=None,
            pk__in=speaking.values("person"),
        )
        .prefetch_related("addresses")
        .distinct()
        .order_by("pk")
    )


def ask(email, *, language):
    """Owe a code to whoever holds this address and speaks for an organization; to anybody else nothing.

    It goes to the address on record, which need not be the one that was typed. Returns nothing on purpose: the page
    says the same whether or not the address is known.
    """
    for person in holders(email):
        send_code(person, language=language)


def enter(email, code):
    """The person whose live code this is, among those who hold the address; None where it is nobody's."""
    return next((person for person in holders(email) if check(person, code)), None)
