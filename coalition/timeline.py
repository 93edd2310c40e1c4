"""The timeline: verbs note what happened, in every language at once; pages only read."""

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import override
from i18nfield.strings import LazyI18nString

from coalition import copying
from coalition.models import Entry, Organization, Person

# What people do themselves: where no member of the staff did it for them, it is a sign of life.
LIFE = {
    Entry.Kind.JOINED,
    Entry.Kind.CONSENT,
    Entry.Kind.REPLY,
    Entry.Kind.ANSWER,
    Entry.Kind.SIGNATURE,
    Entry.Kind.REGISTRATION,
    Entry.Kind.ATTENDANCE,
}


class Listed:
    """Translatable names for a value of a text, joined only when a language is active."""

    def __init__(self, labels):
        self.labels = labels

    def __str__(self):
        return ", ".join(str(label) for label in self.labels)


class Said:
    """A text with values of its own, for a value of another text."""

    def __init__(self, text, values):
        self.text, self.values = text, values

    def __str__(self):
        return str(self.text) % {key: str(value) for key, value in self.values.items()}


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


def note(whose, kind, text, values=None, *, link="", by=None, at=None, alive=None):
    """Write one line on the timeline of a person or an organization.

    `text` is lazy gettext with named placeholders, `values` their values; `link` a path in the back office. `alive`:
    whether it is a sign of life of the person; else the kind says so, where nobody of the staff did it.
    """
    line = entry(whose, kind, text, values, link=link, by=by, at=at)
    line.save()
    if line.person_id and (alive if alive is not None else kind in LIFE and by is None):
        seen_alive([line.person_id], at=line.at)
    return line


def seen_alive(people, *, at=None):
    """These people (their keys) did something themselves at that moment: "last active" only moves forward."""
    at = at or timezone.now()
    quiet = Q(last_active_at=None) | Q(last_active_at__lt=at)
    return Person.objects.filter(quiet, pk__in=people).update(last_active_at=at)


def note_many(whom, kind, text, values=None, *, link="", by=None):
    """One line each for very many people, by COPY: `whom` is [(person's key, moment)]."""
    if not whom:
        return
    said = Entry._meta.get_field("text").get_prep_value(in_all_languages(text, values))
    author = str(by.pk) if by else copying.NULL
    same = "\t".join([kind, copying.text(said), copying.text(link), author])
    copying.copy(
        Entry,
        ["person", "kind", "text", "link", "by", "at"],
        (f"{person}\t{same}\t{at.isoformat()}\n" for person, at in whom),
    )
