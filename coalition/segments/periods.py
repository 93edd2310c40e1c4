"""Spans of time that a criterion asks about: the last days, longer ago than that, or from one date until another."""

from datetime import datetime, time, timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .registry import DateInput

WITHIN, BEFORE, BETWEEN = "within", "before", "between"
WHEN = [
    (WITHIN, gettext_lazy("In the last days")),
    (BEFORE, gettext_lazy("Longer ago than that")),
    (BETWEEN, gettext_lazy("Between two dates")),
]
MOST_DAYS = 36500


def fields(*, required=True, before=True):
    """The fields of a period, for a criterion to put among its own. `required` asks for one; else "at any time"."""
    choices = [choice for choice in WHEN if before or choice[0] != BEFORE]
    if not required:
        choices = [("", gettext_lazy("At any time")), *choices]
    shows = {"data-shows": "days:within,before since:between until:between"}
    return {
        "when": forms.ChoiceField(
            choices=choices, required=False, label=gettext_lazy("When"), widget=forms.Select(attrs=shows)
        ),
        "days": forms.IntegerField(
            min_value=1,
            max_value=MOST_DAYS,
            required=False,
            label=gettext_lazy("Days"),
            widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "30"}),
        ),
        "since": forms.DateField(required=False, label=gettext_lazy("From"), widget=DateInput),
        "until": forms.DateField(required=False, label=gettext_lazy("Until"), widget=DateInput),
    }


def clean(cleaned):
    """Raise ValidationError where a period was begun and not said to its end."""
    when = _when(cleaned)
    if when in (WITHIN, BEFORE) and not cleaned.get("days"):
        raise ValidationError({"days": gettext_lazy("Say how many days.")})
    since, until = cleaned.get("since"), cleaned.get("until")
    if when == BETWEEN and not since and not until:
        raise ValidationError({"since": gettext_lazy("Say from when, until when, or both.")})
    if when == BETWEEN and since and until and until < since:
        raise ValidationError({"until": gettext_lazy("This is before the first day.")})


def _when(cleaned):
    """How the period is meant; trees kept before there was a choice hold only dates."""
    return cleaned.get("when") or (BETWEEN if cleaned.get("since") or cleaned.get("until") else "")


def condition(cleaned, field):
    """The period as a condition on a moment. Moments rather than dates, so that an index serves."""
    match _when(cleaned):
        case "within":
            return Q(**{f"{field}__gte": timezone.now() - timedelta(days=cleaned["days"])})
        case "before":
            return Q(**{f"{field}__lt": timezone.now() - timedelta(days=cleaned["days"])})
    said = Q()
    if cleaned.get("since"):
        said &= Q(**{f"{field}__gte": _midnight(cleaned["since"])})
    if cleaned.get("until"):
        said &= Q(**{f"{field}__lt": _midnight(cleaned["until"] + timedelta(days=1))})
    return said


def words(cleaned):
    """The period in words, such as "in the last 30 days"; "" for any time."""
    days = {"days": cleaned.get("days")}
    match _when(cleaned):
        case "within":
            return ngettext("in the last %(days)d day", "in the last %(days)d days", days["days"]) % days
        case "before":
            return ngettext("more than %(days)d day ago", "more than %(days)d days ago", days["days"]) % days
    since, until = (
        date_format(day, "DATE_FORMAT") if day else "" for day in (cleaned.get("since"), cleaned.get("until"))
    )
    if since and until:
        return _("between %(since)s and %(until)s") % {"since": since, "until": until}
    if since:
        return _("since %(since)s") % {"since": since}
    return _("until %(until)s") % {"until": until} if until else ""


def _midnight(day):
    return timezone.make_aware(datetime.combine(day, time.min))
