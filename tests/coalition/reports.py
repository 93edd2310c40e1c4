"""A report of 60 pages in both languages, the same in every run: what freezing and comparing must bear."""

from coalition.publishing import Text

PARAGRAPHS = 620
WORDS = {
    "en": "every child reads by third grade because schools families and libraries share one plan with clear goals "
    "each year the district says what it spends who teaches and how results change for students of all languages",
    "es": "cada niña y cada niño lee en tercer grado porque escuelas familias y bibliotecas comparten un plan con "
    "metas claras cada año el distrito dice lo que gasta quién enseña y cómo cambian los resultados en todas las "
    "lenguas",
}


def paragraphs(language, seed=1):
    """About 30,000 words; `seed` makes another text of the same kind."""
    words, state, found = WORDS[language].split(), seed, []
    for number in range(PARAGRAPHS):
        said = []
        for _word in range(30 + (number * seed) % 41):
            state = (state * 1103515245 + 12345) % 2**31
            said.append(words[(state >> 16) % len(words)] if state % 7 else str((state >> 16) % 900))
        found.append(" ".join(said).capitalize() + ".")
    return found


def amended(before):
    """The same report as an editor amends it: a word here and there, some paragraphs new, some gone."""
    after = []
    for number, paragraph in enumerate(before):
        if number % 131 == 7:
            continue
        words = paragraph.split()
        if number % 20 == 3:
            words[len(words) // 2] = "2027"
        after.append(" ".join(words))
        if number % 97 == 5:
            after.append(f"An addition, the {number}th, which stood nowhere before.")
    return after


def text(language, paragraphs_):
    """The report as a text to freeze, with a heading before every tenth paragraph."""
    html = "\n".join(
        (f"<h2>Part {number // 10 + 1}</h2>\n" if number % 10 == 0 else "") + f"<p>{paragraph}</p>"
        for number, paragraph in enumerate(paragraphs_)
    )
    title = {"en": "The state of reading", "es": "La lectura en el estado"}[language]
    return Text.of(title, "In sixty pages", html)


def texts(change=list):
    return {language: text(language, change(paragraphs(language))) for language in ("en", "es")}
