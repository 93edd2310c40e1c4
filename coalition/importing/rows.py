"""The rows of a file, chunk by chunk, as people: the next chunk is read while the database works on this one."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from coalition import consent, reading_people
from coalition.models.people import words_of

CHUNK = 2500  # rows that are matched and written together: some megabytes, and less than a second


def rows_of(batch, file, *, skip=0):
    for row in reading_people.rows_of(batch, file, skip=skip):
        row.words = tuple(words_of(row.details["name"])) if "name" in row.details else ()
        yield row


class Rows(list):
    """A chunk of rows, with whatever they may be matched by, ready to be asked of the database."""

    def __init__(self, rows):
        super().__init__(rows)
        taken = [row for row in self if not row.refused]
        self.keys = {key for row in taken for key in row.addresses}
        self.digests = consent.digests(self.keys)
        self.externals = [row.external for row in taken if row.external]
        named = (row for row in taken if row.words and row.details.get("zip"))
        self.names = {(" ".join(row.words)[:300], row.details["zip"]) for row in named}


def chunks_of(rows):
    while chunk := Rows(itertools.islice(rows, CHUNK)):
        yield chunk


def chunks_ahead(batch, file, *, skip=0, most=None):
    """Chunks of rows, at most so many, each read by a thread while the one before is worked on. Close it when done.

    The thread reads the file and nothing else: it must never ask the database, where it would have a connection of its
    own. So whatever reading needs of it is loaded with the first row, here.
    """
    with closing(rows_of(batch, file, skip=skip)) as rows:
        first = list(itertools.islice(rows, 1))
        chunks = itertools.islice(chunks_of(itertools.chain(first, rows)), most)
        with ThreadPoolExecutor(1, "reading") as reader:
            following = reader.submit(next, chunks, None)
            while chunk := following.result():
                following = reader.submit(next, chunks, None)
                yield chunk
