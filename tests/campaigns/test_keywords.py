"""What a text means (rule S3)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import keywords
from campaigns.keywords import Reading, Sense

STOP_WORDS = [
    *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE", "opt out"),
    *("ALTO", "PARAR", "PARE", "DETENER", "CANCELAR", "SALIR", "BAJA", "TERMINAR", "no más"),
]
DECORATION = st.text(alphabet=" .,!¡?¿…-*\"'👍🙏🛑\n\u200d\ufe0f", max_size=6)


def _any_case(word):
    """The word in any mixture of cases, with or without accents, composed or not."""
    letters = st.tuples(*(st.sampled_from([letter.lower(), letter.upper()]) for letter in word)).map("".join)
    bare = letters.map(lambda w: "".join(c for c in unicodedata.normalize("NFD", w) if not unicodedata.combining(c)))
    return st.one_of(letters, bare, letters.map(lambda w: unicodedata.normalize("NFD", w)))


@given(st.sampled_from(STOP_WORDS).flatmap(_any_case), DECORATION, DECORATION)
def test_S3_a_stop_word_is_heard_whatever_its_case_accents_punctuation_and_emoji(word, before, after):
    assert keywords.read(before + word + after).sense == Sense.STOP


@given(st.sampled_from(["no", "NO", "No", "nO"]), DECORATION, DECORATION)
def test_S3_a_bare_no_is_an_answer(word, before, after):
    assert keywords.read(before + word + after).sense == Sense.NONE


@given(st.text(max_size=1700))
def test_any_text_can_be_read(body):
    assert keywords.read(body).sense in Sense
    assert keywords.is_yes(body) in (True, False)
    keywords.answer(body, [("yes", "YES, SÍ, 1"), ("no", "NO, 2")])


@pytest.mark.parametrize(
    "body",
    [
        "Stop please",
        "please stop texting me",
        "Please STOP sending me these messages, thank you",
        "No, stop.",
        "Thanks but no thanks. Unsubscribe",
        "how do I unsubscribe from this?",
        "take me off your list",
        "Remove my number",
        "I don't want these anymore",
        "Do not text me again",
        "no more texts",
        "opt me out of these texts",
        "I revoke my consent",
        "leave me alone",
        "stop i dont know you",
        "Ｓｔｏｐ",
        "S.T.O.P.",
        "ya no más mensajes por favor",
        "Ya no quiero recibir estos mensajes, gracias",
        "por favor dejen de mandarme mensajes",
        "denme de baja",
        "Quítenme de la lista",
        "no me manden más mensajes",
        "Gracias, pero ALTO",
        "ya no más",
        "quiero salir de esto",
        "cancelen mis mensajes por favor",
        "borren mi número",
    ],
)
def test_S3_a_stop_phrase_inside_other_words_opts_out(body):
    assert keywords.read(body).sense == Sense.STOP


@pytest.mark.parametrize(
    "body",
    [
        "We have to stop the budget cuts",
        "When does it end?",
        "Don't stop texting me!",
        "why did you stop sending these messages",
        "How do I opt out of the state test?",
        "I think you have the wrong number",
        "Disculpe, número equivocado",
        "no más recortes a las escuelas",
        "this is spam",
        "no me interesa",
        "🛑",
    ],
)
def test_S3_what_is_unclear_goes_to_a_person(body):
    assert keywords.read(body) == Reading(Sense.UNCLEAR)


@pytest.mark.parametrize(
    "body",
    [
        "Yes",
        "sí",
        "NO",
        "no gracias",
        "No, I can't on Tuesday",
        "Who is my representative? I just moved to Worcester",
        "¿Va a haber intérprete el día de la votación? Mi esposa quiere ir",
        "by the end of the year",
        "para mañana",
        "",
    ],
)
def test_S3_other_texts_are_about_something_else(body):
    assert keywords.read(body) == Reading(Sense.NONE)


@pytest.mark.parametrize(
    ("body", "reading"),
    [
        ("HELP", Reading(Sense.HELP)),
        ("info please", Reading(Sense.HELP)),
        ("¡Ayuda!", Reading(Sense.HELP, "es")),
        ("start", Reading(Sense.START)),
        ("UNSTOP", Reading(Sense.START)),
        ("Iniciar", Reading(Sense.START, "es")),
        ("ALTA", Reading(Sense.START, "es")),
        ("ALTO", Reading(Sense.STOP, "es")),
        ("STOP", Reading(Sense.STOP)),
    ],
)
def test_S3_words_of_help_and_start_and_the_language_they_give_away(body, reading):
    assert keywords.read(body) == reading


@pytest.mark.parametrize(
    ("body", "is_yes"),
    [
        ("YES", True),
        ("sí, por favor 🙏", True),
        ("Si quiero unirme", True),
        ("y", True),
        ("claro", True),
        ("yes but who is this", False),
        ("si tengo tiempo", False),
        ("no", False),
        ("", False),
    ],
)
def test_S1_only_a_plain_yes_is_a_consent(body, is_yes):
    assert keywords.is_yes(body) is is_yes


OPTIONS = [("yes", "YES, Y, SÍ, SI, CLARO, 1, COUNT ME IN"), ("no", "NO, N, 2"), ("later", "LATER, LUEGO, DESPUÉS, 3")]


@pytest.mark.parametrize(
    ("body", "given"),
    [
        ("Yes", ("yes", False)),
        ("¡SÍ!", ("yes", False)),
        ("si claro", ("yes", False)),
        ("count me in 👍", ("yes", False)),
        ("1️⃣", ("yes", False)),
        ("NO", ("no", False)),
        ("Despues", ("later", False)),
        ("Luego, ahorita estoy en el trabajo", ("later", True)),
        ("YES!! my son’s school lost its coach last year", ("yes", True)),
        ("no sé", None),
        ("No entiendo, ¿qué es esto?", None),
        ("si no llueve", None),
        ("Who is this?", None),
        ("👍", None),
    ],
)
def test_an_answer_is_how_a_text_begins(body, given):
    assert keywords.answer(body, OPTIONS) == given


def test_join_words_are_recognised_with_a_please_and_quotes():
    assert keywords.is_word("«Unirme», por favor", "UNIRME")
    assert not keywords.is_word("quiero unirme a la marcha", "UNIRME")


def test_words_that_have_a_meaning_cannot_be_given_another():
    assert keywords.is_reserved("Alta")
    assert keywords.is_reserved("BAJA")
    assert not keywords.is_reserved("UNIRME")
