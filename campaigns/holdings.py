"""What campaigns hold about a person, and what stays of it as a number when they go (rule P4)."""

import secrets

from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns import results
from campaigns.models import (
    Answer,
    Click,
    Conversation,
    Delivery,
    Enrolment,
    InboundText,
    Opening,
    Registration,
    TrackingEvent,
)
from coalition.holdings import Holding, labelled, register
from coalition.models import Address, SimulatedEmail, SimulatedText

UNTOLD = "—"  # stands for access needs that were forgotten, so that they still count


def _subject(delivery):
    """Of the wording that they got; empty while a test has not decided which."""
    wording = (delivery.language, delivery.variant)
    for content in delivery.message.contents.all():
        if (content.language, content.variant) == wording:
            return content.subject or content.words
    return ""


@register
class Deliveries(Holding):
    """Each still says whether it arrived, in which language, and whether somebody answered or left; not who it was."""

    model, key, label = Delivery, "messages", _("Messages sent to many")
    fields = [
        ("sent", _("sent")),
        ("subject", _("subject")),
        *labelled(Delivery, "value", "language", "state", "reason"),
    ]

    def of(self, person):
        theirs = Delivery.objects.filter(person=person).select_related("message")
        return theirs.prefetch_related("message__contents").order_by("pk")

    def sent(self, delivery):
        return delivery.sent_at.isoformat() if delivery.sent_at else None

    def subject(self, delivery):
        return _subject(delivery)

    def forget(self, whose):
        theirs = Delivery.objects.filter(person__in=whose.pks)
        self._keep_what_they_did(theirs)
        theirs.filter(state=Delivery.State.QUEUED).update(
            state=Delivery.State.HELD, reason=Delivery.Reason.REMOVED, not_before=None
        )
        return theirs.update(person=None, value="", updated_at=F("updated_at"))

    def _keep_what_they_did(self, theirs):
        """That somebody answered or left is said by their answers and consents: the results must outlive those."""
        for message in {delivery.message for delivery in theirs.select_related("message")}:
            for kind, found in (("answered", results.acted(message)), ("stopped", results.stopped(message))):
                pks = found.filter(pk__in=theirs.filter(message=message).values("pk")).values_list("pk", flat=True)
                TrackingEvent.objects.bulk_create(
                    [
                        TrackingEvent(
                            provider="erased", event_id=f"{kind}-{pk}", kind=kind, delivery_id=pk, at=timezone.now()
                        )
                        for pk in pks
                    ],
                    ignore_conflicts=True,
                )


@register
class Enrolments(Holding):
    """They go with the person; what they got stays in the ledger as a number."""

    model, key, label = Enrolment, "series", _("Series of messages")
    fields = [("series__name", _("series")), *labelled(Enrolment, "began_at", "state", "ended_at")]


@register
class Clicks(Holding):
    """What they followed in our emails. It hangs on the delivery and, like it, names nobody once they are gone."""

    model, key, label = Click, "links", _("Links you followed in our emails")
    fields = [("at", _("when")), ("link__url", _("address"))]

    def of(self, person):
        followed = Click.objects.filter(delivery__person=person, by=Click.By.PERSON)
        return followed.select_related("link").order_by("pk")


@register
class Openings(Holding):
    """Like what they followed: it hangs on the delivery, and names nobody once they are gone."""

    model, key, label = Opening, "pictures", _("Emails of ours that loaded their pictures")
    fields = [("at", _("when")), ("subject", _("subject"))]

    def of(self, person):
        loaded = Opening.objects.filter(delivery__person=person)
        return loaded.prefetch_related("delivery__message__contents").order_by("pk")

    def subject(self, opening):
        return _subject(opening.delivery)


@register
class Answers(Holding):
    model, key, label = Answer, "answers", _("Your answers to messages")
    fields = [("at", _("when")), ("choice__label", _("answer"))]

    def forget(self, whose):
        return Answer.objects.filter(person__in=whose.pks).update(person=None, text=None)


@register
class Registrations(Holding):
    """A seat in what is still to come is free again; what was attended still counts, with what it needed."""

    model, key, label = Registration, "registrations", _("Webinars")
    fields = [
        ("webinar", _("webinar")),
        ("webinar__starts_at", _("starts")),
        *labelled(Registration, "email", "language", "interpretation", "captions", "access_needs", "state"),
        ("registered_at", _("registered")),
    ]

    def forget(self, whose):
        theirs = Registration.objects.filter(person__in=whose.pks)
        live = theirs.filter(state=Registration.State.REGISTERED, webinar__ends_at__gt=Now())
        live.update(state=Registration.State.CANCELLED, cancelled_at=timezone.now())
        theirs.exclude(access_needs="").update(access_needs=UNTOLD)
        for registration in theirs:
            theirs.filter(pk=registration.pk).update(nonce=secrets.token_urlsafe(16))
        return theirs.update(person=None, email="")


@register
class Texts(Holding):
    """What was said with their numbers goes whole, unless the number is somebody else's as well."""

    model, key, label = InboundText, "texts", _("Texts you sent us")
    fields = labelled(InboundText, "at", "body", "kind")

    def of(self, person):
        return InboundText.objects.filter(conversation__person=person).order_by("pk")

    def forget(self, whose):
        theirs = Q(person__in=whose.pks) | Q(person=None, number__in=whose.alone())
        return Conversation.objects.filter(theirs).delete()[0]


@register
class Simulated(Holding):
    """What the demo's mailboxes and phones hold. Nothing of it is told: it stands for the person's own devices."""

    model, key = SimulatedEmail, "simulated"

    def forget(self, whose):
        emails = SimulatedEmail.objects.filter(to__in=whose.values(Address.Channel.EMAIL)).delete()[0]
        return emails + SimulatedText.objects.filter(number__in=whose.values(Address.Channel.PHONE)).delete()[0]
