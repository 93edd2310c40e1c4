"""How fast bulk email leaves by SMTP with a row for each person, beside `send_mail` with one UPDATE each, in one run.

`python -m tests.benchmarks.email [--size N] [--workers N] [--rounds N] [--json]`
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

from tests import benchmarks

SAMPLE = 150  # mails of the baseline in each round


def work(name, port):
    """One worker: sends the messages it is told of, batch by batch, until they are closed."""
    benchmarks.setup()
    benchmarks.attach(name)
    benchmarks.mail_to(int(port))
    from campaigns import sending
    from campaigns.models import Message
    from coalition import channels

    print("ready", flush=True)
    for line in sys.stdin:
        message = Message.objects.get(pk=int(line))
        while Message.objects.filter(pk=message.pk, state=Message.State.SENDING).exists():
            sending.send_next_batch(message)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)
    channels.channel_for("email").close()


def baseline(message):
    """Mails a second of Django's `send_mail` over one connection, with one UPDATE for each."""
    from django.core.mail import get_connection, send_mail

    from campaigns import rendering
    from campaigns.models import Delivery

    rows = list(Delivery.objects.filter(message=message)[:SAMPLE].select_related("person"))
    rendered = rendering.render(message.contents.get(language="en"), rows[0].person)
    connection = get_connection()
    connection.open()
    started = time.perf_counter()
    for row in rows:
        send_mail(rendered.subject, rendered.text, None, [row.value], html_message=rendered.html, connection=connection)
        Delivery.objects.filter(pk=row.pk).update(error="")
    rate = len(rows) / (time.perf_counter() - started)
    connection.close()
    return rate


def smtp_source(port, number):
    """Mails a second of postfix's own generator, or None where it is not installed."""
    program = shutil.which("smtp-source")
    if not program:
        return None
    started = time.perf_counter()
    subprocess.run([program, "-s", "10", "-m", str(number), "-l", "10000", f"127.0.0.1:{port}"], check=True)
    return number / (time.perf_counter() - started)


def run(size, workers, rounds):
    from campaigns import sending
    from campaigns.models import Delivery, Message

    with benchmarks.own_database() as name, tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "taken"
        with benchmarks.sink(log) as port:
            benchmarks.mail_to(port)
            pool = [benchmarks.Worker("tests.benchmarks.email", "--work", name, port) for _n in range(workers)]
            share = size // rounds
            rates, slow, source, memory, freezing = [], [], [], [0], []
            for number in range(rounds):
                message = benchmarks.write_message(benchmarks.fill_people(share, number * share))
                started = time.perf_counter()
                sending.start(message)
                freezing.append(time.perf_counter() - started)
                started = time.perf_counter()
                for worker in pool:
                    worker.tell(message.pk)
                memory += [int(worker.answer()) for worker in pool]
                rates.append(share / (time.perf_counter() - started))
                slow.append(baseline(message))
                if rate := smtp_source(port, share):
                    source.append(rate)
                benchmarks.say(f"round {number + 1}: {rates[-1]:.0f}/s, send_mail and UPDATE {slow[-1]:.0f}/s")
            for worker in pool:
                worker.end()
        ids = Counter(pk for pk in benchmarks.taken(log) if pk)
        sent = set(Delivery.objects.filter(state=Delivery.State.SENT).values_list("pk", flat=True))
        open_messages = Message.objects.exclude(state=Message.State.SENT).count()
    return {
        "recipients": share * rounds,
        "workers": workers,
        "per_second": round(median(rates)),
        "send_mail_update_per_second": round(median(slow)),
        "vs_send_mail_update": round(median(a / b for a, b in zip(rates, slow, strict=True)), 2),
        "vs_smtp_source": round(median(a / b for a, b in zip(rates, source, strict=True)), 2) if source else None,
        "freeze_seconds": round(median(freezing), 3),
        "peak_mb_per_worker": max(memory),
        "duplicates": sum(ids.values()) - len(ids),
        "unaccounted": len(sent ^ set(ids)) + open_messages,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="only the last line")
    parser.add_argument("--work", nargs=2, metavar=("DATABASE", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(*given.work)
        return
    benchmarks.setup()
    figures = run(given.size, given.workers, given.rounds)
    if not given.json:
        if figures["vs_smtp_source"] is None:
            benchmarks.say("smtp-source (postfix) is not installed: no comparison with it")
        for key, value in figures.items():
            benchmarks.say(f"{key:30} {value}")
    benchmarks.finish(figures)


if __name__ == "__main__":
    main()
