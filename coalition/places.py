"""Places of the United States: states by the two letters that addresses carry, ZIP codes with their county and spot."""

import re
import subprocess
import sys
from array import array
from bisect import bisect_left
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt

STATES = {
    "AL": "Alabama",
    "AK": "Alaska",
    "AZ": "Arizona",
    "AR": "Arkansas",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DE": "Delaware",
    "DC": "District of Columbia",
    "FL": "Florida",
    "GA": "Georgia",
    "HI": "Hawaii",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "IA": "Iowa",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "ME": "Maine",
    "MD": "Maryland",
    "MA": "Massachusetts",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MS": "Mississippi",
    "MO": "Missouri",
    "MT": "Montana",
    "NE": "Nebraska",
    "NV": "Nevada",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "PR": "Puerto Rico",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VT": "Vermont",
    "VI": "Virgin Islands",
    "VA": "Virginia",
    "WA": "Washington",
    "WV": "West Virginia",
    "WI": "Wisconsin",
    "WY": "Wyoming",
    "AS": "American Samoa",
    "GU": "Guam",
    "MP": "Northern Mariana Islands",
}
CHOICES = [(code, f"{name} ({code})") for code, name in sorted(STATES.items(), key=lambda state: state[1])]
_BY_NAME = {name.lower(): code for code, name in STATES.items()}


def state_code(text):
    """The two letters of a state written in any common way: "ma", "Mass.", "Massachusetts"; "" if it is none."""
    text = (text or "").strip().rstrip(".")
    if text.upper() in STATES:
        return text.upper()
    return {"mass": "MA", "minn": "MN"}.get(text.lower()) or _BY_NAME.get(text.lower(), "")


def zip_code(text):
    """A ZIP code as we keep it, "02108" or "02108-1234"; a spreadsheet's "2108" gets its zero back. "" if none."""
    found = re.fullmatch(r"(\d{3,5})(?:-?(\d{4}))?", (text or "").strip().removesuffix(".0"))
    if not found:
        return ""
    return found[1].zfill(5) + (f"-{found[2]}" if found[2] else "")


# Counties and distances, from the list of ZIP codes that the `zipcodes` package carries.

EARTH = 3958.8  # miles from the middle to the surface
MILES_A_DEGREE = EARTH * radians(1)
# The package keeps 60 MB for as long as its process lives; a process of its own hands over what is needed, and is gone.
_TELL = """
import zipcodes
for z in sorted(zipcodes.list_all(), key=lambda z: z["zip_code"]):
    print(z["zip_code"], z["lat"], z["long"], z["state"], z["county"], sep="|")
"""


class _Zips:
    """Every ZIP code in order, in less than a megabyte."""

    def __init__(self, lines):
        self.codes, self.latitudes, self.longitudes, self.counties = array("l"), array("f"), array("f"), array("H")
        numbers = {}
        for line in lines:
            code, latitude, longitude, state, county = line.split("|")
            self.codes.append(int(code))
            self.latitudes.append(float(latitude))
            self.longitudes.append(float(longitude))
            self.counties.append(numbers.setdefault((state, county), len(numbers)))
        self.names = list(numbers)  # (state, county)

    def find(self, code):
        """Where a ZIP code stands, or None."""
        if not re.fullmatch(r"[0-9]{5}(-[0-9]{4})?", code or ""):
            return None
        at = bisect_left(self.codes, int(code[:5]))
        return at if at < len(self.codes) and self.codes[at] == int(code[:5]) else None


@lru_cache(maxsize=1)
def _zips():
    told = subprocess.run([sys.executable, "-c", _TELL], check=True, capture_output=True, text=True).stdout
    return _Zips(told.splitlines())


def county_of(code):
    """The county of a ZIP code, such as "Hampden County"; "" where there is none or it is not known."""
    zips = _zips()
    at = zips.find(code)
    return "" if at is None else zips.names[zips.counties[at]][1]


def state_of(code):
    """The state of a ZIP code, such as "MA"; "" if it is not known."""
    zips = _zips()
    at = zips.find(code)
    return "" if at is None else zips.names[zips.counties[at]][0]


def is_known_zip(code):
    return _zips().find(code) is not None


@lru_cache(maxsize=256)
def zips_within(code, miles):
    """ZIP codes whose middle lies within some miles of the middle of one, that one with them; () if it is unknown."""
    zips = _zips()
    at = zips.find(code)
    if at is None:
        return ()
    latitude, longitude = zips.latitudes[at], zips.longitudes[at]
    band, near = miles / MILES_A_DEGREE, []
    for number, other in enumerate(zips.latitudes):
        if abs(other - latitude) <= band and (
            _miles(latitude, longitude, other, zips.longitudes[number]) <= miles or number == at
        ):
            near.append(f"{zips.codes[number]:05}")
    return tuple(near)


def _miles(latitude, longitude, other_latitude, other_longitude):
    """Along the surface (haversine formula)."""
    north, east = radians(other_latitude - latitude), radians(other_longitude - longitude)
    half = sin(north / 2) ** 2 + cos(radians(latitude)) * cos(radians(other_latitude)) * sin(east / 2) ** 2
    return 2 * EARTH * asin(sqrt(half))


def bare_county(county):
    return county.casefold().removesuffix(" county").removesuffix(" parish").removesuffix(" municipio").strip()


@lru_cache(maxsize=256)
def zips_of_county(county, state=""):
    """ZIP codes of a county, with or without the word: "Hampden", "Hampden County"."""
    zips = _zips()
    wanted = {
        number
        for number, (its_state, name) in enumerate(zips.names)
        if name and bare_county(name) == bare_county(county) and state in ("", its_state)
    }
    return tuple(f"{code:05}" for code, own in zip(zips.codes, zips.counties, strict=True) if own in wanted)
