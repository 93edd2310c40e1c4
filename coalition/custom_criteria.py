"""What segments can ask about the fields a coalition defines for itself, and about communities people say they are of.

A field is a criterion as soon as it is defined, under the key "field:" and its own. Sensitive fields are never asked.
"""

import datetime

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import JSONField, Q, TextField, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, IContains, LessThanOrEqual
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from coalition import belonging, custom, languages, segments
from coalition.models import Constituency, CustomField
from coalition.segments import periods

PREFIX = "field"
Kind = CustomField.Kind


class AboutField(segments.Criterion):
    """One field that the coalition defined. Every condition says false, never nothing, of people without a value."""

    family = gettext_lazy("Fields of your own")

    def __init__(self, field):
        self.field = field
        self.key = f"{PREFIX}:{field.key}"

    @property
    def label(self):
        return str(self.field)

    @property
    def filled(self):
        return Q(custom__has_key=self.field.key)

    @property
    def text(self):
        """The value as text; empty, rather than nothing, where there is none."""
        return Coalesce(KeyTextTransform(self.field.key, "custom"), Value(""), output_field=TextField())

    def sentence(self, cleaned):
        return _("have “%(field)s”: %(words)s") % {"field": self.field, "words": self.words(cleaned)}


class AboutText(AboutField):
    HOWS = [
        ("contains", gettext_lazy("contains")),
        ("is", gettext_lazy("is exactly")),
        ("filled", gettext_lazy("says anything")),
        ("empty", gettext_lazy("is empty")),
    ]

    def fields(self):
        return {
            "how": forms.ChoiceField(
                choices=self.HOWS,
                label=gettext_lazy("The text"),
                widget=forms.Select(attrs={"data-shows": "words:contains,is"}),
            ),
            "words": forms.CharField(max_length=200, required=False, label=gettext_lazy("Words")),
        }

    def condition(self, cleaned):
        if cleaned["how"] in ("filled", "empty"):
            return self.filled if cleaned["how"] == "filled" else ~self.filled
        words = cleaned["words"].strip()
        if not words:
            return Q()
        if cleaned["how"] == "is":
            return Q(custom__contains={self.field.key: words})
        return Q(IContains(self.text, words))

    def words(self, cleaned):
        how = dict(self.HOWS)[cleaned["how"]]
        return (
            str(how)
            if cleaned["how"] in ("filled", "empty")
            else f"{how} {_('“%(name)s”') % {'name': cleaned['words']}}"
        )


class NumberField(forms.CharField):
    """A number as people write it in either language; kept as it was written, so that the builder shows it again."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "size": 10})

    def __init__(self, **kwargs):
        super().__init__(**{"max_length": 20, "required": False, **kwargs})

    def clean(self, value):
        return custom.clean(CustomField(kind=Kind.NUMBER), super().clean(value))


class AboutNumber(AboutField):
    def fields(self):
        return {
            "least": NumberField(label=gettext_lazy("At least")),
            "most": NumberField(label=gettext_lazy("At most")),
        }

    def condition(self, cleaned):
        said, value = Q(), KeyTransform(self.field.key, "custom")
        if cleaned["least"] is not None:
            said &= Q(GreaterThanOrEqual(value, Value(cleaned["least"], JSONField())))
        if cleaned["most"] is not None:
            said &= Q(LessThanOrEqual(value, Value(cleaned["most"], JSONField())))
        return self.filled & said if said else said

    def words(self, cleaned):
        least, most = (custom.show(self.field, cleaned[name]) for name in ("least", "most"))
        if least and most:
            return _("%(least)s to %(most)s") % {"least": least, "most": most}
        return _("at least %(least)s") % {"least": least} if least else _("at most %(most)s") % {"most": most}


class AboutDate(AboutField):
    """Days are text as YYYY-MM-DD, so they compare as text; "in the last days" moves with today."""

    WHEN = [
        ("past", gettext_lazy("in the last days")),
        ("coming", gettext_lazy("in the coming days")),
        ("between", gettext_lazy("between two dates")),
        ("filled", gettext_lazy("any day")),
        ("empty", gettext_lazy("not known")),
    ]

    def fields(self):
        shows = {"data-shows": "days:past,coming since:between until:between"}
        return {
            "when": forms.ChoiceField(
                choices=self.WHEN, label=gettext_lazy("The day is"), widget=forms.Select(attrs=shows)
            ),
            "days": forms.IntegerField(
                required=False, min_value=0, max_value=periods.MOST_DAYS, label=gettext_lazy("Days")
            ),
            "since": forms.DateField(required=False, label=gettext_lazy("From"), widget=segments.DateInput),
            "until": forms.DateField(required=False, label=gettext_lazy("Until"), widget=segments.DateInput),
        }

    def clean(self, cleaned):
        if cleaned.get("when") in ("past", "coming") and cleaned.get("days") is None:
            raise ValidationError({"days": gettext_lazy("Say how many days.")})
        if cleaned.get("when") == "between":
            periods.clean({"when": periods.BETWEEN, "since": cleaned.get("since"), "until": cleaned.get("until")})

    def condition(self, cleaned):
        today, days = timezone.localdate(), datetime.timedelta(days=cleaned["days"] or 0)
        match cleaned["when"]:
            case "filled":
                return self.filled
            case "empty":
                return ~self.filled
            case "past":
                since, until = today - days, today
            case "coming":
                since, until = today, today + days
            case _:
                since, until = cleaned["since"], cleaned["until"]
        said = self.filled
        if since:
            said &= Q(GreaterThanOrEqual(self.text, since.isoformat()))
        if until:
            said &= Q(LessThanOrEqual(self.text, until.isoformat()))
        return said

    def words(self, cleaned):
        days = cleaned["days"] or 0
        match cleaned["when"]:
            case "past":
                return ngettext("in the last %(number)d day", "in the last %(number)d days", days) % {"number": days}
            case "coming":
                said = ngettext("in the coming %(number)d day", "in the coming %(number)d days", days)
                return said % {"number": days}
            case "between":
                said = [(_("from %(day)s"), cleaned["since"]), (_("until %(day)s"), cleaned["until"])]
                return ", ".join(text % {"day": languages.format_date(day)} for text, day in said if day)
        return str(dict(self.WHEN)[cleaned["when"]])


class AboutChoice(AboutField):
    """One choice or several: any of those ticked."""

    def fields(self):
        choices = [
            (choice["key"], _("%(choice)s (retired)") % {"choice": label} if choice.get("retired") else label)
            for choice, label in ((choice, custom.label_of(choice)) for choice in self.field.choices)
        ]
        return {"value": segments.Options(choices=choices, label=gettext_lazy("Any of these"))}

    def condition(self, cleaned):
        return custom.choosing(self.field, cleaned["value"])


class AboutYesNo(AboutField):
    def fields(self):
        choices = [("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No")), ("empty", gettext_lazy("Not known"))]
        return {"value": forms.ChoiceField(choices=choices, label=gettext_lazy("The answer is"))}

    def condition(self, cleaned):
        if cleaned["value"] == "empty":
            return ~self.filled
        return custom.choosing(self.field, [cleaned["value"] == "yes"])


KINDS = {
    Kind.TEXT: AboutText,
    Kind.NUMBER: AboutNumber,
    Kind.DATE: AboutDate,
    Kind.CHOICE: AboutChoice,
    Kind.CHOICES: AboutChoice,
    Kind.YES_NO: AboutYesNo,
}


def give(key=None):
    """The criterion of one field, also of a retired one that a saved segment still asks; or those in use, by key."""
    if key is not None:
        found = CustomField.objects.filter(
            subject=CustomField.Subject.PERSON, sealed=False, key=key.removeprefix(f"{PREFIX}:")
        ).first()
        return KINDS[found.kind](found) if found else None
    made = (KINDS[field.kind](field) for field in custom.fields_of("person", sealed=False))
    return {criterion.key: criterion for criterion in made}


segments.register_family(PREFIX, give)


class ChoiceOfConstituencies(segments.Several):
    def clean(self, value):
        found = super().clean(value)
        if not found:
            raise ValidationError(_("Choose at least one."))
        return found


@segments.register
class Belongs(segments.Criterion):
    """Sealed and asked by marks; for those who may see sensitive details only."""

    key = "constituency"
    label = gettext_lazy("Says they belong to a community")
    permission = belonging.PERMISSION

    def fields(self):
        return {
            "value": ChoiceOfConstituencies(
                queryset=Constituency.objects.all(), label=gettext_lazy("Any of these communities")
            )
        }

    def condition(self, cleaned):
        return belonging.condition(cleaned["value"])

    def sentence(self, cleaned):
        return _("say they belong to %(communities)s") % {"communities": segments.either(cleaned["value"])}
