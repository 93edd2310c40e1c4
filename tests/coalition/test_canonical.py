"""The canonical text and its hash, and how a difference is shown."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from coalition import canonical
from coalition.canonical import BREAK, GONE, NEW, SAME


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


def test_a_rewritten_report_is_compared_in_a_moment():
    old = "\n\n".join(f"Old paragraph number {n} about reading and schools" for n in range(400))
    new = "\n\n".join(f"Fresh words {n} on other subjects entirely" for n in range(400))
    assert len(canonical.side_by_side(old, new)) == 400
