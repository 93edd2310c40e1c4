"""Freeze a brief for signing: every language rendered once, cleaned, reduced to canonical text, kept as a version.

An editor freezes → the publication gets its texts → partners sign that version → the public reads it.
"""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from wagtail_localize.models import Translation

from cms import navigation
from cms.models import BriefPage
from coalition import publishing
from coalition.canonical import canonical_text
from coalition.languages import join_list, name_in_text
from coalition.models import Publication
from coalition.publishing import Text

# What our own blocks make, beside what people write.
TAGS = publishing.TAGS | {
    *("caption", "details", "div", "figcaption", "figure", "footer", "rect", "section", "span", "summary", "svg"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}
ATTRIBUTES = {
    "a": {"href", "download"},
    "figure": {"class"},
    "li": {"class"},
    "p": {"class"},
    "rect": {"width", "height"},
    "section": {"class"},
    "svg": {"aria-hidden"},
    "td": {"class"},
    "th": {"class", "scope"},
    "ul": {"class"},
}
CLASSES = {"bars", "chart", "highlight", "kicker", "number", "recommendation", "source"}


def texts_of(page):
    """The newest text of a brief in every language it has, drafts included: {"en": Text, "es": Text}."""
    return {each.locale.language_code: _text(each) for each in newest(page)}


def newest(page):
    """The newest revisions of a brief and its translations, those whose locale is a language of the coalition."""
    codes = [code for code, _name in settings.LANGUAGES]
    pages = page.get_translations(inclusive=True).filter(locale__language_code__in=codes).select_related("locale")
    return [each.get_latest_revision_as_object() for each in pages.specific() if each.alias_of_id is None]


def missing(page, texts):
    """The languages without a whole text of their own: none, an empty one, a mere copy, or one half translated."""
    absent = {*publishing.unfinished(texts, settings.LANGUAGE_CODE), *_half_translated(page)}
    return [code for code, _name in settings.LANGUAGES if code in absent]


def _half_translated(page):
    """The languages whose translation is under way in the translation editor, with sentences still to do."""
    found = []
    for work in Translation.objects.filter(source__object_id=page.translation_key, enabled=True).select_related(
        "target_locale"
    ):
        total, done = work.get_progress()
        if done < total:
            found.append(work.target_locale.language_code)
    return found


@transaction.atomic
def freeze(page, *, by, material, note="", seen=None):
    """Freeze what stands now as the next version of the publication, which the first freezing makes.

    Raises ValidationError where a language has no text, nothing changed, or it is not what was `seen` (see
    `publishing.freeze`); then nothing is stored.
    """
    pages = {each.locale.language_code: each for each in newest(page)}
    texts = {code: _text(each) for code, each in pages.items()}
    if absent := missing(page, texts):
        raise ValidationError(why_not(absent), code="language")
    publication = publication_of(page, pages)
    return publishing.freeze(publication, texts, by=by, material=material, note=note, seen=seen)


def publication_of(page, pages):
    """The publication of a brief, made when there is none, and told what the brief is called now."""
    # The lock keeps two editors who press at once from making two publications.
    rows = BriefPage.objects.filter(pk__in=[each.pk for each in pages.values()]).order_by("pk").select_for_update()
    publication = next((row.publication for row in rows if row.publication_id), None) or Publication()
    source = pages.get(settings.LANGUAGE_CODE, page)
    publication.title = {code: each.title for code, each in pages.items()}
    publication.kind, publication.bill = source.kind, source.bill
    publication.public_url = navigation.public_addresses(page)
    # Only what comes from the page: its settings may be changing at this very moment.
    publication.save(update_fields=["title", "kind", "bill", "public_url"] if publication.pk else None)
    BriefPage.objects.filter(pk__in=[row.pk for row in rows]).update(publication=publication)
    return publication


def _text(page):
    language = page.locale.language_code
    return Text(
        title=page.title.strip(),
        summary=" ".join(page.summary.split()),
        html=rendered(page.body, language),
        canonical=canonical(page),
    )


def rendered(body, language):
    """The blocks as clean HTML in a language; empty when there is nothing to read."""
    with translation.override(language):
        html = "".join(render_to_string(block.block.meta.template, _context(block)).strip() + "\n" for block in body)
    return publishing.clean(
        html, tags=TAGS, attributes=ATTRIBUTES, schemes=publishing.SCHEMES | {"data"}, keep=_attribute
    )


def _context(block):
    return block.block.get_context(block.value)


def _attribute(tag, attribute, value):
    if attribute == "class":
        return " ".join(name for name in value.split() if name in CLASSES) or None
    # Of all data: addresses only our tables may pass, and only as a download.
    if attribute == "href" and value.lower().startswith("data:"):
        return value if value.startswith("data:text/csv;charset=utf-8,") else None
    return value


def canonical(page):
    """Title, summary and body as canonical text: what the hash covers."""
    paragraphs = [page.title, page.summary]
    for block in page.body:
        paragraphs += block.block.canonical(block.value)
    return canonical_text("\n\n".join(paragraphs))


def why_not(absent):
    """Why freezing must wait, in words."""
    return _(
        "The text in %(language)s is not complete yet. Translate the brief first, then freeze all languages together."
    ) % {"language": join_list(name_in_text(code) for code in absent)}
