"""What we never keep (rule P1): numbers of social security, licences, bank accounts and cards; as field or as word.

A field that asks for one is refused when it is defined, and a text that holds one when it is entered or imported.
"""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from coalition.models.people import words_of

# Folded words (no accents, case or punctuation, one blank between) for what 201 CMR 17 calls personal information.
ASKS = [
    (_("a Social Security number"), r"ssn|itin|social sec(urity)?|(numero|no) de seguro|seguro social|nss"),
    (
        _("a driver's licence or identity card number"),
        r"drivers? s? ?licen[cs]es?|driving licen[cs]es?|licencias? (de|para) (conducir|manej[oa]r?)|"
        r"(state|government) (issued )?id( card)?( number)?|licen[cs]e (no|number) (of )?driver|dl number",
    ),
    (
        _("a bank account number"),
        r"(bank|checking|savings) accounts?|accounts? (no|num|numbers?)|routing (no|num|numbers?)|"
        r"iban|aba number|cuentas? (bancarias?|de banco|de ahorros?|corrientes?)|(numero|no) de (cuenta|ruta)",
    ),
    (
        _("a card number"),
        r"(credit|debit|bank) cards?|cards? (no|num|numbers?)|cvv|cvc|"
        r"tarjetas? (de )?(credito|debito|bancarias?)|(numero|no) de (la )?tarjeta",
    ),
]
ASKS = [(what, re.compile(rf"\b({words})\b")) for what, words in ASKS]

SSN = re.compile(r"(?<![\d-])\d{3}([-–. ])\d{2}\1\d{4}(?![\d-])")
DIGITS = re.compile(r"\d(?:[ -]?\d)+")


def asked_for(*texts):
    """What a label, key or hint asks for that we never keep, in words; empty when it asks for nothing of the kind."""
    for text in texts:
        folded = " ".join(words_of(str(text or "")))
        for what, words in ASKS:
            if words.search(folded):
                return what
    return ""


def held_in(text):
    """What a text seems to hold that we never keep, in words; empty for an ordinary text."""
    if SSN.search(text):
        return _("a Social Security number")
    for run in DIGITS.findall(text):
        digits = [int(c) for c in run if c.isdigit()]
        if 13 <= len(digits) <= 19 and digits[0] in (2, 3, 4, 5, 6) and _luhn(digits):
            return _("a card number")
    return ""


def _luhn(digits):
    doubled = [d * 2 - 9 * (d > 4) if i % 2 else d for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def refuse_words(text):
    """Raises ValidationError when a text seems to hold what we never keep."""
    if what := held_in(text):
        raise ValidationError(
            _("This looks like %(what)s. Leave it out: the coalition never keeps one."),
            code="P1",
            params={"what": what},
        )
