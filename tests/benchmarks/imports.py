"""How fast a list of people comes in, beside PostgreSQL alone and django-import-export, in one run.

`python -m tests.benchmarks.imports [--size N] [--round N] [--rounds N] [--json]`

Ours: `importing.run` on a CSV file as NationBuilder writes it, in the turns of the worker: read, normalised (emails in
mixed case, phones in several shapes, names with accents, ZIP to county), matched with who is known by id, email, phone
and by name with ZIP, with a line for what became of each row. One row in ten is about somebody known, with a blank to
fill; one in fifty says stop.

`vs_copy_merge`: the same number of such rows, clean already (normal forms, folded names, counties, distinct), sent by
COPY into an unlogged stage and merged in one transaction by INSERT … SELECT … ON CONFLICT into the very tables and
indexes that an import fills: person, two addresses, external id, tag, timeline entry and import row. It knows a person
by the external id alone, and honours no stop.

`vs_import_export`: django-import-export in bulk mode (`use_bulk`, no diff, `CachedInstanceLoader`), a resource for each
of person, email, phone, external id and tag, the addresses normalised by our own `normalise`. It is spared what it has
no means for: matching (keys are given), the timeline and the line for each row.

`peak_mb_over_idle`: the most memory of a worker process that brings in `--size` rows, over what it held idle, after a
list of 200 rows warmed it up.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests import benchmarks

HEADER = (
    "nationbuilder_id,first_name,last_name,email,email_opt_in,mobile_number,primary_address1,primary_city,"
    "primary_state,primary_zip,tag_list,language"
)
FIRST = "Ana José Marisol Luis Zoë Amina Kwame Mei Omar Priya James Mary Grace David Ruth Tomás Elena Noah Aisha Juan"
LAST = "Pérez García Smith Johnson Nguyen Ibáñez Muñoz Williams Brown Okafor Chen Rivera O'Brien Santos Cohen Ali Diaz"
TAGS = ["housing", "volunteer", "teacher", "parent", "union"]
SAMPLE = 2000  # rows of import-export in each round
STREET = " Main St"

STAGE = """
CREATE UNLOGGED TABLE stage (external text, name text, given text, family text, language text, street text, city text,
    county text, state text, zip text, search text, email text, phone text, tag bigint, line int, person bigint)
"""
MERGE = [
    """UPDATE stage s SET person = coalesce((SELECT e.person_id FROM coalition_externalid e
        WHERE e.system = 'nationbuilder' AND e.value = s.external), nextval('coalition_person_id_seq'))""",
    """INSERT INTO coalition_person (id, name, given_name, family_name, language, street, city, county, state, zip,
        time_zone, custom, search, created_at, updated_at)
    SELECT person, name, given, family, language, street, city, county, state, zip, '', '{}', search, now(), now()
    FROM stage ON CONFLICT (id) DO UPDATE SET street = excluded.street, updated_at = excluded.updated_at""",
    """INSERT INTO coalition_externalid (person_id, system, value) SELECT person, 'nationbuilder', external FROM stage
    ON CONFLICT (system, value) DO NOTHING""",
    """INSERT INTO coalition_address (person_id, channel, value, "primary", consent, fault, created_at)
    SELECT person, 'email', email, true, 'none', '', now() FROM stage UNION ALL
    SELECT person, 'phone', phone, true, 'none', '', now() FROM stage ON CONFLICT DO NOTHING""",
    """INSERT INTO coalition_tagging (person_id, tag_id, at) SELECT person, tag, now() FROM stage
    ON CONFLICT (tag_id, person_id) DO NOTHING""",
    """INSERT INTO coalition_entry (person_id, kind, text, link, at) SELECT person, 'joined',
        '{"en": "Added by an import: people.csv", "es": "Llegó en una importación: people.csv"}',
        '/admin/imports/inspect/1/', now() FROM stage""",
    """INSERT INTO coalition_importedrow (batch_id, line, outcome, reason, person_id, data)
    SELECT (SELECT max(id) FROM coalition_import), line, 'new', '', person, '{}' FROM stage
    ON CONFLICT (batch_id, line) DO NOTHING""",
    "TRUNCATE stage",
]


class Someone:
    """The person with a number: always the same one."""

    def __init__(self, number):
        chance = random.Random(number)
        self.number = number
        self.given = chance.choice(FIRST.split())
        self.family = f"{chance.choice(LAST.split())} {number}"
        self.email = f"{self.given}.{number}@People.Example.org"
        self.digits = f"413{2_000_000 + number:07d}"
        area, exchange, rest = self.digits[:3], self.digits[3:6], self.digits[6:]
        shapes = [
            self.digits,
            f"({area}) {exchange}-{rest}",
            f"{area}-{exchange}-{rest}",
            f"+1 {area} {exchange} {rest}",
        ]
        self.phone = f"1-{area}-{exchange}-{rest}" if number % 50 == 0 else chance.choice(shapes)
        self.zip = f"{1001 + number % 1400:05d}"
        self.tag = TAGS[number % len(TAGS)]
        self.language = "es" if number % 3 == 0 else "en"
        self.says = "false" if number % 50 == 7 else ""

    def cells(self):
        return (
            f"{self.number},{self.given},{self.family},{self.email},{self.says},{self.phone},{self.number}{STREET},"
            f"Springfield,MA,{self.zip},{self.tag},{self.language}\n"
        )

    def clean(self, line, tags):
        from coalition.models.people import words_of
        from coalition.places import county_of

        name = f"{self.given} {self.family}"
        street, search = f"{self.number}{STREET}", " ".join(words_of(name))
        held = [self.number, name, self.given, self.family, self.language, street, "Springfield", county_of(self.zip)]
        reach = [self.email.lower(), f"+1{self.digits}", tags[self.tag], line]
        return "\t".join(map(str, [*held, "MA", self.zip, search, *reach])) + "\n"


class Bench:
    """A database with some people in it, and lists to bring in."""

    def __init__(self, folder, known):
        from coalition.models import Import, Tag

        self.folder = Path(folder)
        self.tags = {name: Tag.objects.create(name=name).pk for name in TAGS}
        self.known, self.fresh = iter(range(known)), iter(range(known, 7_000_000))
        Import.objects.create(name="clean rows")
        self.run_sql(STAGE)
        self.merge([Someone(number) for number in range(known)])
        self.run_sql("UPDATE coalition_person SET street = ''", "ANALYZE")  # the blank that lists fill

    def run_sql(self, *statements):
        from django.db import connection

        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def people(self, number):
        """People of a list: one in ten is known."""
        fresh = [next(self.fresh) for _n in range(number - number // 10)]
        return [Someone(n) for n in [*fresh, *(next(self.known) for _n in range(number // 10))]]

    def upload(self, people):
        from django.core.files import File

        from coalition import importing

        path = self.folder / "people.csv"
        with path.open("w") as file:
            file.write(HEADER + "\n")
            file.writelines(someone.cells() for someone in people)
        with path.open("rb") as file:
            batch = importing.upload(File(file), "people.csv")
        importing.start(batch)
        path.unlink()
        return batch

    def ours(self, number):
        """Rows a second."""
        people = self.people(number)
        batch = self.upload(people)
        seconds = bring_in(batch)
        counts = {key: rows for key, rows in outcomes(batch).items() if rows}
        assert counts == {"new": number - number // 10, "changed": number // 10}, counts
        return number / seconds

    def merge(self, people):
        """Rows a second of COPY into a stage and one merge."""
        from django.db import connection, transaction

        from coalition.models import Import

        Import.objects.create(name="clean rows")
        data = "".join(someone.clean(line, self.tags) for line, someone in enumerate(people, 2)).encode()
        started = time.perf_counter()
        with transaction.atomic(), connection.cursor() as cursor:
            with cursor.copy(
                "COPY stage (external, name, given, family, language, street, city, county, state, zip, search, email, "
                "phone, tag, line) FROM STDIN"
            ) as sink:
                sink.write(data)
            for statement in MERGE:
                cursor.execute(statement)
        return len(people) / (time.perf_counter() - started)

    def import_export(self, number):
        """Rows a second of django-import-export."""
        from import_export.formats.base_formats import CSV

        from coalition.copying import ids
        from coalition.models import Person

        people = [Someone(next(self.fresh)) for _n in range(number)]
        keys = ids(Person, number)
        given = zip(keys, people, strict=True)
        lines = "".join(f"{pk},{self.tags[someone.tag]},{someone.cells()}" for pk, someone in given)
        resources = peers()
        started = time.perf_counter()
        dataset = CSV().create_dataset(f"id,tag,{HEADER}\n{lines}")
        for peer in resources:
            peer().import_data(dataset, raise_errors=True, use_transactions=True)
        rate = number / (time.perf_counter() - started)
        assert Person.objects.filter(pk__in=keys, addresses__channel="phone", taggings__isnull=False).count() == number
        return rate


def peers():
    """The resources of django-import-export that bring in people, their addresses, ids and tags."""
    from import_export import fields, resources
    from import_export.instance_loaders import CachedInstanceLoader

    from coalition import people
    from coalition.models import Address, ExternalId, Person, Tagging
    from coalition.models.people import words_of

    class Bulk(resources.ModelResource):
        class Meta:
            use_bulk = True
            batch_size = 1000
            skip_diff = True
            skip_html_diff = True
            instance_loader_class = CachedInstanceLoader

    class People(Bulk):
        given_name = fields.Field("given_name", "first_name")
        family_name = fields.Field("family_name", "last_name")
        street = fields.Field("street", "primary_address1")
        city = fields.Field("city", "primary_city")
        state = fields.Field("state", "primary_state")
        zip = fields.Field("zip", "primary_zip")

        class Meta(Bulk.Meta):
            model = Person
            fields = ("id", "given_name", "family_name", "language", "street", "city", "state", "zip")

        def before_save_instance(self, instance, row, **kwargs):
            instance.name = f"{instance.given_name} {instance.family_name}"
            instance.search = " ".join(words_of(instance.name))

    def addresses(of, column):
        class Addresses(Bulk):
            person_id = fields.Field("person_id", "id")
            value = fields.Field("value", column)

            class Meta(Bulk.Meta):
                model = Address
                fields = ("person_id", "value")
                import_id_fields = ("value",)

            def before_import_row(self, row, **kwargs):
                row[column] = people.normalise(of, row[column])

            def before_save_instance(self, instance, row, **kwargs):
                instance.channel = of

        return Addresses

    class Ids(Bulk):
        person_id = fields.Field("person_id", "id")
        value = fields.Field("value", "nationbuilder_id")

        class Meta(Bulk.Meta):
            model = ExternalId
            fields = ("person_id", "value")
            import_id_fields = ("value",)

        def before_save_instance(self, instance, row, **kwargs):
            instance.system = "nationbuilder"

    class Tags(Bulk):
        person_id = fields.Field("person_id", "id")
        tag_id = fields.Field("tag_id", "tag")

        class Meta(Bulk.Meta):
            model = Tagging
            fields = ("person_id", "tag_id")
            import_id_fields = ("person_id",)

    return [People, addresses("email", "email"), addresses("phone", "mobile_number"), Ids, Tags]


def bring_in(batch):
    """Seconds that an import takes, in the turns of the worker."""
    from coalition import importing, tasks

    started = time.perf_counter()
    while importing.run(batch, chunks=tasks.IMPORT_CHUNKS):
        pass
    return time.perf_counter() - started


def outcomes(batch):
    from coalition import importing

    return importing.report(batch)[0]


def prepare(folder):
    """Files in a folder of this run."""
    from django.conf import settings

    settings.STORAGES = settings.STORAGES | {
        "private": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    }


def work(name, folder):
    """The worker whose memory is measured: brings in the imports it is told of, and says what it holds and held."""
    benchmarks.setup()
    benchmarks.attach(name)
    prepare(folder)
    from coalition.models import Import

    print("ready", flush=True)
    for line in sys.stdin:
        seconds = bring_in(Import.objects.get(pk=int(line)))
        print(seconds, *benchmarks.held(), flush=True)


def memory(bench, name, folder, size):
    """(MB over idle, rows a second) of one large list."""
    small, large = bench.upload(bench.people(200)), bench.upload(map(Someone, _take(bench.fresh, size)))
    worker = benchmarks.Worker("tests.benchmarks.imports", "--work", name, folder)
    worker.tell(small.pk)
    _seconds, idle, _peak = worker.answer().split()
    worker.tell(large.pk)
    seconds, _now, peak = worker.answer().split()
    worker.end()
    large.refresh_from_db()
    assert (large.state, outcomes(large)["new"]) == ("done", size)
    return (int(peak) - int(idle)) / 1024, size / float(seconds)


def _take(numbers, size):
    for _n in range(size):
        yield next(numbers)


def run(size, share, rounds):
    with benchmarks.own_database() as name, tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        bench = Bench(folder, known=share // 10 * 2 * (rounds + 1) + 20)
        bench.ours(share // 10)  # warm
        bench.import_export(100)
        ours, merges, exports = [], [], []
        for number in range(rounds):
            order = [(ours, lambda: bench.ours(share)), (merges, lambda: bench.merge(bench.people(share)))]
            for rates, measure in order if number % 2 else reversed(order):
                rates.append(measure())
            exports.append(bench.import_export(SAMPLE))
            benchmarks.say(
                f"round {number + 1}: {ours[-1]:.0f} rows/s, copy and merge {merges[-1]:.0f}, "
                f"import-export {exports[-1]:.0f}"
            )
        peak, rate = memory(bench, name, folder, size)
    return {
        "vs_copy_merge": round(median(a / b for a, b in zip(ours, merges, strict=True)), 2),
        "vs_import_export": round(median(a / b for a, b in zip(ours, exports, strict=True)), 1),
        "peak_mb_over_idle": round(peak, 1),
        "rows_per_second": round(median(ours)),
        "rows_per_second_at_size": round(rate),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000, help="rows of the large list")
    parser.add_argument("--round", type=int, default=20_000, help="rows of a list in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="only the last line")
    parser.add_argument("--work", nargs=2, metavar=("DATABASE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(*given.work)
        return
    benchmarks.setup()
    figures = run(given.size, given.round, given.rounds)
    if not given.json:
        for key, value in figures.items():
            benchmarks.say(f"{key:30} {value}")
    benchmarks.finish(figures)


if __name__ == "__main__":
    main()
