"""A small site in both languages: a home page, its lists, one brief and one webinar, each with its translation."""

from types import SimpleNamespace

import pytest
from wagtail.models import Locale, Page, Site

from cms.models import BriefIndexPage, BriefPage, HomePage, TextPage, WebinarIndexPage, WebinarPage
from tests import factories

BODY = {
    "en": [
        {"type": "heading", "value": "What districts can do"},
        {"type": "paragraph", "value": "<p>Begin with <b>families</b>.</p>"},
        {
            "type": "recommendation",
            "value": {"number": 1, "title": "Hire coaches", "text": "<p>One per school.</p>"},
        },
        {"type": "quote", "value": {"text": "She came in September.", "attribution": "A teacher"}},
        {"type": "list", "value": ["By January: coaches", "By June: results"]},
        {
            "type": "figures",
            "value": {
                "title": "Coached schools are ahead",
                "unit": "percent",
                "source": "State files",
                "rows": [
                    {"label": "Statewide", "value": "62", "highlight": False},
                    {"label": "With a coach", "value": "70.5", "highlight": True},
                ],
            },
        },
    ],
    "es": [
        {"type": "heading", "value": "Lo que pueden hacer los distritos"},
        {"type": "paragraph", "value": "<p>Empezar por las <b>familias</b>.</p>"},
    ],
}


def publish(page, parent):
    """A page as an editor leaves it: with a revision, and everybody told."""
    parent.add_child(instance=page)
    page.save_revision().publish()


@pytest.fixture
def site(installation):
    root = Page.get_first_root_node()
    root.get_children().delete()
    root = Page.get_first_root_node()
    locales = {code: Locale.objects.get_or_create(language_code=code)[0] for code in ("en", "es")}
    made = SimpleNamespace(en=SimpleNamespace(), es=SimpleNamespace(), webinar=factories.WebinarFactory(capacity=2))
    words = {
        "en": ("Home", "home", "Briefs", "briefs", "Webinars", "webinars", "Reading coaches", "reading-coaches"),
        "es": ("Inicio", "inicio", "Informes", "informes", "Seminarios", "seminarios", "Asesores", "asesores"),
    }
    for code in ("en", "es"):
        here = getattr(made, code)
        title, slug, briefs, briefs_slug, webinars, webinars_slug, brief, brief_slug = words[code]

        def pair(model, name, code=code, here=here, **fields):
            if code == "es":
                fields["translation_key"] = getattr(made.en, name).translation_key
            page = model(locale=locales[code], **fields)
            setattr(here, name, page)
            return page

        root.add_child(
            instance=pair(HomePage, "home", title=title, slug=slug, headline="Read", introduction="We read.")
        )
        if code == "en":
            Site.objects.all().delete()
            Site.objects.create(hostname="localhost", port=8000, root_page=made.en.home, is_default_site=True)
        here.home.add_child(instance=pair(BriefIndexPage, "briefs", title=briefs, slug=briefs_slug, show_in_menus=True))
        here.home.add_child(
            instance=pair(WebinarIndexPage, "webinars", title=webinars, slug=webinars_slug, show_in_menus=True)
        )
        here.home.add_child(instance=pair(TextPage, "privacy", title="Privacy", slug=f"privacy-{code}", in_footer=True))
        publish(
            pair(BriefPage, "brief", title=brief, slug=brief_slug, summary=f"Summary {code}", body=BODY[code]),
            here.briefs,
        )
        publish(
            pair(WebinarPage, "talk", title=f"Talk {code}", slug=f"talk-{code}", summary="…", webinar=made.webinar),
            here.webinars,
        )
    return made


@pytest.fixture
def editor(db):
    return factories.UserFactory()
