"""Around the rounds: how partners decide, what they asked first, a letter anyone may sign, what was delivered."""

from datetime import timedelta
from io import BytesIO

from django.core.files.base import ContentFile
from django.db.models import F
from django.utils import timezone
from PIL import Image, ImageDraw

from coalition import endorsing, handing_over, policies, publishing, signing_on, talking
from coalition.models import (
    Address,
    Ask,
    Decision,
    Endorsement,
    Handover,
    Invitation,
    Organization,
    Person,
    Policy,
    Publication,
    Remark,
    Round,
    StandingAuthorization,
    Topic,
    Version,
)
from coalition.signing_on import authorizing

from .words import both, editor, on_day, organizer, read


def fill_policies(rng):
    """Each partner told the organizers how it wants to be asked, and two of them signed in advance."""
    if Policy.objects.exists():
        return
    words, by = read("sign_ons"), organizer()
    topics = Topic.objects.in_bulk(field_name="slug")
    for row in words["policy"]:
        organization = Organization.objects.get(name=row["organization"])
        policies.keep(
            organization,
            favours=[topics[slug] for slug in row["favours"]],
            never=[topics[slug] for slug in row["never"]],
            approvers=row["approvers"],
            lead_days=row["lead_days"],
            asks_a_month=row.get("asks_a_month"),
            by=by,
            who=organization.representatives.first().person.name,
        )
    for row in words["authorization"]:
        representative = Organization.objects.get(name=row["organization"]).representatives.filter(may_sign=True)[0]
        chosen = [topics[slug] for slug in row["topics"]]
        ends = timezone.localdate() + timedelta(days=300)
        language = representative.person.language
        authorization = authorizing.give(
            representative,
            topics=chosen,
            with_logo=row["with_logo"],
            expires_on=ends,
            signer_name=representative.person.name,
            signer_title=representative.title.localize(language),
            attested=True,
            attestation=authorizing.words(
                representative.organization, chosen, with_logo=row["with_logo"], expires_on=ends
            ),
            language=language,
        )
        StandingAuthorization.objects.filter(pk=authorization.pk).update(given_at=F("given_at") - timedelta(days=60))


def fill_talk(rng):
    """Questions and a proposed edit, on the two reports that partners are reading now."""
    if Remark.objects.exists():
        return
    words, by = read("sign_ons"), organizer()
    for row in words["talk"]:
        question = talking.ask(
            _invitation(row), body=row["question"], language=row["language"], at=_hours_ago(rng, 30, 90)
        )
        if "answer" in row:
            talking.answer(question, body=row["answer"], by=by, shared_as=row["question"], at=_hours_ago(rng, 3, 28))
    for row in words["proposal"]:
        invitation = _invitation(row)
        version = invitation.round.publication.current_version
        passages = talking.passages(version, row["language"])
        talking.propose(
            invitation,
            version=version,
            language=row["language"],
            paragraph=next(n for n, passage in enumerate(passages) if row["passage_has"] in passage),
            proposal=row["wording"],
            body=row["why"],
            at=_hours_ago(rng, 5, 40),
        )


def _invitation(row):
    return Invitation.objects.get(
        round__publication__pages__slug=row["brief"],
        round__closed_at=None,
        organization__name=row["organization"],
    )


def _hours_ago(rng, least, most):
    return timezone.now() - timedelta(hours=rng.randrange(least, most))


def fill_letter(rng):
    """A letter written in the back office, shown to the public, open to individuals."""
    if Publication.objects.filter(stand_alone=True).exists():
        return
    row, by = read("sign_ons")["letter"], organizer()
    draft = {
        code: {part: row[f"{part}_{code}"].strip() for part in ("title", "summary", "html")} for code in ("en", "es")
    }
    publication = publishing.add(
        draft,
        by=editor(),
        topics=list(Topic.objects.filter(slug__in=row["topics"])),
        kind=row["kind"],
        bill=row["bill"],
        prints_signers=True,
    )
    version = publishing.freeze_draft(publication, by=editor())
    opened = timezone.now() - timedelta(days=row["opened_days_ago"])
    Version.objects.filter(pk=version.pk).update(frozen_at=opened - timedelta(days=1))
    publishing.show(publication, by=by)
    Publication.objects.filter(pk=publication.pk).update(shown_at=opened)
    round_ = signing_on.open_round(
        publication,
        deadline=on_day(row["deadline_days"], "17:00", row["zone"]),
        official_deadline=on_day(row["official_days"], "12:00", row["zone"]),
        zone=row["zone"],
        addressee=both(row, "addressee"),
        message=both(row, "message"),
        individuals=True,
        by=by,
    )
    partners = Organization.objects.partners().order_by("pk")
    signing_on.invite(round_, signing_on.first_to_ask(partners), by=by)
    invitations = list(round_.invitations.select_related("representative__person", "organization").order_by("pk"))
    for invitation in rng.sample([i for i in invitations if not i.held_until], 14):
        if not Decision.objects.live().filter(publication=publication, organization=invitation.organization).exists():
            sign(invitation, at=_hours_ago(rng, 2, 24 * row["opened_days_ago"]))
    Round.objects.filter(pk=round_.pk).update(opened_at=opened)
    round_.invitations.update(invited_at=opened)
    Ask.objects.filter(invitation__round=round_).update(at=opened)
    _neighbors_sign(rng, round_, row["signers"])


def sign(invitation, *, choice=Decision.Choice.SIGN, at=None, **said):
    """As the representative does it by the personal link, in their language."""
    representative = invitation.representative
    language = representative.person.language
    version = invitation.round.publication.current_version
    signing_on.mark_seen(invitation)
    return signing_on.decide(
        invitation,
        version=version,
        choice=choice,
        signer_name=representative.person.name,
        signer_title=representative.title.localize(language),
        attested=choice == Decision.Choice.SIGN,
        attestation=signing_on.attestation(invitation, version, language) if choice == Decision.Choice.SIGN else "",
        language=language,
        at=at,
        **said,
    )


def _neighbors_sign(rng, round_, words):
    reached = Address.objects.filter(channel="email", fault="", person__binned_at=None).exclude(person__name="")
    people = Person.objects.filter(addresses__in=reached, representations=None).distinct().order_by("pk")
    for person in rng.sample(list(people[:400]), 23):
        language = person.language
        email = person.primary_email.value
        endorsing.sign(
            round_,
            version=round_.publication.current_version,
            name=person.name,
            email=email,
            city=person.city or rng.choice(words["cities"]),
            affiliation=rng.choice(words[f"affiliations_{language}"]),
            language=language,
        )
        entered = Endorsement.objects.get(publication=round_.publication, email=email)
        if rng.random() < 0.9:  # some never look into their mailbox
            endorsing.confirm(entered, version=entered.version, language=language, at=_hours_ago(rng, 1, 100))


def fill_handover(rng):
    """The report whose round is closed was handed over, and one of its signers left after that."""
    if Handover.objects.exists():
        return
    row, by = read("sign_ons")["handover"], organizer()
    round_ = Round.objects.select_related("publication").get(
        publication__pages__slug=row["brief"], closed_at__isnull=False
    )
    version = round_.publication.current_version
    delivered = round_.deadline + timedelta(days=row["days_after_deadline"])
    handing_over.finish(
        handing_over.hand_over(
            version, way=row["way"], to=both(row, "to"), at=delivered, zone=round_.zone, note=row["note"], by=by
        )
    )
    left = round_.invitations.get(organization__name=row["withdrew"])
    at = delivered + timedelta(days=row["withdrew_days_after"])
    signing_on.withdraw(left, language=left.representative.person.language, at=at)


def before_it_closes(round_, *, deadline):
    """In the round that was delivered: what came by post, and what came a day late and was accepted."""
    row, by = read("sign_ons")["handover"], organizer()
    publication = round_.publication
    organization = Organization.objects.get(name=row["by_letter"])
    speaker = organization.representatives.select_related("person")[0]
    signing_on.record_letter(
        round_,
        organization,
        version=publication.current_version,
        choice=Decision.Choice.SIGN,
        signer_name=speaker.person.name,
        signer_title=speaker.title.localize("en"),
        received=timezone.localdate(),
        language="en",
        proof=ContentFile(scanned(organization, publication), name="letter.png"),
        attested=True,
        attestation="The letter is signed by somebody who may bind the organization.",
        by=by,
    )
    late = round_.invitations.get(organization__name=row["late"])
    decision = sign(late, at=round_.deadline + timedelta(hours=20))
    signing_on.accept(decision, by=by)
    Decision.objects.filter(pk=decision.pk).update(
        at=deadline + timedelta(hours=15), settled_at=deadline + timedelta(hours=18)
    )
    return {row["by_letter"], row["late"]}


def scanned(organization, publication):
    """A letter as a scanner brings it, as PNG bytes."""
    page = Image.new("L", (850, 1100), 250)
    draw = ImageDraw.Draw(page)
    lines = [organization.name, "", "To the coalition:", "", "We sign", publication.title.localize("en")[:60] + "."]
    for number, line in enumerate(lines):
        draw.text((90, 110 + 44 * number), line, fill=30, font_size=24)
    draw.line([(90, 620), (170, 560), (150, 640), (260, 570), (250, 630), (360, 590)], fill=40, width=5)
    kept = BytesIO()
    page.save(kept, "PNG")
    return kept.getvalue()
