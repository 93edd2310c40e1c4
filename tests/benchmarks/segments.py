"""How fast a segment finds its people, against SQL written by hand and against joins; and how long the builder waits.

`python -m tests.benchmarks.segments [--size N] [--rounds N] [--json]`; a million people, ten million lines of history.
"""

import argparse
import statistics
import time

from tests import benchmarks
from tests.benchmarks import crowd

# Four conditions that few people meet, and three that many do.
FOUR = [
    {"is": "language", "value": "es"},
    {"is": "tag", "value": [3]},
    {"is": "email", "value": "open"},
    {"is": "acted", "value": {"acts": ["attended"], "when": "within", "days": 30}},
]
BROAD = [
    {"is": "language", "value": "es"},
    {"is": "email", "value": "open"},
    {"is": "acted", "value": {"acts": ["answered", "attended"], "when": "within", "days": 1000}},
]
TREES = {"four": {"all": FOUR}, "broad": {"all": BROAD}}
# What the builder counts as well: everybody, many without what they did, two regions, distances, shares.
BUILT = TREES | {
    "everybody": {"all": []},
    "did not act": {
        "all": [{"is": "acted", "value": {"did": "not", "acts": ["answered"], "when": "within", "days": 365}}]
    },
    "any of": {"any": [{"is": "tag", "value": [30]}, {"is": "tag", "value": [12]}, {"is": "city", "value": "Duluth"}]},
    "but not": {"all": [{"is": "state", "value": ["MA"]}, {"none": [{"is": "text", "value": "open"}, *FOUR[3:]]}]},
    "near": {"all": [{"is": "near", "value": {"miles": 25, "zip": "01103"}}]},
    "county": {"all": [{"is": "county", "value": {"value": "Hampden, Hennepin"}}]},
    "share": {"all": [{"is": "share", "value": {"percent": "10", "draw": "0a0b0c0d"}}]},
    "inactive": {"all": [{"is": "active", "value": {"when": "before", "days": 300}}]},
}  # fmt: skip

# By hand, each in two ways: tested person by person, or beginning with what happened. The faster one counts.
HAND = {
    "four": [
        """
        SELECT count(*) FROM coalition_person p WHERE binned_at IS NULL AND language = 'es'
            AND EXISTS (SELECT FROM coalition_tagging t WHERE t.tag_id = 3 AND t.person_id = p.id)
            AND EXISTS (SELECT FROM coalition_address a WHERE a.person_id = p.id AND channel = 'email'
                AND consent = 'granted' AND fault = '' AND "primary")
            AND EXISTS (SELECT FROM coalition_entry e WHERE e.person_id = p.id AND kind = 'attendance'
                AND at >= now() - interval '30 days')
        """,
        """
        WITH acted AS MATERIALIZED (SELECT DISTINCT person_id FROM coalition_entry
            WHERE kind = 'attendance' AND at >= now() - interval '30 days')
        SELECT count(*) FROM acted JOIN coalition_tagging t ON t.tag_id = 3 AND t.person_id = acted.person_id
            JOIN coalition_person p ON p.id = acted.person_id AND binned_at IS NULL AND language = 'es'
            JOIN coalition_address a ON a.person_id = p.id AND channel = 'email' AND consent = 'granted'
                AND fault = '' AND "primary"
        """,
    ],
    "broad": [
        """
        SELECT count(*) FROM coalition_person p WHERE binned_at IS NULL AND language = 'es'
            AND EXISTS (SELECT FROM coalition_address a WHERE a.person_id = p.id AND channel = 'email'
                AND consent = 'granted' AND fault = '' AND "primary")
            AND EXISTS (SELECT FROM coalition_entry e WHERE e.person_id = p.id AND kind IN ('answer', 'attendance')
                AND at >= now() - interval '1000 days')
        """,
        """
        WITH acted AS (SELECT DISTINCT person_id FROM coalition_entry
            WHERE kind IN ('answer', 'attendance') AND at >= now() - interval '1000 days')
        SELECT count(*) FROM acted JOIN coalition_person p ON p.id = acted.person_id AND binned_at IS NULL
                AND language = 'es'
            JOIN coalition_address a ON a.person_id = p.id AND channel = 'email' AND consent = 'granted'
                AND fault = '' AND "primary"
        """,
    ],
}
# As it is often written: one join more for each condition, and DISTINCT to mend what they multiply.
NAIVE = {
    "four": """
        SELECT count(DISTINCT p.id) FROM coalition_person p JOIN coalition_tagging t ON t.person_id = p.id
            JOIN coalition_tag g ON g.id = t.tag_id JOIN coalition_address a ON a.person_id = p.id
            JOIN coalition_entry e ON e.person_id = p.id
        WHERE binned_at IS NULL AND language = 'es' AND g.slug = 'tag 3' AND channel = 'email' AND consent = 'granted'
            AND fault = '' AND "primary" AND e.kind = 'attendance' AND e.at >= now() - interval '30 days'
    """,
    "broad": """
        SELECT count(DISTINCT p.id) FROM coalition_person p JOIN coalition_address a ON a.person_id = p.id
            JOIN coalition_entry e ON e.person_id = p.id
        WHERE binned_at IS NULL AND language = 'es' AND channel = 'email' AND consent = 'granted'
            AND fault = '' AND "primary" AND e.kind IN ('answer', 'attendance')
            AND e.at >= now() - interval '1000 days'
    """,
}
PLAIN = {
    "plain_entry": "coalition_entry (person_id)",
    "plain_tagging": "coalition_tagging (tag_id)",
    "plain_address": "coalition_address (person_id)",
}
OURS = ["entry_person", "entry_kind", "address_open", "person_place", "address_value"]


def seconds(run):
    begun = time.perf_counter()
    found = run()
    return time.perf_counter() - begun, found


def ask(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchone()[0]


def plainly(sql):
    """Time a query as if only plain indexes on foreign keys were there: ours go, and come back with the rollback."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        for name in OURS:
            cursor.execute(f"DROP INDEX {name}")
        for name in ("tagging_once",):
            cursor.execute(f"ALTER TABLE coalition_tagging DROP CONSTRAINT {name}")
        ask(cursor, sql)  # the catalogue is read anew
        taken = seconds(lambda: ask(cursor, sql))
        transaction.set_rollback(True)
    return taken


def measure(rounds):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from coalition import segments

    figures, hand_ratios = {}, []
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")  # for all of them alike
        for name, on in PLAIN.items():
            cursor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {on}")
        cursor.execute("ANALYZE")
        for kind, tree in TREES.items():
            said = segments.problems(tree)
            assert not said, said
            with CaptureQueriesContext(connection) as compiled:
                segments.matching(tree).order_by().count()
            ours = compiled.captured_queries[-1]["sql"]  # what the builder compiles, on the same cursor as the others
            ways = {"ours": lambda o=ours: ask(cursor, o), "hand": lambda k=kind: ask(cursor, HAND[k][0]),
                    "hand the other way": lambda k=kind: ask(cursor, HAND[k][1])}  # fmt: skip
            times = {way: [] for way in [*ways, "naive"]}
            for number in range(rounds + 1):
                turn = number % len(ways)  # so that none always comes after the slow one
                for way, run in [*ways.items()][turn:] + [*ways.items()][:turn]:
                    taken, found = seconds(run)
                    times[way].append(taken)
                    figures[f"{kind}_people"] = found
                if number % 2 == 0 or kind == "four":
                    taken, naively = plainly(NAIVE[kind])
                    times["naive"].append(taken)
                assert abs(naively - found) <= 5, (kind, way, naively, found)  # the clock moves between two of them
            medians = {way: statistics.median(taken[1:]) for way, taken in times.items()}  # the first warms up
            for way, median in medians.items():
                figures[f"{kind}_{way.replace(' ', '_')}_ms"] = round(median * 1000, 1)
            hand_ratios.append(medians["ours"] / min(medians["hand"], medians["hand the other way"]))
            figures[f"vs_hand_sql_{kind}"] = round(hand_ratios[-1], 2)
            figures[f"vs_hand_sql_{kind}_same_shape"] = round(medians["ours"] / medians["hand"], 2)
            figures[f"vs_naive_{kind}"] = round(medians["naive"] / medians["ours"], 1)
        for name in PLAIN:
            cursor.execute(f"DROP INDEX {name}")
    # The narrow question is what T6 is about; the broad one is given beside it: its work is the same for everybody.
    return figures | {"vs_hand_sql": round(max(hand_ratios), 2), "vs_naive": figures["vs_naive_four"]}


def page(tree):
    """The builder's page as the browser sends it."""
    from coalition.forms.segments import built_of

    built = built_of(tree)
    data = {"root-how": built.who.how, "node": []}

    def put(group):
        for node in group.parts:
            data["node"].append(node.id)
            data[f"{node.id}-parent"] = group.id
            if node.how:
                data[f"{node.id}-how"] = node.how
                put(node)
            else:
                data[f"{node.id}-is"] = node.key
                for name, value in node.initial.items():
                    data[f"{node.id}-{name}"] = value

    put(built.who)
    put(built.but)
    return data


def wait_for_counts(rounds):
    """What somebody waits for while building, through the real view: the slowest question's median, in ms."""
    from django.test import Client
    from django.urls import reverse

    client = organizer(Client())
    url, times, about = reverse("segments:finding"), {name: [] for name in BUILT}, {}
    for _round in range(rounds + 1):
        for name, tree in BUILT.items():
            taken, answer = seconds(lambda tree=tree: client.post(url, page(tree)))
            assert answer.status_code == 200, answer.status_code
            assert not answer.context["problems"], answer.context["problems"]
            times[name].append(taken)
            about[name] = answer.context["found"].people
    medians = {name: statistics.median(taken[1:]) * 1000 for name, taken in times.items()}
    for name, median in medians.items():
        benchmarks.say(f"  {name:14} {'' if about[name].exact else 'about '}{about[name].rounded:,} in {median:.0f} ms")
    return {"count_ms": round(max(medians.values())), "count_ms_usual": round(statistics.median(medians.values()))}


def organizer(client):
    """The client, signed in as an organizer."""
    from coalition import accounts
    from coalition.models import User

    user, _made = User.objects.get_or_create(email="organizer@bench.example.org", defaults={"is_staff": True})
    accounts.give_role(user, accounts.Role.ORGANIZER)
    client.force_login(user)
    return client


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7, help="medians of this many")
    parser.add_argument("--keep", default="", help="use this database, made on first use, and leave it")
    parser.add_argument("--json", action="store_true", help="only the last line")
    given = parser.parse_args()
    benchmarks.setup()
    from django.test.utils import setup_test_environment

    setup_test_environment()
    with crowd.database(given.keep):
        figures = {"people": crowd.fill(given.size)}
        figures |= measure(given.rounds)
        figures |= wait_for_counts(given.rounds)
    if not given.json:
        for key, value in figures.items():
            benchmarks.say(f"{key:30} {value}")
    benchmarks.finish(figures)


if __name__ == "__main__":
    main()
