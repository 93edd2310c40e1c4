"""A standing authorization: somebody who may sign lets signatures on named topics be recorded, until a day (rule G1).

It is given by an explicit act, in words that are kept; everybody who may sign for the organization is told when it is
given, extended, revoked or about to end. An extension is a new one in the place of the old: nothing is rewritten.
"""

import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from coalition import audit, languages, notices, timeline
from coalition.models import Address, Entry, Notice, Organization, StandingAuthorization

from .desk import desk_link, representatives
from .refusals import MayNotSign, NotInForce
from .telling import reachable

EARLY = (7, 30)  # days before its end at which its signatories are told
WITH_LOGO = _(
    "I am authorized to bind %(organization)s. Until %(day)s, the coalition may record our signature, with our logo, "
    "on publications that are only about these topics: %(topics)s. It need not ask us first and tells us each time. "
    "We can take a signature back or revoke this at any time."
)
WITHOUT_LOGO = _(
    "I am authorized to bind %(organization)s. Until %(day)s, the coalition may record our signature, without our "
    "logo, on publications that are only about these topics: %(topics)s. It need not ask us first and tells us each "
    "time. We can take a signature back or revoke this at any time."
)
GIVEN = _("%(name)s gave a standing authorization to sign on %(topics)s, until %(day)s")
EXTENDED = _("%(name)s extended the standing authorization to sign on %(topics)s, until %(day)s")
REVOKED = _("The standing authorization to sign on %(topics)s was revoked (%(name)s)")


class Day:
    """A day for a value of a text that is said in every language."""

    def __init__(self, day):
        self.day = day

    def __str__(self):
        return languages.format_date(self.day)


def words(organization, topics, *, with_logo, expires_on):
    """What is attested, word for word, in the active language."""
    return str(WITH_LOGO if with_logo else WITHOUT_LOGO) % {
        "organization": organization.name_in(get_language()),
        "day": languages.format_date(expires_on),
        "topics": languages.join_list([topic.name for topic in topics]),
    }


def a_year_from(day):
    """The last day an authorization given on that day may name, and the one that is proposed."""
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + 1, day=28 if leap_day else day.day)


@transaction.atomic
def give(
    representative,
    *,
    topics,
    with_logo=False,
    expires_on,
    signer_name,
    signer_title="",
    attested,
    attestation,
    language,
    extends=None,
):
    """Keep a standing authorization that this representative attested. Returns it; pressed twice it is given once.

    `attestation`: the very words beside the box that was ticked. `extends`: the one in force whose place it takes.
    Raises MayNotSign, NotInForce (of `extends`), or ValidationError where the box is not ticked, no topic is named, or
    the day is not within a year. No silence gives it, and no membership (rule G1).
    """
    organization = Organization.objects.select_for_update(no_key=True).get(pk=representative.organization_id)
    representative = representatives().filter(pk=representative.pk, organization=organization).first()
    if representative is None or not representative.may_sign or representative.person.binned_at:
        raise MayNotSign
    topics = list(topics)
    _check(topics, expires_on, signer_name, attested)
    same = {"with_logo": with_logo, "expires_on": expires_on, "signer": representative.person}
    in_force = StandingAuthorization.objects.in_force().filter(organization=organization)
    for held in in_force.filter(**same).prefetch_related("topics"):
        if {topic.pk for topic in held.topics.all()} == {topic.pk for topic in topics}:
            return held
    if extends and not in_force.filter(pk=extends.pk).update(revoked_at=timezone.now()):
        raise NotInForce
    authorization = StandingAuthorization.objects.create(
        organization=organization,
        signer_name=signer_name.strip()[:200],
        signer_title=signer_title.strip()[:200],
        attestation=attestation,
        language=language,
        given_at=timezone.now(),
        **same,
    )
    authorization.topics.set(topics)
    said = {"name": authorization.signer_name, "topics": _Topics(topics), "day": Day(expires_on)}
    text, did = (EXTENDED, "authorization extended") if extends else (GIVEN, "authorization given")
    for whose in (organization, representative.person):
        timeline.note(whose, Entry.Kind.SIGNATURE, text, said)
    _record(authorization, did, topics)
    tell(authorization, "extended" if extends else "given")
    return authorization


def _check(topics, expires_on, signer_name, attested):
    today, errors = timezone.localdate(), {}
    if not topics:
        errors["topics"] = ValidationError(_("Choose at least one topic."), code="required")
    if not today < expires_on <= a_year_from(today):
        errors["expires_on"] = ValidationError(_("Choose a day within a year from today."), code="expires_on")
    if not signer_name.strip():
        errors["signer_name"] = ValidationError(_("Enter your name."), code="required")
    if not attested:
        errors["attested"] = ValidationError(
            _("Confirm that you may bind your organization: without it nothing is given."), code="attested"
        )
    if errors:
        raise ValidationError(errors)


@transaction.atomic
def revoke(authorization, *, representative=None, by=None, who=""):
    """End it now; what it signed stands. Returns False where it had ended already.

    By any representative who may sign, or by staff (`by`) at the wish of somebody of the organization, named in `who`.
    Raises MayNotSign.
    """
    if representative:
        speaks = representatives().filter(pk=representative.pk, organization=authorization.organization_id)
        if not speaks.filter(may_sign=True).exists():
            raise MayNotSign
    name = (who or str(by or "")) if representative is None else representative.person.name
    held = StandingAuthorization.objects.in_force().filter(pk=authorization.pk)
    if not held.update(revoked_at=timezone.now(), revoked_by=name[:200] or "—"):
        return False
    authorization.refresh_from_db()
    topics = list(authorization.topics.all())
    said = {"name": name, "topics": _Topics(topics)}
    timeline.note(authorization.organization, Entry.Kind.SIGNATURE, REVOKED, said, by=by)
    _record(authorization, "authorization revoked", topics, by=by)
    tell(authorization, "revoked", by=by)
    return True


class _Topics(timeline.Listed):
    """Names of topics, joined as each language does."""

    def __str__(self):
        return languages.join_list([topic.name for topic in self.labels])


def _record(authorization, did, topics, *, by=None):
    details = {"did": did, "organization": authorization.organization_id, "about": [topic.slug for topic in topics]}
    audit.record(audit.Action.SIGN_ON, authorization, details=details, by=by)


# Telling those who may sign


def signatories(organization):
    """Who may sign for it, in the order they are asked, each with person and addresses."""
    return list(
        representatives()
        .filter(organization=organization, may_sign=True, person__binned_at=None)
        .order_by("position", "pk")
    )


def with_states(authorizations, organization):
    """The same, each with its `state`: works, idle (who gave it may no longer sign), extended, revoked or ended."""
    signing = {speaker.person_id for speaker in signatories(organization)}
    for one in authorizations:
        if one.revoked_at:
            one.state = "revoked" if one.revoked_by else "extended"
        elif not one.is_in_force:
            one.state = "ended"
        else:
            one.state = "works" if one.signer_id in signing else "idle"
    return authorizations


def tell(authorization, event, *, key="", by=None):
    """Owe a notice to everybody who may sign: it was "given", "extended" or "revoked", or it is about to end."""
    topics = list(authorization.topics.all())
    for speaker in signatories(authorization.organization_id):
        person = speaker.person
        if (address := reachable(person)) is None:
            continue
        notices.write(
            "authorization",
            channel=Address.Channel.EMAIL,
            value=address.value,
            language=person.language,
            key=f"authorization-{authorization.pk}-{key or event}-{person.pk}",
            person=person,
            by=by,
            context={
                "event": event,
                "authorization": authorization,
                "topics": topics,
                "organization": speaker.organization.name_in(person.language),
                "link": desk_link(speaker, person.language, "desk_authorization", authorization.pk),
            },
        )


def tell_of_ends(at=None):
    """Tell signatories of authorizations that end within 30, and again within 7 days. Returns how many.

    One that was given for so short a time is not announced before it has begun to end.
    """
    today = timezone.localdate(at)
    ending = StandingAuthorization.objects.in_force(at).select_related("organization")
    ending = ending.filter(organization__binned_at=None)
    told = 0
    for authorization in ending.filter(expires_on__lte=today + datetime.timedelta(days=max(EARLY))):
        left = (authorization.expires_on - today).days
        days = min(early for early in EARLY if left <= early)
        lasts = (authorization.expires_on - timezone.localdate(authorization.given_at)).days
        begins = f"authorization-{authorization.pk}-ends-{days}-"
        if lasts > days and not Notice.objects.filter(key__startswith=begins).exists():
            tell(authorization, "ending", key=f"ends-{days}")
            told += 1
    return told
