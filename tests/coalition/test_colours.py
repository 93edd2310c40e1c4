"""Whatever colour an installation picks, its links and buttons can be read (L4)."""

from hypothesis import given
from hypothesis import strategies as st

from coalition.colours import INK, NIGHT, NIGHT_TINT, PAPER, READABLE, TINT, WHITE, contrast, readable_on, scheme

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06X}")


def test_black_on_white_is_21_to_1():
    assert round(contrast("#000000", "#FFFFFF"), 2) == 21.0
    assert contrast("#0E4A50", "#0E4A50") == 1.0


@given(colours)
def test_L4_words_in_the_brand_colour_can_be_read_in_both_schemes(colour):
    light, dark = scheme(colour)["--brand"].removeprefix("light-dark(").removesuffix(")").split(", ")
    assert min(contrast(light, ground) for ground in (PAPER, TINT, WHITE)) >= READABLE
    assert min(contrast(dark, ground) for ground in (NIGHT, NIGHT_TINT)) >= READABLE
    assert contrast(light, WHITE) >= READABLE
    assert contrast(dark, INK) >= READABLE


def test_a_colour_that_can_be_read_stays_as_it_is():
    assert readable_on("#0E4A50", (PAPER, TINT), "#000000") == "#0E4A50"
