"""Whether sign-ons stay quick with 2,000 partners × 200 publications, and answers at the same second are all kept.

`python -m tests.benchmarks.signons [--size PARTNERS] [--publications N] [--rounds N] [--only SCREEN] [--json]`; the
real pages, as organizers, partners and the public open them, against those of 20 partners × 5 publications.
"""

import argparse
import contextlib
import queue
import statistics
import subprocess
import sys
import threading
import time

from tests import benchmarks
from tests.benchmarks import crowd, partners

SMALL = (20, 5)
ME = "tests.benchmarks.signons"
SCREENS = [
    "board", "board, last page", "board, undecided", "matrix", "matrix, searched", "public list",
    "public list, Spanish", "public list, first reader", "desk", "desk, decisions", "text to sign",
]  # fmt: skip
# A list is set once for each state of it and then kept: who comes first after a change waits for all the names to be
# set, which no size leaves alone. It stands among the figures, and not in the worst of them.
ONCE = "public list, first reader"
WARMING = 6
READ = 3  # publications whose lists are read over and over; the warming up reads each
DECISIONS, PROCESSES, THREADS = 200, 4, 10
PAIRS = 20  # organizations of which two signatories answer at once


def screens(organizer, public):
    """{name: a function that opens the screen}; each opening asks for something else, as people do."""
    from django.core.cache import cache
    from django.urls import reverse
    from django.utils.translation import override

    from coalition import reading, signing_on
    from coalition.models import Invitation, Organization, Publication, Round
    from coalition.signing_on import desk

    turn = iter(range(10**9))
    # The text at the end is what the decisions in parallel are about: no page is measured on it.
    opened = list(Round.objects.filter(closed_at=None).order_by("pk").values_list("pk", flat=True))[: partners.OPEN]
    publications = list(Publication.objects.filter(rounds__closed_at__isnull=False).order_by("-pk")[:READ])
    asked = Organization.objects.count()

    def pick(values):
        return values[next(turn) % len(values)]

    def get(client, url, **data):
        answer = client.get(url, data)
        assert answer.status_code == 200, (url, answer.status_code)
        assert answer.content
        return answer

    def board(**data):
        return get(organizer, reverse("rounds:inspect", args=[pick(opened)]), **data)

    def listed(language):
        publication = pick(publications)
        with override(language):
            return get(public, reading.path(publication, language))

    def first_reader():
        cache.clear()
        return listed("en")

    def representative():
        return desk.representatives().get(organization=1 + (next(turn) * 7919) % asked, position=0)

    def at_desk(name):
        who = representative()
        with override(who.person.language):
            return get(public, reverse(name, args=[desk.desk_token(who)]))

    def text():
        who = representative()
        invitation = Invitation.objects.get(representative=who, round=pick(opened))
        with override(who.person.language):
            return get(public, reverse("sign", args=[signing_on.token_for(invitation)]))

    return {
        "board": board,
        "board, last page": lambda: board(p=1 + (asked - 1) // 40),
        "board, undecided": lambda: board(state="undecided"),
        "matrix": lambda: get(organizer, reverse("rounds:matrix")),
        "matrix, searched": lambda: get(organizer, reverse("rounds:matrix"), q="fami", c=1 + next(turn) % 2),
        "public list": lambda: listed("en"),
        "public list, Spanish": lambda: listed("es"),
        "public list, first reader": first_reader,
        "desk": lambda: at_desk("desk"),
        "desk, decisions": lambda: at_desk("desk_history"),
        "text to sign": text,
    }


def queries(opening):
    """How many questions a page asks the database."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        opening()
    return len(asked)


def work(name):
    """A process on one of the databases: opens what it is told, and answers with the milliseconds or the queries."""
    benchmarks.setup()
    benchmarks.attach(name)
    from django.test import Client
    from django.test.utils import setup_test_environment

    from tests.benchmarks.segments import organizer

    setup_test_environment()
    opening = screens(organizer(Client()), Client())
    print("ready", flush=True)
    for line in sys.stdin:
        what, _space, screen = line.strip().partition(" ")
        if what == "queries":
            print(queries(opening[screen]), flush=True)
            continue
        begun = time.perf_counter()
        opening[screen]()
        print((time.perf_counter() - begun) * 1000, flush=True)


def p95(times):
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def measure(small, large, rounds, only):
    """The 95th percentile of each screen on both databases, opened in turns."""
    workers = {"small": benchmarks.Worker(ME, "--work", small), "large": benchmarks.Worker(ME, "--work", large)}
    figures, worst, listed = {}, 0, 0

    def ask(which, line):
        workers[which].tell(line)
        return float(workers[which].answer())

    for screen in [name for name in SCREENS if name.startswith(only)]:
        times = {"small": [], "large": []}
        for number in range(rounds + WARMING):
            for which in ("small", "large") if number % 2 else ("large", "small"):
                taken = ask(which, f"open {screen}")
                times[which] += [taken] if number >= WARMING else []  # the first ones warm up
        asked = int(ask("large", f"queries {screen}"))
        quick, slow = p95(times["small"]), p95(times["large"])
        figures[screen] = {
            "p95_ms_small": round(quick), "p95_ms": round(slow), "vs_small": round(slow / quick, 2),
            "median_vs_small": round(statistics.median(times["large"]) / statistics.median(times["small"]), 2),
            "queries": asked,
        }  # fmt: skip
        benchmarks.say(f"  {screen:22} {quick:6.0f} ms; {slow:6.0f} ms; {slow / quick:.2f} times; {asked} queries")
        worst = worst if screen == ONCE else max(worst, slow / quick)
        listed = max(listed, asked if screen.startswith("public list") and screen != ONCE else 0)
    for worker in workers.values():
        worker.end()
    return {"screens": figures, "p95_vs_small": round(worst, 2), "public_list_queries": listed}


# Answers at the same second


def ask_for_answers(number):
    """An own round in which `number` representatives are asked; of PAIRS of organizations two at once.

    Returns the keys of their invitations, those of one organization side by side.
    """
    from datetime import timedelta

    from django.utils import timezone

    from coalition import publishing
    from coalition.models import Invitation, Organization, Publication, Representative, Round

    publication = Publication.objects.create(title="At the same second")
    texts = {code: publishing.Text.of("Now", "", f"<p>{code}</p>") for code in ("en", "es")}
    version = publishing.freeze(publication, texts, by=None)
    round_ = Round.objects.create(publication=publication, deadline=timezone.now() + timedelta(days=1))
    pairs = min(PAIRS, number // 2)
    organizations = list(Organization.objects.order_by("pk").values_list("pk", flat=True)[: number - pairs])
    asked = Representative.objects.filter(organization__in=organizations, position=0)
    asked |= Representative.objects.filter(organization__in=organizations[:pairs], position=1)
    Invitation.objects.bulk_create(
        Invitation(
            round=round_,
            organization_id=each.organization_id,
            representative=each,
            version=version,
            nonce=f"same-{round_.pk}-{each.pk}",
            invited_at=timezone.now(),
        )
        for each in asked.order_by("organization", "position")
    )
    return list(round_.invitations.order_by("organization", "pk").values_list("pk", flat=True))


def decide(name):
    """A process that answers: one line names the invitations, which its threads take one after another.

    It says that all are set, waits for a line, and answers with the keys of the decisions. A refusal is a loss.
    """
    benchmarks.setup()
    benchmarks.attach(name)
    from django.db import connection

    from coalition import signing_on
    from coalition.models import Invitation

    def act(gate, turns, given):
        connection.ensure_connection()
        gate.wait()
        with contextlib.suppress(queue.Empty), contextlib.closing(connection):
            while True:
                pk = turns.get_nowait()
                try:
                    invitation = Invitation.objects.select_related("round__publication").get(pk=pk)
                    decision = signing_on.decide(
                        invitation, version=invitation.version, choice="sign" if pk % 3 else "decline",
                        signer_name=f"Signatory {pk}", attested=bool(pk % 3), language="en",
                    )  # fmt: skip
                    given.append(decision.pk)
                except Exception as raised:
                    benchmarks.say(f"  {pk}: {raised!r}")

    print("ready", flush=True)
    turns, given = queue.SimpleQueue(), []
    for pk in sys.stdin.readline().split():
        turns.put(int(pk))
    gate = threading.Barrier(THREADS + 1)
    threads = [threading.Thread(target=act, args=(gate, turns, given)) for _n in range(THREADS)]
    for thread in threads:
        thread.start()
    print("set", flush=True)
    sys.stdin.readline()
    gate.wait()
    for thread in threads:
        thread.join()
    print(*given, flush=True)


def answer_at_once(name, number):
    """What became of that many answers given by several processes at the same moment."""
    from django.db.models import Count

    from coalition.models import Decision, Invitation

    invitations = ask_for_answers(number)
    workers = [benchmarks.Worker(ME, "--decide", name) for _n in range(PROCESSES)]
    begun = None
    try:
        for turn, worker in enumerate(workers):  # two of one organization go to two processes
            worker.tell(" ".join(map(str, invitations[turn::PROCESSES])))
        for worker in workers:
            worker.answer()
        begun = time.perf_counter()
        for worker in workers:
            worker.tell("go")
        said = [int(pk) for worker in workers for pk in worker.answer().split()]
        seconds = time.perf_counter() - begun
    finally:
        for worker in workers:
            worker.end()
    round_ = Invitation.objects.get(pk=invitations[0]).round
    kept = set(round_.decisions.values_list("pk", flat=True))
    live = Decision.objects.live().filter(publication=round_.publication)
    double = live.values("organization").annotate(number=Count("pk")).filter(number__gt=1).count()
    silent = set(round_.invitations.values_list("organization", flat=True)) - set(
        live.values_list("organization", flat=True)
    )
    lost = number - len(set(said) & kept) + len(silent)
    benchmarks.say(f"  {number} answers in {seconds:.2f} s; lost {lost}, double {double}")
    return {"decisions": number, "lost": lost, "double": double, "decisions_per_second": round(number / seconds)}


@contextlib.contextmanager
def on(name):
    """Meanwhile this process works on another database."""
    from django.db import connection

    here = connection.settings_dict["NAME"]
    connection.close()
    benchmarks.attach(name)
    try:
        yield
    finally:
        connection.close()
        benchmarks.attach(here)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2_000, help="partners of the large coalition")
    parser.add_argument("--publications", type=int, default=0, help="a tenth of the partners unless given")
    parser.add_argument("--rounds", type=int, default=40, help="openings of each screen, of which the 95th percentile")
    parser.add_argument("--keep", default="", help="use this database, made on first use, and leave it")
    parser.add_argument("--only", default="", help="screens whose name begins with this")
    parser.add_argument("--json", action="store_true", help="only the last line")
    parser.add_argument("--fill", nargs=3, metavar=("DATABASE", "PARTNERS", "PUBLICATIONS"), help=argparse.SUPPRESS)
    parser.add_argument("--work", metavar="DATABASE", help=argparse.SUPPRESS)
    parser.add_argument("--decide", metavar="DATABASE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work or given.decide:
        work(given.work) if given.work else decide(given.decide)
        return
    benchmarks.setup()
    if given.fill:  # the large one, in a process of its own: one process makes one database
        name, *sizes = given.fill
        with crowd.database(name):
            partners.fill(*map(int, sizes))
        return
    publications = given.publications or max(SMALL[1], given.size // 10)
    with crowd.database() as small:
        partners.fill(*SMALL)
        large = given.keep or f"{small}_large"
        fill = ["--fill", large, str(given.size), str(publications)]
        try:
            subprocess.run([sys.executable, "-m", ME, *fill], check=True)
            figures = {"partners": given.size, "publications": publications}
            figures |= measure(small, large, given.rounds, given.only)
            with on(large):
                figures |= answer_at_once(large, min(DECISIONS, given.size))
        finally:
            if not given.keep:
                crowd.drop(large)
    benchmarks.finish(figures)


if __name__ == "__main__":
    main()
