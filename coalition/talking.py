"""Talk about a text before deciding: a partner asks, or proposes another wording; the organizers answer; both are told.

A thread is of one partner in one round. What is proposed changes nothing by itself: whoever writes the text takes it up
in the next version, or says why not.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, Count, Exists, OuterRef, Q, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rapidfuzz import fuzz, process

from coalition import audit, canonical, notices, timeline
from coalition.languages import language_of
from coalition.models import Address, Entry, Installation, Organization, Publication, Remark, fold
from coalition.signing_on.links import invitations, still_speaks
from coalition.signing_on.refusals import RevokedLink, RoundClosed, Superseded
from coalition.signing_on.telling import owe

Kind, State = Remark.Kind, Remark.State
LONGEST = 5000  # characters of a question, an answer, a reason
LONGEST_WORDING = 10_000  # characters of a proposed wording: a paragraph of a report, rewritten
DAY = timedelta(days=1)
A_DAY = 30  # questions and proposals of one partner in a day; each writes an email, so more is a machine
WAITS_FIRST = (Case(When(state=State.OPEN, then=0), default=1), "-at", "-pk")

ASKED = _("%(organization)s asked the organizers about “%(title)s” (%(name)s)")
PROPOSED = _("%(organization)s proposed an edit to “%(title)s”, version %(number)s (%(name)s)")
ANSWERED = _("The organizers answered the question of %(organization)s about “%(title)s”")
TAKEN = _("The edit that %(organization)s proposed to “%(title)s” was taken up")
NOT_TAKEN = _("The edit that %(organization)s proposed to “%(title)s” was not taken up")


# What a partner says


def hold(invitation):
    """The publication and the invitation, read afresh; what its organization says takes turns.

    Raises RevokedLink or RoundClosed. Who may not sign may talk all the same.
    """
    publication = Publication.objects.steady(invitation.round.publication_id)
    Organization.objects.select_for_update(no_key=True).get(pk=invitation.organization_id)
    held = invitations().get(pk=invitation.pk)
    if held.revoked_at or not still_speaks(held):
        raise RevokedLink
    if held.round.closed_at:
        raise RoundClosed
    return publication, held


@transaction.atomic
def ask(invitation, *, body, language, at=None):
    """Put a question to the organizers. Sent twice, it is kept once; returns the remark.

    Raises RevokedLink, RoundClosed, or ValidationError where it is empty, too long, or one too many today.
    """
    publication, invitation = hold(invitation)
    body = _words(body, "body", _("Write your question."))
    said = {"body": body, "language": language}
    return _post(invitation, Kind.QUESTION, publication.current_version, ASKED, said, at=at)


@transaction.atomic
def propose(invitation, *, version, language, paragraph, proposal, body="", at=None):
    """Propose another wording of one paragraph of the version that was read; empty: that it goes, and `body` says why.

    `paragraph`: its place in the canonical text of that language, from 0. Raises RevokedLink, RoundClosed, Superseded
    (nothing is kept; `stands_at` finds the passage in the new text) or ValidationError.
    """
    publication, invitation = hold(invitation)
    current = publication.current_version
    if version.pk != current.pk:
        raise Superseded(current)
    passage = passages(current, language)[paragraph]
    proposal = canonical.canonical_text(proposal)
    body = _words(body, "body", "" if proposal else _("Write the new wording, or say why this passage should go."))
    if proposal == passage:
        raise ValidationError({"proposal": ValidationError(_("Change the wording first."), code="same")})
    if len(proposal) > LONGEST_WORDING:
        raise ValidationError({"proposal": _too_long(LONGEST_WORDING)})
    said = {"passage": passage, "proposal": proposal, "body": body, "language": language}
    return _post(invitation, Kind.PROPOSAL, current, PROPOSED, said, at=at)


def _words(text, name, if_empty):
    text = text.strip()
    if not text and if_empty:
        raise ValidationError({name: ValidationError(if_empty, code="required")})
    if len(text) > LONGEST:
        raise ValidationError({name: _too_long(LONGEST)})
    return text


def _too_long(most):
    return ValidationError(_("Please use at most %(most)s characters."), code="max_length", params={"most": most})


def _post(invitation, kind, version, line, said, *, at):
    at, person = at or timezone.now(), invitation.representative.person
    theirs = Remark.objects.filter(round=invitation.round, organization=invitation.organization, about=None)
    if before := theirs.filter(kind=kind, person=person, version=version, state=State.OPEN, **said).first():
        return before
    if theirs.filter(at__gt=at - DAY).count() >= A_DAY:
        raise ValidationError(_("You have sent a lot today. Please write to the organizers by email."), code="too_many")
    remark = Remark.objects.create(
        round=invitation.round,
        organization=invitation.organization,
        version=version,
        kind=kind,
        person=person,
        at=at,
        **said,
    )
    _note(remark, line, person=person)
    _tell_organizers(remark, invitation)
    return remark


def address_of(remark):
    """The path of the back-office page where the thread of its partner stands."""
    kind = "proposal" if remark.kind == Kind.PROPOSAL else "question"
    path = reverse("rounds:remarks", args=[remark.round_id])
    return f"{path}?kind={kind}&partner={remark.organization_id}"


def _note(remark, line, *, person, by=None):
    """The same line on the timelines of the partner and of the person who asked; not what was said."""
    said = {
        "organization": remark.organization.name,
        "title": remark.version.publication.title,
        "number": remark.version.number,
        "name": person or "",
    }
    link = address_of(remark)
    whom = filter(None, (remark.organization, person))
    Entry.objects.bulk_create(
        timeline.entry(each, Entry.Kind.SIGNATURE, line, said, link=link, by=by, at=None if by else remark.at)
        for each in whom
    )
    if person and by is None:
        timeline.seen_alive([person.pk], at=remark.at)


def _tell_organizers(remark, invitation):
    """Owe an email to who opened the round, else to the coalition's own address."""
    opener, language = invitation.round.opened_by, settings.LANGUAGE_CODE
    if opener and opener.email and opener.has_perm("coalition.view_round"):
        value = opener.email
        language = language_of(opener)
    else:
        value = Installation.get().email
    if not value:
        return
    notices.write(
        "remark",
        channel=Address.Channel.EMAIL,
        value=value,
        language=language,
        key=f"remark-{remark.pk}",
        context={
            "remark": remark,
            "is_proposal": remark.kind == Kind.PROPOSAL,
            "organization": remark.organization.name,
            "name": invitation.representative.person.name,
            "title": remark.version.publication.title.localize(language),
            "link": settings.PUBLIC_URL + address_of(remark),
        },
    )


# What the organizers say


@transaction.atomic
def answer(question, *, body, by, shared_as="", at=None):
    """Answer a question; its partner is told. `shared_as`: the question as every partner asked may read it too, with
    the answer and without a name; empty keeps the answer between the two. Returns the answer; sent twice, it is one."""
    if question.kind != Kind.QUESTION:
        raise ValueError("Only a question is answered")
    body = _words(body, "body", _("Write the answer."))
    shared_as = _words(shared_as, "shared_as", "")
    return _reply(question, State.TAKEN, ANSWERED, body, by=by, shared_as=shared_as, at=at)


@transaction.atomic
def settle(proposal, *, taken, body="", by, at=None):
    """Take up a proposed edit, or not with a word of why; its partner is told. Returns the answer.

    It can be settled anew as long as minds change. What is taken up waits for the editor: see `to_take_up`.
    """
    if proposal.kind != Kind.PROPOSAL:
        raise ValueError("Only a proposal is settled")
    body = _words(body, "body", "" if taken else _("Say in a word why not: the partner reads it."))
    state, line = (State.TAKEN, TAKEN) if taken else (State.DECLINED, NOT_TAKEN)
    return _reply(proposal, state, line, body, by=by, at=at)


def _reply(remark, state, line, body, *, by, shared_as="", at):
    at, remarks = at or timezone.now(), Remark.objects.select_related("organization", "person", "version__publication")
    remark = remarks.select_for_update(of=("self",)).get(pk=remark.pk)
    last = remark.answers.last()
    if last and (last.state, last.body, last.shared_as) == (state, body, shared_as):
        return last
    reply = Remark.objects.create(
        round_id=remark.round_id,
        organization=remark.organization,
        version=remark.version.publication.current_version,
        kind=Kind.ANSWER,
        about=remark,
        state=state,  # what it made of the question or proposal
        body=body,
        shared_as=shared_as,
        language=remark.language,
        by=by,
        at=at,
    )
    Remark.objects.filter(pk=remark.pk).update(state=state, settled_by=by, settled_at=at)
    _note(remark, line, person=remark.person, by=by)
    audit.record(
        audit.Action.SIGN_ON,
        remark,
        details={"organization": remark.organization_id, "kind": remark.kind, "state": state},
        by=by,
    )
    _tell_partner(remark, reply)
    return reply


def _tell_partner(remark, reply):
    """Owe the answer to who asked, else to somebody else who was asked for the same organization."""
    asked = invitations().filter(round=remark.round_id, organization=remark.organization_id, revoked_at=None)
    speaking = [invitation for invitation in asked.order_by("pk") if still_speaks(invitation)]
    theirs = [each for each in speaking if each.representative.person_id == remark.person_id]
    for invitation in [*theirs, *speaking][:1]:
        owe(
            "answered",
            invitation,
            remark.version,
            key=f"answered-{reply.pk}",
            by=reply.by,
            remark=remark,
            reply=reply,
            is_proposal=remark.kind == Kind.PROPOSAL,
            taken=reply.state == State.TAKEN,
        )


# Reading it


def passages(version, language):
    """The paragraphs of a frozen text, in order: its title, its summary, its body."""
    return version.text_in(language).canonical.split(canonical.BREAK)


def stands_at(passage, version, language, near=0):
    """Where a passage stands in a version's text: (its place, whether word for word).

    Where it no longer stands, the place of what is most like it.
    """
    text = passages(version, language)
    places = [place for place, words in enumerate(text) if words == passage]
    if places:
        return min(places, key=lambda place: abs(place - near)), True
    _words, _score, place = process.extractOne(passage, text, scorer=fuzz.ratio)
    return place, False


def thread(round_, organization):
    """What one partner asked and proposed in a round, oldest first, with `answers`; two queries."""
    said = Remark.objects.filter(round=round_, organization=organization, about=None)
    return said.select_related("version", "person").prefetch_related("answers")


def shared(round_, organization):
    """Answers to other partners' questions that every partner asked may read, oldest first; nobody is named."""
    told = Remark.objects.filter(round=round_, kind=Kind.ANSWER).exclude(shared_as="")
    return told.exclude(organization=organization)


def of_round(round_, *, kind="", state="", partner=None, words=""):
    """What partners asked and proposed in a round, for the organizers: what waits first, then the newest."""
    found = Remark.objects.filter(round=round_, about=None)
    if kind:
        found = found.filter(kind=kind)
    if state:
        found = found.filter(state=state)
    if partner:
        found = found.filter(organization=partner)
    if words:
        replied = Remark.objects.filter(about=OuterRef("pk"), body__icontains=words)
        found = found.filter(
            Q(organization__search__contains=fold(words))
            | Q(body__icontains=words)
            | Q(passage__icontains=words)
            | Q(proposal__icontains=words)
            | Exists(replied)
        )
    found = found.select_related("organization", "person", "version", "settled_by").prefetch_related("answers__by")
    return found.order_by(*WAITS_FIRST)


def counts(round_):
    """{(kind, state): how many} of a round; one query."""
    said = Remark.objects.filter(round=round_, about=None).order_by().values_list("kind", "state")
    return {(kind, state): number for kind, state, number in said.annotate(number=Count("pk"))}


def waiting():
    """{round: [questions, proposals]} that wait for the organizers, in every round; one query."""
    open_ = Remark.objects.filter(state=State.OPEN, about=None).order_by().values("round")
    counted = open_.annotate(
        questions=Count("pk", filter=Q(kind=Kind.QUESTION)), proposals=Count("pk", filter=Q(kind=Kind.PROPOSAL))
    )
    return {pk: numbers for pk, *numbers in counted.values_list("round", "questions", "proposals")}


@dataclass
class Passage:
    """A paragraph that partners would word otherwise. `place` is None once it no longer stands word for word."""

    language: str
    words: str
    place: int | None
    proposals: list = field(default_factory=list)


def by_passage(proposals, version):
    """Proposals under the passages they are about, in the order of the text; what stands no more comes last."""
    places = {
        text.language: {words: place for place, words in enumerate(text.canonical.split(canonical.BREAK))}
        for text in version.texts.all()
    }
    found = {}
    for proposal in proposals:
        language, words = proposal.language, proposal.passage
        place = places.get(language, {}).get(words)
        found.setdefault((language, words), Passage(language, words, place)).proposals.append(proposal)
    return sorted(found.values(), key=lambda each: (each.place is None, each.language, each.place or 0))


def to_take_up(publication):
    """Proposals that were taken up since the text was last frozen: what the editor has yet to write, by passage."""
    version = publication.current_version
    if version is None:
        return []
    taken = Remark.objects.filter(
        round__publication=publication, kind=Kind.PROPOSAL, state=State.TAKEN, settled_at__gt=version.frozen_at
    )
    return by_passage(taken.select_related("organization").order_by("at", "pk"), version)
