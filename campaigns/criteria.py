"""What campaigns let a segment ask: who took part, who answered, who got a message, who registered for a webinar."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from campaigns.models import Answer, Choice, Delivery, Enrolment, Message, Registration, Series, Webinar
from coalition import segments
from coalition.models import Address, Decision, Entry
from coalition.segments import periods

# What happened lately happened to few: they are gathered first, once, and everything else is asked of them alone. A
# limit that is never reached keeps PostgreSQL from asking it person by person.
RECENT = 92  # days
FENCE = 2**31
GOT = [Delivery.State.SENT, Delivery.State.DEFERRED, Delivery.State.DELIVERED]


class TookPart(segments.Criterion):
    family = gettext_lazy("Took part")

    def clean(self, cleaned):
        if "when" in self.fields():
            periods.clean(cleaned)


class ChoiceOfMessage(forms.ModelChoiceField):
    def label_from_instance(self, choice):
        return f"{choice.message} · {choice}"


@segments.register
class Acted(TookPart):
    """Whatever it was about. Only what people did themselves counts; an email that was opened never does (rule E6)."""

    key = "acted"
    label = gettext_lazy("Acted, or did not")
    ACTS = {
        "signed": (gettext_lazy("signed a publication"), gettext_lazy("sign a publication")),
        "answered": (gettext_lazy("answered a message"), gettext_lazy("answer a message")),
        "registered": (gettext_lazy("registered for a webinar"), gettext_lazy("register for a webinar")),
        "attended": (gettext_lazy("attended a webinar"), gettext_lazy("attend a webinar")),
    }

    def fields(self):
        return {
            "did": forms.ChoiceField(
                choices=[("", gettext_lazy("did any of these")), ("not", gettext_lazy("did none of these"))],
                required=False,
                label=gettext_lazy("They"),
            ),
            "acts": segments.Options(
                choices=[(key, did) for key, (did, _do) in self.ACTS.items()], label=gettext_lazy("What")
            ),
        } | periods.fields(required=False, before=False)

    def condition(self, cleaned):
        ways, noted = [], []
        for act in cleaned["acts"]:
            match act:
                case "signed":
                    signed = Decision.objects.filter(signer=OuterRef("pk"), choice=Decision.Choice.SIGN)
                    ways.append(signed.filter(periods.condition(cleaned, "at")))
                case "registered":
                    held = Registration.objects.filter(person=OuterRef("pk"), state=Registration.State.REGISTERED)
                    ways.append(held.filter(periods.condition(cleaned, "registered_at")))
                case "answered":
                    noted.append(Entry.Kind.ANSWER)
                case "attended":
                    noted.append(Entry.Kind.ATTENDANCE)
        entries = Entry.objects.filter(periods.condition(cleaned, "at"), kind__in=noted)
        recent = cleaned["when"] == periods.WITHIN and cleaned["days"] <= RECENT
        if recent and noted and not ways and not cleaned["did"]:
            lately = entries.filter(person__isnull=False).order_by().values("person").distinct()
            return Q(pk__in=lately[:FENCE])
        if noted:
            ways.append(entries.filter(person=OuterRef("pk")))
        said = Q()
        for way in ways:
            said = said & ~Q(Exists(way)) if cleaned["did"] == "not" else said | Q(Exists(way))
        return said

    def sentence(self, cleaned):
        when = periods.words(cleaned)
        did = [self.ACTS[act][cleaned["did"] == "not"] for act in cleaned["acts"]]
        said = segments.either(did)
        if cleaned["did"] == "not":
            said = _("did not %(acts)s") % {"acts": said}
        return f"{said} {when}".strip()


@segments.register
class Answered(TookPart):
    key = "answered"
    label = gettext_lazy("Answered a certain message")

    def fields(self):
        return {
            "message": forms.ModelChoiceField(
                queryset=Message.objects.filter(Exists(Choice.objects.filter(message=OuterRef("pk")))),
                required=False,
                label=gettext_lazy("Message"),
            ),
            "choice": ChoiceOfMessage(
                queryset=Choice.objects.select_related("message"),
                required=False,
                label=gettext_lazy("Answer"),
                help_text=gettext_lazy("None chosen means any answer."),
            ),
        } | periods.fields(required=False, before=False)

    def condition(self, cleaned):
        when = periods.condition(cleaned, "at")
        if not cleaned["message"] and not cleaned["choice"] and when == Q():
            return Q()
        given = Answer.objects.filter(when, person=OuterRef("pk"))
        if cleaned["message"]:
            given = given.filter(message=cleaned["message"].pk)
        if cleaned["choice"]:
            given = given.filter(choice=cleaned["choice"].pk)
        return Exists(given)

    def sentence(self, cleaned):
        message = cleaned["message"] or (cleaned["choice"] and cleaned["choice"].message)
        said = {"message": f"“{message}”" if message else _("any message"), "answer": cleaned["choice"]}
        words = _("answered “%(answer)s” to %(message)s") if cleaned["choice"] else _("answered %(message)s")
        return f"{words % said} {periods.words(cleaned)}".strip()


@segments.register
class GotMessage(TookPart):
    key = "got"
    label = gettext_lazy("Got a message, or did not")

    def fields(self):
        sent = Message.objects.exclude(state=Message.State.DRAFT)
        return {
            "did": forms.ChoiceField(
                choices=[("", gettext_lazy("got it")), ("not", gettext_lazy("did not get it"))],
                required=False,
                label=gettext_lazy("They"),
            ),
            "value": forms.ModelChoiceField(
                queryset=sent,
                required=False,
                label=gettext_lazy("Message"),
                empty_label=gettext_lazy("Any message"),
            ),
            "channel": forms.ChoiceField(
                choices=[("", gettext_lazy("By email or text")), *Address.Channel.choices],
                required=False,
                label=gettext_lazy("Channel"),
            ),
        } | periods.fields(required=False, before=False)

    def condition(self, cleaned):
        got = Delivery.objects.filter(person=OuterRef("pk"), state__in=GOT)
        when = periods.condition(cleaned, "started_at")
        if cleaned["value"]:
            got = got.filter(message=cleaned["value"].pk)
        elif cleaned["channel"] or when != Q():
            # Few messages against many deliveries: the messages are found first.
            about = Message.objects.filter(when)
            about = about.filter(channel=cleaned["channel"]) if cleaned["channel"] else about
            got = got.filter(message__in=list(about.order_by().values_list("pk", flat=True)))
        return ~Q(Exists(got)) if cleaned["did"] == "not" else Exists(got)

    def clean(self, cleaned):
        super().clean(cleaned)
        if cleaned["value"] and cleaned["channel"] and cleaned["value"].channel != cleaned["channel"]:
            raise ValidationError({"channel": gettext_lazy("The message was not sent that way.")})

    def sentence(self, cleaned):
        message = f"“{cleaned['value']}”" if cleaned["value"] else _("any message")
        if cleaned["channel"] and not cleaned["value"]:
            by_email = cleaned["channel"] == Address.Channel.EMAIL
            message = _("any message by email") if by_email else _("any message by text")
        said = _("did not get %(message)s") if cleaned["did"] == "not" else _("got %(message)s")
        when = "" if cleaned["value"] else periods.words(cleaned)
        return f"{said % {'message': message}} {when}".strip()


@segments.register
class Registered(TookPart):
    key = "registered"
    label = gettext_lazy("Registered for a certain webinar")

    def fields(self):
        return {"value": forms.ModelChoiceField(queryset=Webinar.objects.all(), label=gettext_lazy("Webinar"))}

    def condition(self, cleaned):
        return Exists(
            Registration.objects.filter(
                person=OuterRef("pk"), webinar=cleaned["value"].pk, state=Registration.State.REGISTERED
            )
        )

    def sentence(self, cleaned):
        return _("registered for the webinar “%(webinar)s”") % {"webinar": cleaned["value"]}


@segments.register
class InSeries(TookPart):
    """Where somebody stands in a series of messages."""

    key = "series"
    label = gettext_lazy("In a series of messages")
    NEVER = "not"
    SAID = {
        "": gettext_lazy("entered the series “%(series)s”"),
        Enrolment.State.ACTIVE: gettext_lazy("are on the way through the series “%(series)s”"),
        Enrolment.State.DONE: gettext_lazy("went through the series “%(series)s”"),
        Enrolment.State.ACTED: gettext_lazy("acted in the series “%(series)s”"),
        NEVER: gettext_lazy("never entered the series “%(series)s”"),
    }
    PLACES = [
        ("", gettext_lazy("entered it, whatever became of it")),
        (Enrolment.State.ACTIVE, gettext_lazy("are on the way")),
        (Enrolment.State.DONE, gettext_lazy("went through")),
        (Enrolment.State.ACTED, gettext_lazy("acted")),
        (NEVER, gettext_lazy("never entered it")),
    ]

    def fields(self):
        return {
            "place": forms.ChoiceField(choices=self.PLACES, required=False, label=gettext_lazy("They")),
            "value": forms.ModelChoiceField(queryset=Series.objects.all(), label=pgettext_lazy("one", "Series")),
        }

    def condition(self, cleaned):
        rows = Enrolment.objects.filter(person=OuterRef("pk"), series=cleaned["value"].pk)
        if cleaned["place"] == self.NEVER:
            return ~Q(Exists(rows))
        return Exists(rows.filter(state=cleaned["place"]) if cleaned["place"] else rows)

    def sentence(self, cleaned):
        return self.SAID[cleaned["place"]] % {"series": cleaned["value"]}
