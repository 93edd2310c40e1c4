"""Find people who may be one: each gets keys (an address, a last name with a ZIP …), whoever shares a key is compared,
and pairs that look alike wait for somebody to decide. Nobody is asked twice about a pair.

A search goes through everybody once, and from then on through those who changed. It works in chunks, each in a
transaction of its own; people under one key are compared up to a bound, above which finer keys tell them apart.
"""

from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from coalition import merging
from coalition.likeness import compare, keys_of, looks_of
from coalition.models import Address, DuplicateSearch, Installation, Lookalike, MatchKey, Person
from coalition.people import LIKENESS_OF_A_FORM, ONE_FORM

CHUNK = 1000
BLOCK = 60  # people under one key who are compared with each other; a fuller block is left to its finer keys
SHOWN_FROM = 60  # likeness out of 100
OVERLAP = timedelta(minutes=10)  # what a slow transaction wrote just before a search began is read by the next one
STALLED = timedelta(seconds=90)
EMAIL = Address.Channel.EMAIL


# Search


@transaction.atomic
def start(*, by=None, everybody=False):
    """Begin a search, or join the one that runs. Returns (search, whether it is new)."""
    now = timezone.now()
    last = DuplicateSearch.objects.filter(state=DuplicateSearch.State.DONE).first()
    since = None if everybody or last is None else last.until - OVERLAP
    try:
        with transaction.atomic():
            search = DuplicateSearch.objects.create(since=since, until=now, by=by)
    except IntegrityError:
        return DuplicateSearch.objects.get(state=DuplicateSearch.State.RUNNING), False
    search.total = 2 * _subjects(search).count()  # each is read, then compared
    search.save(update_fields=["total"])
    MatchKey.objects.filter(person__binned_at__isnull=False).delete()
    return search, True


def due():
    """Whether somebody changed since the last search."""
    last = DuplicateSearch.objects.filter(state=DuplicateSearch.State.DONE).first()
    if last is None:
        return Person.objects.present().exists()
    return _changed_since(Person.objects.present(), last.until).exists()


def _subjects(search):
    people = Person.objects.present()
    return _changed_since(people, search.since) if search.since else people


def _changed_since(people, moment):
    addresses = Address.objects.filter(created_at__gte=moment)
    return people.filter(Q(updated_at__gte=moment) | Q(pk__in=addresses.values("person")))


def run(search, *, chunks=None):
    """Go on with a search, chunk by chunk. True while something is left. Safe to run twice and beside itself."""
    while chunks is None or chunks > 0:
        with transaction.atomic():
            search = DuplicateSearch.objects.select_for_update().filter(pk=search.pk).first()
            if search is None or search.state != DuplicateSearch.State.RUNNING:
                return False
            _step(search)
            search.save()
        if search.state != DuplicateSearch.State.RUNNING:
            return False
        chunks = None if chunks is None else chunks - 1
    return True


def _step(search):
    pks = list(_subjects(search).filter(pk__gt=search.last).order_by("pk").values_list("pk", flat=True)[:CHUNK])
    if pks:
        found = _load(pks)
        if search.step == DuplicateSearch.Step.READ:
            _keep_keys(pks, found)
        else:
            _keep_pairs(search, pks, found)
        search.done, search.last = search.done + len(pks), pks[-1]
    elif search.step == DuplicateSearch.Step.READ:
        search.step, search.last = DuplicateSearch.Step.COMPARE, 0
        if search.since is None:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE coalition_matchkey")  # it may have been empty a minute ago
    else:
        search.state, search.finished_at = DuplicateSearch.State.DONE, timezone.now()
        search.total = search.done


def _load(pks):
    """{pk: Looks} in two queries."""
    names = ("pk", "name", "given_name", "family_name", "city", "zip", "street")
    found = {row[0]: looks_of(*row) for row in Person.objects.present().filter(pk__in=pks).values_list(*names)}
    held = Address.objects.filter(person__in=pks).values_list("person_id", "channel", "value")
    for pk, channel, value in held:
        if pk in found:
            (found[pk].emails if channel == EMAIL else found[pk].phones).add(value)
    return found


def _keep_keys(pks, found):
    keys, holders = _keys(found)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM coalition_matchkey WHERE person_id = ANY(%s)", [pks])
        cursor.execute(
            "INSERT INTO coalition_matchkey (key, person_id) SELECT said.key, said.pk "
            "FROM unnest(%s::bigint[], %s::bigint[]) AS said(key, pk) "
            "JOIN coalition_person person ON person.id = said.pk",
            [keys, holders],
        )


def _keys(found):
    """Two lists side by side: keys, and who holds each."""
    rows = [(key, pk) for pk, looks in found.items() for key in keys_of(looks)]
    return [key for key, _pk in rows], [pk for _key, pk in rows]


# Everybody who shares a key with somebody of this chunk, where no more than BLOCK people share it.
_PAIRS = """
WITH mine AS MATERIALIZED (SELECT * FROM unnest(%(keys)s::bigint[], %(pks)s::bigint[]) AS held(key, person_id)),
blocks AS MATERIALIZED (
    SELECT shared.key FROM (SELECT DISTINCT key FROM mine) shared
    CROSS JOIN LATERAL (
        SELECT count(*) AS people FROM (
            SELECT 1 FROM coalition_matchkey k WHERE k.key = shared.key LIMIT %(bound)s
        ) enough
    ) counted
    WHERE counted.people BETWEEN 2 AND %(block)s
)
SELECT DISTINCT least(mine.person_id, other.person_id), greatest(mine.person_id, other.person_id)
FROM mine JOIN blocks USING (key) JOIN coalition_matchkey other USING (key)
WHERE {which}
"""


def _keep_pairs(search, pks, found):
    """Compare the people of a chunk with whoever shares a key, and keep what looks alike."""
    # When everybody is gone through, each pair is met at its second one; else at whoever of the two changed.
    which = "other.person_id <> mine.person_id" if search.since else "other.person_id < mine.person_id"
    keys, holders = _keys(found)
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS.format(which=which), {"keys": keys, "pks": holders, "bound": BLOCK + 1, "block": BLOCK})
        pairs = cursor.fetchall()
    found |= _load(list({pk for pair in pairs for pk in pair} - found.keys()))
    alike = []
    for first, second in pairs:
        if first in found and second in found:
            score, reasons = compare(found[first], found[second])
            if score >= SHOWN_FROM:
                alike.append(Lookalike(first_id=first, second_id=second, score=score, reasons=reasons))
    search.compared += len(pairs)
    search.found += len(alike)
    _forget_pairs(search, pks, {(pair.first_id, pair.second_id) for pair in alike})
    held = Lookalike.objects.filter(second__in={pair.second_id for pair in alike})
    decided = set(held.exclude(state=Lookalike.State.OPEN).values_list("first_id", "second_id"))
    of_a_form = set(held.filter(reasons__contains=[ONE_FORM]).values_list("first_id", "second_id"))
    for pair in alike:
        if (pair.first_id, pair.second_id) in of_a_form:
            pair.reasons, pair.score = [*pair.reasons, ONE_FORM], max(pair.score, LIKENESS_OF_A_FORM)
    Lookalike.objects.bulk_create(
        [pair for pair in alike if (pair.first_id, pair.second_id) not in decided],
        update_conflicts=True,
        unique_fields=["first", "second"],
        update_fields=["score", "reasons"],
    )


def _forget_pairs(search, pks, alike):
    """Open pairs of these people that no longer look alike."""
    whose = Q(first__in=pks) | Q(second__in=pks) if search.since else Q(second__in=pks)
    held = Lookalike.objects.filter(whose, state=Lookalike.State.OPEN).values_list("pk", "first_id", "second_id")
    held = held.exclude(reasons__contains=[ONE_FORM])
    gone = [pk for pk, first, second in held if (first, second) not in alike]
    Lookalike.objects.filter(pk__in=gone, state=Lookalike.State.OPEN).delete()


def stalled():
    """The search whose worker shows no life, if there is one: the sweep goes on with it."""
    late = DuplicateSearch.objects.filter(state=DuplicateSearch.State.RUNNING, touched_at__lt=timezone.now() - STALLED)
    found = list(late.values_list("pk", flat=True))
    DuplicateSearch.objects.filter(pk__in=found).update(touched_at=timezone.now())
    return found


# Decide


def merge_certain(*, limit):
    """Merge pairs that the strict rule is sure of, if it is switched on. True while there may be more.

    Likeness was judged some time ago: it is judged again as the two stand now, fields of the coalition's own included.
    """
    if not Installation.get().merge_certain:
        return False
    pairs = list(certain().order_by("pk")[:limit])
    for pair in pairs:
        _merge_if_certain(pair)
    return len(pairs) == limit


def _merge_if_certain(pair):
    with transaction.atomic():
        people = list(
            Person.objects.present().filter(pk__in=[pair.first_id, pair.second_id]).order_by("created_at", "pk")
        )
        found = _load([person.pk for person in people])
        if len(people) == 2:
            _score, reasons = compare(*found.values())
            plan = merging.Plan(people)
            own = [part for part in plan.to_decide if part.key.startswith("custom.")]
            if "certain" in reasons and not own:
                try:
                    merging.merge(plan.kept, plan.others, seen=plan.seen, automatic=True)
                    return
                except merging.Refused:
                    pass  # somebody is at work on them: the next search looks again
        left = [reason for reason in pair.reasons if reason != "certain"]
        Lookalike.objects.filter(pk=pair.pk, state=Lookalike.State.OPEN).update(reasons=left)


def waiting():
    """Pairs to be looked at: open, and both people still here."""
    return Lookalike.objects.filter(state=Lookalike.State.OPEN, first__binned_at=None, second__binned_at=None)


def certain():
    """Pairs that the strict rule would merge: same email, same full name, nothing that speaks against it."""
    return waiting().filter(reasons__contains=["certain"])


def keep_apart(pair, *, by=None):
    """They are two people. Nobody is asked again. False where somebody decided already."""
    return bool(
        Lookalike.objects.filter(pk=pair.pk, state=Lookalike.State.OPEN).update(
            state=Lookalike.State.DIFFERENT, decided_at=timezone.now(), decided_by=by
        )
    )


def ask_again(pair):
    """Put a pair back into the queue. False where it was not kept apart."""
    return bool(
        Lookalike.objects.filter(pk=pair.pk, state=Lookalike.State.DIFFERENT).update(
            state=Lookalike.State.OPEN, decided_at=None, decided_by=None
        )
    )
