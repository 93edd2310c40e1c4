"""Values of the fields a coalition defines for itself: taken in from forms and files, shown, compared and kept.

`clean` takes what people write in English or Spanish; what it returns is what stands in the database (see CustomField).
Defining a field is `coalition.defining`; what may never be asked or kept is `coalition.refusing`.
"""

import datetime
import math
import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from i18nfield.strings import LazyI18nString

from coalition import audit, belonging, languages, refusing
from coalition.models import CustomField, Organization, Person, Sensitive, fold

Kind = CustomField.Kind
Subject = CustomField.Subject

TEXT_AT_MOST = 1000
NUMBER_AT_MOST = 10**12  # no card number fits (rule P1)
YEARS = range(1800, 2201)

YES = {"yes", "y", "true", "t", "1", "x", "on", "si", "s", "verdadero", "cierto"}
NO = {"no", "n", "false", "f", "0", "off", "falso"}
MONTHS = {
    month: number
    for number, names in enumerate(
        [
            "january jan enero ene",
            "february feb febrero",
            "march mar marzo",
            "april apr abril abr",
            "may mayo",
            "june jun junio",
            "july jul julio",
            "august aug agosto ago",
            "september sep sept septiembre setiembre set",
            "october oct octubre",
            "november nov noviembre",
            "december dec diciembre dic",
        ],
        1,
    )
    for month in names.split()
}


# Which fields there are


def subject_of(about):
    """The subject of a person, an organization, one of these classes, or its name."""
    if isinstance(about, str):
        return Subject(about)
    kind = about if isinstance(about, type) else type(about)
    if issubclass(kind, Person):
        return Subject.PERSON
    if issubclass(kind, Organization):
        return Subject.ORGANIZATION
    raise ValueError(f"{kind} has no fields of its own")


def fields_of(about, *, sealed=None, retired=False):
    """The fields in use, in their order: one small query. `about`: a record, its class or "person"/"organization".

    `sealed`: None for all, False for those that lists, files and messages may use, True for the sensitive ones.
    `retired`: with those that are no longer offered, for showing what people still hold.
    """
    found = CustomField.objects.filter(subject=subject_of(about))
    if sealed is not None:
        found = found.filter(sealed=sealed)
    return list(found if retired else found.filter(retired_at=None))


def choices_of(field, *, held=()):
    """[(key, label)] to choose from, in the active language. A retired choice is offered to who holds it already."""
    held = held if isinstance(held, list | tuple | set) else [held]
    return [
        (choice["key"], label_of(choice))
        for choice in field.choices
        if not choice.get("retired") or choice["key"] in held
    ]


def label_of(choice):
    """A choice's label in the active language, or in another one rather than none."""
    return str(LazyI18nString(choice["label"])) or choice["key"]


# Taking in


def is_blank(value):
    return value is None or value == "" or value == [] or (isinstance(value, str) and not value.strip())


def clean(field, value, language=None):
    """What is stored for a value as a form, a file's cell or an API gives it; None when it says nothing.

    `language` settles what stays open: 5/4/2026 is May 4th in English and April 5th in Spanish. Raises ValidationError
    in the active language.
    """
    if is_blank(value):
        return None
    return _CLEAN[field.kind](field, value, language or get_language() or settings.LANGUAGE_CODE)


def _text(field, value, language):
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a spreadsheet says 12.0 where somebody wrote 12
    text = "\n".join(" ".join(line.split()) for line in str(value).replace("\x00", "").splitlines()).strip()
    if len(text) > TEXT_AT_MOST:
        raise ValidationError(_("Use at most %(most)d characters.") % {"most": TEXT_AT_MOST}, code="long")
    refusing.refuse_words(text)
    return text or None


def _number(field, value, language):
    wrong = ValidationError(_("Enter a number, such as 12 or 1.5"), code="number")
    if isinstance(value, bool):
        raise wrong
    if isinstance(value, str):
        refusing.refuse_words(value)
        value = _plain_number(value)
        if value is None:
            raise wrong
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if not math.isfinite(number):
        raise wrong
    if abs(number) >= NUMBER_AT_MOST:
        raise ValidationError(_("The number is too large."), code="large")
    return int(number) if number.is_integer() else number


def _plain_number(text):
    """ "1,234.5", "1.234,5", "1 234", "1,5" or "$12" as Python reads it; None for what is no number.

    Both languages of the United States group with commas; a comma that groups nothing parts the decimals.
    """
    text = re.sub(r"[\s\u00a0\u202f'’]", "", text).removeprefix("$").removesuffix("%").replace("−", "-")
    if not re.fullmatch(r"[-+]?(\d[\d.,]*|[.,]\d+)", text):
        return None
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?", text):
        return text.replace(",", "")
    if re.fullmatch(r"[-+]?\d{1,3}(\.\d{3})+,\d*", text) or re.fullmatch(r"[-+]?\d{1,3}(\.\d{3}){2,}", text):
        return text.replace(".", "").replace(",", ".")
    if text.count(",") == 1 and "." not in text:
        return text.replace(",", ".")
    return text if text.count(".") <= 1 and "," not in text else None


def _date(field, value, language):
    if isinstance(value, datetime.datetime):
        value = value.date()
    if not isinstance(value, datetime.date):
        value = _day_of(str(value).strip(), language)
    if value is None:
        raise ValidationError(_("Enter a date, such as 2026-05-04 or May 4, 2026"), code="date")
    if value.year not in YEARS:
        raise ValidationError(_("Check the year."), code="year")
    return value.isoformat()


def _day_of(text, language):
    folded = fold(text)
    if found := re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})([t ][\d:.z+-]*)?", folded):
        return _day(found[1], found[2], found[3])
    if found := re.fullmatch(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})( [\d:]*( ?[ap]\.? ?m\.?)?)?", folded):
        first, second = int(found[1]), int(found[2])
        day_first = second <= 12 and (language.startswith("es") or first > 12)
        return _day(found[3], *((second, first) if day_first else (first, second)))
    words = re.findall(r"[a-z]+|\d+", re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", folded))
    words = [word for word in words if word not in ("de", "del", "of", "the")]
    months = [MONTHS[word] for word in words if word in MONTHS]
    numbers = [word for word in words if word.isdigit()]
    if len(months) == 1 and len(numbers) == 2 and len(words) - 3 <= 1:  # one word may be the day of the week
        day, year = numbers if len(numbers[1]) == 4 else reversed(numbers)
        return _day(year, months[0], day)
    return None


def _day(year, month, day):
    short, year = len(year) == 2, int(year)
    if short:
        year += 2000 if year < (datetime.date.today().year % 100) + 20 else 1900
    try:
        return datetime.date(year, int(month), int(day))
    except ValueError:
        return None


def _choice(field, value, language):
    key = _key_of(field, value)
    if key is None:
        raise _no_choice(field, value)
    return key


def _choices(field, value, language):
    if isinstance(value, str):
        if key := _key_of(field, value):
            return [key]
        parts = re.split(r"[;|\n]", value)
        if len(parts) == 1:
            parts = value.split(",")
        value = [part for part in parts if part.strip()]
    found = {}
    for part in value:
        key = _key_of(field, part)
        if key is None:
            raise _no_choice(field, part)
        found[key] = True
    return [choice["key"] for choice in field.choices if choice["key"] in found] or None


def _key_of(field, value):
    """The choice that somebody means by its key or by its label in any language."""
    said = fold(str(value))
    for choice in field.choices:
        label = choice["label"]
        names = label.values() if isinstance(label, dict) else [label]
        if said == fold(choice["key"]) or any(said == fold(name) for name in names if name):
            return choice["key"]
    return None


def _no_choice(field, value):
    offered = languages.join_list([label for _key, label in choices_of(field)][:8])
    return ValidationError(
        _("“%(value)s” is not one of the choices: %(choices)s.") % {"value": str(value)[:40], "choices": offered},
        code="choice",
    )


def _yes_no(field, value, language):
    if isinstance(value, bool):
        return value
    said = fold(str(value)).removesuffix(".0")
    if said in YES:
        return True
    if said in NO:
        return False
    raise ValidationError(_("Enter yes or no."), code="yes_no")


_CLEAN = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choices,
    Kind.YES_NO: _yes_no,
}


# Showing


def show(field, value, language=None):
    """A stored value as people read it, in a language (the active one unless named); empty for nothing."""
    if is_blank(value):
        return ""
    if language and language != get_language():
        with override(language):
            return show(field, value)
    match field.kind:
        case Kind.YES_NO:
            return _("Yes") if value else _("No")
        case Kind.NUMBER if isinstance(value, int | float):
            return languages.format_number(value)
        case Kind.DATE:
            try:
                return languages.format_date(datetime.date.fromisoformat(value))
            except (TypeError, ValueError):
                return str(value)
        case Kind.CHOICE | Kind.CHOICES:
            return languages.join_list(_labels(field, value))
    return str(value)


def cell(field, value):
    """A stored value for a file's cell: `clean` takes it back as it was. Numbers stay numbers, dates are YYYY-MM-DD."""
    if is_blank(value) or field.kind in (Kind.NUMBER, Kind.DATE, Kind.TEXT):
        return "" if value is None else value
    if field.kind == Kind.YES_NO:
        return _("Yes") if value else _("No")
    return "; ".join(_labels(field, value))


def _labels(field, value):
    labels = {choice["key"]: label_of(choice) for choice in field.choices}
    return [labels.get(key, str(key)) for key in (value if isinstance(value, list) else [value])]


def same(field, one, other):
    """Whether two stored values say the same. Nothing is the same as nothing; in texts blanks do not count."""
    if is_blank(one) or is_blank(other):
        return is_blank(one) and is_blank(other)
    if field.kind == Kind.TEXT:
        return " ".join(str(one).split()) == " ".join(str(other).split())
    if field.kind == Kind.CHOICES:
        return set(one) == set(other)
    return one == other


def shown(record, *, fields=None):
    """[(field, words)] of what a record holds that is not sealed, in the order of the fields; also retired fields."""
    held = record.custom or {}
    if not held:
        return []
    fields = fields_of(record, sealed=False, retired=True) if fields is None else fields
    return [(field, show(field, held[field.key])) for field in fields if not is_blank(held.get(field.key))]


# Keeping


def applied(held, given):
    """`held` with cleaned values by key laid over it; None empties. For the `custom` of a record that is not sealed."""
    return {key: value for key, value in {**(held or {}), **given}.items() if not is_blank(value)}


def changed(record, given):
    """The fields whose value the cleaned values by key would change."""
    held = record.custom or {}
    return [
        f
        for f in fields_of(record, sealed=False, retired=True)
        if f.key in given and not same(f, held.get(f.key), given[f.key])
    ]


@transaction.atomic
def keep(record, given):
    """Write cleaned values by key into a record, beside what else it holds. Returns the fields that changed.

    The record's row is read under a lock, so that two people who fill in different fields lose nothing.
    """
    row = type(record).objects.select_for_update().only("pk", "custom").get(pk=record.pk)
    fields = changed(row, given)
    if fields:
        custom = applied(row.custom, {field.key: given[field.key] for field in fields})
        changes = {"custom": custom}
        type(record).objects.filter(pk=record.pk).update(**changes)
        record.custom = custom
    return fields


def holding(field):
    """The records that hold any value of a field that is not sealed."""
    model = Person if field.subject == Subject.PERSON else Organization
    return model.objects.filter(custom__has_key=field.key)


def choosing(field, keys):
    """A condition for records that hold one of these choices (or yes/no values); the GIN index answers it."""
    found = Q(pk__in=[])
    for key in keys:
        found |= Q(custom__contains={field.key: [key] if field.kind == Kind.CHOICES else key})
    return found


# Sealed values (of people only)


def sealed_values(person):
    """{key: value} of a person's sensitive fields. Whoever shows them records that they were looked at."""
    sensitive = Sensitive.objects.filter(person=person).first()
    return dict(sensitive.custom or {}) if sensitive else {}


@transaction.atomic
def keep_sealed(person, given, *, by=None):
    """Write cleaned values of sensitive fields by key. Returns the fields that changed; the audit names them (P5)."""
    Person.objects.select_for_update().only("pk").get(pk=person.pk)
    sensitive, _new = Sensitive.objects.get_or_create(person=person)
    held = dict(sensitive.custom or {})
    fields = [
        field
        for field in fields_of(person, sealed=True, retired=True)
        if field.key in given and not same(field, held.get(field.key), given[field.key])
    ]
    if fields:
        sensitive.custom = applied(held, {field.key: given[field.key] for field in fields})
        sensitive.marks = belonging.marks_of(sensitive)
        sensitive.save(update_fields=["custom", "marks"])
        audit.record(
            audit.Action.SENSITIVE, person, details={"did": "changed", "fields": [field.key for field in fields]}, by=by
        )
    return fields


def holding_sealed(field):
    """The rows that hold a value of a sensitive field: found by their marks, without opening one."""
    return Sensitive.objects.filter(belonging.marked([f"field:{field.key}"]))
