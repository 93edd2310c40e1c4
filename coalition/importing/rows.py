"""The rows of a file, chunk by chunk, as people."""

import itertools

from coalition import reading_files
from coalition.reading_people import Reader

CHUNK = 500


def rows_of(batch, file, *, skip=0):
    reader = Reader(reading_files.header(file, batch.encoding, batch.delimiter), batch.mapping, batch.options)
    for line, cells in reading_files.rows(file, batch.encoding, batch.delimiter, skip=skip):
        yield reader.read(line, cells)


def chunks_of(rows):
    while chunk := list(itertools.islice(rows, CHUNK)):
        yield chunk
