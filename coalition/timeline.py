"""The timeline: verbs note what happened, in every language at once; pages only read."""

from django.conf import settings
from django.utils import timezone
from django.utils.translation import override
from i18nfield.strings import LazyI18nString

from coalition.models import Entry, Organization


def in_all_languages(text, values=None):
    """A gettext text with its values, said in each of the installation's languages."""
    said = {}
    for language, _name in settings.LANGUAGES:
        with override(language):
            said[language] = str(text) % {key: str(value) for key, value in (values or {}).items()}
    return LazyI18nString(said)


def entry(whose, kind, text, values=None, *, link="", by=None, at=None):
    """An unsaved entry, for verbs that write many at once."""
    owner = {"organization": whose} if isinstance(whose, Organization) else {"person": whose}
    return Entry(kind=kind, text=in_all_languages(text, values), link=link, by=by, at=at or timezone.now(), **owner)


def note(whose, kind, text, values=None, *, link="", by=None, at=None):
    """Write one line on the timeline of a person or an organization.

    `text` is lazy gettext with named placeholders, `values` their values; `link` a path in the back office.
    """
    line = entry(whose, kind, text, values, link=link, by=by, at=at)
    line.save()
    return line
