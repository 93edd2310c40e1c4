"""The quilt is the face of a hash: the same for ever, another for every other text, never a patch that vanishes."""

import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from coalition.quilt import digest_of, patches, quilt_svg, short_hash

PINNED = "7fade31f85dcb3aacd7a9058adbc999c6516e546bedf412c6c231407af111e40"
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


def test_the_same_hash_gives_the_same_quilt_for_ever():
    drawn = quilt_svg(digest_of("Every reader by third grade"), 8, 9)
    assert hashlib.sha256(drawn.encode()).hexdigest() == PINNED


@given(digests, st.integers(0, 255))
def test_one_changed_bit_changes_the_quilt(digest, bit):
    changed = f"{int(digest, 16) ^ (1 << bit):064x}"
    assert list(patches(digest, 8, 9)) != list(patches(changed, 8, 9))


@given(digests)
def test_no_patch_has_one_colour_twice(digest):
    drawn = list(patches(digest, 8, 9))
    assert len(drawn) == 72
    assert [patch for patch in drawn if patch[3] is not None and patch[2] == patch[5]] == []


@given(digests, st.integers(1, 9), st.integers(1, 9))
def test_a_quilt_has_the_size_that_was_asked_for(digest, columns, rows):
    assert {(column, row) for column, row, *_ in patches(digest, columns, rows)} == {
        (column, row) for column in range(columns) for row in range(rows)
    }
    assert f'viewBox="0 0 {columns * 40} {rows * 40}"' in quilt_svg(digest, columns, rows)


def test_a_quilt_is_decoration_unless_it_has_a_title():
    digest = digest_of("a")
    assert re.findall(r'aria-[a-z]+="[^"]*"', quilt_svg(digest, 3, 3)) == ['aria-hidden="true"']
    titled = quilt_svg(digest, 3, 3, title='Version 3 of "A & B"')
    assert re.findall(r'aria-[a-z]+="[^"]*"', titled) == ['aria-label="Version 3 of &quot;A &amp; B&quot;"']


def test_the_short_hash_is_the_first_eight_digits_in_two_groups():
    assert short_hash("9f2c71ab" + "0" * 56) == "9f2c 71ab"
