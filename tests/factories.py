"""Factories for real rows. Names are invented."""

import re
from datetime import timedelta
from html import escape

import factory
from django.utils import timezone

from campaigns.models import Campaign, Message, MessageContent, Webinar
from coalition import consent, people
from coalition.models import Address, Consent, Organization, Person, Publication, Representative, Tag, User


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"staff{n}@riverbend.example.org")
    is_staff = True
    is_superuser = True


class PersonFactory(factory.django.DjangoModelFactory):
    """`email`/`phone`: True makes one, a string sets it; `opted_in` grants consent on what was made."""

    class Meta:
        model = Person
        skip_postgeneration_save = True

    given_name = "Marisol"
    family_name = factory.Sequence(lambda n: f"Ibáñez {n}")
    language = "en"
    city = "Springfield"
    state = "MA"
    zip = "01103"

    @factory.post_generation
    def email(self, create, value, **kwargs):
        if value:
            own = f"person{self.pk}@people.example.org"
            people.add_address(self, "email", value if isinstance(value, str) else own)

    @factory.post_generation
    def phone(self, create, value, **kwargs):
        if value:
            people.add_address(self, "phone", value if isinstance(value, str) else f"+1413{5552000 + self.pk % 1000}")

    @factory.post_generation
    def opted_in(self, create, value, **kwargs):
        if value:
            for address in Address.objects.filter(person=self).select_related("person"):
                consent.grant(address, wording="Yes, write to me.", language=self.language, source=Consent.Source.FORM)


class OrganizationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Educators for the Valley {n}")
    kind = Organization.Kind.EDUCATION
    scope = Organization.Scope.LOCAL


class RepresentativeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Representative

    organization = factory.SubFactory(OrganizationFactory)
    person = factory.SubFactory(PersonFactory, email=True)
    title = {"en": "Director", "es": "Directora"}


class TagFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Tag

    name = factory.Sequence(lambda n: f"tag {n}")


class PublicationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Publication

    title = {"en": "Every reader by third grade", "es": "Que cada niña y niño lea en tercer grado"}


class CampaignFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Campaign

    name = {"en": "Reading coaches", "es": "Asesores de lectura"}


def blocks_of(text):
    """A plain text as one block of an email: an empty line parts paragraphs, a single break stays a break."""
    html = "".join(
        f"<p>{'<br>'.join(escape(line.strip(), quote=False) for line in paragraph.split(chr(10)))}</p>"
        for paragraph in re.split(r"\n\s*\n", text.strip())
        if paragraph.strip()
    )
    return [{"id": "b1", "type": "text", "value": {"html": html}}] if html else []


class MessageFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Message
        skip_postgeneration_save = True

    name = "Vote on reading coaches"
    campaign = factory.SubFactory(CampaignFactory)

    @factory.post_generation
    def included(self, create, value, **kwargs):
        self.included.set(value or [])

    @factory.post_generation
    def contents(self, create, value, **kwargs):
        for language, subject, body in (
            ("en", "The vote is Tuesday", "Dear {{ first_name }}, the vote is on Tuesday."),
            ("es", "La votación es el martes", "Hola, {{ first_name }}: la votación es el martes."),
        ):
            MessageContent.objects.create(
                message=self,
                language=language,
                subject=subject if self.channel == "email" else "",
                body="" if self.channel == "email" else body,
                blocks=blocks_of(body) if self.channel == "email" else [],
                reviewed_at=timezone.now(),
            )


class WebinarFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Webinar

    title = {"en": "Voices from the field", "es": "Voces de la comunidad"}
    starts_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=11))
    ends_at = factory.LazyAttribute(lambda w: w.starts_at + timedelta(minutes=75))
    zone = "America/New_York"
    spanish_interpretation = True
    asl_interpretation = True
    captions = True
