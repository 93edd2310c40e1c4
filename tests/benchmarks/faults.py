"""What is left when all that can fail does, while a message is being sent: workers are killed, the queue is lost, the
database restarts, the mail server takes messages and never says so. Nobody gets it twice, every row says how it stands.

The workers are Celery's, with a queue of files and a database server of this run alone.
`python -m tests.benchmarks.faults [--size N] [--workers N] [--kills N] [--seed N] [--json]`
"""

import argparse
import contextlib
import os
import random
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests import benchmarks

IN_HAND_AT_MOST = timedelta(seconds=8)
STALLED_AFTER = timedelta(seconds=2)
SLOW_SERVER = 0.1  # seconds before it says that it took a message: room to be killed in
SILENT = 1009  # of so many the mail server takes one and never says so
PATIENCE = 900  # seconds
TIME_OUT = 3  # seconds that a worker waits for the mail server


def queue_in(folder):
    """Celery with a queue of files in a folder."""
    from coalition.celery import app

    for name in ("messages", "control"):
        (Path(folder) / name).mkdir(exist_ok=True)
    app.conf.broker_url = "filesystem://localhost"
    app.conf.broker_transport_options = {
        "data_folder_in": f"{folder}/messages",
        "data_folder_out": f"{folder}/messages",
        "control_folder": f"{folder}/control",
        "store_processed": False,
        "polling_interval": 0.1,
    }
    return app


def work(name, port, folder):
    """One worker, as production runs it; it ends only by being killed."""
    benchmarks.setup()
    benchmarks.attach(name)
    slowly_to(int(port))
    from django.conf import settings

    settings.SENDING_AT_ONCE = 4
    queue_in(folder).worker_main(
        ["worker", "--pool=solo", "--loglevel=CRITICAL", "--without-gossip", "--without-mingle"]
    )


def slowly_to(port):
    from django.conf import settings

    benchmarks.mail_to(port)
    settings.EMAIL_TIMEOUT = TIME_OUT


@contextlib.contextmanager
def own_server():
    """A database server of this run alone, which may be restarted; yields the function that does."""
    from coalition import embedded

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True, dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)  # as root, the server runs as somebody else
        held = Path(folder) / "postgres"
        server = embedded.ensure_running(held)
        os.environ["DATABASE_URL"] = "postgres://{USER}@:{PORT}/{HOST}/{NAME}".format(**server)

        def restart():
            embedded.stop(held)
            embedded.ensure_running(held)

        try:
            yield restart
        finally:
            embedded.stop(held)


class Pool:
    """Workers under a supervisor that starts another for each that is killed."""

    def __init__(self, number, *args):
        self.args = ("tests.benchmarks.faults", "--work", *args)
        self.workers = [benchmarks.Worker(*self.args, wait=False) for _n in range(number)]

    def kill_one(self, rng):
        at = rng.randrange(len(self.workers))
        self.workers[at].kill()
        self.workers[at] = benchmarks.Worker(*self.args, wait=False)

    def dismiss(self):
        for worker in self.workers:
            worker.kill()


def lose(folder):
    """The queue forgets everything."""
    for path in (Path(folder) / "messages").iterdir():
        path.unlink(missing_ok=True)


def beat(message):
    """One round of what beat does. Returns whether the message is closed; a database that is away is asked again."""
    from django.db import InterfaceError, OperationalError, connection

    from campaigns import sending, tasks
    from campaigns.models import Message

    try:
        for pk in sending.sweep(in_hand_at_most=IN_HAND_AT_MOST, stalled_after=STALLED_AFTER):
            tasks.send_message.delay(pk)
        return Message.objects.filter(pk=message.pk, state=Message.State.SENT).exists()
    except (OperationalError, InterfaceError):
        connection.close()
        return False


def run(size, workers, kills, seed, restart):
    from django.conf import settings

    from campaigns import sending, tasks
    from campaigns.models import Delivery

    rng = random.Random(seed)
    with benchmarks.own_database() as name, tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "taken"
        log.touch()
        settings.SENDING_AT_ONCE = workers
        queue_in(folder)
        with benchmarks.sink(log, delay=SLOW_SERVER, silent=SILENT) as port:
            message = benchmarks.write_message(benchmarks.fill_people(size))
            pool = Pool(workers, name, port, folder)
            sending.start(message)
            tasks.send_message.delay(message.pk)
            faults = [*["kill"] * kills, *["queue"] * 2, *["database"] * 2]
            rng.shuffle(faults)
            moments = sorted(rng.uniform(0.02, 0.9) for _fault in faults)

            def reached(moment):
                return beat(message) or len(benchmarks.taken(log)) >= moment * size

            for fault, moment in zip(faults, moments, strict=True):
                benchmarks.wait_until(lambda m=moment: reached(m), PATIENCE, 0.2)
                benchmarks.say(f"{fault} after {len(benchmarks.taken(log))} of {size}")
                match fault:
                    case "kill":
                        pool.kill_one(rng)
                    case "queue":
                        lose(folder)
                    case "database":
                        restart()
            finished = benchmarks.wait_until(lambda: beat(message), PATIENCE, 0.5)
            pool.dismiss()
        ids = Counter(benchmarks.taken(log))
        states = dict(message.deliveries.values_list("pk", "state"))
    uncertain = {pk for pk, state in states.items() if state == Delivery.State.UNCERTAIN}
    sent = {pk for pk, state in states.items() if state == Delivery.State.SENT}
    return {
        "deliveries": len(states),
        "workers": workers,
        "kills": kills,
        "queues_lost": 2,
        "database_restarts": 2,
        "never_answered": sum(pk % SILENT == 0 for pk in ids),
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
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--json", action="store_true", help="only the last line")
    parser.add_argument("--work", nargs=3, metavar=("DATABASE", "PORT", "QUEUE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(*given.work)
        return
    seed = random.randrange(10**6) if given.seed is None else given.seed
    with own_server() as restart:
        benchmarks.setup()
        figures = run(given.size, given.workers, given.kills, seed, restart)
    if not given.json:
        for key, value in figures.items():
            benchmarks.say(f"{key:26} {value}")
    benchmarks.finish(figures)


if __name__ == "__main__":
    main()
