"""Do one thing to everybody who was found: freeze whom it is about, change them chunk by chunk, undo exactly that.

What a chunk changed and that it did so are one transaction, so a killed worker loses nothing and repeats nothing. An
undo gives back what this action took and takes back what it gave; what somebody changed since stays as they want it.
"""

from datetime import timedelta

from django.core.exceptions import EmptyResultSet
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from coalition import audit, timeline
from coalition.models import BulkAction, Entry, PeopleList, Tag

Kind, State = BulkAction.Kind, BulkAction.State
CHUNK = 1000
AT_ONCE = 1000  # up to so many people nobody waits for a worker
ANALYSED_FROM = 10_000
STALLED = timedelta(seconds=60)
SAME_PRESS = timedelta(days=1)

TARGETS = {Kind.TAG: Tag, Kind.UNTAG: Tag, Kind.LIST: PeopleList, Kind.UNLIST: PeopleList}
SAID = {
    Kind.TAG: _("Tagged: %(name)s"),
    Kind.UNTAG: _("No longer tagged: %(name)s"),
    Kind.LIST: _("Put on the list “%(name)s”"),
    Kind.UNLIST: _("Taken off the list “%(name)s”"),
    Kind.BIN: _("Moved to the bin"),
    Kind.RESTORE: _("Taken out of the bin"),
}
AUDITED = {Kind.BIN: audit.Action.BIN, Kind.RESTORE: audit.Action.RESTORE}


class Gone(Exception):
    """The tag or list was deleted meanwhile."""


@transaction.atomic
def start(kind, people, *, target=None, query="", press="", later=False, by=None):
    """Freeze whom it is about, in one statement; `run` then does it. `target` is the Tag or PeopleList.

    `press` names one press of the button: a second press finds what the first one started. `later`: so many people that
    a worker freezes them, by the action's `query`, before it runs. Who is in the bin can only be taken out of it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"bulk {press or timezone.now()}"])
    if press:
        lately = BulkAction.objects.filter(by=by, at__gt=timezone.now() - SAME_PRESS, target__press=press)
        if started := lately.first():
            return started
    held = {"frozen": False} | ({"press": press} if press else {})
    if target:
        held |= {"pk": target.pk, "name": str(target)}
    action = BulkAction.objects.create(kind=kind, target=held, query=query, by=by)
    if not later:
        freeze(action, people)
    return action


def waits_to_freeze(action):
    return not action.target.get("frozen", True)


@transaction.atomic
def freeze(action, people):
    """Keep whom the action is about, once: who comes later is not in it. The record says how many."""
    held = BulkAction.objects.select_for_update().get(pk=action.pk)
    if waits_to_freeze(held):
        held.total = _insert(held, people.binned() if held.kind == Kind.RESTORE else people.present())
        held.target["frozen"] = True
        held.save(update_fields=["total", "target", "touched_at"])
        audit.record(
            AUDITED.get(held.kind, audit.Action.BULK),
            held,
            details={"kind": str(held.kind), "people": held.total},
            by=held.by,
        )
    action.total, action.target = held.total, held.target


def _insert(action, people):
    try:
        sql, params = people.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO coalition_bulkchange (action_id, person_id) "  # noqa: S608
            f"SELECT %s, found.id FROM ({sql}) AS found(id) ORDER BY found.id",
            [action.pk, *params],
        )
        number = cursor.rowcount
        if number > ANALYSED_FROM:  # else the planner takes the new rows for none at all
            cursor.execute("ANALYZE coalition_bulkchange")
        return number


@transaction.atomic
def undo(action, *, by=None):
    """Begin to undo; `run` then does it. False where it is not over, or was undone already."""
    over = BulkAction.objects.filter(pk=action.pk, state__in=[State.DONE, State.FAILED])
    if not over.update(state=State.UNDOING, done=0, error="", touched_at=timezone.now(), finished_at=None):
        return False
    action.refresh_from_db()
    action.total = action.changes.filter(changed=True).count()
    action.target = {key: value for key, value in action.target.items() if key != "after"} | {"undone_by": by and by.pk}
    action.save(update_fields=["total", "target", "touched_at"])
    audit.record(audit.Action.UNDO, action, details={"kind": action.kind, "people": action.total}, by=by)
    return True


def run(action, *, chunks=None):
    """Do (or undo) chunk after chunk until nobody is left or `chunks` are done. True while somebody is left.

    Whom it is about must be frozen by now.
    Safe to run twice and beside itself: a chunk holds the action's row, and begins where the last one ended.
    """
    if waits_to_freeze(action):
        return True
    try:
        while chunks is None or chunks > 0:
            with transaction.atomic():
                held = BulkAction.objects.select_for_update(of=("self",)).select_related("by").get(pk=action.pk)
                more = _turn(held)
            if not more:
                return False
            chunks = None if chunks is None else chunks - 1
        return True
    except (OperationalError, InterfaceError):
        raise  # the database went away: the sweep tries again
    except Gone:
        _fail(action, "gone")
        return False
    except Exception:
        _fail(action, "unexpected")
        raise


def _fail(action, error):
    running = BulkAction.objects.filter(pk=action.pk, state__in=[State.RUNNING, State.UNDOING])
    running.update(state=State.FAILED, error=error, finished_at=timezone.now())


def _turn(action):
    """One chunk. True while there may be another."""
    if action.state not in (State.RUNNING, State.UNDOING):
        return False
    undoing = action.state == State.UNDOING
    waiting = action.changes.filter(changed=True, person__gt=action.target.get("after", 0)).order_by("person")
    waiting = waiting if undoing else action.changes.filter(changed=None).order_by("pk")
    people = list(waiting.values_list("person", flat=True)[:CHUNK])
    if people:
        if (model := TARGETS.get(action.kind)) and not model.objects.filter(pk=action.target["pk"]).exists():
            raise Gone
        _note(action, _take_back(action, people) if undoing else _do(action, people), undoing)
        action.done += len(people)
        if undoing:
            action.target["after"] = people[-1]
    if len(people) < CHUNK:
        action.state, action.finished_at = State.UNDONE if undoing else State.DONE, timezone.now()
    action.save(update_fields=["done", "state", "target", "finished_at", "touched_at"])
    return len(people) == CHUNK


def _rows(sql, params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


MARKS = {Tag: ("coalition_tagging", "tag_id"), PeopleList: ("coalition_listing", "people_list_id")}


def _do(action, people):
    """Change these people and keep whom it changed, and since when what was taken away had stood. Returns who changed.

    What is given carries the moment of the action itself: by that its undo knows it again.
    """
    kind, at = action.kind, action.at
    if kind in TARGETS:
        table, column = MARKS[TARGETS[kind]]
        if kind in (Kind.TAG, Kind.LIST):
            changed = _rows(
                f"INSERT INTO {table} ({column}, person_id, at) SELECT %s, id, %s FROM coalition_person "  # noqa: S608
                "WHERE id = ANY(%s) AND binned_at IS NULL ORDER BY id ON CONFLICT DO NOTHING RETURNING person_id, NULL",
                [action.target["pk"], at, people],
            )
        else:
            changed = _rows(
                f"DELETE FROM {table} WHERE {column} = %s AND person_id = ANY(%s) RETURNING person_id, at",  # noqa: S608
                [action.target["pk"], people],
            )
    elif kind == Kind.BIN:
        changed = _rows(
            "UPDATE coalition_person SET binned_at = %s, binned_by_id = %s WHERE id = ANY(%s) AND binned_at IS NULL "
            "RETURNING id, NULL",
            [at, action.by_id, people],
        )
    else:
        changed = _rows(
            "UPDATE coalition_person kept SET binned_at = NULL, binned_by_id = NULL FROM coalition_person held "
            "WHERE kept.id = held.id AND kept.id = ANY(%s) AND kept.binned_at IS NOT NULL "
            "AND kept.merged_into_id IS NULL "
            "RETURNING kept.id, held.binned_at",
            [people],
        )
    _rows(
        "UPDATE coalition_bulkchange kept SET changed = said.id IS NOT NULL, was = said.was "
        "FROM unnest(%s::bigint[]) AS asked(id) LEFT JOIN unnest(%s::bigint[], %s::timestamptz[]) AS said(id, was) "
        "USING (id) WHERE kept.action_id = %s AND kept.person_id = asked.id RETURNING 1",
        [people, [pk for pk, _was in changed], [was for _pk, was in changed], action.pk],
    )
    return [pk for pk, _was in changed]


def _take_back(action, people):
    """Undo what the action did to these people, where nobody has changed it since. Returns who changed."""
    kind, at = action.kind, action.at
    taken = "FROM coalition_bulkchange said WHERE said.action_id = %s AND said.changed AND said.person_id = ANY(%s)"
    if kind in TARGETS:
        table, column = MARKS[TARGETS[kind]]
        if kind in (Kind.TAG, Kind.LIST):
            changed = _rows(
                f"DELETE FROM {table} WHERE {column} = %s AND person_id = ANY(%s) AND at = %s RETURNING person_id",  # noqa: S608
                [action.target["pk"], people, at],
            )
        else:
            changed = _rows(
                f"INSERT INTO {table} ({column}, person_id, at) SELECT %s, said.person_id, said.was {taken} "
                "ON CONFLICT DO NOTHING RETURNING person_id",
                [action.target["pk"], action.pk, people],
            )
    elif kind == Kind.BIN:
        changed = _rows(
            "UPDATE coalition_person SET binned_at = NULL, binned_by_id = NULL "
            "WHERE id = ANY(%s) AND binned_at = %s AND merged_into_id IS NULL RETURNING id",
            [people, at],
        )
    else:
        changed = _rows(
            f"UPDATE coalition_person kept SET binned_at = said.was {taken} "  # noqa: S608
            "AND kept.id = said.person_id AND kept.binned_at IS NULL RETURNING kept.id",
            [action.pk, people],
        )
    return [pk for (pk,) in changed]


def _note(action, people, undoing):
    """The line that each of these people gets on the timeline."""
    text, values = SAID[action.kind], {"name": action.target.get("name", "")}
    if undoing:
        text, values = _("Undone: %(what)s"), {"what": timeline.Said(text, values)}
    said = Entry._meta.get_field("text").get_prep_value(timeline.in_all_languages(text, values))
    link, now = reverse("bulk:inspect", args=[action.pk]), timezone.now()
    _rows(
        "INSERT INTO coalition_entry (person_id, kind, text, link, by_id, at) "
        "SELECT pk, %s, %s, %s, %s, %s FROM unnest(%s::bigint[]) AS said(pk) RETURNING 1",
        [Entry.Kind.EDIT.value, said, link, action.by_id, now, people],
    )


def stalled():
    """Actions whose worker shows no life: the sweep goes on with them. Each is named once per minute."""
    late = BulkAction.objects.filter(state__in=[State.RUNNING, State.UNDOING], touched_at__lt=timezone.now() - STALLED)
    found = list(late.values_list("pk", flat=True))
    BulkAction.objects.filter(pk__in=found).update(touched_at=timezone.now())
    return found


def figures(action):
    """How many it changed, how many were as asked already, how many wait."""
    by_outcome = dict(action.changes.order_by().values_list("changed").annotate(people=Count("pk")))
    return {name: by_outcome.get(value, 0) for name, value in FIGURES.items()}


FIGURES = {"changed": True, "already": False, "waiting": None}
