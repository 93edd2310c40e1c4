"""What campaigns tell people that they hold about them (rule P4)."""

from datetime import UTC, datetime

from django.utils import timezone

from campaigns.holdings import Deliveries
from campaigns.models import Delivery, Message, MessageContent
from tests.factories import MessageFactory, PersonFactory

TUESDAY = datetime(2026, 11, 17, 14, tzinfo=UTC)


def got(person, variant, **more):
    message = MessageFactory(state=Message.State.SENDING, started_at=timezone.now())
    MessageContent.objects.filter(message=message, language="es").update(subject="Mañana se vota")
    MessageContent.objects.create(message=message, language="es", variant="b", subject="Su voz cuenta")
    said = {"person": person, "language": "es", "value": "ana@example.org", "variant": variant}
    return Delivery.objects.create(message=message, **said | more)


def test_P4_they_are_told_the_wording_that_they_got_and_when_it_left(installation, django_assert_num_queries):
    ana = PersonFactory(language="es")
    got(ana, "b", state=Delivery.State.SENT, sent_at=TUESDAY)
    got(ana, "a", state=Delivery.State.SENT, sent_at=TUESDAY)
    got(ana, "", state=Delivery.State.QUEUED)
    with django_assert_num_queries(2):
        told = Deliveries().told(ana)
    assert [(row["sent"][0], row["subject"][0]) for row in told] == [
        ("2026-11-17T14:00:00+00:00", "Su voz cuenta"),
        ("2026-11-17T14:00:00+00:00", "Mañana se vota"),
        (None, ""),
    ]
