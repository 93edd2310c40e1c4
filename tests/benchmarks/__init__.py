"""Benchmarks: each makes its own database, runs as `python -m tests.benchmarks.<name>`, and ends with one JSON line.

A figure counts only as a ratio measured in the same run, interleaved, by medians.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def setup():
    """Django with the settings of the tests: nothing can leave the machine."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()


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

    def __init__(self, module, *args):
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, args)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
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
def sink(log, *, delay=0.0):
    """A mail server in a process of its own that writes the id of each delivery it took into `log`; yields its port."""
    server = Worker("tests.benchmarks.sink", log, delay)
    try:
        server.tell("port")
        yield int(server.answer())
    finally:
        server.kill()


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
            INSERT INTO coalition_person (name, given_name, family_name, language, street, city, state, zip, time_zone,
                search, created_at, updated_at)
            SELECT 'Marisol Ibáñez ' || n, 'Marisol', 'Ibáñez ' || n, CASE WHEN n %% 3 = 0 THEN 'es' ELSE 'en' END, '',
                'Springfield', 'MA', '01103', '', 'marisol ibanez ' || n, now(), now()
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
    message = Message.objects.create(name="Benchmark", campaign=campaign, segment=segment)
    for language, subject, greeting in (("en", "The vote is Tuesday", "Dear"), ("es", "La votación es hoy", "Hola,")):
        words = "Children read better where a coach stays for two years. El comité vota el martes; su voz cuenta. " * 6
        MessageContent.objects.create(
            message=message,
            language=language,
            subject=f"{{{{ first_name }}}}: {subject}",
            preheader="Two minutes from you would help.",
            body=f"{greeting} {{{{ first_name|friend }}}}\n\n{words}\n\n{words}\n\nGracias.",
            action_label="Read the ten steps",
            action_url="/en/briefs/",
            reviewed_at=timezone.now(),
        )
    return message


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
