"""A crowd to measure on: people, addresses, tags and a timeline of the sizes that large coalitions reach.

Rows come from a hash of their number, so each run has the same ones; indexes are made after the rows.
"""

import contextlib

from tests import benchmarks

ENTRIES_A_PERSON = 10
TAGS = 40
# Of a hundred lines of a timeline: mostly what we sent, sometimes what people did.
KINDS = {
    "message": 62, "import": 10, "edit": 8, "reply": 5, "answer": 5, "registration": 4, "attendance": 3,
    "signature": 1, "note": 2,
}  # fmt: skip
_PLACES = """
    Springfield,MA,01103 Holyoke,MA,01040 Boston,MA,02118 Worcester,MA,01608 Lowell,MA,01852 Lawrence,MA,01841
    Chelsea,MA,02150 Brockton,MA,02301 Minneapolis,MN,55407 Winona,MN,55987 Duluth,MN,55802 Moorhead,MN,56560
    Worthington,MN,56187 Rochester,MN,55901 Providence,RI,02903 Hartford,CT,06103
"""
_GIVEN = """
    Marisol Ana Luz Jorge Mai Tou Fatima Ayaan Grace Peter Nora Emeka Rosa Daniel Chue Ines Paul Ada Hodan Luis
"""
_FAMILY = """
    Ibáñez Núñez Ortiz Reyes Vang Xiong Warsame Ali Okafor Larson Nguyen Silva Rivera Cruz Lee Olson Brown Diaz Moua
    Santos Johnson Garcia Abdi Thao Costa Peña Haddad Kim Walsh Sousa
"""
PLACES = [tuple(place.split(",")) for place in _PLACES.split()]
GIVEN, FAMILY = _GIVEN.split(), _FAMILY.split()


def array(values):
    return "ARRAY[" + ",".join(f"'{value}'" for value in values) + "]"


def place(part):
    return f"({array(place[part] for place in PLACES)})[1 + {h(3, len(PLACES))}]"


def h(seed, below):
    """A number from 0 up to `below`, from a hash of the row's number n."""
    return f"((hashint8extended(n, {seed}) & 2147483647) % {below})"


@contextlib.contextmanager
def database(keep=""):
    """A database of this run alone; or, to work on what is slow, one that stays and is filled on first use."""
    from django.db import connection

    if not keep:
        with benchmarks.own_database() as name:
            yield name
        return
    connection.settings_dict["TEST"]["NAME"] = keep
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False, keepdb=True)
    yield keep


def fill(people, *, entries=None):
    """People with addresses, tags and a timeline; nothing where there are as many already. Returns their number."""
    from anyascii import anyascii
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM coalition_person")
        if cursor.fetchone()[0] == people:
            return people
        entries = people * ENTRIES_A_PERSON if entries is None else entries
        tables = ["coalition_person", "coalition_address", "coalition_tagging", "coalition_entry"]
        with _without_indexes(cursor, tables):
            given, family = f"({array(GIVEN)})[1 + {h(1, len(GIVEN))}]", f"({array(FAMILY)})[1 + {h(2, len(FAMILY))}]"
            folded = [anyascii(name).lower() for name in FAMILY]
            benchmarks.say(f"writing {people:,} people")
            cursor.execute(
                f"""
                INSERT INTO coalition_person (id, name, given_name, family_name, language, street, city, county, state,
                    zip, time_zone, custom, search, created_at, updated_at, last_active_at)
                SELECT n, {given} || ' ' || {family} || ' ' || n, {given}, {family} || ' ' || n,
                    CASE WHEN {h(4, 3)} = 0 THEN 'es' ELSE 'en' END,
                    '', {place(0)}, '', {place(1)}, {place(2)}, '', '{{}}',
                    lower({given}) || ' ' || ({array(folded)})[1 + {h(2, len(FAMILY))}] || ' ' || n,
                    now() - interval '3 years' * (1 - n::float / {people}), now(),
                    CASE WHEN {h(5, 3)} > 0 THEN now() - interval '1 day' * {h(6, 1000)} END
                FROM generate_series(1, {people}) n
                """
            )
            cursor.execute(
                f"""
                INSERT INTO coalition_address (person_id, channel, value, "primary", consent, fault, created_at)
                SELECT n, 'email', 'person' || n || '@people.example.org', true,
                    CASE WHEN {h(7, 10)} < 6 THEN 'granted' WHEN {h(7, 10)} < 9 THEN 'none' ELSE 'withdrawn' END,
                    CASE WHEN {h(8, 50)} = 0 THEN 'bounced' ELSE '' END, now()
                FROM generate_series(1, {people}) n WHERE {h(9, 10)} < 9
                UNION ALL
                SELECT n, 'phone', '+1413' || lpad(n::text, 7, '0'), true,
                    CASE WHEN {h(10, 10)} < 3 THEN 'granted' ELSE 'none' END, '', now()
                FROM generate_series(1, {people}) n WHERE {h(11, 2)} = 0
                """
            )
            cursor.execute(
                "INSERT INTO coalition_tag (id, name, slug)"
                f" SELECT n, 'Tag ' || n, 'tag ' || n FROM generate_series(1, {TAGS}) n"
            )
            # The first tags are on many people, the last on few.
            cursor.execute(
                f"""
                INSERT INTO coalition_tagging (person_id, tag_id, at)
                SELECT n, t, now() FROM generate_series(1, {people}) n, generate_series(1, {TAGS}) t
                WHERE (hashint8extended(n, 100 + t) & 2147483647) % (3 * t) = 0 AND t <= 8
                    OR (hashint8extended(n, 100 + t) & 2147483647) % (40 * t) = 0 AND t > 8
                """
            )
            benchmarks.say(f"writing {entries:,} lines of their timelines")
            kinds = array(kind for kind, share in KINDS.items() for _one in range(share))
            cursor.execute(
                f"""
                INSERT INTO coalition_entry (person_id, kind, text, link, at)
                SELECT 1 + {h(20, people)}, ({kinds})[1 + {h(22, 100)}],
                    '{{"en": "Got the message", "es": "Recibió el mensaje"}}', '',
                    now() - interval '1 second' * {h(21, 3 * 365 * 86400)}
                FROM generate_series(1, {entries}) n
                """
            )
            for table in ("coalition_person", "coalition_tag"):
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
        benchmarks.say("vacuuming")
        cursor.execute("VACUUM (ANALYZE)")
    return people


@contextlib.contextmanager
def _without_indexes(cursor, tables):
    """Rows first, then their indexes: many times faster. Keys and unique ones stay."""
    cursor.execute(
        """
        SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
        WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indisprimary
            AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
        """,
        [tables],
    )
    indexes = cursor.fetchall()
    for name, _definition in indexes:
        cursor.execute(f"DROP INDEX {name}")
    keys = _foreign_keys(cursor, tables)
    for table, name, _definition in keys:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    benchmarks.say("making the indexes")
    cursor.execute("SET maintenance_work_mem = '512MB'")
    for _name, definition in indexes:
        cursor.execute(definition)
    for table, name, definition in keys:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID")
    cursor.execute("RESET maintenance_work_mem")


def _foreign_keys(cursor, tables):
    cursor.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid = ANY(%s::regclass[])",
        [tables],
    )
    return cursor.fetchall()


def drop(name):
    """Drop a database that another process made and left."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
