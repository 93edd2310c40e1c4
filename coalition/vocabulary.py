"""The coalition's own words that others choose from: regions, and constituencies. A word is retired, never deleted:
who holds it keeps it, and nobody is offered it any more."""

import tomllib
from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from i18nfield.strings import LazyI18nString

from coalition import audit
from coalition.models import Constituency, fold


@transaction.atomic
def keep(word, *, by=None):
    """Add a region or a constituency, or keep its new name and place. Its slug is made once, and stays."""
    if not word.slug:
        word.slug = _free_slug(word)
    added = word.pk is None
    word.save()
    audit.record(audit.Action.SETTING, word, details={"did": "added" if added else "changed"}, by=by)
    return word


def _free_slug(word):
    longest = type(word)._meta.get_field("slug").max_length
    name = LazyI18nString(getattr(word.name, "data", word.name)).localize("en")
    wanted = slugify(fold(name))[: longest - 4] or "word"
    taken = set(type(word).objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    return next(slug for n in range(1, len(taken) + 2) if (slug := wanted if n == 1 else f"{wanted}-{n}") not in taken)


def usual_constituencies():
    """Communities that many coalitions speak of, as data: [(slug, {language: name})]."""
    file = Path(__file__).parent / "data" / "constituencies.toml"
    rows = tomllib.loads(file.read_text())["constituency"]
    return [(row["slug"], {language: name for language, name in row.items() if language != "slug"}) for row in rows]


@transaction.atomic
def add_usual_constituencies(*, by=None):
    """A start for a coalition that has none yet; pressing twice adds nothing twice. Returns what was added."""
    known = set(Constituency.objects.values_list("slug", flat=True))
    return [
        keep(Constituency(slug=slug, name=names, position=position), by=by)
        for position, (slug, names) in enumerate(usual_constituencies(), 1)
        if slug not in known
    ]


@transaction.atomic
def retire(word, *, by=None):
    """Offer it no more. False where it is retired already."""
    if not type(word).objects.filter(pk=word.pk, retired_at=None).update(retired_at=timezone.now()):
        return False
    audit.record(audit.Action.SETTING, word, details={"did": "retired"}, by=by)
    return True


@transaction.atomic
def offer_again(word, *, by=None):
    """Offer it again. False where it is offered already."""
    if not type(word).objects.filter(pk=word.pk).exclude(retired_at=None).update(retired_at=None):
        return False
    audit.record(audit.Action.SETTING, word, details={"did": "offered again"}, by=by)
    return True
