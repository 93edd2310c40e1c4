"""The frame around every page: the menu of its language, the same page in the other languages, its public address."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Coalesce
from django.urls import is_valid_path, translate_url
from django.utils.translation import get_language
from wagtail.models import Page

from campaigns import archiving
from coalition import languages, reading


@dataclass
class Link:
    title: str
    url: str
    current: bool = False


@dataclass
class Alternate:
    language: str
    name: str
    url: str
    published: bool = True


@dataclass
class Frame:
    home: str
    menu: list[Link] = field(default_factory=list)
    footer: list[Link] = field(default_factory=list)
    alternates: list[Alternate] = field(default_factory=list)
    canonical: str = ""
    versions: list[Alternate] = field(default_factory=list)
    """Published translations with absolute addresses, itself included: what hreflang names (L1)."""

    @property
    def default(self):
        """Where a reader of any other language is sent: x-default."""
        return next((v.url for v in self.versions if v.language == settings.LANGUAGE_CODE), None)


def frame(request, page=None, given=None, published=None):
    """The frame of `page`, or of a view of ours when there is no page. `given` maps languages to addresses.

    `published`: the same for a view whose page is public in each of these languages, as hreflang names them (L1).
    """
    language = get_language() or settings.LANGUAGE_CODE
    here = request.path if request else ""
    built = Frame(home=f"/{language}/")
    for entry in _entries(language):
        url = entry.get_url(request)
        if url is None:
            continue
        if entry.is_home:
            built.home = url
            continue
        link = Link(entry.title, url, current=here.startswith(url))
        if entry.show_in_menus:
            built.menu.append(link)
        if entry.in_footer:
            built.footer.append(link)

    urls = published or given or {}
    absolute = [Alternate(code, "", public(url)) for code, url in (published or {}).items()]
    if page is not None and not urls:
        rest = here.removeprefix(page.get_url(request) or "\0") if request else ""
        for translation in page.get_translations(inclusive=True).live().select_related("locale"):
            url = translation.get_url(request)
            if url:
                # A page may serve more than one address below its own (an earlier version): stay there too.
                url += rest if rest != here else ""
                urls[translation.locale.language_code] = url
                absolute.append(Alternate(translation.locale.language_code, "", public(url)))
    elif request and not urls and is_one_of_ours(request):
        urls = {code: translate_url(request.get_full_path(), code) for code, _name in settings.LANGUAGES}
    for code, _words in settings.LANGUAGES:
        if code != language:
            url = urls.get(code, f"/{code}/")
            built.alternates.append(Alternate(code, languages.own_name(code), url, code in urls))
    built.versions = sorted(absolute, key=lambda v: v.language)
    if (page is not None or published) and language in urls:
        built.canonical = public(urls[language])
    return built


def public(url):
    """An address of this site as the world knows it."""
    parts = urlsplit(url)
    return settings.PUBLIC_URL + parts.path + (f"?{parts.query}" if parts.query else "")


def public_addresses(page):
    """Where the world finds a page and its published translations: {"en": "https://…", "es": "https://…"}.

    What Wagtail shows only behind a password or to who signed in is nowhere.
    """
    found = {}
    for translation in page.get_translations(inclusive=True).live().public().select_related("locale"):
        if url := translation.get_url():
            found[translation.locale.language_code] = public(url)
    return found


def sitemap():
    """Every published page, then every publication that stands alone and every alert in the archive.

    [(address, changed at, {language: address})]
    """
    pages = Page.objects.live().public().filter(depth__gt=1).select_related("locale").order_by("path")
    found, families = [], {}
    for page in pages:
        if url := page.get_url():
            family = families.setdefault(page.translation_key, {})
            family[page.locale.language_code] = public(url)
            found.append((public(url), page.last_published_at, family))
    for publication in reading.newest_stand_alone(settings.LANGUAGE_CODE):
        codes = [code for code, _name in settings.LANGUAGES]
        family = {code: reading.address(publication, code) for code in codes}
        found += [(family[code], publication.cover.version.frozen_at, family) for code in codes]
    return found + archiving.sitemap()


def is_one_of_ours(request):
    """Whether a view with a name answers here, rather than Wagtail's catch-all (which may have found nothing)."""
    match = request.resolver_match
    return bool(match and match.url_name != "wagtail_serve" and is_valid_path(request.path_info))


def _entries(language):
    """The home page of a language and the pages right below it, in their order, with one query."""
    return (
        Page.objects.live()
        .filter(locale__language_code=language, depth__in=(2, 3))
        .annotate(
            is_home=ExpressionWrapper(Q(depth=2), output_field=BooleanField()),
            in_footer=Coalesce("textpage__in_footer", False),
        )
        .order_by("path")
    )
