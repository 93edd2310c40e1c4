"""Keep a segment, and know what holds on to it: no circle is kept, and what is in use is not deleted."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import QueryDict

from coalition.models import SavedView, Segment

from .compiling import problems, stored
from .registry import criterion


@transaction.atomic
def keep(segment, *, name, tree, description=None, by=None):
    """Save a segment. Raises ValidationError with everything that is wrong with its tree."""
    # One at a time, so that two changes at once cannot close a circle between them.
    list(Segment.objects.select_for_update().order_by("pk").values_list("pk"))
    if found := problems(tree, segment):
        raise ValidationError(found)
    segment.name, segment.criteria = name, tree
    if description is not None:
        segment.description = description
    if segment.pk is None:
        segment.created_by = by
    segment.save()
    return segment


def asked_in(tree):
    """The keys of the segments that a tree asks for."""
    values = [part.get("value") for part in stored(tree) if part["is"] == "segment"]
    values = [value.get("value") if isinstance(value, dict) else value for value in values]
    return {int(value) for value in values if str(value).isdecimal()}


def listable(user):
    """The segments whose people this user may be shown, and may use: those that ask nothing a permission closes.

    One query: trees are read as they are stored, and a segment that asks for a closed one is closed itself.
    """
    trees = dict(Segment.objects.order_by().values_list("pk", "criteria"))
    closed = {pk for pk, tree in trees.items() if any(not user.has_perm(name) for name in _permissions_in(tree))}
    while more := {pk for pk, tree in trees.items() if pk not in closed and asked_in(tree) & closed}:
        closed |= more
    return Segment.objects.exclude(pk__in=closed) if closed else Segment.objects.all()


def _permissions_in(tree):
    """The permissions that the criteria of a tree want by themselves."""
    keys = {part["is"] for part in stored(tree) if isinstance(part["is"], str)}
    asked = [criterion(key) for key in keys if ":" not in key]  # what data defines needs none
    return {found.permission for found in asked if found is not None and found.permission}


def used_by(segment):
    """What holds on to a segment, in whatever app: rows that point to it, segments that ask it, views that filter."""
    found = []
    for relation in Segment._meta.related_objects:
        found += relation.related_model._default_manager.filter(**{relation.field.name: segment})
    found += [other for other in Segment.objects.exclude(pk=segment.pk) if segment.pk in asked_in(other.criteria)]
    for view in SavedView.objects.filter(query__contains="segment"):
        if str(segment.pk) in QueryDict(view.query).getlist("segment"):
            found.append(view)
    return found


def uses():
    """How often each segment is used: {pk: number}, in as many queries as there are kinds of use."""
    counts = {}
    for relation in Segment._meta.related_objects:
        rows = relation.related_model._default_manager.exclude(**{relation.field.name: None})
        for pk in rows.order_by().values_list(relation.field.name, flat=True):
            counts[pk] = counts.get(pk, 0) + 1
    for tree in Segment.objects.order_by().values_list("criteria", flat=True):
        for pk in asked_in(tree):
            counts[pk] = counts.get(pk, 0) + 1
    for query in SavedView.objects.filter(query__contains="segment").values_list("query", flat=True):
        for pk in {int(value) for value in QueryDict(query).getlist("segment") if value.isdecimal()}:
            counts[pk] = counts.get(pk, 0) + 1
    return counts


@transaction.atomic
def delete(segment):
    """Delete a segment that nothing uses. Returns what still uses it; it stays while there is anything."""
    list(Segment.objects.select_for_update().order_by("pk").values_list("pk"))
    held = used_by(segment)
    if not held:
        segment.delete()
    return held
