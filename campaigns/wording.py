"""What the words of a message are like: how easy they are to read, and whether they take a party's side (rule A3)."""

import re
from functools import cache
from html import unescape
from typing import NamedTuple

import pyphen
from anyascii import anyascii
from django.utils.html import strip_tags

from campaigns.merge_fields import FIELD
from campaigns.models.blocks import RICH, TYPES, words_in

ENDS = re.compile(r"<br\s*/?>|</(?:p|li|ul|ol)>|\n+")
SENTENCE_ENDS = re.compile(r"(?<=[.!?…])[\"'”’»)]*\s+")
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
LEAST_WORDS = 30  # a formula says nothing of fewer
LONG_SENTENCE = 20  # words
SHOWN = 2  # longest sentences
AROUND = 40  # characters on either side of a word that is shown where it stands


class Passage(NamedTuple):
    """Words of one field: `place` is the field of the content, or the id of the block; `kind` the block's type."""

    place: str
    kind: str
    field: str
    text: str

    @property
    def is_prose(self):
        return self.kind in ("text", "quote", "action", "body") and self.field in ("html", "text", "body")


def passages(content):
    """Every text of a content that people read, in order, as plain lines."""
    found = [Passage(name, name, name, getattr(content, name)) for name in ("sender", "subject", "preheader")]
    found += [
        Passage(block["id"], block["type"], name, _plain(words) if TYPES[block["type"]][name] == RICH else words)
        for block, name, words in words_in(content.blocks)
    ]
    found.append(Passage("body", "body", "body", content.body))
    return [passage for passage in found if passage.text.strip()]


def _plain(html):
    lines = (" ".join(unescape(strip_tags(line)).split()) for line in ENDS.split(html))
    return "\n".join(filter(None, lines))


# How easy it is to read


class Reading(NamedTuple):
    """`ease`: 100 is very easy, 60 to 70 plain, below 30 for experts. `longest`: [(words, sentence, place)]."""

    ease: int
    words: int
    longest: list


def reading(content):
    """How easy the prose of a content is to read, or None where it is too short, or nobody made a formula.

    English: Flesch, 206.835 - 1.015 words a sentence - 84.6 syllables a word (R. Flesch, 1948). Spanish: Fernández
    Huerta, 206.84 - 1.02 words a sentence - 60 syllables a word (J. Fernández Huerta, 1959, as G. Law corrected it).
    """
    language = content.language.split("-")[0]
    if language not in ("en", "es"):
        return None
    sentences = [
        (words, sentence, passage.place)
        for passage in passages(content)
        if passage.is_prose
        for sentence in _sentences(FIELD.sub("Ana", passage.text))
        if (words := WORD.findall(sentence))
    ]
    words = [word for found, _sentence, _place in sentences for word in found]
    if len(words) < LEAST_WORDS:
        return None
    each, syllables = len(words) / len(sentences), sum(syllables_of(word, language) for word in words) / len(words)
    ease = 206.835 - 1.015 * each - 84.6 * syllables if language == "en" else 206.84 - 1.02 * each - 60 * syllables
    longest = sorted(((len(found), sentence, place) for found, sentence, place in sentences), key=lambda row: -row[0])
    return Reading(
        max(0, min(100, round(ease))), len(words), [row for row in longest[:SHOWN] if row[0] >= LONG_SENTENCE]
    )


def _sentences(text):
    return [part.strip() for line in text.split("\n") for part in SENTENCE_ENDS.split(line) if part.strip()]


def syllables_of(word, language):
    """How many syllables a word has. English spelling hides some, so vowels are counted beside the hyphens."""
    word = word.lower()
    if language == "es":
        # Each strong or accented vowel is a syllable's core; weak ones beside each other make one.
        return max(1, sum(len(re.findall("[aeoáéóíú]", run)) or 1 for run in re.findall("[aeiouáéíóúü]+", word)))
    silent = re.search(r"(?:[^aeiouyl]|[aeiouy]l)e$|[^aeiouydt]ed$", word)
    sounded = len(re.findall("[aeiouy]+", word)) - bool(silent)
    return max(1, sounded, len(_hyphens().positions(word)) + 1)


@cache
def _hyphens():
    return pyphen.Pyphen(lang="en_US")


# Whether it takes sides


class Partisan(NamedTuple):
    passage: Passage
    word: str  # as it stands there
    around: str


def partisan(content, listed):
    """Where words of a list (one a line) stand in a content: whole words, in any case, with or without accents (A3)."""
    wanted = sorted({_folded(line) for line in listed.splitlines() if line.strip()}, key=len, reverse=True)
    if not wanted:
        return []
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(_loose, wanted)) + r")(?!\w)")
    found = []
    for passage in passages(content):
        text = FIELD.sub(" ", passage.text)
        folded, back = _folded_with_places(text)
        for hit in pattern.finditer(folded):
            start, end = back[hit.start()], back[hit.end() - 1] + 1
            found.append(Partisan(passage, text[start:end], _around(text, start, end)))
    return found


def _around(text, start, end):
    """What stands between these places, with some whole words before and after."""
    before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
    if start > AROUND:
        before = "… " + before.partition(" ")[2]
    if end + AROUND < len(text):
        after = after.rpartition(" ")[0] + " …"
    return " ".join(f"{before}{text[start:end]}{after}".split())


def _folded(text):
    return " ".join(anyascii(text).casefold().split())


def _loose(words):
    return r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", words)))


def _folded_with_places(text):
    """(the text without accents and case, for each of its characters the place it came from)."""
    plain = {character: anyascii(character).casefold() or " " for character in set(text)}
    back = [place for place, character in enumerate(text) for _letter in plain[character]]
    return "".join(plain[character] for character in text), back
