"""All rows that a test has written, to be put there again for another one: copied, not made anew."""

import pgtrigger
from django.db import connection, transaction

from tests.postgresql.base import KEPT


def taken():
    """{table: its rows as COPY writes them} of every table that is emptied after a test and holds something now."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True, include_views=False):
            if table not in KEPT:
                with cursor.copy(f"COPY {connection.ops.quote_name(table)} TO STDOUT") as copied:
                    found[table] = b"".join(copied)
    return {table: said for table, said in found.items() if said}


@transaction.atomic
def put(tables):
    """Write what was `taken`, in place of what these tables hold.

    Foreign keys are deferred, so the order of the tables does not matter.
    """
    with pgtrigger.ignore(), connection.cursor() as cursor:
        for table, said in tables.items():
            name = connection.ops.quote_name(table)
            cursor.execute(f"DELETE FROM {name}")
            with cursor.copy(f"COPY {name} FROM STDIN") as copied:
                copied.write(said)
