"""How easy a message is to read, and whether it takes a party's side."""

import pytest

from campaigns import wording
from campaigns.models import MessageContent


def content(language="en", **fields):
    return MessageContent(language=language, **fields)


def text(html, block_id="b1"):
    return {"id": block_id, "type": "text", "value": {"html": html}}


@pytest.mark.parametrize(
    ("language", "word", "number"),
    [
        ("en", "education", 4),
        ("en", "people", 2),
        ("en", "state", 1),
        ("en", "create", 2),
        ("en", "called", 1),
        ("en", "wanted", 2),
        ("es", "educación", 4),
        ("es", "ciudad", 2),
        ("es", "país", 2),
        ("es", "maestra", 3),
        ("es", "que", 1),
        ("es", "y", 1),
    ],
)
def test_syllables(language, word, number):
    assert wording.syllables_of(word, language) == number


PLAIN = (
    "The vote is on Tuesday. Call your senator today. Say that you want coaches in each school. It takes two minutes. "
)
HARD = (
    "Notwithstanding considerable legislative opposition regarding appropriations, interdisciplinary stakeholders "
    "anticipate comprehensive accountability mechanisms facilitating evidence-based literacy instruction throughout "
    "economically disadvantaged municipalities. "
)
SENCILLO = "El voto es el martes. Llame hoy a su senador. Dígale que quiere maestros de lectura. Le toma dos minutos. "
DIFICIL = (
    "Independientemente de consideraciones presupuestarias interinstitucionales, las organizaciones anticipan "
    "responsabilidades administrativas extraordinarias correspondientes a la implementación multidisciplinaria de "
    "intervenciones pedagógicas fundamentadas científicamente en municipalidades económicamente desfavorecidas. "
)


def test_E6_plain_words_are_easy_and_officials_language_is_not_in_either_language():
    easy = [
        wording.reading(content("en", blocks=[text(f"<p>{PLAIN * 2}</p>")])),
        wording.reading(content("es", blocks=[text(f"<p>{SENCILLO * 2}</p>")])),
    ]
    hard = [
        wording.reading(content("en", blocks=[text(f"<p>{HARD * 2}</p>")])),
        wording.reading(content("es", blocks=[text(f"<p>{DIFICIL * 2}</p>")])),
    ]
    assert [found.ease > 75 for found in easy] == [True, True]
    assert [found.ease < 30 for found in hard] == [True, True]
    assert [found.longest for found in easy] == [[], []]
    assert hard[1].longest[0] == (25, DIFICIL.strip(), "b1")


def test_a_handful_of_words_or_a_language_without_a_formula_is_not_judged():
    assert wording.reading(content("en", blocks=[text("<p>Call today.</p>")])) is None
    assert wording.reading(content("fr", blocks=[text(f"<p>{PLAIN * 2}</p>")])) is None


def test_headings_and_buttons_are_no_sentences():
    words = [text(f"<p>{PLAIN * 2}</p>"), {"id": "b2", "type": "heading", "value": {"text": HARD}}]
    assert wording.reading(content("en", blocks=words)).ease > 75


def test_a_heading_is_read_as_it_was_written_and_is_no_markup():
    said = "Grades <k and 3> vote " + "<a" * 60
    heading = {"id": "h", "type": "heading", "value": {"text": said}}
    assert [passage.text for passage in wording.passages(content(blocks=[heading]))] == [said]


LISTED = "Democrat\nvote for\ndemócrata\ncandidata\n\n"


def test_A3_listed_words_are_found_whole_in_any_case_with_or_without_accents():
    found = wording.partisan(
        content(
            "es",
            subject="Los DEMOCRATA de hoy",
            blocks=[
                text("<p>Una <strong>Candidáta</strong> llega.</p>", "b7"),
                text("<p>Vote\nfor {{ first_name }} &amp; us; a vote-for none.</p>", "b8"),
                text("<p>Democratic values, precandidata.</p>", "b9"),
            ],
        ),
        LISTED,
    )
    assert [(hit.passage.place, hit.word) for hit in found] == [
        ("subject", "DEMOCRATA"),
        ("b7", "Candidáta"),
        ("b8", "Vote\nfor"),
        ("b8", "vote-for"),
    ]
    assert found[1].around == "Una Candidáta llega."
    long = content("es", subject=f"{'palabra ' * 9}vote for {'palabra ' * 9}")
    (hit,) = wording.partisan(long, LISTED)
    assert hit.around == f"… {'palabra ' * 4}vote for {'palabra ' * 4}…"


def test_A3_an_empty_list_finds_nothing():
    assert wording.partisan(content("en", subject="Vote for us"), " \n") == []
