"""The demo's words, read from the TOML files beside this folder, and the moments of its story."""

import tomllib
from datetime import datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from django.utils import timezone

from coalition.models import User, fold

FOLDER = Path(__file__).resolve().parent.parent
STAFF = [
    ("organizer@riverbend.example.org", "Ivelisse", "Rosado", "Organizer"),
    ("editor@riverbend.example.org", "Keisha", "Baptiste-Long", "Editor"),
    ("administrator@riverbend.example.org", "Thaddeus", "Okonjo-Reyes", "Administrator"),
]


def organizer():
    return User.objects.get(email=STAFF[0][0])


def editor():
    return User.objects.get(email=STAFF[1][0])


@cache
def read(name):
    with (FOLDER / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def both(row, field):
    """The English and Spanish of a TOML row as one bilingual value."""
    return {"en": row[f"{field}_en"], "es": row[f"{field}_es"]}


def mailbox(name):
    """The part of an email address before the @, from a name."""
    return ".".join(filter(None, ("".join(filter(str.isalnum, word)) for word in fold(name).split())))


def on_day(days, clock, zone):
    """The moment `clock` ("18:00") strikes in `zone`, so many days from today."""
    day = timezone.now().astimezone(ZoneInfo(zone)).date() + timedelta(days=days)
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone))
