"""Retention: who showed no sign of life for long is asked to stay, then forgotten; the bin is emptied (rule P6).

Off until an administrator sets the months; what it would touch can be seen before. Never touched: who speaks for an
organization that was asked in an open round. Small chunks, each in its own transaction, safe to run twice.
"""

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from coalition import audit, merging, notices, preferences, privacy
from coalition.models import Address, Erasure, Installation, Invitation, Person, Representative

SALT = "coalition.retention.stay"
MONTH = timedelta(days=365.25 / 12)
CHUNK = 100


def _quiet_since(people, moment):
    """Those without a sign of life since then: nothing they did, no change of their record, not added later."""
    last = Coalesce("last_active_at", "created_at")
    return people.alias(last_sign=last).filter(last_sign__lt=moment, created_at__lt=moment)


def _untouchable():
    """Who speaks for an organization that is asked just now."""
    asked = Invitation.objects.filter(representative__person=OuterRef("pk"), round__closed_at=None, revoked_at=None)
    speaks = Representative.objects.filter(person=OuterRef("pk"), organization__invitations__round__closed_at=None)
    return Exists(asked) | Exists(speaks)


def _can_be_asked():
    return Exists(Address.objects.filter(person=OuterRef("pk"), channel=Address.Channel.EMAIL, primary=True, fault=""))


def due(rules, now=None):
    """{"ask", "anonymise", "erase"}: querysets of whom a run with these rules would touch now.

    `rules` has `inactive_months`, `inactive_then`, `answer_days`, `bin_days`: an `Installation`, saved or not.
    """
    now = now or timezone.now()
    nobody, free = Person.objects.none(), Person.objects.filter(~_untouchable())
    found = {"ask": nobody, "anonymise": nobody, "erase": nobody}
    if rules.inactive_months:
        quiet = _quiet_since(free.filter(binned_at=None), now - rules.inactive_months * MONTH)
        # A question that they answered with any sign of life is spent: years later they are asked anew.
        unasked = Q(asked_to_stay_at=None) | Q(asked_to_stay_at__lt=F("last_sign"))
        if rules.inactive_then == "ask":
            answered_by = now - timedelta(days=rules.answer_days)
            found["ask"] = quiet.filter(unasked, _can_be_asked())
            # Whom no email reaches cannot be asked, and hears nothing from us either.
            found["anonymise"] = quiet.filter(
                (~unasked & Q(asked_to_stay_at__lt=answered_by)) | (unasked & ~_can_be_asked())
            )
        else:
            found["anonymise"] = quiet
    if rules.bin_days:
        found["erase"] = free.filter(binned_at__lt=now - timedelta(days=rules.bin_days), merged_into=None)
    return found


def run(limit=CHUNK):
    """One chunk of what the settings ask for. Returns how many people it touched; 0 means nothing is due."""
    rules, touched = Installation.get(), 0
    for kind, act in (("ask", _ask), ("anonymise", _anonymise), ("erase", _erase)):
        for person in due(rules)[kind].order_by("pk")[: max(0, limit - touched)]:
            touched += act(person, kind, rules)
    return touched


@transaction.atomic
def _still_due(person, kind, rules):
    return due(rules)[kind].select_for_update(of=("self",), skip_locked=True).filter(pk=person.pk).first()


@transaction.atomic
def _ask(person, kind, rules):
    held = _still_due(person, kind, rules)
    if held is None:
        return 0
    address = held.primary_email
    Person.objects.filter(pk=held.pk).update(asked_to_stay_at=timezone.now())
    notices.write(
        "stay",
        channel=Address.Channel.EMAIL,
        value=address.value,
        person=held,
        language=held.language,
        key=f"stay-{held.pk}-{timezone.now():%Y%m%d}",
        context={
            "stay_url": url(address, held.language),
            "preferences_url": preferences.page_url(preferences.personal_token_for(address.pk), held.language),
            "days": rules.answer_days,
            "name": held.greeting_name,
        },
    )
    return 1


@transaction.atomic
def _anonymise(person, kind, rules):
    if _still_due(person, kind, rules) is None:
        return 0
    privacy.anonymise(person, why="retention: no sign of life")
    return 1


@transaction.atomic
def _erase(person, kind, rules):
    if _still_due(person, kind, rules) is None:
        return 0
    privacy.anonymise(person, why="retention: long in the bin")
    return 1


# The answer


def url(address, language):
    """The personal link with which somebody says that they stay. It holds the number of an address, signed."""
    token = signing.dumps(address.pk, salt=SALT)
    with override(language):
        return settings.PUBLIC_URL + reverse("stay", args=[token])


def asked_by(token):
    """The person behind a link to stay, or None."""
    days = Installation.get().answer_days + 30
    try:
        pk = signing.loads(token, salt=SALT, max_age=timedelta(days=days))
    except signing.BadSignature:
        return None
    address = Address.objects.filter(pk=pk).select_related("person").first()
    person = address and merging.address_now(address).person  # who was merged since stays as whom they became
    return person if person and not person.binned_at else None


@transaction.atomic
def stay(person):
    """They are there: the clock begins anew."""
    Person.objects.filter(pk=person.pk).update(asked_to_stay_at=None, last_active_at=timezone.now())


# The settings


@transaction.atomic
def change(rules, *, by=None):
    """Keep what an administrator decided: {"inactive_months", "inactive_then", "answer_days", "bin_days"}."""
    installation = Installation.get()
    changed = [name for name, value in rules.items() if getattr(installation, name) != value]
    for name in changed:
        setattr(installation, name, rules[name])
    if changed:
        installation.save()
        details = {"did": "retention", "rules": {name: rules[name] for name in rules}}
        audit.record(audit.Action.SETTING, installation, details=details, by=by)
    return bool(changed)


def history():
    """What retention forgot so far: [(day, number)], newest first."""
    return Erasure.objects.filter(source=Erasure.Source.RETENTION)
