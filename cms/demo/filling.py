"""Fill an empty installation with the demo coalition: the same people every time, and nothing twice.

Words come from the TOML files beside this one. What verbs can do (freezing, inviting, signing, sending, registering)
verbs do, so that the demo holds nothing that the program could not have written itself.
"""

import random
import tomllib
from datetime import datetime, time, timedelta
from functools import cache
from itertools import cycle
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from campaigns import receiving, registering, sending
from campaigns.models import (
    Answer,
    Campaign,
    Choice,
    Conversation,
    Delivery,
    InboundText,
    Keyword,
    Message,
    MessageContent,
    Registration,
    ReplyTemplate,
    Webinar,
)
from cms import freezing
from cms.demo import loading
from cms.models import BriefPage
from coalition import accounts, people, signing_on, timeline
from coalition.models import (
    Address,
    Consent,
    Decision,
    Entry,
    Installation,
    Notice,
    Organization,
    Person,
    Representative,
    Round,
    Segment,
    SimulatedEmail,
    SimulatedText,
    Tag,
    Tagging,
    User,
    Version,
    fold,
)
from coalition.models.people import words_of

FOLDER = Path(__file__).resolve().parent
PEOPLE = 5000
SPANISH_SHARE = 0.4
PHONE_SHARE = 0.32
# Area codes whose 555-0100 to 555-0199 are kept for fiction; texts to them can reach nobody.
FICTION = range(100, 198)
STAFF = [
    ("organizer@riverbend.example.org", "Ivelisse", "Rosado", "Organizer"),
    ("editor@riverbend.example.org", "Keisha", "Baptiste-Long", "Editor"),
]
TAG_NAMES = ["families", "teachers", "volunteers", "mentors", "students", "housing", "early reading", "speakers"]


@cache
def read(name):
    with (FOLDER / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def both(row, field):
    """The English and Spanish of a TOML row as one bilingual value."""
    return {"en": row[f"{field}_en"], "es": row[f"{field}_es"]}


def mailbox(name):
    """The part of an email address before the @, from a name."""
    return ".".join(filter(None, ("".join(filter(str.isalnum, word)) for word in fold(name).split())))


def fill(say=print):
    """Fill what is missing; safe to run again. `say` is told what is being done."""
    steps = [
        (gettext_noop("Settings and staff"), fill_installation),
        (gettext_noop("People"), fill_people),
        (gettext_noop("Organizations"), fill_organizations),
        (gettext_noop("Webinars"), fill_webinars),
        (gettext_noop("Pages"), fill_pages),
        (gettext_noop("Sign-on rounds"), fill_rounds),
        (gettext_noop("Messages"), fill_messages),
        (gettext_noop("Sending"), fill_deliveries),
        (gettext_noop("Replies"), fill_replies),
        (gettext_noop("Registrations"), fill_registrations),
    ]
    for name, step in steps:
        say(f"  {name} …")
        rng = random.Random(f"riverbend {name}")  # noqa: S311 - the same people every time
        if step is fill_deliveries:  # sending commits what it claims; broken off, it goes on where it was
            step(rng)
            continue
        with transaction.atomic():  # a step is done or not begun, however the filling ends
            step(rng)


def fill_installation(rng):
    consent_words = read("messages")["consent"]
    if not Installation.objects.exists():
        Installation.objects.create(
            name={"en": "Riverbend Education Coalition", "es": "Coalición Educativa Riverbend"},
            short_name={"en": "Riverbend", "es": "Riverbend"},
            postal_address="100 Main Street, Springfield, MA 01103",
            email="hello@riverbend.example.org",
            phone="+14135550100",
            text_programme={"en": "Riverbend school alerts", "es": "Riverbend, alertas escolares"},
            email_wording=both(consent_words, "email"),
            text_wording=both(consent_words, "texts"),
            disclaimer={
                "en": "Each partner decides, publication by publication, whether to sign. "
                "A signature does not mean that the partner endorses every word.",
                "es": "Cada organización aliada decide, publicación por publicación, si firma. "
                "Firmar no significa que respalde cada palabra.",
            },
        )
    accounts.ensure_roles()
    for email, given, family, role in STAFF:
        user, new = User.objects.get_or_create(
            email=email, defaults={"first_name": given, "last_name": family, "is_staff": True}
        )
        if new:
            user.set_unusable_password()
            user.save()
            accounts.give_role(user, accounts.Role(role))


def fill_people(rng):
    if Person.objects.count() >= PEOPLE:
        return
    names, wording = read("people"), read("messages")["consent"]
    places = [p for p in names["place"] if p["state"] in ("MA", "MN")]
    numbers = {}
    persons, wishes = [], []
    for index in range(PEOPLE):
        place = rng.choices(places, [p["weight"] for p in places])[0]
        spanish = rng.random() < SPANISH_SHARE
        group = "es" if spanish or rng.random() < 0.12 else rng.choices(["en", "other"], [0.65, 0.35])[0]
        given = rng.choice(names[f"given_names_{group}"])
        family = rng.choice(names[f"family_names_{group}"])
        if group == "es" and rng.random() < 0.55:
            family = f"{family} {rng.choice(names['family_names_es'])}"
        persons.append(
            Person(
                name=f"{given} {family}",
                given_name=given,
                family_name=family,
                search=" ".join(words_of(f"{given} {family}")),
                language="es" if spanish else "en",
                city=place["city"],
                state=place["state"],
                zip=place["zip"],
                time_zone="America/New_York" if place["state"] == "MA" else "America/Chicago",
            )
        )
        phone = None
        if rng.random() < PHONE_SHARE:
            code = rng.choice(place["area_codes"])
            used = numbers.setdefault(code, iter(FICTION))
            phone = next((f"+1{code}5550{n}" for n in used), None)
        handle = mailbox(f"{given} {family.split()[0]}")
        wishes.append((f"{handle}{index}@people.example.org", phone, rng.random() < 0.9, rng.random() < 0.8))
    Person.objects.bulk_create(persons, batch_size=1000)
    with connection.cursor() as cursor:  # they came over two years, not in one second
        cursor.execute(
            "UPDATE coalition_person SET created_at = now() - make_interval(days => (id * 37 % 700)::int + 20,"
            " mins => (id * 61 % 1440)::int)"
        )
    added = dict(Person.objects.values_list("pk", "created_at"))
    addresses = []
    for person, (email, phone, by_email, by_text) in zip(persons, wishes, strict=True):
        for channel, value, yes in (("email", email, by_email), ("phone", phone, by_text)):
            if value:
                addresses.append(
                    Address(
                        person=person,
                        channel=channel,
                        value=value,
                        consent=Address.Consent.GRANTED if yes else Address.Consent.NONE,
                        consent_at=added[person.pk] if yes else None,
                    )
                )
    Address.objects.bulk_create(addresses, batch_size=1000)
    Consent.objects.bulk_create(
        (
            Consent(
                address=address,
                person=address.person,
                state=Address.Consent.GRANTED,
                wording=wording[f"{'email' if address.channel == 'email' else 'texts'}_{address.person.language}"],
                language=address.person.language,
                source=Consent.Source.FORM,
                at=address.consent_at,
            )
            for address in addresses
            if address.consent == Address.Consent.GRANTED
        ),
        batch_size=1000,
    )
    joined = timeline.in_all_languages(_("Added through %(source)s"), {"source": _("the site")})
    Entry.objects.bulk_create(
        (Entry(person=p, kind=Entry.Kind.JOINED, text=joined, at=added[p.pk]) for p in persons), batch_size=1000
    )
    tags = [Tag.objects.get_or_create(slug=fold(name), defaults={"name": name})[0] for name in TAG_NAMES]
    Tagging.objects.bulk_create(
        (Tagging(person=p, tag=tag) for p in persons for tag in rng.sample(tags, rng.choices([0, 1, 2], [3, 4, 2])[0])),
        batch_size=1000,
    )
    organizer = User.objects.get(email=STAFF[0][0])
    for person, words in zip(rng.sample(persons, len(names["notes"])), names["notes"], strict=True):
        line = timeline.entry(person, Entry.Kind.NOTE, words, by=organizer)
        line.at = timezone.now() - timedelta(days=rng.randrange(2, 90))
        line.save()
    Segment.objects.get_or_create(
        name="Spanish speakers in Western Massachusetts",
        defaults={"criteria": {"all": [{"is": "language", "value": "es"}, {"is": "zip", "value": "010, 011"}]}},
    )
    Segment.objects.get_or_create(
        name="Families and teachers",
        defaults={"criteria": {"all": [{"is": "tag", "value": [tags[0].pk, tags[1].pk]}]}},
    )


def fill_organizations(rng):
    if Organization.objects.exists():
        return
    wording = read("messages")["consent"]
    for row in read("organizations")["organization"]:
        organization = Organization.objects.create(
            name=row["name"],
            printed_name={"en": row["name"], "es": row["name_es"]},
            kind=row["kind"],
            scope=row["scope"],
            city=row["city"],
            state=row["state"],
            languages=row["languages"],
            website=row["website"],
        )
        domain = row["website"].removeprefix("https://")
        for person_row in row["representatives"]:
            given, _space, family = person_row["name"].partition(" ")
            handle = mailbox(person_row["name"])
            person = Person.objects.create(
                name=person_row["name"],
                given_name=given,
                family_name=family,
                language=person_row["language"],
                city=row["city"],
                state=row["state"],
            )
            address = people.add_address(person, "email", f"{handle}@{domain}")
            address.history.create(
                person=person,
                state=Address.Consent.GRANTED,
                wording=wording[f"email_{person.language}"],
                language=person.language,
                source=Consent.Source.FORM,
                at=timezone.now(),
            )
            Address.objects.filter(pk=address.pk).update(consent=Address.Consent.GRANTED, consent_at=timezone.now())
            Representative.objects.create(
                organization=organization,
                person=person,
                role=person_row["role"],
                title={"en": person_row["title_en"], "es": person_row["title_es"]},
                may_sign=person_row["role"] == Representative.Role.SIGNATORY,
            )
    # Partners were there before most of the people.
    Person.objects.exclude(representations=None).update(created_at=timezone.now() - timedelta(days=740))


def on_day(days, clock, zone):
    """The moment `clock` ("18:00") strikes in `zone`, so many days from today."""
    day = timezone.now().astimezone(ZoneInfo(zone)).date() + timedelta(days=days)
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone))


def campaign():
    row = read("messages")["campaign"]
    found = Campaign.objects.filter(bill=row["bill"]).first()
    return found or Campaign.objects.create(name=both(row, "name"), bill=row["bill"])


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


def fill_pages(rng):
    for brief in loading.load_pages():
        publication_of(brief)


def publication_of(brief):
    """The publication of a brief named by its English slug; its text is frozen as version 1 the first time."""
    page = BriefPage.objects.get(slug=brief, locale__language_code="en")
    if page.publication is None or page.publication.current_version is None:
        version = freezing.freeze(page, by=User.objects.get(email=STAFF[1][0]), material=True, note="")
        frozen = datetime.combine(page.date, time(10), timezone.get_default_timezone())
        Version.objects.filter(pk=version.pk).update(frozen_at=min(frozen, timezone.now()))
        page.refresh_from_db()
    return page.publication


def fill_rounds(rng):
    if Round.objects.exists():
        return
    organizer = User.objects.get(email=STAFF[0][0])
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
            by=organizer,
        )
        signing_on.invite(round_, signatories, by=organizer)
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
        spread(round_, opened, min(deadline, timezone.now()), rng)
        Round.objects.filter(pk=round_.pk).update(deadline=deadline, opened_at=opened)
        if row["state"] == "closed":
            Round.objects.filter(pk=round_.pk).update(closed_at=deadline)


def spread(round_, start, end, rng):
    """Everybody answered within the round, not in the second in which the demo was filled."""
    for invitation in round_.invitations.all():
        moment = start + (end - start) * rng.uniform(0.05, 0.95)
        if invitation.seen_at:
            invitation.seen_at = moment - timedelta(hours=rng.randrange(1, 30))
        invitation.invited_at = start
        invitation.save(update_fields=["seen_at", "invited_at"])
        round_.decisions.filter(invitation=invitation).update(at=moment)


def fill_messages(rng):
    if Message.objects.exists():
        return
    organizer = User.objects.get(email=STAFF[0][0])
    rows = read("messages")
    for row in rows["reply_template"]:
        ReplyTemplate.objects.get_or_create(kind=row["kind"], defaults={"text": both(row, "text")})
    for row in rows["keyword"]:
        Keyword.objects.get_or_create(word=row["word"], defaults={"language": row["language"], "campaign": campaign()})
    for row in rows["email"]:
        message = Message.objects.create(channel="email", name=row["name"], campaign=campaign(), created_by=organizer)
        for code in ("en", "es"):
            words = row[code]
            MessageContent.objects.create(
                message=message,
                language=code,
                subject=words["subject"],
                preheader=words["preheader"],
                body="\n\n".join(words["body"]),
                action_label=words["action_label"],
                action_url=words["action_path"],
                reviewed_by=organizer,
                reviewed_at=timezone.now(),
            )
    for row in rows["text"]:
        message = Message.objects.create(channel="phone", name=row["name"], campaign=campaign(), created_by=organizer)
        for code in ("en", "es"):
            MessageContent.objects.create(
                message=message,
                language=code,
                body=row[f"body_{code}"],
                reviewed_by=organizer,
                reviewed_at=timezone.now(),
            )
        for position, choice in enumerate(row["choices"]):
            Choice.objects.create(
                message=message,
                label=both(choice, "label"),
                words=", ".join(choice["words"]),
                reply=both(choice, "reply"),
                position=position,
            )


def fill_deliveries(rng):
    organizer = User.objects.get(email=STAFF[0][0])
    rows = read("messages")
    for row in [r for r in rows["email"] if r["state"] == "sent"] + rows["text"]:
        message = Message.objects.filter(name=row["name"]).exclude(state=Message.State.SENT).first()
        if message:
            send_now(message, organizer, row["days_ago"])


def send_now(message, organizer, days_ago):
    """Send through the real ledger to the simulated channels, then date it back to when the story says."""
    installation = Installation.get()
    quiet = {f: getattr(installation, f) for f in ("quiet_until", "quiet_from", "quiet_until_sunday")}
    # The demo may be filled at night: the story's texts left in daylight.
    Installation.objects.update(quiet_until=time(0), quiet_from=time(23, 59, 59), quiet_until_sunday=time(0))
    began = timezone.now()
    try:
        sending.start(message, by=organizer)
        while sending.send_next_batch(message):
            pass
        sending.close_finished(message)
    finally:
        Installation.objects.update(**quiet)
    # The story's messages left in the morning, whenever the demo is filled.
    ago = timezone.now() - on_day(-days_ago, "10:30", "America/New_York")
    Message.objects.filter(pk=message.pk).update(
        created_at=timezone.now() - ago - timedelta(hours=20),
        started_at=timezone.now() - ago,
        finished_at=timezone.now() - ago + timedelta(minutes=2),
    )
    Delivery.objects.filter(message=message).update(updated_at=F("updated_at") - ago, claimed_at=F("claimed_at") - ago)
    for kept in (SimulatedEmail, SimulatedText):
        kept.objects.filter(at__gte=began).update(at=F("at") - ago)
    just_told = Entry.objects.filter(kind=Entry.Kind.MESSAGE, at__gt=timezone.now() - timedelta(hours=1))
    just_told.update(at=F("at") - ago)
    Delivery.objects.filter(message=message, state=Delivery.State.SENT).update(state=Delivery.State.DELIVERED)


def fill_replies(rng):
    message = Message.objects.filter(channel="phone", state=Message.State.SENT).first()
    if message is None or message.answers.exists():
        return
    got = list(message.deliveries.filter(state=Delivery.State.DELIVERED).select_related("person").order_by("pk"))
    rng.shuffle(got)
    by_language = {code: iter([d for d in got if d.language == code]) for code in ("en", "es")}
    rows = read("replies")["reply"]
    # Many say the same one word; whoever says more says it once.
    short = [row for row in rows if row["kind"] == "answer" and len(row["body"]) < 8]
    several = [(row, turn) for turn in range(9) for row in short] + [(row, 0) for row in rows if row not in short]
    for number, (row, _turn) in enumerate(several):
        delivery = next(by_language[row["language"]], None)
        if delivery is not None:
            began = timezone.now()
            sid = f"SMdemo{number:028d}"
            on_phone = {"number": delivery.value, "ours": settings.TWILIO_FROM}
            SimulatedText.objects.create(sid=sid, incoming=True, body=row["body"], **on_phone)
            text = receiving.receive(sid=sid, number=delivery.value, body=row["body"])
            moment = timezone.now() - timedelta(hours=rng.randrange(1, 66), minutes=rng.randrange(60))
            # The reply left and arrived long ago: nothing of it is owed when the demo starts.
            owed = Notice.objects.filter(key=f"text:{sid}")
            for notice in owed:
                SimulatedText.objects.create(sid=f"SMreply{number:027d}", body=notice.text, **on_phone)
            owed.update(state=Notice.State.DELIVERED, sent_at=moment, provider_id=f"SMreply{number:027d}")
            SimulatedText.objects.filter(number=delivery.value, at__gte=began).update(at=moment)
            InboundText.objects.filter(pk=text.pk).update(at=moment)
            Conversation.objects.filter(pk=text.conversation_id).update(last_at=moment)
            Conversation.objects.filter(pk=text.conversation_id, waiting_since__isnull=False).update(
                waiting_since=moment
            )
            Answer.objects.filter(text=text).update(at=moment)
            Notice.objects.filter(value=delivery.value, created_at__gte=text.at).update(
                created_at=moment, due_at=moment
            )
            Entry.objects.filter(person=delivery.person, at__gte=text.at).update(at=moment)


def fill_registrations(rng):
    if Registration.objects.exists():
        return
    for webinar, count in zip(Webinar.objects.order_by("starts_at"), (124, 37), strict=False):
        chosen = Person.objects.filter(addresses__channel="email", name__gt="").order_by("pk").distinct()[100:3000]
        for person in rng.sample(list(chosen), count):
            spanish = person.language == "es" and webinar.spanish_interpretation
            registering.register(
                webinar,
                name=person.name,
                email=person.addresses.get(channel="email").value,
                language=person.language,
                interpretation="es" if spanish and rng.random() < 0.8 else "",
                captions=rng.random() < 0.12,
            )
        asked = webinar.registrations.filter(interpretation_state=Registration.Access.ASKED).order_by("pk")
        for registration in asked[: len(asked) // 2]:
            registering.answer_request(registration, Registration.Access.CONFIRMED, kind="interpretation")
