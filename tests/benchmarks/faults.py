"""What is left when workers are killed in the middle of a message: nobody gets it twice, every row says how it stands.

`python -m tests.benchmarks.faults [--size N] [--workers N] [--kills N] [--seed N] [--json]`
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests import benchmarks

IN_HAND_AT_MOST = timedelta(seconds=3)
SLOW_SERVER = 0.004  # seconds before it says that it took a message: room to be killed in
PATIENCE = 300


def work(name, port, pk, batch):
    """One worker. It sends until the message is closed; nobody tells it that another has died."""
    benchmarks.setup()
    benchmarks.attach(name)
    benchmarks.mail_to(int(port))
    from campaigns import sending
    from campaigns.models import Message

    message = Message.objects.get(pk=int(pk))
    print("ready", flush=True)
    sys.stdin.readline()
    while Message.objects.filter(pk=message.pk, state=Message.State.SENDING).exists():
        if not sending.send_next_batch(message, limit=int(batch)):
            time.sleep(0.05)
    print("done", flush=True)


def run(size, workers, kills, seed):
    from campaigns import sending
    from campaigns.models import Delivery, Message

    rng = random.Random(seed)
    batch = max(4, size // (workers * 10))
    with benchmarks.own_database() as name, tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "taken"
        with benchmarks.sink(log, delay=SLOW_SERVER) as port:
            message = benchmarks.write_message(benchmarks.fill_people(size))
            sending.start(message)
            args = ("tests.benchmarks.faults", "--work", name, port, message.pk, batch)
            pool = [benchmarks.Worker(*args) for _n in range(workers)]
            for worker in pool:
                worker.tell("go")
            killed, moments = 0, sorted(rng.uniform(0.1, 0.8) for _n in range(kills))
            for moment in moments:
                benchmarks.wait_until(lambda m=moment: len(benchmarks.taken(log)) >= m * size, PATIENCE, 0.005)
                time.sleep(rng.uniform(0, 0.05))
                victim = rng.randrange(len(pool))
                pool[victim].kill()
                killed += 1
                benchmarks.say(f"killed a worker after {len(benchmarks.taken(log))} of {size}")
                if killed < kills:  # a supervisor starts another; after the last kill the rest must do
                    pool[victim] = benchmarks.Worker(*args)
                    pool[victim].tell("go")
                else:
                    del pool[victim]

            def closed():
                sending.sweep(in_hand_at_most=IN_HAND_AT_MOST)  # what beat does
                return Message.objects.filter(pk=message.pk, state=Message.State.SENT).exists()

            finished = benchmarks.wait_until(closed, PATIENCE, 0.3)
            for worker in pool:
                worker.end()
        ids = Counter(benchmarks.taken(log))
        states = dict(Delivery.objects.values_list("pk", "state"))
        uncertain = {pk for pk, state in states.items() if state == Delivery.State.UNCERTAIN}
        sent = {pk for pk, state in states.items() if state == Delivery.State.SENT}
    return {
        "deliveries": len(states),
        "workers": workers,
        "kills": killed,
        "seed": seed,
        "duplicates": sum(ids.values()) - len(ids),
        # Rows without a final word, rows that say "sent" of what never arrived, and arrivals that no row explains.
        "unaccounted": size - len(sent) - len(uncertain) + len(sent - set(ids)) + len(set(ids) - sent - uncertain),
        "uncertain": len(uncertain),
        "uncertain_that_had_left": len(uncertain & set(ids)),
        "finished_without_help": finished,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--json", action="store_true", help="only the last line")
    parser.add_argument("--work", nargs=4, metavar=("DATABASE", "PORT", "MESSAGE", "BATCH"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(*given.work)
        return
    benchmarks.setup()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    figures = run(given.size, given.workers, given.kills, seed)
    if not given.json:
        for key, value in figures.items():
            benchmarks.say(f"{key:26} {value}")
    benchmarks.finish(figures)


if __name__ == "__main__":
    main()
