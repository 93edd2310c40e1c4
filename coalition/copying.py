"""Write very many rows at once, by PostgreSQL's COPY.

Constraints are checked as ever. A row that another statement may write at the same moment belongs into
`INSERT … ON CONFLICT` instead: COPY takes all rows or none.
"""

import itertools

from django.db import connection

BLOCK = 250


class _Null(str):
    """Told by what it is: a file may well say \\N."""


NULL = _Null("\\N")
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def text(value):
    """A text as one cell of a line."""
    return value.translate(_ESCAPED)


def line(*cells):
    """One line of texts. Cells that are not texts are written by whoever knows their form."""
    joined = "\t".join(cells)
    if "\\" in joined or "\n" in joined or "\r" in joined or joined.count("\t") != len(cells) - 1:
        joined = "\t".join([cell if cell is NULL else cell.translate(_ESCAPED) for cell in cells])
    return joined + "\n"


def copy(model, columns, lines):
    """Write lines (`line`, or cells with tabs between them) into the table of a model. `columns`: names of fields.

    They go as they come: the database writes the first while the next are made.
    """
    lines = iter(lines)
    block = list(itertools.islice(lines, BLOCK))
    if not block:
        return
    names = ", ".join(connection.ops.quote_name(model._meta.get_field(column).column) for column in columns)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as sink:
        while block:
            sink.write("".join(block).encode())
            block = list(itertools.islice(lines, BLOCK))


def many(values):
    """Texts or numbers as one parameter, for `string_to_array(%s, E'\\x1f')`: an array costs far more to send."""
    return "\x1f".join(map(str, values))


def ids(model, number):
    """Take that many keys out of a model's sequence, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(name) FROM (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS name OFFSET 0) sequence, "
            "generate_series(1, %s)",
            [model._meta.db_table, number],
        )
        return [pk for (pk,) in cursor.fetchall()]
