"""What campaigns let a segment ask: who answered, who got a message, who registered for a webinar."""

from django import forms
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Answer, Choice, Delivery, Message, Registration, Webinar
from coalition import segments

GOT = [Delivery.State.SENT, Delivery.State.DEFERRED, Delivery.State.DELIVERED]


class ChoiceOfMessage(forms.ModelChoiceField):
    def label_from_instance(self, choice):
        return f"{choice.message} · {choice}"


@segments.register
class Answered(segments.Criterion):
    key = "answered"
    label = _("Answered a message")
    family = _("Took part")

    def fields(self):
        return {
            "message": forms.ModelChoiceField(
                queryset=Message.objects.filter(choices__isnull=False).distinct(), required=False, label=_("Message")
            ),
            "choice": ChoiceOfMessage(
                queryset=Choice.objects.select_related("message"),
                required=False,
                label=_("Answer"),
                help_text=_("None chosen means any answer."),
            ),
        }

    def condition(self, cleaned):
        if not cleaned["message"] and not cleaned["choice"]:
            return Q()
        given = Answer.objects.filter(person=OuterRef("pk"))
        if cleaned["message"]:
            given = given.filter(message=cleaned["message"].pk)
        if cleaned["choice"]:
            given = given.filter(choice=cleaned["choice"].pk)
        return Exists(given)


@segments.register
class GotMessage(segments.Criterion):
    key = "got"
    label = _("Got a message")
    family = _("Took part")

    def fields(self):
        sent = Message.objects.exclude(state=Message.State.DRAFT)
        return {"value": forms.ModelChoiceField(queryset=sent, label=_("Message"))}

    def condition(self, cleaned):
        return Exists(Delivery.objects.filter(person=OuterRef("pk"), message=cleaned["value"].pk, state__in=GOT))


@segments.register
class Registered(segments.Criterion):
    key = "registered"
    label = _("Registered for a webinar")
    family = _("Took part")

    def fields(self):
        return {"value": forms.ModelChoiceField(queryset=Webinar.objects.all(), label=_("Webinar"))}

    def condition(self, cleaned):
        return Exists(
            Registration.objects.filter(
                person=OuterRef("pk"), webinar=cleaned["value"].pk, state=Registration.State.REGISTERED
            )
        )
