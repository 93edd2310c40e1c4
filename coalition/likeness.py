"""How alike two people are: names with their order, initials and short forms, addresses, places; and the keys under
which somebody is found again. Another first name is another person, whatever address a family shares.
"""

from dataclasses import dataclass, field
from hashlib import blake2b

from django.utils.translation import gettext_lazy as _
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.fuzz import ratio

from coalition.models.people import words_of
from coalition.nicknames import full_forms

SHARED_MAILBOXES = {"admin", "contact", "director", "family", "hello", "info", "mail", "office", "school", "team"}
TITLES = {"dr", "dra", "mr", "mrs", "ms", "mx", "prof", "rev", "don", "dona", "sra", "srta"}
GENERATIONS = {"jr", "sr", "ii", "iii", "iv", "hijo"}

REASONS = {
    "email": _("same email"),
    "phone": _("same phone"),
    "phone_end": _("same last seven digits of the phone"),
    "email_name": _("same email name at another provider"),
    "name": _("same name"),
    "alike": _("names %(percent)s %% alike"),
    "nickname": _("one is a short form of the other name"),
    "initial": _("the initial fits"),
    "nameless": _("one record has no name"),
    "street": _("same street address"),
    "zip": _("same ZIP code"),
    "city": _("same city"),
    "one_form": _("one form named both addresses"),
    "certain": _("nothing speaks against it"),
}


def reason_words(codes):
    """["email", "alike:92"] → "same email", "names 92 % alike", in the reader's language."""
    words = []
    for code in codes:
        name, _colon, number = code.partition(":")
        if name in REASONS:
            text = str(REASONS[name])
            words.append(text % {"percent": number} if number else text)
    return words


# What somebody looks like


@dataclass(slots=True)
class Looks:
    """What of a person is compared, folded once."""

    pk: int
    words: list
    given: list
    family: list
    generation: str
    city: str = ""
    zip: str = ""
    street: str = ""
    emails: set = field(default_factory=set)
    phones: set = field(default_factory=set)

    @property
    def firsts(self):
        return full_forms(self.given[0]) if self.given else set()


def looks_of(pk, name, given, family, city, code, street):
    """Read a name in its parts, whichever of them are filled in."""
    given, family = words_of(given), words_of(family)
    if "," in name and not family:  # "García, Ana"
        last, _comma, first = name.partition(",")
        given, family = words_of(first), words_of(last)
    words = words_of(name) or [*given, *family]
    generation = next((word for word in reversed(words) if word in GENERATIONS and word != words[0]), "")
    clean = [word for word in words if word != generation and word not in TITLES] or words
    family = [word for word in family if word != generation]
    if not family:
        given, family = clean[:1], clean[1:]
        if len(clean) > 3:  # two first names and two last names
            given, family = clean[:-2], clean[-2:]
    given = [word for word in given if word not in TITLES] or [w for w in clean if w not in family][:1]
    return Looks(pk, clean, given, family, generation, " ".join(words_of(city)), code[:5], " ".join(words_of(street)))


def keys_of(looks):
    """The keys under which somebody is found again: hashes, so that they hold nothing to read."""
    keys = {f"a{value}" for value in (*looks.emails, *looks.phones)}
    firsts = looks.firsts
    initials = {first[0] for first in firsts}
    keys |= {f"p{phone[-7:]}:{first}" for phone in looks.phones for first in firsts}
    for email in looks.emails:
        mailbox = email.partition("@")[0]
        if len(mailbox) > 4 and mailbox not in SHARED_MAILBOXES:
            keys |= {f"e{mailbox}:{initial}" for initial in initials}
    for last in {*looks.family[:1], *looks.family[-1:], "".join(looks.family)} - {""}:
        for place in filter(None, (looks.zip, looks.city)):
            keys |= {f"l{last}:{place}:{initial}" for initial in initials}
            keys |= {f"f{last}:{place}:{first}" for first in firsts}
    if len(looks.words) > 1:
        name = " ".join(sorted(looks.words))
        keys |= {f"n{name}", f"m{name}:{looks.zip}"}
    return {_hash(key) for key in keys}


def _hash(key):
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True)


# How alike two are


def compare(one, other):
    """(likeness out of 100, codes of REASONS). 0 where first names, or junior and senior, are clearly two people."""
    name, reasons = _compare_names(one, other)
    if name is None:
        return 0, []
    score = 0.45 * name
    emails, phones = one.emails & other.emails, one.phones & other.phones
    if emails:
        score, reasons = score + 40, [*reasons, "email"]
    elif {e.partition("@")[0] for e in one.emails} & {e.partition("@")[0] for e in other.emails} - SHARED_MAILBOXES:
        score, reasons = score + 18, [*reasons, "email_name"]
    if phones:
        score, reasons = score + 35, [*reasons, "phone"]
    elif {p[-7:] for p in one.phones} & {p[-7:] for p in other.phones}:
        score, reasons = score + 18, [*reasons, "phone_end"]
    score, reasons, elsewhere = _compare_places(one, other, score, reasons)
    agree = one.generation == other.generation and not elsewhere and (phones or not (one.phones and other.phones))
    if "name" in reasons and emails and agree and len(one.words) > 1:
        reasons.append("certain")
    return min(100, round(score)), reasons


def _compare_places(one, other, score, reasons):
    elsewhere = False
    if one.zip and other.zip:
        same = one.zip == other.zip
        score, elsewhere = score + (15 if same else -5), not same
        reasons += ["zip"] if same else []
    if one.city and other.city:
        same = one.city == other.city or ratio(one.city, other.city) >= 90
        score, elsewhere = score + (8 if same else -5), elsewhere or not same
        reasons += ["city"] if same else []
    if one.street and other.street:
        same = ratio(one.street, other.street) >= 90
        score, elsewhere = score + (20 if same and not elsewhere else 0), elsewhere or not same
        reasons += ["street"] if same else []
    if not (one.zip and other.zip) and not (one.city and other.city) and "name" in reasons:
        score += 15  # the same name, and no place speaks against it
    return score, reasons, elsewhere


def _compare_names(one, other):
    """(how alike, out of 100, or None where they are clearly two people; reasons)."""
    if not one.words or not other.words:
        return 70, ["nameless"]
    if one.generation and other.generation and one.generation != other.generation:
        return None, []
    less = 12 if one.generation != other.generation else 0
    if one.words == other.words or sorted(one.words) == sorted(other.words):
        return 100 - less, ["name"]
    first, reasons = _compare_firsts(one, other)
    if first is None:
        return None, []
    last = _compare_lasts(one.family, other.family) if one.family and other.family else 40
    alike = round((first + last) / 2) - less
    return alike, [f"alike:{alike}", *reasons]


def _compare_lasts(a, b):
    if a[0] == b[0] and 1 in (len(a), len(b)):
        return 100 if a == b else 97  # one of two last names: mostly the first stands alone
    if {*a} < {*b} or {*b} < {*a}:
        return 90
    return ratio(" ".join(a), " ".join(b))


def _compare_firsts(one, other):
    if not one.given or not other.given:
        return 60, []
    a, b = one.given[0], other.given[0]
    if a == b:
        return (None, []) if _middles_differ(one, other) else (100, [])
    if 1 in (len(a), len(b)):
        return (88, ["initial"]) if a[0] == b[0] else (None, [])
    if one.firsts & other.firsts:
        return 93, ["nickname"]
    if {w for w in one.given if len(w) > 1} & {w for w in other.given if len(w) > 1}:
        return 85, []
    alike = JaroWinkler.similarity(a, b)
    return (alike * 100, []) if alike >= 0.87 else (None, [])


def _middles_differ(one, other):
    """María Elena Peña and María José Peña: two people, however their names were typed into boxes."""
    a, b = one.words, other.words
    between = len(a) == len(b) == 3 and a[0] == b[0] and a[2] == b[2] and not _fit(a[1], b[1])
    seconds = one.given[1:2] + other.given[1:2]
    return between or (len(seconds) == 2 and not _fit(*seconds))


def _fit(a, b):
    if 1 in (len(a), len(b)):
        return a[0] == b[0]
    return bool(full_forms(a) & full_forms(b)) or JaroWinkler.similarity(a, b) >= 0.87
