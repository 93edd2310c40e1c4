"""The demo's pages: complete in both languages, and planted once however often it is asked for."""

from django.conf import settings
from wagtail.models import Page

from cms import freezing
from cms.demo import loading
from cms.models import BriefPage


def test_both_trees_are_whole(installation, client):
    briefs = loading.load_pages()
    families = {}
    for page in Page.objects.filter(depth__gt=1).select_related("locale"):
        families.setdefault(page.translation_key, set()).add(page.locale.language_code)
    assert {frozenset(languages) for languages in families.values()} == {frozenset(("en", "es"))}
    assert len(briefs) == 6
    for pages in briefs.values():
        texts = freezing.texts_of(pages["en"])
        assert freezing.missing(pages["en"], texts) == []
        assert sorted(texts) == [code for code, _name in settings.LANGUAGES]
    addresses = [page.get_url() for page in Page.objects.filter(depth__gt=1)]
    assert {address: client.get(address).status_code for address in addresses} == dict.fromkeys(addresses, 200)


def test_planting_again_adds_nothing_and_keeps_what_editors_changed(installation):
    page = loading.load_pages()["keep-the-promise"]["en"]
    page.summary = "Ours now."
    page.save_revision().publish()
    before = list(Page.objects.order_by("path").values_list("pk", "path", "latest_revision"))
    loading.load_pages()
    assert list(Page.objects.order_by("path").values_list("pk", "path", "latest_revision")) == before
    assert BriefPage.objects.get(pk=page.pk).summary == "Ours now."
