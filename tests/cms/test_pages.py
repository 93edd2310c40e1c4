"""The public pages: the right words in the right language, nothing asked twice, nothing unfrozen signed."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from wagtail.models import PageViewRestriction

from campaigns.models import Registration
from cms import freezing
from cms.models import BriefPage, WebinarPage
from coalition.models import Decision, Installation, Publication
from coalition.quilt import quilt_svg
from tests import factories


def links(html):
    """[(rel, hreflang, href)] of the page's own addresses in its head."""
    found = re.findall(r'<link rel="(canonical|alternate)"(?: hreflang="([^"]+)")? href="([^"]+)">', html)
    return sorted(found)


@pytest.mark.parametrize(
    ("address", "language"),
    [("/en/briefs/reading-coaches/", "en"), ("/es/informes/asesores/", "es"), ("/es/seminarios/talk-es/", "es")],
)
def test_L1_the_page_says_its_language(site, client, address, language):
    html = client.get(address).content.decode()
    assert re.findall(r'<html lang="([^"]+)">', html) == [language]


def test_L1_translations_name_each_other_themselves_and_a_default(site, client):
    expected = [
        ("alternate", "en", f"{settings.PUBLIC_URL}/en/briefs/reading-coaches/"),
        ("alternate", "es", f"{settings.PUBLIC_URL}/es/informes/asesores/"),
        ("alternate", "x-default", f"{settings.PUBLIC_URL}/en/briefs/reading-coaches/"),
    ]
    english = links(client.get("/en/briefs/reading-coaches/").content.decode())
    spanish = links(client.get("/es/informes/asesores/").content.decode())
    assert english == [*expected, ("canonical", "", expected[0][2])]
    assert spanish == [*expected, ("canonical", "", expected[1][2])]


def test_L1_an_unpublished_translation_is_not_named(site, client):
    site.es.brief.unpublish()
    html = client.get("/en/briefs/reading-coaches/").content.decode()
    assert [found for found in links(html) if found[1] == "es"] == []


def switch(html):
    return re.findall(r'<a lang="(\w+)" hreflang="\w+" href="([^"]+)">', html)


def test_the_switch_stays_on_the_page(site, client):
    assert switch(client.get("/en/briefs/reading-coaches/").content.decode()) == [("es", "/es/informes/asesores/")]
    assert switch(client.get("/es/seminarios/talk-es/").content.decode()) == [("en", "/en/webinars/talk-en/")]


def test_the_switch_goes_home_where_there_is_no_translation(site, client):
    site.es.brief.unpublish()
    assert switch(client.get("/en/briefs/reading-coaches/").content.decode()) == [("es", "/es/")]


@pytest.mark.parametrize(("address", "words"), [("/en/none/", "en"), ("/es/nada/", "es")])
def test_a_missing_page_answers_in_the_readers_language(site, client, address, words):
    response = client.get(address)
    assert response.status_code == 404
    assert re.findall(r'<html lang="([^"]+)">', response.content.decode()) == [words]
    assert switch(response.content.decode()) == [("en", "/en/") if words == "es" else ("es", "/es/")]


def test_the_menu_is_the_tree_of_the_language(site, client):
    html = client.get("/es/informes/").content.decode()
    menu = re.search(r"<nav aria-label=.*?</nav>", html, re.S).group()
    assert re.findall(r'<a href="([^"]+)"(?: aria-current="(\w+)")?>([^<]+)', menu) == [
        ("/es/informes/", "page", "Informes"),
        ("/es/seminarios/", "", "Seminarios"),
    ]
    assert '<a href="/es/privacy-es/">' in html


# Briefs


@pytest.fixture
def version(site, editor):
    return freezing.freeze(site.en.brief, by=editor, material=True)


def sign(version, organization, choice=Decision.Choice.SIGN):
    return Decision.objects.create(
        publication=version.publication,
        version=version,
        organization=organization,
        choice=choice,
        attested=True,
        signer_name="Rosa Delgado",
        language="en",
        at=timezone.now(),
    )


def amend(site, editor, *, material=True):
    page = BriefPage.objects.get(pk=site.en.brief.pk)
    page.summary = "Amended."
    page.save_revision().publish()
    return freezing.freeze(page, by=editor, material=material, note="A number.")


def test_before_freezing_the_page_shows_its_own_text_and_no_signatures(site, client):
    html = client.get("/en/briefs/reading-coaches/").content.decode()
    assert "Begin with <b>families</b>." in html
    assert "Not yet open for signing" in html
    assert 'id="signed"' not in html


def test_the_public_reads_what_was_frozen_whatever_is_published_later(site, version, client):
    page = BriefPage.objects.get(pk=site.en.brief.pk)
    page.title, page.body = "Another title", [{"type": "paragraph", "value": "<p>Something else.</p>"}]
    page.save_revision().publish()
    html = client.get("/en/briefs/reading-coaches/").content.decode()
    assert "Begin with <b>families</b>." in html
    assert "Something else." not in html
    assert re.findall(r"<h1[^>]*>([^<]+)", html) == ["Reading coaches"]
    assert f"Version 1 · {version.digest[:4]} {version.digest[4:8]}" in html


def test_G5_signatories_stand_by_scope_in_alphabetical_order(site, version, client):
    for name, scope in (("The Bridge Fund", "state"), ("Ángeles del Valle", "state"), ("Eastside Reads", "local")):
        sign(version, factories.OrganizationFactory(name=name, scope=scope))
    sign(version, factories.OrganizationFactory(name="Quiet Friends"), choice=Decision.Choice.SUPPORT)
    html = client.get("/en/briefs/reading-coaches/").content.decode()
    panel = re.search(r'<aside class="sign".*?</aside>', html, re.S).group()
    assert re.findall(r"<h2[^>]*>([^<]+)", panel) == ["Signed by 3 organizations"]
    assert re.findall(r"<h3[^>]*>([^<]+) <span>(\d+)</span>", panel) == [("Statewide", "2"), ("Local", "1")]
    names = re.findall(r'<ul class="names">(.*?)</ul>', panel, re.S)
    assert re.findall(r"<li><span>([^<]+)</span></li>", "".join(names)) == [
        "Ángeles del Valle",
        "The Bridge Fund",
        "Eastside Reads",
    ]


def test_G8_the_page_names_no_person(site, version, client):
    sign(version, factories.OrganizationFactory())
    assert "Rosa Delgado" not in client.get("/en/briefs/reading-coaches/").content.decode()


def test_G8_the_disclaimer_stands_under_the_signatures(site, version, client, installation):
    installation.disclaimer = {"en": "Not every word.", "es": "No cada palabra."}
    installation.save()
    assert "No cada palabra." in client.get("/es/informes/asesores/").content.decode()


def test_G2_an_amendment_starts_with_no_signatures_and_the_old_text_stays_readable(site, version, editor, client):
    sign(version, factories.OrganizationFactory(name="Eastside Reads"))
    amend(site, editor)
    now = client.get("/en/briefs/reading-coaches/").content.decode()
    assert "Nobody has signed this version yet" in now
    assert "Eastside Reads" not in now
    before = client.get("/en/briefs/reading-coaches/versions/1/")
    assert "Eastside Reads" in before.content.decode()
    assert '<meta name="robots" content="noindex">' in before.content.decode()
    assert switch(before.content.decode()) == [("es", "/es/informes/asesores/versions/1/")]
    assert client.get("/en/briefs/reading-coaches/versions/9/").status_code == 404


def test_G2_a_clerical_version_keeps_the_signatures(site, version, editor, client):
    sign(version, factories.OrganizationFactory(name="Eastside Reads"))
    amend(site, editor, material=False)
    assert "Eastside Reads" in client.get("/en/briefs/reading-coaches/").content.decode()


def test_an_editors_preview_shows_the_draft(site, version, rf, editor):
    page = BriefPage.objects.get(pk=site.en.brief.pk)
    page.body = [{"type": "paragraph", "value": "<p>Not yet frozen.</p>"}]
    html = page.make_preview_request(preview_mode="").render().content.decode()
    assert "Not yet frozen." in html
    assert "This is your draft." in html


# Webinars


def test_L3_a_webinar_shows_its_zone_in_the_readers_words(site, client):
    moment = timezone.now().replace(year=2031, month=5, day=6, hour=22, minute=0, second=0, microsecond=0)
    webinar = site.webinar
    webinar.starts_at, webinar.ends_at = moment, moment + timedelta(minutes=75)
    webinar.save()
    assert "Tuesday, May 6, 2031, 6:00\u00a0p.m. Eastern Time" in client.get("/en/webinars/").content.decode()
    assert "martes, 6 de mayo de 2031, 6:00\u00a0p.\u00a0m., hora del este" in client.get("/es/").content.decode()


def seat(webinar):
    person = factories.PersonFactory()
    return Registration.objects.create(
        webinar=webinar, person=person, email="a@people.example.org", language="en", nonce=f"n{person.pk}"
    )


def test_seats_are_counted_and_a_full_webinar_says_so(site, client):
    seat(site.webinar)
    assert "<dt>Seats left</dt><dd>1</dd>" in client.get("/en/webinars/talk-en/").content.decode()
    cancelled = seat(site.webinar)
    assert "Every seat is taken" in client.get("/en/webinars/talk-en/").content.decode()
    assert [page.state for page in WebinarPage.objects.upcoming()] == ["full", "full"]
    Registration.objects.filter(pk=cancelled.pk).update(state=Registration.State.CANCELLED)
    assert [page.state for page in WebinarPage.objects.upcoming()] == ["open", "open"]


def test_a_cancelled_webinar_stays_to_be_seen_until_its_day_is_over(site, client):
    site.webinar.cancelled_at = timezone.now()
    site.webinar.save()
    assert "This webinar was cancelled" in client.get("/en/webinars/talk-en/").content.decode()
    assert "Cancelled" in client.get("/en/webinars/").content.decode()
    site.webinar.starts_at -= timedelta(days=30)
    site.webinar.ends_at -= timedelta(days=30)
    site.webinar.save()
    assert "Talk en" not in client.get("/en/webinars/").content.decode()


def test_publishing_tells_the_webinar_where_it_is(site):
    site.webinar.refresh_from_db()
    assert site.webinar.public_url.data == {
        "en": f"{settings.PUBLIC_URL}/en/webinars/talk-en/",
        "es": f"{settings.PUBLIC_URL}/es/seminarios/talk-es/",
    }
    page = WebinarPage.objects.get(pk=site.en.talk.pk)
    page.slug = "renamed"
    page.save_revision().publish()
    site.webinar.refresh_from_db()
    assert site.webinar.public_url.localize("en") == f"{settings.PUBLIC_URL}/en/webinars/renamed/"


def test_a_page_behind_a_password_makes_nothing_public(site, editor):
    """Neither by its own address nor by the number of what it shows."""
    publication = freezing.freeze(site.en.brief, by=editor, material=True).publication
    brief = BriefPage.objects.get(pk=site.en.brief.pk)
    assert Publication.objects.public().filter(pk=publication.pk).exists()
    shut = PageViewRestriction.objects.create(
        page=brief.get_parent(), restriction_type=PageViewRestriction.PASSWORD, password="reading"
    )
    PageViewRestriction.objects.create(
        page=site.es.brief, restriction_type=PageViewRestriction.PASSWORD, password="reading"
    )
    assert not Publication.objects.public().filter(pk=publication.pk).exists()
    shut.delete()
    publication.refresh_from_db()
    assert list(publication.public_url.data) == ["en"]


# Slugs and queries


@pytest.mark.parametrize("slug", ["Reading", "niños", "a--b", "-a", "a_b"])
def test_a_slug_is_checked_in_every_language(site, slug):
    site.es.brief.slug = slug
    with pytest.raises(ValidationError) as refused:
        site.es.brief.clean()
    assert list(refused.value.error_dict) == ["slug"]


def more_briefs(site, editor, count):
    for number in range(count):
        pair = None
        for code in ("en", "es"):
            here = getattr(site, code)
            page = BriefPage(
                title=f"Brief {number} {code}",
                slug=f"brief-{number}-{code}",
                locale=here.brief.locale,
                summary="…",
                body=[{"type": "paragraph", "value": f"<p>Text {number} {code}</p>"}],
            )
            if pair:
                page.translation_key = pair.translation_key
            here.briefs.add_child(instance=page)
            pair = page
        freezing.freeze(pair, by=editor, material=True)


@pytest.mark.parametrize("address", ["/en/", "/es/informes/"])
def test_lists_ask_the_database_as_often_with_one_brief_as_with_many(
    site, version, editor, client, django_assert_num_queries, address
):
    client.get(address)  # Wagtail keeps the addresses of the site after the first request
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    more_briefs(site, editor, 8)
    with django_assert_num_queries(len(few)):
        client.get(address)


# The frame around views that are no pages, and what machines ask for


def test_the_switch_of_a_view_of_ours_keeps_the_view(site, client):
    with override("en"):
        here = reverse("preferences_link")
    with override("es"):
        there = reverse("preferences_link")
    assert switch(client.get(here).content.decode()) == [("es", there)]
    assert switch(client.get(there).content.decode()) == [("en", here)]


def test_machines_find_the_pages_and_their_translations(site, client):
    site.es.brief.unpublish()
    text = client.get("/sitemap.xml").content.decode()
    found = {
        address: re.findall(r'hreflang="(\w+)" href="([^"]+)"', rest)
        for address, rest in re.findall(r"<loc>([^<]+)</loc>(.*?)</url>", text, re.S)
    }
    assert len(found) == 11
    brief = f"{settings.PUBLIC_URL}/en/briefs/reading-coaches/"
    assert found[brief] == [("en", brief)]
    home = [("en", f"{settings.PUBLIC_URL}/en/"), ("es", f"{settings.PUBLIC_URL}/es/")]
    assert found[home[1][1]] == home
    assert f"Sitemap: {settings.PUBLIC_URL}/sitemap.xml" in client.get("/robots.txt").content.decode()


def test_the_icon_is_the_installations_quilt(site, client):
    response = client.get(reverse("icon"))
    assert response["Content-Type"] == "image/svg+xml"
    assert response.content.decode() == quilt_svg(Installation.get().digest, 3, 3)


def test_an_installations_colour_reaches_its_pages(site, client, installation):
    assert "<style>" not in client.get("/en/").content.decode()
    installation.brand_colour = "#AA3311"
    installation.save()
    assert "<style>@layer tokens{:root{--brand:light-dark(#AA3311," in client.get("/en/").content.decode()
