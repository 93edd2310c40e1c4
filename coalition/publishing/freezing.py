"""Freeze: every language or none, hashed, numbered; who signed what was there before learns of it (rule G2)."""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from coalition import audit, canonical, roll, signing_on, timeline
from coalition.languages import join_list, name_in_text
from coalition.models import Entry, Publication, Version, VersionText

FELL_AWAY = _("The signature under “%(title)s” does not carry over to version %(number)s, which changes what it says")
LONGEST_TITLE = VersionText._meta.get_field("title").max_length


@dataclass(frozen=True)
class Text:
    """One language of a text to freeze. `html` is cleaned already; `canonical` is what the hash covers."""

    title: str
    summary: str
    html: str
    canonical: str

    @classmethod
    def of(cls, title, summary, html):
        """A text whose canonical form is read from what it shows: title, summary, body."""
        return cls(title, summary, html, canonical.BREAK.join([title, summary, canonical.text_of(html)]))


def digest_of(texts):
    """The hex SHA-256 that `{language: Text}` would be frozen under."""
    return canonical.digest({language: text.canonical for language, text in texts.items()})


def unfinished(texts, source):
    """The languages without a whole text of their own: none, one without title or words, or a mere copy of `source`."""
    first = texts.get(source)

    def whole(code):
        text = texts.get(code)
        if text is None or not (text.title.strip() and text.html.strip() and text.canonical.strip()):
            return False
        return code == source or first is None or text.canonical != first.canonical

    return [code for code, _name in settings.LANGUAGES if not whole(code)]


def _complete(publication, texts):
    """Raise ValidationError unless every language of the installation has its text, the authoritative one first."""
    if unknown := set(texts) - set(dict(settings.LANGUAGES)):
        raise ValueError(f"Not a language of this installation: {', '.join(sorted(unknown))}")
    missing = unfinished(texts, publication.authoritative_language)
    if publication.authoritative_language in missing:
        raise ValidationError(
            _("Write the text in %(language)s first: it is the authoritative one."),
            code="authoritative",
            params={"language": name_in_text(publication.authoritative_language)},
        )
    if missing:
        raise ValidationError(
            _("The text is not complete in %(languages)s. Partners sign the text in every language, or in none."),
            code="language",
            params={"languages": join_list(name_in_text(language) for language in missing)},
        )
    if any(len(text.title) > LONGEST_TITLE for text in texts.values()):
        raise ValidationError(
            _("The title is too long: %(number)s characters at most."), code="title", params={"number": LONGEST_TITLE}
        )


def _as_seen(current, digest, seen):
    """Raise ValidationError where somebody froze or changed the text since it was looked at."""
    number, looked_at = seen
    if number != (current.number if current else 0):
        raise ValidationError(
            _("Somebody else froze version %(number)s meanwhile. Read what differs from it, then decide again."),
            code="overtaken",
            params={"number": current.number},
        )
    if looked_at != digest:
        raise ValidationError(
            _("The text changed while you were reading. Read it again before you freeze it."), code="changed"
        )


@transaction.atomic
def freeze(publication, texts, *, by, material=True, note="", seen=None):
    """Freeze `{language: Text}` as the next version. Raises ValidationError: a language is missing, or nothing changed.

    `seen`: (number of the newest version or 0, digest) as they were when somebody judged the change; where either is
    another one now, nothing is frozen. Without it two people freezing at once get two numbers, or the second is told
    that nothing changed. `note`: what changed, a string or {language: string}. A material version asks every signer
    again, a clerical one is told to them (G2).
    """
    _complete(publication, texts)
    publication = Publication.objects.select_for_update().get(pk=publication.pk)
    current, digest = publication.current_version, digest_of(texts)
    if seen is not None:
        _as_seen(current, digest, seen)
    if current and current.digest == digest:
        raise ValidationError(
            _("Nothing changed since version %(number)s."), code="unchanged", params={"number": current.number}
        )
    version = Version.objects.create(
        publication=publication,
        number=current.number + 1 if current else 1,
        digest=digest,
        material=material or current is None,
        note=LazyI18nString(note),
        frozen_by=by,
    )
    VersionText.objects.bulk_create(
        VersionText(
            version=version,
            language=language,
            title=text.title,
            summary=text.summary,
            html=text.html,
            canonical=canonical.canonical_text(text.canonical),
            fingerprint=canonical.fingerprint(text.canonical),
            sketch=canonical.sketch(text.canonical),
        )
        for language, text in sorted(texts.items())
    )
    details = {"number": version.number, "material": version.material}
    if current and version.material:
        details["fell_away"] = _fall_away(current, version, by)
    audit.record(audit.Action.FREEZE, publication, details=details, by=by)
    if current:
        signing_on.tell_of_amendment(version, by=by)
    return version


def _fall_away(before, version, by):
    """A line for each organization whose signature ends with the text before. Returns how many there are."""
    publication = version.publication
    link = reverse("publications:inspect", args=[publication.pk])
    said = {"title": publication.title, "number": version.number}
    lines = [
        timeline.entry(line.organization, Entry.Kind.SIGNATURE, FELL_AWAY, said, link=link, by=by)
        for line in roll.of(before).lines
    ]
    Entry.objects.bulk_create(lines)
    return len(lines)
