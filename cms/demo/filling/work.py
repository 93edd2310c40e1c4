"""What the organizer has at hand: lists, segments, saved views, follow-ups."""

import re
from datetime import timedelta

from django.utils import timezone
from django.utils.http import urlencode

from coalition import bulk, follow_ups, lists, saved_views, segments
from coalition.models import (
    BulkAction,
    Entry,
    FollowUp,
    Listing,
    Organization,
    PeopleList,
    Person,
    Region,
    SavedView,
    Segment,
    Tag,
    fold,
)

from .people import settle_activity
from .words import organizer, read

HELPS = [("speaks_at_hearings", True), ("would_help_with", ["telling_their_story"])]


def fill_work(rng):
    if PeopleList.objects.exists():
        return
    settle_activity()
    words, by = read("work"), organizer()
    first, second = words["list"]
    hearing = lists.keep(PeopleList(), name=first["name"], by=by)
    put_on(hearing, willing(first["people"]), query=urlencode({"state": "MA"}), days=5, by=by)
    table = lists.keep(PeopleList(), name=second["name"], by=by)
    nearby = Person.objects.present().filter(city="Holyoke", language="es", custom__has_key="children_in_school")
    put_on(table, nearby.order_by("pk")[: second["people"]], query=urlencode({"language": "es"}), days=33, by=by)
    for row in words["segment"]:
        if not Segment.objects.filter(name=row["name"]).exists():
            tree = numbered(row["criteria"])
            kept = segments.keep(Segment(), name=row["name"], description=row["description"], tree=tree, by=by)
            then = timezone.now() - timedelta(days=rng.randrange(3, 150))
            Segment.objects.filter(pk=kept.pk).update(created_at=then, updated_at=then)
    for row in words["view"]:
        view = SavedView(screen=row["screen"], owner=by)
        saved_views.keep(view, name=row["name"], query=query_of(row["query"]), shared=row["shared"])
    follow_up(rng, words["follow_up"], hearing, by)


def willing(number):
    """People who would speak, for the list of the hearing."""
    found = Person.objects.present().filter(state="MA", custom__contains=dict(HELPS[:1])).order_by("pk")
    return found[:number]


def put_on(people_list, people, *, query, days, by):
    """As the list of people does it: one action on everybody who was found, which can be undone."""
    chosen = Person.objects.filter(pk__in=list(people.values_list("pk", flat=True)))
    action = bulk.start(BulkAction.Kind.LIST, chosen, target=people_list, query=query, by=by)
    bulk.run(action)
    # It was done some time ago. An undo knows what the action put on a list by its moment: both move.
    then = timezone.now() - timedelta(days=days)
    Listing.objects.filter(people_list=people_list, at=action.at).update(at=then)
    Entry.objects.filter(person__in=chosen, at__gte=action.at).update(at=then)
    PeopleList.objects.filter(pk=people_list.pk).update(created_at=then)
    BulkAction.objects.filter(pk=action.pk).update(at=then, finished_at=then)


def numbered(tree):
    """A tree in which tags, lists and segments stand by their names, with their numbers instead."""
    if isinstance(tree, list):
        return [numbered(part) for part in tree]
    if "is" not in tree:
        return {how: numbered(parts) for how, parts in tree.items()}
    value = tree["value"]
    match tree["is"]:
        case "tag":
            value = value | {"value": [number_of(Tag, slug=fold(name)) for name in value["value"]]}
        case "list":
            value = [number_of(PeopleList, name=name) for name in value]
        case "segment":
            value = number_of(Segment, name=value)
    return tree | {"value": value}


def number_of(model, **named):
    return model.objects.values_list("pk", flat=True).get(**named)


def query_of(query):
    """A query string in which {tag:families} stands for a number."""
    kinds = {"tag": (Tag, "slug"), "segment": (Segment, "name"), "region": (Region, "slug")}

    def number(found):
        model, field = kinds[found[1]]
        return str(number_of(model, **{field: found[2]}))

    return re.sub(r"\{(\w+):([^}]+)\}", number, query)


def follow_up(rng, rows, people_list, by):
    today = timezone.localdate()
    people = iter(people_list.people.order_by("pk")[3:])
    for row in rows:
        whose = Organization.objects.get(name=row["organization"]) if "organization" in row else next(people)
        due, began = today + timedelta(days=row["due"]), timezone.now()
        made = follow_ups.add(whose, text=row["text"], due=due, owner=by, by=by)
        said = began - timedelta(days=rng.randrange(7, 12))
        if row.get("done"):
            follow_ups.done(made, by=by)
            FollowUp.objects.filter(pk=made.pk).update(done_at=began - timedelta(days=5, hours=3))
        FollowUp.objects.filter(pk=made.pk).update(created_at=said)
        Entry.objects.filter(kind=Entry.Kind.FOLLOW_UP, at__gte=began).update(at=said)
