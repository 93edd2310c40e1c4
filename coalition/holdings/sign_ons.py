"""What sign-ons hold about people: who spoke for whom, what they answered, asked, proposed, allowed and signed.

What an organization answered stands as its own act (rule G1); the name of who said it goes. What an individual signed
was theirs alone, so it is withdrawn.
"""

import secrets

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Lower, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition.models import (
    Address,
    Ask,
    Decision,
    EmailCode,
    Endorsement,
    Invitation,
    LinkDevice,
    OrganizationMerge,
    Person,
    Policy,
    Remark,
    Representative,
    Review,
    RoleChange,
    StandingAuthorization,
    fold,
)

from .registry import Holding, Whose, blur, labelled, register, speaking_of


def typed_names(people):
    """Whole names that these people gave when they signed, which may differ from those on record; never a word that
    has nothing of their names in it, such as "The Board"."""
    pks = [person.pk for person in people]
    own = {part for person in people for part in fold(person.name).split() if len(part) > 2}
    given = set()
    for model in (Decision, StandingAuthorization):
        given.update(model.objects.filter(signer__in=pks).values_list("signer_name", flat=True))
    given.update(Endorsement.objects.filter(person__in=pks).values_list("name", flat=True))
    return {name for name in given if own & set(fold(name).split())}


def _by_email(whose, email="email", name="name"):
    """Records that name an address of theirs; where somebody else holds it too, their name has to stand beside it."""
    emails = [value.lower() for value in whose.values(Address.Channel.EMAIL)]
    alone = set(whose.alone())
    shared = [value for value in emails if value not in alone]
    named = Q(pk__in=[])
    for each in whose.names:
        named |= Q(**{f"{name}__iexact": each})
    return Q(_email__in=[value for value in emails if value in alone]) | (Q(_email__in=shared) & named)


def _naming(model, whose):
    """Records of a model that stand under somebody's email address, without being tied to a person."""
    return model.objects.alias(_email=Lower("email")).filter(_by_email(whose))


def _person(person):
    """Whose records to look for when they are told: the person's, and those that were merged into theirs."""
    people = [person, *Person.objects.filter(merged_into=person)]
    names = {each.name for each in people if " " in each.name}
    return Whose(people, list(Address.objects.filter(person__in=people)), sorted(names))


def _new_nonces(records):
    """The links in what was sent open nothing any more."""
    for pk in records.values_list("pk", flat=True):
        records.model.objects.filter(pk=pk).update(nonce=secrets.token_urlsafe(16))


# Who speaks for whom


@register
class Representations(Holding):
    """Deleting the person takes the role; that the organization was asked stands, its link dead."""

    model, key, label = Representative, "represents", _("Organizations you speak for")
    fields = labelled(Representative, "organization", "role", "title", "may_sign", "since")

    def forget(self, whose):
        asked = Invitation.objects.filter(representative__person__in=whose.pks, revoked_at=None)
        return asked.update(revoked_at=timezone.now())


@register
class RoleChanges(Holding):
    """One that names them is emptied, and while it still waits it goes: nobody is left whom it could let speak."""

    model, key, label = RoleChange, "role_changes", _("Changes of who speaks for an organization")
    fields = [
        *labelled(RoleChange, "asked_at", "organization", "what", "state"),
        ("name", _("name")),
        ("email", _("email")),
        ("note", _("note")),
        ("part", _("your part in it")),
    ]

    def of(self, person):
        whose = _person(person)
        about = {change.pk for change in _naming(RoleChange, whose)}
        about |= set(RoleChange.objects.filter(representative__person=person).values_list("pk", flat=True))
        found = RoleChange.objects.filter(Q(asked_by=person) | Q(settled_by_person=person) | Q(pk__in=about))
        for change in found.order_by("pk"):
            change.theirs = {
                "about": change.pk in about,
                "asked": change.asked_by_id == person.pk,
                "settled": change.settled_by_person_id == person.pk,
            }
            yield change

    def name(self, change):
        return change.name if change.theirs["about"] else ""

    def email(self, change):
        return change.email if change.theirs["about"] else ""

    def note(self, change):
        return change.note if change.theirs["asked"] else ""

    def part(self, change):
        words = {"about": _("It is about you"), "asked": _("You asked for it"), "settled": _("You settled it")}
        return [str(words[part]) for part, holds in change.theirs.items() if holds]

    def forget(self, whose):
        RoleChange.objects.filter(asked_by__in=whose.pks).update(asked_by=None)
        RoleChange.objects.filter(settled_by_person__in=whose.pks).update(settled_by_person=None)
        named = _naming(RoleChange, whose)
        number = named.filter(state=RoleChange.State.WAITING).delete()[0]
        number += named.update(name="", email="", title="", note="")
        return number + blur(RoleChange.objects.all(), "note", whose)


@register
class Devices(Holding):
    """Nothing but a hash of a value in the device's own cookie; it goes with the role."""

    model, key, label = LinkDevice, "devices", _("Devices that opened your personal links")
    fields = [
        ("representative__organization", _("organization")),
        *labelled(LinkDevice, "first_at", "last_at"),
        ("trusted_at", _("known as yours since")),
    ]

    def of(self, person):
        return LinkDevice.objects.filter(representative__person=person).order_by("pk")


@register
class EmailCodes(Holding):
    model, key, label = EmailCode, "email_codes", _("Codes sent to you to open a partner's desk")
    fields = [("sent_at", _("sent")), ("expires_at", _("valid until")), ("used_at", _("used"))]


# What they were asked, and answered


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
class Asks(Holding):
    model, key, label = Ask, "asks", _("Each time we asked you to sign")
    fields = [("invitation__round__publication", _("publication")), *labelled(Ask, "at", "kind", "channel")]

    def of(self, person):
        return Ask.objects.filter(invitation__representative__person=person).order_by("pk")


@register
class Decisions(Holding):
    """A signature is the organization's act, so it stays with its date and version; who gave it is forgotten.

    Where a publication prints signers (rule G8) their name leaves its page and its PDF with this; a copy that was
    handed over already is a record of that day and stays as it was. A scanned letter shows their hand: it goes.
    """

    model, key, label = Decision, "decisions", _("Answers for an organization")
    fields = [
        *labelled(Decision, "at", "publication", "organization", "choice", "signer_name", "signer_title"),
        *labelled(Decision, "attestation", "with_logo", "until", "via", "language", "reason", "reason_private"),
        ("letter", _("scanned letter")),
    ]

    def of(self, person):
        return Decision.objects.filter(signer=person).order_by("pk")

    def letter(self, decision):
        return bool(decision.proof)

    def forget(self, whose):
        said = Decision.objects.filter(Q(signer__in=whose.pks) | Q(invitation__representative__person__in=whose.pks))
        said |= self._by_letter(whose)
        for proof in [decision.proof for decision in said.exclude(proof="")]:
            transaction.on_commit(lambda proof=proof: proof.storage.delete(proof.name))
        pks = list(said.values_list("pk", flat=True))
        blur(Decision.objects.filter(pk__in=pks), "attestation", whose)
        return Decision.objects.filter(pk__in=pks).update(
            signer=None, signer_name="", signer_title="", reason="", proof=""
        )

    def _by_letter(self, whose):
        """What staff recorded under their name, as far as nobody else of that name is known."""
        others = Person.objects.exclude(pk__in=whose.pks).values_list("name", flat=True)
        names = [name for name in whose.names if not others.filter(name__iexact=name).exists()]
        return Decision.objects.filter(signer=None, via=Decision.Via.LETTER, signer_name__in=names)


@register
class Remarks(Holding):
    """What was asked and answered stays with the text it is about; who wrote it, and whom it names, goes."""

    model, key, label = Remark, "remarks", _("Questions and proposals")
    fields = [
        ("round__publication", _("publication")),
        *labelled(Remark, "at", "organization", "kind", "body", "passage", "proposal", "shared_as", "state"),
    ]

    def of(self, person):
        """What they wrote, and what organizers answered."""
        return Remark.objects.filter(Q(person=person) | Q(about__person=person)).order_by("pk")

    def forget(self, whose):
        number = Remark.objects.filter(person__in=whose.pks).update(person=None)
        return number + sum(blur(Remark.objects.all(), name, whose) for name in ("body", "proposal", "shared_as"))


@register
class Reviews(Holding):
    """A colleague is found by their address: most are nobody else on record. Their recommendation stays as a number."""

    model, key, label = Review, "reviews", _("What colleagues recommended")
    fields = [
        ("invitation__round__publication", _("publication")),
        ("invitation__organization", _("organization")),
        ("asked_at", _("asked")),
        ("part", _("your part in it")),
        ("note", _("message to the colleague")),
        ("recommendation", _("recommendation")),
        ("comment", _("comment")),
    ]

    def of(self, person):
        about = {review.pk for review in _naming(Review, _person(person))}
        found = Review.objects.filter(Q(invitation__representative__person=person) | Q(pk__in=about))
        for review in found.order_by("pk"):
            review.theirs = review.pk in about
            yield review

    def part(self, review):
        return str(_("You were asked") if review.theirs else _("You asked a colleague"))

    def recommendation(self, review):
        return str(review.get_recommendation_display()) if review.theirs else ""

    def comment(self, review):
        return review.comment if review.theirs else ""

    def forget(self, whose):
        asked = Review.objects.filter(invitation__representative__person__in=whose.pks, revoked_at=None)
        number = asked.filter(answered_at=None).update(revoked_at=timezone.now())
        named = _naming(Review, whose)
        _new_nonces(named)
        number += named.update(name="", email="", note="", comment="", revoked_at=Coalesce("revoked_at", Now()))
        return number + sum(blur(Review.objects.all(), name, whose) for name in ("note", "comment"))


# What they decided for many publications


@register
class Policies(Holding):
    """It is the organization's; that they changed it last is theirs."""

    model, key, label = Policy, "policies", _("Standing policies that you changed")
    fields = labelled(Policy, "organization", "changed_at", "approvers")

    def of(self, person):
        return Policy.objects.filter(changed_by=person).order_by("pk")

    def forget(self, whose):
        number = Policy.objects.filter(changed_by__in=whose.pks).update(changed_by=None)
        return number + blur(Policy.objects.all(), "approvers", whose)


@register
class Authorizations(Holding):
    """What was signed under it stands. Nobody answers for it any more, so nothing new is."""

    model, key, label = StandingAuthorization, "authorizations", _("Standing authorizations you gave")
    fields = [
        *labelled(StandingAuthorization, "given_at", "organization", "signer_name", "signer_title"),
        ("topics", _("topics")),
        *labelled(StandingAuthorization, "with_logo", "attestation", "language", "expires_on", "revoked_at"),
    ]

    def of(self, person):
        return StandingAuthorization.objects.filter(signer=person).prefetch_related("topics").order_by("pk")

    def topics(self, authorization):
        return [str(topic) for topic in authorization.topics.all()]

    def forget(self, whose):
        given = list(StandingAuthorization.objects.filter(signer__in=whose.pks).values_list("pk", flat=True))
        for name in ("attestation", "revoked_by"):
            blur(StandingAuthorization.objects.all(), name, whose)
        return StandingAuthorization.objects.filter(pk__in=given).update(
            signer=None, signer_name="", signer_title="", revoked_at=Coalesce("revoked_at", Now())
        )


# What they signed for themselves


@register
class Endorsements(Holding):
    """Their own signature is withdrawn and emptied: it is counted and printed nowhere from then on."""

    model, key, label = Endorsement, "endorsements", _("What you signed yourself")
    fields = [
        ("publication", _("publication")),
        *labelled(Endorsement, "at", "name", "email", "city", "affiliation", "language", "wording"),
        *labelled(Endorsement, "confirmed_at", "withdrawn_at"),
    ]

    def of(self, person):
        found = Q(person=person) | Q(person=None, pk__in=_naming(Endorsement, _person(person)).values("pk"))
        return Endorsement.objects.filter(found).order_by("pk")

    def forget(self, whose):
        found = Q(person__in=whose.pks) | Q(person=None, pk__in=_naming(Endorsement, whose).values("pk"))
        theirs = Endorsement.objects.filter(found)
        pks = list(theirs.values_list("pk", flat=True))
        _new_nonces(theirs)
        return Endorsement.objects.filter(pk__in=pks).update(
            person=None,
            name="",
            email="",
            city="",
            affiliation="",
            wording="",
            withdrawn_at=Coalesce(F("withdrawn_at"), Now()),
        )


NOTHING_MOVED = {}  # of a merge whose page still opens, and which cannot be undone any more


@register
class OrganizationMerges(Holding):
    """The record of a merge holds details of the organization that gave way; one may be somebody's own address."""

    model, key = OrganizationMerge, "organization_merges"

    def forget(self, whose):
        return speaking_of(whose, OrganizationMerge.objects.all(), "record").update(record=NOTHING_MOVED)
