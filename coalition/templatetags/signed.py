"""What the list of who signed asks of its templates."""

import json

from django import template
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from coalition import logos, reading

register = template.Library()
ESCAPES = {ord(sign): f"\\u{ord(sign):04X}" for sign in "<>&\u2028\u2029"}


@register.filter
def logo_url(logo):
    """{{ line.logo|logo_url }}: where the picture is found."""
    return logos.url_of(logo)


@register.simple_tag
def structured(found, publisher):
    """{% structured reading installation.name %}: the page for search engines, as data that no browser runs."""
    data = json.dumps(reading.structured(found, str(publisher)), ensure_ascii=False, separators=(",", ":"))
    # A name may hold "</script>": what could end the element is written as JSON's own escapes.
    return format_html('<script type="application/ld+json">{}</script>', mark_safe(data.translate(ESCAPES)))  # noqa: S308





@register.simple_tag
def snippet(address, title):
    """{% snippet address title %}: the HTML that shows the list on another page, to copy."""
    return format_html(
        '<iframe src="{}" title="{}" width="100%" height="480" loading="lazy" style="border:1px solid #ccc"></iframe>',
        address,
        title,
    )
