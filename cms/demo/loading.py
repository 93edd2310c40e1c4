"""Plant the demo's page trees, English and Spanish, from the TOML files beside this one."""

import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from wagtail.models import Locale, Page, Site

from campaigns.models import Webinar
from cms.models import BriefIndexPage, BriefPage, HomePage, TextPage, WebinarIndexPage, WebinarPage

FOLDER = Path(__file__).resolve().parent
LANGUAGES = ("en", "es")
LEARN = {"en": "What you will take home", "es": "Lo que se llevará a casa"}


def read(path):
    with path.open("rb") as file:
        return tomllib.load(file)


@transaction.atomic
def load_pages():
    """Both trees, with every page's translation beside it. Returns the briefs, {English slug: {language: page}}."""
    words = read(FOLDER / "pages.toml")
    locales = {code: Locale.objects.get_or_create(language_code=code)[0] for code in LANGUAGES}
    homes = _homes(words, locales)
    briefs_at = _beside(homes, BriefIndexPage, words["briefs"], locales, in_menu=True)
    webinars_at = _beside(homes, WebinarIndexPage, words["webinars"], locales, in_menu=True)
    about = _beside(homes, TextPage, words["about"], locales, in_menu=True)
    for name in ("accessibility", "privacy"):
        _beside(homes, TextPage, words[name], locales, in_footer=True)
    for code, home in homes.items():
        if home.decide_page_id is None and home.decide_title:
            home.decide_page = about[code]
            home.save_revision().publish()
    _webinars(webinars_at, locales)
    return _briefs(briefs_at, locales)


def _homes(words, locales):
    root = Page.get_first_root_node()
    homes = {}
    for code in LANGUAGES:
        home = HomePage.objects.filter(locale=locales[code]).first()
        if home is None:
            said = words["home"][code]
            sections = {section["key"]: section for section in said["sections"]}
            home = HomePage(
                title=words["coalition"][f"name_{code}"],
                slug=words["home"][f"slug_{code}"],
                locale=locales[code],
                kicker=said["kicker"],
                headline=said["title"],
                introduction=said["lede"],
                search_description=said["lede"],
                webinars_text=sections["webinars"]["text"],
                briefs_text=sections["briefs"]["text"],
                decide_title=sections["partners"]["heading"],
                decide_text=sections["partners"]["text"],
                decide_steps=[{"type": "step", "value": step} for step in said.get("steps", [])],
            )
            # Wagtail comes with a page that says welcome; its address is ours now.
            for welcome in root.get_children().exact_type(Page).filter(slug=home.slug):
                welcome.delete()
                root.refresh_from_db()
            if homes:
                home.translation_key = homes[LANGUAGES[0]].translation_key
            root.add_child(instance=home)
            home.save_revision().publish()
        homes[code] = home
    public = urlsplit(settings.PUBLIC_URL)
    Site.objects.update_or_create(
        is_default_site=True,
        defaults={
            "hostname": public.hostname,
            "port": public.port or (443 if public.scheme == "https" else 80),
            "root_page": homes[LANGUAGES[0]],
            "site_name": words["coalition"]["name_en"],
        },
    )
    return homes


def _beside(parents, model, words, locales, in_menu=False, **fields):
    """One page under each language's parent, translations of each other."""
    if model is TextPage:
        return _pair(parents, model, words, locales, in_menu, lambda said: {"body": _blocks(said["body"]), **fields})
    return _pair(parents, model, words, locales, in_menu, lambda said: fields)


def _pair(parents, model, words, locales, in_menu, fields_of):
    pair = {}
    for code in LANGUAGES:
        said, slug = words[code], words[f"slug_{code}"]
        page = model.objects.child_of(parents[code]).filter(slug=slug).first()
        if page is None:
            page = model(title=said["title"], slug=slug, locale=locales[code], show_in_menus=in_menu, **fields_of(said))
            if "lede" in said:
                page.introduction = said["lede"]
            page.search_description = said.get("lede") or said.get("summary", "")
            if pair:
                page.translation_key = pair[LANGUAGES[0]].translation_key
            parents[code].add_child(instance=page)
            page.save_revision().publish()
        pair[code] = page
    return pair


def _briefs(parents, locales):
    briefs = {}
    for path in sorted(FOLDER.glob("briefs/*.toml")):
        words = read(path)

        def fields(said, words=words):
            return {
                "kind": words["kind"],
                "bill": words.get("bill", ""),
                "date": words["published"],
                "kicker": said["kicker"],
                "summary": said["summary"],
                "body": _blocks(said["blocks"]),
            }

        briefs[words["slug_en"]] = _pair(parents, BriefPage, words, locales, False, fields)
    return briefs


def _webinars(parents, locales):
    for row in read(FOLDER / "webinars.toml")["webinar"]:
        webinar = Webinar.objects.filter(join_url__endswith=f"/{row['slug_en']}").first()
        if webinar is None:
            continue
        words = {f"slug_{code}": row[f"slug_{code}"] for code in LANGUAGES}
        for code in LANGUAGES:
            words[code] = {
                "title": row[f"title_{code}"],
                "summary": row[f"summary_{code}"],
                "host": row[f"host_{code}"],
                "body": [
                    *({"type": "paragraph", "text": text} for text in row[f"description_{code}"]),
                    {"type": "heading", "text": LEARN[code]},
                    {"type": "list", "items": row[f"learn_{code}"]},
                ],
            }

        def fields(said, webinar=webinar):
            return {
                "webinar": webinar,
                "summary": said["summary"],
                "host": said["host"],
                "body": _blocks(said["body"]),
            }

        _pair(parents, WebinarPage, words, locales, False, fields)


def _blocks(rows):
    return [{"type": row["type"], "value": _value(row)} for row in rows]


def _value(row):
    match row["type"]:
        case "heading":
            return row["text"]
        case "paragraph":
            return _rich(row["text"])
        case "list":
            return list(row["items"])
        case "recommendation":
            return {"number": row["number"], "title": row["title"], "text": _rich(row["text"])}
        case "quote":
            return {"text": row["text"], "attribution": row.get("attribution", "")}
        case "figures":
            return {key: row[key] for key in ("title", "unit", "source", "rows")}
    raise ValueError(f"no such block: {row['type']}")


def _rich(text):
    """The editor's own words for strong and emphasis, one paragraph."""
    for ours, theirs in (("strong", "b"), ("em", "i")):
        text = text.replace(f"<{ours}>", f"<{theirs}>").replace(f"</{ours}>", f"</{theirs}>")
    return f"<p>{text}</p>"
