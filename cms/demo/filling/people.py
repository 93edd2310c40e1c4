"""Five thousand people, and what some of them said about themselves."""

import json
from datetime import timedelta

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import audit, belonging, custom, preferences, timeline
from coalition.models import (
    Address,
    AuditLine,
    Consent,
    Constituency,
    CustomField,
    Entry,
    Muting,
    Person,
    Segment,
    Sensitive,
    Tag,
    Tagging,
    Topic,
    fold,
)
from coalition.models.people import words_of

from .words import mailbox, organizer, read

PEOPLE = 5000
SPANISH_SHARE = 0.4
PHONE_SHARE = 0.32
# Where their mailboxes are, the most usual first.
MAILBOXES = ["people.example.org"] * 8 + ["mail.example.com"] * 6 + ["post.example.org"] * 3
MAILBOXES += ["correo.example.net"] * 2 + ["schools.example.org"]
# Area codes whose 555-0100 to 555-0199 are kept for fiction; texts to them can reach nobody.
FICTION = range(100, 198)
TAG_NAMES = ["families", "teachers", "volunteers", "mentors", "students", "housing", "early reading", "speakers"]
DECLARED = 500  # people who said which communities they belong to
MUTED = 60


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
        wishes.append(
            (f"{handle}{index}@{MAILBOXES[index * 13 % len(MAILBOXES)]}", phone, rng.random() < 0.9, rng.random() < 0.8)
        )
    Person.objects.bulk_create(persons, batch_size=1000)
    with connection.cursor() as cursor:  # they came over two years, not in one second
        cursor.execute(
            "UPDATE coalition_person SET created_at = now() - make_interval(days => (id * 37 % 700)::int + 6,"
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
    for person, words in zip(rng.sample(persons, len(names["notes"])), names["notes"], strict=True):
        line = timeline.entry(person, Entry.Kind.NOTE, words, by=organizer())
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


def fill_answers(rng):
    """What some of them said about themselves: fields, how they came, communities, what they need, what they mute."""
    if Person.objects.exclude(custom={}).exists():
        return
    known = {field.key: field for field in custom.fields_of("person")}
    rows = [row for row in read("own_words")["field"] if row["subject"] == "person" and row["key"] in known]
    everybody = list(Person.objects.order_by("pk").only("pk", "language")[:PEOPLE])
    said = {}
    for row in rows:
        if not row.get("sealed"):
            draw = drawing(known[row["key"]], row)
            for person in rng.sample(everybody, round(row["share"] * len(everybody))):
                said.setdefault(person.pk, {})[row["key"]] = draw(rng)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE coalition_person p SET custom = said.custom::jsonb"
            " FROM unnest(%s::bigint[], %s::text[]) AS said(pk, custom) WHERE p.id = said.pk",
            [list(said), [json.dumps(values) for values in said.values()]],
        )
    causes = [Tag.objects.get(slug=fold(name)) for name in read("own_words")["tag_group"][2]["tags"][2:]]
    came = [Tag.objects.get(slug=fold(name)) for name in read("own_words")["tag_group"][1]["tags"]]
    Tagging.objects.bulk_create(
        (Tagging(person=p, tag=rng.choices(came, [5, 3, 2, 2])[0]) for p in rng.sample(everybody, 800)),
        batch_size=1000,
        ignore_conflicts=True,
    )
    Tagging.objects.bulk_create(
        (Tagging(person=p, tag=rng.choice(causes)) for p in rng.sample(everybody, 350)),
        batch_size=1000,
        ignore_conflicts=True,
    )
    declare(rng, everybody)
    for row in rows:
        if row.get("sealed"):
            for person in rng.sample(everybody, row["holders"]):
                words = rng.choice(row[f"values_{person.language}"])
                custom.keep_sealed(person, {row["key"]: words}, by=organizer())
    mute(rng)


def drawing(field, row):
    """A function that draws a value of a field, as the database keeps it."""
    if field.kind == CustomField.Kind.CHOICE:
        keys = [choice["key"] for choice in field.choices]
        return lambda rng: rng.choice(keys)
    if field.kind == CustomField.Kind.CHOICES:
        keys = [choice["key"] for choice in field.choices]
        return lambda rng: sorted(rng.sample(keys, rng.choices([1, 2, 3], [5, 3, 1])[0]), key=keys.index)
    if field.kind == CustomField.Kind.YES_NO:
        return lambda rng: rng.random() < row["yes"]
    if field.kind == CustomField.Kind.DATE:
        today = timezone.localdate()
        return lambda rng: (today - timedelta(days=rng.randrange(*row["days_ago"]))).isoformat()
    values = [custom.clean(field, value, "en") for value in row["values"]]
    return lambda rng: rng.choice(values)


def declare(rng, everybody):
    """In bulk what `belonging.declare` writes. Drawn at random: nothing about a person says where they belong."""
    slugs = list(Constituency.objects.values_list("slug", flat=True))
    rows = []
    for person in rng.sample(everybody, DECLARED):
        row = Sensitive(person=person, constituencies=sorted(rng.sample(slugs, rng.choices([1, 2], [4, 1])[0])))
        row.declared_at, row.marks = timezone.now() - timedelta(days=rng.randrange(3, 400)), belonging.marks_of(row)
        rows.append(row)
    Sensitive.objects.bulk_create(rows, batch_size=1000)
    details = {"did": "changed", "what": "constituencies", "source": "self"}
    AuditLine.objects.bulk_create(
        (audit.line(audit.Action.SENSITIVE, row.person, details=details) for row in rows), batch_size=1000
    )


def mute(rng):
    """On their own page, where the other topics stayed ticked."""
    topics = list(Topic.objects.filter(retired_at=None))
    open_ones = list(Address.objects.open().filter(channel="email").select_related("person").order_by("pk"))
    for address in rng.sample(open_ones, min(MUTED, len(open_ones))):
        began = timezone.now()
        preferences.change(
            address,
            channels={},
            language=address.person.language,
            name="",
            seen={},
            topics={topic.pk: False for topic in rng.sample(topics, rng.choices([1, 2], [4, 1])[0])},
        )
        then = began - timedelta(days=rng.randrange(8, 200), minutes=rng.randrange(1440))
        Entry.objects.filter(person=address.person_id, at__gte=began).update(at=then)
        Muting.objects.filter(person=address.person_id).update(at=then)


def settle_activity():
    """ "Last active" as the story has it: the demo was filled in a minute, and its entries were dated back since."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE coalition_person p SET last_active_at = said.at FROM (SELECT person_id, max(at) AS at"
            " FROM coalition_entry WHERE by_id IS NULL AND kind = ANY(%s) GROUP BY person_id) said"
            " WHERE p.id = said.person_id AND p.last_active_at IS DISTINCT FROM said.at",
            [sorted(timeline.LIFE)],
        )
