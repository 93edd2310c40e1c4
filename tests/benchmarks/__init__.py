"""Benchmarks: each makes its own database, runs as `python -m tests.benchmarks.<name>`, and ends with one JSON line.

A figure counts only as a ratio measured in the same run, interleaved, by medians.
"""

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def setup():
    """Django with the settings of the tests: nothing can leave the machine.

    As in production, no query is kept, and a commit has reached the disk before anything goes on.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django
    from django.conf import settings

    django.setup()
    from django.db import connection

    settings.DEBUG = False
    connection.settings_dict["OPTIONS"].pop("options", None)


@contextlib.contextmanager
def own_database():
    """A database of this run alone, dropped at the end; yields its name, for `attach` in other processes."""
    from django.db import connection

    from coalition import embedded

    old = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"bench_{os.getpid()}"
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield name
    finally:
        connection.creation.destroy_test_db(old, verbosity=0)
        if "DATABASE_URL" not in os.environ:
            embedded.stop(only_if_unused=True)


def attach(name):
    """Use the database of the run that started this process."""
    from django.db import connection

    connection.settings_dict["NAME"] = name


def say(text):
    print(text, file=sys.stderr, flush=True)


def finish(figures):
    """The last line of every benchmark."""
    print(json.dumps(figures, sort_keys=True), flush=True)


class Worker:
    """A process of its own that does what it is told, one line at a time, and answers each with one line."""

    def __init__(self, module, *args, wait=True):
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, args)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        if wait:
            self.answer()  # it is ready

    def tell(self, line):
        self.process.stdin.write(f"{line}\n")

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended with {self.process.wait()}")
        return line.strip()

    def kill(self):
        """As if somebody pulled the plug."""
        self.process.kill()
        self.end()

    def end(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def sink(log, *, delay=0.0, silent=0):
    """A mail server in a process of its own that writes the id of each delivery it took into `log`; yields its port.

    `delay`: seconds before it says so; `silent`: of so many it takes one and never says so, as if time ran out.
    """
    server = Worker("tests.benchmarks.sink", log, delay, silent)
    try:
        server.tell("port")
        yield int(server.answer())
    finally:
        server.kill()


@contextlib.contextmanager
def smtp_sink():
    """Postfix's own sink, which forgets what it takes; yields its port, or None where it is not installed."""
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin")
    if not program:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    server = subprocess.Popen([program, *user, f"127.0.0.1:{port}", "1000"], stdout=subprocess.DEVNULL)
    try:
        if not wait_until(lambda: _listens(port), 5):
            raise RuntimeError("smtp-sink does not listen")
        yield port
    finally:
        server.kill()
        server.wait()


@contextlib.contextmanager
def provider():
    """A provider in a process of its own that takes every call; yields its port."""
    server = Worker("tests.benchmarks.provider")
    try:
        server.tell("port")
        yield int(server.answer())
    finally:
        server.kill()


def provided_by(port):
    """Send through Anymail's Mailgun backend to the provider on this machine."""
    from django.conf import settings

    settings.EMAIL_BACKEND = "anymail.backends.mailgun.EmailBackend"
    settings.ANYMAIL = {
        "MAILGUN_API_KEY": "key",
        "MAILGUN_API_URL": f"http://127.0.0.1:{port}/v3",
        "MAILGUN_SENDER_DOMAIN": "riverbend.example.org",
    }


def _listens(port):
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def mail_to(port):
    """Send by SMTP to the sink."""
    from django.conf import settings

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 10


def fill_people(number, first=0):
    """Readers in both languages with an address that said yes, by three statements. Returns the id of their tag."""
    from django.db import connection

    from coalition.models import Tag

    tag = Tag.objects.create(name=f"benchmark {first}")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO coalition_person (name, given_name, family_name, language, street, city, county, state, zip,
                time_zone, custom, search, created_at, updated_at)
            SELECT 'Marisol Ibáñez ' || n, 'Marisol', 'Ibáñez ' || n, CASE WHEN n %% 3 = 0 THEN 'es' ELSE 'en' END, '',
                'Springfield', 'Hampden', 'MA', '01103', '', '{}', 'marisol ibanez ' || n, now(), now()
            FROM generate_series(%s, %s) n
            """,
            [first, first + number - 1],
        )
        cursor.execute(
            """
            INSERT INTO coalition_address (person_id, channel, value, "primary", consent, consent_at, fault, created_at)
            SELECT id, 'email', 'person' || id || '@people.example.org', true, 'granted', now(), '', now()
            FROM coalition_person p WHERE NOT EXISTS (SELECT 1 FROM coalition_address a WHERE a.person_id = p.id)
            """
        )
        cursor.execute(
            """
            INSERT INTO coalition_tagging (person_id, tag_id, at)
            SELECT id, %s, now() FROM coalition_person p
            WHERE NOT EXISTS (SELECT 1 FROM coalition_tagging t WHERE t.person_id = p.id)
            """,
            [tag.pk],
        )
        cursor.execute("ANALYZE")
    return tag.pk


def write_message(tag):
    """A bilingual email of an ordinary length to the people with a tag."""
    from django.utils import timezone

    from campaigns.models import Campaign, Message, MessageContent
    from coalition.models import Installation, Segment

    if not Installation.objects.exists():
        Installation.objects.create(
            name="Riverbend", short_name="Riverbend", postal_address="100 Main St", email="hello@riverbend.example.org"
        )
    segment = Segment.objects.create(name=f"tag {tag}", criteria={"all": [{"is": "tag", "value": [tag]}]})
    campaign = Campaign.objects.create(name="Benchmark")
    message = Message.objects.create(name="Benchmark", campaign=campaign)
    message.included.add(segment)
    for language, subject, greeting in (("en", "The vote is Tuesday", "Dear"), ("es", "La votación es hoy", "Hola,")):
        words = "Children read better where a coach stays for two years. El comité vota el martes; su voz cuenta. " * 6
        paragraphs = (f"{greeting} {{{{ first_name|friend }}}}", words, words, "Gracias.")
        MessageContent.objects.create(
            message=message,
            language=language,
            subject=f"{{{{ first_name }}}}: {subject}",
            preheader="Two minutes from you would help.",
            blocks=[
                {"id": "b1", "type": "text", "value": {"html": "".join(f"<p>{said}</p>" for said in paragraphs)}},
                {"id": "b2", "type": "button", "value": {"label": "Read the ten steps", "url": "/en/briefs/"}},
            ],
            reviewed_at=timezone.now(),
        )
    return message


def held():
    """(kB held now, most kB ever held). The kernel's ru_maxrss would count the process that started this one, too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmRSS"].split()[0]), int(lines["VmHWM"].split()[0])


def taken(log):
    """The delivery ids that the sink wrote down, in order."""
    return [int(line) for line in Path(log).read_text().split()]


def wait_until(done, seconds, every=0.1):
    """Whether `done()` came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(every)
    return False
