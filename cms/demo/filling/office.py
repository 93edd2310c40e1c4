"""The office: the coalition's settings, its staff, and the words it made its own."""

from coalition import accounts, defining, people, tags, vocabulary
from coalition.models import CustomField, Installation, Region, TagGroup, Topic, User

from .words import STAFF, both, organizer, read


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


def fill_own_words(rng):
    """Fields, groups of tags, communities, regions and topics: what is there stays."""
    words, by = read("own_words"), organizer()
    for row in words["field"]:
        if not CustomField.objects.filter(subject=row["subject"], key=row["key"]).exists():
            defining.define(
                subject=row["subject"],
                key=row["key"],
                kind=row["kind"],
                label=both(row, "label"),
                hint=both(row, "hint"),
                choices=[{"label": choice} for choice in row.get("choices", [])],
                sealed=row.get("sealed", False),
                by=by,
            )
    if not TagGroup.objects.exists():
        for row in words["tag_group"]:
            group = tags.add_group(name=both(row, "name"))
            for name in row["tags"]:
                tags.change(people.tag_named(name), name=name, group=group)
    vocabulary.add_usual_constituencies(by=by)
    for model in (Region, Topic):
        if not model.objects.exists():
            for position, row in enumerate(words[model._meta.model_name], 1):
                word = model(name=both(row, "name"), position=position)
                if model is Region:
                    word.state = row["state"]
                else:
                    word.slug, word.description = row["slug"], both(row, "description")
                vocabulary.keep(word, by=by)
