"""Write a text without a page: a draft in every language, kept as it is until somebody freezes it; and what is set for
any publication.

A draft is `{language: {"title", "summary", "html"}}`; a language nobody wrote in is left out.
"""

import hashlib
import json

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from coalition import audit, roll
from coalition.models import Publication

from .cleaning import written
from .freezing import Text, freeze

PARTS = ("title", "summary", "html")
SETTINGS = ("kind", "bill", "authoritative_language", "prints_signers", "disclaimer")
OF_PAGES = ("kind", "bill")  # what a publication that comes from a page takes from there
# What a signature was given on, beside the text: not to be changed behind the back of who signed.
SIGNED = {
    "authoritative_language": _("The authoritative language is part of what partners signed; it cannot change now."),
    "prints_signers": _(
        "Partners signed without knowing that their names would be printed. After a material change they are asked "
        "again, and it can be switched on before."
    ),
}


class Overtaken(Exception):
    """Somebody else changed the draft meanwhile; nothing was stored. `draft` is theirs."""

    def __init__(self, draft):
        super().__init__()
        self.draft = draft


def mark_of(draft):
    """A short mark of a draft, by which a second writer is noticed."""
    return hashlib.sha256(json.dumps(draft, sort_keys=True).encode()).hexdigest()[:16]


def texts_of(publication):
    """The draft as what would be frozen: {language: Text}."""
    return {language: Text.of(**parts) for language, parts in publication.draft.items()}


def _tidy(draft):
    tidied = {}
    for code, _name in settings.LANGUAGES:
        parts = {part: draft.get(code, {}).get(part, "") for part in PARTS}
        parts = {
            "title": " ".join(parts["title"].split()),
            "summary": " ".join(parts["summary"].split()),
            "html": written(parts["html"]),
        }
        if any(parts.values()):
            tidied[code] = parts
    return tidied


def _titled(draft):
    titles = {code: parts["title"] for code, parts in draft.items() if parts["title"]}
    if not titles:
        raise ValidationError({"title": ValidationError(_("Write a title."), code="required")})
    return LazyI18nString(titles)


@transaction.atomic
def add(draft, *, by, topics=(), **values):
    """A publication without a page, and its first draft; `values` are of SETTINGS. Raises ValidationError: no title."""
    draft = _tidy(draft)
    publication = Publication.objects.create(
        stand_alone=True, draft=draft, title=_titled(draft), created_by=by, **_settings(values)
    )
    publication.topics.set(topics)
    audit.record(audit.Action.EDIT, publication, details={"did": "added"}, by=by)
    return publication


@transaction.atomic
def edit(publication, *, by, draft=None, seen=None, topics=None, **values):
    """Keep the draft and the settings of a publication. Returns the names of what changed.

    `seen`: the mark of the draft that the writer started from. Raises Overtaken where it is another one now, and
    ValidationError: no title, or what partners signed under would change. What is frozen stays as it is.
    """
    publication = Publication.objects.select_for_update().get(pk=publication.pk)
    changed = []
    if draft is not None:
        if not publication.stand_alone:
            raise ValueError("The text of this publication is written on its page")
        draft = _tidy(draft)
        if seen is not None and seen != mark_of(publication.draft) and draft != publication.draft:
            raise Overtaken(publication.draft)
        if draft != publication.draft:
            title = _titled(draft)
            if not publication.versions.exists():
                publication.title = title  # frozen, it is called what its newest version is called
            publication.draft = draft
            changed.append("text")
    values = _settings(values)
    if not publication.stand_alone:
        values = {name: value for name, value in values.items() if name not in OF_PAGES}
    differing = {name: value for name, value in values.items() if getattr(publication, name) != value}
    _only_what_may_change(publication, differing)
    for name, value in differing.items():
        setattr(publication, name, value)
    changed += differing
    if topics is not None and {topic.pk for topic in topics} != set(publication.topics.values_list("pk", flat=True)):
        publication.topics.set(topics)
        changed.append("topics")
    if changed:
        publication.save()
        audit.record(audit.Action.EDIT, publication, details={"did": "changed", "fields": sorted(changed)}, by=by)
    return changed


def _settings(values):
    if unknown := set(values) - set(SETTINGS):
        raise TypeError(f"Not set here: {', '.join(sorted(unknown))}")
    return values


def _only_what_may_change(publication, differing):
    """Whoever signed did so knowing which language counts, and that no name of a person is printed (G8)."""
    asked = {name for name in differing if name in SIGNED}
    if "prints_signers" in asked and not differing["prints_signers"]:
        asked.discard("prints_signers")  # fewer names than were agreed to
    version = publication.current_version if asked else None
    if version and roll.of(version).count:
        raise ValidationError({name: ValidationError(SIGNED[name], code="signed") for name in asked})


@transaction.atomic
def freeze_draft(publication, *, by, material=True, note="", seen=None):
    """Freeze the draft of a publication without a page; see `freezing.freeze` for `seen` and what it raises."""
    publication = Publication.objects.select_for_update().get(pk=publication.pk)
    texts = texts_of(publication)
    version = freeze(publication, texts, by=by, material=material, note=note, seen=seen)
    title = LazyI18nString({language: text.title for language, text in texts.items()})
    Publication.objects.filter(pk=publication.pk).update(title=title)
    return version
