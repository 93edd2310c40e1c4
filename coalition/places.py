"""The states and territories of the United States, by the two letters that addresses carry."""

import re

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
