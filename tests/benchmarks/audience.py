"""How fast an audience becomes rows of the ledger, beside bare INSERT … SELECTs of the same rows into the same table.

The bare one reads people and their addresses, and asks nothing but whether they agreed. A second one, `staged`, reads
nothing: its rows lie ready in a table of their own, as if nobody had to be judged at all.

`python -m tests.benchmarks.audience [--size N] [--rounds N] [--json]`
"""

import argparse
import time
from statistics import median

from tests import benchmarks

STAGE = """
CREATE TABLE staged AS
SELECT person_id, value, language, variant, state, reason FROM campaigns_delivery WHERE message_id = %s
"""
INTO = """
INSERT INTO campaigns_delivery (message_id, person_id, value, language, variant, state, reason, error, provider_id)
"""
BARE = f"""{INTO}
SELECT %s, p.id, a.value, p.language, 'a', 'queued', '', '', ''
FROM coalition_person p JOIN coalition_address a ON a.person_id = p.id
WHERE a.channel = 'email' AND a."primary" AND a.consent = 'granted'
"""
STAGED = f"{INTO} SELECT %s, person_id, value, language, variant, state, reason, '', '' FROM staged"


def emptied():
    """The ledger as it is before its first message, so that both sides write into the same table."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE campaigns_delivery CASCADE")


def timed(work):
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done


def insert(sql, message):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, [message.pk])
        return cursor.rowcount


def run(size, rounds):
    from django.db import connection

    from campaigns import audience

    with benchmarks.own_database():
        message = benchmarks.write_message(benchmarks.fill_people(size))
        audience.freeze(message)
        with connection.cursor() as cursor:
            cursor.execute(STAGE, [message.pk])
            cursor.execute("ANALYZE staged")
        ours, bare, staged, rows, again = [], [], [], set(), set()
        for number in range(rounds):
            for figures, work in (
                (bare, lambda: insert(BARE, message)),
                (staged, lambda: insert(STAGED, message)),
                (ours, lambda: audience.freeze(message)),
            ):
                emptied()
                seconds, written = timed(work)
                figures.append(seconds)
                rows.add(written)
            again.add(audience.freeze(message))
            benchmarks.say(f"round {number + 1}: {ours[-1]:.2f} s, bare {bare[-1]:.2f} s, staged {staged[-1]:.2f} s")
    return {
        "people": size,
        "rows": sorted(rows),
        "seconds": round(median(ours), 3),
        "bare_seconds": round(median(bare), 3),
        "staged_seconds": round(median(staged), 3),
        "rows_per_second": round(size / median(ours)),
        "vs_bare_insert": round(median(b / a for a, b in zip(ours, bare, strict=True)), 2),
        "vs_staged_insert": round(median(b / a for a, b in zip(ours, staged, strict=True)), 2),
        "second_run_rows": max(again),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="only the last line")
    given = parser.parse_args()
    benchmarks.setup()
    figures = run(given.size, given.rounds)
    if not given.json:
        for key, value in figures.items():
            benchmarks.say(f"{key:20} {value}")
    benchmarks.finish(figures)


if __name__ == "__main__":
    main()
