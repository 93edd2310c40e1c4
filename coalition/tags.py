"""Tags and their groups: named once whatever accents and case, moved, merged into one another, deleted when unused."""

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Count
from django.http import QueryDict
from django.utils.translation import gettext as _

from coalition import audit, segments
from coalition.models import Person, SavedView, Segment, Tag, Tagging, TagGroup, fold


class Held(Exception):
    """It cannot be deleted while something asks for it: `uses`."""

    def __init__(self, uses):
        super().__init__(len(uses))
        self.uses = uses


def counts():
    """{tag: how many people who are present have it}, in two queries that read indexes only."""
    found = dict(Tagging.objects.order_by().values_list("tag").annotate(Count("pk")))
    binned = Tagging.objects.filter(person__in=Person.objects.exclude(binned_at=None).values("pk"))
    for tag, number in binned.order_by().values_list("tag").annotate(Count("pk")):
        found[tag] -= number
    return found


def people_with(tag):
    """How many people who are present have a tag."""
    return Tagging.objects.filter(tag=tag, person__binned_at=None).count()


def _clean_name(name, but=None):
    name = " ".join((name or "").split())
    if not fold(name):
        raise ValidationError({"name": _("Name the tag.")})
    if len(name) > 80:
        raise ValidationError({"name": _("Use at most %(most)d characters.") % {"most": 80}})
    if "," in name:
        raise ValidationError({"name": _("A tag cannot hold a comma: commas part tags in forms and files.")})
    taken = Tag.objects.filter(slug=fold(name)[:80]).exclude(pk=getattr(but, "pk", None)).first()
    if taken:
        said = _("There is a tag “%(tag)s” already. To make the two one, merge this tag into it.")
        raise ValidationError({"name": said % {"tag": taken}}, code="taken")
    return name


@transaction.atomic
def add(*, name, group=None):
    """A new tag. Raises ValidationError where one is called so already, whatever its accents and case."""
    return Tag.objects.create(name=_clean_name(name), group=group)


@transaction.atomic
def change(tag, *, name, group=None):
    """Call a tag otherwise, or put it into another group. Raises ValidationError."""
    tag = Tag.objects.select_for_update().get(pk=tag.pk)
    tag.name, tag.group = _clean_name(name, but=tag), group
    tag.save()
    return tag


def _lock(*pks):
    """Both tags, locked in one order, so that two merges at once never wait for each other."""
    return {tag.pk: tag for tag in Tag.objects.select_for_update().filter(pk__in=pks).order_by("pk")}


@transaction.atomic
def merge(tag, into, *, by=None):
    """Who has `tag` has `into` from now on, what asked for `tag` asks for `into`, and `tag` is gone.

    The smaller of the two moves, so the row that stays may be either; it is called `into`. Returns the tag that stays
    and how many people it added; (None, 0) where one of them is gone already, as after pressing twice.
    """
    if tag.pk == into.pk:
        raise ValueError("A tag cannot be merged into itself")
    locked = _lock(tag.pk, into.pk)
    if len(locked) < 2:
        return None, 0
    tag, into = locked[tag.pk], locked[into.pk]
    name, group = into.name, into.group
    had, have = (Tagging.objects.filter(tag=one).count() for one in (tag, into))
    stays, goes = (tag, into) if had > have else (into, tag)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE coalition_tagging t SET tag_id = %s WHERE tag_id = %s AND NOT EXISTS "
            "(SELECT 1 FROM coalition_tagging o WHERE o.tag_id = %s AND o.person_id = t.person_id)",
            [stays.pk, goes.pk, stays.pk],
        )
        added = had - (min(had, have) - cursor.rowcount)
    _point(goes, stays)
    details = {"did": "merged", "into": into.pk, "kept": stays.pk, "added": added}
    audit.record(audit.Action.EDIT, tag, details=details, by=by)
    goes.delete()
    stays.name, stays.group = name, group
    stays.save()
    return stays, added


def _point(old, new):
    """Whatever asks for one tag asks for another, in whatever app."""
    for relation in _relations():
        rows = relation.related_model._default_manager.filter(**{relation.field.name: old})
        rows.update(**{relation.field.name: new})
    for segment in _segments_asking(old):
        segment.criteria = _asking_instead(segment.criteria, old.pk, new.pk)
        segment.save(update_fields=["criteria", "updated_at"])
    for view in _views_asking(old):
        asked = QueryDict(view.query, mutable=True)
        asked.setlist("tag", [str(new.pk) if value == str(old.pk) else value for value in asked.getlist("tag")])
        view.query = asked.urlencode()
        view.save(update_fields=["query"])


@transaction.atomic
def delete(tag, *, by=None):
    """Take a tag from everybody. Raises Held while a segment, a view or anything else asks for it."""
    if tag.pk not in _lock(tag.pk):
        return 0
    if uses := used_by(tag):
        raise Held(uses)
    number = Tagging.objects.filter(tag=tag).count()
    audit.record(audit.Action.EDIT, tag, details={"did": "deleted", "people": number}, by=by)
    tag.delete()
    return number


def used_by(tag):
    """What asks for a tag or adds it, in whatever app."""
    found = list(_segments_asking(tag)) + list(_views_asking(tag))
    for relation in _relations():
        found += relation.related_model._default_manager.filter(**{relation.field.name: tag})
    return found


def _relations():
    """What points to a tag, in whatever app, besides the people who have it."""
    held = (field for field in Tag._meta.get_fields(include_hidden=True) if field.one_to_many or field.one_to_one)
    return [relation for relation in held if relation.auto_created and relation.related_model is not Tagging]


def _segments_asking(tag):
    return [segment for segment in Segment.objects.all() if tag.pk in _asked(segment.criteria)]


def _views_asking(tag):
    views = SavedView.objects.filter(screen=SavedView.Screen.PEOPLE, query__contains="tag=")
    return [view for view in views if str(tag.pk) in QueryDict(view.query).getlist("tag")]


def _asked(tree):
    """The keys of the tags that a tree asks for."""
    parts = [part for part in segments.stored(tree) if part["is"] == "tag"]
    return {int(pk) for part in parts for pk in _chosen(part) if str(pk).isdecimal()}


def _chosen(part):
    value = part.get("value")
    value = value.get("value") if isinstance(value, dict) else value
    return value if isinstance(value, list) else [value]


def _asking_instead(tree, old, new):
    if isinstance(tree, list):
        return [_asking_instead(part, old, new) for part in tree]
    if not isinstance(tree, dict):
        return tree
    if "is" not in tree:
        return {how: _asking_instead(parts, old, new) for how, parts in tree.items()}
    if tree["is"] != "tag" or old not in _asked(tree):
        return tree
    chosen = list(dict.fromkeys(new if str(pk) == str(old) else pk for pk in _chosen(tree)))
    value = tree["value"]
    return tree | {"value": value | {"value": chosen} if isinstance(value, dict) else chosen}


# Groups


def _clean_group(name, but=None):
    said = {language: " ".join(words.split()) for language, words in name.items() if words and words.strip()}
    if not said:
        raise ValidationError({"name": _("Name the group.")})
    folded = {fold(words) for words in said.values()}
    for other in TagGroup.objects.exclude(pk=getattr(but, "pk", None)):
        held = other.name.data if isinstance(other.name.data, dict) else {"": other.name.data}
        if folded & {fold(words) for words in held.values() if words}:
            raise ValidationError({"name": _("There is a group of this name already.")})
    return said


@transaction.atomic
def add_group(*, name):
    """A new group, last in the order. `name`: {language: words}."""
    last = TagGroup.objects.order_by("-position").first()
    return TagGroup.objects.create(name=_clean_group(name), position=last.position + 1 if last else 0)


@transaction.atomic
def rename_group(group, *, name):
    group.name = _clean_group(name, but=group)
    group.save(update_fields=["name"])
    return group


@transaction.atomic
def move_group(group, steps):
    """Earlier (-1) or later (1) among the groups."""
    groups = list(TagGroup.objects.select_for_update())
    place = next(i for i, other in enumerate(groups) if other.pk == group.pk)
    groups.insert(max(0, min(len(groups) - 1, place + steps)), groups.pop(place))
    for position, other in enumerate(groups):
        other.position = position
    TagGroup.objects.bulk_update(groups, ["position"])


def delete_group(group):
    """Its tags stay, without a group; nobody loses one. Raises Held while a segment asks for any tag of the group."""
    if uses := [segment for segment in Segment.objects.all() if group.pk in _groups_asked(segment.criteria)]:
        raise Held(uses)
    group.delete()


def _groups_asked(tree):
    """The keys of the groups of tags that a tree asks for."""
    values = [part.get("value") for part in segments.stored(tree) if part["is"] == "tag"]
    groups = [value.get("groups") or [] for value in values if isinstance(value, dict)]
    chosen = [pk for held in groups for pk in (held if isinstance(held, list) else [held])]
    return {int(pk) for pk in chosen if str(pk).isdecimal()}


def grouped(names=None):
    """[(group or None, [tag])] in order, those without a group last; only groups that have any."""
    tags = Tag.objects.select_related("group").order_by("group__position", "group__pk", "slug")
    found = {}
    for tag in tags if names is None else tags.filter(slug__contains=fold(names)):
        found.setdefault(tag.group, []).append(tag)
    loose = found.pop(None, None)
    return [*found.items(), *([(None, loose)] if loose else [])]
