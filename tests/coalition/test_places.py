"""Places: what a ZIP code says of where somebody lives."""

import pytest

from coalition import places


@pytest.mark.parametrize(
    ("code", "county"),
    [
        ("01103", "Hampden County"),
        ("01103-1234", "Hampden County"),
        ("55407", "Hennepin County"),
        ("00000", ""),
        ("1103", ""),
        ("", ""),
        (None, ""),
        ("１１１０３", ""),
    ],
)
def test_the_county_of_a_zip_code(code, county):
    assert places.county_of(code) == county


def test_zip_codes_within_some_miles():
    near = places.zips_within("01103", 3)
    assert "01103" in near
    assert "01105" in near
    assert "02108" not in near
    assert "02108" in places.zips_within("01103", 90)
    assert places.zips_within("01103", 0) == ("01103",)
    assert places.zips_within("00000", 10) == ()


def test_zip_codes_of_a_county_with_or_without_the_word():
    hampden = places.zips_of_county("Hampden")
    assert hampden == places.zips_of_county("hampden county", "MA")
    assert "01103" in hampden
    assert "02108" not in hampden
    assert places.zips_of_county("Hampden", "MN") == ()
    assert set(places.zips_of_county("Franklin", "MA")) < set(places.zips_of_county("Franklin"))
    assert places.zips_of_county("") == ()
