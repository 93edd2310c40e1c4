"""A publication in public: its page, its PDF, and the list of who signed for pages elsewhere."""

import json
import re
from datetime import timedelta
from io import BytesIO

import pytest
import time_machine
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from coalition import logos, papers, reading, signing_on
from coalition.models import Decision, Organization, Publication
from tests import factories

from .signons import amend, asked, open_round, sign
from .test_roll import allow, endorse, hand_over

Choice = Decision.Choice


@pytest.fixture(autouse=True)
def no_copies():
    cache.clear()


@pytest.fixture
def shown(publication):
    """The publication stands alone and is public."""
    publication.stand_alone, publication.shown_at = True, timezone.now()
    publication.save()
    return Publication.objects.get(pk=publication.pk)


@pytest.fixture
def round_(shown, editor):
    return open_round(shown, editor)


def page(client, publication, language="en", number=None):
    return client.get(reading.path(publication, language, number))


def names(html):
    """The printed names of organizations on a page."""
    return re.findall(r"<li><span>([^<]+?)(?: <span|</span></li>)", html)


# The page of a publication that stands alone


def test_a_publication_that_is_not_shown_is_nowhere(publication, client):
    Publication.objects.update(stand_alone=True)
    publication = Publication.objects.get()
    for name, args in (
        ("publication", []),
        ("publication_version", [1]),
        ("publication_pdf", [1]),
        ("publication_embed", []),
        ("publication_signers", []),
        ("endorse", []),
    ):
        assert client.get(reverse(name, args=[publication.pk, *args])).status_code == 404, name
    assert page(client, publication).status_code == 404
    assert reading.address(publication, "en") == ""


def test_the_short_address_leads_to_the_page_in_the_readers_language(shown, client):
    response = client.get(f"/es/publications/{shown.pk}/")
    assert response["Location"] == f"/es/publications/{shown.pk}-que-cada-nina-y-nino-lea-en-tercer-grado/"
    assert client.get(f"/en/publications/{shown.pk}-old-title/")["Location"] == reading.path(shown, "en")
    assert client.get(f"/en/publications/{shown.pk}/versions/9/").status_code == 404


def test_of_a_publication_on_a_page_of_the_site_the_address_leads_there(publication, client):
    publication.public_url = {"en": "https://riverbend.example.org/en/briefs/x/"}
    publication.save()
    assert client.get(f"/en/publications/{publication.pk}/")["Location"] == "https://riverbend.example.org/en/briefs/x/"


def test_L1_the_page_names_itself_its_translation_and_a_default(shown, client):
    html = page(client, shown, "es").content.decode()
    root = settings.PUBLIC_URL
    english, spanish = (root + reading.path(shown, code) for code in ("en", "es"))
    assert re.findall(r'<html lang="([^"]+)">', html) == ["es"]
    assert re.findall(r'<link rel="canonical" href="([^"]+)">', html) == [spanish]
    assert re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">', html) == [
        ("en", english),
        ("es", spanish),
        ("x-default", english),
    ]


def test_G2_G5_the_page_lists_who_signed_this_version_and_says_when_it_is_not_the_current_one(
    round_, shown, editor, client
):
    for name, scope in (("The Bridge Fund", "state"), ("Ángeles del Valle", "state"), ("Eastside Reads", "local")):
        sign(asked(round_, name=name, scope=scope))
    sign(asked(round_, name="Quiet Friends"), choice=Choice.SUPPORT)
    html = page(client, shown).content.decode()
    assert re.findall(r'<h2 id="signed-title">([^<]+)', html) == ["Signed by 3 organizations"]
    assert names(html) == ["Ángeles del Valle", "The Bridge Fund", "Eastside Reads"]
    assert "1 more organization supports it without being listed." in html
    assert "Quiet Friends" not in html
    amend(shown, editor)
    new, old = page(client, shown).content.decode(), page(client, shown, number=1).content.decode()
    assert "Nobody has signed this version yet" in new
    assert names(old) == ["Ángeles del Valle", "The Bridge Fund", "Eastside Reads"]
    assert "You are reading version 1" in old
    assert "everybody was asked again" in old
    assert '<meta name="robots" content="noindex">' in old
    assert "You are reading" not in new


def test_G2_a_kept_list_of_a_version_learns_at_once_that_it_was_replaced(round_, shown, editor, client):
    sign(asked(round_))
    for path in (reading.path(shown, "en"), reading.path(shown, "en", 1)):
        assert "not the current one" not in client.get(path, follow=True).text
    amend(shown, editor)
    old = page(client, shown, number=1).text
    assert "not the current one" in old
    assert f'{reading.path(shown, "en", 1)}"' in re.search(r'ld\+json">(.+?)</script>', old)[1]


def test_G3_G7_the_addendum_and_a_dated_withdrawal_stand_on_the_page(round_, shown, editor, client):

    stays, goes, late = (asked(round_, name=name) for name in ("Stays", "Goes", "Came late"))
    sign(stays)
    sign(goes)
    with time_machine.travel(round_.deadline + timedelta(hours=1)):
        signing_on.accept(sign(late), by=editor)
        hand_over(shown)
    with time_machine.travel(round_.deadline + timedelta(days=2)):
        signing_on.withdraw(goes, language="en")
        html = page(client, shown).content.decode()
        day = re.findall(r"<p>Goes withdrew on ([^<]+)\.</p>", html)
    assert len(day) == 1
    assert names(html) == ["Stays", "Came late"]
    assert re.findall(r'<h3 id="(\w+)">', html) == ["local", "addendum"]


def test_G6_logos_stand_over_the_names_and_names_are_escaped(round_, shown, client):
    invitation = asked(round_, name="Tom & <script>alert(1)</script>")
    logo = allow(invitation.organization)
    sign(invitation, with_logo=True)
    html = page(client, shown).content.decode()
    assert re.findall(r"<img src=\"([^\"]+)\" alt=\"\"", html) == [logos.url_of(logo)]
    assert "<script>alert" not in html
    data = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', html, re.S).group(1))
    work, signed = data["@graph"]
    assert (work["@type"], work["version"], work["inLanguage"]) == ("Report", 1, "en")
    assert work["identifier"]["value"] == shown.current_version.digest
    assert work["workTranslation"][0]["inLanguage"] == "es"
    assert signed["agent"] == [{"@type": "Organization", "name": "Tom & <script>alert(1)</script>"}]


def test_G8_the_page_names_a_person_only_where_the_publication_prints_them(round_, shown, client):
    sign(asked(round_))
    assert "Carmen Iris Maldonado" not in page(client, shown).content.decode()
    shown.prints_signers = True
    shown.save()
    assert "Carmen Iris Maldonado, Director" in page(client, shown).content.decode()


def test_a_long_list_is_set_letter_by_letter(round_, shown, client):
    crowd(round_, 70)
    html = page(client, shown).content.decode()
    assert 'id="everybody"' in html
    assert re.findall(r'<a href="#local-(\w)">', html) == list("ABCDEFG")
    assert len(re.findall(r'<div class="letter" id="local-\w">', html)) == 7


def crowd(round_, size, first=0):
    """Many who signed, written at once."""
    organizations = Organization.objects.bulk_create(
        Organization(
            name=f"{'ABCDEFG'[n % 7]} crowd {n}",
            search=f"{'abcdefg'[n % 7]} crowd {n}",
            kind="education",
            scope="local",
        )
        for n in range(first, first + size)
    )
    Decision.objects.bulk_create(
        Decision(
            publication=round_.publication,
            version=round_.publication.current_version,
            round=round_,
            organization=organization,
            choice=Choice.SIGN,
            signer_name="Rosa Delgado",
            attested=True,
            language="en",
            at=timezone.now(),
        )
        for organization in organizations
    )


@pytest.mark.parametrize("size", [1, 30, 300])
def test_the_list_takes_at_most_eight_queries_and_one_once_it_is_kept(round_, shown, client, size):
    crowd(round_, size)
    about_the_list = (
        "coalition_version",
        "coalition_decision",
        "coalition_handover",
        "coalition_endorsement",
        "_round",
    )

    def queries():
        with CaptureQueriesContext(connection) as asked_for:
            page(client, shown)
        return [q["sql"] for q in asked_for if any(table in q["sql"] for table in about_the_list)]

    assert len(queries()) <= 8
    assert len(queries()) <= 4
    assert len([sql for sql in queries() if "coalition_decision" in sql]) == 1


def test_the_page_sets_no_cookie(round_, shown, client):
    round_.individuals = True
    round_.save()
    response = page(client, shown)
    assert 'id="sign"' in response.content.decode()
    assert not response.cookies


# Elsewhere


def test_the_embedded_list_may_be_framed_by_anybody_and_sets_no_cookie(round_, shown, client):
    sign(asked(round_, name="Eastside Reads"))
    response = client.get(f"/es/publications/{shown.pk}/embed/")
    html = response.content.decode()
    assert "frame-ancestors *" in response["Content-Security-Policy"]
    assert "X-Frame-Options" not in response
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")
    assert (re.findall(r'<html lang="(\w+)"', html), "Eastside Reads" in html, "<script" in html) == (
        ["es"],
        True,
        False,
    )
    again = client.get(f"/es/publications/{shown.pk}/embed/", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304
    sign(asked(round_, name="Another"))
    changed = client.get(f"/es/publications/{shown.pk}/embed/", headers={"If-None-Match": response["ETag"]})
    assert changed.status_code == 200
    assert "frame-ancestors 'self'" in page(client, shown)["Content-Security-Policy"]


@pytest.mark.parametrize("door", ["publication_embed", "publication_signers"])
@pytest.mark.parametrize("number", ["1\r\nSet-Cookie: a=b", "²", "x"])
def test_a_version_that_cannot_be_is_not_found(shown, client, door, number):
    shows = reverse(door, args=[shown.pk])
    for headers in ({}, {"if-none-match": "*"}):
        assert client.get(shows, {"version": number}, headers=headers).status_code == 404


def test_the_list_as_json_is_open_to_every_page(round_, shown, editor, client):
    sign(asked(round_, name="Eastside Reads"))
    sign(asked(round_, name="Quiet Friends"), choice=Choice.SUPPORT)
    endorse(round_, "Ana Ríos", city="Springfield")
    response = client.get(f"/en/publications/{shown.pk}/signers.json")
    said = response.json()
    version = shown.current_version
    assert (response["Access-Control-Allow-Origin"], response["Cache-Control"]) == ("*", "public, max-age=300")
    assert said["version"] == {
        "number": 1,
        "sha256": version.digest,
        "frozen": version.frozen_at.isoformat(),
        "current": True,
    }
    assert (said["count"], said["supporters"]) == (1, 1)
    assert said["groups"] == [{"scope": "local", "label": "Local", "count": 1, "signers": [{"name": "Eastside Reads"}]}]
    assert said["individuals"] == [{"name": "Ana Ríos", "city": "Springfield", "for_identification_only": ""}]
    amend(shown, editor)
    assert client.get(f"/en/publications/{shown.pk}/signers.json").json()["count"] == 0
    assert client.get(f"/en/publications/{shown.pk}/signers.json?version=1").json()["count"] == 1
    for wrong in ("9", "x", "²", "-1", "1" * 40):
        assert client.get(f"/en/publications/{shown.pk}/signers.json?version={wrong}").status_code == 404, wrong


# The PDF


def test_the_pdf_is_drawn_once_for_each_state_of_the_list(round_, shown, client, private_files, monkeypatch):
    drawn = []

    def draw(version, language):
        drawn.append((version.number, language))
        return b"%PDF-1.7 drawn " + str(len(drawn)).encode()

    monkeypatch.setattr(papers, "publication_pdf", draw)
    address = f"/en/publications/{shown.pk}/versions/1/brief.pdf"
    first, again = client.get(address), client.get(address)
    assert (first.content, again.content, drawn) == (b"%PDF-1.7 drawn 1", b"%PDF-1.7 drawn 1", [(1, "en")])
    assert first["Content-Type"] == "application/pdf"
    assert first["Content-Disposition"] == 'inline; filename="every-reader-by-third-grade-1-en.pdf"'
    sign(asked(round_))
    assert client.get(address).content == b"%PDF-1.7 drawn 2"
    folder = f"papers/{shown.current_version.pk}-en"
    (kept,) = private_files.listdir(folder)[1]
    private_files.delete(f"{folder}/{kept}")  # as the reader of a newer list does
    assert reading.kept_paper(shown.current_version, "en") is None


def test_where_no_pdf_can_be_made_printing_is_offered(shown, client, private_files, monkeypatch):
    def unavailable(version, language):
        raise papers.Unavailable

    monkeypatch.setattr(papers, "publication_pdf", unavailable)
    response = client.get(f"/en/publications/{shown.pk}/versions/1/brief.pdf")
    assert response.status_code == 503
    assert "choose Print" in response.content.decode()
    assert client.get(f"/en/publications/{shown.pk}/versions/2/brief.pdf").status_code == 404


def test_who_asks_while_it_is_drawn_waits(shown, client, private_files):
    cache.add(f"drawing-{shown.current_version.pk}-en", 1, 60)
    response = client.get(f"/en/publications/{shown.pk}/versions/1/brief.pdf")
    assert (response.status_code, response["Retry-After"], response["Refresh"]) == (503, "4", "4")


def test_a_shared_link_shows_the_quilt_of_its_version(shown, client):
    html = page(client, shown).content.decode()
    address = re.findall(r'<meta property="og:image" content="([^"]+)">', html)[0]
    response = client.get(address.removeprefix(settings.PUBLIC_URL))
    with Image.open(BytesIO(response.content)) as image:
        assert (image.format, image.size) == ("PNG", reading.SHARED)
    assert "immutable" in response["Cache-Control"]


def test_publications_that_stand_alone_are_listed_newest_first(shown, editor, django_assert_num_queries):
    hidden = factories.PublicationFactory(stand_alone=True)
    with django_assert_num_queries(2):
        found = reading.newest_stand_alone("es")
    assert [(each.pk, each.cover.title, each.url) for each in found] == [
        (shown.pk, "Que todos lean", reading.path(shown, "es"))
    ]
    assert hidden.pk not in [each.pk for each in found]
