"""Calendar files for webinars (RFC 5545, RFC 5546; rule W1): a stable UID, a rising SEQUENCE, nobody else's name."""

from datetime import UTC, date
from email.utils import parseaddr
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override
from icalendar import Alarm, Calendar, Event

from campaigns.models import Registration
from coalition.models import Installation

FILE_NAME = "webinar.ics"


def is_cancelled(webinar, registration=None):
    """Whether the file takes the event out of a calendar: nobody meets, or this person does not come."""
    return bool(webinar.cancelled_at or (registration and registration.state == Registration.State.CANCELLED))


def method(webinar, registration=None):
    """PUBLISH puts the event into a calendar or changes it there; CANCEL takes it out (RFC 5546, 3.2)."""
    return "CANCEL" if is_cancelled(webinar, registration) else "PUBLISH"


def calendar_file(webinar, *, language, registration=None):
    """The file as text, in `language`. Only a registered person's own file holds the link to join.

    Its SEQUENCE is the registration's, which is above that of every file this person got before; else the webinar's.
    """
    installation = Installation.get()
    cancelled = is_cancelled(webinar, registration)
    with override(language):
        title = webinar.title.localize(language)
        event = Event()
        event.add("uid", f"{webinar.uid}@{urlsplit(settings.PUBLIC_URL).hostname}")
        event.add("dtstamp", timezone.now().astimezone(UTC))
        event.add("dtstart", webinar.starts_at.astimezone(ZoneInfo(webinar.zone)))
        event.add("dtend", webinar.ends_at.astimezone(ZoneInfo(webinar.zone)))
        event.add("summary", title)
        organizer = installation.email or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
        event.add("organizer", f"mailto:{organizer}", parameters={"CN": installation.name.localize(language)})
        event.add("sequence", registration.sequence if registration else webinar.sequence)
        event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
        words = [webinar.summary.localize(language)] if webinar.summary else []
        if registration and webinar.join_url and not cancelled:
            event.add("location", webinar.join_url)
            words.append(_("Join here: %(link)s") % {"link": webinar.join_url})
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", title)
            alarm.add("trigger", "-PT15M", encode=False)
            event.add_component(alarm)
        else:
            event.add("location", _("Online"))
        if webinar.public_url and (page := webinar.public_url.localize(language)):
            event.add("url", page)
        event.add("description", "\n\n".join(words))
        calendar = Calendar()
        calendar.add("prodid", "-//Coalition//Webinars//EN")
        calendar.add("version", "2.0")
        calendar.add("method", method(webinar, registration))
        calendar.add_component(event)
        # The rules of the zone for the year around it: all of them since 1970 would be most of the file.
        year = webinar.starts_at.year
        calendar.add_missing_timezones(first_date=date(year - 1, 7, 1), last_date=date(year + 1, 7, 1))
        return calendar.to_ical().decode()
