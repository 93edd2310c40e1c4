"""What the list of who signed asks of its templates."""

import json

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext, override

from coalition import languages, logos, quilt, reading

register = template.Library()
ESCAPES = {ord(sign): f"\\u{ord(sign):04X}" for sign in "<>&\u2028\u2029"}


# A list may hold thousands of names: a template for each of them takes longer than all the rest of the page.


@register.simple_tag
def organizations(lines, marked=False):
    """{% organizations group.lines marked=reading.is_marked %}: list items; who has no logo has a quilt if `marked`."""
    return format_html_join("", "<li{}>{}<span>{}{}</span></li>", (_organization(line, marked) for line in lines))


def _organization(line, marked):
    mark = signer = ""
    if line.logo:
        mark = format_html(
            '<img src="{}" alt="" width="{}" height="{}" loading="lazy">',
            logos.url_of(line.logo),
            line.logo.width,
            line.logo.height,
        )
    elif marked:
        mark = quilt.quilt_svg(quilt.digest_of(line.name), 3, 3)
    if line.signer:
        signer = format_html(' <span class="signer">{}</span>', ", ".join(filter(None, (line.signer, line.title))))
    return mark_safe(' class="marked"') if mark else "", mark, line.name, signer


@register.simple_tag
def people(lines):
    """{% people roll.individuals %}: list items of those who sign for themselves."""
    only = gettext("%(what)s (for identification only)")
    return format_html_join("", "<li>{}{}</li>", (_person(line, only) for line in lines))


def _person(line, only):
    said = format_html(' <span class="signer">{}</span>', only % {"what": line.affiliation}) if line.affiliation else ""
    return ", ".join(filter(None, (line.name, line.city))), said


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
