"""What every template may say: quilts, and dates, times and lists in the reader's language."""

import datetime
import re

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import get_language

from coalition import colours, languages, quilt

register = template.Library()
DEFAULT_BRAND = "#0E4A50"
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


@register.simple_tag(name="quilt")
def quilt_tag(digest, columns=8, rows=9, title=None):
    """{% quilt version.digest 8 9 %}: the cover drawn from a hex SHA-256."""
    return quilt.quilt_svg(digest, columns, rows, title)


@register.simple_tag
def quilt_of(name, columns=3, rows=3):
    """{% quilt_of organization.name %}: the small quilt of something that has a name but no version."""
    return quilt.quilt_svg(quilt.digest_of(str(name)), columns, rows)


@register.simple_tag
def brand_style(installation):
    """{% brand_style installation %}: the installation's own colour, made readable; nothing while it is ours."""
    colour = getattr(installation, "brand_colour", "") or DEFAULT_BRAND
    if colour.upper() == DEFAULT_BRAND or not COLOUR.fullmatch(colour):
        return ""
    rules = "".join(f"{name}:{value};" for name, value in colours.scheme(colour).items())
    return format_html("<style>@layer tokens{{:root{{{}}}}}</style>", rules)


@register.filter
def short_hash(digest):
    """{{ version.digest|short_hash }}: "9f2c 71ab"."""
    return quilt.short_hash(digest)


@register.filter
def language_in_text(code):
    """{{ person.language|language_in_text }}: "Spanish", "español", as it stands inside a sentence."""
    return languages.name_in_text(code)


@register.filter
def date_words(value):
    """{{ day|date_words }}: "5 de mayo de 2026" in the language of the page; moments by the active zone."""
    if isinstance(value, datetime.datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return languages.format_date(value, get_language()) if value else ""


@register.filter
def moment_words(value):
    """{{ email.at|moment_words }}: "5 de mayo de 2026, 3:00 p. m." by the active zone."""
    return f"{date_words(value)}, {languages.format_time(timezone.localtime(value), get_language())}" if value else ""


@register.filter
def weekday_words(value):
    """{{ day|weekday_words }}: "martes, 5 de mayo de 2026"."""
    return languages.format_weekday(value, get_language()) if value else ""


@register.filter
def when(value, zone):
    """{{ webinar.starts_at|when:webinar.zone }}: day, time and the name of the zone."""
    return languages.format_when(value, zone, get_language()) if value else ""


@register.filter
def clock(value, zone):
    """{{ webinar.starts_at|clock:webinar.zone }}: the time of day and the name of the zone."""
    return languages.format_clock(value, zone, get_language()) if value else ""


@register.filter
def local(value, zone):
    """{{ moment|local:zone|date_words }}: the moment on that zone's clock."""
    return languages.local(value, zone) if value else None


@register.filter
def day_month(value):
    """{% with value|day_month as parts %}: the day and the short month, apart."""
    return languages.format_day_month(value, get_language())


@register.filter
def joined(items):
    """{{ names|joined }}: "a, b y c"."""
    return languages.join_list(items, get_language())


@register.filter
def number(value):
    """{{ count|number }}: "18,204"."""
    return languages.format_number(value, get_language())
