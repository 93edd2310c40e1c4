"""Verification: which version a copy is, or how it differs from what was signed."""

import hashlib
import re
import time
from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, StreamObject

from coalition import canonical, extracting, papers, publishing, reading, reading_copies, verifying
from coalition.models import HandoverPaper, Publication
from coalition.publishing import Text
from coalition.reading_copies import Unreadable
from coalition.verifying import Kind
from tests import factories
from tests.pango import needs_pango

from .signons import asked, open_round, sign
from .test_roll import hand_over

BODY = (
    "<h2>What districts can do</h2><p>Begin with the families who wait longest, and say “welcome” in their own "
    "language. It costs $1.5 million a year — less than one school.</p><ul><li>Hire one reading coach for each school"
    "</li><li>Print every letter in Spanish and in English</li></ul>"
    "<p>We ask the committee to vote for bill H.123 this fall.</p>"
)
CUERPO = (
    "<h2>Lo que pueden hacer los distritos</h2><p>Empezar por las familias que más esperan y decir «bienvenidos» en su"
    " propio idioma. Cuesta $1.5 millones al año: menos que una escuela.</p><p>Pedimos al comité que vote a favor.</p>"
)


def texts(body=BODY, cuerpo=CUERPO):
    return {
        "en": Text.of("Every reader by third grade", "Ten steps for the year ahead.", body),
        "es": Text.of("Que todos lean en tercer grado", "Diez pasos para el año que viene.", cuerpo),
    }


@pytest.fixture
def publication(installation, editor):
    publication = factories.PublicationFactory(stand_alone=True, shown_at=timezone.now())
    publishing.freeze(publication, texts(), by=editor)
    return Publication.objects.get(pk=publication.pk)


@pytest.fixture
def version(publication):
    return publication.current_version


def frozen(version, language="en"):
    return version.text_in(language).canonical


def what(answer):
    return answer.kind, answer.version and answer.version.number, answer.language


# By its words


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_text_of_either_language_is_known_letter_by_letter(version, language):
    assert what(verifying.by_text(frozen(version, language))) == (Kind.SAME, 1, language)
    assert what(verifying.by_text("\n " + frozen(version, language).replace("\n", "\r\n"))) == (Kind.SAME, 1, language)


def test_the_same_words_in_other_spacing_and_quotes_are_the_same_words(version):
    copied = frozen(version).replace("“welcome”", '"welcome"').replace("—", "-").replace("\n\n", " ")
    assert what(verifying.by_text(copied)) == (Kind.WORDS, 1, "en")


def test_a_text_among_other_words_is_found_whole_and_nothing_else_is_vouched_for(version):
    lines = frozen(version).split("\n\n")
    letter = "Dear friends,\n\nplease read this.\n\n{}\n\nYours, Inés\n\nP.S. Bring a friend."
    marked = [f"• {line}" if line.startswith(("Hire", "Print")) else line for line in lines]
    apart = [*lines[:2], "May 5, 2026 · H.123", *lines[2:]]
    assert what(verifying.by_text(letter.format("\n\n".join(marked)))) == (Kind.INSIDE, 1, "en")
    assert what(verifying.by_text(letter.format("\n\n".join(apart)))) == (Kind.INSIDE, 1, "en")
    without = verifying.by_text(letter.format("\n\n".join(lines[1:])))
    assert (what(without), without.missing) == ((Kind.INSIDE, 1, "en"), ["title"])
    both = frozen(version) + "\n\n" + frozen(version, "es")
    assert verifying.by_text(both).kind == Kind.INSIDE


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("less than one school", "more than one school"),
        ("$1.5 million", "$15 million"),
        ("$1.5 million", "$1,5 million"),
        ("We ask the committee", "We do not ask the committee"),
        ("this fall.", "this fall. And pay us."),
    ],
)
def test_one_altered_word_is_not_what_was_signed_and_is_shown(version, was, now):
    altered = frozen(version).replace(was, now)
    answer = verifying.by_text(altered)
    if now.endswith("And pay us."):
        # Words behind the text are not vouched for; the text itself is whole.
        assert answer.kind == Kind.INSIDE
        return
    rows = [row for stretch in answer.differences[0]["stretches"] for row in stretch.rows if row.changed]
    assert what(answer) == (Kind.ALTERED, 1, "en")
    assert len(rows) == 1
    said = {kind: words for kind, words in rows[0].words if kind != "same"}
    assert all(word in now.split() for word in said.get("new", "").split())
    assert all(word in was.split() for word in said.get("gone", "").split())


def test_an_altered_copy_without_paragraphs_shows_only_what_was_altered(version):
    altered = "Dear Sir, " + " ".join(frozen(version).replace("families", "officials").replace("“", '"').split())
    answer = verifying.by_text(altered + " Sincerely, somebody")
    rows = [row for stretch in answer.differences[0]["stretches"] for row in stretch.rows if row.changed]
    assert what(answer) == (Kind.ALTERED, 1, "en")
    changed = [part for row in rows for part in row.words if part[0] != "same"]
    assert changed == [("gone", "families"), ("new", "officials")]


CHARTED = (
    "<h2>What it costs</h2><figure><figcaption><b>Reading on grade level</b>, percent</figcaption><ul><li>"
    "<span>Statewide</span><b>62</b></li><li><span>With a coach</span><b>70</b></li></ul>"
    "<details><summary>Table</summary><table><tr><th>Statewide</th><td>62</td></tr></table></details></figure>"
    "<section><p>Recommendation 1</p><h3>Hire coaches for every school that asks</h3></section>"
    "<ol><li>By January: coaches</li><li>By June: results</li></ol>"
    "<blockquote><p>She came in September.</p><footer>A teacher</footer></blockquote>"
)


@pytest.fixture
def brief(publication, editor):
    """A text that is hashed in words of its own and shown with a chart, a table behind it, numbers and bullets."""
    said = (
        "What it costs\n\nReading on grade level (percent)\nStatewide: 62\nWith a coach: 70\n\n1. Hire coaches for "
        "every school that asks\n\n- By January: coaches\n- By June: results\n\n“She came in September.” — A teacher"
    )
    texts_ = texts(CHARTED)
    head = "Every reader by third grade\n\nTen steps for the year ahead.\n\n"
    texts_["en"] = Text("Every reader by third grade", "Ten steps for the year ahead.", CHARTED, head + said)
    return publishing.freeze(publication, texts_, by=editor)


def test_a_brief_is_known_as_it_was_hashed_and_as_a_page_or_a_paper_shows_it(brief):
    head = "Every reader by third grade\nTen steps for the year ahead.\n"
    page = "What it costs\nReading on grade level, percent\nStatewide\n62\nWith a coach\n70\n{}RECOMMENDATION 1\n"
    rest = (
        "Hire coaches for every school that asks\n1. By January: coaches\n2. By June: results\nShe came in September.\n"
    )
    shown = head + page + rest + "A teacher"
    assert what(verifying.by_text(frozen(brief))) == (Kind.SAME, 2, "en")
    for table in ("Table\n", "", "Table\nStatewide 62\n"):
        answer = verifying.by_text(shown.format(table))
        assert (what(answer), answer.missing) == ((Kind.INSIDE, 2, "en"), []), table
    altered = verifying.by_text(shown.format("").replace("70", "90"))
    rows = [row for stretch in altered.differences[0]["stretches"] for row in stretch.rows]
    changed = [part for row in rows for part in row.words if part[0] != "same"]
    assert (what(altered), changed) == ((Kind.ALTERED, 2, "en"), [("gone", "70"), ("new", "90")])


@needs_pango
def test_the_pdf_of_a_brief_is_known_by_its_words(brief):
    answer = verifying.by_file(papers.publication_pdf(brief, "en"))
    assert (what(answer), answer.missing) == ((Kind.INSIDE, 2, "en"), [])


def test_an_altered_title_is_not_vouched_for(version):
    answer = verifying.by_text(frozen(version).replace("Every reader by third grade", "No reader left"))
    assert (what(answer), answer.missing) == ((Kind.INSIDE, 1, "en"), ["title"])


def test_the_newest_version_is_named_where_one_language_stayed_the_same(publication, version, editor):
    publishing.freeze(publication, texts(cuerpo=CUERPO.replace("Pedimos", "Rogamos")), by=editor)
    answer = verifying.by_text(frozen(version))
    assert (what(answer), answer.also_numbers) == ((Kind.SAME, 2, "en"), [1])
    assert what(verifying.by_text(frozen(version, "es"))) == (Kind.SAME, 1, "es")


def test_an_altered_copy_is_compared_with_the_version_it_was_made_from(publication, version, editor):
    # Altered among the very words that the amendment added, it shares more runs of words with the earlier version.
    publishing.freeze(publication, texts(BODY.replace("one reading", "one trained and well paid reading")), by=editor)
    newest = Publication.objects.get().current_version
    answer = verifying.by_text(frozen(newest).replace("well paid", "badly paid"))
    changed = [
        part
        for stretch in answer.differences[0]["stretches"]
        for row in stretch.rows
        for part in row.words
        if row.changed and part[0] != "same"
    ]
    assert (what(answer), changed) == ((Kind.ALTERED, 2, "en"), [("gone", "well"), ("new", "badly")])


def test_another_text_is_none_of_ours_and_a_few_words_are_too_little(version):
    poem = "Two roads diverged in a yellow wood, and sorry I could not travel both and be one traveler, long I stood"
    assert verifying.by_text(poem).kind == Kind.UNKNOWN
    assert verifying.by_text("Every reader").kind == Kind.SHORT
    assert verifying.by_text("\x00" * 500).kind == Kind.SHORT


def test_what_is_not_public_yet_is_told_only_to_who_holds_all_of_it(publication, version, client):
    Publication.objects.update(shown_at=None)
    assert what(verifying.by_text(frozen(version))) == (Kind.SAME, 1, "en")
    assert verifying.by_text(frozen(version).replace("families", "officials")).kind == Kind.UNKNOWN
    html = client.post(reverse("verify"), {"text": frozen(version)}).content.decode()
    assert "This text is not public yet." in html
    assert "Signed by" not in html


def long_report(pages=60):
    """Some 60 pages of 400 words, no two paragraphs alike."""
    words = re.findall(r"\w+", canonical.text_of(BODY))
    paragraphs = [
        " ".join(f"{words[(n * 7 + i * 3) % len(words)]}{(n * 31 + i) % 97}" for i in range(80)) + "."
        for n in range(pages * 5)
    ]
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)


def test_a_report_of_60_pages_is_known_and_compared_within_two_seconds(publication, editor):
    publishing.freeze(publication, texts(long_report()), by=editor)
    text = frozen(publication.current_version)
    altered = text.replace("\n\n", "\n")[: len(text) // 2] + " Nobody signed this. " + text[len(text) // 2 :]
    started = time.process_time()
    assert what(verifying.by_text("A cover letter. " + text)) == (Kind.INSIDE, 2, "en")
    answer = verifying.by_text(altered)
    assert time.process_time() - started < 15
    rows = [row for stretch in answer.differences[0]["stretches"] for row in stretch.rows if row.changed]
    assert (what(answer), len(rows) <= 2) == ((Kind.ALTERED, 2, "en"), True)


# By its code


def test_a_code_is_a_beginning_of_the_digest_in_any_spacing_or_case(version):
    for code in (
        version.code,
        version.digest,
        version.digest[:8].upper(),
        f"{version.digest[:4]} {version.digest[4:8]}",
    ):
        assert what(verifying.by_code(code)) == (Kind.CODE, 1, ""), code
    for code in ("", version.digest[:7], "zzzzzzzzzzzz", version.digest + "0", "%", "0" * 12):
        assert verifying.by_code(code).kind == Kind.UNKNOWN, code


def test_a_code_that_begins_two_texts_names_both(publication, version, editor):
    second = publishing.freeze(publication, texts(BODY + "<p>More.</p>"), by=editor)
    type(second).objects.filter(pk=second.pk).update(digest=version.digest[:10] + "f" * 54)
    answer = verifying.by_code(version.digest[:8])
    assert (answer.kind, {each.number for each in answer.candidates}) == (Kind.SEVERAL, {1, 2})


# By its bytes


@needs_pango
@pytest.mark.parametrize("language", ["en", "es"])
def test_our_own_pdf_is_known_by_its_words(publication, version, editor, language):
    sign(asked(open_round(publication, editor), name="Eastside Reads"))
    answer = verifying.by_file(papers.publication_pdf(version, language))
    assert (what(answer), answer.missing) == ((Kind.INSIDE, 1, language), [])


@needs_pango
def test_a_long_pdf_of_ours_is_known_across_its_pages(publication, editor):
    publishing.freeze(publication, texts(long_report(6)), by=editor)
    answer = verifying.by_file(papers.publication_pdf(publication.current_version, "en"))
    assert (what(answer), answer.missing) == ((Kind.INSIDE, 2, "en"), [])


def test_a_paper_that_was_handed_over_is_known_byte_for_byte(publication, version, private_files, client):
    handover, data = hand_over(publication), b"%PDF-1.7 as it was handed over"
    HandoverPaper.objects.create(
        handover=handover,
        language="es",
        digest=hashlib.sha256(data).hexdigest(),
        file=ContentFile(data, name="a.pdf"),
    )
    answer = verifying.by_file(data)
    assert (what(answer), answer.handover) == ((Kind.FILE, 1, "es"), handover)
    response = client.post(reverse("verify"), {"file": SimpleUploadedFile("a.pdf", data)})
    assert "This is the very file that was handed over" in response.content.decode()


def locked_pdf():
    writer, out = PdfWriter(), BytesIO()
    writer.add_blank_page(200, 200)
    writer.encrypt("secret")
    writer.write(out)
    return out.getvalue()


def blank_pdf(pages=1):
    writer, out = PdfWriter(), BytesIO()
    for _page in range(pages):
        writer.add_blank_page(200, 200)
    writer.write(out)
    return out.getvalue()


def hostile_pdf(size):
    """A page of a few kilobytes that unpacks into `size` bytes of things to draw."""
    writer, out = PdfWriter(), BytesIO()
    drawing = StreamObject()
    drawing.set_data(b"BT (a) Tj ET " * (size // 13))
    page = writer.add_blank_page(200, 200)
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject()})
    page[NameObject("/Contents")] = writer._add_object(drawing.flate_encode())
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize("size", [8_000_000, 100_000_000], ids=["much to draw", "more than a page may hold"])
def test_a_hostile_pdf_costs_a_small_process_its_seconds_and_no_more(monkeypatch, size):
    monkeypatch.setattr(extracting, "SECONDS", 4)
    data, before = hostile_pdf(size), time.process_time()
    with pytest.raises(Unreadable) as refused:
        reading_copies.words_of(data)
    assert refused.value.words == reading_copies.TOO_SLOW
    assert time.process_time() - before < 3  # of this process, which would have held a visitor's page


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (locked_pdf(), reading_copies.LOCKED),
        (b"%PDF-1.7\nnothing that follows", reading_copies.BROKEN),
        (blank_pdf(), reading_copies.PICTURES),
        (blank_pdf(301), reading_copies.TOO_LONG),
        (b"PK\x03\x04" + bytes(range(256)) * 40, reading_copies.NO_TEXT),
        (b"\x00\x01\x02\x03" * 100, reading_copies.NO_TEXT),
        (b"\xff\xfe\x00", reading_copies.NO_TEXT),
        (b"  \n", reading_copies.EMPTY),
        (b"a" * (reading_copies.LARGEST + 1), reading_copies.TOO_LARGE),
        (b"word " * 400_000, reading_copies.TOO_LONG),
    ],
    ids=["locked", "broken", "a scan", "long", "word file", "binary", "cut utf-16", "empty", "large", "endless"],
)
def test_what_cannot_be_read_is_refused_in_words(data, words):
    with pytest.raises(Unreadable) as refused:
        reading_copies.words_of(data)
    assert refused.value.words == words


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_plain_text_is_read_in_whatever_encoding(version, encoding):
    assert what(verifying.by_file(frozen(version, "es").encode(encoding))) == (Kind.SAME, 1, "es")


# The page


def test_the_page_says_which_version_whether_it_is_current_and_who_signed(publication, version, editor, client):
    sign(asked(open_round(publication, editor)))
    html = client.post(reverse("verify"), {"text": frozen(version)}).content.decode()
    assert "Yes: letter by letter" in html
    assert "The current version" in html
    assert re.findall(r"<dt>Signed by</dt><dd>([^<]+)</dd>", html) == ["1 organization"]
    assert f'href="{publication_path(publication)}#signed"' in html
    assert version.digest in html
    publishing.freeze(publication, texts(BODY + "<p>And pay for it.</p>"), by=editor)
    old = client.get(reverse("verify_code", args=[version.code])).content.decode()
    assert "Not the current version" in old
    assert "Version 2 changed what it says" in old
    altered = client.post(reverse("verify"), {"text": frozen(version).replace("families", "officials")})
    assert "This is not what was signed" in altered.content.decode()


def publication_path(publication):
    return reading.address(publication, "en")


def test_the_page_sets_no_cookie_and_keeps_nothing(version, client, django_assert_num_queries):
    response = client.post("/es/verify/", {"text": frozen(version, "es")})
    assert (response.status_code, dict(response.cookies)) == (200, {})
    assert response["Cache-Control"].startswith("max-age=0")


def test_a_code_typed_in_is_followed_and_an_unknown_one_is_answered_calmly(version, client):
    followed = client.post(reverse("verify"), {"code": f" {version.digest[:4]} {version.digest[4:8]} "})
    assert followed["Location"] == reverse("verify_code", args=[version.digest[:8]])
    unknown = client.get(reverse("verify_code", args=["deadbeef0000"]))
    assert (unknown.status_code, "We know no text with this code" in unknown.content.decode()) == (404, True)
    assert client.post(reverse("verify"), {"code": "***"})["Location"] == reverse("verify_code", args=["-"])


def test_nothing_at_all_and_a_broken_file_bring_the_form_back(version, client):
    empty = client.post(reverse("verify"), {})
    assert (empty.status_code, "Paste a text, choose a file or enter a code" in empty.content.decode()) == (422, True)
    broken = client.post(reverse("verify"), {"file": SimpleUploadedFile("a.pdf", b"%PDF-1.7 cut")})
    assert (broken.status_code, "damaged" in broken.content.decode()) == (422, True)
