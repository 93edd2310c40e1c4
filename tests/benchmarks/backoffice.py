"""Whether the back office stays as quick with a million people as it is with a thousand.

`python -m tests.benchmarks.backoffice [--size N] [--rounds N] [--json]`; the real views, as an organizer opens them.
"""

import argparse
import statistics
import subprocess
import sys
import time

from tests import benchmarks
from tests.benchmarks import crowd

SMALL = 1_000
SEGMENT = {
    "all": [
        {"is": "language", "value": "es"},
        {"is": "tag", "value": [3]},
        {"is": "email", "value": "open"},
        {"is": "acted", "value": {"acts": ["attended"], "when": "within", "days": 90}},
    ]
}
BROAD = {"all": [{"is": "state", "value": ["MA"]}, {"none": [{"is": "text", "value": "withdrawn"}]}]}


def screens(client):
    """{name: a function that opens the screen}; each opening asks for something else, as people do."""
    from django.urls import reverse

    from coalition.models import Person
    from tests.benchmarks.segments import page

    people, inspect = reverse("people:list"), lambda pk: reverse("people:inspect", args=[pk])
    top = Person.objects.order_by("-pk").values_list("pk", flat=True).first()
    turn = iter(range(10**9))

    def somebody():
        return 1 + (next(turn) * 7919) % top

    def get(url, **asked):
        answer = client.get(url, asked)
        assert answer.status_code == 200, (url, answer.status_code)
        return answer

    def search(words):
        answer = client.post(people, {"q": words}, follow=True)
        assert answer.status_code == 200, answer.status_code

    def preview(tree):
        answer = client.post(reverse("segments:finding"), page(tree))
        assert answer.status_code == 200, answer.status_code
        assert not answer.context["problems"], answer.context["problems"]

    names = ["garcia", "Núñez", "vang", "hodan ali", "ibanez 7"]
    return {
        "list": lambda: get(people),
        "list, page 20": lambda: get(people, p=20 if top > SMALL else 2),
        "list, filtered": lambda: get(people, state="MN", language="es"),
        "list, by tag": lambda: get(people, tag=next(turn) % 5 + 1),
        "search, name": lambda: search(names[next(turn) % len(names)]),
        "search, email": lambda: search(f"person{somebody()}@"),
        "search, phone": lambda: search(f"413 {somebody():07}"[:11]),
        "search, nobody": lambda: search("zzyzx"),
        "person": lambda: get(inspect(somebody())),
        "segment preview": lambda: preview(SEGMENT),
        "segment preview, broad": lambda: preview(BROAD),
        "segments": lambda: get(reverse("segments:index")),
    }


def work(name):
    """A process on one of the databases: opens what it is told and answers with the milliseconds."""
    benchmarks.setup()
    benchmarks.attach(name)
    from django.test import Client
    from django.test.utils import setup_test_environment

    from tests.benchmarks.segments import organizer

    setup_test_environment()
    opening = screens(organizer(Client()))
    print("ready", flush=True)
    for line in sys.stdin:
        begun = time.perf_counter()
        opening[line.strip()]()
        print((time.perf_counter() - begun) * 1000, flush=True)


def p95(times):
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def measure(small, large, rounds, only=""):
    workers = {"small": benchmarks.Worker(*small), "large": benchmarks.Worker(*large)}
    figures, worst = {}, 0

    def open_(which, screen):
        workers[which].tell(screen)
        return float(workers[which].answer())

    for screen in [name for name in NAMES if name.startswith(only)]:
        times = {"small": [], "large": []}
        for number in range(rounds + 3):
            for which in ("small", "large") if number % 2 else ("large", "small"):
                taken = open_(which, screen)
                times[which] += [taken] if number >= 3 else []  # the first ones warm up
        slow, quick = p95(times["large"]), p95(times["small"])
        figures[screen] = {
            "p95_ms_1k": round(quick), "p95_ms": round(slow), "vs_1k": round(slow / quick, 2),
            "median_vs_1k": round(statistics.median(times["large"]) / statistics.median(times["small"]), 2),
        }  # fmt: skip
        benchmarks.say(f"  {screen:24} {quick:6.0f} ms with {SMALL:,}; {slow:6.0f} ms; {slow / quick:.2f} times")
        worst = max(worst, slow / quick)
    for worker in workers.values():
        worker.end()
    return {"screens": figures, "p95_vs_1k": round(worst, 2)}


NAMES = [
    "list", "list, page 20", "list, filtered", "list, by tag", "search, name", "search, email", "search, phone",
    "search, nobody", "person", "segment preview", "segment preview, broad", "segments",
]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40, help="openings of each screen, of which the 95th percentile")
    parser.add_argument("--keep", default="", help="use this database, made on first use, and leave it")
    parser.add_argument("--only", default="", help="screens whose name begins with this")
    parser.add_argument("--json", action="store_true", help="only the last line")
    parser.add_argument("--fill", nargs=2, metavar=("DATABASE", "PEOPLE"), help=argparse.SUPPRESS)
    parser.add_argument("--work", metavar="DATABASE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work)
        return
    benchmarks.setup()
    if given.fill:  # the large one, in a process of its own: one process makes one database
        with crowd.database(given.fill[0]):
            crowd.fill(int(given.fill[1]))
        return
    me = "tests.benchmarks.backoffice"
    with crowd.database() as small:
        crowd.fill(SMALL)
        large = given.keep or f"{small}_large"
        try:
            subprocess.run([sys.executable, "-m", me, "--fill", large, str(given.size)], check=True)
            figures = {"people": given.size} | measure(
                (me, "--work", small), (me, "--work", large), given.rounds, given.only
            )
        finally:
            if not given.keep:
                crowd.drop(large)
    benchmarks.finish(figures)


if __name__ == "__main__":
    main()
