"""The back office's pages about publications: written, previewed, frozen, compared, shown; who may do what."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coalition import accounts, publishing, signing_on
from coalition.models import AuditLine, Notice, Publication, Topic, Version
from tests import factories

from . import reports
from .signons import amend, asked, open_round, sign
from .test_publishing_texts import CLERICAL, DRAFT, changed


@pytest.fixture
def staff(client, editor, installation):
    client.force_login(editor)
    return client


@pytest.fixture
def letter(installation, editor):
    return publishing.add(DRAFT, by=editor, kind="letter", bill="H. 512")


def address(name, publication, *args):
    return reverse(f"publications:{name}", args=[publication.pk, *args])


def entered(draft=DRAFT, **more):
    said = {f"{part}_{code}": words for code, parts in draft.items() for part, words in parts.items()}
    return said | {"kind": "letter", "bill": "H. 512", "authoritative_language": "en", "keep": ""} | more


def role(name):
    user = factories.UserFactory(is_superuser=False)
    accounts.give_role(user, name)
    return user


# Writing


def test_a_letter_is_written_previewed_and_frozen(staff):
    topic = Topic.objects.create(slug="reading", name={"en": "Reading", "es": "Lectura"})
    page = staff.get(reverse("publications:add"))
    assert page.text.count("data-draftail-input") == 2
    done = staff.post(reverse("publications:add"), entered(preview="", topics=[topic.pk]))
    letter = Publication.objects.get()
    assert done.url == address("preview", letter)
    assert (letter.draft, letter.stand_alone, list(letter.topics.all())) == (DRAFT, True, [topic])
    preview = staff.get(done.url + "?language=es").text
    assert ("Uno por escuela." in preview, "One per school." in preview, "noindex" in preview) == (True, False, True)
    freeze = staff.get(address("freeze", letter))
    assert "Freeze as version 1" in freeze.text
    assert "change" not in freeze.context["form"].fields  # nobody has read anything yet
    assert staff.post(address("freeze", letter), {"seen": freeze.context["seen"]}).url == address("inspect", letter)
    assert Version.objects.get().text_in("es").html == DRAFT["es"]["html"]


def test_what_is_wrong_is_said_and_what_was_written_is_kept(staff):
    refused = staff.post(reverse("publications:add"), entered({"es": DRAFT["es"] | {"title": ""}}, disclaimer_0="Only"))
    assert refused.status_code == 422
    assert set(refused.context["form"].errors) == {"title_en", "disclaimer"}
    assert "Uno por escuela." in refused.text
    assert 'href="#id_title_en"' in refused.text
    assert not Publication.objects.exists()


def test_html_that_no_editor_wrote_is_cleaned_all_the_same(staff):
    html = '<p onclick="x()">One <script>alert(1)</script><span style="color:red">word</span>.</p>'
    staff.post(reverse("publications:add"), entered({"en": DRAFT["en"] | {"html": html}}))
    assert Publication.objects.get().draft["en"]["html"] == "<p>One word.</p>"


def test_two_writers_see_each_others_words_and_lose_none(staff, letter, editor):
    mine = staff.get(address("write", letter)).context["form"]["seen"].value()
    publishing.edit(letter, by=editor, draft=changed(en="<p>Theirs stands here.</p>"))
    said = entered(changed(en="<p>Mine stands here.</p>"), seen=mine)
    met = staff.post(address("write", letter), said)
    assert met.status_code == 409
    assert "<del>Theirs</del>" in met.text
    assert "<ins>Mine</ins>" in met.text
    assert "Mine stands here." in met.context["form"]["html_en"].value()
    letter.refresh_from_db()
    assert letter.draft["en"]["html"] == "<p>Theirs stands here.</p>"
    again = met.context["form"]["seen"].value()
    assert staff.post(address("write", letter), said | {"seen": again}).status_code == 302
    letter.refresh_from_db()
    assert letter.draft["en"]["html"] == "<p>Mine stands here.</p>"


def test_what_partners_signed_under_is_not_changed_and_the_page_says_why(staff, letter, editor):
    publishing.freeze_draft(letter, by=editor)
    sign(asked(open_round(letter, editor)))
    refused = staff.post(address("write", letter), entered(prints_signers="on"))
    assert refused.status_code == 422
    assert "Partners signed without knowing that their names would be printed." in refused.text
    letter.refresh_from_db()
    assert letter.prints_signers is False


def test_a_publication_from_a_page_has_its_settings_here_and_its_text_there(staff, publication):
    form = staff.get(address("settings", publication)).context["form"]
    assert [name for name in ("kind", "bill", "title_en") if name in form.fields] == []
    said = {"authoritative_language": "es", "disclaimer_0": "Not all.", "disclaimer_1": "No todos."}
    assert staff.post(address("settings", publication), said).url == address("inspect", publication)
    publication.refresh_from_db()
    assert publication.authoritative_language == "es"
    assert publication.disclaimer.data == {"en": "Not all.", "es": "No todos."}


# Freezing


def test_G2_nothing_is_chosen_beforehand_and_the_consequences_stand_beside(staff, publication, round_, editor, letter):
    publishing.freeze_draft(letter, by=editor)
    there = open_round(letter, editor)
    for _partner in range(3):
        sign(asked(there))
    asked(there)
    publishing.edit(letter, by=editor, draft=changed(en="<h2>Why</h2><p>Two per school.</p>"))
    page = staff.get(address("freeze", letter))
    words = " ".join(page.text.replace("<b>", "").replace("</b>", "").split())
    assert "checked" not in words.partition('id="id_change"')[2].partition("</fieldset>")[0]
    assert "3 organizations drop off the list of the new version until they answer again." in words
    assert "4 organizations are asked again by email" in words
    assert "3 organizations stay on the list." in words
    assert "3 organizations are told by email what changed." in words
    assert "<del>One</del>" in page.text
    assert "<ins>Two</ins>" in page.text
    refused = staff.post(address("freeze", letter), {"seen": page.context["seen"]})
    assert set(refused.context["form"].errors) == {"change", "note_en", "note_es"}
    said = {"seen": page.context["seen"], "change": "clerical", "note_en": "Two.", "note_es": "Dos."}
    assert staff.post(address("freeze", letter), said).status_code == 302
    assert staff.post(address("freeze", letter), said).status_code == 200  # a second press freezes nothing twice
    assert [(v.number, v.material) for v in letter.versions.order_by("number")] == [(1, True), (2, False)]
    assert Notice.objects.filter(kind="corrected").count() == 3


def test_G2_somebody_else_froze_meanwhile(staff, letter, editor):
    publishing.freeze_draft(letter, by=editor)
    publishing.edit(letter, by=editor, draft=changed(en="<p>Two per school.</p>"))
    seen = staff.get(address("freeze", letter)).context["seen"]
    publishing.freeze_draft(letter, by=editor, **CLERICAL)
    publishing.edit(letter, by=editor, draft=changed(en="<p>Three per school.</p>"))
    said = {"seen": seen, "change": "material", "note_en": "Three.", "note_es": "Tres."}
    met = staff.post(address("freeze", letter), said)
    assert "Somebody else froze version 2 meanwhile." in met.text
    assert "<del>Two</del>" in met.text  # the difference is to what is frozen now
    assert 'value="Three."' in met.text or "Three.</textarea>" in met.text
    assert letter.versions.count() == 2


def test_L2_an_unfinished_language_is_named_and_there_is_no_button(staff, editor):
    letter = publishing.add({"en": DRAFT["en"]}, by=editor)
    page = staff.get(address("freeze", letter)).text
    assert "The text in Spanish is not complete" in page
    assert "Freeze as version" not in page
    staff.post(address("freeze", letter), {})
    assert not Version.objects.exists()


# Versions


def test_any_two_versions_are_compared(staff, publication, editor, django_assert_max_num_queries):
    amend(publication, editor, material=False)
    amend(publication, editor, en="Twelve steps.")
    page = staff.get(address("compare", publication))
    assert (page.context["old"].number, page.context["new"].number) == (2, 3)
    wide = staff.get(address("compare", publication) + "?old=3&new=1")
    assert (wide.context["old"].number, wide.context["new"].number) == (1, 3)
    assert [v.number for v in wide.context["between"]] == [2, 3]
    assert "<del>Ten</del>" in wide.text
    assert "<ins>Twelve</ins>" in wide.text
    assert "one and the same version" in staff.get(address("compare", publication) + "?old=2&new=2").text
    for asked_for in ("?old=9", "?new=x", "?old=-1"):
        assert staff.get(address("compare", publication) + asked_for).status_code == 404
    with django_assert_max_num_queries(16):
        staff.get(address("compare", publication))


def test_the_screen_says_what_to_do_next(staff, letter, editor):
    assert "Freeze it" in staff.get(address("inspect", letter)).text
    publishing.freeze_draft(letter, by=editor)
    assert "Open a round" in staff.get(address("inspect", letter)).text
    round_ = open_round(letter, editor)
    sign(asked(round_, name="Harbor Mentors"))
    page = staff.get(address("inspect", letter)).text
    assert ("Go to the open round" in page, "Harbor Mentors" in page) == (True, True)
    publishing.edit(letter, by=editor, draft=changed(en="<p>Two per school.</p>"))
    assert "Freeze the changes" in staff.get(address("inspect", letter)).text
    publishing.freeze_draft(letter, by=editor, note="More")
    assert "1 organization signed an earlier version" in staff.get(address("inspect", letter)).text


# Before the public


def test_showing_and_taking_down_are_confirmed_first(staff, client, letter, editor):
    publishing.freeze_draft(letter, by=editor)
    public = reverse("publication", args=[letter.pk])
    assert client.get(public).status_code == 404
    assert "Everybody can read it from now on" in staff.get(address("show", letter)).text
    letter.refresh_from_db()
    assert letter.shown_at is None  # looking is not showing
    assert staff.post(address("show", letter)).url == address("inspect", letter)
    assert client.get(public, follow=True).status_code == 200
    assert "can no longer be read by the public" in staff.get(address("take_down", letter)).text
    staff.post(address("take_down", letter))
    assert client.get(public, follow=True).status_code == 404
    assert "shown to the public" in staff.get(reverse("audit:index")).text


# The list


def rows(number, editor):
    for n in range(number):
        letter = publishing.add(changed(en=f"<p>Text {n}.</p>"), by=editor, kind="letter")
        publishing.freeze_draft(letter, by=editor)
        sign(asked(open_round(letter, editor)))


def test_the_list_asks_a_fixed_number_of_queries(staff, editor, django_assert_num_queries):
    rows(1, editor)
    with CaptureQueriesContext(connection) as one:
        staff.get(reverse("publications:index"))
    rows(29, editor)
    with django_assert_num_queries(len(one)):
        assert staff.get(reverse("publications:index")).text.count("1 signature") == 30


def test_the_list_says_what_is_next_and_is_narrowed(staff, editor, letter, publication):
    topic = Topic.objects.create(slug="reading", name={"en": "Reading", "es": "Lectura"})
    half = publishing.add({"en": DRAFT["en"] | {"title": "Half"}}, by=editor, kind="testimony", topics=[topic])
    whole = publishing.add(DRAFT, by=editor)
    publishing.freeze_draft(whole, by=editor)
    again = publishing.add(DRAFT, by=editor)
    publishing.freeze_draft(again, by=editor)
    sign(asked(open_round(again, editor)))
    publishing.edit(again, by=editor, draft=changed(en="<p>Two per school.</p>"))

    def found(query=""):
        page = staff.get(reverse("publications:index") + query)
        return {row.pk: str(row.next[0]) for row in page.context["object_list"]}

    assert found() == {
        letter.pk: "Freeze it",
        publication.pk: "Open a round",
        half.pk: "Finish the text in Spanish",
        whole.pk: "Open a round",
        again.pk: "Freeze the changes",
    }
    assert set(found("?text=draft")) == {letter.pk, half.pk}
    assert set(found("?text=changed")) == {again.pk}
    assert set(found("?text=frozen")) == {publication.pk, whole.pk, again.pk}
    assert set(found(f"?topic={topic.pk}")) == set(found("?kind=testimony")) == {half.pk}
    assert set(found("?q=half")) == {half.pk}
    signing_on.close_round(again.rounds.get())
    publishing.freeze_draft(again, by=editor, note="More")
    assert found()[again.pk] == "Ask 1 organization again"


# Who may


@pytest.mark.parametrize(
    ("name", "may"),
    [
        (accounts.Role.ORGANIZER, {"inspect", "compare", "write", "settings", "freeze", "show", "add"}),
        (accounts.Role.EDITOR, {"inspect", "compare", "write", "settings", "freeze", "show", "add"}),
        (accounts.Role.TRANSLATOR, {"inspect", "compare"}),
        (accounts.Role.ANALYST, {"inspect", "compare"}),
    ],
)
def test_each_role_sees_what_it_may_do(client, letter, editor, name, may):
    accounts.ensure_roles()
    publishing.freeze_draft(letter, by=editor)
    client.force_login(role(name))
    opened = {
        door
        for door in ("inspect", "compare", "write", "settings", "freeze", "show")
        if client.get(address(door, letter)).status_code == 200
    }
    if client.get(reverse("publications:add")).status_code == 200:
        opened.add("add")
    assert opened == may
    assert client.post(address("freeze", letter), {}).status_code in ((200,) if "freeze" in may else (302, 403))
    assert AuditLine.objects.filter(action="freeze").count() == 1


# At report size


def test_a_report_of_60_pages_is_read_compared_and_amended_in_time(staff, client, editor, installation):
    def draft(change=list):
        texts = reports.texts(change).items()
        return {code: {"title": t.title, "summary": t.summary, "html": t.html} for code, t in texts}

    report = publishing.add(draft(), by=editor, kind="report")
    publishing.freeze_draft(report, by=editor)
    invitation = asked(open_round(report, editor))
    sign(invitation)
    publishing.edit(report, by=editor, draft=draft(reports.amended))
    began = time.process_time()
    looked = staff.get(address("freeze", report))
    assert time.process_time() - began < 15
    said = {"seen": looked.context["seen"], "change": "material", "note_en": "Newer.", "note_es": "Más nuevo."}
    assert staff.post(address("freeze", report), said).status_code == 302
    began = time.process_time()
    assert "2027" in staff.get(address("compare", report)).text
    assert time.process_time() - began < 15
    first, last = (reports.amended(reports.paragraphs("en"))[n] for n in (0, -1))
    reading = client.get(reverse("sign", args=[signing_on.token_for(invitation)])).text
    assert (first in reading, last in reading, "2027" in reading) == (True, True, True)
