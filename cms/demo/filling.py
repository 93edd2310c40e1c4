"""Fill an empty installation with the demo coalition: the same people every time, and nothing twice.

Words come from the TOML files beside this one. What verbs can do (freezing, inviting, signing, sending, registering) verbs do,
so that the demo holds nothing that the program could not have written itself.
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
from django.utils import timezone
from django.utils.translation import gettext_noop, override
from django.utils.translation import gettext_lazy as _

from campaigns import receiving, registering, sending
from campaigns.models import (
    Campaign,
    Choice,
    Delivery,
    Keyword,
    Message,
    MessageContent,
    Registration,
    ReplyTemplate,
    Webinar,
)
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
    Publication,
    Representative,
    Round,
    Segment,
    Tag,
    Tagging,
    User,
    fold,
)

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
        (gettext_noop("Replies"), fill_replies),
        (gettext_noop("Registrations"), fill_registrations),
    ]
    for name, step in steps:
        say(f"  {name} …")
        step(random.Random(f"riverbend {name}"))


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
            accounts.give_role(user, role.lower())


@transaction.atomic
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
                search=fold(f"{given} {family}"),
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
        handle = "".join(c for c in fold(f"{given}.{family.split()[0]}") if c.isalnum() or c == ".")
        wishes.append((f"{handle}{index}@people.example.org", phone, rng.random() < 0.9, rng.random() < 0.8))
    Person.objects.bulk_create(persons, batch_size=1000)
    with connection.cursor() as cursor:  # they came over two years, not in one second
        cursor.execute(
            "UPDATE coalition_person SET created_at = now() - make_interval(days => (id * 37 %% 700)::int + 20,"
            " mins => (id * 61 %% 1440)::int)"
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
        name="Families and teachers", defaults={"criteria": {"any": [{"is": "tag", "value": tags[0].pk}, {"is": "tag", "value": tags[1].pk}]}}
    )


@transaction.atomic
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
            handle = "".join(c for c in fold(person_row["name"]).replace(" ", ".") if c.isalnum() or c == ".")
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
    from cms.demo import loading

    loading.load_pages()
