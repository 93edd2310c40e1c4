"""Publish: a text is frozen in every language and hashed; an amendment is a new version, and its signers learn of it.

Material: everybody asked is asked again (rule G2). Clerical: signatures stand, and the signers are told.
"""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from coalition import audit, canonical, signing_on
from coalition.languages import join_list, name_in_text
from coalition.models import Publication, Version, VersionText


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


def _complete(publication, texts):
    """Raise ValidationError unless every language of the installation has its text, the authoritative one first."""
    names = dict(settings.LANGUAGES)
    written = {language for language, text in texts.items() if text.title.strip() and text.canonical.strip()}
    if unknown := set(texts) - set(names):
        raise ValueError(f"Not a language of this installation: {', '.join(sorted(unknown))}")
    if publication.authoritative_language not in written:
        raise ValidationError(
            _("Write the text in %(language)s first: it is the authoritative one."),
            code="authoritative",
            params={"language": name_in_text(publication.authoritative_language)},
        )
    if missing := [name_in_text(language) for language in names if language not in written]:
        raise ValidationError(
            _("The text is not complete in %(languages)s. Partners sign the text in every language, or in none."),
            code="language",
            params={"languages": join_list(missing)},
        )


@transaction.atomic
def freeze(publication, texts, *, by, material=True, note=""):
    """Freeze `{language: Text}` as the next version. Raises ValidationError: a language is missing, or nothing changed.

    Two people freezing at once get two numbers, or the second is told that nothing changed. With a round open, a
    material version asks every partner again, and a clerical one is told to those who signed.
    """
    _complete(publication, texts)
    publication = Publication.objects.select_for_update().get(pk=publication.pk)
    current, digest = publication.current_version, digest_of(texts)
    if current and current.digest == digest:
        raise ValidationError(
            _("Nothing changed since version %(number)s."), code="unchanged", params={"number": current.number}
        )
    version = Version.objects.create(
        publication=publication,
        number=current.number + 1 if current else 1,
        digest=digest,
        material=material or current is None,
        note=note.strip(),
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
    audit.record(audit.Action.FREEZE, version, details={"number": version.number, "material": version.material}, by=by)
    if current:
        signing_on.tell_of_amendment(version, by=by)
    return version
