"""The canonical text and its hash, and how a difference is shown."""

import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalition import canonical
from coalition.canonical import BREAK, GONE, NEW, SAME

from . import reports


def test_copies_of_one_text_have_one_canonical_form():
    page = "Cada niña\u00a0lee.\r\n\r\n\r\n  Diez pasos \t\r\nhoy.\n"
    pasted = "Cada nin\u0303a lee.\n\nDiez\u00ad  pasos\nhoy.\ufeff"
    assert canonical.canonical_text(page) == canonical.canonical_text(pasted) == "Cada niña lee.\n\nDiez pasos\nhoy."


@given(st.text())
def test_a_canonical_text_stays_as_it_is(text):
    once = canonical.canonical_text(text)
    assert canonical.canonical_text(once) == once


def test_the_digest_covers_every_language_in_the_order_of_its_code():
    expected = hashlib.sha256("en 2\nHi\nes 4\nAño\n".encode()).hexdigest()
    assert canonical.digest({"es": "Año ", "en": "Hi"}) == expected
    assert canonical.digest({"en": "Hi", "es": "Ano"}) != expected
    assert canonical.digest({"en": "Hi"}) != expected


def test_no_text_can_pretend_to_be_two_languages():
    assert canonical.digest({"en": "Hi\nes 2\nSí"}) != canonical.digest({"en": "Hi", "es": "Sí"})


def test_text_of_html_keeps_words_and_leaves_what_is_drawn():
    html = (
        "<h2>Paso 1</h2><p>Leer &amp; <em>contar</em><br>cada día</p><svg><title>no</title></svg>"
        "<ul><li>Uno</li><li>Dos</li></ul><script>var x</script>"
    )
    assert canonical.text_of(html) == "Paso 1\n\nLeer & contar\ncada día\n\nUno\n\nDos"


def test_a_difference_is_word_by_word():
    assert canonical.difference("One coach per school.\n\nStart now.", "One coach per large school.\n\nStart now.") == [
        (SAME, "One coach per"),
        (NEW, "large"),
        (SAME, "school."),
        (SAME, BREAK),
        (SAME, "Start now."),
    ]


def test_a_paragraph_put_before_a_changed_one_is_not_mixed_with_it():
    old = "Every school gets a reading coach by June."
    new = "A wholly other matter stands here.\n\nEvery school gets a reading coach by May."
    rows = canonical.side_by_side(old, new)
    assert [(row.before, row.after) for row in rows] == [
        ([], [(NEW, "A wholly other matter stands here.")]),
        (
            [(SAME, "Every school gets a reading coach by"), (GONE, "June.")],
            [(SAME, "Every school gets a reading coach by"), (NEW, "May.")],
        ),
    ]


def test_lines_of_a_list_stay_lines():
    assert canonical.difference("- one\n- two", "- one\n- three") == [
        (SAME, "- one\n-"),
        (GONE, "two"),
        (NEW, "three"),
    ]


def test_what_did_not_change_is_counted_and_not_shown():
    old = "\n\n".join(f"Paragraph {n}" for n in range(10))
    stretches = canonical.changes(old, old.replace("Paragraph 5", "Paragraph five"))
    assert [(len(s.rows), s.unchanged) for s in stretches] == [(0, 4), (3, 0), (0, 3)]


@given(
    st.lists(st.sampled_from(["a b c", "a b d", "x", "y z", "- p\n- q"])),
    st.lists(st.sampled_from(["a b c", "x", "q"])),
)
def test_a_difference_can_be_read_back_into_both_texts(old, new):
    def side(rows, name):
        said = (canonical._joined(" ".join(w for _k, w in getattr(row, name)).split(" ")) for row in rows)
        return [words for words in said if words]

    rows = canonical.side_by_side(BREAK.join(old), BREAK.join(new))
    flat = lambda texts: [text.split() for text in texts]  # noqa: E731
    assert flat(side(rows, "before")) == flat(old)
    assert flat(side(rows, "after")) == flat(new)


def words_of(rows, name):
    return " ".join(words for row in rows for _kind, words in getattr(row, name)).split()


def test_what_is_not_alike_stands_beside_what_came_for_it():
    old = "Keep me.\n\nReading coaches for every school.\n\nKeep me too."
    new = "Keep me.\n\nNobody hires anybody without money.\n\nKeep me too."
    changed = [row for row in canonical.side_by_side(old, new) if row.changed]
    assert [(row.before, row.after) for row in changed] == [
        ([(GONE, "Reading coaches for every school.")], [(NEW, "Nobody hires anybody without money.")])
    ]


def test_a_word_that_stayed_by_chance_does_not_cut_a_change_in_two():
    rows = canonical.side_by_side(
        "Schools receive money in the spring time, and families hear of it by letter.",
        "Schools get funds before the late fall, and families hear of it by letter.",
    )
    assert [row.words for row in rows] == [
        [
            (SAME, "Schools"),
            (GONE, "receive money in the spring time,"),
            (NEW, "get funds before the late fall,"),
            (SAME, "and families hear of it by letter."),
        ]
    ]


def test_a_very_long_paragraph_is_compared_sentence_by_sentence():
    sentences = [f"Sentence number {n} says what it says about school {n}." for n in range(200)]
    after = [*sentences[:50], "One more stands here now.", *sentences[50:]]
    rows = canonical.side_by_side(" ".join(sentences), " ".join(after))
    assert [part for row in rows for part in row.words if part[0] != SAME] == [(NEW, "One more stands here now.")]


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_report_of_60_pages_is_compared_word_by_word_in_a_moment(language):
    before = reports.paragraphs(language)
    after = reports.amended(before)
    assert 27_000 < len(" ".join(before).split()) < 33_000
    began = time.process_time()
    rows = canonical.side_by_side(BREAK.join(before), BREAK.join(after))
    assert time.process_time() - began < 5
    changed = [row for row in rows if row.changed]
    assert len(changed) == 31 + 7 + 5
    assert next(row.words for row in changed if row.before and row.after)[1:3] == [
        (GONE, before[3].split()[len(before[3].split()) // 2]),
        (NEW, "2027"),
    ]
    assert (words_of(rows, "before"), words_of(rows, "after")) == (" ".join(before).split(), " ".join(after).split())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (reports.paragraphs("en"), reports.paragraphs("en", seed=7)),
        ([" ".join(reports.paragraphs("en"))], [" ".join(reports.paragraphs("en", seed=7))]),
        (["x"] * 20_000, ["y", "x"] * 10_000),
        (["x " * 20_000], ["y x " * 10_000]),
        ([], reports.paragraphs("en")),
    ],
    ids=["rewritten", "rewritten in one paragraph", "hostile paragraphs", "hostile words", "all new"],
)
def test_a_comparison_gets_coarser_and_never_slow(old, new):
    began = time.process_time()
    rows = canonical.side_by_side(BREAK.join(old), BREAK.join(new))
    assert time.process_time() - began < 10
    assert words_of(rows, "before") == " ".join(old).split()
    assert words_of(rows, "after") == " ".join(new).split()


def test_the_digest_of_a_long_report_stays_what_it_is():
    texts = {language: text.canonical for language, text in reports.texts().items()}
    assert canonical.digest(texts) == "ef476da53d2e7e9ea710a4b6180464e7de816ff5a8f966e4b747e1333998f28c"
    pasted = {language: text.replace("\n\n", " \r\n\r\n\r\n") for language, text in texts.items()}
    assert canonical.digest(pasted) == canonical.digest(texts)
