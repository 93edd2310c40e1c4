"""The partners, and where each partnership stands."""

from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from itertools import cycle

from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image, ImageDraw

from coalition import custom, logos, organizations, people
from coalition.models import (
    Address,
    Agreement,
    Consent,
    Constituency,
    Entry,
    Logo,
    Membership,
    Organization,
    Person,
    Region,
    Representative,
)

from .words import both, mailbox, organizer, read


def fill_organizations(rng):
    if Organization.objects.exists():
        return
    wording = read("messages")["consent"]
    long_ago = timezone.now() - timedelta(days=740)
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
                at=long_ago,
            )
            Address.objects.filter(pk=address.pk).update(consent=Address.Consent.GRANTED, consent_at=long_ago)
            Representative.objects.create(
                organization=organization,
                person=person,
                role=person_row["role"],
                title={"en": person_row["title_en"], "es": person_row["title_es"]},
                may_sign=person_row["role"] == Representative.Role.SIGNATORY,
            )
    Person.objects.exclude(representations=None).update(created_at=long_ago)


def fill_partnerships(rng):
    """After the rounds: who is not a partner was asked to sign by nobody, and what the one who left signed stands."""
    if Organization.objects.exclude(stage=Organization.Stage.PARTNER).exists():
        return
    words, by, today = read("partnerships"), organizer(), timezone.localdate()
    regions = {region.slug: region for region in Region.objects.all()}
    communities = {community.slug: community for community in Constituency.objects.all()}
    describe_partners(words["partner"], regions, communities, by)
    for row in words["prospect"]:
        add_prospect(row, regions, communities, by)
    for row in words["move"]:
        organization = Organization.objects.get(name=row["organization"])
        then = timezone.now() - timedelta(days=row["days"])
        with dated_back(organization, then):
            organizations.move(organization, row["stage"], at=then, by=by)
    for row in words["agreement"]:
        organization = Organization.objects.get(name=row["organization"])
        agreement = Agreement(
            organization=organization,
            kind=row["kind"],
            title=row["title"],
            signed_on=today - timedelta(days=row["signed_days_ago"]),
            ends_on=today + timedelta(days=row["ends_in_days"]),
        )
        with dated_back(organization, timezone.now() - timedelta(days=row["signed_days_ago"])):
            organizations.keep_agreement(agreement, by=by)
    for row in words["logo"]:
        organization = Organization.objects.get(name=row["organization"])
        if not Logo.objects.filter(organization=organization).exists():
            with dated_back(organization, timezone.now() - timedelta(days=row["days_ago"])):
                logos.keep(
                    organization,
                    png=logos.redraw(drawn(row["shape"], *row["colours"])),
                    permitted_by=row["permitted_by"],
                    permitted_on=today - timedelta(days=row["days_ago"]),
                    expires_on=today + timedelta(days=row["ends_in_days"]),
                    by=by,
                )
    for row in words["members"]:
        organization = Organization.objects.get(name=row["organization"])
        near = list(Person.objects.present().filter(city=organization.city, representations=None).order_by("pk")[:300])
        for person, role in zip(rng.sample(near, row["number"]), cycle(row["roles"]), strict=False):
            began, then = timezone.now(), timezone.now() - timedelta(days=rng.randrange(20, 500))
            with dated_back(organization, then):
                membership = organizations.add_member(organization, person, role=role, by=by)
            Entry.objects.filter(person=person, at__gte=began).update(at=then)
            Membership.objects.filter(pk=membership.pk).update(since=then)


@contextmanager
def dated_back(organization, then):
    """What is noted about an organization inside was noted then."""
    began = timezone.now()
    yield
    Entry.objects.filter(organization=organization, at__gte=began).update(at=then)


def describe_partners(words, regions, communities, by):
    sizes, schools = cycle(words["sizes"]), cycle(words["schools"])
    own = {field.key: field for field in custom.fields_of("organization")}
    meets = {
        code: custom.clean(own["meets_in"], name, "en")[0] for code, name in (("en", "English"), ("es", "Spanish"))
    }
    long_ago = timezone.now() - timedelta(days=700)
    for organization in Organization.objects.order_by("pk"):
        organization.size = next(sizes)
        slug = words["regions"].get(organization.city)
        chosen = [regions[slug]] if slug else []
        if organization.scope != Organization.Scope.LOCAL:
            chosen = [region for region in regions.values() if region.state == organization.state]
        students = organization.kind in (Organization.Kind.EDUCATION, Organization.Kind.MENTORING)
        serves = ["students" if students else "families", *words["serves"].get(organization.name, [])]
        fields = {"meets_in": [meets[code] for code in organization.languages if code in meets]}
        if organization.kind != Organization.Kind.RESEARCH:
            fields["schools_served"] = next(schools)
        with dated_back(organization, long_ago):
            organizations.keep(
                organization,
                regions=chosen,
                constituencies=[communities[slug] for slug in serves],
                fields=fields,
                by=by,
            )
    Organization.objects.update(created_at=long_ago, stage_at=long_ago)


def add_prospect(row, regions, communities, by):
    """An organization that the coalition is getting to know, and how far that has come."""
    organization = Organization(
        name=row["name"],
        printed_name={"en": row["name"], "es": row["name_es"]},
        stage=Organization.Stage.IDENTIFIED,
        **{name: row[name] for name in ("kind", "scope", "city", "state", "languages", "website", "size")},
    )
    then = timezone.now() - timedelta(days=row["days"])
    first = then - timedelta(days=30)
    with dated_back(organization, first):
        organizations.keep(
            organization,
            regions=[regions[slug] for slug in row["regions"]],
            constituencies=[communities[slug] for slug in row["serves"]],
            by=by,
        )
    Organization.objects.filter(pk=organization.pk).update(created_at=first, stage_at=first)
    stages = list(Organization.Stage.values)
    with dated_back(organization, then):
        for stage in stages[1 : stages.index(row["stage"]) + 1]:
            organizations.move(organization, stage, at=then, by=by)
        if contact := row.get("contact"):
            representative = organizations.add_representative(
                organization,
                name=contact["name"],
                email=f"{mailbox(contact['name'])}@{row['website'].removeprefix('https://')}",
                language=contact["language"],
                role=Representative.Role.COMMUNICATIONS,
                title=both(contact, "title"),
                may_sign=False,
                by=by,
            )
            person = Person.objects.filter(pk=representative.person_id)
            person.update(created_at=then, city=row["city"], state=row["state"])
            Address.objects.filter(person__in=person).update(created_at=then)
            Entry.objects.filter(person__in=person).update(at=then)
            Representative.objects.filter(pk=representative.pk).update(since=then.date())
        if "note" in row:
            people.write_note(organization, row["note"], by=by)
    Organization.objects.filter(pk=organization.pk).update(stage_at=then)


def drawn(shape, dark, bright):
    """A logo of simple shapes, drawn large and made small, so that its edges are smooth."""
    side = 960
    picture = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle([40, 40, 920, 920], radius=180, fill=dark)
    if shape == "lighthouse":
        draw.polygon([(390, 800), (430, 380), (530, 380), (570, 800)], fill="white")
        draw.rectangle([405, 300, 555, 365], fill=bright)
        draw.polygon([(380, 300), (480, 200), (580, 300)], fill="white")
        draw.polygon([(585, 310), (860, 220), (860, 420), (585, 355)], fill=bright)
        draw.polygon([(375, 310), (100, 220), (100, 420), (375, 355)], fill=bright)
    elif shape == "bridge":
        draw.rectangle([100, 600, 860, 660], fill="white")
        draw.arc([140, 330, 820, 990], 180, 360, fill=bright, width=50)
        for x in range(220, 800, 104):
            draw.rectangle([x, 470, x + 18, 600], fill="white")
    else:
        for turn in range(8):
            draw.pieslice([190, 190, 770, 770], turn * 45, turn * 45 + 23, fill=bright)
        draw.ellipse([330, 330, 630, 630], fill="white")
    kept = BytesIO()
    picture.resize((side // 2, side // 2), Image.Resampling.LANCZOS).save(kept, "PNG")
    return ContentFile(kept.getvalue())
