"""Define fields: a key that stays, a label in each language, choices nobody loses; what rule P1 forbids is refused.

A field is retired rather than deleted: it is no longer offered, and what people hold in it stays. Only what nobody
holds can be deleted.
"""

import re

from anyascii import anyascii
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from i18nfield.strings import LazyI18nString

from coalition import audit, custom, refusing, segments
from coalition.models import CustomField, Person, Segment, fold

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST_CHOICES = 100
WITH_CHOICES = (CustomField.Kind.CHOICE, CustomField.Kind.CHOICES)
# Words that mean something of their own in messages, imports and exports.
TAKEN = {field.name for field in Person._meta.get_fields()} | {
    *("address", "email", "email2", "external_id", "first_name", "full_name", "last_name", "middle_name", "mobile"),
    *("organization", "phone", "suffix", "tag", "token"),
}


class Held(Exception):
    """It cannot be deleted: `number` records hold it, or `uses` (segments) ask for it."""

    def __init__(self, number=0, uses=()):
        super().__init__(number)
        self.number, self.uses = number, list(uses)


def plain_key(text):
    """Words as a key: "Años en el distrito" → "anos_en_el_distrito"; empty when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "_", anyascii(text or "").lower()).strip("_").lstrip("0123456789_")[:36].rstrip("_")


def propose_key(label, subject):
    """A free key made from a label."""
    words = label.data if isinstance(label, LazyI18nString) else label
    names = list(words.values()) if isinstance(words, dict) else [words]
    key = next(filter(None, map(plain_key, names)), "") or "field"
    key = f"{key[:30]}_field" if key in TAKEN else key
    used = set(CustomField.objects.filter(subject=subject).values_list("key", flat=True))
    return next(name for name in (key, *(f"{key[:36]}_{n}" for n in range(2, 1000))) if name not in used)


def _judge(field):
    """Raises ValidationError, by the names of the form's fields."""
    wrong = {}
    texts = [field.key.replace("_", " "), *_texts(field.label), *_texts(field.hint)]
    if field.kind in (CustomField.Kind.TEXT, CustomField.Kind.NUMBER) and (what := refusing.asked_for(*texts)):
        wrong["label"] = _(
            "This asks for %(what)s. The coalition never keeps one. Where you need to know that a form came in, "
            "use a yes or no field that says so."
        ) % {"what": what}
    if not KEY.fullmatch(field.key):
        wrong["key"] = _("Use small letters, digits and low lines, beginning with a letter.")
    elif field.pk is None and field.key in TAKEN:
        wrong["key"] = _("“%(key)s” already means something else. Choose another word.") % {"key": field.key}
    elif CustomField.objects.filter(subject=field.subject, key=field.key).exclude(pk=field.pk).exists():
        wrong["key"] = _("There is a field with this key already.")
    if field.sealed and field.subject != CustomField.Subject.PERSON:
        wrong["sealed"] = _("Only fields of people can be sensitive.")
    if field.kind in WITH_CHOICES:
        try:
            field.choices = _choices(field)
        except ValidationError as refused:
            wrong["choices"] = refused.messages
    else:
        field.choices = []
    if wrong:
        raise ValidationError(wrong)


def _texts(said):
    said = said.data if isinstance(said, LazyI18nString) else said
    return [text for text in (said.values() if isinstance(said, dict) else [said]) if text]


def _choices(field):
    """The choices with a key each; two of the same name are refused, and so is a list without any."""
    kept, names, keys = [], {}, {choice["key"] for choice in field.choices if choice.get("key")}
    for choice in field.choices:
        label = {language: words.strip() for language, words in choice["label"].items() if words.strip()}
        if not label:
            continue
        for folded in {fold(words) for words in label.values()}:
            if names.setdefault(folded, len(kept)) != len(kept):
                raise ValidationError(
                    _("Two choices have the same name: “%(name)s”.") % {"name": next(iter(label.values()))}
                )
        key = choice.get("key")
        if not key:
            key = base = next(filter(None, map(plain_key, label.values())), "choice")
            number = 1
            while key in keys:
                number += 1
                key = f"{base}_{number}"
            keys.add(key)
        kept.append({"key": key, "label": label} | ({"retired": True} if choice.get("retired") else {}))
    if not any(not choice.get("retired") for choice in kept):
        raise ValidationError(_("Name at least one choice."))
    if len(kept) > MOST_CHOICES:
        raise ValidationError(_("A field can have at most %(most)d choices.") % {"most": MOST_CHOICES})
    return kept


@transaction.atomic
def define(*, subject, kind, label, hint="", choices=(), sealed=False, key="", by=None):
    """A new field, last in the order. Raises ValidationError by field."""
    field = CustomField(subject=subject, kind=kind, label=label, hint=hint, choices=list(choices), sealed=sealed)
    field.key = plain_key(key) if key else propose_key(label, subject)
    _judge(field)
    last = CustomField.objects.filter(subject=subject).order_by("-position").first()
    field.position = last.position + 1 if last else 0
    field.save()
    _record(field, "defined", by)
    return field


@transaction.atomic
def change(field, *, label, hint="", choices=(), sealed=None, by=None):
    """Say a field otherwise. Key, subject and kind stay; whether it is sensitive stays once somebody holds a value.

    A choice that is missing from `choices` goes when nobody holds it, and is retired when somebody does.
    Returns (field, [(choice, how many hold it)] that were retired for that). Raises ValidationError by field.
    """
    row = CustomField.objects.select_for_update().get(pk=field.pk)
    row.label, row.hint = label, hint
    kept = {choice["key"] for choice in choices if choice.get("key")}
    missing = [choice for choice in row.choices if choice["key"] not in kept]
    counts = choice_holders(row) if missing else {}
    still_held = [choice | {"retired": True} for choice in missing if counts.get(choice["key"])]
    known = {choice["key"] for choice in row.choices}
    row.choices = [choice for choice in choices if not choice.get("key") or choice["key"] in known] + still_held
    if sealed is not None and sealed != row.sealed:
        if number := holders(row):
            raise ValidationError(
                {"sealed": _("%(number)d records hold a value: this cannot change any more.") % {"number": number}}
            )
        row.sealed = sealed
    _judge(row)
    row.save()
    _record(row, "changed", by)
    return row, [(choice, counts[choice["key"]]) for choice in still_held]


def holders(field):
    """How many records hold a value."""
    return (custom.holding_sealed(field) if field.sealed else custom.holding(field)).count()


def choice_holders(field):
    """{key: how many records hold this choice}. Sealed values are opened one by one."""
    counts = dict.fromkeys((choice["key"] for choice in field.choices), 0)
    if field.sealed:
        for sensitive in custom.holding_sealed(field).iterator(chunk_size=500):
            held = sensitive.custom.get(field.key)
            for key in held if isinstance(held, list) else [held]:
                if key in counts:
                    counts[key] += 1
        return counts
    records = custom.holding(field).model.objects
    return {key: records.filter(custom.choosing(field, [key])).count() for key in counts}


@transaction.atomic
def retire(field, *, by=None):
    """No longer offered; what is held stays, and is shown. Returns whether it was in use until now."""
    changed = CustomField.objects.filter(pk=field.pk, retired_at=None).update(retired_at=timezone.now())
    if changed:
        _record(field, "retired", by)
    return bool(changed)


@transaction.atomic
def bring_back(field, *, by=None):
    changed = CustomField.objects.filter(pk=field.pk, retired_at__isnull=False).update(retired_at=None)
    if changed:
        _record(field, "brought back", by)
    return bool(changed)


@transaction.atomic
def remove(field, *, by=None):
    """Delete a field that nobody holds and no segment asks. Raises Held."""
    row = CustomField.objects.select_for_update().get(pk=field.pk)
    number, uses = holders(row), asked_by(row)
    if number or uses:
        raise Held(number, uses)
    _record(row, "deleted", by)
    row.delete()


def asked_by(field):
    """The segments that ask for a field."""
    key = f"field:{field.key}"
    return [s for s in Segment.objects.all() if any(part["is"] == key for part in segments.stored(s.criteria))]


@transaction.atomic
def move(field, by_steps):
    """Earlier (-1) or later (1) among the fields of its subject."""
    fields = list(CustomField.objects.select_for_update().filter(subject=field.subject))
    place = next(i for i, other in enumerate(fields) if other.pk == field.pk)
    fields.insert(max(0, min(len(fields) - 1, place + by_steps)), fields.pop(place))
    for position, other in enumerate(fields):
        other.position = position
    CustomField.objects.bulk_update(fields, ["position"])


def _record(field, did, by):
    audit.record(audit.Action.SETTING, field, details={"did": did, "key": field.key, "about": field.subject}, by=by)
