"""Logs: what others write may hold what ours never does; it is taken out before anything is written."""

import traceback

import pytest
from django.db import IntegrityError

from coalition.logs import mask
from coalition.models import Person


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Key (value)=(ana@example.org) already exists.", "Key (value)=([email]) already exists."),
        ("carrier refused +14135550143", "carrier refused [phone]"),
        (
            "Internal Server Error: /es/preferencias/MTI:1vMabc:Zk9-0_kLmNoPqRsTuVwXyZ/stop/",
            "Internal Server Error: /es/preferencias/[token]/stop/",
        ),
        ("Internal Server Error: /u/MTI:1vMabc:Zk9-0_kLmNoPqRsTuVwXyZ/", "Internal Server Error: /u/[token]/"),
        ("/usr/lib/python3.11/site-packages/django/db/models/query.py", None),
        ("Task coalition.tasks.sweep[8f2a] succeeded in 0.01s", None),
    ],
)
def test_addresses_numbers_and_personal_links_are_masked(written, kept):
    assert mask(None, "info", {"event": written, "number": 3}) == {"event": kept or written, "number": 3}


def test_the_row_that_a_database_refused_is_not_written(db):
    """PostgreSQL repeats it whole: names, streets, notes with lines of their own."""
    details = {"name": "Zoraida Quebracho", "street": "12 Calle\nDel Sol", "language": None}
    try:
        Person.objects.create(**details)
    except IntegrityError:
        told = mask(None, "error", {"event": "unexpected", "exception": traceback.format_exc()})["exception"]
    assert not any(word in told for word in ("Zoraida", "Calle", "Del Sol"))
    assert told.count("DETAIL: [row]") == 2  # the driver's error, and Django's that follows from it
    assert "The above exception was the direct cause" in told
    assert 'null value in column "language"' in told
