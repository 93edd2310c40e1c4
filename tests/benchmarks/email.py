"""How fast bulk email leaves with a row for each person: by SMTP beside `send_mail` with one UPDATE each and beside
postfix's own generator, through a provider beside Anymail alone; all in one run, interleaved.

`python -m tests.benchmarks.email [--size N] [--workers N] [--rounds N] [--null] [--json]`
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

from tests import benchmarks

SAMPLE = 300  # mails of the slow baseline in each round
COUNTED = 5_000  # recipients of the run whose delivery ids are counted at a sink of our own
CALL = 1000  # recipients in a provider's call


def work(name, way, port):
    """One worker: sends the messages it is told of, batch by batch, until they are closed."""
    benchmarks.setup()
    benchmarks.attach(name)
    go_by(way, int(port))
    from campaigns import sending
    from campaigns.models import Message
    from coalition import channels

    print("ready", flush=True)
    for line in sys.stdin:
        message = Message.objects.get(pk=int(line))
        while (
            sending.send_for(message, 1) or Message.objects.filter(pk=message.pk, state=Message.State.SENDING).exists()
        ):
            pass
        _now, most = benchmarks.held()
        print(most // 1024, flush=True)
    channels.channel_for("email").close()


def go_by(way, port):
    if way == "smtp":
        benchmarks.mail_to(port)
    else:
        benchmarks.provided_by(port)


def anymail(name, port):
    """One process of Anymail alone: as many recipients a call as the provider takes, no rows.

    Each has what ours have: a name, two tokens, a one-click header, a reference.
    """
    benchmarks.setup()
    benchmarks.attach(name)
    benchmarks.provided_by(int(port))
    from django.core.mail import EmailMultiAlternatives, get_connection

    from campaigns import rendering
    from campaigns.models import Delivery, Message

    print("ready", flush=True)
    for line in sys.stdin:
        message = Message.objects.get(pk=int(line))
        rendered = rendering.render(message.contents.get(language="en"), message.deliveries.first().person)
        to = list(Delivery.objects.filter(message=message).values_list("pk", "value", "person__given_name"))
        print("ready", flush=True)
        sys.stdin.readline()
        connection = get_connection()
        connection.open()
        for start in range(0, len(to), CALL):
            some = to[start : start + CALL]
            mail = EmailMultiAlternatives(rendered.subject, rendered.text, to=[value for _pk, value, _name in some])
            mail.attach_alternative(rendered.html, "text/html")
            mail.extra_headers = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "List-ID": "<x.example.org>"}
            mail.merge_data = {
                value: {"first_name": name, "token": f"{n:x}.{'0' * 52}", "click": f"{n:x}.{'0' * 24}"}
                for n, value, name in some
            }
            mail.merge_headers = {
                value: {"List-Unsubscribe": f"<https://riverbend.example.org/u/{n:x}.{'0' * 52}/>"}
                for n, value, _name in some
            }
            mail.merge_metadata = {value: {"ref": f"delivery-{n}"} for n, value, _name in some}
            connection.send_messages([mail])
        connection.close()
        print("done", flush=True)


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


ANCHOR = 10_000  # bytes of a mail of smtp-source in the anchors


def smtp_source(port, number, size=ANCHOR):
    """Mails a second of postfix's own generator, or None where it is not installed."""
    program = shutil.which("smtp-source") or shutil.which("smtp-source", path="/usr/sbin")
    if not program:
        return None
    started = time.perf_counter()
    subprocess.run([program, "-s", "10", "-m", str(number), "-l", str(size), f"127.0.0.1:{port}"], check=True)
    return number / (time.perf_counter() - started)


def bytes_of(message):
    """How large a mail of a message is on the wire."""
    from campaigns import merge_fields, rendering
    from campaigns.models import Delivery
    from coalition.channels.mime import WireLetter

    row = Delivery.objects.filter(message=message).select_related("person").first()
    letters = rendering.compiled(message)
    values = merge_fields.values_of(row.person, names=letters.fields, own=letters.own)
    values |= {"token": "t" * 60, "click": "c" * 40}
    letter = letters.for_person(row.language, values, row.variant)
    return len(WireLetter(letter).fill(row.value, "<delivery-1.0123456789abcdef@example.org>", values))


class Figures:
    """What the rounds found."""

    def __init__(self):
        self.rates, self.slow, self.memory, self.freezing = [], [], [0], []
        self.source, self.same, self.bytes = [], [], 0  # smtp-source: mails of the anchor's size, and of ours
        self.calls, self.bare = [], []

    def send(self, pool, message, number):
        """Start a message, let the workers send it; messages a second."""
        from campaigns import sending

        started = time.perf_counter()
        sending.start(message)
        self.freezing.append(time.perf_counter() - started)
        started = time.perf_counter()
        for worker in pool:
            worker.tell(message.pk)
        self.memory += [int(worker.answer()) for worker in pool]
        return number / (time.perf_counter() - started)


def hire(workers, name, way, port):
    return [benchmarks.Worker("tests.benchmarks.email", "--work", name, way, port) for _n in range(workers)]


def dismiss(pool):
    for worker in pool:
        worker.end()


def by_smtp(figures, name, share, workers, rounds):
    with benchmarks.smtp_sink() as postfix, benchmarks.sink("/dev/null") as own:
        port = postfix or own
        benchmarks.mail_to(port)
        pool = hire(workers, name, "smtp", port)
        for number in range(rounds):
            message = benchmarks.write_message(benchmarks.fill_people(share, number * share))
            figures.rates.append(figures.send(pool, message, share))
            figures.slow.append(baseline(message))
            figures.bytes = bytes_of(message)
            if postfix and (rate := smtp_source(port, min(share, 20_000))):
                figures.source.append(rate)
                figures.same.append(smtp_source(port, min(share, 20_000), figures.bytes))
            benchmarks.say(
                f"round {number + 1}: {figures.rates[-1]:.0f}/s, send_mail and UPDATE {figures.slow[-1]:.0f}/s, "
                f"smtp-source {figures.source[-1] if figures.source else 0:.0f}/s"
            )
        dismiss(pool)


def counted(figures, name, workers, first):
    """(duplicates, unaccounted) of a message whose every arrival is written down."""
    from campaigns.models import Delivery, Message

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "taken"
        with benchmarks.sink(log) as port:
            pool = hire(workers, name, "smtp", port)
            message = benchmarks.write_message(benchmarks.fill_people(COUNTED, first))
            figures.send(pool, message, COUNTED)
            dismiss(pool)
        ids = Counter(benchmarks.taken(log))
    sent = set(message.deliveries.filter(state=Delivery.State.SENT).values_list("pk", flat=True))
    still_open = Message.objects.exclude(state=Message.State.SENT).count()
    return sum(ids.values()) - len(ids), len(sent ^ set(ids)) + still_open + COUNTED - len(sent)


def by_provider(figures, name, share, workers, rounds, first):
    """Ours with rows and ids recorded beside one process of Anymail alone, as in the anchors."""
    with benchmarks.provider() as port:
        pool = hire(workers, name, "provider", port)
        bare = benchmarks.Worker("tests.benchmarks.email", "--anymail", name, port)
        for number in range(rounds):
            message = benchmarks.write_message(benchmarks.fill_people(share, first + number * share))
            figures.calls.append(figures.send(pool, message, share))
            bare.tell(message.pk)
            bare.answer()
            started = time.perf_counter()
            bare.tell("go")
            bare.answer()
            figures.bare.append(share / (time.perf_counter() - started))
            benchmarks.say(f"provider: {figures.calls[-1]:.0f}/s, Anymail alone {figures.bare[-1]:.0f}/s")
        dismiss([*pool, bare])


def ratio(ours, theirs):
    return round(median(a / b for a, b in zip(ours, theirs, strict=True)), 2) if theirs else None


def run(size, workers, rounds):
    figures, share = Figures(), size // rounds
    with benchmarks.own_database() as name:
        by_smtp(figures, name, share, workers, rounds)
        duplicates, unaccounted = counted(figures, name, workers, size)
        some = max(workers * CALL, share // 2)
        by_provider(figures, name, some, workers, rounds, size + COUNTED)
    return {
        "recipients": share * rounds,
        "workers": workers,
        "per_second": round(median(figures.rates)),
        "send_mail_update_per_second": round(median(figures.slow)),
        "smtp_source_per_second": round(median(figures.source)) if figures.source else None,
        "vs_send_mail_update": ratio(figures.rates, figures.slow),
        "vs_smtp_source": ratio(figures.rates, figures.source),
        "vs_smtp_source_same_size": ratio(figures.rates, figures.same),
        "bytes_per_mail": figures.bytes,
        "provider_per_second": round(median(figures.calls)),
        "anymail_per_second": round(median(figures.bare)),
        "provider_vs_anymail": ratio(figures.calls, figures.bare),
        "freeze_seconds": round(median(figures.freezing), 3),
        "peak_mb_per_worker": max(figures.memory),
        "duplicates": duplicates,
        "unaccounted": unaccounted,
    }


def to_nobody(size, workers):
    """One message to many, written and dispatched to a sink that forgets; nothing beside it."""
    from django.db.models import Count

    from campaigns.models import Message

    figures = Figures()
    with benchmarks.own_database() as name:
        message = benchmarks.write_message(benchmarks.fill_people(size))
        with benchmarks.smtp_sink() as postfix, benchmarks.sink("/dev/null") as own:
            pool = hire(workers, name, "smtp", postfix or own)
            rate = figures.send(pool, message, size)
            dismiss(pool)
        states = dict(message.deliveries.values_list("state").annotate(Count("pk")).order_by())
        state = Message.objects.get(pk=message.pk).state
    return {
        "recipients": size,
        "workers": workers,
        "freeze_seconds": round(figures.freezing[0], 1),
        "send_seconds": round(size / rate, 1),
        "per_second": round(rate),
        "peak_mb_per_worker": max(figures.memory),
        "states": states,
        "message": state,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--null", action="store_true", help="one message to a sink that forgets, nothing beside it")
    parser.add_argument("--json", action="store_true", help="only the last line")
    parser.add_argument("--work", nargs=3, metavar=("DATABASE", "WAY", "PORT"), help=argparse.SUPPRESS)
    parser.add_argument("--anymail", nargs=2, metavar=("DATABASE", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(*given.work)
        return
    if given.anymail:
        anymail(*given.anymail)
        return
    benchmarks.setup()
    figures = to_nobody(given.size, given.workers) if given.null else run(given.size, given.workers, given.rounds)
    if not given.json:
        if figures.get("vs_smtp_source", 0) is None:
            benchmarks.say("smtp-source (postfix) is not installed: no comparison with it")
        for key, value in figures.items():
            benchmarks.say(f"{key:30} {value}")
    benchmarks.finish(figures)


if __name__ == "__main__":
    main()
