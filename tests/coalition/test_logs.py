"""Logs: what others write may hold what ours never does; it is taken out before anything is written."""

import pytest

from coalition.logs import mask


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
