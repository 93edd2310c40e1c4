"""How two texts of a publication differ, language by language.

Frozen texts never change, so what was found out about two versions is kept in the cache under both digests; a draft is
compared anew each time.
"""

from django.core.cache import cache

from coalition import canonical
from coalition.canonical import Row, Stretch

KEPT_FOR = 7 * 24 * 60 * 60  # seconds
FORM = 1  # of what is kept: raise it with every change of how texts are compared


def between(old, new):
    """What changed from one frozen version to another: {language: [canonical.Stretch]}, every language of the newer."""
    key = f"difference-{FORM}-{old.digest}-{new.digest}"
    kept = cache.get(key)
    if kept is None:
        found = against(old, {text.language: text.canonical for text in new.texts.all()})
        kept = {
            language: [([row.words for row in stretch.rows], stretch.unchanged) for stretch in stretches]
            for language, stretches in found.items()
        }
        cache.set(key, kept, KEPT_FOR)
    return {
        language: [Stretch([Row(words) for words in rows], unchanged) for rows, unchanged in stretches]
        for language, stretches in kept.items()
    }


def against(version, texts):
    """What differs from a frozen version in `{language: canonical text}`: {language: [canonical.Stretch]}."""
    frozen = {text.language: text.canonical for text in version.texts.all()}
    return {language: canonical.changes(frozen.get(language, ""), text) for language, text in sorted(texts.items())}
