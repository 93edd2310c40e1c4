"""Cards in an email: a brief, an event or an open round of signatures, said in the language of the letter (rule L1)."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from campaigns.models import Webinar
from coalition.languages import format_when
from coalition.models import Publication, Round, VersionText

NO_PAGE = gettext_lazy("“%(title)s” has no public page in this language.")
OVER = gettext_lazy("“%(title)s” is over or called off.")
CLOSED = gettext_lazy("Nobody can sign “%(title)s” any more.")


@dataclass(frozen=True)
class Card:
    """What a card says. `url`: a whole address, a path of this site, or empty where the language has no page."""

    title: str
    text: str = ""
    when: str = ""
    label: str = ""
    url: str = ""
    record: object = None  # what it shows, where it shows one
    gone: str = ""  # a template with "title": why it leads nowhere (any more)

    @property
    def trouble(self):
        """Why it leads nowhere, in words for the organizer and in their language; empty when nothing is wrong."""
        return self.gone % {"title": self.record} if self.gone else ""


def said(words, language):
    """What a bilingual value says in exactly this language; empty where it says nothing."""
    data = getattr(words, "data", words)
    return (data.get(language) or "") if isinstance(data, dict) else str(data or "")


def of(block, language):
    """The card of a block in a language, or None where nothing was chosen or it is no more. One query or two."""
    with override(language):
        return MAKE[block["type"]](block["value"], language)


def _brief(value, language):
    publication = Publication.objects.filter(pk=value.get("publication")).first()
    if publication is None:
        return None
    text = (
        VersionText.objects.filter(version__publication=publication, language=language)
        .only("title", "summary")
        .order_by("-version__number")
        .first()
    )
    title = text.title if text else said(publication.title, language)
    url = said(publication.public_url, language)
    gone = "" if url and title else NO_PAGE
    return Card(
        title or str(publication),
        text.summary if text else "",
        label=_("Read it"),
        url=url,
        record=publication,
        gone=gone,
    )


def _event(value, language):
    webinar = Webinar.objects.filter(pk=value.get("webinar")).first()
    if webinar is None:
        return None
    title, url = said(webinar.title, language), said(webinar.public_url, language)
    if webinar.cancelled_at or webinar.is_over:
        gone = OVER
    elif not url or not title:
        gone = NO_PAGE
    else:
        gone = ""
    return Card(
        title or str(webinar),
        said(webinar.summary, language),
        when=format_when(webinar.starts_at, webinar.zone, language),
        label=_("Save my place"),
        url=url,
        record=webinar,
        gone=gone,
    )


def _action(value, language):
    own = Card(value.get("title", ""), value.get("text", ""), label=value.get("label", ""), url=value.get("url", ""))
    if not value.get("round"):
        return own if own.title or own.text or own.label else None
    round_ = Round.objects.filter(pk=value["round"]).select_related("publication").first()
    if round_ is None:
        return None
    publication = round_.publication
    title, url = said(publication.title, language), said(publication.public_url, language)
    if not round_.is_open or not round_.individuals:
        gone = CLOSED
    elif not url or not title:
        gone = NO_PAGE
    else:
        gone = ""
    return Card(
        own.title or title or str(publication),
        own.text,
        when=_("Until %(when)s") % {"when": format_when(round_.deadline, round_.zone, language)},
        label=own.label or _("Sign it"),
        url=f"{url}#sign" if url else "",
        record=publication,
        gone=gone,
    )


MAKE = {"brief": _brief, "event": _event, "action": _action}


def briefs():
    """Publications that a card can show, newest first: those that anybody may read."""
    return Publication.objects.public()


def events():
    """Webinars that a card can show, soonest first."""
    return Webinar.objects.upcoming()


def actions():
    """Open rounds in which individuals may sign too, soonest deadline first."""
    return Round.objects.filter(closed_at=None, individuals=True).select_related("publication").order_by("deadline")
