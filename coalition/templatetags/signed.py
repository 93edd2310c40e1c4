"""What the list of who signed asks of its templates."""

import json

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import override

from coalition import languages, logos, reading

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
def snippets(publication):
    """{% snippets publication as ways %}: [(language, HTML to copy)] that shows the list on another page."""
    return [(languages.own_name(code), _frame(publication, code)) for code, _name in settings.LANGUAGES]


def _frame(publication, language):
    with override(language):
        address = settings.PUBLIC_URL + reverse("publication_embed", args=[publication.pk])
    return format_html(
        '<iframe src="{}" title="{}" lang="{}" width="100%" height="480" loading="lazy" style="border:0"></iframe>',
        address,
        publication.title.localize(language),
        language,
    )
