"""Verify: which frozen text is this copy of, is it current, and who signed it; or how it differs from what was signed.

A copy is compared letter by letter, whatever its spacing, quotation marks and line ends: a text out of an email or a
PDF meets itself again. An altered one finds the version that it shares most runs of words with. Nothing that comes in
is kept.
"""

import hashlib
import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass, field
from enum import StrEnum

from django.db import connection
from rapidfuzz.distance import Indel

from coalition import canonical
from coalition.models import HandoverPaper, Publication, Version, VersionText
from coalition.reading_copies import words_of

SHARED = 0.15  # of a version's runs of words: from there on a copy is one of it, altered
ASKED_BY = 6000  # runs of a copy that are looked up: a text that holds much else still finds its version
CANDIDATES = 12
WHOLE_AMONG = 6  # of them, the most alike, in which a whole text is looked for
SHORTEST_CODE = 8
CLOSE = 0.2  # shares that lie nearer together than this, a sample of 96 runs cannot tell apart
CLOSE_AMONG = 4  # of those, how many are compared word by word
STARTS = 40  # places where a text may begin inside a copy
GAP = 4_000_000  # words times words that are compared exactly; a larger gap is told as replaced
RUN = 5
LETTERS = 24  # of a copy, below which nothing can be told
# What a list puts before its items, on paper and on a page; it is no part of the text.
BULLETS = "\u2022\u25e6\u25aa\u25ab\u2023\u2043\u25cf\u25cb\u00b7"
NO_BULLETS = dict.fromkeys(map(ord, BULLETS))
MARK = re.compile(r"(?:\d{1,3}|[a-z])[.)]")
BAR = re.compile(r"</span>(?=\s*<(?:svg|b)\b)")  # of a chart: its label and its number are two words
TABLE = re.compile(r"<details>(\s*<summary>.*?</summary>)?.*?</details>", re.DOTALL)  # behind a chart


class Kind(StrEnum):
    SAME = "same"  # the canonical text, letter by letter
    WORDS = "words"  # the same words, spaced or quoted otherwise
    INSIDE = "inside"  # the whole text, among other words
    FILE = "file"  # byte for byte a paper that was handed over
    CODE = "code"  # the code of a version
    SEVERAL = "several"  # a code that begins more than one
    ALTERED = "altered"
    UNKNOWN = "unknown"
    SHORT = "short"  # too little to tell


@dataclass
class Answer:
    kind: Kind
    version: Version | None = None
    language: str = ""
    also: list = field(default_factory=list)  # other versions that read the same in this language
    missing: list = field(default_factory=list)  # of "title", "summary": parts that were not in the copy
    differences: list = field(default_factory=list)  # [{language, stretches}], from what was signed to the copy
    handover: object = None
    candidates: list = field(default_factory=list)

    @property
    def also_numbers(self):
        return [version.number for version in self.also]


# By its code


def by_code(code):
    """The version whose digest begins so. Spaces and case do not count; fewer than eight digits name nothing."""
    digits = re.sub(r"[\s:·-]", "", code).lower()
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST_CODE},64}}", digits):
        return Answer(Kind.UNKNOWN)
    found = list(
        Version.objects.filter(digest__startswith=digits)
        .select_related("publication")
        .order_by("-frozen_at")[:CANDIDATES]
    )
    if len(found) == 1:
        return Answer(Kind.CODE, found[0])
    return Answer(Kind.SEVERAL, candidates=found) if found else Answer(Kind.UNKNOWN)


# By its bytes, then by its words


def by_file(data):
    """What a file (bytes) is: a paper as it was handed over, else a copy by its words. Raises Unreadable."""
    paper = (
        HandoverPaper.objects.filter(digest=hashlib.sha256(data).hexdigest())
        .select_related("handover__version__publication")
        .order_by("pk")
        .first()
    )
    if paper:
        return Answer(Kind.FILE, paper.handover.version, paper.language, handover=paper.handover)
    return by_text(words_of(data))


def by_text(text):
    """What a pasted text is a copy of."""
    text = text.replace("\x00", "")
    if sum(letter.isalnum() for letter in text) < LETTERS:
        return Answer(Kind.SHORT)
    return _whole(text) or _among(text)


def _whole(text):
    """The version whose text this is in one language, and nothing else."""
    found = list(
        VersionText.objects.filter(fingerprint=canonical.fingerprint(text))
        .select_related("version__publication")
        .order_by("-version__number", "-pk")
    )
    if not found:
        return None
    same = [each for each in found if each.canonical == canonical.canonical_text(text)]
    first = (same or found)[0]
    also = [
        each.version
        for each in found
        if each.version.publication_id == first.version.publication_id and each.pk != first.pk
    ]
    return Answer(Kind.SAME if same else Kind.WORDS, first.version, first.language, also=also)


LIKE = """
SELECT t.id, count(*)::float / cardinality(t.sketch)
FROM coalition_versiontext t CROSS JOIN LATERAL unnest(t.sketch) AS run
WHERE t.sketch && %(runs)s AND run = ANY(%(runs)s)
GROUP BY t.id ORDER BY 2 DESC, t.id DESC LIMIT %(most)s
"""


def _alike(text):
    """[(VersionText, share of its runs of words that the copy has)], the most alike first, by the sketches' index."""
    runs = canonical.sketch(text, size=ASKED_BY)
    if not runs:
        return []
    with connection.cursor() as cursor:
        cursor.execute(LIKE, {"runs": runs, "most": CANDIDATES})
        likeness = dict(cursor.fetchall())
    found = VersionText.objects.filter(pk__in=likeness).select_related("version__publication")
    return sorted(((each, likeness[each.pk]) for each in found), key=lambda pair: (-pair[1], -pair[0].version.number))


def _among(text):
    """A text inside other words, else the nearest one and how the copy differs from it."""
    alike, copy = _alike(text), _bare(text)
    for each, missing in sorted(_inside(alike, copy), key=lambda row: (len(row[1]), -row[0].version.number)):
        whole = any(copy == _bare(_joined(each, body)) for body in _bodies(each))
        kind = Kind.WORDS if whole else Kind.INSIDE
        return Answer(kind, each.version, each.language, missing=missing)
    # What is not public is not shown to whoever guesses at it.
    public = set(
        Publication.objects.public()
        .filter(pk__in=[each.version.publication_id for each, _share in alike])
        .values_list("pk", flat=True)
    )
    near = [pair for pair in alike if pair[1] >= SHARED and pair[0].version.publication_id in public]
    if not near:
        return Answer(Kind.UNKNOWN)
    best, read = _nearest([each for each, share in near[:CLOSE_AMONG] if share > near[0][1] - CLOSE], text)
    differences = [{"language": best.language, "stretches": canonical.changes(read, reflowed(read, text))}]
    return Answer(Kind.ALTERED, best.version, best.language, differences=differences)


def _nearest(texts, copy):
    """The frozen text that a copy follows best, word by word, and in which of its forms; of equal ones the newest."""
    forms = [(each, _joined(each, body)) for each in texts for body in _bodies(each)]
    return max(forms, key=lambda pair: (_shared(pair[1], copy), pair[0].version.number))


def _inside(alike, copy):
    """[(VersionText, the parts that are missing)] of those whose body stands whole in a copy (bare)."""
    for each, share in alike[:WHOLE_AMONG]:
        if share >= SHARED and any(_place(body, copy) is not None for body in _bodies(each)):
            yield each, [name for name, part in _heads(each) if _place(part, copy) is None]


def _heads(text):
    parts = (("title", text.title), ("summary", text.summary))
    return [(name, part) for name, part in parts if canonical.canonical_text(part)]


def _bodies(text):
    """The body of a frozen text in the ways it is met: as it was hashed, and as it is shown, where a table may be
    folded away (a page), left out (a paper) or open.
    """
    hashed = canonical.canonical_text(text.canonical)
    for _name, part in _heads(text):
        hashed = hashed.removeprefix(canonical.canonical_text(part)).lstrip("\n")
    html = BAR.sub("</span> ", text.html)
    pages = dict.fromkeys([TABLE.sub(r"\1", html), TABLE.sub("", html), html])
    bodies = dict.fromkeys([hashed, *map(canonical.text_of, pages)])
    return [body for body in bodies if body] or [text.title]


def _joined(text, body):
    return canonical.BREAK.join([*(part for _name, part in _heads(text)), body])


def _shared(form, copy):
    """How well a copy follows one form of a text: words that it shares less words that it lacks."""
    words = _one_form(form).split()
    return 2 * len(_aligned(words, _one_form(copy).split())) - len(words)


def _bare(text):
    """Letters, digits and signs in one form, without spacing and bullets: as `canonical.fingerprint` sees a text."""
    return "".join(_one_form(canonical.canonical_text(text)).translate(NO_BULLETS).split())


def _one_form(words):
    return unicodedata.normalize("NFKC", words).translate(canonical.ALIKE_SIGNS).casefold()


def _place(part, copy):
    """Where a part stands whole in a copy (bare), or None: line after line, at most the mark of a list between them."""
    lines = [line for line in map(_bare, part.split("\n")) if line]
    start = copy.find(lines[0])
    for _try in range(STARTS):
        if start < 0:
            return None
        at = start + len(lines[0])
        for line in lines[1:]:
            if not copy.startswith(line, at):
                mark = MARK.match(copy, at)
                if mark is None or not copy.startswith(line, mark.end()):
                    break
                at = mark.end()
            at += len(line)
        else:
            return start
        start = copy.find(lines[0], start + 1)
    return None


# How an altered copy differs


def reflowed(frozen, copy):
    """A copy in the paragraphs of the frozen text, and in its spelling where only quotes, dashes or case differ.

    Copies out of a PDF have no paragraphs left; what stands before and after the text is left out.
    """
    was = _words_and_breaks(frozen)
    now = [word for word in copy.split() if word.strip(BULLETS)]
    pairs = _aligned([_one_form(word) for word, _break in was], [_one_form(word) for word in now])
    if not pairs:
        return copy
    first, last = pairs[0], pairs[-1]
    # A changed beginning or end is shown as far as it replaces something; a cover letter is not.
    begin = max(0, first[1] - (first[0] + RUN)) if first[0] else first[1]
    left = len(was) - 1 - last[0]
    end = min(len(now), last[1] + 1 + left + RUN) if left else last[1] + 1
    parts, i, j = [], 0, begin
    for at, there in [*pairs, (len(was), end)]:
        skipped = [gap for _word, gap in was[i : at + 1] if "\n" in gap]
        fresh = now[j:there]
        if skipped and fresh and MARK.fullmatch(fresh[0].lower()):
            fresh = fresh[1:]  # the mark of a list
        gap = max(skipped, key=len) if skipped else " "
        if fresh:
            # New words go on in the paragraph they stand in; a break that follows stays before what comes next.
            parts += [" ", " ".join(fresh)]
        if at < len(was):
            parts += [gap, was[at][0]]
        i, j = at + 1, there + 1
    return canonical.canonical_text("".join(parts))


def _words_and_breaks(text):
    """[(word, the white space before it)]."""
    return [(word, gap) for gap, word in re.findall(r"(\s*)(\S+)", canonical.canonical_text(text))]


def _aligned(old, new):
    """The words that two texts share, in order: [(place in old, place in new)].

    First by runs that stand once in both (patience), which takes a report of 60 pages apart into small gaps; then, gap
    by gap, by the longest common subsequence.
    """
    anchors = _in_order(_once(old, new))
    pairs, i, j = [], 0, 0
    for a, b in [*anchors, (len(old), len(new))]:
        if a < i or b < j:
            continue
        pairs += [(i + x, j + y) for x, y in _common(old[i:a], new[j:b])]
        end = 0
        while a + end < len(old) and b + end < len(new) and old[a + end] == new[b + end]:
            pairs.append((a + end, b + end))
            end += 1
        i, j = a + end, b + end
    return pairs


def _once(old, new):
    """[(place in old, place in new)] of the runs of words that stand exactly once in each."""

    def places(words):
        found = {}
        for n in range(len(words) - RUN + 1):
            run = tuple(words[n : n + RUN])
            found[run] = -1 if run in found else n
        return found

    here, there = places(old), places(new)
    return [(n, there[run]) for run, n in here.items() if n >= 0 and there.get(run, -1) >= 0]


def _in_order(pairs):
    """The longest row of pairs that rises in both texts."""
    ends, tails, before = [], [], {}
    for n, (_a, b) in enumerate(pairs):
        place = bisect_left(ends, b)
        before[n] = tails[place - 1] if place else None
        if place == len(ends):
            ends.append(b)
            tails.append(n)
        else:
            ends[place], tails[place] = b, n
    row, n = [], tails[-1] if tails else None
    while n is not None:
        row.append(pairs[n])
        n = before[n]
    return row[::-1]


def _common(old, new):
    if not old or not new or len(old) * len(new) > GAP:
        return []
    return [
        (i1 + n, j1 + n)
        for tag, i1, i2, j1, _j2 in map(tuple, Indel.opcodes(old, new))
        if tag == "equal"
        for n in range(i2 - i1)
    ]
