"""How each language writes dates, times, zones and lists, and how it sorts names (rule L3).

Everything a person reads with a date or an order in it goes through here: pages, emails, texts, calendar files.
"""

import datetime
import re
import unicodedata
from zoneinfo import ZoneInfo

from anyascii import anyascii
from babel import dates, lists, numbers
from babel.core import Locale, UnknownLocaleError
from django.conf import settings
from django.utils.html import format_html
from django.utils.translation import get_language, get_language_info

NBSP = "\u00a0"  # keeps "3:00 p. m." and "9 de" on one line
ARTICLES = ("the", "el", "la", "los", "las")

# Babel says "hora oriental"; people in the United States say "hora del este".
SPANISH_ZONES = {
    "Eastern Time": "hora del este",
    "Central Time": "hora del centro",
    "Mountain Time": "hora de la montaña",
    "Pacific Time": "hora del Pacífico",
    "Alaska Time": "hora de Alaska",
    "Hawaii-Aleutian Time": "hora de Hawái",
    "Atlantic Time": "hora del Atlántico",
    "Arizona Time": "hora de Arizona",
}


def language_of(user):
    """The language that somebody of the staff chose for the back office, as far as it is one of ours."""
    profile = getattr(user, "wagtail_userprofile", None)
    chosen = profile.preferred_language if profile else ""
    return chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def sort_key(text):
    """A plain string to sort names by: accents folded, case and punctuation ignored, a leading article set aside (L3).

    "La Casa del Río" → "casa del rio". A name that is nothing but an article keeps it.
    """
    words = re.findall(r"[a-z0-9]+", anyascii(text).replace("'", "").lower())
    if len(words) > 1 and words[0] in ARTICLES:
        words = words[1:]
    return " ".join(words)


def _locale(language):
    """The Babel locale of a language code; the active language when none is given, English when it is unknown."""
    try:
        return Locale.parse((language or get_language() or "en").replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def _zone(zone):
    return ZoneInfo(zone) if isinstance(zone, str) else zone


def own_name(language):
    """A language as its own speakers call it, so that they find it whatever the page speaks: "Español"."""
    return get_language_info(language)["name_local"].capitalize()


def name_in_text(code, language=None):
    """A language's name inside a sentence of another: "in Spanish", "en español"."""
    return _locale(code).get_display_name(_locale(language)) or own_name(code)


def own_names():
    """[(code, its own name)] of the installation's languages, for a choice; read aloud in the language itself."""
    return [
        (code, format_html('<span lang="{}">{}</span>', code, own_name(code))) for code, _name in settings.LANGUAGES
    ]


def format_date(value, language=None):
    """ "May 5, 2026", "5 de mayo de 2026" (L3)."""
    return dates.format_date(value, "long", locale=_locale(language))


def format_weekday(value, language=None):
    """ "Tuesday, May 5, 2026", "martes, 5 de mayo de 2026"."""
    return dates.format_date(value, "full", locale=_locale(language))


def format_day_month(value, language=None):
    """The day and the short month, apart, for the date in front of a list row: ("5", "May"), ("5", "may")."""
    return str(value.day), dates.format_date(value, "MMM", locale=_locale(language)).rstrip(".")


def format_time(value, language=None):
    """ "3:00 p.m.", "3:00 p. m." (L3), with no-break spaces."""
    afternoon = value.hour >= 12
    if _locale(language).language == "es":
        half = f"p.{NBSP}m." if afternoon else f"a.{NBSP}m."
    else:
        half = "p.m." if afternoon else "a.m."
    return f"{value.hour % 12 or 12}:{value.minute:02d}{NBSP}{half}"


def zone_name(zone, language=None):
    """What people call the zone: "Eastern Time", "hora del este"."""
    zone = _zone(zone)
    if zone is datetime.UTC or str(zone) in ("UTC", "Etc/UTC"):
        return "UTC"
    if str(zone) == "America/Phoenix":
        english = "Arizona Time"  # no daylight saving: "Mountain Time" would be wrong for most of the year
    else:
        english = dates.get_timezone_name(zone, "long", locale="en", zone_variant="generic")
    locale = _locale(language)
    if locale.language == "en":
        return english
    if locale.language == "es" and english in SPANISH_ZONES:
        return SPANISH_ZONES[english]
    return dates.get_timezone_name(zone, "long", locale=locale, zone_variant="generic")


def local(value, zone):
    """An aware moment on the clock of a zone (a ZoneInfo or its name)."""
    return value.astimezone(_zone(zone))


def format_when(value, zone, language=None):
    """A moment in words, on the clock of `zone`, whose name is always shown (L3).

    "Tuesday, May 5, 2026, 3:00 p.m. Eastern Time", "martes, 5 de mayo de 2026, 3:00 p. m., hora del este".
    """
    there = local(value, zone)
    return f"{format_weekday(there, language)}, {format_clock(value, zone, language)}"


def format_clock(value, zone, language=None):
    """The time of day with its zone: "3:00 p.m. Eastern Time", "3:00 p. m., hora del este"."""
    time, name = format_time(local(value, zone), language), zone_name(zone, language)
    return f"{time}, {name}" if _locale(language).language == "es" and name != "UTC" else f"{time} {name}"


def format_number(value, language=None):
    """A number as people in the United States write it in either language: "18,204", "6.1"."""
    locale = _locale(language)
    return numbers.format_decimal(value, locale=Locale("es", "US") if locale.language == "es" else locale)


def format_lasting(value, language=None):
    """How long something takes, in its largest unit: "3 minutes", "3 minutos"."""
    return dates.format_timedelta(value, threshold=1.5, locale=_locale(language))


def join_list(items, language=None):
    """ "a, b, and c", "a, b y c"; Spanish "y" becomes "e" before the sound of "i" ("Rosa e Inés")."""
    items = [str(item) for item in items]
    locale = _locale(language)
    joined = lists.format_list(items, locale=locale) if items else ""
    if locale.language == "es" and len(items) > 1 and re.match(r"h?i(?![aeo])", _unaccented(items[-1])):
        joined = joined.removesuffix(f" y {items[-1]}") + f" e {items[-1]}"
    return joined


def _unaccented(text):
    folded = unicodedata.normalize("NFD", text.lower())
    return "".join(letter for letter in folded if not unicodedata.combining(letter))
