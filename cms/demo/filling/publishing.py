"""Webinars, pages and briefs, and the rounds in which partners sign."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import cycle

from django.db.models import Q
from django.utils import timezone

from campaigns.models import Campaign, Webinar
from cms import freezing
from cms.demo import loading
from cms.models import BriefPage
from coalition import publishing, signing_on
from coalition.models import Ask, Decision, Entry, Organization, Round, Topic, Version

from .sign_ons import before_it_closes, sign
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
        earlier = read("sign_ons")["earlier"]
        frozen = datetime.combine(page.date, time(10), timezone.get_default_timezone())
        if earlier["brief"] == brief:
            version = freeze_as_it_was(page, earlier)
            frozen = timezone.now() - timedelta(days=earlier["days_ago"])
        else:
            version = freezing.freeze(page, by=editor(), material=True, note="")
        Version.objects.filter(pk=version.pk).update(frozen_at=min(frozen, timezone.now()))
        page.refresh_from_db()
        page.publication.topics.set(Topic.objects.filter(slug__in=read("sign_ons")["topics"][brief]))
    return page.publication


def letter_round():
    """The round of the letter that individuals may sign, too."""
    return Round.objects.select_related("publication").get(publication__stand_alone=True)


def freeze_as_it_was(page, earlier):
    """Version 1 of a brief that was amended since, so that its round shows what a material amendment does."""
    pages = {each.locale.language_code: each for each in freezing.newest(page)}
    texts = freezing.texts_of(page)
    for change in earlier["change"]:
        code, now, then = change["language"], change["now"], change["then"]
        text = texts[code]
        if now not in text.html or now not in text.canonical:
            raise ValueError(f"The brief no longer says: {now}")
        texts[code] = replace(text, html=text.html.replace(now, then), canonical=text.canonical.replace(now, then))
    return publishing.freeze(freezing.publication_of(page, pages), texts, by=editor())


def fill_rounds(rng):
    if Round.objects.exists():
        return
    first = signing_on.first_to_ask(Organization.objects.partners().order_by("pk"))
    for row in read("rounds")["round"]:
        publication = publication_of(row["brief"])
        opened = timezone.now() - timedelta(days=row["opened_days_ago"])
        deadline = on_day(row["deadline_days"], "17:00", row["zone"])
        began = timezone.now()
        round_ = signing_on.open_round(
            publication,
            deadline=max(deadline, timezone.now() + timedelta(days=1)),  # a closed one was open when they answered
            zone=row["zone"],
            addressee=both(row, "addressee"),
            message=both(row, "message"),
            by=organizer(),
        )
        signing_on.invite(round_, first, by=organizer())
        amended = amend_meanwhile(round_, rng, row) if read("sign_ons")["earlier"]["brief"] == row["brief"] else None
        answered = before_it_closes(round_, deadline=deadline) if row["state"] == "closed" else set()
        invitations = list(
            round_.invitations.select_related("representative__person", "organization", "organization__logo").order_by(
                "pk"
            )
        )
        rng.shuffle(invitations)
        invitations = [i for i in invitations if i.organization.name not in answered]
        answering = invitations[: round(len(invitations) * row["answered_share"])]
        reasons = {code: cycle(row[f"decline_reasons_{code}"]) for code in ("en", "es")}
        for position, invitation in enumerate(answering):
            answer(invitation, row, position / len(answering), reasons, rng)
        for invitation in invitations[len(answering) :][::3]:
            signing_on.mark_seen(invitation)
        spread(round_, opened, min(deadline, timezone.now()), rng, began=began, amended=amended)
        Round.objects.filter(pk=round_.pk).update(deadline=deadline, opened_at=opened)
        if row["state"] == "closed":
            Round.objects.filter(pk=round_.pk).update(closed_at=deadline + timedelta(hours=19))


def answer(invitation, row, share, reasons, rng):
    """The answer of one partner; `share`: how far down the list it stands, from 0 to 1."""
    language = invitation.representative.person.language
    if share < row["sign_share"]:
        logo = getattr(invitation.organization, "logo", None)
        sign(invitation, with_logo=bool(logo and logo.may_be_used))
    elif share < row["sign_share"] + row["support_share"]:
        sign(invitation, choice=Decision.Choice.SUPPORT)
    elif share < 1 - row["decline_share"] / 3:
        sign(invitation, choice=Decision.Choice.DECLINE, reason=next(reasons[language]))
    elif row["state"] == "closed":
        sign(invitation, choice=Decision.Choice.ABSTAIN)
    else:
        until = timezone.localdate() + timedelta(days=rng.randrange(1, 3))
        sign(invitation, choice=Decision.Choice.TIME, until=until)


def amend_meanwhile(round_, rng, row):
    """Some had signed version 1 when the text changed, so everybody was asked again. Returns when that was."""
    asked = list(round_.invitations.select_related("representative__person", "organization").order_by("pk"))
    for invitation in rng.sample(asked, len(asked) // 3):
        sign(invitation)
    earlier = read("sign_ons")["earlier"]
    page = BriefPage.objects.get(slug=row["brief"], locale__language_code="en")
    version = freezing.freeze(page, by=editor(), material=True, note=both(earlier, "note"))
    amended = timezone.now() - timedelta(days=row["opened_days_ago"] / 2)
    Version.objects.filter(pk=version.pk).update(frozen_at=amended)
    return amended


def spread(round_, start, end, rng, *, began, amended=None):
    """Everybody answered within the round, not in the second in which the demo was filled."""
    for invitation in round_.invitations.all():
        moment = (amended or start) + (end - (amended or start)) * rng.uniform(0.05, 0.95)
        if invitation.seen_at:
            invitation.seen_at = moment - timedelta(hours=rng.randrange(1, 30))
        invitation.invited_at = start
        invitation.save(update_fields=["seen_at", "invited_at"])
        given = round_.decisions.filter(invitation=invitation, late=False)
        given.update(at=moment)
        if amended:
            given.filter(version__number=1).update(at=start + (amended - start) * rng.uniform(0.1, 0.9))
        # What was noted while the demo was filled: the invitation first, then the answer.
        whose = Q(person=invitation.representative.person_id) | Q(organization=invitation.organization_id)
        noted = Entry.objects.filter(whose, kind=Entry.Kind.SIGNATURE, at__gte=began)
        noted.filter(by__isnull=True).update(at=moment)
        noted.exclude(by__isnull=True).update(at=start)
    asks = Ask.objects.filter(invitation__round=round_)
    asks.update(at=start)
    if amended:
        asks.filter(kind=Ask.Kind.AGAIN).update(at=amended)
