"""Who will come to the webinars."""

from datetime import timedelta

from django.utils import timezone

from campaigns import registering
from campaigns.models import Registration, Webinar
from coalition.models import Entry, Person

SEATS = (124, 37)


def fill_registrations(rng):
    for webinar, count in zip(Webinar.objects.order_by("starts_at"), SEATS, strict=False):
        seated = set(webinar.registrations.values_list("person", flat=True))
        if len(seated) >= count:
            continue
        chosen = Person.objects.filter(addresses__channel="email", name__gt="").order_by("pk").distinct()[100:3000]
        others = [person for person in chosen if person.pk not in seated]
        for person in rng.sample(others, count - len(seated)):
            then = timezone.now() - timedelta(hours=rng.randrange(5, 260), minutes=rng.randrange(60))
            take_seat(webinar.pk, person, then, rng)
        asked = webinar.registrations.filter(interpretation_state=Registration.Access.ASKED).order_by("pk")
        for registration in asked[: len(asked) // 2]:
            registering.answer_request(registration, Registration.Access.CONFIRMED, kind="interpretation")


def take_seat(webinar_pk, person, moment, rng):
    """As the form of the webinar does it, some time ago."""
    webinar = Webinar.objects.get(pk=webinar_pk)
    spanish = person.language == "es" and webinar.spanish_interpretation
    registration = registering.register(
        webinar,
        name=person.name,
        email=person.addresses.get(channel="email").value,
        language=person.language,
        interpretation="es" if spanish and rng.random() < 0.8 else "",
        captions=rng.random() < 0.12,
    )
    Registration.objects.filter(pk=registration.pk).update(registered_at=moment)
    Entry.objects.filter(person=person, kind=Entry.Kind.REGISTRATION).update(at=moment)
