"""The canonical text: what a hash covers, how two texts differ, and nothing of how they look.

**Canonical text.** Unicode NFC; lines end in LF; soft hyphens and zero-width spaces are dropped; every run of spaces
inside a line (no-break ones and tabs too) is one space; no line starts or ends with a space; paragraphs are separated
by exactly one blank line; no blank line at either end. So a text copied from a page or an email meets itself again.

**Digest.** SHA-256 over these bytes, for every language in the order of its code ("en" before "es"):

    code  space  length  LF  text  LF

`code` and `length` in ASCII, `length` the number of bytes of `text` in decimal, `text` the canonical text in UTF-8. The
length makes the layout unambiguous: no text can pretend to be two languages. For en "Hi" and es "Año" the bytes are
`en 2\\nHi\\nes 4\\nAño\\n`.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import zip_longest

from rapidfuzz.distance import Indel

INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
ALIKE_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019\u201a", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    }
)
SPACES = re.compile(r"[^\S\n]+")
SAME, GONE, NEW = "same", "gone", "new"
BREAK = "\n\n"
ALIKE = 0.4  # share of words two paragraphs need in common to be shown as one paragraph that changed
# Beyond these a comparison gets coarser, never slow: a report may be rewritten, and a stranger may paste anything.
PAIRS = 500_000  # pairs of changed paragraphs that are weighed; above it they are matched by their order
CELLS = 25_000_000  # product of two lengths that are matched piece by piece; above it all is gone and all is new
LONG = 400  # words from which a paragraph is compared sentence by sentence first


def canonical_text(text):
    """The one form of a text that is hashed and compared (see the module)."""
    text = unicodedata.normalize("NFC", text.translate(INVISIBLE))
    lines = [SPACES.sub(" ", line).strip() for line in "\n".join(text.splitlines()).split("\n")]
    return re.sub(r"\n{3,}", BREAK, "\n".join(lines)).strip("\n")


def digest(texts):
    """Hex SHA-256 of `{language code: text}`; the exact bytes stand in the module's docstring."""
    hashed = hashlib.sha256()
    for language in sorted(texts):
        body = canonical_text(texts[language]).encode()
        hashed.update(f"{language} {len(body)}\n".encode() + body + b"\n")
    return hashed.hexdigest()


def _bare(text):
    """The letters, digits and signs of a text: no spacing, one kind of quotation mark and of dash, no case."""
    text = unicodedata.normalize("NFKC", canonical_text(text)).translate(ALIKE_SIGNS).casefold()
    return "".join(text.split())


def fingerprint(text):
    """Hex SHA-256 of the words alone: a copy out of an email or a PDF, spaced and quoted otherwise, has the same."""
    return hashlib.sha256(_bare(text).encode()).hexdigest()


def sketch(text, size=96):
    """The smallest hashes of all runs of five words, as signed 64-bit numbers: texts that share much share many.

    A bottom-k sketch (Broder 1997); by it an altered copy finds the version that it was made from.
    """
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())
    runs = {" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set()
    hashes = (int.from_bytes(hashlib.sha256(run.encode()).digest()[:8], "big", signed=True) for run in runs)
    return sorted(hashes)[:size]


class _Words(HTMLParser):
    """Reads the words of HTML: a block is a paragraph, a line break a line; what is drawn (svg) or run is no text."""

    BLOCKS = re.compile(
        "address|article|aside|blockquote|caption|dd|details|div|dl|dt|figcaption|figure|footer|h[1-6]|header|hr|li|main|nav"
        "|ol|p|pre|section|summary|table|tbody|thead|tr|ul"
    )
    SILENT = frozenset(("script", "style", "svg", "template"))

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts, self.silent = [], 0

    def handle_starttag(self, tag, attrs):
        if tag in self.SILENT:
            self.silent += 1
        elif self.BLOCKS.fullmatch(tag):
            self.parts.append(BREAK)
        elif tag == "br":
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_endtag(self, tag):
        if tag in self.SILENT:
            self.silent = max(0, self.silent - 1)
        elif self.BLOCKS.fullmatch(tag):
            self.parts.append(BREAK)

    def handle_data(self, data):
        if not self.silent:
            self.parts.append(re.sub(r"\s+", " ", data))


def text_of(html):
    """The canonical text of an HTML body: its words, block by block."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    return canonical_text("".join(reader.parts))


def _paragraphs(text):
    return [paragraph for paragraph in canonical_text(text).split(BREAK) if paragraph]


def _tokens(text):
    """Words, and line breaks as words of their own."""
    return re.findall(r"\n|[^\s]+", text)


def _joined(tokens):
    return " ".join(tokens).replace(" \n", "\n").replace("\n ", "\n")


def _sentences(tokens):
    """The sentences of a long paragraph, each with its line break or full stop."""
    found = [[]]
    for word in tokens:
        found[-1].append(word)
        if word[-1] in "\n.!?:;":
            found.append([])
    return [" ".join(sentence) for sentence in found if sentence]


def _symbols(*sequences):
    """Each sequence with equal items as equal characters: what is compared fastest."""
    known = {}
    numbered = [[known.setdefault(item, len(known)) for item in sequence] for sequence in sequences]
    if len(known) > 1_000_000:  # more than there are characters
        return numbered
    return ["".join(chr(0xE000 + number) for number in numbers) for numbers in numbered]


def _alike(old, new):
    """How many items two sequences begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _moves(before, after):
    """How a sequence becomes another: [(stayed, i1, i2, j1, j2)], by their longest common subsequence."""
    old, new = _symbols(before, after)
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    if (len(old) - head - tail) * (len(new) - head - tail) > CELLS:
        i, j = len(old) - tail, len(new) - tail
        return [(True, 0, head, 0, head), (False, head, i, head, j), (True, i, len(old), j, len(new))]
    found = []
    for tag, i1, i2, j1, j2 in map(tuple, Indel.opcodes(old, new)):
        if found and found[-1][0] == (tag == "equal"):
            _stayed, i1, _i2, j1, _j2 = found.pop()
        found.append((tag == "equal", i1, i2, j1, j2))
    return found


def _readable(moves):
    """The moves without what stayed by chance: fewer words than changed on either side of them are told as changed."""
    found = []
    for n, (stayed, i1, i2, j1, j2) in enumerate(moves):
        if stayed and found and n + 1 < len(moves):
            sides = (found[-1], moves[n + 1])
            stayed = any(i2 - i1 >= max(b - a, d - c) for _stayed, a, b, c, d in sides)
        if found and not stayed and not found[-1][0]:
            _stayed, i1, _i2, j1, _j2 = found.pop()
        found.append((stayed, i1, i2, j1, j2))
    return found


def _words(old, new):
    """Word by word, as [(kind, words)]: what stayed, what is gone, what is new."""
    before, after, found = _tokens(old), _tokens(new), []
    if max(len(before), len(after)) > LONG:
        earlier, later = _sentences(before), _sentences(after)
        if len(earlier) > 1 or len(later) > 1:
            return _merged(part for row in _rows(earlier, later) for part in row.words)
    for stayed, i1, i2, j1, j2 in _readable(_moves(before, after)):
        if stayed:
            found.append((SAME, _joined(before[i1:i2])))
        else:
            found += [(GONE, _joined(before[i1:i2])), (NEW, _joined(after[j1:j2]))]
    return [(kind, words) for kind, words in found if words]


def _merged(parts):
    """Parts of one kind in a row as one part."""
    found = []
    for kind, words in parts:
        if found and found[-1][0] == kind:
            words = _joined([found.pop()[1], words])
        found.append((kind, words))
    return found


@dataclass(frozen=True)
class Row:
    """A paragraph that was, is, or changed: its words as [(kind, words)]."""

    words: list

    @property
    def before(self):
        return [part for part in self.words if part[0] != NEW]

    @property
    def after(self):
        return [part for part in self.words if part[0] != GONE]

    @property
    def changed(self):
        return any(kind != SAME for kind, _words in self.words)


def _pairs(old, new):
    """Which pieces of a changed stretch belong together, in order: [(old or None, new or None)]."""
    words = [_tokens(piece) for piece in (*old, *new)]
    before, after = sum(map(len, words[: len(old)])), sum(map(len, words[len(old) :]))
    if len(old) * len(new) > PAIRS or before * after > CELLS * 100:
        return list(zip_longest(old, new))
    symbols = _symbols(*words)
    likeness = [
        [Indel.normalized_similarity(a, b, score_cutoff=ALIKE) for b in symbols[len(old) :]]
        for a in symbols[: len(old)]
    ]
    # The pairing with the most likeness, by the usual table of best sums (longest common subsequence, weighted).
    best = [[0.0] * (len(new) + 1) for _row in range(len(old) + 1)]
    for i in reversed(range(len(old))):
        row, below, alike = best[i], best[i + 1], likeness[i]
        for j in reversed(range(len(new))):
            row[j] = max(alike[j] and alike[j] + below[j + 1], below[j], row[j + 1])
    pairs, i, j, gone, fresh = [], 0, 0, [], []
    while i < len(old) and j < len(new):
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            pairs += [*zip_longest(gone, fresh), (old[i], new[j])]
            i, j, gone, fresh = i + 1, j + 1, [], []
        elif best[i][j] == best[i + 1][j]:
            gone.append(old[i])
            i += 1
        else:
            fresh.append(new[j])
            j += 1
    return [*pairs, *zip_longest(gone + old[i:], fresh + new[j:])]


def _changed(was, now):
    """A pair as a row: word by word where the two are alike, else one beside the other."""
    if was and now and Indel.normalized_similarity(*_symbols(_tokens(was), _tokens(now))) >= ALIKE:
        return Row(_words(was, now))
    return Row([(kind, words) for kind, words in ((GONE, was), (NEW, now)) if words])


def _rows(before, after):
    rows = []
    for stayed, i1, i2, j1, j2 in _moves(before, after):
        if stayed:
            rows += [Row([(SAME, piece)]) for piece in before[i1:i2]]
        else:
            rows += [_changed(was, now) for was, now in _pairs(before[i1:i2], after[j1:j2])]
    return rows


def side_by_side(old, new):
    """Two texts as rows of paragraphs, what changed marked word by word.

    A report of 60 pages takes some hundredths of a second; one rewritten from end to end stays below a second.
    """
    return _rows(_paragraphs(old), _paragraphs(new))


def difference(old, new):
    """Two texts word by word as [(kind, words)], kind "same", "gone" or "new"; `BREAK` alone parts the paragraphs."""
    found = []
    for row in side_by_side(old, new):
        if found:
            found.append((SAME if row.before and row.after else GONE if row.before else NEW, BREAK))
        found += row.words
    return found


@dataclass(frozen=True)
class Stretch:
    """A stretch of a comparison: rows that changed, or how many paragraphs in a row did not."""

    rows: list
    unchanged: int = 0


def changes(old, new, around=1):
    """Only what changed, with `around` paragraphs on either side; the rest is counted: a phone can show it."""
    rows = side_by_side(old, new)
    near = {i + step for i, row in enumerate(rows) if row.changed for step in range(-around, around + 1)}
    found = []
    for i, row in enumerate(rows):
        shown = i in near
        if found and bool(found[-1].rows) == shown:
            last = found.pop()
            found.append(Stretch([*last.rows, row]) if shown else Stretch([], last.unchanged + 1))
        else:
            found.append(Stretch([row]) if shown else Stretch([], 1))
    return found
