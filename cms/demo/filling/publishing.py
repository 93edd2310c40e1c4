"""Webinars, pages and briefs, and the rounds in which partners sign."""

from datetime import datetime, time, timedelta
from itertools import cycle

from django.db.models import Q
from django.utils import timezone

from campaigns.models import Campaign, Webinar
from cms import freezing
from cms.demo import loading
from cms.models import BriefPage
from coalition import signing_on
from coalition.models import Decision, Entry, Representative, Round, Version

from .words import both, editor, on_day, organizer, read


def fill_webinars(rng):
    if Webinar.objects.exists():
        return
    for row in read("webinars")["webinar"]:
        starts = on_day(row["days_ahead"], row["start"], row["zone"])
        Webinar.objects.create(
            title=both(row, "title"),
            summary=both(row, "summary"),
            campaign=campaign(),
            starts_at=starts,
            ends_at=starts + timedelta(minutes=row["minutes"]),
            zone=row["zone"],
            capacity=row["capacity"],
            language=row["language"],
            spanish_interpretation="es" in row["interpretation"],
            asl_interpretation="asl" in row["interpretation"],
            captions=row["captions"],
            join_url=f"https://meet.riverbend.example.org/{row['slug_en']}",
        )


def campaign():
    row = read("messages")["campaign"]
    found = Campaign.objects.filter(bill=row["bill"]).first()
    return found or Campaign.objects.create(name=both(row, "name"), bill=row["bill"])


def fill_pages(rng):
    for brief in loading.load_pages():
        publication_of(brief)


def publication_of(brief):
    """The publication of a brief named by its English slug; its text is frozen as version 1 the first time."""
    page = BriefPage.objects.get(slug=brief, locale__language_code="en")
    if page.publication is None or page.publication.current_version is None:
        version = freezing.freeze(page, by=editor(), material=True, note="")
        frozen = datetime.combine(page.date, time(10), timezone.get_default_timezone())
        Version.objects.filter(pk=version.pk).update(frozen_at=min(frozen, timezone.now()))
        page.refresh_from_db()
    return page.publication


def fill_rounds(rng):
    if Round.objects.exists():
        return
    signatories = list(
        Representative.objects.filter(may_sign=True).select_related("person", "organization").order_by("pk")
    )
    for row in read("rounds")["round"]:
        publication = publication_of(row["brief"])
        opened = timezone.now() - timedelta(days=row["opened_days_ago"])
        deadline = on_day(row["deadline_days"], "17:00", row["zone"])
        round_ = signing_on.open_round(
            publication,
            deadline=max(deadline, timezone.now() + timedelta(days=1)),  # a closed one was open when they answered
            zone=row["zone"],
            addressee=both(row, "addressee"),
            message=both(row, "message"),
            by=organizer(),
        )
        began = timezone.now()
        signing_on.invite(round_, signatories, by=organizer())
        invitations = list(round_.invitations.select_related("representative__person", "organization").order_by("pk"))
        rng.shuffle(invitations)
        answering = invitations[: round(len(invitations) * row["answered_share"])]
        reasons = {code: cycle(row[f"decline_reasons_{code}"]) for code in ("en", "es")}
        for position, invitation in enumerate(answering):
            share = position / len(answering)
            if share < row["sign_share"]:
                choice = Decision.Choice.SIGN
            elif share < row["sign_share"] + row["support_share"]:
                choice = Decision.Choice.SUPPORT
            else:
                choice = Decision.Choice.DECLINE
            person = invitation.representative.person
            signing_on.mark_seen(invitation)
            signing_on.decide(
                invitation,
                version=publication.current_version,
                choice=choice,
                signer_name=person.name,
                signer_title=invitation.representative.title.localize(person.language),
                attested=choice == Decision.Choice.SIGN,
                language=person.language,
                reason=next(reasons[person.language]) if choice == Decision.Choice.DECLINE else "",
            )
        for invitation in invitations[len(answering) :][::3]:
            signing_on.mark_seen(invitation)
        spread(round_, opened, min(deadline, timezone.now()), rng, began=began)
        Round.objects.filter(pk=round_.pk).update(deadline=deadline, opened_at=opened)
        if row["state"] == "closed":
            Round.objects.filter(pk=round_.pk).update(closed_at=deadline)


def spread(round_, start, end, rng, *, began):
    """Everybody answered within the round, not in the second in which the demo was filled."""
    for invitation in round_.invitations.all():
        moment = start + (end - start) * rng.uniform(0.05, 0.95)
        if invitation.seen_at:
            invitation.seen_at = moment - timedelta(hours=rng.randrange(1, 30))
        invitation.invited_at = start
        invitation.save(update_fields=["seen_at", "invited_at"])
        round_.decisions.filter(invitation=invitation).update(at=moment)
        # What was noted while the demo was filled: the invitation first, then the answer.
        whose = Q(person=invitation.representative.person_id) | Q(organization=invitation.organization_id)
        noted = Entry.objects.filter(whose, kind=Entry.Kind.SIGNATURE, at__gte=began)
        noted.filter(by__isnull=True).update(at=moment)
        noted.exclude(by__isnull=True).update(at=start)
